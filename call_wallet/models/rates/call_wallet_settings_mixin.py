from decimal import Decimal

from odoo import fields, models

# A tenth of the smallest coin of a currency without decimals.
MEANT = Decimal("0.1")


class CallWalletSettingsMixin(models.AbstractModel):
    _inherit = "call.wallet.settings.mixin"

    call_wallet_price_warning = fields.Text(compute="_compute_call_wallet_price_warning")

    def _compute_call_wallet_price_warning(self):
        for settings in self:
            warnings = filter(None, (settings._own_price_warning(), settings._other_price_warning()))
            settings.call_wallet_price_warning = "\n".join(warnings)

    def _own_price_warning(self):
        """Say that a price cannot be meant in a currency without decimals: the first one was thought of in dollars."""
        currency, price = self.company_id.currency_id, self.company_id.sudo().call_wallet_whatsapp_rate
        if price is None:
            return self.env._(
                "There is no WhatsApp price in %s: until it is set, WhatsApp calls are refused where no rate plan "
                "prices them.",
                currency.name,
            )
        if currency.decimal_places or not 0 < price < MEANT:
            return ""
        return self.env._(
            "%(price)s %(currency)s a minute is next to nothing: set the price in %(currency)s.",
            price=f"{price.normalize():f}",
            currency=currency.name,
        )

    def _other_price_warning(self):
        prices = self.env["call.wallet.price"].sudo().search([("company_id", "=", self.company_id.id)])
        far = prices.filtered("is_far")
        if not far:
            return ""
        return self.env._(
            "Far from this price at today's rate of exchange: %s. Look at them.",
            ", ".join(far.mapped("currency_id.name")),
        )
