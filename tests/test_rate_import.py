"""Rate decks: what a file would change, errors by line, and prices that begin where the old ones end."""

import base64
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from odoo.addons.call_wallet.tools.clock import recorded_at
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from openpyxl import Workbook

from .common import CallWalletCommon

NOVEMBER = datetime(2026, 11, 1)
HEADER = "prefix,destination,price_per_minute,increment_seconds,minimum_seconds,connection_fee"


@tagged("post_install", "-at_install")
class TestRateImport(CallWalletCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.finance = cls._make_user("rates.finance", "finance")
        cls._fund(cls, cls.wallet, "100")

    def _import(self, *lines, header=HEADER, file=None, user=None, **values):
        """Return the wizard, previewed."""
        data = file if file is not None else "\n".join([header, *lines]).encode()
        wizard = (
            self.env["call.rate.import"]
            .with_user(user or self.finance)
            .create(
                {
                    "plan_id": self.plan.id,
                    "file": base64.b64encode(data),
                    "filename": "deck.csv",
                    "valid_from": NOVEMBER,
                    **values,
                }
            )
        )
        wizard.action_preview()
        return wizard

    def _refusal(self, *lines, **values):
        """Return {(line, column): message} of a file with errors."""
        wizard = self._import(*lines, **values)
        self.assertEqual(wizard.error_count, len(wizard.error_ids))
        with self.assertRaisesRegex(UserError, "errors"):
            wizard.action_apply()
        return {(error.line, error.column or ""): error.message for error in wizard.error_ids}

    def _rates(self, prefix):
        rates = self.env["call.rate"].search([("plan_id", "=", self.plan.id)], order="id")
        return rates.filtered(lambda rate: (rate.prefix or "") == prefix)

    def _cost(self, moment, number="+14155550100"):
        """What one minute costs that starts at ``moment`` (UTC)."""
        with recorded_at(max(datetime.fromisoformat(moment), datetime.now(UTC)).replace(tzinfo=None)):
            result = self._record(self._call(started_at=moment, number=number, duration_seconds=60))
        return Decimal(result["total_cost"]) if result["result"] == "charged" else result["result"]

    def _counts(self, wizard):
        counts = {name: wizard[f"{name}_count"] for name in ("new", "changed", "unchanged", "missing")}
        return {name: count for name, count in counts.items() if count}

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
            header="Dial code;Destination;Rate per minute;Initial increment (sec);Increment;Grace time".replace(
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
                (2, "prefix"), (3, "prefix"), (4, "price_per_minute"), (5, "price_per_minute"),
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
            ("prefix,price_per_minute,destination\n1,1,São".encode("latin-1"), "UTF-8"),
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

    def _xlsx(self, *rows):
        book = Workbook()
        for row in rows:
            book.active.append(row)
        file = io.BytesIO()
        book.save(file)
        return file.getvalue()

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
