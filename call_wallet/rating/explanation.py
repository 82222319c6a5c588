"""How the cost of a call is worked out, in signs that need no translation."""

from fractions import Fraction

from .money import plain, round6


def taken_off(price_per_minute, billed_seconds, free_seconds, connection_fee, cost):
    """Return how many of the billed seconds were not priced: 0, except for charges of earlier versions.

    Until version 19.0.3.0.0 the free seconds of a rate came off the billed seconds; since then they come off the
    duration, before it is rounded up, and all that is billed is priced. Charges already made stay as they are, so
    the cost tells by which rule it came about.

    :param: as for ``arithmetic``
    """
    priced = Fraction(price_per_minute) * billed_seconds / 60 + Fraction(connection_fee)
    if not free_seconds or round6(*priced.as_integer_ratio()) == cost:
        return 0
    return min(free_seconds, billed_seconds)


def arithmetic(price_per_minute, billed_seconds, free_seconds, connection_fee, cost, write=plain):
    """Return the arithmetic of a charge, such as ``2 min × 0.0391 + 0.01 = 0.0882``.

    ``≈`` instead of ``=`` means that the cost was rounded, half up, to 6 places.

    :param Decimal price_per_minute: amounts are in the currency of the contract
    :param int billed_seconds: 0 for a call that cost no time
    :param int free_seconds: granted by the rate; they show in charges of earlier versions only (see ``taken_off``)
    :param Decimal connection_fee: what this call was charged of it: 0 for one of 0 seconds or within the grace
    :param Decimal cost: what was charged
    :param write: how the reader's language writes a ``Decimal``, as text
    """
    off = taken_off(price_per_minute, billed_seconds, free_seconds, connection_fee, cost)
    whole = not billed_seconds % 60 and not off % 60
    unit = 60 if whole else 1
    time = f"({billed_seconds // unit} − {off // unit})" if off else f"{billed_seconds // unit}"
    text = f"{time} min × {write(price_per_minute)}" if whole else f"{time} s × {write(price_per_minute)} / 60"
    if connection_fee:
        text += f" + {write(connection_fee)}"
    is_exact = Fraction(price_per_minute) * (billed_seconds - off) / 60 + Fraction(connection_fee) == Fraction(cost)
    return f"{text} {'=' if is_exact else '≈'} {write(cost)}"
