"""What a contract says a call costs (``Rate``), and what a call did cost (``Charge``).

Immutable values. Durations are whole seconds, amounts exact ``Decimal`` in the contract's
currency, times naive UTC datetimes as the database stores them.
"""

import re
from datetime import datetime
from decimal import Decimal
from math import lcm
from typing import NamedTuple

from .money import exact, multiply, not_negative, split

# A prefix has the digits of an E.164 number from its first on; none at all matches every number.
_is_prefix = re.compile(r"(?:[1-9][0-9]{0,14})?").fullmatch


class _PlanRulesFields(NamedTuple):
    unit: Decimal
    increment_seconds: int
    minimum_seconds: int
    connection_fee: Decimal
    free_seconds: int
    first_block_seconds: int
    grace_seconds: int
    # What the arithmetic needs, worked out once: the fewest seconds that are billed, and
    # cost = (per_unit * units * billed_seconds + fee) / denominator, in integers: exact, and cheap.
    shortest: int
    per_unit: int
    fee: int
    denominator: int


class PlanRules(_PlanRulesFields):
    """All that prices a call except the price itself; the rates that agree on it share one.

    :param Decimal unit: what the ``units`` of a rate's price count, usually a millionth
    :raise TypeError, ValueError: as ``Rate`` does
    """

    __slots__ = ()

    def __new__(
        cls,
        unit,
        increment_seconds,
        minimum_seconds,
        connection_fee,
        free_seconds,
        first_block_seconds=0,
        grace_seconds=0,
    ):
        fee = not_negative(connection_fee, "connection_fee")
        check_seconds(increment_seconds, "increment_seconds", 1)
        check_seconds(minimum_seconds, "minimum_seconds", 0)
        check_seconds(free_seconds, "free_seconds", 0)
        check_seconds(first_block_seconds, "first_block_seconds", 0)
        check_seconds(grace_seconds, "grace_seconds", 0)
        if first_block_seconds and minimum_seconds:
            raise ValueError(
                f"first_block_seconds: {first_block_seconds} beside a minimum of {minimum_seconds}; set one to 0."
            )
        shortest = first_block_seconds or -(-max(1, minimum_seconds) // increment_seconds) * increment_seconds
        unit_over, unit_under = unit.as_integer_ratio()
        fee_over, fee_under = fee.as_integer_ratio()
        denominator = lcm(60 * unit_under, fee_under)
        per_unit = unit_over * (denominator // (60 * unit_under))
        fee_part = fee_over * (denominator // fee_under)
        public = (
            unit, increment_seconds, minimum_seconds, fee, free_seconds, first_block_seconds, grace_seconds,
        )  # fmt: skip
        return tuple.__new__(cls, (*public, shortest, per_unit, fee_part, denominator))

    def __getnewargs__(self):
        return self[:7]


class _RateFields(NamedTuple):
    prefix: str
    units: int
    rules: PlanRules
    valid_from: datetime | None
    valid_to: datetime | None
    destination: str
    rate_id: int | None


class Rate(_RateFields):
    """A contracted price for the numbers that begin with a prefix, for a while.

    :param str prefix: leading digits of an E.164 number without ``+``; empty matches every number
    :param Decimal price_per_minute: 0 or more, exact to any number of places
    :param int increment_seconds: what is billed is rounded up to a multiple of it
    :param int minimum_seconds: a call that goes on after its free seconds is billed for at least this
        long, itself rounded up to the increment
    :param Decimal connection_fee: added to every call longer than 0 s and than ``grace_seconds``
    :param int free_seconds: taken off the duration before it is rounded up
    :param datetime valid_from: naive UTC, inclusive; None: since ever
    :param datetime valid_to: naive UTC, exclusive; None: for ever
    :param str destination: for people; not used in rating
    :param int rate_id: whatever names the rate to the caller, 0 or more, or None
    :param int first_block_seconds: the first seconds are billed as one block, and the increment counts from
        its end: 20 with an increment of 6 bills 20, 26, 32 ...; 0: none. Instead of a minimum, not beside one
    :param int grace_seconds: a call of at most this long costs nothing, not even the fee; 0: none
    :raise TypeError: an amount that is a float, seconds that are not an int
    :raise ValueError: a value out of its range; the message names the field and the fix
    """

    __slots__ = ()

    def __new__(
        cls,
        prefix,
        price_per_minute,
        increment_seconds=60,
        minimum_seconds=0,
        connection_fee=0,
        free_seconds=0,
        valid_from=None,
        valid_to=None,
        destination="",
        rate_id=None,
        first_block_seconds=0,
        grace_seconds=0,
    ):
        check_prefix(prefix)
        check_validity(valid_from, valid_to)
        check_rate_id(rate_id)
        units, unit = split(not_negative(price_per_minute, "price_per_minute"))
        rules = PlanRules(
            unit,
            increment_seconds,
            minimum_seconds,
            connection_fee,
            free_seconds,
            first_block_seconds,
            grace_seconds,
        )
        return tuple.__new__(cls, (prefix, units, rules, valid_from, valid_to, destination, rate_id))

    @property
    def price_per_minute(self):
        """The exact price, with 6 places or more."""
        return multiply(self.units, self.rules.unit)

    @property
    def increment_seconds(self):
        return self.rules.increment_seconds

    @property
    def minimum_seconds(self):
        return self.rules.minimum_seconds

    @property
    def connection_fee(self):
        return self.rules.connection_fee

    @property
    def free_seconds(self):
        return self.rules.free_seconds

    @property
    def first_block_seconds(self):
        return self.rules.first_block_seconds

    @property
    def grace_seconds(self):
        return self.rules.grace_seconds

    def as_row(self):
        """Return the values in the order of the constructor."""
        return (self.prefix, self.price_per_minute, *self.rules[1:5], *self[3:], *self.rules[5:7])

    __getnewargs__ = as_row


class _ChargeFields(NamedTuple):
    billed_seconds: int
    billed_minutes: Decimal
    cost: Decimal
    rate: Rate


class Charge(_ChargeFields):
    """What one call costs: ``billed_seconds``, ``billed_minutes`` and ``cost`` (6 places), ``rate``.

    :raise TypeError: an amount that is a float
    """

    __slots__ = ()

    def __new__(cls, billed_seconds, billed_minutes, cost, rate):
        check_seconds(billed_seconds, "billed_seconds", 0)
        return tuple.__new__(cls, (billed_seconds, exact(billed_minutes, "billed_minutes"), exact(cost, "cost"), rate))


def check_prefix(prefix):
    """Check that E.164 numbers can begin with ``prefix``.

    :raise ValueError: none can
    """
    if not isinstance(prefix, str) or not _is_prefix(prefix):
        raise ValueError(
            f"prefix: {repr(prefix)[:60]} cannot begin a number; "
            "write up to 15 digits without + or leading zeros, or nothing for every number."
        )


def check_seconds(value, field, lowest):
    """Check a number of whole seconds.

    :raise TypeError: not an int
    :raise ValueError: below ``lowest``
    """
    if type(value) is not int:
        raise TypeError(f"{field}: {value!r} is a {type(value).__name__}; use whole seconds.")
    if value < lowest:
        raise ValueError(f"{field}: {value} is too low; use {lowest} or more.")


def check_validity(valid_from, valid_to):
    """Check that both are naive UTC datetimes or None. They may be equal: a rate withdrawn before it began.

    :raise TypeError: not a datetime
    :raise ValueError: with a time zone, or the end is before the beginning
    """
    for field, value in (("valid_from", valid_from), ("valid_to", valid_to)):
        if value is None:
            continue
        if not isinstance(value, datetime):
            raise TypeError(f"{field}: {value!r} is not a datetime; use a naive UTC datetime or None.")
        if value.tzinfo is not None:
            raise ValueError(f"{field}: {value} has a time zone; convert it to UTC and drop the zone.")
    if valid_from is not None and valid_to is not None and valid_to < valid_from:
        raise ValueError(f"valid_to: {valid_to} is before valid_from {valid_from}; move one of them.")


def billed_for_minimum(minimum_seconds, increment_seconds):
    """Return what the shortest call is billed for when its minimum is longer than the increment, in seconds.

    That is the minimum rounded up to the increment. Another number than the minimum means that no contract can say
    so: whoever writes "20/6" wants a first block.
    """
    if not 0 < increment_seconds < minimum_seconds:
        return minimum_seconds
    return -(-minimum_seconds // increment_seconds) * increment_seconds


def check_rate_id(rate_id):
    """Check the caller's name of a rate.

    :raise TypeError: neither an int nor None
    :raise ValueError: negative
    """
    if rate_id is None:
        return
    if type(rate_id) is not int:
        raise TypeError(f"rate_id: {rate_id!r} is a {type(rate_id).__name__}; use an int or None.")
    if rate_id < 0:
        raise ValueError(f"rate_id: {rate_id} is negative; use the record's id.")
