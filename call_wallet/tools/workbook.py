"""Look at an XLSX file before anything reads it: what a few kilobytes unpack to can keep a server busy for minutes.

A library keeps all shared strings and a whole row in memory. So the unpacked parts are gone through once, without
parsing them: how long they are, and how many elements they have, by their "<".
"""

import io
import re
import zipfile
from xml.etree import ElementTree

MAX_PARTS = 1_000
MAX_UNPACKED = 500_000_000
# In the sheets: a million rows with a dozen cells, two elements and their ends each.
MAX_SHEET_MARKS = 50_000_000
# In one row, and in everything else together: a shared string has four.
MAX_ROW_MARKS = 20_000
MAX_OTHER_MARKS = 2_000_000
SHEETS = "xl/worksheets/"
MANIFEST = "[Content_Types].xml"
END_OF_ROW = b"row>"
CHUNK = 1 << 20
_has_formula = re.compile(rb"<(?:\w+:)?f[\s>/]").search


class Oversized(Exception):
    """The file has more in it than any price list."""


class Malformed(Exception):
    """No workbook is made like that."""


def check_workbook(data):
    """Refuse a workbook that takes long to read.

    :param bytes data: the file
    :raise Oversized: too many parts, elements, or bytes when unpacked
    :raise Malformed: with definitions of XML's own, by which a little text becomes much, or no XLSX at all
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
        # `file_size` is what the file says of itself; no more than that is unpacked.
        if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
            raise Oversized
        sheet_marks = other_marks = 0
        for part in parts:
            is_sheet = part.filename.startswith(SHEETS)
            marks = _count(archive, part, is_sheet)
            if is_sheet:
                sheet_marks += marks
            else:
                other_marks += marks
            if sheet_marks > MAX_SHEET_MARKS or other_marks > MAX_OTHER_MARKS:
                raise Oversized
        manifest = archive.read(MANIFEST)
    # Only what is named a sheet may be as large as one.
    if b"&#" in manifest or any(b"sharedStrings" in tag and SHEETS.encode() in tag for tag in manifest.split(b"<")):
        raise Malformed


def _count(archive, part, is_sheet):
    """Return how many elements a part has; of a sheet, each row is looked at as well."""
    total, in_row, last, is_first = 0, 0, b"", True
    with archive.open(part) as file:
        while chunk := file.read(CHUNK):
            if is_first and (chunk[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in chunk[:100]):
                # UTF-16 would hide what is looked for; media are not read, and count little.
                if part.filename.endswith((".xml", ".rels")):
                    raise Malformed
            is_first = False
            chunk = last + chunk
            if b"<!DOCTYPE" in chunk or b"<!ENTITY" in chunk:
                raise Malformed
            # What is looked for may begin here and end in the next piece.
            last, chunk = chunk[-10:], chunk[:-10]
            total += chunk.count(b"<")
            if is_sheet:
                rows = chunk.split(END_OF_ROW)
                for number, row in enumerate(rows):
                    in_row = (in_row if not number else 0) + row.count(b"<")
                    if in_row > MAX_ROW_MARKS:
                        raise Oversized
    return total


def find_uncomputed(data, path, most_rows):
    """Return {row: [columns]}, counted from 1, of a sheet's cells whose formula has no value.

    Programs that do not calculate write such cells; a library reads them as empty ones.

    :param bytes data: the file, as ``check_workbook`` lets it pass
    :param str path: of the sheet, in the file
    :param int most_rows: how many are looked at
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open(path) as sheet:
        last = b""
        while chunk := sheet.read(CHUNK):
            if _has_formula(last + chunk):
                break
            last = chunk[-40:]
        else:
            return {}
        sheet.seek(0)
        return _uncomputed(sheet, most_rows)


def _uncomputed(sheet, most_rows):
    found, row, column, rows, count = {}, 0, 0, None, 0
    for event, element in ElementTree.iterparse(sheet, ("start", "end")):
        kind = element.tag.rpartition("}")[2]
        if event == "start" and kind == "sheetData":
            rows = element
        elif event == "start" and kind == "row":
            row, column, count = int(element.get("r") or row + 1), 0, count + 1
            if count > most_rows:
                break
        elif event == "end" and kind == "c":
            column = _column_number(element.get("r")) or column + 1
            parts = {part.tag.rpartition("}")[2]: part for part in element}
            has_value = "is" in parts or ("v" in parts and (parts["v"].text or element.get("t") == "str"))
            if "f" in parts and not has_value:
                found.setdefault(row, []).append(column)
            element.clear()
        elif event == "end" and kind == "row" and rows is not None:
            rows.clear()  # with the row: a million empty ones would stay
    return found


def _column_number(coordinate):
    """Return 28 for AB7; 0 where there is no coordinate."""
    number = 0
    # Three letters are as many as a sheet has columns for.
    letters = re.match("[A-Z]{1,3}(?![A-Z])", coordinate or "")
    for letter in letters[0] if letters else "":
        number = number * 26 + ord(letter) - 64
    return number
