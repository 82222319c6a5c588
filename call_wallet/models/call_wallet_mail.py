from odoo import models


class CallWalletMail(models.Model):
    """How a wallet's recipients are written to, each in their language."""

    _inherit = "call.wallet"

    def _mail_recipients(self, template, res_id=None, attachment=None, emails=None, **context):
        """Queue a mail to the notification recipients, one a language.

        :param str template: name of a mail template of this addon, about ``res_id`` (this wallet by default)
        :param attachment: called with the wallet in the recipients' language; returns ``(name, bytes)`` or None
        :param emails: whom to write to instead
        :param context: what the template reads from ``ctx``
        :return: the addresses
        """
        self.ensure_one()
        emails = self.recipient_ids.mapped("email") if emails is None else emails
        for lang, addresses in self._by_language(emails).items():
            values = {"email_to": ", ".join(addresses), "recipient_ids": []}
            if attachment:
                values["attachment_ids"] = self._mail_attachment(attachment(self.with_context(lang=lang)))
            self.env.ref(f"call_wallet.{template}").with_context(alert_lang=lang, tz=self.tz, **context).send_mail(
                res_id or self.id, email_values=values, email_layout_xmlid="mail.mail_notification_layout"
            )
        if emails:
            # Delivery is the mail queue's business: a slow mail server must not hold up a caller.
            self.env.ref("mail.ir_cron_mail_scheduler_action")._trigger()
        return emails

    def _mail_attachment(self, file):
        if not file:
            return []
        name, content = file
        # Belongs to the mail alone, and goes with it.
        return self.env["ir.attachment"].create({"name": name, "raw": content, "res_model": "mail.mail"}).ids

    def _by_language(self, emails):
        """Return {language code: addresses}; a known contact's language, else the customer's."""
        customer = self.partner_id
        contacts = self.env["res.partner"].search([("email_normalized", "in", emails)])
        # The customer's own contact wins over a namesake elsewhere.
        contacts = contacts.sorted(lambda contact: contact.commercial_partner_id == customer.commercial_partner_id)
        langs = {contact.email_normalized: contact._call_wallet_lang() for contact in contacts if contact.lang}
        groups = {}
        for email in emails:
            groups.setdefault(langs.get(email) or customer._call_wallet_lang() or "en_US", []).append(email)
        return groups
