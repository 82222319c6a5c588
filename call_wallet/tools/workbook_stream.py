"""A long workbook, its rows written straight into the file. No database here, and no rows in memory.

``xlsxwriter`` makes the book: its parts, styles, and each sheet's frame with everything but the rows. Writing
the rows through it, too, takes many times as long. So they are written here as the sheet's own XML, between
what the frame has before and behind them.

Text stands in the table that sheets share: programs on telephones show cells with text of their own as blank.
"""

import io
import re
import tempfile
import zipfile
from functools import partial

# A sheet's limits, in UTF-16 units for text. Excel calls a file damaged that has more.
MAX_ROWS, MAX_CELL = 1_048_576, 32_767
CUT = "…"
# Quick and large: 9 times smaller than the XML; the usual level makes it 13 times, and takes three times as long.
LEVEL = 1
# Of a part of the file, before it is packed. Larger ones need an extension of the format that Excel refuses.
MAX_PART = zipfile.ZIP64_LIMIT

SHARED = "xl/sharedStrings.xml"
ROWS_END, TABLE_END = b"</sheetData>", b"</sst>"

_edge = re.compile(r"^\s|\s$").search
# Excel reads _x0041_ as A. Two in a row share the sign between them; one that is made here closes one, too.
_opener = re.compile("_(?=x[0-9A-Fa-f]{4}[_\x00-\x08\x0b-\x1f\ufffe\uffff])")
_control = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")


class TooLong(Exception):
    """More than a workbook can hold."""


class WorkbookStream:
    """Writes the sheets of a book, one after another: for each ``begin``, ``write`` as often as needed, ``end``."""

    def __init__(self, file, frame):
        """Begin the file.

        :param file: binary, can be sought in; it is the caller's to close
        :param bytes frame: the book as ``xlsxwriter`` makes it, each sheet with its header, and in the row below one
            cell for each style; that row is taken out
        """
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, allowZip64=False, compresslevel=LEVEL)
        self._frame = zipfile.ZipFile(io.BytesIO(frame))
        self._texts = tempfile.TemporaryFile()
        self._new_texts = []
        table = self._frame.read(SHARED)
        self._table_head = table.removesuffix(TABLE_END)
        self._text_count = table.count(b"<si>")
        sheets = [name for name in self._frame.namelist() if name.startswith("xl/worksheets/sheet")]
        self._waiting = sorted(sheets, key=lambda name: int(re.sub(r"\D", "", name)))
        for name in self._frame.namelist():
            if name != SHARED and name not in sheets:
                with self._zip.open(name, "w") as part:
                    part.write(self._frame.read(name))
        self.styles = self._styles()
        self._sheet = None

    def _styles(self):
        """Return what a cell of each column says of its style, such as ``{"C": ' s="3"'}``."""
        _head, sample, _tail = self._parts(self._waiting[0])
        return {column: f' s="{style}"' for column, style in re.findall(r'<c r="([A-Z]+)2" s="(\d+)"', sample.decode())}

    def _parts(self, name):
        """Return the XML of a sheet's frame: up to its second row, that row, and what follows the rows."""
        before, end, after = self._frame.read(name).partition(ROWS_END)
        head, row, sample = before.partition(b'<row r="2"')
        return head, row + sample, end + after

    # === SHEETS === #

    def begin(self, last_row):
        """Begin the next sheet; its rows go from 2 to ``last_row``."""
        name = self._waiting.pop(0)
        head, _sample, self._tail = self._parts(name)
        # It spans the two rows of the frame; programs read from there how long it is.
        head = re.sub(rb'(<dimension ref="[A-Z]+1:[A-Z]+)\d+"', rb'\g<1>%d"' % max(last_row, 1), head)
        self._sheet, self._size = self._zip.open(name, "w"), 0
        self._write(head)

    def write(self, xml):
        """Append rows to the sheet: their XML.

        :raise TooLong: the sheet, or the table of texts, is larger than Excel can take
        """
        self._write(xml.encode())
        if self._new_texts:
            self._texts.write("".join(self._new_texts).encode("utf-8", "replace"))
            self._new_texts.clear()
            self._check(self._texts.tell() + len(self._table_head))

    def _write(self, content):
        self._size += len(content)
        self._check(self._size)
        self._sheet.write(content)

    def _check(self, size):
        # Some room is left for how sheet and table end.
        if size > MAX_PART - 100_000:
            raise TooLong

    def end(self):
        """Finish the sheet."""
        self._sheet.write(self._tail)
        self._sheet.close()

    # === TEXT === #

    def texts(self, texts):
        """Take ``texts`` into the table, and return an iterator of their numbers there.

        Cells of type ``s`` name texts by these.
        """
        first = self._text_count
        self._text_count += len(texts)
        if texts:
            self._new_texts.append(as_items(texts))
        return iter(range(first, self._text_count))

    # === END === #

    def close(self):
        """Finish the file, which is the caller's to close."""
        with self._zip.open(SHARED, "w") as table:
            # How often and how many: readers take it as a hint, and may leave it out.
            table.write(re.sub(rb' (count|uniqueCount)="\d+"', b"", self._table_head))
            self._texts.write("".join(self._new_texts).encode("utf-8", "replace"))
            self._texts.seek(0)
            for block in iter(partial(self._texts.read, 1 << 18), b""):
                table.write(block)
            table.write(TABLE_END)
        self._zip.close()
        self._texts.close()

    def abandon(self):
        """Let go of an unfinished file, and leave it as it is."""
        self._texts.close()
        self._zip.fp = None


def as_items(texts):
    """Return ``texts`` as items of the table of texts: what they say, not what they might mean to a program."""
    # One look at all of them: nearly always there is nothing to do.
    together = f"|{'|'.join(texts)}|"
    is_plain = together.isprintable() and not any(sign in together for sign in ("&", "<", ">", "_x", "| ", " |"))
    if is_plain and max(map(len, texts)) <= MAX_CELL // 2:
        return f"<si><t>{'</t></si><si><t>'.join(texts)}</t></si>"
    return "".join(map(_as_item, texts))


def _as_item(text):
    written = _escaped(text)
    if _units(written) > MAX_CELL:
        text = _cut(text)
        written = _escaped(text)
    space = ' xml:space="preserve"' if _edge(text) else ""
    return f"<si><t{space}>{written}</t></si>"


def _escaped(text):
    text = _opener.sub("_x005F_", text)
    text = _control.sub(lambda sign: f"_x{ord(sign[0]):04X}_", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _units(text):
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _cut(text):
    """Return as much of ``text`` as a cell holds the way it is written, with a mark at the end that says so."""
    least, most = 0, MAX_CELL
    while least < most:
        middle = (least + most + 1) // 2
        if _units(_escaped(text[:middle] + CUT)) <= MAX_CELL:
            least = middle
        else:
            most = middle - 1
    return text[:least] + CUT
