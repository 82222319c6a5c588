"""What the platform is told of: each event with its cause, once, and how the wallet stood after it."""

from datetime import timedelta

from odoo.addons.call_wallet.tools.clock import recorded_at, utcnow
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user

from .common import CallWalletCommon


class TestEvents(CallWalletCommon):
    """+1 415 costs 0.0125 a minute; the wallet's threshold is 10."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.platform = cls._make_user("events.platform", "platform")

    def setUp(self):
        super().setUp()
        self._read()

    def _read(self):
        """Read what is new; return it as the platform's program gets it."""
        events = self.env["call.wallet"].with_user(self.platform).list_events(after=getattr(self, "after", None))
        self.after = events[-1]["event"] if events else getattr(self, "after", None)
        return events

    def _types(self):
        return [event["type"] for event in self._read()]

    def _one(self):
        [event] = self._read()
        return event

    def test_what_was_changed_before_is_kept_when_a_webhook_is_made(self):
        # There is an event to publish, so that the webhook begins with what comes after it.
        self._fund(self.wallet, "50")
        self.env.flush_all()
        self.partner.city = "Springfield"
        self.env["call.wallet.webhook"].create({"name": "Platform", "url": "https://1.1.1.1/hook"})
        self.env.invalidate_all()
        self.assertEqual(self.partner.city, "Springfield")

    # === CAUSES === #

    def test_a_level_is_told_once_per_crossing(self):
        self._fund(self.wallet, "10.02")
        self.assertEqual(self._types(), ["wallet.restored"])
        self._record(self._call())  # 2 minutes, 0.025: 9.995 is below 10
        self._record(self._call())  # 9.97: nothing new
        event = self._one()
        self.assertEqual((event["type"], event["account"]), ("wallet.low", self.wallet.account_ref))
        self.assertEqual(
            event["data"],
            {
                "account": self.wallet.account_ref, "currency": "USD", "balance": "9.995000", "available": "9.995000",
                "low_balance_threshold": "10.000000", "level": "low", "state": "active", "event": event["event"],
            },
        )  # fmt: skip
        # 47,857 s are 798 minutes: 9.975, which the 9.97 do not cover.
        self._record(self._call(duration_seconds=47_857))
        event = self._one()
        self.assertEqual((event["type"], event["data"]["balance"]), ("wallet.empty", "-0.005000"))
        self.assertEqual((event["data"]["level"], event["data"]["state"]), ("empty", "paused"))
        self._fund(self.wallet, "5")
        event = self._one()  # calls may start again, and it is still low
        self.assertEqual((event["type"], event["data"]["level"]), ("wallet.restored", "low"))
        self._fund(self.wallet, "50")
        event = self._one()
        self.assertEqual((event["type"], event["data"]["level"]), ("wallet.restored", "enough"))
        self.wallet.low_balance_threshold = 100
        self.assertEqual(self._types(), ["wallet.low"])

    def test_setting_up_and_pausing_are_told(self):
        wallet = self._make_wallet(recipients=())
        self._fund(wallet, "5")
        self.assertEqual(self._types(), [])
        wallet.set_recipients(["somebody@initrode.example"])
        event = self._one()
        self.assertEqual((event["type"], event["data"]["state"]), ("wallet.set_up", "active"))
        wallet.set_recipients(["somebody@else.example"])
        wallet.action_pause("Unpaid bills")
        event = self._one()
        self.assertEqual((event["type"], event["data"]["state"]), ("wallet.paused", "paused"))
        self.assertEqual((event["data"]["cause"], event["data"]["reason"]), ("by_hand", "Unpaid bills"))
        wallet.action_pause("Unpaid bills, again")  # it is paused
        wallet.action_resume()
        event = self._one()
        self.assertEqual((event["type"], event["data"]["state"]), ("wallet.resumed", "active"))
        wallet.set_recipients([])
        event = self._one()
        self.assertEqual((event["type"], event["data"]["cause"]), ("wallet.paused", "not_set_up"))

    def test_closing_and_reopening_are_told(self):
        self.wallet.close("Contract over")
        event = self._one()
        self.assertEqual(
            (event["type"], event["data"]["state"], event["data"]["reason"]),
            ("wallet.closed", "closed", "Contract over"),
        )
        self._record(self._call())  # a late one: -0.025
        self.wallet.close("What came late", write_off=True)
        self.assertEqual(self._types(), [])
        self.wallet.reopen()
        event = self._one()
        self.assertEqual((event["type"], event["data"]["cause"]), ("wallet.resumed", "reopened"))

    def test_top_ups_are_told_with_their_amounts(self):
        topup = self._fund(self.wallet, "40", by="topup")
        restored, credited = self._read()
        self.assertEqual((restored["type"], credited["type"]), ("wallet.restored", "topup.credited"))
        told = {name: credited["data"][name] for name in ("topup", "amount", "credited", "ordered", "balance")}
        expected = {"topup": topup.id, "credited": "40.000000", "ordered": "40.000000", "balance": "40.000000"}
        self.assertEqual(told, {**expected, "amount": "40.000000"})
        self.assertEqual(credited["data"]["transaction"], topup.wallet_id.transaction_ids.id)
        topup.pay_back("15", "Too much")
        event = self._one()
        told = [event["data"][name] for name in ("amount", "credited", "balance")]
        self.assertEqual((event["type"], told), ("topup.reversed", ["15.000000", "25.000000", "25.000000"]))

    def test_a_correction_is_told_once_and_without_the_number(self):
        self._fund(self.wallet, "50")
        call = self._call(started_at=f"{utcnow() - timedelta(days=1):%FT%TZ}")
        self._record(call)
        self._read()
        self.usage.amend_calls([{**call, "duration_seconds": 121, "reason": "It was +14155550100"}])
        self.usage.amend_calls([{**call, "duration_seconds": 121, "reason": "It was +14155550100"}])
        event = self._one()
        told = [event["data"][name] for name in ("call_ref", "kind", "old_cost", "total_cost", "difference", "balance")]
        # 3 minutes instead of 2: 0.0375 instead of 0.025
        expected = [call["call_ref"], "amend", "0.025000", "0.037500", "0.012500", "49.962500"]
        self.assertEqual((event["type"], told), ("call.corrected", expected))
        self.assertNotIn("4155550100", str(event))
        self.usage.void_calls([{"account": call["account"], "call_ref": call["call_ref"], "reason": "A test"}])
        event = self._one()
        self.assertEqual((event["data"]["kind"], event["data"]["difference"]), ("void", "-0.037500"))

    def test_a_rejected_call_that_is_charged_after_all_is_told(self):
        self._fund(self.wallet, "50")
        self._read()
        nowhere = self._call(number="+99912345678")
        again = self._call(number="+99912345678")
        dismissed = self._call(number="+99912345678")
        self._record(nowhere, again, dismissed)
        self.assertEqual(self._types(), [])
        kept = self.env["call.usage.rejection"].search([("account", "=", self.wallet.account_ref)])
        of_call = {one.call_ref: one for one in kept}
        of_call[dismissed["call_ref"]].action_dismiss()
        self.plan.rate_ids.create({"plan_id": self.plan.id, "prefix": "999", "price_per_minute": "0.5"})
        self.assertEqual(self._record(again)["result"], "charged")
        event = self._one()
        self.assertEqual(
            (event["type"], event["data"]["call_ref"]), ("call.accepted_after_rejection", again["call_ref"])
        )
        self.assertEqual(
            (event["data"]["total_cost"], event["data"]["rejection"]), ("1.000000", of_call[again["call_ref"]].id)
        )
        kept.action_retry()
        kept.action_retry()
        events = self._read()
        self.assertEqual({event["type"] for event in events}, {"call.accepted_after_rejection"})
        self.assertEqual(
            sorted(event["data"]["call_ref"] for event in events), sorted([nowhere["call_ref"], dismissed["call_ref"]])
        )

    def test_a_conflict_that_is_charged_as_its_own_is_told(self):
        self._fund(self.wallet, "50")
        call = self._call()
        self._record(call)
        self._record({**call, "duration_seconds": 7})
        self._read()
        self.env["call.usage.rejection"].search([("call_ref", "=", call["call_ref"])]).action_charge_as_own()
        event = self._one()
        self.assertEqual(
            (event["type"], event["data"]["reported_as"]), ("call.accepted_after_rejection", call["call_ref"])
        )
        self.assertNotEqual(event["data"]["call_ref"], call["call_ref"])
        self.assertEqual(event["data"]["total_cost"], "0.012500")

    def test_a_hold_that_expires_is_told_and_others_are_not(self):
        self._fund(self.wallet, "50")
        wallets = self.env["call.wallet"]
        asked = {"account": self.wallet.account_ref, "call_type": "live", "number": "+14155550100"}
        with recorded_at(utcnow() - timedelta(days=1)):
            lost = wallets.authorize_call(call_ref="lost", expected_seconds=120, **asked)
            wallets.authorize_call(call_ref="released", **asked)
            wallets.release_hold(asked["account"], "released")
        self._read()
        wallets._cron_expire_holds()
        event = self._one()
        self.assertEqual(
            {name: event["data"][name] for name in ("hold", "call_ref", "amount", "held_seconds", "available")},
            {"hold": lost["hold"], "call_ref": "lost", "amount": "0.025000", "held_seconds": 120,
             "available": "50.000000"},
        )  # fmt: skip
        self.assertEqual(event["type"], "hold.expired")
        wallets._cron_expire_holds()
        self.assertEqual(self._types(), [])

    def test_a_type_that_nobody_declared_is_a_fault(self):
        with self.assertRaises(ValueError):
            self.env["call.wallet.event"]._add([(self.wallet.id, "wallet.lost", {})])

    # === READING === #

    def test_events_are_read_page_by_page(self):
        for reason in ("one", "two", "three"):
            self.wallet.action_pause(reason)
            self.wallet.action_resume()
        wallets, after, seen = self.env["call.wallet"].with_user(self.platform), self.after, []
        while page := wallets.list_events(after, 4):
            self.assertLessEqual(len(page), 4)
            seen += page
            after = page[-1]["event"]
        self.assertEqual([event["type"] for event in seen], ["wallet.paused", "wallet.resumed"] * 3)
        first = seen[0]["event"]
        self.assertEqual([event["event"] for event in seen], list(range(first, first + 6)))
        self.assertEqual(len({event["id"] for event in seen}), 6)
        self.assertTrue(all(event["id"].startswith("evt_") for event in seen))
        self.assertRegex(seen[0]["timestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$")

    def test_what_is_no_page_is_refused(self):
        wallets = self.env["call.wallet"].with_user(self.platform)
        for after, limit in ((-1, 10), ("7", 10), (True, 10), (2**40, 10), (None, 0), (None, 10_001), (None, None)):
            with self.subTest(after=after, limit=limit), self.assertRaises(UserError):
                wallets.list_events(after, limit)

    def test_another_company_s_events_are_not_seen(self):
        other = self.env["res.company"].create({"name": "Elsewhere"})
        user = new_test_user(
            self.env, "elsewhere.platform", groups="call_wallet.group_platform",
            company_id=other.id, company_ids=[(6, 0, other.ids)],
        )  # fmt: skip
        self.wallet.action_pause("Unpaid bills")
        self.assertEqual(self.env["call.wallet"].with_user(user).list_events(), [])
        forged = self.env["call.wallet"].with_user(user).with_context(allowed_company_ids=self.company.ids)
        self.assertEqual(forged.list_events(), [])
        with self.assertRaises(AccessError):
            self.env["call.wallet"].with_user(self.env.ref("base.public_user")).list_events()
