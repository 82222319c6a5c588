import copy
import pickle
import random
import re
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from fractions import Fraction
from pathlib import Path

import call_wallet_rating as rating
import pytest
from call_wallet_rating import Charge, Rate, charge, cost_of, round6

D = Decimal


def half_up(fraction):
    """The nearest millionth, halves upward, worked out without the code under test."""
    millionths = fraction * 10**6
    whole = millionths.numerator // millionths.denominator
    return Fraction(whole + (millionths - whole >= Fraction(1, 2)), 10**6)


@pytest.mark.parametrize(
    ("duration", "minutes", "cost"),
    [
        (0, "0", "0"),
        (1, "1", "0.02"),
        (59, "1", "0.02"),
        (60, "1", "0.02"),
        (61, "2", "0.04"),
        (120, "2", "0.04"),
        (121, "3", "0.06"),
        (3600, "60", "1.2"),
    ],
)
def test_a_whatsapp_call_is_rounded_up_to_the_whole_minute(duration, minutes, cost):
    charged = charge(Rate("", D("0.02")), duration)
    assert (charged.billed_minutes, charged.cost) == (D(minutes), D(cost))


@pytest.mark.parametrize(
    ("increment", "minimum", "duration", "billed"),
    [
        (1, 1, 1, 1),
        (1, 0, 61, 61),
        (6, 6, 1, 6),
        (6, 6, 6, 6),
        (6, 6, 7, 12),
        (6, 30, 1, 30),
        (6, 30, 30, 30),
        (6, 30, 31, 36),
        (60, 60, 1, 60),
        (60, 60, 61, 120),
        (60, 30, 1, 60),
        (60, 90, 1, 120),
        (7, 30, 1, 35),
        (1, 30, 29, 30),
    ],
)
def test_every_increment_and_minimum_bills_as_contracted(increment, minimum, duration, billed):
    assert charge(Rate("1", D("0.1"), increment, minimum), duration).billed_seconds == billed


@pytest.mark.parametrize(
    ("duration", "cost"), [(0, "0"), (1, "0.0491"), (60, "0.0491"), (61, "0.0882"), (600, "0.401")]
)
def test_the_connection_fee_is_on_every_call_but_one_of_0_seconds(duration, cost):
    assert cost_of(Rate("1", D("0.0391"), connection_fee=D("0.01")), duration) == D(cost)


def test_a_minimum_does_not_bill_a_call_of_0_seconds():
    assert charge(Rate("1", D(1), 60, 60, D(1)), 0)[:3] == (0, D(0), D(0))


def test_billed_minutes_have_6_places_rounded_half_up():
    rate = Rate("1", D("0.06"), 1)
    assert str(charge(rate, 1).billed_minutes) == "0.016667"
    assert str(charge(rate, 20).billed_minutes) == "0.333333"
    assert str(charge(rate, 60).billed_minutes) == "1.000000"


@pytest.mark.parametrize("duration", [0, 1, 60])
def test_costs_always_have_exactly_6_places(duration):
    charged = charge(Rate("1", D("0.0600000000"), 1), duration)
    assert charged.cost.as_tuple().exponent == charged.billed_minutes.as_tuple().exponent == -6


@pytest.mark.parametrize(
    ("price", "seconds", "cost"),
    [
        ("0.000030", 1, "0.000001"),  # 0.5 millionths
        ("0.000029", 1, "0.000000"),
        ("0.000090", 1, "0.000002"),  # 1.5: upward, where half to even gives 2 as well
        ("0.000150", 1, "0.000003"),  # 2.5: upward, where half to even gives 2
        ("0.0000299999999", 1, "0.000000"),
    ],
)
def test_half_a_millionth_is_rounded_up(price, seconds, cost):
    assert str(cost_of(Rate("1", D(price), 1), seconds)) == cost


def test_a_price_longer_than_28_digits_is_rounded_once():
    price = D("0.0000004" + "9" * 40)
    twice = (price * 60 / 60).quantize(D("0.000001"), ROUND_HALF_UP)
    assert twice == D("0.000001"), "cut to 28 digits it seems to be a half"
    assert cost_of(Rate("1", price), 60) == 0
    assert cost_of(Rate("1", D("0.0000005")), 60) == D("0.000001")


def test_the_precision_of_the_calling_thread_changes_nothing():
    rate = Rate("1", D("123456.789012"), 1, connection_fee=D("0.000001"))
    expected = charge(rate, 86_399)
    with localcontext(Context(prec=3)):
        assert charge(rate, 86_399) == expected
        assert rate.price_per_minute == D("123456.789012")
    assert expected.cost == D("177775718.564131")


def test_random_costs_agree_with_exact_fractions():
    rng = random.Random(19)
    halves = 0
    for _ in range(20_000):
        places = rng.choice((2, 4, 6, 6, 9, 35))
        price = D(rng.randrange(10 ** rng.randrange(1, places + 2))).scaleb(-places)
        fee = D(rng.choice((0, 0, 5, 12_345_675))).scaleb(-7)
        increment, minimum = rng.choice(((1, 0), (1, 30), (6, 6), (30, 6), (6, 30), (60, 0), (60, 60)))
        free, duration = rng.choice((0, 0, 10, 60)), rng.randrange(0, 4000)
        talk = max(duration - free, 0)
        units = -(-max(talk, minimum) // increment) if talk else 0
        exact = Fraction(price) * units * increment / 60 + (Fraction(fee) if duration else 0)
        halves += (exact * 10**6) % 1 == Fraction(1, 2)
        charged = charge(Rate("1", price, increment, minimum, fee, free), duration)
        assert charged.billed_seconds == units * increment
        assert Fraction(charged.cost) == half_up(exact)
    assert halves > 100, "exact halves must be among the cases"


def test_round6_agrees_with_exact_fractions_around_every_half():
    rng = random.Random(6)
    for _ in range(5_000):
        denominator = rng.choice((1, 2, 3, 60, 4_000_000, 10**30))
        numerator = rng.randrange(10**12)
        assert Fraction(round6(numerator, denominator)) == half_up(Fraction(numerator, denominator))


def test_only_one_function_rounds():
    folder = Path(rating.__file__).parent
    rounds = re.compile(r"quantize|\bround\(|ROUND_|to_integral|2_000_000 \* numerator")
    found = [(path.name, match) for path in folder.glob("*.py") for match in rounds.findall(path.read_text("utf-8"))]
    assert found == [("money.py", "2_000_000 * numerator")]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Rate("1", 0.02),
        lambda: Rate("1", D("0.02"), connection_fee=0.01),
        lambda: Rate("1", "0.02"),
        lambda: Rate("1", True),
        lambda: Rate("1", D("0.02"), increment_seconds=60.0),
        lambda: Rate("1", D("0.02"), minimum_seconds=D(30)),
        lambda: Rate("1", D("0.02"), free_seconds=True),
        lambda: Rate("1", D("0.02"), first_block_seconds=20.0),
        lambda: Rate("1", D("0.02"), grace_seconds="5"),
        lambda: Rate("1", D("0.02"), valid_from="2026-10-01"),
        lambda: Rate("1", D("0.02"), rate_id="7"),
        lambda: Charge(60, D(1), 0.02, None),
        lambda: Charge(60, 1.0, D("0.02"), None),
        lambda: charge(Rate("1", D("0.02")), 60.0),
        lambda: charge(Rate("1", D("0.02")), True),
        lambda: charge(Rate("1", D("0.02")), None),
    ],
)
def test_floats_and_other_wrong_types_are_refused(make):
    with pytest.raises(TypeError):
        make()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"price_per_minute": D("-0.01")}, "price_per_minute"),
        ({"price_per_minute": D("NaN")}, "price_per_minute"),
        ({"price_per_minute": D("Infinity")}, "price_per_minute"),
        ({"price_per_minute": D("1e999999")}, "price_per_minute"),
        ({"price_per_minute": D("1e-999999")}, "price_per_minute"),
        ({"connection_fee": D("-1")}, "connection_fee"),
        ({"increment_seconds": 0}, "increment_seconds"),
        ({"minimum_seconds": -1}, "minimum_seconds"),
        ({"free_seconds": -1}, "free_seconds"),
        ({"first_block_seconds": -1}, "first_block_seconds"),
        ({"first_block_seconds": 20, "minimum_seconds": 30}, "first_block_seconds"),
        ({"grace_seconds": -1}, "grace_seconds"),
        ({"rate_id": -1}, "rate_id"),
        ({"prefix": "+1"}, "prefix"),
        ({"prefix": "01"}, "prefix"),
        ({"prefix": "1 "}, "prefix"),
        ({"prefix": "٤٤"}, "prefix"),
        ({"prefix": "1" * 16}, "prefix"),
        ({"prefix": None}, "prefix"),
        ({"valid_from": datetime(2026, 10, 1, tzinfo=UTC)}, "valid_from"),
        ({"valid_from": datetime(2026, 10, 2), "valid_to": datetime(2026, 10, 1)}, "valid_to"),
    ],
)
def test_a_value_out_of_range_is_refused_by_the_name_of_its_field(values, field):
    with pytest.raises(ValueError, match=f"^{field}: "):
        Rate(**{"prefix": "1", "price_per_minute": D("0.02"), **values})


def test_a_negative_duration_is_refused():
    with pytest.raises(ValueError, match=r"^duration_seconds: -1"):
        charge(Rate("1", D("0.02")), -1)


def test_rates_and_charges_cannot_be_changed():
    rate = Rate("1", D("0.02"))
    charged = charge(rate, 60)
    for value, name in ((rate, "prefix"), (rate, "price_per_minute"), (rate, "note"), (charged, "cost")):
        with pytest.raises(AttributeError):
            setattr(value, name, D(1))


def test_equal_rates_are_equal_and_survive_copying_and_pickling():
    rate = Rate("44", D("0.0391"), 6, 30, D("0.01"), 5, datetime(2026, 1, 1), None, "GB fixed", 7)
    assert rate == Rate("44", D("0.039100"), 6, 30, D("0.010"), 5, datetime(2026, 1, 1), None, "GB fixed", 7)
    assert rate != Rate("44", D("0.0392"), 6, 30, D("0.01"), 5, datetime(2026, 1, 1), None, "GB fixed", 7)
    assert rate != Rate("44", D("0.0391"), 6, 30, D("0.01"), 5, datetime(2026, 1, 1), None, "GB fixed", 7, 0, 3)
    charged = charge(rate, 61)
    assert copy.deepcopy(charged) == pickle.loads(pickle.dumps(charged)) == charged
    assert pickle.loads(pickle.dumps(rate)).as_row() == rate.as_row()


def test_a_rate_gives_back_what_it_was_made_of():
    values = ("44", D("0.0391000000000000000000000000000000000001"), 6, 0, D("0.01"), 5, None, None, "GB", 7, 20, 3)
    assert Rate(*values).as_row() == values
