from odoo import fields, models

DEPOSIT_ACCOUNT = "call_wallet_deposit_account_id"


class ResCompanyDeposits(models.Model):
    """The accounts on which a company's deposits are, or were.

    When another account is chosen, what stands on the former one still is the customers'
    money until somebody moves it over; the reconciliation goes on counting it.
    """

    _inherit = "res.company"

    call_wallet_former_deposit_account_ids = fields.Many2many(
        "account.account", "call_wallet_former_deposit_rel", "company_id", "account_id", "Former deposit accounts"
    )

    def _call_wallet_keep_former_deposits(self, vals):
        """Note the deposit account that a write replaces: customers' money stands on it until it is moved."""
        if DEPOSIT_ACCOUNT not in vals:
            return
        for company in self.sudo():
            former = company[DEPOSIT_ACCOUNT]
            if former and former.id != vals[DEPOSIT_ACCOUNT]:
                company.call_wallet_former_deposit_account_ids += former

    def _call_wallet_deposit_accounts(self):
        """Return the deposit accounts of the company and of those above it, former ones included."""
        self.ensure_one()
        companies = self.sudo().parent_ids | self
        return companies[DEPOSIT_ACCOUNT] | companies.call_wallet_former_deposit_account_ids
