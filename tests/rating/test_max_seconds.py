from decimal import Decimal

import pytest
from call_wallet_rating import MAX_CALL_SECONDS, Rate, max_seconds

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
        # 30 s cost nothing, then a minute costs 0.60.
        (Rate("1", D("0.6"), 60, free_seconds=30), "0.59", 30),
        (Rate("1", D("0.6"), 60, free_seconds=30), "0.6", 90),
        # The fee is for connecting, also within the free seconds.
        (Rate("1", D("0.6"), 60, connection_fee=D("0.1"), free_seconds=60), "0.09", 0),
        (Rate("1", D("0.6"), 60, connection_fee=D("0.1"), free_seconds=60), "0.1", 60),
        (Rate("1", D(10) ** 14, 60, free_seconds=60), "0", 60),
        # 20 s cost 0.20, 26 s 0.26.
        (Rate("1", D("0.6"), 6, first_block_seconds=20), "0.19", 0),
        (Rate("1", D("0.6"), 6, first_block_seconds=20), "0.25", 20),
        (Rate("1", D("0.6"), 6, first_block_seconds=20), "0.26", 26),
        # 5 s cost nothing; the sixth costs the fee and the first block.
        (Rate("1", D("0.6"), 6, connection_fee=D("0.1"), first_block_seconds=20, grace_seconds=5), "0.29", 5),
        (Rate("1", D("0.6"), 6, connection_fee=D("0.1"), first_block_seconds=20, grace_seconds=5), "0.3", 20),
        (Rate("1", D("0.6"), 1, grace_seconds=60), "0.3", 60),
    ],
)
def test_fee_minimum_and_free_seconds_count(rate, available, seconds):
    assert max_seconds(rate, D(available)) == seconds


@pytest.mark.parametrize(("cap", "increment"), [(14_400, 60), (100, 60), (100, 6), (59, 60), (0, 1)])
def test_a_call_never_lasts_longer_than_the_cap(cap, increment):
    assert max_seconds(Rate("1", D(0), increment), D(0), cap) == cap
    assert max_seconds(Rate("1", D("0.02"), increment), D(10**6), cap) == cap


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
