from odoo import api, models
from odoo.tools import email_normalize


class MailThread(models.AbstractModel):
    """Mails that come back."""

    _inherit = "mail.thread"

    @api.model
    def _routing_handle_bounce(self, email_message, message_dict):
        """Odoo's hook for a mail server's answer that an address takes no mail.

        Mails to recipients are deleted once they are sent, so Odoo finds no document; the address leads to the wallets.
        """
        result = super()._routing_handle_bounce(email_message, message_dict)
        if email := email_normalize(message_dict.get("bounced_email")):
            self.env["call.wallet.recipient"].sudo()._tell_bounce(email)
        return result
