"""Values that are no amounts, dates or text: refused where they come in, by name, and nothing breaks later."""

import json

from odoo import fields
from odoo.exceptions import UserError, ValidationError
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger
from psycopg2.errors import CheckViolation

from .common import CallWalletCommon

NAN, INFINITY = float("nan"), float("inf")


@tagged("post_install", "-at_install", "standard")
class TestUnusableValues(HttpCase, CallWalletCommon):
    def test_what_is_no_number_is_no_amount(self):
        package = self.env["call.wallet.package"].search([], limit=1)
        for record, name in (
            (self.wallet, "low_balance_threshold"),
            (self.plan.rate_ids[0], "price_per_minute"),
            (self.plan.rate_ids[0], "connection_fee"),
            (self.company, "call_wallet_whatsapp_rate"),
            (self.company, "call_wallet_refund_limit"),
            (package, "amount"),
        ):
            for value in (NAN, INFINITY, -INFINITY, "many", 1e15):
                with self.subTest(name=name, value=value), self.assertRaisesRegex(UserError, "is not an amount"):
                    record[name] = value

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

    def test_a_call_of_another_age_is_kept_and_the_report_goes_on(self):
        self.wallet.tz = "America/New_York"
        self._record(self._call())
        for moment in ("0001-01-01T00:00:00Z", "1899-12-31T00:00:00Z", "9999-12-31T23:59:59Z"):
            result = self._record(self._call(started_at=moment))
            self.assertEqual(result["result"], "rejected")
            self.assertIn("started_at", result["reason"])
        kept = self.env["call.usage.rejection"].search([("account", "=", self.wallet.account_ref)])
        self.assertEqual(len(kept), 3)
        with self.wallet._usage_report() as file:
            self.assertTrue(file.read())

    def test_a_reference_that_cannot_be_sent_back_loses_no_answer(self):
        platform = self._make_user("unusable-platform", "platform")
        key = (
            self.env["res.users.apikeys"]
            .with_user(platform)
            ._generate("rpc", "test", fields.Datetime.add(fields.Datetime.now(), days=1))
        )
        calls = [self._call(call_ref="x\ud800"), self._call()]
        answer = self.url_open(
            "/json/2/call.usage/record_calls",
            data=json.dumps({"calls": calls}),
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        )
        self.assertEqual(answer.status_code, 200, answer.text[:300])
        broken, fine = answer.json()
        self.assertEqual((broken["call_ref"], broken["result"], fine["result"]), ("x", "rejected", "charged"))

    def test_yes_is_not_one(self):
        for refund in (self.wallet.refund, self.wallet.request_refund):
            with self.assertRaisesRegex(UserError, "Amount: enter a number"):
                refund(True, "Bad line")
        self.assertBalance(self.wallet, 0)

    def test_recipients_are_people_not_a_mailing_list(self):
        with self.assertRaisesRegex(ValidationError, "at most 50"):
            self.wallet.set_recipients([f"person{number}@example.com" for number in range(51)])
        self.assertEqual(len(self.wallet.recipient_ids), 1)
