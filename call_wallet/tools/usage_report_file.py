"""The usage report as a file: XLSX and CSV. No database here, and no more than a batch in memory."""

import csv
import io
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

import xlsxwriter

from .clock import FIRST_YEAR, LAST_YEAR
from .paper import printed
from .spreadsheet import as_text

# Excel's limit, less the header.
ROWS_PER_SHEET = 1_048_575
MAX_CELL = 32_767
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


class Xlsx:
    """Writes rows to a workbook, a sheet at a time, keeping one row in memory."""

    extension = "xlsx"
    mimetype = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

    def __init__(self, file, title, currency, rows_per_sheet=ROWS_PER_SHEET, made=""):
        self._rows_per_sheet = rows_per_sheet
        # The rows begin at the top, for programs that read them; what it is stands on each printed page.
        self._page = (f"&L{printed(title)}", f"&L{printed(made)}&R&P / &N")
        self._book = xlsxwriter.Workbook(file, {"constant_memory": True})
        self._book.set_properties({"title": title, "comments": made})
        self._head = self._book.add_format({"bold": True, "bottom": 1, "bg_color": "#E9ECEF", "text_wrap": True})
        formats = {
            "text": None,
            "datetime": self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
            "money": self._book.add_format({"num_format": rf"[${currency}]\ #,##0.000000"}),
            "number": self._book.add_format({"num_format": "General"}),
        }
        # A number to call stays text when somebody edits the cell.
        formats["phone"] = self._book.add_format({"num_format": "@"})
        self._formats = [formats[column.kind] for column in COLUMNS]
        self._sheet = None
        self._add_sheet()

    def write(self, rows):
        """Append ``rows``: 15 values each; None leaves a cell empty."""
        for row in rows:
            if self._filled == self._rows_per_sheet:
                self._finish_sheet()
                self._add_sheet()
            self._filled += 1
            self._write_row(row)

    def _write_row(self, row):
        sheet, line = self._sheet, self._filled
        for column, (value, cell_format) in enumerate(zip(row, self._formats, strict=True)):
            if value is None:
                continue
            if isinstance(value, str):
                # write_string, so that text beginning with = is never a formula.
                sheet.write_string(line, column, as_text(value[:MAX_CELL]), cell_format)
            elif isinstance(value, datetime) and not FIRST_YEAR <= value.year <= LAST_YEAR:
                # Spreadsheets have no such dates; as text it can still be read.
                sheet.write_string(line, column, value.isoformat())
            elif isinstance(value, datetime):
                sheet.write_datetime(line, column, value.replace(tzinfo=None), cell_format)
            else:
                sheet.write_number(line, column, float(value), cell_format)

    def _add_sheet(self):
        number = len(self._book.worksheets()) + 1
        self._sheet = self._book.add_worksheet("Usage Report" if number == 1 else f"Usage Report {number}")
        self._sheet.freeze_panes(1, 0)
        self._sheet.set_header(self._page[0])
        self._sheet.set_footer(self._page[1])
        for index, column in enumerate(COLUMNS):
            self._sheet.set_column(index, index, column.width)
        for index, column in enumerate(COLUMNS):
            self._sheet.write_string(0, index, column.name, self._head)
        self._filled = 0

    def _finish_sheet(self):
        self._sheet.autofilter(0, 0, self._filled, len(COLUMNS) - 1)

    def close(self):
        self._finish_sheet()
        self._book.close()


class Csv:
    """Writes rows as CSV: UTF-8 with a mark by which Excel knows it, decimal points, ISO dates with offset."""

    extension = "csv"
    mimetype = "text/csv; charset=utf-8"

    def __init__(self, file, title, currency, made=""):
        self._text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        self._csv = csv.writer(self._text)
        self._csv.writerow([column.name for column in COLUMNS])

    def write(self, rows):
        """Append ``rows``: 15 values each; None leaves a cell empty."""
        self._csv.writerows([self._cell(value) for value in row] for row in rows)

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


WRITERS = {"xlsx": Xlsx, "csv": Csv}


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

    :param record: the columns of ``ROWS`` in ``usage/call_usage_report`` after the sequence
    :param tz: time zone of the dates
    """
    date, kind, amount, balance_after, description, is_call, usage_id, *call = record
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
