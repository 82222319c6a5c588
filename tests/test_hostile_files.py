"""Price lists that are made to keep a server busy: refused in a moment, whatever they would unpack to."""

import io
import time
import zipfile
from zoneinfo import ZoneInfo

import pytest
from openpyxl import Workbook

pytest.importorskip("odoo")

HEAD = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
MAIN = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def honest(rows=(("prefix", "price_per_minute"), ("1", 0.01))):
    book, file = Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(file)
    return file.getvalue()


def changed(name, content, data=None):
    """An honest workbook, but for one part."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data or honest())) as old,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for part in old.namelist():
            if part != name:
                new.writestr(part, old.read(part))
        new.writestr(name, content)
    return file.getvalue()


def sheet(rows, head=HEAD):
    return head + b'<worksheet xmlns="%s"><sheetData>%s</sheetData></worksheet>' % (MAIN, rows)


def cells(row, *values):
    texts = b"".join(
        b'<c r="%s%d" t="inlineStr"><is><t>%s</t></is></c>' % (column, row, value) for column, value in values
    )
    return b'<row r="%d">%s</row>' % (row, texts)


TOP = cells(1, (b"A", b"prefix"), (b"B", b"price_per_minute")) + cells(2, (b"A", b"1"), (b"B", b"0.01"))
FIRST = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"
BILLION = b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'


def hostile():
    many = b"<si><t>x</t></si>" * 600_000
    return {
        "a row of any number": (changed(FIRST, sheet(TOP + b'<row r="2000000000"/>')), "more than 1048576 lines"),
        "that number in other digits": (changed(FIRST, sheet(TOP + b'<row r="&#50;000000000"/>')), "more than"),
        "a column far out": (changed(FIRST, sheet(TOP + b'<row r="3"><c r="XFD3"><v>1</v></c></row>')), None),
        "a million cells in a row": (
            changed(FIRST, sheet(TOP + b"<row>" + b"<c/>" * 1_000_000 + b"</row>")),
            "too large",
        ),
        "millions of shared strings": (
            changed(STRINGS, HEAD + b'<sst xmlns="%s">' % MAIN + many + b"</sst>"),
            "too large",
        ),
        "gigabytes of nothing": (changed("xl/media/image1.png", b"\0" * 510_000_000), "too large"),
        "too many parts": (changed("x", b"", many_parts()), "too large"),
        "entities": (changed(FIRST, sheet(TOP, HEAD + BILLION)), "cannot be opened"),
        "entities in another part": (changed("xl/styles.xml", HEAD + BILLION + b"<styleSheet/>"), "cannot be opened"),
        "another encoding": (changed(FIRST, sheet(TOP).decode().encode("utf-16")), "cannot be opened"),
        "strings that call themselves a sheet": (strings_as_a_sheet(), "cannot be opened"),
        "deeper than a parser goes": (changed(FIRST, sheet(b"<a>" * 60_000 + b"</a>" * 60_000)), "too large"),
        "an unfinished part": (changed(FIRST, sheet(TOP)[:-30]), "cannot be opened"),
        "no parts": (empty(), "cannot be opened"),
        "numbers that are none": (changed(FIRST, sheet(b'<row r="x"/>')), "cannot be opened"),
        "a coordinate without an end": (
            changed(FIRST, sheet(TOP + b'<row r="3"><c r="' + b"A" * 300_000 + b'3"><f>1</f></c></row>')),
            "cannot be opened",
        ),
        "a heading that grows to eighteen times its length": (
            f"prefix,price_per_minute,{chr(0xFDFA) * 1_000_000}\n1,0.01,\n".encode(),
            "is unknown",
        ),
        "blank lines for ever": (b"prefix,price_per_minute\n" + b"\n" * 1_100_000, "more than 1048576 lines"),
        "a file too long to look at": (b"prefix,price_per_minute\n" + b"1,0.1,\n" * 15_000_000, "too large"),
        "nothing but a beginning": (b"PK\x03\x04", "cannot be opened"),
        "more columns than there are names": (
            b"prefix,price_per_minute" + b",x" * 50 + b"\n1,0.1\n",
            "more than 40 columns",
        ),
    }


def many_parts():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(1_100):
            archive.writestr(str(number), b"")
    return file.getvalue()


def empty():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w"):
        pass
    # A file with parts begins otherwise; this one says that it has some.
    return b"PK\x03\x04" + file.getvalue()


def strings_as_a_sheet():
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    with zipfile.ZipFile(io.BytesIO(honest())) as archive:
        manifest = archive.read("[Content_Types].xml").decode()
    named = f'<Override PartName="/xl/worksheets/strings.xml" ContentType="{kind}"/></Types>'
    return changed("[Content_Types].xml", manifest.replace("</Types>", named).encode())


def test_each_is_refused_or_read_in_a_moment():
    from odoo.addons.call_wallet.tools.rate_deck import UnreadableDeck, read_deck

    for what, (data, sentence) in hostile().items():
        begun = time.process_time()
        try:
            lines = [item.values for item in read_deck(data, ZoneInfo("UTC"))]
        except UnreadableDeck as refusal:
            text = refusal.sentence if isinstance(refusal.sentence, str) else str(refusal.sentence)
            assert sentence and sentence in text, (what, text)
        else:
            assert sentence is None and [line[1] for line in lines] == ["1"], (what, len(lines))
        assert time.process_time() - begun < 15, what


def test_of_a_sheet_no_more_rows_are_looked_at_than_are_read():
    from odoo.addons.call_wallet.tools.workbook import find_uncomputed

    rows = b"".join(b'<row r="%d"><c r="AB%d"><f>1</f></c></row>' % (row, row) for row in range(1, 100))
    assert find_uncomputed(changed(FIRST, sheet(rows)), FIRST, 20) == {row: [28] for row in range(1, 21)}


def test_what_people_save_is_read():
    from odoo.addons.call_wallet.tools.rate_deck import read_deck

    rows = [("prefix", "price_per_minute", "destination"), *((str(1000 + n), 0.01, f"Place {n}") for n in range(2_000))]
    items = list(read_deck(honest(rows), ZoneInfo("UTC")))
    assert len(items) == 2_000 and not any(item.errors for item in items)
