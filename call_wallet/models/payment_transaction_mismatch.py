from odoo import fields, models
from odoo.addons.payment import utils as payment_utils
from odoo.addons.payment_stripe import const


class PaymentTransactionMismatch(models.Model):
    """A provider's message about a top-up's payment with another amount or currency than was asked for."""

    _inherit = "payment.transaction"

    call_wallet_is_mismatched = fields.Boolean(
        "Another Amount Reported", readonly=True, copy=False, help="By the provider; finance was told."
    )

    def _validate_amount(self, payment_data):
        """Tell finance, once, of a payment that is another one than was asked for."""
        result = super()._validate_amount(payment_data)
        if not self.call_wallet_is_mismatched and self._call_wallet_mismatches(payment_data):
            self.call_wallet_is_mismatched = True
            self._call_wallet_tell_mismatch(payment_data)
        return result

    def _call_wallet_mismatches(self, payment_data):
        if self.state != "error" or not self._call_wallet_topups():
            return False
        told = self._extract_amount_data(payment_data)
        if told is None:  # the provider leaves it out
            return False
        differs = self.currency_id.compare_amounts(abs(told["amount"] or 0), abs(self.amount)) != 0
        return differs or told["currency_code"] != self.currency_id.name

    def _call_wallet_tell_mismatch(self, payment_data):
        _ = self.env._
        self._call_wallet_topups().wallet_id[:1]._tell_finance(
            _("Payment %s has another amount", self.reference),
            _(
                "%(asked)s was asked for, but %(provider)s reports %(told)s. It was not entered. See at the provider "
                "what was paid, and enter it or send it back.",
                asked=self.currency_id.format(abs(self.amount)),
                provider=self.provider_id.name,
                told=self._call_wallet_told_amount(payment_data),
            ),
        )

    def _call_wallet_told_amount(self, payment_data):
        """Return the amount in a provider's message with its currency, for people."""
        told = self._extract_amount_data(payment_data)
        amount, code = told["amount"] or 0, told["currency_code"]
        currency = self.env["res.currency"].with_context(active_test=False).search([("name", "=", code)])
        if not currency:
            return f"{amount} {code or '?'}"
        if self.provider_code == "stripe":  # the message has cents, or what is smallest in its currency
            decimals = const.CURRENCY_DECIMALS.get(code)
            minor = self._call_wallet_minor(amount)
            amount = payment_utils.to_major_currency_units(minor, currency, arbitrary_decimal_number=decimals)
        return f"{currency.format(amount)} ({code})"
