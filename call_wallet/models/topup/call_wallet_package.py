from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import formatLang

from ...tools.fields import Amount


class CallWalletPackage(models.Model):
    """An amount to choose from in the Add Balance dialog, in its currency, net of tax."""

    _name = "call.wallet.package"
    _description = "Call Wallet Package"
    _order = "currency_id, sequence, amount"

    amount = Amount(required=True, aggregator=None)
    currency_id = fields.Many2one(
        "res.currency",
        required=True,
        ondelete="restrict",
        default=lambda self: self.env["call.wallet"]._default_currency(),
    )
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    is_recommended = fields.Boolean("Recommended")

    _amount_positive = models.Constraint(
        "CHECK(amount > 0 AND amount <= 9000000000)", "Amount: use more than zero, and 9 billion at most."
    )
    _amount_unique = models.UniqueIndex("(currency_id, amount)", "This package exists already.")

    @api.constrains("amount", "currency_id")
    def _check_chargeable(self):
        """Refuse a package that no card can be charged for, where Stripe takes top-ups.

        :raise ValidationError: says which amounts to use
        """
        providers = self.env["payment.provider"]
        for package in self:
            problem = providers._call_wallet_package_problem(package.amount, package.currency_id)
            if problem:
                raise ValidationError(problem)

    @api.depends("amount", "currency_id", "is_recommended")
    def _compute_display_name(self):
        for package in self:
            label = formatLang(self.env, float(package.amount), currency_obj=package.currency_id)
            if package.is_recommended:
                label = self.env._("%s (recommended)", label)
            package.display_name = label
