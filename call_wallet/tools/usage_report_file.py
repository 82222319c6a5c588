"""What the usage report says, and the report as CSV. No database here, and no more than a batch in memory."""

import csv
import io
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

DELETED = "Deleted"
PHONE = re.compile(r"\+[0-9]{1,15}", re.ASCII)


class Column(NamedTuple):
    """One column: its name, what its cells are, and how wide they are."""

    name: str
    kind: str
    width: int


# The names and their order are a contract with whoever reads the file, so they are not translated.
COLUMNS = (
    Column("Transaction Date", "datetime", 20),
    Column("Transaction Type", "text", 17),
    Column("Amount", "money", 18),
    Column("Balance After", "money", 20),
    Column("Description", "text", 34),
    Column("Campaign", "text", 26),
    Column("Application ID", "text", 16),
    Column("Manager", "text", 24),
    Column("Number", "phone", 18),
    Column("Call Date", "datetime", 20),
    Column("Duration", "number", 11),
    Column("Status", "text", 13),
    Column("Rate", "money", 16),
    Column("Total Cost", "money", 18),
    Column("Call Type", "text", 16),
)
# From Campaign on, the columns describe the call.
FIRST_CALL_COLUMN = 5


class Csv:
    """Writes rows as CSV: UTF-8 with a mark by which Excel knows it, decimal points, ISO dates with offset."""

    extension = "csv"
    mimetype = "text/csv; charset=utf-8"

    def __init__(self, file, title, currency, tz, count, made=""):
        self._tz = tz
        self._text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        self._csv = csv.writer(self._text)
        self._csv.writerow([column.name for column in COLUMNS])

    def __enter__(self):
        return self

    def __exit__(self, *_details):
        self.close()

    def write(self, records):
        """Append ``records`` of ``ROWS`` in ``usage/call_usage_report``."""
        self._csv.writerows([self._cell(value) for value in to_cells(record, self._tz)] for record in records)

    def _cell(self, value):
        if value is None:
            return ""
        if isinstance(value, str):
            return defuse(value)
        if isinstance(value, datetime):
            return value.isoformat()
        return f"{value:f}"

    def close(self):
        # The file itself stays open: it is the caller's.
        self._text.detach()


# Some programs take the full-width ones for the same.
FORMULA_SIGNS = ("=", "+", "-", "@", "\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH PLUS SIGN}",
                 "\N{FULLWIDTH HYPHEN-MINUS}", "\N{FULLWIDTH COMMERCIAL AT}")  # fmt: skip
AFTER_SEMICOLON = re.compile(rf"(;\s*)(?=[{re.escape(''.join(FORMULA_SIGNS))}])")


def defuse(text):
    """Return ``text`` such that no spreadsheet program runs it as a formula.

    A phone number in E.164 begins with + and is left alone: evaluated, it is a number and
    nothing else, and programs that read the file want it as it is.
    """
    if text.lstrip()[:1] in FORMULA_SIGNS or text[:1] in ("\t", "\r", "\n"):
        text = text if PHONE.fullmatch(text) else "'" + text
    # Where a comma is the decimal mark, spreadsheets begin a new cell at each semicolon, whatever is quoted.
    return AFTER_SEMICOLON.sub(r"\1'", text) if ";" in text else text


def to_cells(record, tz):
    """Return a ledger row, as the query gives it, as the 15 cells of the report.

    :param record: the columns of ``ROWS`` in ``usage/call_usage_report``
    :param tz: time zone of the dates
    """
    _sequence, date, kind, amount, balance_after, description, is_call, usage_id, *call = record
    transaction = (local(date, tz), kind, Decimal(amount), Decimal(balance_after), description or None)
    if usage_id is None:
        return transaction + (DELETED if is_call else None,) * (len(COLUMNS) - FIRST_CALL_COLUMN)
    campaign, application, manager, number, started_at, minutes, status, rate, cost, call_type = call
    return (
        *transaction,
        campaign or None,
        application or None,
        manager or None,
        number,
        local(started_at, tz),
        Decimal(minutes).normalize(),
        status,
        Decimal(rate),
        Decimal(cost),
        call_type,
    )


def local(moment, tz):
    """Return a naive UTC time as an aware one in ``tz``; in UTC where the calendar ends in between."""
    moment = moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(tz)
    except OverflowError:
        return moment
