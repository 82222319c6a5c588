"""Amounts: exact ``Decimal`` values, and the one place where an amount is rounded."""

from decimal import Context, Decimal
from fractions import Fraction

PLACES = 6
# Wider than any price a contract can hold. Beyond it an amount is a slip of the keyboard, and
# turning 1e999999 into an integer would take the server down with it.
MAX_ADJUSTED, MIN_EXPONENT = 20, -100
MICRO = Decimal("0.000001")
# What fits the signed 64-bit column of a deck.
MAX_MICROS = 2**63 - 1
# Multiplies without rounding, whatever precision the calling thread has set.
multiply = Context(prec=1000).multiply


def round6(numerator, denominator):
    """Return ``numerator / denominator`` rounded half up to 6 places.

    The only rounding of the rating engine. It takes an exact fraction so that nothing has been
    rounded before it: a quotient cut to 28 digits first could land on a half it never reached.

    :param int numerator: 0 or more
    :param int denominator: more than 0
    :return: a ``Decimal`` with exactly 6 places
    """
    return multiply((2_000_000 * numerator + denominator) // (2 * denominator), MICRO)


def exact(value, field):
    """Return ``value`` as an exact ``Decimal``.

    :param Decimal | int value: an amount
    :param str field: its name, for the message
    :raise TypeError: anything but a Decimal or an int; a float most of all, as it is not the
        number its digits say
    :raise ValueError: not finite, above 20 digits or below 100 places
    """
    if type(value) is int:
        value = Decimal(value)
    elif not isinstance(value, Decimal):
        raise TypeError(f"{field}: {value!r} is a {type(value).__name__}; use a Decimal.")
    if not value.is_finite() or value.adjusted() > MAX_ADJUSTED or value.as_tuple().exponent < MIN_EXPONENT:
        raise ValueError(f"{field}: {value} is not a usable amount; use a number such as 0.0391.")
    return value


def not_negative(value, field):
    """Return ``value`` as ``exact`` does.

    :raise ValueError: as ``exact``, or below zero
    """
    value = exact(value, field)
    if value < 0:
        raise ValueError(f"{field}: {value} is negative; use 0 or more.")
    return value


def split(amount):
    """Return an exact amount as an integer and the ``Decimal`` unit it counts.

    The unit is a millionth for every amount of at most 6 places, so that a price takes the room
    of an integer; otherwise it is the amount itself, once.
    """
    micros = multiply(amount, 1_000_000)
    units = int(micros)
    if units == micros and units <= MAX_MICROS:
        return units, MICRO
    return 1, amount


def whole_micros(amount):
    """Return how many whole millionths fit in ``amount`` (toward minus infinity)."""
    return Fraction(amount) * 10**PLACES // 1


def plain(amount):
    """Return ``amount`` as people write it: no exponent, no zeros after the last place."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
