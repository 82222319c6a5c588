"""How the cost of a call is worked out, in signs that need no translation."""

from fractions import Fraction

from .money import plain


def arithmetic(price_per_minute, billed_seconds, free_seconds, connection_fee, cost):
    """Return the arithmetic of a charge, such as ``2 min × 0.0391 + 0.01 = 0.0882``.

    ``≈`` instead of ``=`` means that the cost was rounded, half up, to 6 places.

    :param Decimal price_per_minute: amounts are in the currency of the contract
    :param int billed_seconds: 0 for a call that did not connect; it then costs no fee
    :param int free_seconds: granted by the rate; no more of them count than were billed
    :param Decimal connection_fee: for a call that connected
    :param Decimal cost: what was charged
    """
    free = min(free_seconds, billed_seconds)
    fee = connection_fee if billed_seconds else 0 * connection_fee
    whole = not billed_seconds % 60 and not free % 60
    unit = 60 if whole else 1
    time = f"({billed_seconds // unit} − {free // unit})" if free else f"{billed_seconds // unit}"
    text = f"{time} min × {plain(price_per_minute)}" if whole else f"{time} s × {plain(price_per_minute)} / 60"
    if fee:
        text += f" + {plain(fee)}"
    is_exact = Fraction(price_per_minute) * (billed_seconds - free) / 60 + Fraction(fee) == Fraction(cost)
    return f"{text} {'=' if is_exact else '≈'} {plain(cost)}"
