"""What a wallet may spend in a day and a month, how many calls at once, and what a call may cost at most.

A live call to California costs 0.0125 a minute, 80 minutes 1.00; one to London 0.0391 and a connection fee of 0.01.
"""

import runpy
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from odoo import Command
from odoo.addons.call_wallet.tools.clock import recorded_at
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger
from psycopg2 import IntegrityError

from .real_commits import environment
from .test_authorize import CALIFORNIA, LONDON, AuthorizeCase
from .test_portal import PortalCommon

NOON = datetime(2026, 10, 5, 12)


class LimitCase(AuthorizeCase):
    def setUp(self):
        super().setUp()
        self._fund(self.wallet, 50)

    def _limit(self, **limits):
        self.wallet.write({f"limit_{name}": value for name, value in limits.items()})

    def _charge(self, minutes, **overrides):
        """Charge a call to California of so many minutes, 0.0125 each; return the call."""
        call = self._call(duration_seconds=minutes * 60, started_at="2026-10-01T10:00:00Z", **overrides)
        self.assertEqual(self._record(call)["result"], "charged")
        return call

    def _leaves(self, call_ref="next"):
        """For how many seconds a call may last that asks for 4 hours; 0 where it is refused."""
        answer = self._ask(call_ref, expected_seconds=14_400)
        if answer["allowed"]:
            self._release(call_ref)
        return answer["max_seconds"]

    def assertRefused(self, answer, code, *message):
        self.assertEqual((answer["allowed"], answer["code"]), (False, code))
        for part in message:
            self.assertIn(part, answer["message"])


@tagged("post_install", "-at_install", "standard")
class TestSpending(LimitCase):
    def test_a_call_may_last_as_long_as_the_rest_of_the_day_s_limit_covers(self):
        self._limit(day="1.00")
        answer = self._ask(expected_seconds=7200)
        self.assertEqual((answer["allowed"], answer["max_seconds"]), (True, 4800), "1.00 / 0.0125 = 80 minutes")
        self.assertHeld("1.00")
        refused = self._ask("c-2")
        self.assertRefused(refused, "limit_reached", "Today's spending limit of 1.00 USD")
        self.assertEqual((refused["max_seconds"], refused["hold"], refused["available"]), (0, None, "49.000000"))
        self._charge(10, call_ref="c-1")  # 0.125
        self.assertEqual(self._leaves(), 4200, "0.875 / 0.0125 = 70 minutes")

    def test_a_month_is_limited_likewise_and_ends_with_its_last_day(self):
        self._limit(month="1.00")
        with recorded_at(datetime(2026, 10, 5, 12)):
            self._charge(60)  # 0.75
        with recorded_at(datetime(2026, 10, 31, 23, 59)):
            self.assertEqual(self._leaves(), 1200, "0.25 / 0.0125 = 20 minutes")
            self._charge(20)
            self.assertRefused(self._ask(), "limit_reached", "This month's spending limit of 1.00 USD")
        with recorded_at(datetime(2026, 11, 1)):
            self.assertEqual(self._leaves(), 4800)

    def test_a_program_is_told_which_limit_refused(self):
        self._limit(day="0.25", month="50")
        self.assertNotIn("limit", self._ask("c-1", expected_seconds=600))  # 0.125
        extended = self._extend(6_000, "c-1")
        self.assertEqual((extended["allowed"], extended["max_seconds"]), (True, 1_200))
        self.assertNotIn("limit", extended)
        for answer in (self._extend(60, "c-1"), self._ask("c-2"), self._quote()):
            self.assertEqual((answer["code"], answer["limit"]), ("limit_reached", "day"))
        self.assertNotIn("limit", self._release("c-1"))
        self._limit(day=None, month="0.10")
        self.assertEqual(self._ask("c-2", expected_seconds=14_400)["max_seconds"], 480, "0.10 / 0.0125 = 8 minutes")
        for answer in (self._ask("c-3"), self._quote()):
            self.assertEqual((answer["code"], answer["limit"]), ("limit_reached", "month"))
        self._limit(month=None, calls=1)
        for answer in (self._ask("c-3"), self._quote()):
            self.assertEqual((answer["code"], answer["limit"]), ("limit_reached", "calls"))
        self._limit(calls=None, price="0.01")
        self.assertEqual(self._quote()["limit"], "price")
        self._limit(price=None, fee="0.005")
        answer = self._ask("c-3", number=LONDON)
        self.assertEqual((answer["code"], answer["limit"]), ("price_limit", "fee"))
        self._limit(fee=None)
        self.wallet.action_pause("Fraud check")
        self.assertNotIn("limit", self._ask("c-3"))

    def _quote(self):
        return self.env["call.wallet"].quote_call(self.wallet.account_ref, "live", CALIFORNIA)

    def test_the_tighter_of_day_and_month_holds(self):
        self._limit(day="0.50", month="0.75")
        with recorded_at(NOON):
            self._charge(40)  # 0.50
            self.assertRefused(self._ask(), "limit_reached", "Today's")
        with recorded_at(datetime(2026, 10, 6, 12)):
            self.assertEqual(self._leaves(), 1200, "0.25 of the month are left, less than the 0.50 of the day")

    def test_days_and_months_are_those_of_the_wallet_s_zone(self):
        self._made_in("Asia/Manila")  # 8 hours ahead
        self._limit(day="1.00", month="1.00")
        with recorded_at(datetime(2026, 10, 31, 15, 59)):  # 23:59 there
            self._charge(80)
            self.assertRefused(self._ask(), "limit_reached")
        with recorded_at(datetime(2026, 10, 31, 16)):  # 1 November there
            self.assertEqual(self._leaves(), 4800)

    def test_what_is_given_back_of_a_call_lowers_the_spend_of_the_day_it_was_charged_on(self):
        self._limit(day="1.00")
        with recorded_at(NOON):
            call = self._charge(80)
            self.assertEqual(self._leaves(), 0)
            self.wallet.refund("0.25", "A dropped call", usage=self._usage_of(call))
            self.assertEqual(self._leaves(), 1200)
            self.wallet.refund("5", "For your patience")
            self.assertEqual(self._leaves(), 1200, "funds that are no call's raise no limit")
        with recorded_at(datetime(2026, 10, 6, 12)):
            self._charge(80)
            self.wallet.refund("0.50", "A dropped call", usage=self._usage_of(call))
            self.assertEqual(self._leaves(), 0, "it was not spent today")
            self.assertEqual(self.wallet.spent_today, Decimal("1.00"))
            # 1.00 + 1.00 - 0.25 - 0.50
            self.assertEqual(self.wallet.spent_this_month, Decimal("1.25"))
        self.assertSound(self.wallet)

    def test_corrections_count_for_the_day_of_the_charge(self):
        self._limit(day="1.00")
        with recorded_at(NOON):
            call = self._charge(80)
            self.usage.amend_calls([{**call, "duration_seconds": 3600}])  # 0.75
            self.assertEqual(self._leaves(), 1200)
        with recorded_at(datetime(2026, 10, 6, 12)):
            self._charge(40)  # 0.50
            # Given back and charged anew for another campaign: no spend of today.
            self.usage.amend_calls([{**call, "duration_seconds": 3600, "campaign": "Nurses"}])
            self.usage.amend_calls([{**call, "duration_seconds": 4800, "campaign": "Nurses"}])
            self.assertEqual(self._leaves(), 2400)
            self.usage.void_calls([{"account": call["account"], "call_ref": call["call_ref"], "reason": "A test"}])
            self.assertEqual(self._leaves(), 2400)

    def test_an_extension_gets_what_the_limit_leaves(self):
        self._limit(day="0.25")
        self.assertEqual(self._ask(expected_seconds=600)["max_seconds"], 600)  # 0.125
        answer = self._extend(total_seconds=1800)
        self.assertEqual((answer["allowed"], answer["max_seconds"]), (True, 1200))
        refused = self._extend(total_seconds=2400)
        self.assertRefused(refused, "limit_reached", "Today's spending limit of 0.25 USD is too low for a longer call.")
        self.assertEqual((refused["max_seconds"], refused["hold"]), (1200, self._hold().id))
        self.assertHeld("0.25")
        self.assertTrue(self._extend(total_seconds=1200)["allowed"], "it holds that already")
        self._limit(day="1.00")
        self.assertEqual(self._extend(total_seconds=2400)["max_seconds"], 2400, "a higher limit counts at once")

    def test_a_call_that_took_place_is_charged_whatever_the_limits_say(self):
        self._limit(day="0.10", month="0.10", calls=1, price="0.001", fee="0")
        self._charge(80)
        self.assertBalance(self.wallet, "49.00")
        self.assertEqual(self._leaves(), 0, "more than the limit is spent")
        self._limit(price=None)
        self.assertEqual(self._leaves(), 0, "and nothing is left")
        free = self._ask("inbound", direction="inbound")
        self.assertTrue(free["allowed"], "a call that costs nothing spends nothing")

    def test_funds_that_end_before_the_limit_are_told_as_such(self):
        self._limit(day="60")
        self.assertEqual(self._ask(expected_seconds=86_400)["code"], "ok")
        small = self._make_wallet(limit_day="1.00")
        self.assertEqual(self._ask(wallet=small)["code"], "no_funds")
        small.refund("0.005", "Opening credit")
        self.assertEqual(self._ask(wallet=small)["code"], "no_funds", "a minute costs 0.0125")

    def test_other_reasons_come_first(self):
        self._limit(day="0")
        self.assertEqual(self._ask()["code"], "limit_reached")
        self.wallet.action_pause("Fraud check")
        self.assertEqual(self._ask()["code"], "paused")
        self.wallet.action_resume()
        self.assertEqual(self._ask(number="+5511987654321")["code"], "destination_not_contracted")
        self._charge(4080)  # 51.00
        self.assertEqual(self._ask()["code"], "no_funds")

    def test_emergency_calls_are_never_limited(self):
        self._limit(day="0", month="0", calls=1, price="0", fee="0")
        self._ask("first", direction="inbound")
        answer = self._ask("urgent", number="112")
        self.assertEqual((answer["allowed"], answer["max_seconds"]), (True, 14_400))

    def test_a_limit_set_in_the_middle_of_a_day_counts_what_was_spent_before(self):
        self._charge(60)  # 0.75
        self._limit(day="1.00")
        self.assertEqual(self._leaves(), 1200)
        self._limit(day=None)
        self.assertEqual(self._leaves(), 14_400)
        self._limit(day="1.00")
        self.assertEqual(self._leaves(), 1200, "switched off and on again: what was spent stays spent")

    def test_currencies_of_no_and_of_three_decimals(self):
        # 100 yen at 15 a minute: 6 whole minutes. 0.025 dinars at 0.005: 5.
        for name, price, limit, seconds in (("JPY", "15", "100", 360), ("KWD", "0.005", "0.025", 300)):
            with self.subTest(name):
                currency = self.env["res.currency"].with_context(active_test=False).search([("name", "=", name)])
                currency.active = True
                plan = self.plan.create(
                    {
                        "name": name,
                        "currency_id": currency.id,
                        "rate_ids": [Command.create({"prefix": "1", "price_per_minute": price})],
                    }
                )
                wallet = self._make_wallet(currency_id=currency.id, rate_plan_id=plan.id, limit_day=limit)
                wallet.refund("1000", "Opening credit")
                self.assertEqual(self._ask(name, wallet=wallet, expected_seconds=3600)["max_seconds"], seconds)

    def test_an_update_of_the_addon_counts_the_corrections_of_before(self):
        with recorded_at(datetime.now() - timedelta(days=1)):
            call = self._charge(80)
        self._charge(40)  # 0.50
        self.wallet.refund("0.25", "A dropped call", usage=self._usage_of(call))
        self.env.cr.execute("UPDATE call_wallet_day SET earlier_day = NULL, earlier_month = NULL")
        script = Path(__file__).parents[1] / "call_wallet/migrations/19.0.5.0.0/post-limits.py"
        runpy.run_path(str(script))["migrate"](self.env.cr, "19.0.4.0.0")
        self.env.invalidate_all()
        self.assertEqual(self.wallet.spent_today, Decimal("0.50"), "what was given back was not spent today")

    def test_a_wallet_without_limits_costs_no_further_query(self):
        def queries(wallet):
            self._ask("warm", wallet=wallet)
            before = self.env.cr.sql_log_count
            self._ask("counted", wallet=wallet)
            return self.env.cr.sql_log_count - before

        wallets = [self._make_wallet(**limits) for limits in ({}, {"limit_price": "1"}, {"limit_day": "1"})]
        for wallet in wallets:
            wallet.refund("10", "Opening credit")
        none, price, day = map(queries, wallets)
        self.assertEqual(price, none)
        self.assertEqual(day, none + 2)


@tagged("post_install", "-at_install", "standard")
class TestCallsAndPrices(LimitCase):
    def test_calls_at_once(self):
        self._limit(calls=2)
        for ref in ("c-1", "c-2"):
            self.assertTrue(self._ask(ref, expected_seconds=60)["allowed"])
        self.assertRefused(self._ask("c-3"), "limit_reached", "limit of calls at once, 2,")
        self.assertTrue(self._ask("c-1", expected_seconds=60)["allowed"], "the same call, asked again")
        self.assertEqual(self._extend(total_seconds=120)["max_seconds"], 120, "a call in progress goes on")
        self._release("c-1")
        self.assertTrue(self._ask("c-3")["allowed"])
        self.assertRefused(self._ask("c-4"), "limit_reached")
        self._lose("c-2")
        self.assertTrue(self._ask("c-4")["allowed"], "a lost call is not in progress")

    def test_a_price_above_the_limit(self):
        self._limit(price="0.0125")
        self.assertTrue(self._ask()["allowed"], "the limit itself may be paid")
        answer = self._ask("c-2", number=LONDON)
        self.assertRefused(answer, "price_limit", "costs 0.0391 USD a minute", "limit is 0.0125 USD")
        self.assertEqual((answer["max_seconds"], answer["hold"]), (0, None))
        self._limit(price=None, fee="0.009999")
        self.assertRefused(
            self._ask("c-2", number=LONDON), "price_limit", "connection fee of 0.01 USD", "limit is 0.009999 USD"
        )
        self._limit(fee="0.01")
        self.assertTrue(self._ask("c-2", number=LONDON)["allowed"])
        self._limit(fee="0")
        self.assertTrue(self._extend(call_ref="c-2", total_seconds=7200)["allowed"], "it was agreed to")
        self.assertRefused(self._ask("c-3", number=LONDON), "price_limit")

    def test_zero_is_a_limit_and_empty_is_none(self):
        self._limit(fee="0", price="0")
        self.wallet.invalidate_recordset()
        self.assertEqual((self.wallet.limit_fee, self.wallet.limit_day), (Decimal(0), None))
        self.assertEqual(self.wallet.read(["limit_fee", "limit_day"])[0]["limit_day"], False)
        found = self.env["call.wallet"].search([("limit_day", "=", False), ("limit_fee", "!=", False)])
        self.assertIn(self.wallet, found)
        self._limit(fee=False, price=False)
        self.assertTrue(self._ask(number=LONDON)["allowed"])

    def test_the_call_button_says_the_same(self):
        house = self._make_house_wallet(limit_price="0.01", limit_day="1.00")
        house.refund("10", "Opening credit")
        employee = self._make_user("limited-employee", "base.group_user")
        types = self.env["call.button"].with_user(employee).check_call(CALIFORNIA)["types"]
        self.assertRefused(types["live"], "price_limit", "costs 0.0125 USD a minute")
        house.write({"limit_price": False, "limit_day": "0.01"})
        live = self.env["call.button"].with_user(employee).check_call(CALIFORNIA)["types"]["live"]
        started = self.env["call.button"].with_user(employee).start_call("limited-call", "live", CALIFORNIA)
        self.assertRefused(live, "limit_reached", "Today's spending limit of 0.01 USD")
        self.assertEqual(started["message"], live["message"])


@tagged("post_install", "-at_install", "standard")
class TestNotices(LimitCase):
    def _alerts(self):
        self.env.invalidate_all()
        return self.env["call.wallet.alert"].search(
            [("wallet_id", "=", self.wallet.id), ("limit_key", "!=", False)], order="id"
        )

    def _mails(self):
        self.env["call.wallet.alert"]._cron_send()
        self.env.invalidate_all()
        alerts = self.env["call.wallet.alert"].search([("wallet_id", "=", self.wallet.id)]).ids
        return self.env["mail.mail"].search([("model", "=", "call.wallet.alert"), ("res_id", "in", alerts)], order="id")

    def test_recipients_are_told_once_near_the_limit_and_once_at_it(self):
        self._limit(day="1.00")
        self._charge(60)  # 0.75
        self.assertFalse(self._alerts())
        self._charge(4)  # 0.80
        self.assertEqual(self._alerts().mapped("kind"), ["limit_near"])
        self._charge(4)
        self.assertEqual(
            self._mails().mapped("subject"), ["Today's spending limit of $\N{NO-BREAK SPACE}1.00 is nearly reached"]
        )
        self._charge(12)  # 1.00
        self._charge(12)
        self.assertRefused(self._ask(), "limit_reached")
        mails = self._mails()
        self.assertEqual(len(mails), 2)
        self.assertEqual(mails[1].subject, "Today's spending limit of $\N{NO-BREAK SPACE}1.00 is reached")
        self.assertEqual(mails.mapped("email_to"), ["billing@initrode.example"] * 2)
        self.assertIn(f"/my/billing/{self.wallet.id}/limits", mails[1].body_html)
        self.assertIn("1.00", mails[1].body_html)

    def test_a_wallet_that_is_not_saved_yet_has_spent_nothing(self):
        with Form(self.env["call.wallet"]) as form:
            self.assertEqual((form.spent_today, form.spent_this_month), (0, 0))
            form.partner_id = self.env["res.partner"].create({"name": "Soon Inc.", "is_company": True})
            form.account_ref = "SOON"

    def test_who_changes_a_limit_again_and_again_sends_no_mail_each_time(self):
        self._charge(80)  # 1.00
        for cents in range(20):
            self._limit(day=f"0.{10 + cents}")
            self._ask(f"again-{cents}")
        self.assertEqual(len(self._alerts()), 6)

    def test_the_first_refusal_is_told_of_too(self):
        self._limit(day="1.00")
        self._ask(expected_seconds=7200)
        self.assertFalse(self._alerts(), "it was granted")
        self.assertRefused(self._ask("c-2"), "limit_reached")
        self._ask("c-3")
        [alert] = self._alerts()
        self.assertEqual((alert.kind, alert.limit_spent, alert.limit_held), ("limit_reached", 0, Decimal("1.00")))
        self._mails()
        self.assertEqual(alert.state, "sent")
        events = self.env["call.wallet.event"].search(
            [("wallet_id", "=", self.wallet.id), ("type", "=", "limit.reached")]
        )
        told = {name: events.data[name] for name in ("account", "limit", "amount", "spent", "held")}
        self.assertEqual(
            told,
            {
                "account": self.wallet.account_ref,
                "limit": "day",
                "amount": "1.000000",
                "spent": "0.000000",
                "held": "1.000000",
            },
        )

    def test_a_new_day_a_new_limit_and_the_month_are_told_of_anew(self):
        self._limit(day="1.00")
        with recorded_at(NOON):
            self._charge(80)
            self._limit(day="2.00")
            self.assertEqual(len(self._alerts()), 1, "1.00 of 2.00 is nothing to tell")
            self._limit(month="1.20")
            self.assertEqual(self._alerts()[1:].mapped(lambda a: (a.kind, a.limit_name)), [("limit_near", "month")])
            self._limit(day="1.00", month=None)
        with recorded_at(datetime(2026, 10, 6, 12)):
            self._charge(80)
        self.assertEqual(self._alerts().mapped("kind"), ["limit_reached", "limit_near", "limit_reached"])

    def test_the_company_says_when(self):
        self.company.call_wallet_limit_share = 50
        self._limit(day="1.00")
        self._charge(39)
        self.assertFalse(self._alerts())
        self._charge(1)  # 0.50
        self.assertEqual(self._alerts().mapped("kind"), ["limit_near"])
        with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError):
            self.company.call_wallet_limit_share = 101
            self.env.flush_all()

    def test_nobody_is_told_of_a_closed_wallet(self):
        self._limit(day="1.00")
        self._charge(80)
        self.wallet.close("Contract over", take_rest=True)
        self.assertFalse(self._mails())
        self.assertEqual(self._alerts().state, "cancelled")


@tagged("post_install", "-at_install", "standard")
class TestWhoSets(LimitCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.owner = cls._make_user("limit-owner", "base.group_portal")
        cls.owner.partner_id.parent_id = cls.partner
        cls.wallet.owner_ids = cls.owner

    def _own(self, **limits):
        return self.wallet.with_user(self.owner).set_owner_limits(**limits)

    def test_the_lower_one_of_both_holds(self):
        self._limit(day="1.00")
        self._own(day="0.50")
        self.assertEqual(self._leaves(), 2400)
        self._limit(day="0.25")
        self.assertEqual(self._leaves(), 1200)
        self._own(day="0.50", calls="3")  # theirs stays, and another one can be set beside it
        self.assertEqual((self._leaves(), self.wallet.owner_limit_calls), (1200, 3))
        self._limit(day="2.00")
        self.assertEqual(self._leaves(), 2400, "finance's limit raises nobody else's")
        self._own()
        self.assertEqual(self._leaves(), 9600)
        self.assertIsNone(self.wallet.owner_limit_calls)

    def test_an_owner_cannot_pass_what_finance_has_set(self):
        self._limit(day="1.00", calls=5, price="0.05")
        for limits, said in (
            ({"day": "1.01"}, r"Spend a day: use at most 1\.00.USD, the limit that .* has set"),
            ({"calls": 6}, "Calls at once: use at most 5, "),
            (
                {"price": "0.050001", "fee": "-1"},
                "(?s)Highest price a minute: use at most 0.05.*fee: enter zero or more",
            ),
        ):
            with self.subTest(limits), self.assertRaisesRegex(UserError, said):
                self._own(**limits)
        self._own(day="1.00", calls=5, price="0.05", fee="0")
        self.assertEqual(self._leaves(), 4800)

    def test_hostile_values_are_refused_by_name(self):
        bad = (
            "1e2",
            "1_000",
            "NaN",
            "Infinity",
            "-0.01",
            "0.0000001",
            "10000000000",
            "\x00",
            "\ud800",
            "٣",
            True,
            [1],
            {},
        )
        for name in ("day", "month", "price", "fee"):
            for value in bad:
                with self.subTest(name=name, value=value), self.assertRaises(UserError):
                    self._own(**{name: value})
        for value in ("0", 0, -1, "1.5", 1.5, "1e2", "٣", "²", "x" * 5000, "9" * 5000, 100_001, True, [1], {}, "\x00"):
            with self.subTest(calls=value), self.assertRaises(UserError):
                self._own(calls=value)
        self.assertFalse(any(self.wallet[f"owner_limit_{name}"] for name in ("day", "month", "calls", "price", "fee")))
        for value in ("nan", "x"):
            with self.subTest(finance=value), self.assertRaises(UserError):
                self._limit(day=value)
        for limits in ({"day": -1}, {"calls": -1}, {"calls": 100_001}):
            with self.subTest(limits), mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError):
                self._limit(**limits)

    def test_who_may(self):
        manager = self._make_user("limit-manager", "account_manager")
        clerk = self._make_user("limit-clerk", "finance")
        colleague = self._make_user("limit-colleague", "base.group_portal")
        colleague.partner_id.parent_id = self.partner
        self.wallet.with_user(clerk).write({"limit_day": 5})
        self.wallet.with_user(clerk).set_owner_limits(day="4")
        self.assertEqual(self.wallet.with_user(manager).read(["limit_day"])[0]["limit_day"], 5)
        for user, act in (
            (manager, lambda wallet: wallet.write({"limit_day": 50})),
            (manager, lambda wallet: wallet.set_owner_limits(day="50")),
            (clerk, lambda wallet: wallet.write({"owner_limit_day": 50})),
            (colleague, lambda wallet: wallet.set_owner_limits(day="1")),
            (self.owner, lambda wallet: wallet.write({"limit_day": 50})),
        ):
            with self.subTest(user.login), self.assertRaises(AccessError):
                act(self.wallet.with_user(user))

    def test_the_history_says_who_set_what(self):
        self._own(day="4", calls=3)
        [message] = self.wallet.message_ids[:1]
        self.assertEqual(message.author_id, self.owner.partner_id)
        self.assertIn("Spend a day: 4.00", message.body)
        self.assertIn("Calls at once: 3", message.body)


@tagged("post_install", "-at_install", "standard")
class TestPortalLimits(PortalCommon):
    def _save(self, login="portal-owner", **fields):
        return self.post(login, self.path("limits"), list(fields.items()))

    def test_an_owner_sets_limits(self):
        self._fund(self.wallet, 50)
        self.wallet.limit_day = "30"
        self._record(self._call(duration_seconds=4800))  # 1.00
        page = self.open_page("portal-owner", self.path("limits")).text
        self.assertIn("Set for you", page)
        self.assertIn(
            "30.00\N{NO-BREAK SPACE}USD",
            page.replace("&nbsp;", "\N{NO-BREAK SPACE}").replace("30.00 USD", "30.00\N{NO-BREAK SPACE}USD"),
        )
        self.assertEqual(self._save(day="20", calls="4", price="0.05").status_code, 303)
        self.env.invalidate_all()
        wallet = self.wallet
        self.assertEqual(
            (wallet.owner_limit_day, wallet.owner_limit_calls, wallet.owner_limit_price, wallet.owner_limit_fee),
            (Decimal(20), 4, Decimal("0.05"), None),
        )
        page = self.open_page("portal-owner", self.path("limits")).text
        for expected in ("Limits saved", 'value="20.00"', 'value="4"', 'value="0.05"', "Spent today:"):
            self.assertIn(expected, page)

    def test_in_spanish_with_a_decimal_comma(self):
        self.env["res.lang"]._activate_lang("es_ES")
        self.env["ir.module.module"].search([("name", "=", "call_wallet")])._update_translations(["es_ES"])
        self.owner.lang = "es_ES"
        self.assertEqual(self._save(day="12,50", month="1.000", price="0,0391", fee="1,125").status_code, 303)
        self.env.invalidate_all()
        self.assertEqual(
            (self.wallet.owner_limit_day, self.wallet.owner_limit_month, self.wallet.owner_limit_price),
            (Decimal("12.50"), Decimal(1000), Decimal("0.0391")),
        )
        self.assertEqual(self.wallet.owner_limit_fee, Decimal("1.125"))
        page = self.url_open(self.path("limits")).text
        self.assertIn("Límites guardados.", page)
        self.assertIn('value="12,50"', page)
        self.assertIn('value="0,0391"', page)

    def test_what_is_wrong_stays_in_the_form_and_nothing_is_saved(self):
        self.wallet.limit_day = "30"
        answer = self._save(day="31", month="lots", calls="2.5", price="<b>", fee="-1")
        self.assertEqual(answer.status_code, 422)
        for expected in (
            'value="31"',
            "use at most 30.00",
            'value="lots"',
            "is not an amount",
            "whole number",
            "zero or more",
        ):
            self.assertIn(expected, answer.text)
        self.assertNotIn("<b>", answer.text)
        self.env.invalidate_all()
        self.assertIsNone(self.wallet.owner_limit_day)

    def test_only_the_owner(self):
        for login in ("portal-colleague", "portal-stranger"):
            with self.subTest(login):
                self.assertEqual(self._save(login, day="1").status_code, 404)
                self.assertEqual(self.open_page(login, self.path("limits")).status_code, 404)


# === SEVERAL AT ONCE === #

CLIENTS = 16


@pytest.fixture
def wallet(private_registry):
    """A wallet of 50.00 that may spend 1.00 a day: 50 minutes of WhatsApp calls at 0.02."""
    with environment(private_registry) as env:
        partner = env["res.partner"].create({"name": "Limited Clients", "is_company": True})
        wallet = env["call.wallet"].create(
            {"partner_id": partner.id, "account_ref": "LIMITED", "limit_day": "1.00", "tz": "UTC"}
        )
        wallet.set_recipients(["limited@customer.example"])
        wallet.refund("50", "Opening credit")
        env.cr.commit()
        return wallet.id


@pytest.mark.real_commits
def test_parallel_requests_do_not_pass_the_limit_together(private_registry, wallet):
    def ask(number):
        with environment(private_registry) as env:
            return env["call.wallet"].authorize_call(
                "LIMITED", f"at-once-{number}", "whatsapp", CALIFORNIA, expected_seconds=600
            )

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(ask, range(CLIENTS)))

    # 10 minutes are 0.20, and 1.00 covers five of them.
    assert sorted(answer["max_seconds"] for answer in answers) == [0] * 11 + [600] * 5
    assert {answer["code"] for answer in answers} == {"ok", "limit_reached"}
    with environment(private_registry) as env:
        assert env["call.wallet"].browse(wallet).held_amount == 1
        alerts = env["call.wallet.alert"].search([("wallet_id", "=", wallet), ("kind", "=", "limit_reached")])
        assert len(alerts) == 1
        env["call.wallet"].browse(wallet).limit_calls = 5
        env["call.wallet"].browse(wallet).limit_day = False
        env.cr.commit()
    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(ask, range(100, 100 + CLIENTS)))
    assert {answer["code"] for answer in answers} == {"limit_reached"}, "five calls are in progress"
