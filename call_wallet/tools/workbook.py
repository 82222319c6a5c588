"""Look at an XLSX file before anything reads it: what a few kilobytes unpack to can keep a server busy for minutes.

A library keeps all shared strings and a whole row in memory. So the unpacked parts are gone through once, without
parsing them: how long they are, and how many elements they have, by their "<".
"""

import io
import zipfile

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
