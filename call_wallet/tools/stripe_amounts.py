"""What Stripe charges at least, at most, and in which steps, by currency.

From Stripe's documentation of currencies (docs.stripe.com/currencies: minimum and maximum charge amounts, three-decimal
and zero-decimal currencies, special cases). Where no minimum is listed, Stripe takes that of its settlement currency,
which nobody knows here; it is told when it happens.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple

# The last of three decimals has to be 0.
THREE_DECIMALS = {"BHD", "JOD", "KWD", "OMR", "TND"}

# Whole numbers; ISK and UGX are sent with two decimals that have to be 00.
NO_DECIMALS = {
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF",
    "XPF",
}  # fmt: skip

MINIMUM = {
    "AED": "2.00", "AUD": "0.50", "BGN": "1.00", "BRL": "0.50", "CAD": "0.50", "CHF": "0.50", "CZK": "15.00",
    "DKK": "2.50", "EUR": "0.50", "GBP": "0.30", "HKD": "4.00", "HUF": "175.00", "INR": "0.50", "JPY": "50",
    "MXN": "10.00", "MYR": "2.00", "NOK": "3.00", "NZD": "0.50", "PLN": "2.00", "RON": "2.00", "SEK": "3.00",
    "SGD": "0.50", "THB": "10.00", "USD": "0.50",
}  # fmt: skip

# Digits of an amount in the currency's smallest unit.
DIGITS, MORE_DIGITS = 8, {"COP": 10, "HUF": 10, "IDR": 12}


class Limits(NamedTuple):
    """Amounts in the currency itself, such as 0.50 for 50 cents."""

    step: Decimal
    lowest: Decimal
    highest: Decimal

    def allow(self, amount):
        """Tell whether Stripe charges an amount, a ``Decimal``."""
        return self.lowest <= amount <= self.highest and amount % self.step == 0

    def around(self, amount):
        """Return the nearest amounts below and above that are multiples of the step."""
        return tuple(
            (amount / self.step).to_integral_value(rounding) * self.step for rounding in (ROUND_FLOOR, ROUND_CEILING)
        )


def limits(currency):
    """Return Stripe's ``Limits`` of a currency, by its code such as ``KWD``."""
    step = Decimal(1) if currency in NO_DECIMALS else Decimal("0.01")
    # KWD has 1000 fils and three digits behind the point; ISK is sent as if it had two.
    places = 3 if currency in THREE_DECIMALS else 0 if currency in NO_DECIMALS - {"ISK", "UGX"} else 2
    digits = MORE_DIGITS.get(currency, DIGITS)
    highest = (Decimal(10) ** digits - 1).scaleb(-places)
    return Limits(step=step, lowest=Decimal(MINIMUM.get(currency, step)), highest=highest // step * step)
