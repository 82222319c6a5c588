from odoo import fields, models


class ResPartnerDebits(models.Model):
    _inherit = "res.partner"

    call_wallet_no_debits = fields.Boolean(
        "No Direct Debits",
        groups="account.group_account_invoice",
        help="A direct debit was returned by the customer's bank: this way of paying is not offered any more.",
    )
