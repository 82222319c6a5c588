"""Read a price list: CSV or XLSX in, checked rates or errors by line out. No database here.

One line at a time, so that a list of any length takes little memory. The header names the
columns: ``prefix`` and ``price_per_minute``, and optionally ``destination``,
``increment_seconds`` (60), ``minimum_seconds`` (0), ``connection_fee`` (0), ``free_seconds``
(as it was), ``first_block_seconds`` (as it was, unless the line has a minimum), ``grace_seconds``
(as it was) and ``valid_from`` (ISO 8601, or a day as the reader's language writes it; in the reader's
time zone, as on the form, unless it gives an offset). What people usually call them is understood too, such as
"Initial increment".

A price such as 1.250 or a day such as 01/11/2026 has two readings. The other lines of the file decide: 0,05 says that
its commas are decimal marks. Where they say nothing, a mark that the reader's language begins decimals with does so,
and days are read in that language; else the cell is refused with both readings.
"""

import csv
import io
import lzma
import re
import zipfile
import zlib
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from odoo.tools.translate import LazyTranslate

from ..rating import billed_for_minimum
from .rate_deck_ways import Ways, is_day, is_scientific
from .typed import ENGLISH, Unreadable, ascii_digit, readings
from .workbook import Malformed, Oversized, check_workbook

_lt = LazyTranslate(__name__)

REQUIRED = ("prefix", "price_per_minute")
COLUMNS = (
    "prefix", "destination", "price_per_minute", "increment_seconds", "minimum_seconds", "connection_fee",
    "free_seconds", "first_block_seconds", "grace_seconds", "valid_from",
)  # fmt: skip
# What carriers and switches call the columns, without "seconds" at the end. Left out is what may mean
# something else: "price" and "rate" (of a minute or a second?), "grace period" (free seconds, to some).
SYNONYMS = {
    "code": "prefix", "dial_code": "prefix", "dialing_code": "prefix", "dialling_code": "prefix",
    "destination_name": "destination",
    "rate_per_minute": "price_per_minute", "price_min": "price_per_minute", "rate_min": "price_per_minute",
    "increment": "increment_seconds", "billing_increment": "increment_seconds", "step": "increment_seconds",
    "next_increment": "increment_seconds", "subsequent_increment": "increment_seconds",
    "interval_n": "increment_seconds",
    "minimum": "minimum_seconds", "minimum_duration": "minimum_seconds", "min_duration": "minimum_seconds",
    "minimum_time": "minimum_seconds", "min_time": "minimum_seconds",
    "connect_fee": "connection_fee", "connection_charge": "connection_fee", "connection_cost": "connection_fee",
    "setup_fee": "connection_fee",
    "free": "free_seconds", "included": "free_seconds",
    "first_block": "first_block_seconds", "initial_block": "first_block_seconds",
    "first_increment": "first_block_seconds", "initial_increment": "first_block_seconds",
    "first_interval": "first_block_seconds", "initial_interval": "first_block_seconds",
    "interval_1": "first_block_seconds",
    "grace": "grace_seconds", "grace_time": "grace_seconds",
    "effective_date": "valid_from", "effective_from": "valid_from", "start_date": "valid_from",
}  # fmt: skip
MAX_LINES = 1_048_576
MAX_COLUMNS = 40
MAX_BYTES = 100_000_000
MAX_PRICE = Decimal(100_000)
MAX_TEXT = 200
MICRO = Decimal("0.000001")
_is_prefix = re.compile(r"(?:[1-9][0-9]{0,14})?").fullmatch
_is_whole = re.compile(r"[0-9]{1,9}").fullmatch
_unreadable = re.compile("[\x00-\x1f\x7f-\x9f]").search


# What the libraries raise on a broken file: of the archive, its compression, its XML, its numbers.
UNREADABLE = (
    Malformed, zipfile.BadZipFile, zlib.error, lzma.LZMAError, KeyError, ValueError, TypeError, AttributeError,
    IndexError, OSError, EOFError, SyntaxError, NotImplementedError, RuntimeError, ArithmeticError,
)  # fmt: skip


class UnreadableDeck(Exception):
    """The file as a whole cannot be read; ``sentence`` says why and what to do."""

    def __init__(self, sentence):
        super().__init__()
        self.sentence = sentence


class WrongCell(Exception):
    """A cell cannot be read; ``sentence`` says what to write instead."""

    def __init__(self, sentence):
        super().__init__()
        self.sentence = sentence


class Error(NamedTuple):
    """What is wrong with one cell; ``sentence`` is translated where it is shown."""

    line: int
    column: str
    value: str
    sentence: object


class Item(NamedTuple):
    """A line of the list: either its values, or its errors.

    ``values``: line, prefix, destination, price, increment, minimum, fee, free seconds or None,
    first block or None, grace or None, valid from (naive UTC) or None. None: as it was, and for
    valid from as the import says.
    """

    values: tuple
    errors: list


def read_deck(data, tz, notation=ENGLISH, day_first="m"):
    """Yield an ``Item`` for each line below the header.

    :param bytes data: the file
    :param ZoneInfo tz: the time zone of the times that give no offset
    :param Notation notation: how the reader's language writes numbers
    :param str day_first: whether it writes the day (``"d"``) or the month (``"m"``) first
    :raise UnreadableDeck: not CSV or XLSX, or a header that cannot be understood
    """
    if len(data) > MAX_BYTES:
        raise UnreadableDeck(_lt("too large; split it, or save it as CSV."))

    def lines():
        return read_xlsx(data) if data[:4] == b"PK\x03\x04" else read_csv(data)

    ways = Ways(lines, tz, notation, day_first)
    header = None
    for number, cells in lines():
        if number > MAX_LINES:
            raise UnreadableDeck(_lt("more than %s lines; split it.", MAX_LINES))
        if all(cell is None or cell == "" for cell in cells):
            continue
        if len(cells) > MAX_COLUMNS and any(cell not in (None, "") for cell in cells[MAX_COLUMNS:]):
            raise UnreadableDeck(_lt("more than %s columns; keep those that are known.", MAX_COLUMNS))
        if header is None:
            header = ways.header = read_header(cells)
            continue
        yield read_line(number, header, cells, ways)
    if header is None:
        raise UnreadableDeck(_lt("it is empty; begin with a line of column names."))


# === FILES === #


def read_csv(data):
    """Yield (line number, cells). Comma, semicolon or tab; UTF-8."""
    try:
        text = io.TextIOWrapper(io.BytesIO(data), "utf-8-sig", newline="")
        first = text.readline()
        text.seek(0)
        delimiter = max(",;\t", key=first.count)
        reader = csv.reader(text, delimiter=delimiter, strict=True)
        for cells in reader:
            yield reader.line_num, [cell.strip() for cell in cells]
    except UnicodeDecodeError:
        raise UnreadableDeck(_lt("neither XLSX nor text in UTF-8; save it as CSV UTF-8 or as XLSX.")) from None
    except csv.Error as error:
        raise UnreadableDeck(
            _lt("line %(line)s is not CSV (%(error)s); check its quotes.", line=reader.line_num, error=str(error))
        ) from None


def read_xlsx(data):
    """Yield (line number, cells) of the first sheet, row by row."""
    from openpyxl import load_workbook

    try:
        check_workbook(data)
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        # What the file says about its size is often wrong. One row and one column more than may be are enough to see
        # that there are too many: a row may have any number, and all before it would be made up.
        sheet.reset_dimensions()
        rows = sheet.iter_rows(max_row=MAX_LINES + 1, max_col=MAX_COLUMNS + 1, values_only=True)
        for number, cells in enumerate(rows, 1):
            yield number, [cell.strip() if isinstance(cell, str) else cell for cell in cells]
    except Oversized:
        raise UnreadableDeck(_lt("too large; split it, or save it as CSV.")) from None
    except UNREADABLE:
        raise UnreadableDeck(_lt("it cannot be opened as XLSX; save it again as XLSX or CSV.")) from None


def read_header(cells):
    """Return {column: position}.

    :raise UnreadableDeck: a column that is unknown, there twice, or missing
    """
    header = {}
    for position, cell in enumerate(cells):
        name = read_column(cell)
        if not name:
            continue
        if name not in COLUMNS:
            raise UnreadableDeck(
                _lt(
                    "column %(name)s is unknown; rename or remove it. Known: %(known)s.",
                    name=repr(str(cell)[:60]),
                    known=", ".join(COLUMNS),
                )
            )
        if name in header:
            raise UnreadableDeck(_lt("column %s is there twice; remove one.", name))
        header[name] = position
    for name in REQUIRED:
        if name not in header:
            raise UnreadableDeck(
                _lt("column %(name)s is missing; the first line names the columns: %(known)s.",
                    name=name, known=", ".join(COLUMNS))
            )  # fmt: skip
    return header


def read_column(cell):
    """Return the name of a column by its heading: "Initial increment (sec)" is ``first_block_seconds``."""
    name = re.sub(r"[\s_\-/.()]+", "_", str(cell if cell is not None else "").lower()).strip("_")
    if name in COLUMNS:
        return name
    base = re.sub("_(s|secs?|seconds?)$", "", name)
    return SYNONYMS.get(base, name)


# === LINES === #


def read_line(number, header, cells, ways):
    """Return the ``Item`` of one line of the file."""
    errors, values = [], [number]
    width = max(header.values()) + 1
    if any(cell not in (None, "") for cell in cells[width:]):
        errors.append(
            Error(number, "", shown(cells[width]), _lt("More cells than the header has; check the separators."))
        )
    for column in COLUMNS:
        position = header.get(column)
        cell = cells[position] if position is not None and position < len(cells) else None
        try:
            values.append(READERS[column](cell, ways))
        except WrongCell as wrong:
            errors.append(Error(number, column, shown(cell), wrong.sentence))
    if not errors:
        errors += check_steps(number, dict(zip(COLUMNS, values[1:], strict=True)))
    return Item(tuple(values), errors)


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
    prefix = digits_of(cell)
    if not _is_prefix(prefix):
        raise WrongCell(
            _lt("Use up to 15 digits without +, blanks or a leading 0, or leave it empty for every number.")
        )
    return prefix


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
    text = plain_text(cell)
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
    "increment_seconds": whole(1, 3600, 60),
    "minimum_seconds": whole(0, 86400, 0),
    "connection_fee": read_amount,
    "free_seconds": whole(0, 86400, None),
    "first_block_seconds": whole(0, 86400, None),
    "grace_seconds": whole(0, 3600, None),
    "valid_from": read_moment,
}
