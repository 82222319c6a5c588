import csv
import random
import tracemalloc
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from call_wallet_rating import Deck, Rate, charge

D = Decimal
AT = datetime(2026, 10, 1, 12)
DAY = timedelta(days=1)
DEMO = Path(__file__).parents[2] / "call_wallet" / "demo"


def rate(prefix, rate_id=None, valid_from=None, valid_to=None, price="0.01"):
    return Rate(prefix, D(price), valid_from=valid_from, valid_to=valid_to, rate_id=rate_id)


def matched(rates, number, at=AT):
    found = Deck(rates).match(number, at)
    return found and found.rate_id


def longest_match(rates, number, at):
    """The rule told plainly: in force, longest prefix, latest start, highest id."""
    in_force = [
        found
        for found in rates
        if number[1:].startswith(found.prefix)
        and (found.valid_from is None or found.valid_from <= at)
        and (found.valid_to is None or at < found.valid_to)
    ]
    return max(
        in_force,
        key=lambda found: (len(found.prefix), found.valid_from or datetime.min, found.rate_id),
        default=None,
    )


def test_the_longest_prefix_wins():
    rates = [rate("2348", 3), rate("2", 1), rate("234", 2)]
    assert matched(rates, "+2348012345678") == 3
    assert matched(rates, "+2341234567") == 2
    assert matched(rates, "+27101234988") == 1


def test_a_number_outside_the_contract_matches_nothing():
    assert matched([rate("234", 1)], "+233123456789") is None
    assert matched([rate("234", 1)], "+235123456789") is None
    assert matched([], "+14155550100") is None


def test_the_empty_prefix_matches_every_number():
    rates = [rate("", 1), rate("44", 2)]
    assert matched(rates, "+14155550100") == 1
    assert matched(rates, "+999999999999999") == 1
    assert matched(rates, "+442071838750") == 2


def test_a_prefix_longer_than_the_number_does_not_match_it():
    assert matched([rate("4400", 1)], "+44") is None
    assert matched([rate("4400", 1), rate("44", 2)], "+440") == 2
    assert matched([rate("4400", 1)], "+4400") == 1


def test_a_prefix_of_15_digits_matches_its_one_number():
    assert matched([rate("123456789012345", 1)], "+123456789012345") == 1
    assert matched([rate("123456789012345", 1)], "+123456789012346") is None


def test_the_validity_begins_inclusive_and_ends_exclusive():
    rates = [rate("1", 1, AT, AT + DAY)]
    second = timedelta(seconds=1)
    assert matched(rates, "+14155550100", AT - second) is None
    assert matched(rates, "+14155550100", AT) == 1
    assert matched(rates, "+14155550100", AT + DAY - second) == 1
    assert matched(rates, "+14155550100", AT + DAY) is None


def test_a_shorter_prefix_answers_when_the_longest_is_not_in_force():
    rates = [rate("1", 1), rate("1415", 2, AT + DAY), rate("14", 3, None, AT)]
    assert matched(rates, "+14155550100", AT - DAY) == 3
    assert matched(rates, "+14155550100", AT) == 1
    assert matched(rates, "+14155550100", AT + DAY) == 2


def test_a_new_price_takes_over_from_the_moment_it_begins():
    rates = [rate("1", 1, None, AT), rate("1", 2, AT)]
    assert matched(rates, "+14155550100", AT - DAY) == 1
    assert matched(rates, "+14155550100", AT) == 2


@pytest.mark.parametrize("turn", [1, -1])
def test_of_two_in_force_the_one_that_began_last_wins_then_the_higher_id(turn):
    rates = [rate("1", 9), rate("1", 1, AT - 2 * DAY), rate("1", 3, AT - DAY), rate("1", 2, AT - DAY)][::turn]
    assert matched(rates, "+14155550100") == 3
    assert matched([rate("1", 1), rate("1", 2)][::turn], "+14155550100") == 2
    assert matched([rate("1", None), rate("1", 0)][::turn], "+14155550100") == 0


def test_a_rate_that_ends_where_it_begins_is_never_in_force():
    assert matched([rate("1", 1, AT, AT)], "+14155550100") is None


def test_a_start_with_a_time_zone_is_refused():
    with pytest.raises(TypeError):
        Deck([rate("1")]).match("+14155550100", AT.replace(tzinfo=UTC))


def test_a_match_is_the_rate_that_was_put_in():
    rates = [
        Rate("44", D("0.0391"), 6, 30, D("0.01"), 5, AT, AT + DAY, "GB fixed", 7),
        Rate("44", D("0.0000000000000000000000000000000000000391"), destination="long", rate_id=2**40),
        Rate("1", D(99_999_999_999_999), destination="dear"),
        Rate("", 0),
    ]
    deck = Deck(rates)
    assert len(deck) == 4
    assert deck.match("+442071838750", AT) == rates[0]
    assert deck.match("+442071838750", AT - DAY) == rates[1]
    assert deck.match("+14155550100", AT) == rates[2]
    assert deck.match("+5068812345", AT) == rates[3]


def random_deck(rng):
    digits = rng.choice(("12", "0123456789"))
    starts = [None, *(AT + offset * DAY for offset in range(-3, 3))]
    rates = []
    for rate_id in range(rng.choice((1, 5, 40, 700))):
        length = rng.randrange(0, 8) if rng.random() < 0.95 else 15
        prefix = (rng.choice("129") + "".join(rng.choices(digits, k=length)))[:length]
        start = rng.choice(starts)
        end = rng.choice((None, None, (start or AT) + rng.randrange(0, 4) * DAY))
        rates.append(rate(prefix, rate_id, start, end, str(rng.randrange(1000))))
    rng.shuffle(rates)
    return rates


def test_random_decks_agree_with_a_search_through_all_rates():
    rng = random.Random(164)
    found = 0
    for _ in range(120):
        rates = random_deck(rng)
        deck = Deck(rates)
        for _ in range(60):
            stem = rng.choice(rates).prefix if rng.random() < 0.7 else ""
            stem = stem or rng.choice("1239")
            number = "+" + (stem + "".join(rng.choices("0129", k=rng.randrange(1, 14))))[:15]
            at = AT + rng.randrange(-4, 5) * DAY + timedelta(seconds=rng.choice((-1, 0, 1)))
            expected = longest_match(rates, number, at)
            assert deck.match(number, at) == expected, (number, at)
            found += expected is not None
    assert 1_000 < found < 7_000, "both found and missing must be among the cases"


def test_a_large_deck_takes_less_than_50_bytes_a_rate_and_answers_right():
    rng = random.Random(50_000)
    count = 50_000
    prefixes = rng.sample(range(10**6, 10**7), count)
    rows = [(str(prefix), D(rng.randrange(10**6)).scaleb(-6)) for prefix in prefixes]
    tracemalloc.start()
    try:
        deck = Deck(Rate(*row) for row in rows)
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size < 50 * count
    for prefix, price in rng.sample(rows, 2_000):
        assert deck.match(f"+{prefix}5501", AT) == Rate(prefix, price)
    present = set(prefixes)
    others = [prefix for prefix in rng.choices(range(10**6, 10**7), k=2_000) if prefix not in present]
    assert all(deck.match(f"+{prefix}5501", AT) is None for prefix in others)


def demo(name):
    with (DEMO / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_every_demo_live_call_costs_what_its_contract_says():
    contract = demo("rates.csv")
    deck = Deck(
        Rate(
            row["prefix"],
            D(row["price_per_minute"]),
            int(row["increment_seconds"]),
            int(row["minimum_seconds"]),
            D(row["connection_fee"]),
            destination=row["destination"],
        )
        for row in contract
    )
    charged_calls = 0
    for call in demo("calls.csv"):
        if call["call_type"] != "live":
            continue
        duration = int(call["duration_seconds"]) if call["status"] == "completed" else 0
        at = datetime.fromisoformat(call["started_at"]).astimezone(UTC).replace(tzinfo=None)
        charged = charge(deck.match(call["number"], at), duration)
        fits = [row for row in contract if call["number"].startswith("+" + row["prefix"])]
        row = max(fits, key=lambda row: len(row["prefix"]))
        increment = int(row["increment_seconds"])
        units = -(-max(duration, int(row["minimum_seconds"])) // increment) if duration else 0
        exact = Fraction(row["price_per_minute"]) * units * increment / 60
        exact += Fraction(row["connection_fee"]) if duration else 0
        assert charged.rate.prefix == row["prefix"]
        assert charged.billed_seconds == units * increment
        assert abs(Fraction(charged.cost) - exact) <= Fraction(1, 2_000_000)
        charged_calls += charged.cost > 0
    assert charged_calls > 1_000


def test_every_demo_whatsapp_call_costs_two_cents_a_minute():
    deck = Deck([Rate("", D("0.02"))])
    calls = [call for call in demo("calls.csv") if call["call_type"] == "whatsapp"]
    for call in calls:
        duration = int(call["duration_seconds"])
        minutes = -(-duration // 60)
        charged = charge(deck.match(call["number"], AT), duration)
        assert (charged.billed_minutes, charged.cost) == (minutes, minutes * D("0.02"))
    assert len(calls) > 1_000
