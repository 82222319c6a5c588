"""The lines of a price list, whatever program saved it: CSV in its many ways, or XLSX. No database here."""

import codecs
import csv
import io
import lzma
import re
import zipfile
import zlib

from odoo.tools.translate import LazyTranslate

from .workbook import Malformed, Oversized, check_workbook, find_uncomputed

_lt = LazyTranslate(__name__)

MAX_LINES = 1_048_576
MAX_COLUMNS = 40
MAX_BYTES = 100_000_000
CHUNK = 1 << 20
# Before the line of headings a carrier may have its name, the date, the customer.
MOST_ABOVE = 20
DELIMITERS = ",;\t|"
# As Excel says in a first line of its own which one it used.
_named_delimiter = re.compile(r'"?sep=([^"\r\n])"?\s*', re.I).fullmatch
_is_no_text = re.compile(rb"[\x00-\x08\x0e-\x1f]").search

# What the libraries raise on a broken file: of the archive, its compression, its XML, its numbers.
UNREADABLE = (
    Malformed, zipfile.BadZipFile, zlib.error, lzma.LZMAError, KeyError, ValueError, TypeError, AttributeError,
    IndexError, OSError, EOFError, SyntaxError, NotImplementedError, RuntimeError, ArithmeticError,
)  # fmt: skip


class Uncomputed:
    """A cell with a formula that has no value: the program that wrote the file did not calculate."""

    def __str__(self):
        return ""


UNCOMPUTED = Uncomputed()


class UnreadableDeck(Exception):
    """The file as a whole cannot be read; ``sentence`` says why and what to do."""

    def __init__(self, sentence):
        super().__init__()
        self.sentence = sentence


def read_lines(data):
    """Yield (line number, cells) of a file, blank lines left out.

    :raise UnreadableDeck: not CSV or XLSX, or too large
    """
    if len(data) > MAX_BYTES:
        raise UnreadableDeck(_lt("too large; split it, or save it as CSV."))
    for number, cells in read_xlsx(data) if is_xlsx(data) else read_csv(data):
        if number > MAX_LINES:
            raise UnreadableDeck(_lt("more than %s lines; split it.", MAX_LINES))
        if all(cell is None or cell == "" for cell in cells):
            continue
        if len(cells) > MAX_COLUMNS and any(cell not in (None, "") for cell in cells[MAX_COLUMNS:]):
            raise UnreadableDeck(_lt("more than %s columns; keep those that are known.", MAX_COLUMNS))
        yield number, cells


def is_xlsx(data):
    """Tell whether a file begins as XLSX does."""
    return data[:4] == b"PK\x03\x04"


def read_csv(data):
    """Yield (line number, cells). Comma, semicolon, tab or bar; UTF-8, UTF-16, or Windows-1252."""
    line = 0
    try:
        text = io.TextIOWrapper(io.BytesIO(data), encoding_of(data), newline="")
        first = text.readline()
        named = _named_delimiter(first)
        if not named:
            # A carrier's name may stand above the headings.
            tops = (first, *(text.readline() for _line in range(MOST_ABOVE)))
            first = next((top for top in tops if any(sign in top for sign in DELIMITERS)), first)
            text.seek(0)
        reader = csv.reader(text, delimiter=named[1] if named else max(DELIMITERS, key=first.count), strict=True)
        for cells in reader:
            line = reader.line_num + bool(named)
            yield line, [cell.strip() for cell in cells]
    except UnicodeDecodeError:
        raise UnreadableDeck(_lt("neither XLSX nor text in UTF-8; save it as CSV UTF-8 or as XLSX.")) from None
    except csv.Error as error:
        raise UnreadableDeck(
            _lt("line %(line)s is not CSV (%(error)s); check its quotes.", line=line + 1, error=str(error))
        ) from None


def encoding_of(data):
    """Return how the text of a file is encoded: what Excel saves, in a Western Europe, is Windows-1252.

    :raise UnreadableDeck: it is no text
    """
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    for encoding in ("utf-8-sig", "cp1252"):
        if encoding == "cp1252" and _is_no_text(data):
            break
        try:
            decoder = codecs.getincrementaldecoder(encoding)()
            for start in range(0, len(data), CHUNK):
                decoder.decode(data[start : start + CHUNK])
            decoder.decode(b"", True)
        except UnicodeDecodeError:
            continue
        return encoding
    raise UnreadableDeck(_lt("neither XLSX nor text in UTF-8; save it as CSV UTF-8 or as XLSX."))


def read_xlsx(data):
    """Yield (line number, cells) of the first sheet that is not hidden, row by row."""
    from openpyxl import load_workbook

    try:
        check_workbook(data)
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        shown = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        sheet = (shown or book.worksheets)[0]
        # What the file says about its size is often wrong. One row and one column more than may be are enough to see
        # that there are too many: a row may have any number, and all before it would be made up.
        sheet.reset_dimensions()
        rows = sheet.iter_rows(max_row=MAX_LINES + 1, max_col=MAX_COLUMNS + 1, values_only=True)
        uncomputed = find_uncomputed(data, sheet._worksheet_path, MAX_LINES)
        for number, cells in enumerate(rows, 1):
            cells = [cell.strip() if isinstance(cell, str) else cell for cell in cells]
            for place in uncomputed.get(number, ()):
                if place <= len(cells):
                    cells[place - 1] = UNCOMPUTED
            yield number, cells
    except Oversized:
        raise UnreadableDeck(_lt("too large; split it, or save it as CSV.")) from None
    except UNREADABLE:
        raise UnreadableDeck(_lt("it cannot be opened as XLSX; save it again as XLSX or CSV.")) from None
