"""May a call start, for how long, and what is held for it."""

from datetime import datetime, timedelta
from decimal import Decimal

from odoo.addons.call_wallet.tools.clock import recorded_at
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import CallWalletCommon

CALIFORNIA, LONDON, PARIS, BERLIN, ROME = (
    "+14155550100", "+442071234567", "+33142685300", "+4930123456", "+390612345",
)  # fmt: skip


class AuthorizeCase(CallWalletCommon):
    def _ask(self, call_ref="c-1", number=CALIFORNIA, call_type="live", wallet=None, **more):
        account = (wallet or self.wallet).account_ref
        return self.env["call.wallet"].authorize_call(account, call_ref, call_type, number, **more)

    def _extend(self, seconds=None, call_ref="c-1", **more):
        return self.env["call.wallet"].extend_hold(self.wallet.account_ref, call_ref, seconds, **more)

    def _release(self, call_ref="c-1"):
        return self.env["call.wallet"].release_hold(self.wallet.account_ref, call_ref)

    def _hold(self, call_ref="c-1"):
        self.env.invalidate_all()
        return self.env["call.wallet.hold"].search([("wallet_id", "=", self.wallet.id), ("call_ref", "=", call_ref)])

    def _lose(self, call_ref="c-1"):
        """Let the hold's time pass without a word from the platform."""
        self.env.cr.execute(
            "UPDATE call_wallet_hold SET expires_at = '2026-01-01' WHERE wallet_id = %s AND call_ref = %s",
            [self.wallet.id, call_ref],
        )

    def assertHeld(self, expected):
        self.env.invalidate_all()
        self.assertEqual(self.wallet.held_amount, Decimal(expected))
        self.assertSound(self.wallet)


@tagged("post_install", "-at_install", "standard")
class TestAnswers(AuthorizeCase):
    """Every code, with its message."""

    def _refused(self, answer, code, *message):
        self.assertEqual((answer["allowed"], answer["code"]), (False, code))
        self.assertEqual(answer["max_seconds"], 0)
        self.assertIsNone(answer["hold"])
        for part in message:
            self.assertIn(part, answer["message"])

    def test_a_call_that_may_start(self):
        self._fund(self.wallet, 1)
        answer = self._ask()
        hold = self._hold()
        self.assertEqual(
            answer,
            {
                "message": "The call may start.",
                "allowed": True,
                "code": "ok",
                "field": None,
                "call_ref": "c-1",
                "hold": hold.id,
                "rate": "0.012500",
                "currency": "USD",
                # What is held: the company's 10 minutes. All funds would last 1 / 0.0125 = 80 minutes.
                "held_seconds": 600,
                "max_seconds": 600,
                "funds_seconds": 4800,
                "expires_at": hold.expires_at.isoformat() + "+00:00",
                "balance": "1.000000",
                "available": "0.875000",
            },
        )
        self.assertEqual((hold.state, hold.amount, hold.reserved_seconds), ("held", Decimal("0.125"), 600))

    def test_unknown_account(self):
        answer = self.env["call.wallet"].authorize_call("NOBODY", "c-1", "live", CALIFORNIA)
        self._refused(answer, "unknown_account", "account")
        self.assertIsNone(answer["balance"])

    def test_no_call_starts_on_a_closed_wallet_but_one_that_took_place_is_charged(self):
        self._fund(self.wallet, "20")
        self._archive(self.wallet)
        self._refused(self._ask(), "closed", "closed")
        self.assertEqual(self._record(self._call())["result"], "charged")

    def test_billing_not_set_up(self):
        wallet = self._make_wallet(recipients=())
        self._fund(wallet, 1)
        self._refused(self._ask(wallet=wallet), "not_set_up", "recipient")

    def test_paused_by_hand_tells_the_reason(self):
        self._fund(self.wallet, 1)
        self.wallet.action_pause("Unusual traffic")
        self._refused(self._ask(), "paused", "Unusual traffic")

    def test_no_funds_at_all(self):
        self._refused(self._ask(), "no_funds", "Add balance")

    def test_funds_for_less_than_one_increment(self):
        self._fund(self.wallet, "0.012499")
        self._refused(self._ask(), "no_funds")
        self._fund(self.wallet, "0.000001")
        self.assertEqual(self._ask()["max_seconds"], 60)

    def test_destination_that_is_not_contracted(self):
        self._fund(self.wallet, 1)
        self._refused(self._ask(number="+5511987654321"), "destination_not_contracted", "contract")
        self.assertTrue(self._ask(number="+5511987654321", call_type="whatsapp")["allowed"])

    def test_number_that_is_not_e164(self):
        self._fund(self.wallet, 1)
        for number in ("4155550100", "+1 415", "", None, 14155550100, "+1415\0"):
            self._refused(self._ask(number=number), "invalid_number", "+14155550100")

    def test_a_call_that_was_charged_already(self):
        self._fund(self.wallet, 1)
        self._record(self._call(call_ref="c-1"))
        self._refused(self._ask(), "already_settled")
        self.assertEqual(self._extend(60)["code"], "already_settled")
        self.assertEqual(self._release()["code"], "already_settled")

    def test_malformed_requests_are_errors_that_name_the_parameter(self):
        self._fund(self.wallet, 1)
        account = self.wallet.account_ref
        ask = self.env["call.wallet"].authorize_call
        for parameters, field in (
            ((account, "c-1", "fax", CALIFORNIA), "call_type"),
            ((account, "", "live", CALIFORNIA), "call_ref"),
            ((account, "a\0b", "live", CALIFORNIA), "call_ref"),
            ((account, 7, "live", CALIFORNIA), "call_ref"),
            ((None, "c-1", "live", CALIFORNIA), "account"),
            ((account, "c-1", "live", CALIFORNIA, 0), "expected_seconds"),
            ((account, "c-1", "live", CALIFORNIA, "60"), "expected_seconds"),
            ((account, "c-1", "live", CALIFORNIA, True), "expected_seconds"),
            ((account, "c-1", "live", CALIFORNIA, 86401), "expected_seconds"),
        ):
            with self.assertRaisesRegex(UserError, field):
                ask(*parameters)
        for seconds in (0, -60, "60", 1.5, None):
            with self.assertRaisesRegex(UserError, "seconds"):
                self._extend(seconds)

    def test_only_the_platform_and_finance_may_ask(self):
        self._fund(self.wallet, 1)
        account = self.wallet.account_ref
        for login, group, allowed in (
            ("t_platform", "platform", True),
            ("t_finance", "finance", True),
            ("t_employee", "base.group_user", False),
            ("t_portal", "base.group_portal", False),
        ):
            wallets = self.env["call.wallet"].with_user(self._make_user(login, group))
            if allowed:
                self.assertTrue(wallets.authorize_call(account, login, "live", CALIFORNIA)["allowed"])
                wallets.release_hold(account, login)
                continue
            for method, parameters in (
                ("authorize_call", (account, login, "live", CALIFORNIA)),
                ("extend_hold", (account, "c-1", 60)),
                ("release_hold", (account, "c-1")),
            ):
                with self.assertRaises(AccessError):
                    getattr(wallets, method)(*parameters)


@tagged("post_install", "-at_install", "standard")
class TestLongestCall(AuthorizeCase):
    def test_funds_seconds_follow_the_rate_and_never_cost_more_than_is_available(self):
        self._fund(self.wallet, 1)
        for number, call_type, expected in (
            (CALIFORNIA, "live", 4800),  # 1 / 0.0125 = 80 min
            (LONDON, "live", 1500),  # (1 - 0.01 fee) / 0.0391 = 25.3 min
            (PARIS, "live", 2000),  # 1 / 0.03 = 33.33 min, by the second
            (BERLIN, "live", 996),  # 1 / 0.06 = 1000 s, in steps of 6 s
            (ROME, "live", 1260),  # 20 min and the free one
            (CALIFORNIA, "whatsapp", 3000),  # 1 / 0.02 = 50 min
        ):
            with self.subTest(number=number, call_type=call_type):
                answer = self._ask(number=number, call_type=call_type)
                self.assertEqual(answer["funds_seconds"], expected)
                self._release()

    def test_a_call_that_lasts_max_seconds_is_covered_and_a_second_more_is_not(self):
        for ref, number in (("c-1", LONDON), ("c-2", PARIS), ("c-3", BERLIN), ("c-4", ROME)):
            wallet = self._make_wallet()
            self._fund(wallet, 1)
            longest = self._ask(ref, number, wallet=wallet, expected_seconds=86400)["max_seconds"]
            costs = [
                Decimal(
                    self._record(self._call(account=wallet.account_ref, number=number, duration_seconds=seconds))[
                        "total_cost"
                    ]
                )
                for seconds in (longest, longest + 1)
            ]
            self.assertLessEqual(costs[0], 1)
            self.assertGreater(costs[1], 1)

    def test_the_minimum_duration_must_be_covered(self):
        self._fund(self.wallet, "0.029999")
        self.assertEqual(self._ask(number=BERLIN)["code"], "no_funds")
        self._fund(self.wallet, "0.000001")
        self.assertEqual(self._ask(number=BERLIN)["max_seconds"], 30)

    def test_a_call_that_could_last_the_grace_alone_does_not_start(self):
        terms = {"increment_seconds": 6, "first_block_seconds": 20, "grace_seconds": 5}
        self.plan.rate_ids = [(0, 0, {"prefix": "351", "price_per_minute": "0.6", **terms})]
        self._fund(self.wallet, "0.19")
        self.assertEqual(self._ask(number="+3512345678")["code"], "no_funds")
        # 20 s cost 0.20, 26 s 0.26.
        self._fund(self.wallet, "0.06")
        self.assertEqual(self._ask(number="+3512345678")["max_seconds"], 20)
        self.assertHeld("0.2")

    def test_a_free_call_ends_at_a_cap(self):
        self._fund(self.wallet, 1)
        self.plan.rate_ids = [(0, 0, {"prefix": "1800", "price_per_minute": "0"})]
        answer = self._ask(number="+18005550100")
        self.assertTrue(answer["allowed"])
        self.assertGreater(answer["max_seconds"], 0)
        self.assertLessEqual(answer["max_seconds"], 86400)
        self.assertHeld("0")


@tagged("post_install", "-at_install", "standard")
class TestHolds(AuthorizeCase):
    def setUp(self):
        super().setUp()
        self._fund(self.wallet, 1)

    def test_asking_again_returns_the_same_hold(self):
        first = self._ask()
        self.assertEqual(self._ask(), first)
        self.assertHeld("0.125")

    def test_a_hold_reserves_what_is_expected_in_whole_increments(self):
        self._ask(expected_seconds=61)
        self.assertEqual((self._hold().amount, self._hold().reserved_seconds), (Decimal("0.025"), 120))

    def test_the_companys_default_applies_when_nothing_is_expected(self):
        self.company.call_wallet_hold_seconds = 60
        self._ask()
        self.assertHeld("0.0125")

    def test_less_is_held_when_less_is_available(self):
        self._ask("c-1", expected_seconds=4500)
        answer = self._ask("c-2", expected_seconds=3600)
        self.assertEqual((answer["allowed"], answer["max_seconds"]), (True, 300))
        self.assertEqual(answer["available"], "0.000000")
        self.assertEqual(self._ask("c-3")["code"], "no_funds")
        self.assertHeld("1")

    def test_many_calls_never_spend_the_same_dollar(self):
        answers = [self._ask(f"c-{n}") for n in range(12)]
        self.assertEqual([answer["allowed"] for answer in answers], [True] * 8 + [False] * 4)
        self.assertHeld("1")

    def test_the_end_of_the_call_settles_its_hold(self):
        self._ask(expected_seconds=600)
        self._record(self._call(call_ref="c-1", duration_seconds=61))
        self.assertEqual(self._hold().state, "settled")
        self.assertHeld("0")
        self.assertBalance(self.wallet, "0.975")

    def test_a_conflicting_report_settles_no_hold(self):
        self._record(self._call(call_ref="c-0"))
        self._ask()
        self._record(self._call(call_ref="c-0", duration_seconds=600))
        self.assertEqual(self._hold().state, "held")
        self.assertHeld("0.125")

    def test_extending_reserves_more_of_the_same_hold(self):
        hold = self._ask()["hold"]
        answer = self._extend(600)
        self.assertEqual((answer["allowed"], answer["hold"], answer["max_seconds"]), (True, hold, 1200))
        self.assertEqual((answer["held_seconds"], answer["funds_seconds"]), (1200, 4800))
        self.assertEqual(answer["message"], "The call may go on.")
        self.assertEqual(self._hold().reserved_seconds, 1200)
        self.assertHeld("0.25")

    def test_extending_to_a_total_is_done_once(self):
        self._ask()
        for _time in range(2):
            answer = self._extend(total_seconds=1200)
            self.assertEqual((answer["allowed"], answer["max_seconds"]), (True, 1200))
        # What is held already is not given back: the call may have been told so.
        self.assertEqual(self._extend(total_seconds=60)["max_seconds"], 1200)
        self.assertHeld("0.25")

    def test_a_call_is_extended_to_a_total_or_by_some_seconds(self):
        self._ask()
        for more in ({}, {"seconds": 60, "total_seconds": 660}):
            with self.assertRaisesRegex(UserError, "total_seconds, seconds"):
                self._extend(**more)
        for total in (0, "60", 1.5, True, 2_592_001):
            with self.assertRaisesRegex(UserError, "total_seconds"):
                self._extend(total_seconds=total)

    def test_an_extension_gets_what_is_left_and_then_is_refused(self):
        self._ask("c-1", expected_seconds=600)
        self._ask("c-2", expected_seconds=3600)
        answer = self._extend(3600)
        self.assertEqual((answer["allowed"], answer["max_seconds"]), (True, 1200))
        answer = self._extend(60)
        self.assertEqual((answer["allowed"], answer["code"], answer["max_seconds"]), (False, "no_funds", 1200))
        self.assertHeld("1")

    def test_a_call_that_was_never_authorised_is_answered_by_a_code(self):
        for answer, helps in ((self._extend(60, "c-9"), "Authorise"), (self._release("c-9"), "nothing is held")):
            told = [answer[name] for name in ("allowed", "code", "field", "call_ref", "hold", "max_seconds")]
            self.assertEqual(told, [False, "unknown_call", "call_ref", "c-9", None, 0])
            self.assertEqual((answer["balance"], answer["available"]), ("1.000000", "1.000000"))
            self.assertIn(helps, answer["message"])
        self._ask()
        self._release()
        answer = self._extend(60)
        self.assertEqual((answer["allowed"], answer["code"], answer["max_seconds"]), (False, "unknown_call", 0))
        self.assertHeld("0")

    def test_releasing_gives_the_funds_back_and_repeating_it_is_harmless(self):
        self._ask()
        for _time in range(2):
            answer = self._release()
            self.assertEqual((answer["allowed"], answer["available"]), (True, "1.000000"))
            self.assertEqual((answer["message"], answer["max_seconds"]), ("Nothing is held for this call.", 0))
            self.assertIsNone(answer["expires_at"])
        self.assertEqual(self._hold().state, "released")
        self.assertHeld("0")

    def test_a_released_call_can_be_authorised_again(self):
        self._ask()
        self._release()
        self.assertTrue(self._ask()["allowed"])
        self.assertHeld("0.125")

    def test_the_hold_keeps_the_price_it_was_authorised_at(self):
        self._ask()
        self.plan.rate_ids.filtered(lambda rate: rate.prefix == "1415").unlink()
        self.plan.rate_ids.filtered(lambda rate: rate.prefix == "1").unlink()
        self.assertEqual(self._extend(600)["rate"], "0.012500")
        self.assertHeld("0.25")

    def test_a_reference_that_is_used_anew_is_held_at_the_price_of_now(self):
        moment = datetime(2026, 10, 5, 12)
        with recorded_at(moment):
            self._ask(expected_seconds=60)
            self._release()
        self.plan.rate_ids = [(0, 0, {"prefix": "14155", "price_per_minute": "1", "valid_from": "2026-10-05 13:00:00"})]
        with recorded_at(moment + timedelta(hours=2)):
            answer = self._ask(expected_seconds=30)
            self.assertEqual((answer["rate"], answer["max_seconds"]), ("1.000000", 60))
            # 1.00 buys one minute, whoever asks how often.
            answer = self._extend(total_seconds=6000)
            self.assertEqual((answer["allowed"], answer["code"], answer["max_seconds"]), (False, "no_funds", 60))

    def test_a_price_that_begins_while_it_rings_is_covered(self):
        """1.00 buys 10 minutes at 0.1 and one at 1.00: a call that starts at 12:00 costs the latter."""
        noon = datetime(2026, 10, 5, 12)
        self.plan.rate_ids = [
            (0, 0, {"prefix": "351", "price_per_minute": "0.1", "valid_to": noon}),
            (0, 0, {"prefix": "351", "price_per_minute": "1", "valid_from": noon}),
        ]
        with recorded_at(noon - timedelta(minutes=5)):
            self.assertEqual(self._ask("early", "+3512345678")["max_seconds"], 600)
            self._release("early")
        with recorded_at(noon - timedelta(seconds=5)):
            answer = self._ask("late", "+3512345678")
        self.assertEqual((answer["rate"], answer["max_seconds"]), ("1.000000", 60))
        call = self._call(call_ref="late", number="+3512345678", started_at="2026-10-05T12:00:10Z", duration_seconds=60)
        self.assertEqual(self._record(call)["balance_after"], "0.000000")

    def test_holds_of_lost_calls_are_freed_by_the_scheduled_action(self):
        self._ask("c-1")
        self._ask("c-2")
        self._lose("c-1")
        self.env["call.wallet"]._cron_expire_holds()
        self.assertEqual((self._hold("c-1").state, self._hold("c-2").state), ("expired", "held"))
        self.assertHeld("0.125")

    def test_a_lost_calls_hold_gives_way_when_its_funds_are_needed(self):
        self._ask("c-1", expected_seconds=4800)
        self._lose("c-1")
        self.assertTrue(self._ask("c-2")["allowed"])
        self.assertHeld("0.125")

    def test_a_call_reported_after_its_hold_expired_is_charged_all_the_same(self):
        self._ask()
        self._lose()
        self.env["call.wallet"]._cron_expire_holds()
        self.assertEqual(self._record(self._call(call_ref="c-1"))["result"], "charged")
        self.assertBalance(self.wallet, "0.975")
        self.assertHeld("0")

    def test_an_expired_hold_can_be_taken_up_again_while_the_call_goes_on(self):
        self._ask()
        self._lose()
        self.env["call.wallet"]._cron_expire_holds()
        self.assertTrue(self._extend(60)["allowed"])
        self.assertEqual(self._hold().state, "held")
        self.assertHeld("0.1375")

    def test_a_hold_whose_time_is_over_is_not_counted_twice(self):
        """Of 1.00, 0.75 are held for an hour at 0.0125; extended too late, the call gets what there is: 80 minutes."""
        self._ask(expected_seconds=3600)
        self._lose()
        answer = self._extend(total_seconds=86400)
        self.assertEqual((answer["allowed"], answer["max_seconds"]), (True, 4800))
        self.assertHeld("1")
        self._lose()
        self.assertEqual(self._ask("c-2")["max_seconds"], 600)
        self.assertHeld("0.125")

    def test_an_expired_hold_is_taken_up_again_for_as_long_as_the_funds_last(self):
        """Of 1.00, 0.95 were spent meanwhile; what is left lasts 4 minutes, less than the 10 that were held."""
        self._ask()
        self._lose()
        self.env["call.wallet"]._cron_expire_holds()
        self._record(self._call(call_ref="c-2", duration_seconds=76 * 60))
        answer = self._extend(total_seconds=900)
        self.assertEqual((answer["code"], answer["max_seconds"]), ("ok", 240))
        self.assertHeld("0.05")

    def test_pausing_refuses_new_calls_and_lets_running_ones_last_what_they_hold(self):
        self._ask("c-1")
        self.wallet.action_pause("Unusual traffic")
        self.assertEqual(self._ask("c-2")["code"], "paused")
        self.assertEqual(self._ask("c-1")["code"], "ok")
        answer = self._extend(60)
        self.assertEqual((answer["allowed"], answer["code"], answer["max_seconds"]), (False, "paused", 600))
        self.assertIn("Unusual traffic", answer["message"])
        self.assertHeld("0.125")
        self.assertEqual(self._record(self._call(call_ref="c-1"))["result"], "charged")
        self.assertHeld("0")

    def test_a_refund_of_funds_held_elsewhere_is_not_available_twice(self):
        self._ask("c-1", expected_seconds=4800)
        self.wallet.refund("0.0125", "Bad line")
        answer = self._ask("c-2")
        self.assertEqual((answer["allowed"], answer["max_seconds"]), (True, 60))


class TestConflicts(AuthorizeCase):
    """A reference names one call: what it was authorised for is compared later."""

    def test_the_same_reference_with_other_content_is_a_conflict_and_changes_nothing(self):
        self._fund(self.wallet, 1)
        names = {"campaign": "Nurses", "manager": "jo@initrode.example", "application_ref": "APP-1"}
        self._ask(expected_seconds=4800, **names)  # 80 min at 0.0125: all there is
        for other in (
            {"number": LONDON, "expected_seconds": 4800},
            {"call_type": "whatsapp", "expected_seconds": 4800},
            {"expected_seconds": 60},
            {"direction": "inbound"},
            {"campaign": "Drivers"},
            {"manager": "bo@initrode.example"},
            {"application_ref": "APP-2"},
        ):
            with self.subTest(other=other):
                answer = self._ask(**other)
                self.assertEqual((answer["allowed"], answer["code"]), (False, "conflict"))
                self.assertEqual((answer["hold"], answer["max_seconds"]), (None, 0))
                self.assertIn("reference", answer["message"])
        hold = self._hold()
        self.assertEqual((hold.number, hold.call_type, hold.reserved_seconds), (CALIFORNIA, "live", 4800))
        self.assertEqual((hold.campaign, hold.manager, hold.application_ref), tuple(names.values()))
        self.assertHeld("1")
        self.assertEqual(self._ask(expected_seconds=4800, **names)["code"], "ok")

    def test_names_that_come_with_a_later_request_are_kept(self):
        """A switch asks first, and the application that knows the campaign asks again under the same reference."""
        self._fund(self.wallet, 1)
        first = self._ask(campaign="Nurses")
        names = {"manager": "jo@initrode.example", "application_ref": "APP-1"}
        self.assertEqual(self._ask(**names), first, "Nothing else has changed")
        hold = self._hold()
        self.assertEqual((hold.campaign, hold.manager, hold.application_ref), ("Nurses", *names.values()))
        other = self._ask(campaign="Nurses", manager="bo@initrode.example")
        self.assertEqual(other["code"], "conflict")
        self.assertEqual(other["differs"], {"manager": {"held": "jo@initrode.example", "sent": "bo@initrode.example"}})
        self.assertEqual(self._ask(campaign="Drivers", application_ref="APP-1")["code"], "conflict")
        self.assertEqual(self._hold().campaign, "Nurses")
        self._extend(600)
        self.assertEqual(self._hold().manager, "jo@initrode.example", "An extension takes no name away")
        self.assertHeld("0.25")

    def test_a_conflict_adds_no_name(self):
        self._fund(self.wallet, 1)
        self._ask()
        self.assertEqual(self._ask(number=LONDON, campaign="Nurses")["code"], "conflict")
        self.assertFalse(self._hold().campaign)

    def test_whoever_asks_again_without_a_length_asks_for_none_in_particular(self):
        self._fund(self.wallet, 1)
        first = self._ask(expected_seconds=4800)
        self.assertEqual(self._ask(), first)

    def test_the_content_is_compared_with_what_was_asked_for_not_with_what_an_extension_made_of_it(self):
        self._fund(self.wallet, 1)
        first = self._ask()
        self._extend(600)
        again = self._ask()
        self.assertEqual((again["code"], again["hold"]), ("ok", first["hold"]))
        self.assertEqual(self._hold().reserved_seconds, 1200)

    def test_inbound_calls_are_authorised_at_their_own_price(self):
        self._fund(self.wallet, 1)
        # A plan that does not price them leaves them free.
        answer = self._ask("in-1", direction="inbound")
        self.assertEqual((answer["allowed"], answer["rate"]), (True, "0.000000"))
        self.assertHeld("0")
        self.plan.rate_ids = [(0, 0, {"prefix": "", "direction": "inbound", "price_per_minute": "0.03"})]
        answer = self._ask("in-2", direction="inbound")
        self.assertEqual((answer["rate"], answer["max_seconds"]), ("0.030000", 600))
        self.assertHeld("0.3")
        # 61 s: 2 min at 0.03; the hold knows the direction when more is asked for.
        self.assertEqual(self._extend(600, "in-2")["rate"], "0.030000")
        result = self._record(self._call(call_ref="in-2", direction="inbound"))
        self.assertEqual((result["result"], result["total_cost"], result.get("notes")), ("charged", "0.060000", None))
        self._ask("in-3", direction="inbound")
        self.assertTrue(self._record(self._call(call_ref="in-3"))["notes"])
        with self.assertRaisesRegex(UserError, "direction"):
            self._ask("in-4", direction="sideways")

    def test_what_was_released_may_be_asked_for_anew_with_other_content(self):
        self._fund(self.wallet, 1)
        self._ask()
        self._release()
        self.assertEqual(self._ask(number=PARIS)["code"], "ok")

    def test_a_call_that_differs_from_its_hold_is_charged_and_flagged(self):
        self._fund(self.wallet, 1)
        self._ask()
        # 61 s to London: 2 min at 0.0391 and 0.01 for the connection
        result = self._record(self._call(call_ref="c-1", number=LONDON))
        self.assertEqual((result["result"], result["total_cost"]), ("charged", "0.088200"))
        self.assertIn("authorised", result["notes"][0])
        call = self.usage.search([("call_ref", "=", "c-1"), ("wallet_id", "=", self.wallet.id)])
        self.assertTrue(call.notes)
        [entry] = self.env["call.wallet.waiting"].search([("wallet_id", "=", self.wallet.id)])
        self.assertEqual((entry.kind, entry.count), ("noted", 1))
        self.assertEqual(self.usage.search(entry.action_open()["domain"]), call)
        self.assertHeld("0")
