from odoo import models

from ...tools.mail_text import plain_text


class MailMail(models.Model):
    """Mails about wallets: their text, and those that Odoo could not send; nobody looks into the queue for these."""

    _inherit = "mail.mail"

    def _postprocess_sent_message(self, success_pids, success_emails, failure_reason=False, failure_type=None):
        """Odoo's hook, after each attempt to send; mails that came to nothing are deleted by it in some cases."""
        # Each as it is now: the address and the reason.
        told = []
        for mail in self:
            if wallets := mail._call_wallet_wallets():
                why = failure_reason or mail.failure_reason or failure_type
                told.append((wallets, mail.model, mail.res_id, mail._call_wallet_addressees(success_pids), why))
        result = super()._postprocess_sent_message(
            success_pids, success_emails, failure_reason=failure_reason, failure_type=failure_type
        )
        for wallets, model, res_id, addresses, why in told:
            wallets._note_sent(model, res_id, addresses, why if failure_type else None, failure_type)
        return result

    def _prepare_outgoing_list(self, mail_server=False, doc_to_followers=None):
        """Odoo's hook for what is sent; the text of mails about wallets says what their page says."""
        results = super()._prepare_outgoing_list(mail_server=mail_server, doc_to_followers=doc_to_followers)
        if self._call_wallet_wallets():
            for result in results:
                result["body_alternative"] = plain_text(result["body"])
        return results

    def _call_wallet_wallets(self):
        """Return the wallets that the mail is about; none, for most mails of a database."""
        nothing = self.env["call.wallet"].sudo()
        if not self.res_id or self.model not in (
            "account.move",
            "call.wallet",
            "call.wallet.alert",
            "call.wallet.topup",
        ):
            return nothing
        record = self.env[self.model].sudo().browse(self.res_id).exists()
        if self.model == "account.move":
            return record.call_wallet_topup_ids.wallet_id
        return record if self.model == "call.wallet" else record.wallet_id

    def _call_wallet_addressees(self, success_pids):
        """Return the addresses that got nothing."""
        missed = self.recipient_ids.filtered(lambda partner: partner not in success_pids)
        return [*filter(None, [self.email_to]), *(partner.email or partner.name for partner in missed)]
