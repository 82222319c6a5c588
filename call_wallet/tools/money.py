"""Amounts as a currency is paid: its smallest coin, and rounding to it.

Prices, charges and balances have 6 places; what is invoiced, paid and paid back is a multiple of the
currency's ``rounding``, such as 0.01, 1 (JPY), 0.001 (KWD) or 0.05 (CHF where Odoo says so).
"""

from decimal import ROUND_HALF_UP, Decimal


def unit_of(currency):
    """Return the smallest amount that is paid in a currency, as ``Decimal``."""
    return Decimal(repr(currency.rounding))


def to_coins(amount, currency, rounding=ROUND_HALF_UP):
    """Round a ``Decimal`` to what can be paid in a currency.

    :param rounding: one of the ``decimal`` module's
    """
    unit = unit_of(currency)
    return (amount / unit).to_integral_value(rounding) * unit


def rounded(amount, places):
    """Return an amount rounded half up to so many decimals, as it is shown: a ``Decimal``; no zero is below zero."""
    if not isinstance(amount, Decimal):
        amount = Decimal(str(amount))
    amount = amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    return amount or abs(amount)


def about(amount, currency):
    """Round a converted ``Decimal`` to two digits, half up, as people state limits: 15,730 yen to 16,000.

    At least the currency's smallest coin, so that no limit becomes zero, which is none; zero stays zero.
    """
    if not amount:
        return amount
    step = Decimal(1).scaleb(amount.adjusted() - 1)
    stated = (amount / step).to_integral_value(ROUND_HALF_UP) * step
    return max(to_coins(stated, currency), unit_of(currency))


def nearest_round(amount, currency):
    """Return what is nearest to a ``Decimal`` among 1, 2, 2.5, 5 and their tenfolds; the higher one of two.

    At least the currency's smallest coin, and nothing that cannot be paid in it.
    """
    power = Decimal(1).scaleb(amount.adjusted())
    rounds = [power * Decimal(step) for step in ("1", "2", "2.5", "5", "10")]
    rounds = [one for one in rounds if is_payable(one, currency)] or [unit_of(currency)]
    return min(rounds, key=lambda one: (abs(one - amount), -one))


def places_of(amount):
    """Return how many decimals a ``Decimal`` has, without zeros at its end."""
    return len(f"{amount.normalize():f}".partition(".")[2])


def is_payable(amount, currency):
    """Return whether a ``Decimal`` is a multiple of what can be paid in a currency."""
    return amount == to_coins(amount, currency)
