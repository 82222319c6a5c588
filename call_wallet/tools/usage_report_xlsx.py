"""The usage report as XLSX. No database here, and no more than a batch in memory."""

import io
from datetime import datetime, time, timedelta
from itertools import count

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from .clock import LAST_YEAR
from .paper import printed
from .usage_report_file import COLUMNS, DELETED, FIRST_CALL_COLUMN, local
from .workbook_stream import MAX_ROWS, WorkbookStream

# Less the header.
ROWS_PER_SHEET = MAX_ROWS - 1
# Texts that are remembered, so that each stands in the file once.
KNOWN_TEXTS, LONGEST_KNOWN = 10_000, 200

DAY, SECOND, ALMOST_A_DAY = 86_400, timedelta(seconds=1), timedelta(hours=23, minutes=59, seconds=59)
# As all programs count days from 1 March 1900 on, which is 61.
DAY_ZERO, FIRST_SERIAL = datetime(1899, 12, 30), 61
LAST_SERIAL = (datetime(LAST_YEAR, 12, 31) - DAY_ZERO).days


class Xlsx:
    """Writes records of the ledger to a workbook, a sheet at a time."""

    extension = "xlsx"
    mimetype = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

    def __init__(self, file, title, currency, tz, count, made="", rows_per_sheet=ROWS_PER_SHEET):
        """Begin the workbook.

        :param file: binary, can be sought in; it is the caller's to close
        :param tz: time zone of the dates
        :param int count: how many records will come
        """
        # An empty report has a sheet with its header, too.
        self._sheets = [min(rows_per_sheet, count - done) for done in range(0, count or 1, rows_per_sheet)]
        self._book = WorkbookStream(file, make_frame(title, currency, made, self._sheets))
        self._days, self._numbers = Days(tz), Numbers(self._book)
        self._styles = [self._book.styles.get(xl_col_to_name(index), "") for index in range(len(COLUMNS))]
        self._next_sheet()

    def __enter__(self):
        return self

    def __exit__(self, error, *_details):
        if error:
            self._book.abandon()
        else:
            self.close()

    def _next_sheet(self):
        self._line, self._last = 1, 1 + self._sheets.pop(0)
        self._book.begin(self._last)

    def write(self, records):
        """Append ``records`` of ``ROWS`` in ``usage/call_usage_report``.

        :raise TooLong: more than Excel can take
        """
        while records:
            if self._line == self._last:
                self._book.end()
                self._next_sheet()
            part, records = records[: self._last - self._line], records[self._last - self._line :]
            self._book.write("".join(self._rows(part)))
            self._line += len(part)

    def close(self):
        """Finish the workbook.

        :raise ValueError: fewer records came than were counted
        """
        if self._sheets or self._line != self._last:
            self._book.abandon()
            raise ValueError("The usage report has fewer transactions than were counted.")
        self._book.end()
        self._book.close()

    # === ROWS === #
    # What is None or empty has no cell; decimals stand as they are, exact. One long loop: it runs a million times.

    def _rows(self, records):
        """Yield the XML of each row."""
        text, moment = self._numbers, self._moment
        money, minute, phone = (self._styles[column] for column in (2, 10, 8))
        # These are new in nearly every row: all at once is quicker.
        abouts = self._book.texts([record[5] for record in records if record[5]])
        phones = self._book.texts([record[11] for record in records if record[11]])
        for n, record in zip(count(self._line + 1), records, strict=False):
            (
                _sequence, date, kind, amount, balance, description, is_call, usage_id, campaign, application, manager,
                number, started_at, minutes, status, rate, cost, call_type,
            ) = record  # fmt: skip
            row = (
                f'<row r="{n}">{moment("A", n, date)}<c r="B{n}" t="s"><v>{text[kind]}</v></c>'
                f'<c r="C{n}"{money}><v>{amount}</v></c><c r="D{n}"{money}><v>{balance}</v></c>'
            )
            if description:
                row += f'<c r="E{n}" t="s"><v>{next(abouts)}</v></c>'
            if usage_id is None:
                yield f"{row}{self._deleted(n) if is_call else ''}</row>"
                continue
            if campaign:
                row += f'<c r="F{n}" t="s"><v>{text[campaign]}</v></c>'
            if application:
                row += f'<c r="G{n}" t="s"><v>{text[application]}</v></c>'
            if manager:
                row += f'<c r="H{n}" t="s"><v>{text[manager]}</v></c>'
            yield (
                f'{row}<c r="I{n}"{phone} t="s"><v>{next(phones)}</v></c>{moment("J", n, started_at)}'
                f'<c r="K{n}"{minute}><v>{minutes or 0}</v></c><c r="L{n}" t="s"><v>{text[status]}</v></c>'
                f'<c r="M{n}"{money}><v>{rate or 0}</v></c><c r="N{n}"{money}><v>{cost or 0}</v></c>'
                f'<c r="O{n}" t="s"><v>{text[call_type]}</v></c></row>'
            )

    def _moment(self, column, n, moment):
        serial = self._days.serial(moment)
        if serial:
            return f'<c r="{column}{n}"{self._styles[0]}><v>{serial}</v></c>'
        # Spreadsheets have no such dates; as text it can still be read.
        return f'<c r="{column}{n}" t="s"><v>{self._numbers[local(moment, self._days.tz).isoformat()]}</v></c>'

    def _deleted(self, n):
        return "".join(
            f'<c r="{xl_col_to_name(column)}{n}"{self._styles[column]} t="s"><v>{self._numbers[DELETED]}</v></c>'
            for column in range(FIRST_CALL_COLUMN, len(COLUMNS))
        )


def make_frame(title, currency, made, sheets):
    """Return the report's workbook without its rows, as ``WorkbookStream`` takes it.

    :param sheets: how many rows each sheet will have
    """
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True})
    book.set_properties({"title": title, "comments": made})
    head = book.add_format({"bold": True, "bottom": 1, "bg_color": "#E9ECEF", "text_wrap": True})
    formats = {
        "text": None,
        "datetime": book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        "money": book.add_format({"num_format": rf"[${currency}]\ #,##0.000000"}),
        "number": book.add_format({"num_format": "General"}),
        # A number to call stays text when somebody edits the cell.
        "phone": book.add_format({"num_format": "@"}),
    }
    for number, rows in enumerate(sheets, 1):
        sheet = book.add_worksheet("Usage Report" if number == 1 else f"Usage Report {number}")
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, rows, len(COLUMNS) - 1)
        # The rows begin at the top, for programs that read them; what it is stands on each printed page.
        sheet.set_header(f"&L{printed(title)}")
        sheet.set_footer(f"&L{printed(made)}&R&P / &N")
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
        for index, column in enumerate(COLUMNS):
            sheet.set_column(index, index, column.width)
            sheet.write_string(0, index, column.name, head)
            sheet.write_blank(1, index, None, formats[column.kind])
    book.close()
    return content.getvalue()


class Days:
    """Reckons moments as spreadsheets do: in days of a time zone since the end of 1899."""

    def __init__(self, tz):
        self.tz = tz
        self._offsets, self._fractions = {}, Fractions()

    def serial(self, moment):
        """Return the days of a naive UTC time as text, or None for one that spreadsheets do not have.

        Excel has a 29 February 1900, which there was not; other programs count the days before it otherwise.
        """
        since = moment - DAY_ZERO
        day, second = since.days, since.seconds
        offset = self._offsets.get(day)
        second += self._offset(moment, day) if offset is None else offset
        if not 0 <= second < DAY:
            day += second // DAY
            second %= DAY
        if not FIRST_SERIAL <= day <= LAST_SERIAL:
            return None
        if since.microseconds:
            return f"{day + (second + since.microseconds / 1e6) / DAY:.16G}"
        return f"{day}{self._fractions[second]}"

    def _offset(self, moment, day):
        """Return how many seconds the zone is ahead of UTC; remember it for a day on which no clock is changed."""
        start = datetime.combine(moment, time())
        first, here, last = (
            local(each, self.tz).utcoffset() // SECOND for each in (start, moment, start + ALMOST_A_DAY)
        )
        if first == here == last:
            self._offsets[day] = here
        return here


class Fractions(dict):
    """The seconds of a day as the fraction of a day that they are, such as .25 for 21,600."""

    def __missing__(self, second):
        self[second] = text = f"{second / DAY:.12f}"[1:]
        return text


class Numbers(dict):
    """The numbers of texts in the workbook's table; the few that come again and again stand there once."""

    def __init__(self, book):
        super().__init__()
        self._book = book

    def __missing__(self, text):
        number = next(self._book.texts([text]))
        if len(self) == KNOWN_TEXTS:
            self.clear()
        if len(text) <= LONGEST_KNOWN:
            self[text] = number
        return number
