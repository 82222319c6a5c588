"""Turn a rate and a duration into a charge, and an amount into a duration.

The rule for each call, in whole seconds::

    talk = max(0, duration - free_seconds)
    billed_seconds = 0 if talk is 0 or duration <= grace_seconds
                     else ceil(max(talk, minimum_seconds) / increment) * increment
      with a first block: first_block + ceil(max(0, talk - first_block) / increment) * increment
    cost = price_per_minute * billed_seconds / 60 + connection_fee
    billed_minutes = billed_seconds / 60

The connection fee is for connecting: a call that ends within its free seconds pays it, as it was answered. A call
of 0 seconds, or one within ``grace_seconds``, does not. ``cost`` and ``billed_minutes`` are rounded half up to
6 places, once, from exact integers.
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
    _, increment, _, _, free, _, grace, shortest, per_unit, fee, denominator = rate.rules
    if duration_seconds <= grace:
        return _new(Charge, (0, _minutes(0), round6(0, 1), rate))
    billed = _billed(duration_seconds - free, increment, shortest)
    cost = round6(per_unit * rate.units * billed + fee, denominator)
    # All parts were made here; the checks of the constructor would only repeat that.
    return _new(Charge, (billed, _minutes(billed), cost, rate))


def cost_of(rate, seconds):
    """Return what a call of so many seconds costs, 6 places. Raises as ``charge`` does."""
    return charge(rate, seconds).cost


def whole_steps(rate, seconds):
    """Return the longest duration that is billed as one of ``seconds`` is; 0 for 0.

    :raise TypeError: not an int
    :raise ValueError: negative
    """
    check_seconds(seconds, "seconds", 0)
    rules = rate.rules
    if not seconds or seconds <= rules.grace_seconds:
        return seconds and rules.grace_seconds
    free = rules.free_seconds
    return free + _billed(seconds - free, rules.increment_seconds, rules.shortest)


def max_seconds(rate, available, cap=MAX_CALL_SECONDS):
    """Return the longest duration that costs at most ``available``, in whole seconds.

    The inverse of ``cost_of``: below the cap, ``cost_of(max) <= available < cost_of(max + 1)``. Nothing is
    granted below zero, free or not.

    :param Decimal available: in the contract's currency; may be negative
    :param int cap: never more than this
    :raise TypeError: ``available`` is a float, or ``cap`` not an int
    """
    check_seconds(cap, "cap", 0)
    _, increment, _, _, free, _, grace, shortest, per_unit, fee, denominator = rate.rules
    # round6(n, d) <= m millionths  <=>  2_000_000 * n + d < 2 * d * (m + 1)
    micros = whole_micros(exact(available, "available"))
    left = (denominator * (2 * micros + 1) - 1) // 2_000_000
    if left < 0:
        return 0
    left -= fee
    if left < 0:
        return min(grace, cap)
    per_second = per_unit * rate.units
    if not per_second:
        return cap
    payable = left // per_second
    billed = shortest + (payable - shortest) // increment * increment if payable >= shortest else 0
    return min(max(grace, free + billed), cap)


def _billed(talk, increment, shortest):
    """Return the seconds billed for so many seconds of talk after the free ones."""
    if talk <= 0:
        return 0
    if talk <= shortest:
        return shortest
    return shortest - (shortest - talk) // increment * increment


@lru_cache(maxsize=4096)
def _minutes(seconds):
    return round6(seconds, 60)
