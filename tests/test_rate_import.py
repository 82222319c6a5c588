"""Rate decks: what a file would change, errors by line, and prices that begin where the old ones end."""

import base64
import csv
import io
from datetime import datetime, timedelta
from decimal import Decimal

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from openpyxl import Workbook

from .rate_case import NOVEMBER, RateCase


@tagged("post_install", "-at_install")
class TestRateImport(RateCase):
    # === PREVIEW === #

    def test_the_preview_counts_what_changes_and_changes_nothing(self):
        before = self.plan.rate_ids.read()

        wizard = self._import("1,USA,0.02,60,0,0", "1415,Bay Area,0.0125,60,0,0", "1416,Toronto,0.03,60,0,0")

        self.assertEqual(self._counts(wizard), {"new": 1, "changed": 1, "missing": 5})
        self.assertEqual(wizard.renamed_count, 1)
        self.assertEqual(self.plan.rate_ids.read(), before)
        changed = wizard.sample_ids.filtered(lambda line: line.kind == "changed")
        self.assertEqual(
            (changed.line, changed.prefix, changed.old_price, changed.price_per_minute),
            (2, "1", Decimal("0.01"), Decimal("0.02")),
        )

    def test_a_line_with_several_prefixes_is_one_line(self):
        wizard = self._import('"420, 4420-4422; +421",Some,0.05,60/6,,', "7,Russia,0.05,60,0,0")
        self.assertEqual((wizard.line_count, wizard.prefix_count, wizard.new_count), (2, 6, 6))

    def test_connection_fees_and_other_terms_are_shown_before_and_after(self):
        self._import("1,USA,0.01,60,0,0.02", "44,UK,0.0391,60,0,0.02").action_apply()

        wizard = self._import(
            "1,USA,0.01,60,0,0.05", "44,UK,0.0391,6,0,0.01", "1416,Toronto,0.03,6,30,0.01",
            valid_from=NOVEMBER + timedelta(days=1),
        )  # fmt: skip

        changes = {line.prefix: line for line in wizard._changes() if line.line}
        self.assertEqual(
            {prefix: (line.old_connection_fee, line.connection_fee, line.terms) for prefix, line in changes.items()},
            {
                "1": (Decimal("0.02"), Decimal("0.05"), ""),
                "44": (Decimal("0.02"), Decimal("0.01"), "Step (s): 60 → 6"),
                "1416": (Decimal(0), Decimal("0.01"), "Step (s): 6  ·  Minimum (s): 30"),
            },
        )
        self.assertEqual(
            wizard.sums.splitlines(),
            [
                "No price a minute changes.",
                "Connection fees: 1 up, 1 down.",
                "Increments, minimums or other seconds change: 1.",
            ],
        )

    def test_ending_most_of_the_plan_is_asked_about(self):
        # The plan has seven rates.
        wizard = self._import("1,USA,0.02,60,0,0", close_missing=True)
        self.assertIn("whole price list: 6 rates", wizard.warnings)
        self.assertFalse(self._import("1,USA,0.02,60,0,0").warnings)
        most = [f"{prefix},,0.02,60,0,0" for prefix in ("1", "1415", "33", "44")]
        self.assertFalse(self._import(*most, close_missing=True).warnings)

    def test_the_same_deck_again_is_unchanged(self):
        lines = ["1,USA,0.02,60,0,0", "1415,,0.0125,60,0,0"]
        self._import(*lines).action_apply()

        self.assertEqual(self._counts(self._import(*lines, valid_from=NOVEMBER + timedelta(days=1)))["unchanged"], 2)

    # === APPLY === #

    def test_a_new_price_begins_where_the_old_one_ends(self):
        self._import("1415,Bay Area,0.02,60,0,0").action_apply()

        old, new = self._rates("1415").sorted("id")
        self.assertEqual((old.price_per_minute, old.valid_to), (Decimal("0.0125"), NOVEMBER))
        self.assertEqual((new.price_per_minute, new.valid_from, new.valid_to), (Decimal("0.02"), NOVEMBER, False))
        self.assertEqual(self._cost("2026-10-31T23:59:59Z"), Decimal("0.0125"))
        self.assertEqual(self._cost("2026-11-01T00:00:00Z"), Decimal("0.02"))

    def test_new_prefixes_are_rated_at_once_and_other_rates_stay(self):
        self.assertEqual(self._cost("2026-11-02T00:00:00Z", "+16465550100"), Decimal("0.01"))

        self._import("1646,New York,0.05,60,0,0").action_apply()

        self.assertEqual(self._cost("2026-11-02T00:00:00Z", "+16465550100"), Decimal("0.05"))
        self.assertEqual(self._cost("2026-11-02T00:00:00Z", "+14155550100"), Decimal("0.0125"))
        self.assertIn("deck.csv", self.plan.message_ids[0].body)

    def test_missing_rates_are_closed_only_when_asked(self):
        self._import("1,USA,0.02,60,0,0").action_apply()
        self.assertEqual(self._cost("2026-11-02T00:00:00Z"), Decimal("0.0125"))

        december = datetime(2026, 12, 1)
        self._import("1,USA,0.02,60,0,0", valid_from=december, close_missing=True).action_apply()

        self.assertEqual(self._cost("2026-11-30T00:00:00Z"), Decimal("0.0125"))
        self.assertEqual(self._cost("2026-12-01T00:00:00Z"), Decimal("0.02"))
        self.assertEqual(self._cost("2026-12-01T00:00:00Z", "+33155550100"), "rejected")

    def test_rates_of_another_call_type_stay(self):
        self.plan.rate_ids.filtered(lambda rate: rate.prefix == "44").copy({"call_type": "whatsapp"})

        self._import("1,USA,0.02,60,0,0", close_missing=True).action_apply()

        self.assertFalse(self._rates("44").filtered(lambda rate: rate.call_type == "whatsapp").valid_to)

    def test_a_wrong_deck_is_replaced_from_the_same_moment(self):
        self._import("1415,Bay Area,0.2,60,0,0").action_apply()

        self._import("1415,Bay Area,0.02,60,0,0").action_apply()

        self.assertEqual(self._cost("2026-11-01T00:00:00Z"), Decimal("0.02"))
        self.assertEqual(len(self._rates("1415")), 3, "the wrong rate is kept, and never in force")

    def test_rates_that_begin_later_take_over_unless_they_are_withdrawn(self):
        self._import("1415,Bay Area,0.5,60,0,0", valid_from=datetime(2026, 12, 1)).action_apply()

        wizard = self._import("1415,Bay Area,0.02,60,0,0")
        self.assertEqual(wizard.later_count, 1)
        wizard.action_apply()
        self.assertEqual(self._cost("2026-12-01T00:00:00Z"), Decimal("0.5"))

        self._import("1415,Bay Area,0.03,60,0,0", replace_later=True).action_apply()
        self.assertEqual(self._cost("2026-12-01T00:00:01Z"), Decimal("0.03"))

    def test_a_line_may_say_from_when_it_is_valid(self):
        self._import(
            "1,USA,0.02,2026-11-05",
            "1415,Bay Area,0.03,2026-11-05T00:00:00+02:00",
            "1416,Toronto,0.04,",
            header="prefix,destination,price_per_minute,valid_from",
        ).action_apply()

        self.assertEqual(self._rates("1")[-1].valid_from, datetime(2026, 11, 5))
        self.assertEqual(self._rates("1415")[-1].valid_from, datetime(2026, 11, 4, 22))
        self.assertEqual(self._rates("1416").valid_from, NOVEMBER)

    def test_free_seconds_stay_when_the_file_does_not_speak_of_them(self):
        self._import("39,Italy,0.07,60,0,0").action_apply()

        self.assertEqual(self._rates("39")[-1].free_seconds, 60)

    def test_an_empty_prefix_matches_every_number(self):
        self._import(",Anywhere,0.9,60,0,0").action_apply()

        self.assertEqual(self._cost("2026-11-02T00:00:00Z", "+861055550100"), Decimal("0.9"))

    def test_a_plan_changed_since_the_preview_is_previewed_again(self):
        wizard = self._import("1,USA,0.02,60,0,0")
        self._import("1,USA,0.03,60,0,0").action_apply()

        with self.assertRaisesRegex(UserError, "changed since the preview"):
            wizard.action_apply()
        wizard.action_preview()
        wizard.action_apply()
        self.assertEqual(self._cost("2026-11-02T00:00:00Z", "+12125550100"), Decimal("0.02"))

    def test_first_block_and_grace_are_imported_by_their_usual_names(self):
        wizard = self._import(
            "351,Portugal,0.6,20,6,5",
            header="Dial code;Destination;Rate per minute;Initial increment (sec);Increment;Grace (sec)".replace(
                ";", ","
            ),
        )
        line = wizard.sample_ids.filtered("line")
        self.assertEqual((line.first_block_seconds, line.increment_seconds, line.grace_seconds), (20, 6, 5))
        wizard.action_apply()

        # 21 s are billed as 26 at a cent a second; 5 s cost nothing.
        for duration, cost in ((21, "0.260000"), (5, "0.000000")):
            result = self._record(
                self._call(started_at="2026-11-02T00:00:00Z", number="+3512345678", duration_seconds=duration)
            )
            self.assertEqual(result["total_cost"], cost)

    def test_first_block_and_grace_stay_when_the_file_does_not_speak_of_them(self):
        rate = self._rates("39")
        rate.write({"first_block_seconds": 20, "grace_seconds": 5})

        self.assertEqual(self._counts(self._import("39,,0.05,60,0,0"))["unchanged"], 1)
        self._import("39,Italy,0.07,60,0,0").action_apply()
        new = self._rates("39")[-1]
        self.assertEqual((new.first_block_seconds, new.grace_seconds), (20, 5))
        self._import("39,Italy,0.07,60,60,0", valid_from=NOVEMBER + timedelta(days=1)).action_apply()
        new = self._rates("39")[-1]
        self.assertEqual((new.minimum_seconds, new.first_block_seconds, new.grace_seconds), (60, 0, 5))

    def test_times_without_an_offset_are_in_the_time_zone_of_the_form(self):
        self.finance.tz = "Europe/Madrid"
        self._import(
            "1,USA,0.02,2026-11-05",
            "1415,Bay Area,0.03,2026-11-05T00:00:00+02:00",
            header="prefix,destination,price_per_minute,valid_from",
        ).action_apply()

        # Madrid is an hour ahead of UTC in winter.
        self.assertEqual(self._rates("1")[-1].valid_from, datetime(2026, 11, 4, 23))
        self.assertEqual(self._rates("1415")[-1].valid_from, datetime(2026, 11, 4, 22))

    # === UNDO === #

    def _undo(self, wizard):
        wizard.with_user(self.manager).action_undo()

    @property
    def manager(self):
        found = self.env["res.users"].search([("login", "=", "rates.manager")])
        return found or self._make_user("rates.manager", "finance_manager")

    def test_undo_puts_the_plan_back_as_it_was(self):
        self._import("1,USA,0.5,60,0,0", valid_from=datetime(2027, 1, 1)).action_apply()
        before = self._deck()
        wizard = self._import(
            "1,USA,0.02,60,0,0", "1415,Bay Area,0.0125,60,0,0", "1416,Toronto,0.03,60,0,0",
            close_missing=True, replace_later=True,
        )  # fmt: skip
        wizard.action_apply()
        self.assertNotEqual(self._deck(), before)

        self._undo(wizard)

        self.assertEqual(self._deck(), before)
        self.assertEqual((wizard.state, wizard.undone_by_id), ("undone", self.manager))
        self.assertIn("deck.csv", self.plan.message_ids[0].body)
        self._undo(wizard)  # a second click
        self.assertEqual(self._deck(), before)

    def test_undo_changes_no_charge_and_keeps_the_rate_it_was_charged_by(self):
        wizard = self._import("1415,Bay Area,0.5,60,0,0")
        wizard.action_apply()
        self.assertEqual(self._cost("2026-11-02T00:00:00Z"), Decimal("0.5"))
        balance = self.wallet.balance
        call = self.env["call.usage"].search([("wallet_id", "=", self.wallet.id)], order="id desc", limit=1)

        self._undo(wizard)

        self.env.invalidate_all()
        self.assertEqual((self.wallet.balance, call.total_cost), (balance, Decimal("0.5")))
        self.assertEqual(call.rate_id.price_per_minute, Decimal("0.5"))
        self.assertEqual(self._cost("2026-11-02T00:00:01Z"), Decimal("0.0125"), "the old price is in force again")

    def test_undo_says_which_rates_were_touched_since(self):
        wizard = self._import("1,USA,0.02,60,0,0", "1416,Toronto,0.03,60,0,0")
        wizard.action_apply()
        self._rates("1416").price_per_minute = "0.04"
        self._import("1,USA,0.03,60,0,0", valid_from=datetime(2026, 12, 1)).action_apply()
        before = self._deck()

        with self.assertRaisesRegex(UserError, "2 rates.*: 1, 1416"):
            self._undo(wizard)

        self.assertEqual(self._deck(), before)

    def test_imports_of_other_prefixes_do_not_stand_in_the_way_of_undoing(self):
        before = self._deck()
        first, second = self._import("61,Australia,0.02,60,0,0"), None
        first.action_apply()
        second = self._import("64,New Zealand,0.03,60,0,0")
        second.action_apply()

        self._undo(first)
        self._undo(second)

        self.assertEqual(self._deck(), before)

    def test_undo_is_for_finance_managers(self):
        wizard = self._import("1,USA,0.02,60,0,0")
        wizard.action_apply()
        with self.assertRaises(AccessError):
            wizard.action_undo()
        self.assertEqual(wizard.state, "applied")

    def test_what_an_import_did_is_not_written_by_people(self):
        wizard = self._import("1,USA,0.02,60,0,0")
        for values in ({"state": "applied"}, {"error_count": 0}, {"applied_by_id": self.manager.id}):
            with self.subTest(values=values), self.assertRaises(AccessError):
                wizard.write(values)
        with self.assertRaises(UserError):
            wizard.valid_from = datetime(2026, 12, 1)
        wizard.action_apply()
        wizard.action_apply()  # a second click
        self.assertEqual(len(self._rates("1")), 2)
        with self.assertRaises(UserError):
            wizard.action_preview()

    # === ERRORS === #

    def test_a_minimum_that_no_contract_means_is_refused_with_what_to_set_instead(self):
        errors = self._refusal(
            "351,Portugal,0.6,6,20,,",
            "352,Luxembourg,0.6,6,,20,",
            "353,Ireland,0.6,6,30,,",
            "354,Iceland,0.6,6,30,20,",
            "355,Albania,0.6,6,,,4000",
            header="prefix,destination,price_per_minute,increment,minimum,first block,grace",
        )
        self.assertEqual(set(errors), {(2, "minimum_seconds"), (5, "first_block_seconds"), (6, "grace_seconds")})
        for words in ("24 seconds", "20, 26, 32", "first_block_seconds to 20", "minimum_seconds to 24"):
            self.assertIn(words, errors[2, "minimum_seconds"])

    def test_errors_are_told_by_line_and_column_and_nothing_changes(self):
        errors = self._refusal(
            "+1,USA,0.02,60,0,0",
            "01,USA,0.02,60,0,0",
            "1,USA,,60,0,0",
            '1415,Bay Area,"0,0,2",60,0,0',
            "1416,Toronto,-1,60,0,0",
            "1417,X,0.0000001,60,0,0",
            "44,UK,0.02,0,0,0",
            "45,DK,0.02,60,x,0",
            "46,SE,0.02,60,0,free",
            "47,NO,0.02,60,0,0,extra",
            "48,PL,0.02,60,0,0",
        )

        self.assertEqual(
            set(errors),
            {
                (3, "prefix"), (4, "price_per_minute"), (5, "price_per_minute"),
                (6, "price_per_minute"), (7, "price_per_minute"), (8, "increment_seconds"),
                (9, "minimum_seconds"), (10, "connection_fee"), (11, ""),
            },
        )  # fmt: skip
        self.assertIn("number", errors[5, "price_per_minute"])
        self.assertIn("6 decimal places", errors[7, "price_per_minute"])
        self.assertFalse(self._rates("48"))

    def test_a_prefix_given_twice_is_an_error_that_names_the_other_line(self):
        errors = self._refusal("1,USA,0.02,60,0,0", "44,UK,0.02,60,0,0", "1,USA,0.03,60,0,0")

        self.assertEqual(list(errors), [(4, "prefix")])
        self.assertIn("line 2", errors[4, "prefix"])

    def test_files_that_are_no_rate_decks_say_why(self):
        for file, reason in (
            (b"", "choose a"),
            (b"\n", "empty"),
            (b"prefix,price\n1,2\n", "column 'price' is unknown"),
            (b"prefix,destination\n1,USA\n", "price_per_minute is missing"),
            (b"prefix,prefix,price_per_minute\n", "twice"),
            (b"prefix,price per minute (EUR)\n1,2\n", "in EUR, and the rate plan in USD"),
            (b"PK\x03\x04 not really", "XLSX"),
            (b"\x89PNG\r\n\x1a\n\x00\x00", "UTF-8"),
            (b'prefix,price_per_minute\n1,"' + b"x" * 1_000, "not CSV"),
        ):
            with self.subTest(reason=reason), self.assertRaisesRegex(UserError, reason):
                self._import(file=file)

    def test_other_separators_blank_lines_and_a_byte_order_mark_are_read(self):
        file = "\ufeffPrefix;Destination;Price per minute\r\n\r\n1416;Toronto;0.04\r\n".encode()

        wizard = self._import(file=file)

        self.assertEqual((wizard.new_count, wizard.error_count), (1, 0))
        self.assertEqual(wizard.sample_ids.filtered("line").line, 3)

    def test_only_finance_may_import(self):
        clerk = self._make_user("rates.clerk", "account_manager")
        with self.assertRaises(AccessError):
            self._import("1,USA,0.02,60,0,0", user=clerk)

    # === XLSX === #

    def test_numbers_of_a_spreadsheet_are_read_as_they_are_shown(self):
        file = self._xlsx(
            ["prefix", "destination", "price_per_minute", "increment_seconds", "valid_from"],
            [1415, "Bay Area", 0.0391, 60, datetime(2026, 11, 3)],
            ["1416", "Toronto", 0.00001, 6.0, None],
            [1417.0, "Elsewhere", "0.07", None, "2026-11-04"],
        )

        self._import(file=file, filename="deck.xlsx").action_apply()

        self.assertEqual(self._rates("1415")[-1].price_per_minute, Decimal("0.0391"))
        self.assertEqual(self._rates("1415")[-1].valid_from, datetime(2026, 11, 3))
        self.assertEqual(self._rates("1416").price_per_minute, Decimal("0.00001"))
        self.assertEqual((self._rates("1416").increment_seconds, self._rates("1417").increment_seconds), (6, 60))

    def test_errors_of_a_spreadsheet_name_its_rows(self):
        errors = self._refusal(
            file=self._xlsx(["prefix", "price_per_minute"], ["1", 0.1], [None, None], ["1416", 0.1234567], ["x", True])
        )

        self.assertEqual(set(errors), {(4, "price_per_minute"), (5, "prefix"), (5, "price_per_minute")})

    # === WHAT OTHERS SAVE === #

    def test_files_of_any_program_are_read(self):
        seven = {"7": Decimal("0.05")}
        for name, file in {
            "Windows-1252": "prefijo;destino;precio por minuto\n7;España;0,05\n".encode("cp1252"),
            "UTF-16 with tabs": "prefix\tdestination\tprice per minute (USD)\n7\tРоссия\t0.05\n".encode("utf-16"),
            "bars": b"prefix|price_per_minute\n7|0.05\n",
            "sep=": b"sep=;\nprefix;price_per_minute\n7;0,05\n",
            "a title above": b"ACME Carrier\n\nValid from now on\nprefix,price_per_minute\n7,0.05\n",
            "empty headings at the end": b"prefix,price_per_minute,,,\n7,0.05,,,\n,,,,\n",
        }.items():
            with self.subTest(name):
                self.assertEqual(self._new(self._import(file=file)), seven)

    def test_hidden_sheets_are_passed_over_and_text_is_read_as_numbers(self):
        book = Workbook()
        book.active.sheet_state = "hidden"
        sheet = book.create_sheet("Rates")
        for row in (["prefix", "price_per_minute"], ["0044", "0.05"], ["+7", 0.01], [440000000000.0, 0.02]):
            sheet.append(row)
        file = io.BytesIO()
        book.save(file)
        self.assertEqual(
            self._new(self._import(file=file.getvalue())),
            {"44": Decimal("0.05"), "7": Decimal("0.01"), "440000000000": Decimal("0.02")},
        )

    def test_several_prefixes_in_a_cell_are_as_many_rates(self):
        wizard = self._import('"420, 4420-4422; +421",Some,0.05,60/6,,')
        self.assertEqual(set(self._new(wizard)), {"420", "4420", "4421", "4422", "421"})
        line = wizard._changes().filtered(lambda change: change.prefix == "4421")
        self.assertEqual((line.first_block_seconds, line.increment_seconds), (60, 6))
        errors = self._refusal("4420-25,,1,,,", "4.4E+11,,1,,,", "1-246,,1,,,", "4,,1,60/60/1,,")
        self.assertEqual(set(errors), {(2, "prefix"), (3, "prefix"), (4, "prefix"), (5, "increment_seconds")})
        self.assertIn("as text", errors[3, "prefix"])

    def test_a_rate_ends_where_the_file_says_so(self):
        header = "prefix,price_per_minute,valid_from,valid_to"
        errors = self._refusal("7,0.05,2026-12-01,2026-12-01", "8,0.05,,2026-10-01", header=header)
        self.assertEqual(set(errors), {(2, "valid_to"), (3, "valid_to")})
        self._import("7,0.05,,2026-12-01", header=header).action_apply()
        self.assertEqual(self._cost("2026-11-30T23:59:59Z", "+79155550100"), Decimal("0.05"))
        self.assertEqual(self._cost("2026-12-01T00:00:00Z", "+79155550100"), "rejected")
        self.assertEqual(
            self._counts(self._import("7,0.05,", header="prefix,price_per_minute,valid_from"))["unchanged"], 1
        )

    # === COLUMNS === #

    CARRIER = 'Country Name,Country Code,City Code,Rate,Comment\nUnited Kingdom,44,"20,161",0.05,x\nRussia,7,,0.06,\n'

    def test_columns_are_guessed_shown_changed_and_remembered_for_the_plan(self):
        first = self._begin(self.CARRIER)
        first.action_continue()
        self.assertEqual(first.state, "columns")
        self.assertEqual(
            self._said(first),
            {
                "Country Name": "destination", "Country Code": "country_code", "City Code": "prefix",
                "Rate": "price_per_minute", "Comment": False,
            },
        )  # fmt: skip
        self.assertEqual(first.column_ids[0].samples, "United Kingdom  ·  Russia")
        name, comment = first.column_ids[0], first.column_ids[-1]
        first.write({"column_ids": [(1, name.id, {"meaning": False}), (1, comment.id, {"meaning": "destination"})]})
        first.action_preview()
        self.assertEqual(self._new(first), {"4420": Decimal("0.05"), "44161": Decimal("0.05"), "7": Decimal("0.06")})

        second = self._begin(self.CARRIER.replace("0.06", "0.07"))
        second.action_continue()

        self.assertEqual(second.state, "previewed")
        self.assertEqual(second._changes().filtered(lambda c: c.prefix == "4420").destination, "x")
        second.action_choose_columns()
        self.assertEqual(self._said(second)["Comment"], "destination")

    def test_columns_that_are_sure_are_not_asked_for(self):
        wizard = self._begin("Dial code;Destino;Precio por minuto (USD)\n7;Rusia;0,05\n")
        wizard.action_continue()
        self.assertEqual((wizard.state, self._new(wizard)), ("previewed", {"7": Decimal("0.05")}))

    def test_a_needed_column_is_asked_for_by_name(self):
        wizard = self._begin("prefix,Remark\n7,0.05\n")
        wizard.action_continue()
        with self.assertRaisesRegex(UserError, "Price per minute"):
            wizard.action_preview()
        wizard.column_ids[1].meaning = "prefix"
        with self.assertRaisesRegex(UserError, "Prefix is there twice"):
            wizard.action_preview()

    # === FAULTY LINES, SUMS, TEMPLATE === #

    def test_faulty_lines_are_a_file_to_correct_and_import(self):
        wizard = self._import("1,USA,x,60,0,0", "7,Russia,0.05,60,0,0", "7,Again,0.06,60,0,0", '=1+1,"Odd, one",1,,,')
        name, content = wizard._faulty_lines()
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
        self.assertEqual(name, "deck-faulty.csv")
        self.assertEqual([row[-2] for row in rows], ["# Line", "2", "4", "5"])
        self.assertEqual(rows[1][:3], ["1", "USA", "x"])
        self.assertIn("line 3", rows[2][-1])
        self.assertEqual(rows[3][:2], ["'=1+1", "Odd, one"])

        mended = (
            content.decode("utf-8-sig").replace(",x,", ",0.07,").replace("'=1+1", "8").replace("7,Again", "9,Again")
        )
        again = self._import(file=mended.encode("utf-8-sig"))

        self.assertFalse(again.error_count, again.error_ids.mapped("message"))
        self.assertEqual(set(self._new(again)), {"1", "8", "9"})

    def test_errors_name_the_column_as_the_file_does(self):
        # The first two columns make one prefix: each is named where the fault is.
        wizard = self._begin("Country Code,City Code,Dial Price\n4.4E+11,20,0.05\n44,020,0.05\n44,20,dear\n")
        wizard.action_continue()
        if wizard.state == "columns":
            wizard.column_ids[2].meaning = "price_per_minute"
            wizard.action_preview()
        self.assertEqual(
            [(error.line, error.column, error.value) for error in wizard.error_ids],
            [(2, "Country Code", "4.4E+11"), (3, "City Code", "020"), (4, "Dial Price", "dear")],
        )
        rows = list(csv.reader(io.StringIO(wizard._faulty_lines()[1].decode("utf-8-sig"))))
        self.assertTrue(rows[1][-1].startswith("Country Code: "), rows[1])

    def test_what_changes_in_sums(self):
        # 1: 0.01 to 0.02, +100 %; 44: 0.0391 to 0.0782, +100 %; 33: 0.03 to 0.09, +200 %; 49: 0.06 to 0.03, -50 %.
        wizard = self._import(
            "1,,0.02,60,0,0", "44,,0.0782,60,0,0.01", "33,,0.09,1,0,0", "49,,0.03,6,30,0", "39,,0.05,60,0,0.5"
        )
        self.assertEqual((wizard.changed_count, wizard.up_count, wizard.down_count), (5, 3, 1))
        self.assertEqual((wizard.up_percent, wizard.down_percent), (Decimal("133.33"), Decimal("-50")))
        up, down, fees = wizard.sums.splitlines()
        self.assertIn("133.33% on average; the most prefix +33, from 0.03 to 0.09 USD", up)
        self.assertIn("50% on average; the most prefix +49, from 0.06 to 0.03 USD", down)
        self.assertEqual(fees, "Connection fees: 1 up, 0 down.")

    def test_what_may_be_a_mistake_is_asked_about(self):
        # 0.0391 to 1250 is 31,969 times as much; 0.06 to 0.005 a twelfth; 0.01 to 0.09 nine times.
        wizard = self._import("44,,1250,60,0,0", "49,,0.005,6,30,0", "1,,0.09,60,0,0", ",Elsewhere,0.5,60,0,0")
        self.assertEqual(
            wizard.warnings.splitlines(),
            [
                "A line without a prefix sets the price of every number that no other prefix covers.",
                "Check the decimal separator: prefix +44 goes from 0.0391 to 1250 USD a minute.",
                "Check the decimal separator: prefix +49 goes from 0.06 to 0.005 USD a minute.",
            ],
        )
        self.assertFalse(self._import("1,,0.09,60,0,0").warnings)

    def test_the_template_is_read_as_it_is(self):
        self.env["res.lang"]._activate_lang("es_ES")
        for language, kind in (("en_US", "csv"), ("es_ES", "csv"), ("es_ES", "xlsx")):
            with self.subTest(language=language, kind=kind):
                imports = self.env["call.rate.import"].with_user(self.finance).with_context(lang=language)
                _name, content = imports._template(self.plan, kind)
                wizard = imports.create(
                    {"plan_id": self.plan.id, "file": base64.b64encode(content), "valid_from": NOVEMBER}
                )
                wizard.action_continue()
                self.assertEqual((wizard.state, wizard.error_count, wizard.line_count), ("previewed", 0, 2))
                self.assertEqual(self._new(wizard)["4477"], Decimal("0.0807"))
        self.assertIn("(USD)", imports._template(self.plan, "csv")[1].decode("utf-8-sig"))

    # === MANY === #

    def test_a_hundred_thousand_prefixes_are_loaded_and_then_repriced(self):
        deck = [f"{number},Area {number % 300},0.{number % 9_000 + 1:04d},60,0,0" for number in range(200_000, 300_000)]
        first = self._import(*deck, valid_from=datetime(2026, 10, 1))
        self.assertEqual(self._counts(first), {"new": 100_000, "missing": 7})
        first.action_apply()

        deck[5] = "200005,Area 5,0.9999,60,0,0"
        second = self._import(*deck[:-10], close_missing=True)

        self.assertEqual(self._counts(second), {"changed": 1, "unchanged": 99_989, "missing": 17})
        second.action_apply()
        self.assertEqual(self._cost("2026-11-02T00:00:00Z", "+200005123"), Decimal("0.9999"))
        self.assertEqual(self._cost("2026-11-02T00:00:00Z", "+299999123"), "rejected")
