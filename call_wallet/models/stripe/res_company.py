from odoo import fields, models


class ResCompanyStripe(models.Model):
    _inherit = "res.company"

    call_wallet_book_fees = fields.Boolean(
        "Enter Stripe's fees and payouts",
        default=True,
        help="Stripe's fee is entered with the payment, and payouts are matched with the bank's line. Off: nothing of "
        "it is entered by itself.",
    )
