import random
from decimal import Decimal

import pytest
from call_wallet_rating import MAX_CALL_SECONDS, Rate, cost_of, max_seconds

D = Decimal


@pytest.mark.parametrize(
    ("available", "seconds"),
    [("0", 0), ("0.0199", 0), ("0.02", 60), ("0.039999", 60), ("0.04", 120), ("1", 3000), ("-1", 0)],
)
def test_a_call_may_last_as_long_as_the_funds_pay_for(available, seconds):
    assert max_seconds(Rate("", D("0.02")), D(available)) == seconds


@pytest.mark.parametrize(
    ("rate", "available", "seconds"),
    [
        (Rate("1", D("0.6"), 1, connection_fee=D("0.1")), "0.1", 0),
        (Rate("1", D("0.6"), 1, connection_fee=D("0.1")), "0.11", 1),
        (Rate("1", D("0.6"), 1, 30), "0.29", 0),
        (Rate("1", D("0.6"), 1, 30), "0.3", 30),
        (Rate("1", D("0.6"), 7, 30), "0.34", 0),
        (Rate("1", D("0.6"), 7, 30), "0.35", 35),
        (Rate("1", D("0.6"), 6, free_seconds=60), "0", 60),
        (Rate("1", D("0.6"), 6, free_seconds=60), "0.06", 66),
        (Rate("1", D("0.6"), 60, free_seconds=30), "0.29", 0),
        (Rate("1", D("0.6"), 60, free_seconds=30), "0.3", 60),
        (Rate("1", D("0.6"), 60, connection_fee=D("0.1"), free_seconds=60), "0.09", 0),
        (Rate("1", D(10) ** 14, 60, free_seconds=60), "0", 60),
    ],
)
def test_fee_minimum_and_free_seconds_count(rate, available, seconds):
    assert max_seconds(rate, D(available)) == seconds


@pytest.mark.parametrize(
    ("cap", "increment", "seconds"),
    [(14_400, 60, 14_400), (100, 60, 60), (100, 6, 96), (59, 60, 0), (0, 1, 0)],
)
def test_a_call_never_lasts_longer_than_the_cap_in_whole_increments(cap, increment, seconds):
    assert max_seconds(Rate("1", D(0), increment), D(0), cap) == seconds
    assert max_seconds(Rate("1", D("0.02"), increment), D(10**6), cap) == seconds


def test_the_cap_is_four_hours_unless_told_otherwise():
    assert max_seconds(Rate("1", D(0)), D(0)) == MAX_CALL_SECONDS == 4 * 3600


def test_a_free_call_with_a_fee_needs_the_fee():
    rate = Rate("1", D(0), connection_fee=D("0.01"))
    assert max_seconds(rate, D("0.009999")) == 0
    assert max_seconds(rate, D("0.01")) == MAX_CALL_SECONDS


def test_nothing_is_granted_below_a_balance_of_zero_even_when_free():
    assert max_seconds(Rate("1", D(0)), D("-0.000001")) == 0


def test_the_rounded_cost_decides_not_the_exact_one():
    rate = Rate("1", D("0.000029"), 1)  # 1 s is 0.48 millionths, charged 0; 2 s is 0.97, charged 1
    assert max_seconds(rate, D(0)) == 1
    assert max_seconds(rate, D("0.000001")) == 3


def test_available_is_not_rounded_up():
    assert max_seconds(Rate("", D("0.02")), D("0.0199999999")) == 0


@pytest.mark.parametrize("available", [1.0, "1", None])
def test_available_must_be_a_decimal(available):
    with pytest.raises(TypeError):
        max_seconds(Rate("1", D("0.02")), available)


def test_random_limits_pay_for_the_call_and_for_no_increment_more():
    rng = random.Random(14_400)
    below_cap = 0
    for _ in range(20_000):
        places = rng.choice((2, 4, 6, 9))
        rate = Rate(
            "1",
            D(rng.randrange(10 ** rng.randrange(1, places + 1))).scaleb(-places),
            rng.choice((1, 6, 7, 30, 60)),
            rng.choice((0, 0, 6, 30, 45, 60)),
            D(rng.choice((0, 0, 1, 10_000))).scaleb(-6),
            rng.choice((0, 0, 10, 30, 60, 90)),
        )
        increment, cap = rate.increment_seconds, rng.choice((600, 3599, 14_400))
        available = D(rng.randrange(10 ** rng.randrange(1, 8))).scaleb(-rng.choice((5, 6, 7)))
        if rng.random() < 0.3:
            available = cost_of(rate, rng.randrange(1, 2000)) + D(rng.choice((-1, 0, 1))).scaleb(-6)
        longest = max_seconds(rate, available, cap)
        assert longest % increment == 0
        assert 0 <= longest <= cap
        if longest:
            assert cost_of(rate, longest) <= available
        if longest + increment <= cap:
            below_cap += 1
            assert cost_of(rate, longest + increment) > available
    assert below_cap > 5_000, "most cases must be limited by the funds"
