"""Amounts, days and names as people write them, in their language and script."""

import base64
import csv
import io
import json
import re
import shutil
import subprocess
import unittest
from datetime import datetime
from decimal import Decimal

from odoo import http
from odoo.addons.call_wallet.tools.fields import notation, parse_typed
from odoo.addons.call_wallet.tools.reconciliation_file import write_text
from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import file_open
from openpyxl import load_workbook
from xlsxwriter import Workbook

from .common import CallWalletCommon
from .test_portal_topup import TopupPageCommon

LANGUAGES = ("en_US", "es_ES", "de_DE", "fr_FR", "de_CH", "ar_001", "hi_IN")
# Read alike in every language: text, amount.
CLEAR = [
    ("25", "25"), ("25,50", "25.50"), ("25.50", "25.50"), ("1.000,50", "1000.50"), ("1,000.50", "1000.50"),
    ("1 000,50", "1000.50"), ("1\u00a0000,50", "1000.50"), ("1\u202f000.50", "1000.50"), ("1'000.50", "1000.50"),
    ("1’000,50", "1000.50"), ("1 000", "1000"), ("1.000.000", "1000000"), ("1,00,000.50", "100000.50"),
    ("0,039", "0.039"),
    ("٢٥٫٥٠", "25.50"), ("١٬٠٠٠٫٥٠", "1000.50"), ("٢٥", "25"), ("۲۵", "25"), ("२५", "25"), ("２５．５", "25.5"),
    ("\u2066100.5\u2069", "100.5"), ("-5", "-5"), ("1234,567", "1234.567"),
]  # fmt: skip
# Read as the language says, or refused with both readings: text, {language: amount or None}.
UNCLEAR = [
    ("1.000", {"en_US": None, "es_ES": "1000", "de_DE": "1000", "fr_FR": None, "de_CH": None}),
    ("1,000", {"en_US": "1000", "es_ES": None, "de_DE": None, "fr_FR": None, "de_CH": None}),
    ("١,٠٠٠", {"ar_001": "1000"}),
]
WRONG = ("1_000", "1e2", "1.2.3", "1,000,50", "12 34", "10²", "five", "$", "0x10", "1.000 000", "infinity", "1" * 99)
NAMES = (
    "<r>A & B < C</r>",
    "日本語 テスト",
    "مرحبا 123",
    "Ünïcødé ñ",
    "😀 & <b>",
    "שלום",
    "=1+1",
    "@SUM(1)",
    "x;=1+1; y",
)


@tagged("post_install", "-at_install", "standard")
class TestTypedAmounts(CallWalletCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for language in LANGUAGES:
            cls.env["res.lang"]._activate_lang(language)

    def _typed(self, text, language, places=2):
        return parse_typed(text, "Amount", self.env(context={"lang": language}), places)

    def test_amounts_are_read_in_the_reader_s_language_and_never_a_thousand_times_off(self):
        for language in LANGUAGES:
            for text, amount in CLEAR:
                with self.subTest(text=text, language=language):
                    self.assertEqual(self._typed(text, language), Decimal(amount))
            for text in WRONG:
                with self.subTest(text=text, language=language), self.assertRaises(UserError):
                    self._typed(text, language)
        for text, expected in UNCLEAR:
            for language, amount in expected.items():
                with self.subTest(text=text, language=language):
                    if amount:
                        self.assertEqual(self._typed(text, language), Decimal(amount))
                    else:
                        with self.assertRaisesRegex(UserError, "1000 .* 1"):
                            self._typed(text, language)
        # With three decimals, as in Kuwait, the language's own mark begins them.
        self.assertEqual(self._typed("1.125", "en_US", 3), Decimal("1.125"))
        self.assertEqual(self._typed("1,125", "es_ES", 3), Decimal("1.125"))

    @unittest.skipUnless(shutil.which("node"), "node is not installed")
    def test_the_browser_reads_as_the_server_does(self):
        """The same tables, read by what reads amounts in our pages and in the web client."""
        source = file_open("call_wallet/static/src/common/money.js").read()
        source = re.sub("^import .*$", "", source, flags=re.M).replace("export function", "function")
        cases = []
        for language in LANGUAGES:
            ways = notation(self.env(context={"lang": language}))
            cases += [(ways, text, amount) for text, amount in CLEAR]
            cases += [(ways, text, None) for text in WRONG]
            cases += [(ways, text, expected[language]) for text, expected in UNCLEAR if language in expected]
        script = f"""{source}
            let localization;
            const read = ([[decimalPoint, thousandsSep], text]) => {{
                localization = {{ decimalPoint, thousandsSep }};
                return parsePlain(text, 2);
            }};
            console.log(JSON.stringify({json.dumps(cases)}.map(read)));"""
        done = subprocess.run(["node", "-"], input=script.encode(), capture_output=True, check=True)
        for (ways, text, amount), read in zip(cases, json.loads(done.stdout), strict=True):
            with self.subTest(text=text, point=ways.point, separator=ways.separator):
                self.assertEqual(read and Decimal(read), amount and Decimal(amount))

    def test_the_api_takes_plain_decimal_strings_only(self):
        for text in ("1_000", "1e2", "١٠٠", "1,000", "NaN"):
            with self.subTest(text=text), self.assertRaisesRegex(UserError, "not an amount"):
                self.wallet.create_topup(text)

    def test_zero_has_no_sign_and_a_statement_adds_up(self):
        wallet = self.wallet
        self.assertEqual(wallet._format_amount(Decimal("-0.004")), "$\u00a00.00")
        self.assertEqual(wallet._format_exactly(Decimal("-0.0")), "0.00 USD")
        self._fund(wallet, "10")
        # 60 s at 0.0047 leave 9.9953.
        self.plan.rate_ids.filtered(lambda rate: rate.prefix == "1415").price_per_minute = "0.0047"
        self._record(self._call(duration_seconds=60))
        statement = wallet._statement(wallet._today().replace(day=1))
        mail = self.env.ref("call_wallet.mail_template_statement").with_context(statement=statement)
        text = re.sub("<[^>]*>", " ", str(mail._render_field("body_html", wallet.ids)[wallet.id]))
        for shown in ("$\u00a0-0.0047", "$\u00a010.0000", "$\u00a09.9953"):
            self.assertIn(shown, text)
        self.assertNotIn("-0.00 ", text)

    def test_names_of_any_script_are_the_same_in_every_file(self):
        calls = [self._call(call_ref=f"n-{index}", campaign=name, manager=name, application_ref=name)
                 for index, name in enumerate(NAMES)]  # fmt: skip
        self._record(*calls)
        self.wallet.refund(1, NAMES[0])
        with self.wallet.env["call.usage.report"]._make(self.wallet, format="xlsx") as report:
            sheet = load_workbook(io.BytesIO(report.read())).active
            rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)]
        self.assertEqual({row[5] for row in rows if row[5]}, set(NAMES))
        self.assertEqual({row[6] for row in rows if row[6]}, set(NAMES))
        self.assertEqual({row[7] for row in rows if row[7]}, set(NAMES))
        self.assertIn(NAMES[0], [row[4] for row in rows])
        with self.wallet.env["call.usage.report"]._make(self.wallet, format="csv") as report:
            rows = list(csv.DictReader(io.StringIO(report.read().decode("utf-8-sig"))))
        found = {row["Campaign"] for row in rows if row["Campaign"]}
        # What a spreadsheet program would run gets an apostrophe, also where it begins a cell at a semicolon.
        defused = {"=1+1": "'=1+1", "@SUM(1)": "'@SUM(1)", "x;=1+1; y": "x;'=1+1; y"}
        self.assertEqual(found, {defused.get(name, name) for name in NAMES})
        # The reconciliation's workbook writes text by the same helper.
        file = io.BytesIO()
        book = Workbook(file, {"in_memory": True})
        sheet = book.add_worksheet()
        for line, name in enumerate(NAMES):
            write_text(sheet, line, 0, name)
        book.close()
        self.assertEqual([row[0].value for row in load_workbook(file).active.iter_rows()], list(NAMES))


@tagged("post_install", "-at_install", "standard")
class TestPriceListsOfPeople(CallWalletCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for language in LANGUAGES:
            cls.env["res.lang"]._activate_lang(language)
        cls.finance = cls._make_user("rates.finance", "finance")

    def _read(self, language, *lines, header="prefix;price_per_minute"):
        """Preview a price list in a language; return its changes, and the sentences about its errors."""
        wizards = self.env["call.rate.import"].with_user(self.finance).with_context(lang=language, tz="UTC")
        data = base64.b64encode("\n".join([header, *lines]).encode())
        wizard = wizards.create({"plan_id": self.plan.id, "file": data, "valid_from": datetime(2026, 11, 1)})
        wizard.action_preview()
        new = wizard._changes().filtered(lambda change: change.kind == "new")
        return new.sorted("prefix"), wizard.error_ids.mapped("message")

    def _prices(self, language, *cells):
        """Read prices of prefixes that count up from 63."""
        changes, errors = self._read(language, *(f"{63 + index};{cell}" for index, cell in enumerate(cells)))
        return errors or [f"{change.price_per_minute.normalize():f}" for change in changes]

    def test_prices_are_read_as_the_file_or_the_reader_writes_them(self):
        for language, cells, expected in (
            ("es_ES", ["0,05"], ["0.05"]),
            ("es_ES", ["0,05", "1.250"], ["0.05", "1250"]),
            ("es_ES", ["0.05", "1.250"], ["0.05", "1.25"]),
            ("es_ES", ["1,250"], ["1.25"]),
            ("en_US", ["1.250", "2.5"], ["1.25", "2.5"]),
            ("en_US", ["1.250"], ["1.25"]),
            ("en_US", ["0,05", "1.250"], ["0.05", "1250"]),
            ("fr_FR", ["1 250,5", "0,1"], ["1250.5", "0.1"]),
            ("de_CH", ["1'250.5"], ["1250.5"]),
            ("ar_001", ["٠٫٠٥"], ["0.05"]),
            ("en_US", ["5E-05"], ["0.00005"]),
        ):
            with self.subTest(language=language, cells=cells):
                self.assertEqual(self._prices(language, *cells), expected)
        # No other line says what the point is, or two say different things.
        for language, cells in (("es_ES", ["1.250"]), ("fr_FR", ["1.250"]), ("es_ES", ["0,05", "0.05", "1.250"])):
            with self.subTest(language=language, cells=cells):
                [message] = self._prices(language, *cells)
                self.assertIn("1250", message)
                self.assertIn("1.25", message)

    def test_days_are_read_as_the_file_or_the_reader_writes_them(self):
        for language, cells, expected in (
            ("es_ES", ["0,05;31/12/2026"], ["2026-12-31"]),
            ("es_ES", ["0,05;01/12/2026"], ["2026-12-01"]),
            ("en_US", ["0.05;12/01/2026"], ["2026-12-01"]),
            ("en_US", ["0.05;01/12/2026", "0.05;31/12/2026"], ["2026-12-01", "2026-12-31"]),
            ("de_DE", ["0,05;31.12.2026 00:00"], ["2026-12-31"]),
            ("en_US", ["0.05;2026-12-01", "0.05;2026/12/02"], ["2026-12-01", "2026-12-02"]),
        ):
            with self.subTest(language=language, cells=cells):
                lines = [f"{70 + index};{cell}" for index, cell in enumerate(cells)]
                changes, errors = self._read(language, *lines, header="prefix;price_per_minute;valid_from")
                self.assertEqual(errors, [])
                self.assertEqual([str(change.valid_from.date()) for change in changes], expected)
        lines = ["70;0.05;31/12/2026", "71;0.05;12/31/2026", "72;0.05;01/12/2026"]
        _changes, [error] = self._read("en_US", *lines, header="prefix;price_per_minute;valid_from")
        for reading in ("2026-12-01", "2026-01-12"):
            self.assertIn(reading, error)


@tagged("post_install", "-at_install", "standard")
class TestTypedOnPages(TopupPageCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for language in ("es_ES", "ar_001"):
            cls.env["res.lang"]._activate_lang(language)
        cls.env["ir.module.module"].search([("name", "=", "call_wallet")])._update_translations(["es_ES"])

    def _read_in(self, language):
        self.authenticate("portal-owner", "portal-owner")
        self.opener.cookies["frontend_lang"] = language

    def _post(self, page, fields):
        """Send a form of the page that is open, in its language."""
        data = [("csrf_token", http.Request.csrf_token(self)), *fields]
        return self.url_open(self.path(page), data=data, allow_redirects=False)

    def test_amounts_are_typed_in_the_language_of_the_page(self):
        self._read_in("es_ES")
        quote = self.path("add/quote")
        for typed, shown in (("25,50", "25,50"), ("1.000", "1.000,00"), ("1.000,50", "1.000,50"), ("25.50", "25,50")):
            with self.subTest(typed=typed):
                answer = self.make_jsonrpc_request(quote, {"amount": typed})
                self.assertFalse(answer["problem"])
                self.assertIn(f"$\u00a0{shown}<", answer["html"].replace("&nbsp;", "\u00a0"))
        problem = self.make_jsonrpc_request(quote, {"amount": "1,000"})["problem"]
        self.assertIn("1000", problem)
        self.assertEqual(self._post("add", self._form(package="other", other_amount="1.000,50")).status_code, 303)
        self.assertEqual(self.wallet.topup_ids.amount, Decimal("1000.50"))
        wrong = self._post("add", self._form(package="other", other_amount="1,000", request_key="key-2"))
        self.assertEqual((wrong.status_code, len(self.wallet.topup_ids)), (422, 1))
        self.assertIn('value="1,000"', wrong.text)

        self._post("notifications", [("emails", "billing@initrode.example"), ("threshold", "1.250,5")])
        self.env.invalidate_all()
        self.assertEqual(self.wallet.low_balance_threshold, Decimal("1250.5"))
        self.assertIn('value="1250,50"', self.url_open(self.path("notifications")).text)

        card = self._token(self.partner)
        settings = {
            "level": "25,50",
            "amount": "1.000",
            "monthly_cap": "5 000",
            "token_id": card.id,
            "accept_mandate": "on",
        }
        self._post("auto", [("action", "on"), *settings.items()])
        self.env.invalidate_all()
        wallet = self.wallet
        self.assertEqual(
            (wallet.auto_topup_level, wallet.auto_topup_amount, wallet.auto_topup_monthly_cap),
            (Decimal("25.5"), Decimal(1000), Decimal(5000)),
        )
        page = self.url_open(self.path("auto")).text
        for shown in ('value="25,50"', 'value="1000,00"', 'value="5000,00"'):
            self.assertIn(shown, page)

    def test_right_to_left_pages_keep_numbers_and_sums_in_order(self):
        self._fund(self.wallet, "100")
        self._record(self._call(duration_seconds=60))
        self._read_in("ar_001")
        text = self.url_open(self.path("transactions")).text.replace("&nbsp;", "\u00a0")
        # Between the marks of UAX 9 that keep their order: +1 415-555-0100, and -0.0125.
        self.assertIn("\u2066+1\u00a0415-555-0100\u2069", text)
        self.assertIn("\u2066$\u00a0-0.0125\u2069", text)
        self._read_in("en_US")
        self.assertNotIn("\u2066", self.url_open(self.path("transactions")).text)
