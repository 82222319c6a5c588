from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ...tools.fields import Amount

FAR, SMALLEST = 3, Decimal("0.000001")


class CallWalletPrice(models.Model):
    """What WhatsApp calls cost in a currency that is not the company's, where no rate plan prices them.

    The company's own price stands in its settings. When the first wallet in another currency is made, that price is
    converted once, at the day's rate of exchange, and stays: a call's price does not move with the rates. It is
    converted again when finance changes the company's price; a price that finance has typed in here stands by itself.
    Prices are a minute's, in the price's currency, 6 places. A wallet without a price here is sold no WhatsApp calls:
    they are refused, and those that took place are kept among the rejected ones.
    """

    _name = "call.wallet.price"
    _description = "WhatsApp Price in a Currency"
    _order = "company_id, currency_id"
    _rec_name = "currency_id"

    company_id = fields.Many2one(
        "res.company", required=True, ondelete="cascade", readonly=True, default=lambda self: self.env.company
    )
    currency_id = fields.Many2one("res.currency", required=True, ondelete="restrict")
    whatsapp_rate = Amount(
        "WhatsApp price per minute",
        required=True,
        aggregator=None,
        help="Applies to WhatsApp calls anywhere, unless the wallet's rate plan prices them. It does not follow the "
        "rates of exchange.",
    )
    converted_on = fields.Date(
        readonly=True,
        copy=False,
        help="The day at whose rate it was converted from the company's price. Empty: typed in; it stays when the "
        "company's price changes.",
    )
    today_rate = Amount(
        "Today's Rate Would Make It",
        compute="_compute_today_rate",
        may_be_empty=True,
        aggregator=None,
        help="The company's price at today's rate of exchange, to compare. Empty: there is no rate.",
    )
    is_far = fields.Boolean(
        compute="_compute_today_rate",
        help="Less than a third, or more than three times, of what the company's price is at today's rate.",
    )

    _one_a_currency = models.UniqueIndex(
        "(company_id, currency_id)", "There is a price in this currency already; change that one."
    )
    _rate_in_range = models.Constraint(
        "CHECK(whatsapp_rate >= 0 AND whatsapp_rate < 100000)", "WhatsApp price per minute: use 0 to less than 100,000."
    )

    @api.depends("company_id", "currency_id", "whatsapp_rate")
    def _compute_today_rate(self):
        for price in self:
            company, currency = price.company_id, price.currency_id
            is_known = company and currency and company._call_wallet_has_rate(currency)
            own = self._own_rate(company)
            today = company._call_wallet_convert(own, currency) if is_known and own is not None else None
            price.today_rate = today
            price.is_far = bool(today) and not today <= price.whatsapp_rate * FAR <= today * FAR * FAR

    @api.constrains("company_id", "currency_id")
    def _check_currency_id(self):
        for price in self:
            if price.currency_id == price.company_id.currency_id:
                raise ValidationError(
                    self.env._(
                        "Currency: the price in %(currency)s, the currency of %(company)s, is one of its settings.",
                        currency=price.currency_id.name,
                        company=price.company_id.name,
                    )
                )

    def write(self, vals):
        """Set a price, which from then on is no converted one."""
        if "whatsapp_rate" in vals and "converted_on" not in vals:
            vals = {**vals, "converted_on": False}
        return super().write(vals)

    # === FINDING A PRICE === #

    @api.model
    def _whatsapp_rate(self, company, currency):
        """Return what a minute of WhatsApp costs in a currency (``Decimal``); None where nobody has set a price."""
        if currency == company.sudo().currency_id:
            return self._own_rate(company)
        price = self.sudo().search([("company_id", "=", company.id), ("currency_id", "=", currency.id)], limit=1)
        return price.whatsapp_rate if price else None

    def _own_rate(self, company):
        """Return the price in the company's own currency; None where nobody has set one."""
        return company.sudo().call_wallet_whatsapp_rate

    # === CONVERTING === #

    @api.model
    def _ensure(self, company, currency):
        """Convert the company's price, if there is one, for a currency in which it has none yet.

        :raise UserError: there is no rate of the currency
        """
        if self._own_rate(company) is not None and self._whatsapp_rate(company, currency) is None:
            place = {"company_id": company.id, "currency_id": currency.id}
            self.sudo().create({**place, **self._converted(company, currency)})

    @api.model
    def _convert_anew(self, companies):
        """Follow the companies' own prices, which have changed, with those that were converted from them.

        A company's first price is converted for the wallets that have waited for it.

        :raise UserError: there is no rate of a currency any more
        """
        companies = companies.filtered(lambda company: self._own_rate(company) is not None)
        wallets = self.env["call.wallet"].sudo()
        for company, currency in wallets._read_group(
            [("company_id", "in", companies.ids)], ["company_id", "currency_id"]
        ):
            if company._call_wallet_has_rate(currency):
                self._ensure(company, currency)
        domain = [("company_id", "in", companies.ids), ("converted_on", "!=", False)]
        for price in self.sudo().search(domain) if companies else ():
            if price.currency_id != price.company_id.currency_id:
                price.write(self._converted(price.company_id, price.currency_id))

    def _converted(self, company, currency):
        own = self._own_rate(company)
        return {
            # What has a price is never free for being small.
            "whatsapp_rate": max(company._call_wallet_convert(own, currency), min(own, SMALLEST)),
            "converted_on": company._call_wallet_today(),
        }
