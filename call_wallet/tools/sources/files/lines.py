"""From a file of call records to its lines: encoding, separators, quotes and JSON. Nothing is trusted."""

import csv
import json
import re
from collections import deque

from odoo.tools.translate import LazyTranslate

from ...intake import shown
from ..event import Unusable

_lt = LazyTranslate(__name__)

# Of a file that somebody chooses Odoo makes several copies in memory.
MAX_BYTES = 64_000_000
MAX_LINES = 1_000_000
# Characters; a record of mod_json_cdr has some 20,000.
MAX_LINE, MAX_JSON = 1 << 16, 1 << 20
MAX_COLUMNS = 200
# Of one record: a quoted field may have line ends in it; a quote that is never closed must not swallow the file.
MAX_JOINED = 20
BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe\x00\x00", "utf-32"), (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"),
)  # fmt: skip
# What people choose instead of a text, by its first bytes.
NO_TEXT = {
    b"PK\x03\x04": "XLSX, ZIP", b"\x1f\x8b": "GZIP", b"\xd0\xcf\x11\xe0": "XLS", b"%PDF": "PDF", b"\x89PNG": "PNG",
    b"BZh": "BZIP2", b"\xfd7zXZ": "XZ", b"7z\xbc\xaf": "7Z",
}  # fmt: skip
_decoder = json.JSONDecoder()
_blanks = re.compile(r"[\s,]*").match


def to_text(content):
    """Return a file's content as text: UTF-8, UTF-16 and UTF-32 are found, and else it is taken as Windows-1252.

    :param bytes content: the file
    :raise Unusable: too large, or no text
    """
    if len(content) > MAX_BYTES:
        raise Unusable(_lt("The file is larger than %s MB; split it.", MAX_BYTES // 1_000_000))
    for start, name in NO_TEXT.items():
        if content.startswith(start):
            raise Unusable(_lt("The file is no text (%s); unpack it, or save it as CSV.", name))
    try:
        return _decode(content)
    except UnicodeError as error:
        raise Unusable(_lt("The file's encoding cannot be read; save it as CSV in UTF-8.")) from error


def _decode(content):
    for bom, encoding in BOMS:
        if content.startswith(bom):
            return content.decode(encoding)
    beginning = content[:200]
    if beginning[1::2].count(0) > len(beginning) // 3:
        return content.decode("utf-16-le")
    if beginning[0::2].count(0) > len(beginning) // 3:
        return content.decode("utf-16-be")
    try:
        return content.decode()
    except UnicodeDecodeError:
        # Some bytes are nothing in Windows-1252; in Latin-1 they are control characters, and refused in a field.
        try:
            return content.decode("cp1252")
        except UnicodeDecodeError:
            return content.decode("latin-1")


def is_json(text):
    """Tell whether the file is JSON: objects one a line, one after the other, or in an array."""
    return text.lstrip()[:1] in ("[", "{")


def physical_lines(text):
    """Yield the number and text of each line. Windows' and old Macs' line ends are known."""
    if "\n" not in text:
        text = text.replace("\r", "\n")
    start = number = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        number += 1
        if number > MAX_LINES:
            raise Unusable(_lt("The file has more than %s lines; split it.", MAX_LINES))
        yield number, text[start:end].rstrip("\r")
        start = end + 1


def read_rows(text, delimiter, is_multiline=True):
    """Yield the line number and cells of each record of a CSV; ``Unusable`` in place of cells that cannot be read."""
    lines, waiting = physical_lines(text), deque()
    while True:
        number, line = waiting.popleft() if waiting else next(lines, (None, None))
        if number is None:
            return
        if not line.strip():
            continue
        try:
            if is_multiline and line.count('"') % 2:
                line = _joined(line, lines, waiting)
            yield number, split(line, delimiter)
        except Unusable as error:
            yield number, Unusable(error.sentence, number)


def _joined(line, lines, waiting):
    """Return a record that begins with ``line`` and goes on in the next ones, as a quoted field may."""
    seen, parts = [], [line]
    while len(seen) < MAX_JOINED:
        number, more = waiting.popleft() if waiting else next(lines, (None, None))
        if number is None:
            break
        seen.append((number, more))
        parts.append(more)
        if more.count('"') % 2:
            return "\n".join(parts)
    waiting.extendleft(reversed(seen))
    raise Unusable(_lt("A quote is not closed."))


def split(line, delimiter):
    """Return the cells of a line.

    :raise Unusable: too long, too many, or with NUL
    """
    if len(line) > MAX_LINE:
        raise Unusable(_lt("The line has more than %s characters.", MAX_LINE))
    if "\0" in line:
        raise Unusable(_lt("The line has a NUL in it; the file is damaged, or in another encoding."))
    try:
        [cells] = csv.reader([line], delimiter=delimiter)
    except (csv.Error, ValueError) as error:
        raise Unusable(_lt("The line is not CSV; check its quotes.")) from error
    if len(cells) > MAX_COLUMNS:
        raise Unusable(_lt("The line has more than %s columns.", MAX_COLUMNS))
    return [cell.strip() for cell in cells]


def find_delimiter(line):
    """Return what separates the cells of a line: comma, semicolon, tab or bar."""
    bare = re.sub('"[^"]*"', "", line)
    return max(",;\t|", key=bare.count)


def read_objects(text):
    """Yield the line number and dict of each record in JSON; ``Unusable`` in place of what is no object."""
    _number, first = next((number, line) for number, line in physical_lines(text) if line.strip())
    if _is_object(first):
        for number, line in physical_lines(text):
            if line.strip():
                yield number, _read_object(line, number)
        return
    yield from _read_stream(text)


def _is_object(line):
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _read_object(line, number):
    if len(line) > MAX_JSON:
        return Unusable(_lt("The line has more than %s characters.", MAX_JSON), number)
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return Unusable(_lt("The line is no JSON."), number)
    return value if isinstance(value, dict) else Unusable(_lt("The line is no JSON object."), number)


def _read_stream(text):
    """Read objects that stand in an array, or one after the other, over any number of lines."""
    place = text.index(text.lstrip()[0])
    place += text[place] == "["
    line, counted = 1, 0
    while True:
        place = _blanks(text, place).end()
        line, counted = line + text.count("\n", counted, place), place
        if place >= len(text) or text[place:].strip() == "]":
            return
        try:
            value, place = _decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            yield line, Unusable(_lt("From here on the file is no JSON: %s", shown(text[place : place + 20])), line)
            return
        yield line, value if isinstance(value, dict) else Unusable(_lt("This is no JSON object."), line)
