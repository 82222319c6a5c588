from odoo import api, models


class AccountMoveSend(models.AbstractModel):
    """Where the invoices and credit notes of top-ups are mailed, and who is told where that fails."""

    _inherit = "account.move.send"

    @api.model
    def _get_default_mail_partner_ids(self, move, mail_template, mail_lang):
        """Odoo's hook; a top-up's documents go to the billing e-mail of its wallet, where it has one of its own."""
        partners = super()._get_default_mail_partner_ids(move, mail_template, mail_lang)
        wallet = (move | move.reversed_entry_id).sudo().call_wallet_topup_ids.wallet_id
        return wallet._billing_contact() if wallet.billing_email else partners

    @api.model
    def _hook_if_errors(self, moves_data, allow_raising=True):
        """Odoo's hook for documents that could not be made; of top-ups' invoices in the background, finance is told."""
        result = super()._hook_if_errors(moves_data, allow_raising=allow_raising)
        for move, data in moves_data.items():
            if move.call_wallet_topup_ids:
                move._call_wallet_tell_not_mailed(self._format_error_text(data["error"]))
        return result

    @api.model
    def _hook_if_success(self, moves_data, from_cron=False):
        """Odoo's hook for documents that were made; it passes over those that nobody has an address for."""
        result = super()._hook_if_success(moves_data, from_cron=from_cron)
        for move, data in moves_data.items():
            is_for_mail = "email" in self._get_default_sending_methods(move) and not data.get("mail_partner_ids")
            if from_cron and is_for_mail and move.call_wallet_topup_ids:
                kept = move.call_wallet_topup_ids.wallet_id._for_finance()
                move._call_wallet_tell_not_mailed(kept.env._("The customer has no e-mail address."))
        return result
