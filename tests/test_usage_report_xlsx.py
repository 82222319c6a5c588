"""The usage report as a workbook, read back by other programs: openpyxl, calamine, and LibreOffice if installed."""

import csv
import io
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
import zipfile
from datetime import date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from odoo.addons.call_wallet.tools import workbook_stream
from odoo.addons.call_wallet.tools.usage_report_file import COLUMNS, Csv
from odoo.addons.call_wallet.tools.usage_report_xlsx import Xlsx
from openpyxl import load_workbook
from python_calamine import CalamineWorkbook

NEW_YORK = ZoneInfo("America/New_York")
CALL = (
    "Nurses", "APP-1", "Émile Durand", "+14155550100", datetime(2026, 10, 1, 3, 30), "2.000000", "completed",
    "0.039100", "0.078200", "Live Call",
)  # fmt: skip
NO_CALL = (None,) * 10
NAMES = [column.name for column in COLUMNS]


def record(amount="-0.078200", moment=datetime(2026, 10, 1, 3, 31, 1), description="Live Call 1", call=CALL, **how):
    """A row of the ledger as the query gives it; ``call=None`` is one whose call was deleted."""
    is_call, usage_id = how.get("is_call", True), 7 if call and call is not NO_CALL else None
    return (1, moment, "usage", amount, "99.921800", description, is_call, usage_id, *(call or NO_CALL))


def with_texts(text):
    """A call of which everything that people type says ``text``."""
    return record(description=text, call=(text, text, text, *CALL[3:]))


def written(records, tz=NEW_YORK, **options):
    file = io.BytesIO()
    with Xlsx(file, "Usage report ACME", "USD", tz, len(records), made="Made by Ann", **options) as report:
        for start in range(0, len(records), 2):
            report.write(records[start : start + 2])
    return file


def read(file):
    """Return the rows as openpyxl and as calamine read them."""
    sheet = load_workbook(file).active
    # In a mode of its own, openpyxl believes what the sheet says of its size.
    quick = load_workbook(file, read_only=True).active
    assert (quick.max_row, quick.max_column) == (sheet.max_row, 15)
    return (
        [list(row) for row in sheet.iter_rows(2, values_only=True)],
        [[_value(cell) for cell in row] for row in _calamine(file)[1:]],
    )


def _calamine(file):
    file.seek(0)
    return CalamineWorkbook.from_filelike(file).get_sheet_by_index(0).to_python()


def _value(cell):
    """Return calamine's value as openpyxl's: it has empty text for no cell, and a day for its midnight."""
    if type(cell) is date:
        return datetime.combine(cell, time())
    return None if cell == "" else cell


# === WHAT IT SAYS === #


def test_numbers_dates_and_texts_are_what_they_are_to_every_reader():
    for [row] in read(written([record()])):
        assert row == [
            datetime(2026, 9, 30, 23, 31, 1), "usage", -0.0782, 99.9218, "Live Call 1", "Nurses", "APP-1",
            "Émile Durand", "+14155550100", datetime(2026, 9, 30, 23, 30), 2, "completed", 0.0391, 0.0782, "Live Call",
        ]  # fmt: skip


def test_each_kind_of_cell_has_its_format():
    [row] = load_workbook(written([record()])).active.iter_rows(2)
    formats = {cell.column_letter: (cell.data_type, cell.number_format) for cell in row}
    money, day, text = ("n", r"[$USD]\ #,##0.000000"), ("d", "yyyy-mm-dd hh:mm:ss"), ("s", "General")
    assert formats == {
        "A": day, "B": text, "C": money, "D": money, "E": text, "F": text, "G": text, "H": text, "I": ("s", "@"),
        "J": day, "K": ("n", "General"), "L": text, "M": money, "N": money, "O": text,
    }  # fmt: skip


def test_amounts_stand_in_the_file_digit_by_digit():
    # As binary fractions, the first has no exact value, and the second is too long for the 15 digits of many writers.
    file = written([record(amount="0.100000"), record(amount="-99999999999999.999999")])
    with zipfile.ZipFile(file) as book:
        sheet = ET.fromstring(book.read("xl/worksheets/sheet1.xml"))
    cells = {cell.get("r"): cell.findtext("{*}v") for cell in sheet.iterfind(".//{*}c")}
    assert (cells["C2"], cells["C3"]) == ("0.100000", "-99999999999999.999999")


def test_the_sum_of_a_column_is_that_of_the_ledger():
    # 1.000001 + 2.000002 + ... + 500.0005 = 1.000001 x 500 x 501 / 2 = 125250.12525
    rows = [record(amount=f"{Decimal('1.000001') * n:.6f}") for n in range(1, 501)]
    for found in read(written(rows)):
        assert sum(Decimal(str(row[2])) for row in found) == Decimal("125250.12525")


def test_what_is_no_call_has_no_call_cells_and_a_deleted_call_says_so_in_each():
    rows = [record(call=NO_CALL, is_call=False), record(call=None)]
    for plain, deleted in read(written(rows)):
        assert plain[5:] == [None] * 10
        assert deleted[5:] == ["Deleted"] * 10


def test_masked_parts_of_a_call_are_text():
    call = (*CALL[:1], "Deleted", "Deleted", "Deleted", *CALL[4:])
    for [row] in read(written([record(call=call)])):
        assert row[6:9] == ["Deleted"] * 3


def test_empty_text_leaves_an_empty_cell():
    for [row] in read(written([record(description="", call=("", None, "", *CALL[3:]))])):
        assert row[4:8] == [None] * 4


# === TEXT === #

READABLE = [
    "=1+1", "@SUM(A1)", "-2+3", "0012", "1e5", "TRUE", "2026-10-01", "https://example.com",
    "a & b < c > d \"e\" 'f'", "&amp; &#65;", "<r>A & B</r>", "]]>", "Übergröße, naïve, Ł",
    "שלום עולם", "مرحبا بالعالم", "a\u202eb\u2069", "😀 👩‍👩‍👧", "𩸽", "line\nbreak", "tab\there",
    " before", "after ", "\tboth\n", "\u3000wide\u00a0", "|", " | ", "x|", "a\u2028b", "\x7f\x85",
    "x" * 16_384, "y" * 32_767, "&" * 6_553, "😀" * 16_383,
]  # fmt: skip


@pytest.mark.parametrize("text", READABLE, ids=lambda text: ascii(text[:12]))
def test_any_text_is_read_as_it_was(text):
    for [row] in read(written([with_texts(text)])):
        assert row[4:8] == [text] * 4


def test_texts_beside_each_other_stay_apart():
    rows = [with_texts(text) for text in READABLE] + [with_texts("plain")] * 3
    for found in read(written(rows)):
        assert [row[4] for row in found] == [*READABLE, "plain", "plain", "plain"]
        assert [row[7] for row in found] == [*READABLE, "plain", "plain", "plain"]


def decoded(text):
    """Read text as Excel does: from the left, each _xHHHH_ is one sign."""
    return re.sub("_x([0-9A-Fa-f]{4})_", lambda match: chr(int(match[1], 16)), text)


@pytest.mark.parametrize(
    "text",
    ["\x00", "a\x01\x1fb", "cr\r\nlf", "\x0b\x0c", "\ufffe\uffff", "_x0041_", "_x0041_x0042_", "__x0041__",
     "_x0041\x01", "_x005F_x0041_", "_x00", "_x0041", "snake_xcode", "_X0041_", "a_x\r_"],
    ids=ascii,
)  # fmt: skip
def test_signs_that_xml_cannot_have_and_what_looks_like_their_names_are_read_by_excel_as_they_were(text):
    # Written as Excel does, [MS-OI29500] 2.1.1724: a sign as _xHHHH_, a literal one with its underscore as _x005F_.
    with zipfile.ZipFile(written([with_texts(text)])) as book:
        table = ET.fromstring(book.read("xl/sharedStrings.xml"))
    texts = [item.text for item in table.iterfind("{*}si/{*}t")]
    # The header's texts come first.
    assert texts[:15] == NAMES and decoded(texts[15]) == text


def test_half_a_pair_is_replaced():
    for [row] in read(written([with_texts("a\ud83d")])):
        assert row[4] == "a?"


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("y" * 32_768, "y" * 32_766 + "…"),
        # Two units each in UTF-16, by which Excel counts: 16,383 of them and the mark are 32,767.
        ("😀" * 16_384, "😀" * 16_383 + "…"),
        # Written as &lt;, four signs each: 8,191 x 4 + 1 = 32,765, one more would be too many.
        ("<" * 40_000, "<" * 8_191 + "…"),
    ],
    ids=["letters", "emoji", "escaped"],
)
def test_text_that_is_too_long_for_a_cell_is_cut_with_a_mark(text, cut):
    for [row] in read(written([with_texts(text)])):
        assert row[4:8] == [cut] * 4


# === DATES === #


@pytest.mark.parametrize(
    ("zone", "moment", "expected"),
    [
        # Clocks go forward at 7:00 UTC on 8 March, and back at 6:00 UTC on 1 November.
        ("America/New_York", datetime(2026, 3, 8, 6, 59, 59), datetime(2026, 3, 8, 1, 59, 59)),
        ("America/New_York", datetime(2026, 3, 8, 7), datetime(2026, 3, 8, 3)),
        ("America/New_York", datetime(2026, 11, 1, 5, 30), datetime(2026, 11, 1, 1, 30)),
        ("America/New_York", datetime(2026, 11, 1, 6, 30), datetime(2026, 11, 1, 1, 30)),
        ("Asia/Kathmandu", datetime(2026, 12, 31, 23, 59, 59), datetime(2027, 1, 1, 5, 44, 59)),
        ("Pacific/Kiritimati", datetime(2026, 12, 31, 10), datetime(2027, 1, 1)),
        ("UTC", datetime(2024, 2, 29, 12, 0, 0, 500_000), datetime(2024, 2, 29, 12, 0, 0, 500_000)),
        ("UTC", datetime(1900, 3, 1), datetime(1900, 3, 1)),
        # Before, Excel counts a day more than the others; and after 9998, none of them has days in every zone.
        ("UTC", datetime(1900, 2, 28, 12), "1900-02-28T12:00:00+00:00"),
        ("UTC", datetime(1, 1, 1), "0001-01-01T00:00:00+00:00"),
        ("UTC", datetime(9998, 12, 31, 23, 59, 59), datetime(9998, 12, 31, 23, 59, 59)),
        ("Asia/Tokyo", datetime(9999, 12, 31, 23, 59, 59), "9999-12-31T23:59:59+00:00"),
    ],
)
def test_dates_are_days_of_the_wallet_s_time_zone(zone, moment, expected):
    call = (*CALL[:4], moment, *CALL[5:])
    for [row] in read(written([record(moment=moment, call=call)], ZoneInfo(zone))):
        assert row[0] == row[9] == expected


def test_the_days_around_a_change_of_clocks_are_told_apart():
    moments = [datetime(2026, 10, day, hour) for day in (31, 1, 31, 2) for hour in (3, 4, 5)]
    moments += [datetime(2026, 11, 1, hour) for hour in (7, 4, 6, 5, 6, 5)]
    rows = [record(moment=moment) for moment in moments]
    for found in read(written(rows)):
        # New York is 4 hours behind, and 5 from 6:00 UTC on 1 November on.
        assert [(moment - row[0]).seconds // 3600 for moment, row in zip(moments, found, strict=True)] == [
            *[4] * 12, 5, 4, 5, 4, 5, 4,
        ]  # fmt: skip


# === THE BOOK === #


def test_it_is_printed_wide_with_the_header_on_each_page():
    book = load_workbook(written([record()] * 3))
    sheet = book.active
    assert (sheet.page_setup.orientation, sheet.sheet_properties.pageSetUpPr.fitToPage) == ("landscape", True)
    assert (sheet.page_setup.fitToWidth or 1, sheet.page_setup.fitToHeight) == (1, 0)
    assert sheet.print_title_rows == "$1:$1"
    assert (sheet.freeze_panes, sheet.auto_filter.ref, sheet.dimensions) == ("A2", "A1:O4", "A1:O4")
    assert (sheet.oddHeader.left.text, sheet.oddFooter.left.text) == ("Usage report ACME", "Made by Ann")
    assert book.properties.title == "Usage report ACME"
    assert [cell.value for cell in sheet[1]] == NAMES and all(cell.font.b for cell in sheet[1])


def test_an_empty_report_has_its_header():
    file = written([])
    assert read(file) == ([], [])
    sheet = load_workbook(file).active
    assert ([cell.value for cell in sheet[1]], sheet.auto_filter.ref, sheet.max_row) == (NAMES, "A1:O1", 1)


def test_rows_beyond_a_sheet_s_limit_go_on_in_the_next_one_with_all_of_its_set_up():
    book = load_workbook(written([record(description=f"Call {n}") for n in range(7)], rows_per_sheet=3))
    assert book.sheetnames == ["Usage Report", "Usage Report 2", "Usage Report 3"]
    assert [[cell.value for cell in sheet["E"][1:]] for sheet in book] == [
        ["Call 0", "Call 1", "Call 2"], ["Call 3", "Call 4", "Call 5"], ["Call 6"],
    ]  # fmt: skip
    for sheet, reference in zip(book, ("A1:O4", "A1:O4", "A1:O2"), strict=True):
        assert [cell.value for cell in sheet[1]] == NAMES
        assert (sheet.freeze_panes, sheet.auto_filter.ref, sheet.print_title_rows) == ("A2", reference, "$1:$1")


def test_exactly_full_sheets_are_followed_by_none():
    assert len(load_workbook(written([record()] * 6, rows_per_sheet=3)).worksheets) == 2


def test_it_is_one_well_formed_archive_without_what_excel_refuses():
    with zipfile.ZipFile(written([record()] * 5, rows_per_sheet=2)) as book:
        assert book.testzip() is None
        names = book.namelist()
        assert len(names) == len(set(names)) and names[0] == "[Content_Types].xml"
        for entry in book.infolist():
            # No sizes behind the content, and none of 64 bits: Excel offers to repair files with those.
            assert (entry.flag_bits & 8, entry.extract_version <= 20, entry.extra) == (0, True, b"")
            ET.fromstring(book.read(entry))


def test_more_than_excel_can_hold_is_refused(monkeypatch):
    for part in (4_000, 100):
        monkeypatch.setattr(workbook_stream, "MAX_PART", 100_000 + part)
        with pytest.raises(workbook_stream.TooLong):
            written([record(description="x" * 30_000)] * 50)


def test_fewer_rows_than_were_counted_are_no_report():
    file = io.BytesIO()
    with pytest.raises(ValueError, match="fewer transactions"):
        with Xlsx(file, "Title", "USD", NEW_YORK, 3) as report:
            report.write([record()] * 2)


def test_csv_has_the_whole_text():
    file = io.BytesIO()
    with Csv(file, "Title", "USD", NEW_YORK, 1) as report:
        report.write([with_texts("y" * 40_000)])
    csv.field_size_limit(100_000)
    [_header, row] = csv.reader(io.StringIO(file.getvalue().decode("utf-8-sig")))
    assert row[4] == "y" * 40_000


# === LIBREOFFICE === #


@pytest.mark.skipif(not shutil.which("soffice"), reason="LibreOffice is not installed")
def test_libreoffice_reads_and_prints_it(tmp_path):
    texts = [text for text in READABLE if len(text) < 100 and text.isprintable()]
    rows = [with_texts(text) for text in texts] + [record(call=None), record(call=NO_CALL, is_call=False)] * 60
    (tmp_path / "report.xlsx").write_bytes(written(rows).getvalue())
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    for kind in ("csv:Text - txt - csv (StarCalc):44,34,76,1", "pdf"):
        command = ["soffice", profile, "--headless", "--convert-to", kind, "report.xlsx"]
        subprocess.run(command, check=True, capture_output=True, timeout=180, cwd=tmp_path)
    with open(tmp_path / "report.csv", newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert [row["Description"] for row in found[: len(texts)]] == texts
    assert (found[0]["Transaction Date"], found[0]["Amount"]) == ("2026-09-30 23:31:01", "-USD 0.078200")
    assert (found[-2]["Number"], found[-1]["Number"]) == ("Deleted", "")
    pdf = (tmp_path / "report.pdf").read_bytes()
    pages = re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)", pdf)
    # All columns on one page, which is wider than high.
    assert 2 <= len(pages) <= 6 and all(float(width) > float(height) for width, height in pages)
