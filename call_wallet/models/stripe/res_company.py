from odoo import api, fields, models
from odoo.exceptions import ValidationError

TAX_ACCOUNT, REVERSE_CHARGE = "call_wallet_fee_tax_account_id", "call_wallet_fee_tax_id"


class ResCompanyStripe(models.Model):
    _inherit = "res.company"

    call_wallet_book_fees = fields.Boolean(
        "Enter Stripe's fees and payouts",
        default=True,
        help="Stripe's fee is entered with the payment, and payouts are matched with the bank's line. Off: nothing of "
        "it is entered by itself.",
    )
    call_wallet_fee_tax_account_id = fields.Many2one(
        "account.account",
        "Tax on Stripe's fees",
        check_company=True,
        help="Where Stripe charges tax on its fee, that part is booked here. Empty: it is a part of the fee.",
    )
    call_wallet_fee_tax_id = fields.Many2one(
        "account.tax",
        "Reverse charge on Stripe's fees",
        check_company=True,
        domain=[("type_tax_use", "=", "purchase")],
        help="A purchase tax whose parts cancel out. It is put on fees on which Stripe has charged no tax, because the "
        "company owes it in its own country.",
    )

    @api.constrains(TAX_ACCOUNT, REVERSE_CHARGE)
    def _check_call_wallet_fee_taxes(self):
        for company in self.sudo():
            for name in (TAX_ACCOUNT, REVERSE_CHARGE):
                company._call_wallet_refuse_foreign(name)
            tax = company[REVERSE_CHARGE]
            parts = tax.invoice_repartition_line_ids.filtered(lambda part: part.repartition_type == "tax")
            if tax and (tax.type_tax_use != "purchase" or sum(parts.mapped("factor_percent"))):
                raise ValidationError(
                    self.env._(
                        "Reverse charge on Stripe's fees: choose a purchase tax whose parts cancel out. %s would have "
                        "to be paid to Stripe.",
                        tax.name,
                    )
                )

    def _call_wallet_fee_tax_account(self):
        """Return the account for tax that Stripe charges; a branch without a choice has its parent's."""
        return self.sudo()._call_wallet_nearest(TAX_ACCOUNT)

    def _call_wallet_fee_tax(self):
        """Return the tax that the company itself owes on Stripe's fees; a branch without a choice has its parent's."""
        return self.sudo()._call_wallet_nearest(REVERSE_CHARGE)
