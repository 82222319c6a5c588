"""What holds for every rate, every duration and every amount of funds."""

import re
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from call_wallet_rating import Deck, Rate, arithmetic, charge, cost_of, max_seconds, whole_steps
from hypothesis import example, given, settings
from hypothesis import strategies as st

EVERY = settings(max_examples=500, deadline=None, database=None, derandomize=True)
CAP = 14_400


def amounts(most, places=6):
    return st.integers(0, most).map(lambda count: Decimal(count).scaleb(-places))


@st.composite
def rates(draw):
    block = draw(st.sampled_from((0, 0, 1, 20, 30, 45, 60)))
    price = draw(st.one_of(amounts(10**6), amounts(40, 5), amounts(10**10, 12), st.just(Decimal(0))))
    return Rate(
        "1",
        price,
        draw(st.sampled_from((1, 6, 7, 30, 60))),
        0 if block else draw(st.sampled_from((0, 0, 1, 6, 20, 30, 60, 90))),
        draw(st.one_of(st.just(Decimal(0)), amounts(10**5))),
        draw(st.one_of(st.just(0), st.integers(0, 120))),
        first_block_seconds=block,
        grace_seconds=draw(st.one_of(st.just(0), st.integers(0, 90))),
    )


def exact_cost(rate, duration):
    """Return (billed seconds, cost) by the contract's words, as exact fractions."""
    if duration == 0 or duration <= rate.grace_seconds:
        return 0, Fraction(0)
    talk, increment = max(0, duration - rate.free_seconds), rate.increment_seconds
    if talk == 0:
        billed = 0
    elif rate.first_block_seconds:
        rest = max(0, talk - rate.first_block_seconds)
        billed = rate.first_block_seconds + -(-rest // increment) * increment
    else:
        billed = -(-max(talk, rate.minimum_seconds) // increment) * increment
    return billed, Fraction(rate.price_per_minute) * billed / 60 + Fraction(rate.connection_fee)


def half_up(fraction):
    """Return the nearest millionth, halves upward, worked out without the code under test."""
    millionths = fraction * 10**6
    return Fraction((2 * millionths.numerator + millionths.denominator) // (2 * millionths.denominator), 10**6)


@EVERY
@given(rates(), st.integers(0, 5_000))
def test_the_cost_is_the_exact_fraction_rounded_once(rate, duration):
    charged = charge(rate, duration)
    billed, cost = exact_cost(rate, duration)
    assert charged.billed_seconds == billed
    assert Fraction(charged.cost) == half_up(cost)
    assert charged.cost >= 0 and charged.billed_minutes >= 0


@EVERY
@given(rates(), st.integers(0, 5_000), st.integers(0, 200))
def test_a_longer_call_never_costs_less(rate, duration, more):
    assert cost_of(rate, duration + more) >= cost_of(rate, duration)


@EVERY
@given(rates(), st.one_of(amounts(5 * 10**6), amounts(10**4), amounts(10**10, 9)))
@example(Rate("1", Decimal("0.000029"), 1), Decimal(0))
def test_the_longest_duration_is_the_inverse_of_the_cost(rate, funds):
    check_inverse(rate, funds)


@EVERY
@given(rates(), st.integers(1, 3_000), st.sampled_from((-1, 0, 1)))
def test_the_longest_duration_is_exact_to_the_millionth(rate, duration, millionths):
    funds = cost_of(rate, duration) + Decimal(millionths).scaleb(-6)
    longest = check_inverse(rate, funds)
    if millionths >= 0:
        assert longest >= duration


def check_inverse(rate, funds):
    longest = max_seconds(rate, funds, CAP)
    assert 0 <= longest <= CAP
    if funds >= 0:
        assert cost_of(rate, longest) <= funds
        assert longest == CAP or funds < cost_of(rate, longest + 1)
    else:
        assert longest == 0
    return longest


@EVERY
@given(rates(), amounts(10**6), amounts(10**6))
def test_more_funds_never_last_for_less(rate, funds, more):
    assert max_seconds(rate, funds + more) >= max_seconds(rate, funds)


@EVERY
@given(rates(), st.integers(1, 5_000))
def test_a_step_ends_where_the_next_second_is_billed(rate, seconds):
    end = whole_steps(rate, seconds)
    assert end >= seconds
    assert charge(rate, end)[:3] == charge(rate, seconds)[:3]
    after = charge(rate, end + 1)
    assert after.billed_seconds > charge(rate, end).billed_seconds or end == rate.grace_seconds


@EVERY
@given(rates(), st.integers(0, 5_000))
def test_the_arithmetic_shown_adds_up(rate, duration):
    charged = charge(rate, duration)
    fee = rate.connection_fee if duration > rate.grace_seconds else Decimal(0)
    shown = arithmetic(rate.price_per_minute, charged.billed_seconds, rate.free_seconds, fee, charged.cost)
    left, sign, right = re.fullmatch(r"(.+) ([=≈]) (\S+)", shown).groups()
    time, price, seconds_a_minute, added = re.fullmatch(
        r"(\d+) (?:min|s) × ([\d.]+)( / 60)?(?: \+ ([\d.]+))?", left
    ).groups()
    total = Fraction(time) * Fraction(price) / (60 if seconds_a_minute else 1) + Fraction(added or 0)
    assert Fraction(right) == half_up(total) == Fraction(charged.cost)
    assert (sign == "=") == (total == Fraction(right))


@EVERY
@given(amounts(10**6), st.sampled_from((1, 6, 7, 30, 60)), st.integers(0, 500), st.integers(0, 500))
def test_whole_increments_add_up(price, increment, first, second):
    rate = Rate("1", price, increment)
    one, other, both = (charge(rate, count * increment) for count in (first, second, first + second))
    assert one.billed_seconds + other.billed_seconds == both.billed_seconds
    # Each of the three is off by half a millionth at most.
    assert abs(one.cost + other.cost - both.cost) <= Decimal("0.000001")


@EVERY
@given(rates(), st.integers(1, 3_000), st.integers(1, 3_000))
def test_two_calls_are_billed_for_no_less_than_one_as_long(rate, first, second):
    if rate.free_seconds or rate.grace_seconds or rate.first_block_seconds:
        return  # each of the two has them, and after a block of 1 second the increments may be longer than it
    both = charge(rate, first + second).billed_seconds
    assert charge(rate, first).billed_seconds + charge(rate, second).billed_seconds >= both


MOMENTS = st.sampled_from([None, *(datetime(2026, month, 1) for month in (1, 3, 6, 9))])
PREFIXES = st.from_regex(r"(?:[12][0-2]{0,5})?", fullmatch=True)


@st.composite
def decks(draw):
    """Rates of few prefixes, so that they overlap, each with a validity."""
    found = []
    for number, prefix in enumerate(draw(st.lists(PREFIXES, max_size=30))):
        start, end = draw(MOMENTS), draw(MOMENTS)
        if start and end and end < start:
            start, end = end, start
        found.append(Rate(prefix, number, valid_from=start, valid_to=end, rate_id=number))
    return found


@EVERY
@given(decks(), st.from_regex(r"\+[12][0-2]{6,14}", fullmatch=True), st.integers(1, 12))
def test_the_longest_prefix_in_force_wins(found, number, month):
    at = datetime(2026, month, 1)
    fits = [
        rate
        for rate in found
        if number[1:].startswith(rate.prefix)
        and (rate.valid_from or datetime.min) <= at < (rate.valid_to or datetime.max)
    ]
    best = max(fits, key=lambda rate: (len(rate.prefix), rate.valid_from or datetime.min, rate.rate_id), default=None)
    matched = Deck(found).match(number, at)
    assert (matched and matched.as_row()) == (best and best.as_row())
    assert matched is None or charge(matched, 61).cost >= 0
