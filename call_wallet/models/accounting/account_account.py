from odoo import api, models

from .res_company import TYPES


class AccountAccount(models.Model):
    _inherit = "account.account"

    @api.constrains("account_type")
    def _check_call_wallet_type(self):
        """Keep the type of an account that call wallets are booked to one that they can be booked to.

        :raise ValidationError: as when it is chosen in the settings
        """
        companies = self.env["res.company"].sudo()
        for name in TYPES:
            companies |= companies.search([(name, "in", self.ids)])
        companies._check_call_wallet_accounts()
