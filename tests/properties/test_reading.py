"""What is read, and how it is written: calls, numbers, price lists, days and amounts, for any input."""

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from odoo.addons.call_wallet.rating import InvalidNumber, normalise
from odoo.addons.call_wallet.tools import money
from odoo.addons.call_wallet.tools.clock import day_in
from odoo.addons.call_wallet.tools.intake import (
    CALL_FIELDS,
    MAX_DURATION,
    STATUSES,
    Call,
    Refused,
    iso,
    moment,
    parse_call,
)
from odoo.addons.call_wallet.tools.limits import read_limits
from odoo.addons.call_wallet.tools.rate_deck import UnreadableDeck, read_deck
from odoo.addons.call_wallet.tools.typed import Notation, Unclear, Unreadable, read_number

from .profiles import EVERY

# With what a client may send of JSON, and what may not be stored.
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NUMBER = st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True)
MOMENT = st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1))
OFFSET = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
CALL = {
    "account": "ACME", "call_ref": "r", "call_type": "live", "number": "+14155550100",
    "started_at": "2026-10-01T10:00:00Z", "duration_seconds": 61, "status": "completed",
}  # fmt: skip
# Zones whose clocks change at midnight, by half an hour, or not at all.
ZONE = st.sampled_from(
    ("UTC", "Europe/Madrid", "America/Santiago", "Africa/Cairo", "Australia/Lord_Howe", "Asia/Kathmandu",
     "Pacific/Apia", "America/Havana", "Asia/Beirut")
)  # fmt: skip
NOTATIONS = st.sampled_from((Notation(".", ","), Notation(",", "."), Notation(",", "\N{NO-BREAK SPACE}")))
AMOUNT = st.integers(-(10**13), 10**13).map(lambda count: Decimal(count).scaleb(-6))
CURRENCY = st.sampled_from((0.01, 1.0, 0.001, 0.05)).map(lambda unit: SimpleNamespace(rounding=unit))


@EVERY
@given(st.dictionaries(st.sampled_from([*CALL_FIELDS]) | st.text(max_size=8), ANYTHING, max_size=11))
def test_any_call_is_read_or_refused(sent):
    for raw in (sent, {**CALL, **sent}):
        try:
            call = parse_call(raw)
        except Refused as refused:
            assert refused.code and refused.sentence
            continue
        assert isinstance(call, Call) and 0 <= call.duration_seconds <= MAX_DURATION and call.status in STATUSES
        assert call.started_at.tzinfo is None and not call.started_at.microsecond


@EVERY
@given(NUMBER, MOMENT, OFFSET, st.integers(0, MAX_DURATION), st.sampled_from(STATUSES))
def test_a_call_is_read_as_it_was_sent(number, at, offset, seconds, status):
    at = at.replace(microsecond=0)
    sent = at.replace(tzinfo=UTC).astimezone(offset).isoformat()
    call = parse_call({**CALL, "number": number, "started_at": sent, "duration_seconds": seconds, "status": status})
    assert (call.number, call.started_at, call.duration_seconds, call.status) == (number, at, seconds, status)
    assert call.billable_seconds == (seconds if status == "completed" else 0)
    # What is answered can be sent again, and is the same call.
    again = parse_call({**CALL, **{name: getattr(call, name) for name in CALL_FIELDS}, "started_at": iso(at)})
    assert again == call


@EVERY
@given(st.text(max_size=20) | NUMBER)
def test_a_number_is_kept_as_it_is_or_refused(text):
    try:
        assert normalise(text) == text
    except InvalidNumber:
        assert not re.fullmatch(r"\+[1-9][0-9]{6,14}", text, re.ASCII)
    else:
        assert re.fullmatch(r"\+[1-9][0-9]{6,14}", text, re.ASCII)


@EVERY
@given(st.text(max_size=30))
def test_any_text_is_a_time_or_refused(text):
    try:
        read = moment({"started_at": text})
    except Refused:
        return
    assert moment({"started_at": iso(read)}) == read


@EVERY
@given(st.text(alphabet="0123456789.,' -+٣٫\N{NO-BREAK SPACE}", max_size=15), NOTATIONS, st.integers(0, 6))
def test_any_text_is_an_amount_or_refused(text, notation, places):
    try:
        amount = read_number(text, notation, places)
    except Unreadable:
        return
    assert amount.is_finite()


@EVERY
@given(st.integers(-(10**9), 10**9), st.integers(0, 6), NOTATIONS)
def test_an_amount_is_read_as_it_is_written_or_asked_about(count, places, notation):
    amount = Decimal(count).scaleb(-places)
    try:
        assert read_number(notation.write(amount), notation, places) == amount
    except Unclear as unclear:
        assert amount in (unclear.grouped, unclear.decimal)


PRICE_LINES = st.lists(
    st.tuples(
        st.from_regex(r"(?:[1-9][0-9]{0,14})?", fullmatch=True, alphabet="0123456789"),
        st.integers(0, 10**9),
        st.sampled_from((1, 6, 30, 60)),
        st.sampled_from((0, 60, 120)),
        st.integers(0, 10**6),
        st.integers(0, 3600),
    ),
    min_size=1,
    max_size=10,
)


@EVERY
@given(PRICE_LINES, st.sampled_from(",;\t"))
def test_a_price_list_is_read_exactly(lines, delimiter):
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter)
    writer.writerow(("prefix", "price_per_minute", "increment_seconds", "minimum_seconds", "connection_fee", "grace"))
    for prefix, price, increment, minimum, fee, grace in lines:
        # Six places, so that a point cannot stand between thousands.
        writer.writerow((prefix, micros(price), increment, minimum, micros(fee), grace))
    items = list(read_deck(file.getvalue().encode(), ZoneInfo("UTC")))
    assert [item.errors for item in items] == [[]] * len(lines)
    read = [(v[1], v[3], v[4], v[5], v[6], v[9]) for v in (item.values for item in items)]
    assert read == [
        (prefix, Decimal(micros(price)), increment, minimum, Decimal(micros(fee)), grace)
        for prefix, price, increment, minimum, fee, grace in lines
    ]


def micros(count):
    return f"{Decimal(count).scaleb(-6):.6f}"


@EVERY
@given(st.text(max_size=60) | st.lists(st.lists(st.text(max_size=8), max_size=4)).map(str) | st.binary(max_size=60))
def test_any_file_is_a_price_list_or_refused(data):
    data = data if isinstance(data, bytes) else b"prefix,price_per_minute\n" + data.encode("utf-8", "replace")
    try:
        items = list(read_deck(data, ZoneInfo("Europe/Madrid")))
    except UnreadableDeck as unreadable:
        assert unreadable.sentence
        return
    for item in items:
        assert item.errors or (item.values[3] >= 0 and re.fullmatch("[0-9]{0,15}", item.values[1]))


@EVERY
@given(ZONE, st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)), st.integers(0, 7 * 86_400))
def test_the_days_of_a_zone_follow_one_another(tz, at, later):
    """Each moment is of one day: that which the clock on the wall shows; none comes back, none is left out."""
    before, after = day_in(tz, at), day_in(tz, at + timedelta(seconds=later))
    assert before <= after <= before + timedelta(days=later // 86_400 + 1)
    midnight = datetime(before.year, before.month, before.day, tzinfo=ZoneInfo(tz))
    assert midnight.astimezone(UTC).replace(tzinfo=None) <= at
    assert date.fromordinal(before.toordinal()) == before


@EVERY
@given(AMOUNT, CURRENCY)
def test_coins_are_the_nearest_that_can_be_paid(amount, currency):
    unit = money.unit_of(currency)
    coins = money.to_coins(amount, currency)
    assert money.is_payable(coins, currency) and 2 * abs(coins - amount) <= unit
    assert money.to_coins(coins, currency) == coins
    assert money.to_coins(-amount, currency) == -coins


@EVERY
@given(AMOUNT, st.integers(0, 6))
def test_what_is_shown_is_rounded_half_up_and_never_minus_zero(amount, places):
    shown = money.rounded(amount, places)
    assert shown == amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    assert not f"{shown:f}".startswith("-0") or shown
    assert money.places_of(shown) <= places


@EVERY
@given(st.integers(1, 10**13).map(lambda count: Decimal(count).scaleb(-6)), CURRENCY)
def test_stated_amounts_can_be_paid_and_are_near(amount, currency):
    unit = money.unit_of(currency)
    for stated in (money.about(amount, currency), money.nearest_round(amount, currency)):
        assert stated >= unit and money.is_payable(stated, currency)
    assume(amount >= 100 * unit)
    assert abs(money.about(amount, currency) - amount) <= amount / 20 + unit


@EVERY
@given(st.lists(st.none() | st.integers(0, 10**12), min_size=5, max_size=5))
def test_limits_are_read_exactly(values):
    row = [None if value is None else micros(value) for value in values]
    row[2] = None if values[2] is None else str(values[2])
    limits = read_limits(row, "UTC")
    wanted = [None if value is None else Decimal(value).scaleb(-6) for value in values]
    wanted[2] = values[2]
    assert [*limits[:5]] == wanted
    assert set(limits.spend) == {
        name for name, value in zip(("day", "month"), wanted, strict=False) if value is not None
    }


def test_a_float_is_never_taken_for_a_duration():
    with pytest.raises(Refused):
        parse_call({**CALL, "duration_seconds": 61.0})
