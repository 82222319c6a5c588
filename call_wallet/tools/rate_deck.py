"""Read a price list: CSV or XLSX in, checked rates or errors by line out. No database here.

One line at a time, so that a list of any length takes little memory. The header names the
columns: ``prefix`` and ``price_per_minute``, and optionally ``destination``,
``increment_seconds`` (60; "60/6" is a first block and an increment), ``minimum_seconds`` (0), ``connection_fee`` (0),
``free_seconds`` (as it was), ``first_block_seconds`` (as it was, unless the line has a minimum), ``grace_seconds``
(as it was). Where there is no column of increments, minimums or first blocks, or none of fees, these stay as they were.
Further ``valid_from`` and ``valid_to`` (ISO 8601, or a day as the reader's language writes it; in the reader's
time zone, as on the form, unless it gives an offset). What people usually call them is understood too, such as
"Initial increment": see ``rate_deck_columns``. A prefix may have + or 00 before it; several in a cell, such as
"44, 4420-4425", are as many rates.

A price such as 1.250 or a day such as 01/11/2026 has two readings. The other lines of the file decide: 0,05 says that
its commas are decimal marks. Where they say nothing, a mark that the reader's language begins decimals with does so,
and days are read in that language; else the cell is refused with both readings.
"""

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from odoo.tools.translate import LazyTranslate

from ..rating import billed_for_minimum
from .rate_deck_columns import COLUMNS, COUNTRY, CURRENCY, check_currency, find_header, read_header
from .rate_deck_currency import PlanCurrency, split_amount
from .rate_deck_files import MAX_LINES, UNCOMPUTED, UnreadableDeck, read_lines
from .rate_deck_ways import Ways, is_day, is_scientific
from .typed import ENGLISH, Unreadable, ascii_digit, readings

_lt = LazyTranslate(__name__)

__all__ = ["UnreadableDeck", "read_deck"]

MAX_PRICE = Decimal(100_000)
MAX_TEXT = 200
MAX_RANGE = 1_000
MAX_PREFIXES = 10_000  # of a line
STEPS = {"increment_seconds", "minimum_seconds", "first_block_seconds"}
MICRO = Decimal("0.000001")
_is_prefix = re.compile(r"(?:[1-9][0-9]{0,14})?").fullmatch
_is_dialled = re.compile(r"(?:\+|00)?([1-9][0-9]{0,14})").fullmatch
_is_range = re.compile(r"(?:\+|00)?([1-9][0-9]{0,14}) ?[-–] ?(?:\+|00)?([1-9][0-9]{0,14})").fullmatch
_is_whole = re.compile(r"[0-9]{1,9}").fullmatch
_are_steps = re.compile(r"([0-9]{1,5}) ?[-/+] ?([0-9]{1,5})").fullmatch
# What a spreadsheet shows where a formula has failed.
FAILED = {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!"}
_unreadable = re.compile("[\x00-\x1f\x7f-\x9f]").search


class WrongCell(Exception):
    """A cell cannot be read; ``sentence`` says what to write instead. ``column`` is its own where it is not the one
    that is being read.
    """

    def __init__(self, sentence, column=None):
        super().__init__()
        self.sentence, self.column = sentence, column


class Error(NamedTuple):
    """What is wrong with one cell; ``sentence`` is translated where it is shown."""

    line: int
    column: str
    value: str
    sentence: object


class Item(NamedTuple):
    """A rate of the list: either its values, or its line's errors.

    ``values``: line, prefix, destination, price, increment, minimum, fee, free seconds, first block, grace, valid from
    (naive UTC) and valid to. None, of all from the increment on: as it was, for valid from as the import says, and for
    valid to for good. ``cells`` is the line as it stands in the file.
    """

    values: tuple
    errors: list
    cells: list


class Chosen(NamedTuple):
    """What somebody said of a file before it is read.

    :param dict columns: {name: position}; None: the headings say it
    :param int header_line: the line that has the headings
    :param PlanCurrency currency: the plan's; prices in another one, by their heading or their line, are refused
    :param datetime begins: when lines that say nothing else begin to be valid, naive UTC
    """

    columns: dict | None = None
    header_line: int = 0
    currency: PlanCurrency | None = None
    begins: datetime | None = None


NOTHING_CHOSEN = Chosen()


def read_deck(data, tz, notation=ENGLISH, day_first="m", chosen=NOTHING_CHOSEN):
    """Yield an ``Item`` for each rate below the header, and for each line with errors.

    :param bytes data: the file
    :param ZoneInfo tz: the time zone of the times that give no offset
    :param Notation notation: how the reader's language writes numbers
    :param str day_first: whether it writes the day (``"d"``) or the month (``"m"``) first
    :param Chosen chosen: what somebody said of the file
    :raise UnreadableDeck: not CSV or XLSX, or a header that cannot be understood
    """
    found = find_header(read_lines(data))
    if found is None:
        raise UnreadableDeck(_lt("it is empty; begin with a line of column names."))
    line, cells, _samples = found
    header = chosen.columns or read_header(cells)
    check_currency(header, cells, chosen.currency)
    line = chosen.header_line or line
    ways = Ways(lambda: read_lines(data), tz, notation, day_first)
    ways.header, ways.begins, ways.currency, count = header, chosen.begins, chosen.currency, 0
    for number, cells in read_lines(data):
        if number <= line:
            ways.width = 1 + max(place for place, cell in enumerate(cells) if cell not in (None, ""))
            continue
        for item in read_line(number, header, cells, ways):
            yield item
            count += 1
        if count > MAX_LINES:
            raise UnreadableDeck(_lt("more than %s prefixes; split it.", MAX_LINES))


# === LINES === #


def read_line(number, header, cells, ways):
    """Yield an ``Item`` for each prefix in one line of the file, or one with its errors."""
    errors, values = [], [number]
    width, kept = ways.width, left_open(header)
    if len(cells) > width and any(cell not in (None, "") for cell in cells[width:]):
        errors.append(
            Error(number, "", shown(cells[width]), _lt("More cells than the header has; check the separators."))
        )
    if CURRENCY in header:
        errors += check_line_currency(number, cell_of(cells, header, CURRENCY), ways)
    for column in COLUMNS:
        cell = cell_of(cells, header, column)
        try:
            if cell is UNCOMPUTED or (isinstance(cell, str) and cell in FAILED):
                raise WrongCell(
                    _lt(
                        "The formula in this cell has no value. Open the file in a spreadsheet, let it calculate, and "
                        "save it; or enter the value."
                    )
                )
            if column == "prefix" and COUNTRY in header:
                country = cell_of(cells, header, COUNTRY)
                cell = with_country(country, cell)
            values.append(None if column in kept else READERS[column](cell, ways))
        except WrongCell as wrong:
            errors.append(
                Error(number, wrong.column or column, shown(country if wrong.column else cell), wrong.sentence)
            )
    if not errors:
        errors += check_line(number, header, values, ways)
    several = () if errors else values[1]
    if isinstance(several, tuple) and several:
        for prefix in several:
            yield Item((number, prefix, *values[2:]), errors, cells)
    else:
        yield Item(tuple(values), errors, cells)


def left_open(header):
    """Return the terms of which a file says nothing: they stay as they are, and new rates get the usual ones.

    How long is billed is one term: a file that says some of it says all of it.
    """
    return {column for terms in (STEPS, {"connection_fee"}) if not terms & header.keys() for column in terms}


def cell_of(cells, header, column):
    """Return a line's cell of a column; None where the file or the line has none."""
    position = header.get(column, len(cells))
    return cells[position] if position < len(cells) else None


def check_line_currency(number, cell, ways):
    """Yield the error of a line whose prices are not in the plan's currency."""
    text = str(cell if cell is not None else "").strip()
    if text and ways.currency and not ways.currency.is_meant(text):
        yield Error(
            number, CURRENCY, shown(cell),
            _lt("The rate plan is in %s. Remove the line, or choose a plan in its currency.", ways.currency.code),
        )  # fmt: skip


def check_line(number, header, values, ways):
    """Yield the errors of cells that do not go together; say what "60/6" says in two columns."""
    said = dict(zip(COLUMNS, values[1:], strict=True))
    if isinstance(said["increment_seconds"], tuple):
        first, step = said["increment_seconds"]
        if "first_block_seconds" in header or said["minimum_seconds"]:
            yield Error(
                number, "increment_seconds", f"{first}/{step}",
                _lt("The line says the first block or minimum in a column of its own too; write %s alone here.", step),
            )  # fmt: skip
        said |= {"increment_seconds": step, "first_block_seconds": first}
    if said["increment_seconds"] and said["first_block_seconds"] == said["increment_seconds"]:
        # A first block of one increment is none.
        said["first_block_seconds"] = 0
    values[1:] = said.values()
    if said["increment_seconds"]:
        yield from check_steps(number, said)
    begins = said["valid_from"] or ways.begins
    if said["valid_to"] and begins and said["valid_to"] <= begins:
        yield Error(
            number, "valid_to", f"{said['valid_to']}",
            _lt("It ends before it begins; enter a later end, or leave it empty for good."),
        )  # fmt: skip


def check_steps(number, values):
    """Yield the errors of a minimum that no contract means, given what a line says (as on the form of a rate)."""
    minimum, increment, block = (
        values["minimum_seconds"], values["increment_seconds"], values["first_block_seconds"],
    )  # fmt: skip
    billed = billed_for_minimum(minimum, increment)
    if minimum and block:
        yield Error(
            number, "first_block_seconds", str(block),
            _lt("The line has a minimum of %s seconds too; set one of them and leave the other at 0.", minimum),
        )  # fmt: skip
    elif billed != minimum:
        yield Error(
            number, "minimum_seconds", str(minimum),
            _lt(
                "No multiple of the increment of %(increment)s: a short call would be billed %(billed)s seconds. For "
                "%(minimum)s, %(next)s, %(then)s... set minimum_seconds to 0 and first_block_seconds to %(minimum)s; "
                "else set minimum_seconds to %(billed)s.",
                minimum=minimum,
                increment=increment,
                billed=billed,
                next=minimum + increment,
                then=minimum + 2 * increment,
            ),
        )  # fmt: skip


def shown(cell):
    """Return the start of a cell as text that can be stored and shown."""
    text = "" if cell is None else str(cell)
    return re.sub("[\x00-\x1f\x7f-\x9f\ud800-\udfff]", "?", text[:60])


def plain_text(cell):
    """Return the cell as text; a number of a spreadsheet by its shortest digits."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        raise WrongCell(_lt("TRUE or FALSE is no value here; enter text or a number."))
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    return str(cell)


def digits_of(cell):
    """Return the cell as text, with the digits of any script as ASCII ones."""
    text = plain_text(cell)
    return text if text.isascii() else "".join(map(ascii_digit, text))


def read_prefix(cell, _ways):
    """Return the prefix in a cell, or a tuple of several."""
    prefix = digits_of(cell)
    if _is_prefix(prefix):
        return prefix
    if is_scientific(prefix):
        raise WrongCell(
            _lt(
                "The spreadsheet has shortened this number: digits are lost. Format the column as text, and enter the "
                "prefix anew."
            )
        )
    found = []
    for part in re.split(r"[,;\n]", prefix):
        found += read_part(part.strip())
        if len(found) > MAX_PREFIXES:
            raise WrongCell(_lt("A line has at most %s prefixes: use several lines.", MAX_PREFIXES))
    return found[0] if len(found) == 1 else tuple(dict.fromkeys(found))


def read_part(text):
    """Return the prefixes that a part of a cell stands for: 44, +44, 0044 or 4420-4425."""
    if one := _is_dialled(text):
        return [one[1]]
    ends = _is_range(text)
    if ends and len(ends[1]) == len(ends[2]) and 0 <= int(ends[2]) - int(ends[1]) < MAX_RANGE:
        return [str(number) for number in range(int(ends[1]), int(ends[2]) + 1)]
    if ends:
        raise WrongCell(
            _lt("A range has two prefixes of the same length, the lower one first, and at most %s of them: 4420-4425.",
                MAX_RANGE)
        )  # fmt: skip
    raise WrongCell(
        _lt(
            "Use up to 15 digits without blanks or a leading 0, such as 44, or several: 44, 4420-4425. Leave it "
            "empty for every number."
        )
    )


def with_country(country, area):
    """Return the text of an area code, or of several, with the country code before each."""
    code, areas = digits_of(country), digits_of(area)
    one = _is_dialled(code)
    if not one:
        raise WrongCell(_lt("The country code before it must be digits, such as 44."), COUNTRY)
    if re.search(r"(?<![0-9])0", areas):
        raise WrongCell(_lt("Write area codes without the 0 at their beginning."))
    return re.sub("[0-9]+", lambda digits: one[1] + digits[0], areas) or one[1]


def read_destination(cell, _ways):
    text = plain_text(cell)
    if _unreadable(text) or len(text) > MAX_TEXT:
        raise WrongCell(_lt("Use at most %s readable characters.", MAX_TEXT))
    return text


def read_price(cell, ways):
    if cell in (None, ""):
        raise WrongCell(_lt("Enter the price a minute, such as 0.0391; 0 for free."))
    return read_amount(cell, ways)


def read_amount(cell, ways):
    amount = read_number_of(cell, ways)
    if amount.is_signed() and amount:
        raise WrongCell(_lt("Use a number of zero or more, such as 0.0391."))
    try:
        rounded = amount.quantize(MICRO)
    except InvalidOperation:
        raise WrongCell(_lt("Use at most 6 decimal places and less than %s.", MAX_PRICE)) from None
    if rounded != amount or amount >= MAX_PRICE:
        raise WrongCell(_lt("Use at most 6 decimal places and less than %s.", MAX_PRICE))
    return rounded


def read_number_of(cell, ways):
    """Return the number in a cell as ``Decimal``; 0 where it is empty."""
    text, currency = split_amount(plain_text(cell))
    if currency and ways.currency and not ways.currency.is_meant(currency):
        raise WrongCell(
            _lt("The rate plan is in %s. Remove the line, or choose a plan in its currency.", ways.currency.code)
        )
    if not text:
        return Decimal(0)
    scientific = is_scientific(text)
    if isinstance(cell, (int, float)) or scientific:
        return Decimal(text.replace(",", "."))
    try:
        reading = readings(text)
    except Unreadable:
        raise WrongCell(_lt("Use a number of zero or more, such as 0.0391.")) from None
    if not reading.is_unclear:
        return reading.decimal if reading.grouped is None else reading.grouped
    mark = ways.mark()
    if mark == reading.mark:
        return reading.decimal
    if mark and ways.is_own():
        return reading.grouped
    raise WrongCell(
        _lt(
            "This can mean %(grouped)s or %(decimal)s, and no other line of the file says which; write it as one of "
            "these.",
            grouped=f"{reading.grouped:f}",
            decimal=ENGLISH.write(reading.decimal),
        )
    )


def whole(lowest, highest, default):
    def read(cell, _ways):
        text = digits_of(cell)
        if not text:
            return default
        if not _is_whole(text) or not lowest <= int(text) <= highest:
            raise WrongCell(_lt("Use whole seconds from %(lowest)s to %(highest)s.", lowest=lowest, highest=highest))
        return int(text)

    return read


def read_increment(cell, ways):
    """Return the seconds in a cell, or a pair of a first block and what follows it: 60/6."""
    if isinstance(cell, (date, datetime)):
        raise WrongCell(
            _lt("The spreadsheet has made a day of it. Format the column as text, and enter it anew: 60/6.")
        )
    pair = _are_steps(digits_of(cell))
    if not pair:
        return read_seconds(cell, ways)
    return read_seconds(pair[1] if int(pair[1]) else pair[2], ways), read_seconds(pair[2], ways)


read_seconds = whole(1, 3600, 60)


def read_moment(cell, ways):
    """Return the naive UTC time in the cell, or None where it is empty."""
    tz = ways.tz
    if cell in (None, ""):
        return None
    try:
        if isinstance(cell, datetime):
            moment = cell
        elif isinstance(cell, date):
            moment = datetime.combine(cell, time())
        else:
            moment = datetime.fromisoformat(to_iso(cell, ways))
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=tz)).astimezone(UTC).replace(tzinfo=None)
    except (ValueError, TypeError, OverflowError):
        raise WrongCell(_lt("Use ISO 8601, such as 2026-11-01 or 2026-11-01T00:00:00+01:00.")) from None
    if not 1970 <= moment.year <= 9998:
        raise WrongCell(_lt("Use a year from 1970 to 9998."))
    return moment.replace(microsecond=0)


def read_begin(cell, ways):
    """Return when a price begins, likewise; None as well where the list says that it is as soon as possible."""
    at_once = isinstance(cell, str) and cell.lower() in ("asap", "immediate", "immediately")
    return None if at_once else read_moment(cell, ways)


def to_iso(text, ways):
    """Return a time as ISO 8601 writes it, from a day as people write it: 31/12/2026, 31.12.2026 08:00, 2026/12/31."""
    parts = is_day(text)
    if not parts:
        return text
    first, _separator, second, last, clock = parts.groups()
    if len(first) == 4 and len(last) <= 2:
        year, month, day = first, second, last
    elif len(first) <= 2 and len(last) == 4:
        year, month, day = last, first, second
        order = "d" if int(first) > 12 else "m" if int(second) > 12 or first == second else ways.order()
        if order is None:
            raise WrongCell(
                _lt(
                    "This can mean %(day_first)s or %(month_first)s; write it as one of these.",
                    day_first=f"{year}-{second:0>2}-{first:0>2}",
                    month_first=f"{year}-{first:0>2}-{second:0>2}",
                )
            )
        if order == "d":
            month, day = day, month
    else:
        raise ValueError
    hour, _colon, rest = (clock or "0:00").partition(":")
    return f"{year}-{month:0>2}-{day:0>2}T{hour:0>2}:{rest}"


READERS = {
    "prefix": read_prefix,
    "destination": read_destination,
    "price_per_minute": read_price,
    "increment_seconds": read_increment,
    "minimum_seconds": whole(0, 86400, 0),
    "connection_fee": read_amount,
    "free_seconds": whole(0, 86400, None),
    "first_block_seconds": whole(0, 86400, None),
    "grace_seconds": whole(0, 3600, None),
    "valid_from": read_begin,
    "valid_to": read_moment,
}
