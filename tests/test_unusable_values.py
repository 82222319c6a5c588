"""Values that are no amounts, dates or text: refused where they come in, by name, and nothing breaks later."""

import csv
import io
import json
from functools import cached_property

from odoo import fields
from odoo.exceptions import UserError, ValidationError
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger
from openpyxl import load_workbook
from psycopg2.errors import CheckViolation

from .common import CallWalletCommon

NAN, INFINITY = float("nan"), float("inf")


@tagged("post_install", "-at_install", "standard")
class TestUnusableValues(HttpCase, CallWalletCommon):
    def setUp(self):
        super().setUp()
        package = self.env["call.wallet.package"].search([], limit=1)
        self.amounts = [
            (self.wallet, "low_balance_threshold"),
            (self.plan.rate_ids[0], "price_per_minute"),
            (self.plan.rate_ids[0], "connection_fee"),
            (self.company, "call_wallet_whatsapp_rate"),
            (self.company, "call_wallet_refund_limit"),
            (self.company, "call_wallet_topup_max"),
            (self.company, "call_wallet_topup_day_max"),
            (self.company, "call_wallet_auto_topup_max"),
            (package, "amount"),
        ]

    def _over_http(self, model, method, **arguments):
        """Call a method as the calling platform's program does; return the answer."""
        return self.url_open(
            f"/json/2/{model}/{method}",
            data=json.dumps(arguments),
            headers={"Authorization": f"Bearer {self._api_key}", "Content-Type": "application/json"},
        )

    @cached_property
    def _api_key(self):
        platform = self._make_user("unusable-platform", "platform")
        expiry = fields.Datetime.add(fields.Datetime.now(), days=1)
        return self.env["res.users.apikeys"].with_user(platform)._generate("rpc", "test", expiry)

    def test_what_is_no_number_is_no_amount(self):
        for record, name in self.amounts:
            label = record._fields[name]._description_string(self.env)
            for value in (NAN, INFINITY, -INFINITY, "many", True, 1e40):
                with (
                    self.subTest(name=name, value=value),
                    self.assertRaisesRegex(UserError, f"{label}: .* is not an amount"),
                ):
                    record[name] = value

    def test_nobody_enters_more_than_can_be_reckoned_with(self):
        for record, name in self.amounts:
            label = record._fields[name]._description_string(self.env)
            for value in (9e13, -9e13, 9_000_000_001):
                with (
                    self.subTest(name=name, value=value),
                    self.assertRaisesRegex(UserError, f"{label}: .* is too much; use at most 9 billion"),
                ):
                    record[name] = value

    def test_the_database_takes_no_such_amount_either(self):
        for record, name in self.amounts:
            for value in ("NaN", "90000000000000"):
                query = f"UPDATE {record._table} SET {name} = %s WHERE id = %s"
                with (
                    self.subTest(name=name, value=value),
                    mute_logger("odoo.sql_db"),
                    self.assertRaises(CheckViolation),
                    self.env.cr.savepoint(),
                ):
                    self.env.cr.execute(query, [value, record.id])

    def test_a_search_for_what_is_no_amount_is_refused_by_name(self):
        for value in (INFINITY, "many"):
            with self.assertRaisesRegex(UserError, "is not an amount"):
                self.env["call.wallet.package"].search([("amount", ">", value)])

    @mute_logger("odoo.sql_db")
    def test_prices_are_within_reason(self):
        rate = self.plan.rate_ids[0]
        for record, name in (
            (rate, "price_per_minute"),
            (rate, "connection_fee"),
            (self.company, "call_wallet_whatsapp_rate"),
        ):
            with self.subTest(name=name), self.assertRaises(CheckViolation), self.env.cr.savepoint():
                record[name] = 100_000
                self.env.flush_all()
            record.invalidate_recordset()

    def test_a_call_of_another_age_is_kept(self):
        for moment in ("0001-01-01T00:00:00Z", "1899-12-31T00:00:00Z", "9999-12-31T23:59:59Z"):
            with self.subTest(moment=moment):
                result = self._record(self._call(started_at=moment))
                self.assertEqual(result["result"], "rejected")
                self.assertIn("invalid_field: started_at", result["reason"])
        kept = self.env["call.usage.rejection"].search([("account", "=", self.wallet.account_ref)])
        self.assertEqual(len(kept), 3)

    def test_the_report_goes_on_over_calls_of_another_age(self):
        self.authenticate("admin", "admin")
        for tz, started_at, shown in (
            ("America/New_York", "0001-01-01 00:00:00", "0001-01-01T00:00:00+00:00"),
            ("Asia/Singapore", "9999-12-31 23:59:59", "9999-12-31T23:59:59+00:00"),
            ("UTC", "1899-12-31 12:00:00", "1899-12-31T12:00:00+00:00"),
        ):
            wallet = self._make_wallet(tz=tz)
            call = self._call(account=wallet.account_ref)
            self._record(call)
            # As it was taken before such dates were refused.
            usage = self._usage_of(call)
            self.env.cr.execute("UPDATE call_usage SET started_at = %s WHERE id = %s", [started_at, usage.id])
            for file_format in ("xlsx", "csv"):
                with self.subTest(tz=tz, format=file_format):
                    answer = self.url_open(f"/call_wallet/usage_report/{wallet.id}?format={file_format}")
                    self.assertEqual(answer.status_code, 200)
                    self.assertIn(shown, self._cells(answer.content, file_format))

    def _cells(self, content, file_format):
        if file_format == "csv":
            return content.decode()
        sheet = load_workbook(io.BytesIO(content)).active
        return [cell for row in sheet.iter_rows(values_only=True) for cell in row]

    def test_a_reference_that_cannot_be_sent_back_loses_no_answer(self):
        awkward = ["x\ud800", ["x\ud800"], {"a": NAN}, INFINITY, 7, None]
        calls = [self._call(), *(self._call(call_ref=call_ref) for call_ref in awkward)]
        calls += [
            self._call(**{name: "x\ud800"})
            for name in ("account", "number", "campaign", "manager", "application_ref", "status", "started_at")
        ]
        answer = self._over_http("call.usage", "record_calls", calls=calls)
        self.assertEqual(answer.status_code, 200, answer.text[:300])
        fine, *refused = answer.json()
        self.assertEqual(fine["result"], "charged")
        self.assertEqual({result["result"] for result in refused}, {"rejected"})
        self.assertEqual(
            [result["call_ref"] for result in refused[:6]], ["x", r"['x\ud800']", "{'a': nan}", "inf", 7, None]
        )

    def test_holds_are_asked_for_in_text_that_can_be_read(self):
        good = {"account": self.wallet.account_ref, "call_ref": "unusable-1"}
        more = {"authorize_call": {"call_type": "live", "number": "+14155550100"}, "extend_hold": {"seconds": 60}}
        for method in ("authorize_call", "extend_hold", "release_hold"):
            for name in good:
                for value in ("x\ud800", "a\0b", ["x"], {"a": 1}, 7, None):
                    with self.subTest(method=method, name=name, value=value):
                        asked = {**good, **more.get(method, {}), name: value}
                        answer = self._over_http("call.wallet", method, **asked)
                        self.assertEqual(answer.status_code, 422, answer.text[:300])
                        self.assertIn(name, answer.json()["message"])
        answer = self._over_http("call.wallet", "authorize_call", **good, call_type="live", number="\ud800")
        self.assertEqual((answer.status_code, answer.json()["code"]), (200, "invalid_number"))

    def test_the_call_button_reads_plain_text(self):
        self._make_house_wallet()
        button = self.env["call.button"]
        self.assertEqual(button.check_call("+1\ud800")["number"], "+1")
        with self.assertRaisesRegex(UserError, "call_ref"):
            button.end_call("12345678\0", 1, "completed")

    def test_a_reason_is_kept_as_it_can_be_stored(self):
        self.assertEqual(self.wallet.refund(1, "Bad\ud800 \0line").description, "Bad line")

    def test_yes_is_not_one(self):
        for refund in (self.wallet.refund, self.wallet.request_refund):
            with self.assertRaisesRegex(UserError, "Amount: enter a number"):
                refund(True, "Bad line")
        self.assertBalance(self.wallet, 0)

    def test_recipients_are_people_not_a_mailing_list(self):
        with self.assertRaisesRegex(ValidationError, "at most 50"):
            self.wallet.set_recipients([f"person{number}@example.com" for number in range(51)])
        self.assertEqual(len(self.wallet.recipient_ids), 1)
        self.wallet.set_recipients([f"person{number}@example.com" for number in range(50)])
        with self.assertRaisesRegex(ValidationError, "at most 50"):
            self.env["call.wallet.recipient"].create({"wallet_id": self.wallet.id, "email": "one.more@example.com"})

    def test_full_width_signs_begin_no_formula(self):
        signs = "=+-@＝＋－＠"
        self._record(*(self._call(call_ref=f"sign {sign}", campaign=f"{sign}1+1") for sign in signs))
        with self.wallet.env["call.usage.report"]._make(self.wallet, format="csv") as file:
            rows = list(csv.DictReader(io.StringIO(file.read().decode("utf-8-sig"))))
        self.assertEqual([row["Campaign"] for row in rows], [f"'{sign}1+1" for sign in signs])
