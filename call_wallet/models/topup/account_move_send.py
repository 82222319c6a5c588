from odoo import api, models


class AccountMoveSend(models.AbstractModel):
    """Where the invoices and credit notes of top-ups are mailed."""

    _inherit = "account.move.send"

    @api.model
    def _get_default_mail_partner_ids(self, move, mail_template, mail_lang):
        """Odoo's hook; a top-up's documents go to the billing e-mail of its wallet, where it has one of its own."""
        partners = super()._get_default_mail_partner_ids(move, mail_template, mail_lang)
        wallet = (move | move.reversed_entry_id).sudo().call_wallet_topup_ids.wallet_id
        return wallet._billing_contact() if wallet.billing_email else partners
