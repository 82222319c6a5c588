"""From a rate and a duration to a charge, and from an amount to a duration.

The rule, per call::

    billed_seconds = 0 if duration is 0 else ceil(max(duration, minimum) / increment) * increment
    cost = price_per_minute * max(billed_seconds - free_seconds, 0) / 60 + connection_fee
    billed_minutes = billed_seconds / 60

A call of 0 seconds bears no fee. ``cost`` and ``billed_minutes`` are rounded half up to 6 places,
once, from exact integers.
"""

from functools import lru_cache

from .money import exact, round6, whole_micros
from .rate import Charge, check_seconds

# The longest a call is allowed to last when nothing else limits it: a line left open by mistake
# must not drain a wallet for days.
MAX_CALL_SECONDS = 4 * 3600
_new = tuple.__new__


def charge(rate, duration_seconds):
    """Return the ``Charge`` of a call that lasted ``duration_seconds``.

    :param Rate rate: the rate in force when the call started
    :param int duration_seconds: 0 or more; 0 for a call that did not connect
    :raise TypeError: the duration is not an int
    :raise ValueError: the duration is negative
    """
    if type(duration_seconds) is not int or duration_seconds <= 0:
        check_seconds(duration_seconds, "duration_seconds", 0)
        return _new(Charge, (0, _minutes(0), round6(0, 1), rate))
    _, increment, minimum, _, free, per_unit, fee, denominator = rate.rules
    billed = _billed(duration_seconds, increment, minimum)
    priced = billed - free if billed > free else 0
    cost = round6(per_unit * rate.units * priced + fee, denominator)
    # All parts were made here; the checks of the constructor would only repeat that.
    return _new(Charge, (billed, _minutes(billed), cost, rate))


def cost_of(rate, seconds):
    """Return what a call of so many seconds costs, 6 places. Raises as ``charge`` does."""
    return charge(rate, seconds).cost


def max_seconds(rate, available, cap=MAX_CALL_SECONDS):
    """Return the longest duration, a multiple of the increment, that costs at most ``available``.

    Below the cap, ``cost_of(max) <= available < cost_of(max + increment)``: minimum, fee, free
    seconds and rounding are all taken into account. 0 when not even the shortest call fits.

    :param Decimal available: may be negative
    :param int cap: never more than this, itself rounded down to the increment
    :raise TypeError: ``available`` is a float, or ``cap`` not an int
    """
    check_seconds(cap, "cap", 0)
    _, increment, minimum, _, free, per_unit, fee, denominator = rate.rules
    per_second = per_unit * rate.units
    # round6(n, d) <= m millionths  <=>  2_000_000 * n + d < 2 * d * (m + 1)
    micros = whole_micros(exact(available, "available"))
    left = (denominator * (2 * micros + 1) - 1) // 2_000_000 - fee
    shortest = _billed(1, increment, minimum)
    longest = cap // increment * increment
    if left < 0:
        return 0
    if per_second:
        affordable = (left // per_second + free) // increment * increment
        if affordable < shortest:
            return 0
        return min(affordable, longest)
    return longest


def _billed(seconds, increment, minimum):
    """Return the seconds billed for a call longer than 0 s."""
    if seconds < minimum:
        seconds = minimum
    return -(-seconds // increment) * increment


@lru_cache(maxsize=4096)
def _minutes(seconds):
    return round6(seconds, 60)
