from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import formatLang

from ...tools.fields import Amount
from ...tools.money import nearest_round


class CallWalletPackage(models.Model):
    """An amount to choose from in the Add Balance dialog, in its currency, net of tax.

    The first wallet in a currency that has none brings round amounts near to those of the company's currency, else of
    the dollar, at that day's rate. From then on they are finance's to change, like all others.
    """

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

    @api.model
    def _ensure(self, company, currency):
        """Propose amounts in a currency that has none, not even archived ones.

        :raise UserError: there is no rate of the currency
        """
        packages = self.sudo().with_context(active_test=False)
        if packages.search_count([("currency_id", "=", currency.id)], limit=1):
            return
        amounts = {}
        for package in self._examples(company):
            worth = company._call_wallet_convert(package.amount, currency, own=package.currency_id)
            amount = nearest_round(worth, currency)
            amounts[amount] = amounts.get(amount, False) or package.is_recommended
        problem = self.env["payment.provider"]._call_wallet_package_problem
        packages.create(
            [
                {"amount": amount, "currency_id": currency.id, "is_recommended": is_recommended}
                for amount, is_recommended in sorted(amounts.items())
                if not problem(amount, currency)
            ]
        )

    def _examples(self, company):
        """Return the packages in the company's currency; where there are none, those in dollars with a known worth."""
        dollar = self.env.ref("base.USD", raise_if_not_found=False)
        own = company.sudo().currency_id
        for currency in filter(None, (own, dollar)):
            packages = self.sudo().search([("currency_id", "=", currency.id)])
            if packages and company._call_wallet_has_rate(currency):
                return packages
        return self.browse()

    @api.depends("amount", "currency_id", "is_recommended")
    def _compute_display_name(self):
        for package in self:
            label = formatLang(self.env, float(package.amount), currency_obj=package.currency_id)
            if package.is_recommended:
                label = self.env._("%s (recommended)", label)
            package.display_name = label
