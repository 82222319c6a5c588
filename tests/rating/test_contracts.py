"""Billing as contracts write it, worked out by hand: free seconds, first blocks, short calls, fees."""

from decimal import Decimal

import pytest
from call_wallet_rating import Rate, arithmetic, billed_for_minimum, charge, whole_steps

D = Decimal
MINUTE = D("0.6")  # a cent a second


def rate(increment, **rules):
    return Rate(
        "1",
        MINUTE,
        increment,
        **{name: value if name != "connection_fee" else D(value) for name, value in rules.items()},
    )


CASES = [
    # (rules, [(duration, billed seconds, cost)])
    ("60/60", rate(60, minimum_seconds=60), [(0, 0, "0"), (1, 60, "0.6"), (60, 60, "0.6"), (61, 120, "1.2")]),
    ("1/1", rate(1, minimum_seconds=1), [(0, 0, "0"), (1, 1, "0.01"), (61, 61, "0.61")]),
    ("30/6, as a minimum", rate(6, minimum_seconds=30), [(1, 30, "0.3"), (30, 30, "0.3"), (31, 36, "0.36")]),
    ("30/6, as a first block", rate(6, first_block_seconds=30), [(1, 30, "0.3"), (30, 30, "0.3"), (31, 36, "0.36")]),
    # 20, then 26, 32, 38.
    (
        "20/6", rate(6, first_block_seconds=20),
        [(0, 0, "0"), (1, 20, "0.2"), (20, 20, "0.2"), (21, 26, "0.26"), (26, 26, "0.26"), (27, 32, "0.32")],
    ),
    # A rate of an earlier version: the minimum rounded up to the increment.
    ("20/6, as a minimum of old", rate(6, minimum_seconds=20), [(1, 24, "0.24"), (24, 24, "0.24"), (25, 30, "0.3")]),
    ("a first block shorter than the increment", rate(60, first_block_seconds=10), [(10, 10, "0.1"), (11, 70, "0.7")]),
    # 31 - 30 = 1 s of talk is a minute.
    ("60/60, 30 s free", rate(60, free_seconds=30), [(10, 0, "0"), (30, 0, "0"), (31, 60, "0.6"), (91, 120, "1.2")]),
    (
        "60/1, 25 s free", rate(1, minimum_seconds=60, free_seconds=25),
        [(8, 0, "0"), (25, 0, "0"), (26, 60, "0.6"), (85, 60, "0.6"), (86, 61, "0.61")],
    ),
    ("20/6, 10 s free", rate(6, first_block_seconds=20, free_seconds=10), [(30, 20, "0.2"), (31, 26, "0.26")]),
    # The fee is for connecting: 10 s of 30 free ones pay it, a call of 0 s does not.
    (
        "free with a fee", rate(1, free_seconds=30, connection_fee="0.05"),
        [(0, 0, "0"), (10, 0, "0.05"), (30, 0, "0.05"), (31, 1, "0.06")],
    ),
    ("a fee", rate(60, connection_fee="0.05"), [(0, 0, "0"), (1, 60, "0.65"), (61, 120, "1.25")]),
    # Billed from the first second once the call is longer than the grace.
    ("5 s of grace", rate(60, grace_seconds=5), [(1, 0, "0"), (5, 0, "0"), (6, 60, "0.6")]),
    (
        "20/6, 5 s of grace and a fee", rate(6, first_block_seconds=20, grace_seconds=5, connection_fee="0.05"),
        [(0, 0, "0"), (5, 0, "0"), (6, 20, "0.25"), (21, 26, "0.31")],
    ),
    (
        "grace, free seconds and a fee", rate(6, free_seconds=10, grace_seconds=5, connection_fee="0.05"),
        [(5, 0, "0"), (6, 0, "0.05"), (10, 0, "0.05"), (11, 6, "0.11")],
    ),
    ("grace longer than a minimum", rate(6, minimum_seconds=30, grace_seconds=40), [(40, 0, "0"), (41, 42, "0.42")]),
    ("free for ever", rate(60, free_seconds=86400), [(86400, 0, "0")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("terms", "duration", "billed", "cost"),
    [pytest.param(terms, *case, id=f"{name}: {case[0]} s") for name, terms, cases in CASES for case in cases],
)
def test_a_call_is_billed_as_its_contract_says(terms, duration, billed, cost):
    charged = charge(terms, duration)
    assert (charged.billed_seconds, charged.cost) == (billed, D(cost))


@pytest.mark.parametrize(
    ("terms", "seconds", "longest"),
    [
        (rate(60), 0, 0),
        (rate(60), 61, 120),
        (rate(6, minimum_seconds=30), 1, 30),
        (rate(6, first_block_seconds=20), 21, 26),
        (rate(60, free_seconds=30), 1, 30),
        (rate(60, free_seconds=30), 31, 90),
        (rate(60, grace_seconds=5), 0, 0),
        (rate(60, grace_seconds=5), 3, 5),
        (rate(60, grace_seconds=5), 6, 60),
    ],
)
def test_a_step_lasts_as_long_as_nothing_more_is_billed(terms, seconds, longest):
    assert whole_steps(terms, seconds) == longest


@pytest.mark.parametrize(
    ("minimum", "increment", "billed"),
    [(0, 60, 0), (30, 60, 30), (60, 60, 60), (30, 6, 30), (90, 60, 120), (20, 6, 24), (61, 60, 120)],
)
def test_a_minimum_that_is_no_multiple_bills_another_number(minimum, increment, billed):
    assert billed_for_minimum(minimum, increment) == billed


@pytest.mark.parametrize(
    ("terms", "duration", "fee", "expected"),
    [
        (Rate("1", D("0.0391")), 61, "0.01", "2 min × 0.0391 + 0.01 = 0.0882"),
        (Rate("", D("0.02")), 61, "0", "2 min × 0.02 = 0.04"),
        (Rate("", D("20")), 600, "0", "10 min × 20 = 200"),
        (Rate("1", D("0.0391")), 0, "0", "0 min × 0.0391 = 0"),
        (Rate("1", D("0.0967"), 1, 30), 7, "0", "30 s × 0.0967 / 60 = 0.04835"),
        (Rate("1", D("0.0967"), 1, 30), 31, "0", "31 s × 0.0967 / 60 ≈ 0.049962"),
        (Rate("1", D("0.12"), free_seconds=60), 61, "0", "1 min × 0.12 = 0.12"),
        (Rate("1", D("0.12"), free_seconds=60), 10, "0.01", "0 min × 0.12 + 0.01 = 0.01"),
        (Rate("1", D("0.6"), 6, first_block_seconds=20), 21, "0", "26 s × 0.6 / 60 = 0.26"),
    ],
)
def test_a_charge_shows_its_arithmetic(terms, duration, fee, expected):
    terms = Rate(*terms.as_row()[:4], D(fee), *terms.as_row()[5:])
    charged = charge(terms, duration)
    shown = arithmetic(terms.price_per_minute, charged.billed_seconds, terms.free_seconds, D(fee), charged.cost)
    assert shown == expected


@pytest.mark.parametrize(
    ("price", "billed", "free", "fee", "cost", "expected"),
    [
        # Free seconds came off the billed ones until 19.0.3.0.0: (120 - 60) / 60 x 0.12.
        ("0.12", 120, 60, "0", "0.12", "(2 − 1) min × 0.12 = 0.12"),
        ("0.12", 90, 30, "0.01", "0.13", "(90 − 30) s × 0.12 / 60 + 0.01 = 0.13"),
        ("0.12", 6, 90, "0", "0", "(6 − 6) s × 0.12 / 60 = 0"),
    ],
)
def test_charges_of_earlier_versions_show_how_they_came_about(price, billed, free, fee, cost, expected):
    assert arithmetic(D(price), billed, free, D(fee), D(cost)) == expected
