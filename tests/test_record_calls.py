"""Reported calls become charges: prices, repeats, many at once (product S14 to S19)."""

from datetime import timedelta
from decimal import Decimal

from odoo import Command, fields
from odoo.addons.call_wallet.tools.clock import utcnow
from odoo.tests import tagged

from .common import CallWalletCommon


@tagged("post_install", "-at_install", "standard")
class TestPrices(CallWalletCommon):
    """What a call costs, through ``record_calls``."""

    def setUp(self):
        super().setUp()
        self._fund(self.wallet, 100)

    def _cost(self, **overrides):
        result = self._record(self._call(**overrides))
        self.assertEqual(result["result"], "charged", result)
        return result["billed_minutes"], result["total_cost"]

    def test_duration_is_rounded_up_to_whole_minutes(self):
        self.assertEqual(self._cost(duration_seconds=61), ("2.000000", "0.025000"))
        self.assertEqual(self._cost(duration_seconds=60), ("1.000000", "0.012500"))
        self.assertEqual(self._cost(duration_seconds=1), ("1.000000", "0.012500"))
        self.assertEqual(self._cost(duration_seconds=3600), ("60.000000", "0.750000"))

    def test_a_call_of_no_seconds_costs_nothing_and_has_a_ledger_row_of_zero(self):
        call = self._call(duration_seconds=0, number="+442071234567")
        result = self._record(call)
        self.assertEqual((result["billed_minutes"], result["total_cost"]), ("0.000000", "0.000000"))
        row = self.env["call.wallet.transaction"].browse(result["transaction"])
        self.assertEqual((row.type, row.amount, row.balance_after), ("usage", 0, 100))
        self.assertEqual(self._usage_of(call).total_cost, 0)

    def test_a_call_that_did_not_connect_costs_nothing_and_is_still_listed(self):
        for status in ("no_answer", "busy", "failed", "canceled"):
            call = self._call(status=status, duration_seconds=35)
            self.assertEqual(self._record(call)["total_cost"], "0.000000")
            usage = self._usage_of(call)
            self.assertEqual((usage.status, usage.duration_seconds, usage.billed_minutes), (status, 35, 0))
        self.assertBalance(self.wallet, 100)

    def test_the_longest_matching_prefix_wins(self):
        self.assertEqual(self._cost(number="+14155550100", duration_seconds=60)[1], "0.012500")
        self.assertEqual(self._cost(number="+14165550100", duration_seconds=60)[1], "0.010000")

    def test_connection_fee_is_added_to_a_connected_call(self):
        self.assertEqual(self._cost(number="+442071234567", duration_seconds=61), ("2.000000", "0.088200"))

    def test_billing_by_the_second(self):
        self.assertEqual(self._cost(number="+33142685300", duration_seconds=61), ("1.016667", "0.030500"))

    def test_minimum_duration_and_small_increments(self):
        self.assertEqual(self._cost(number="+4930123456", duration_seconds=1), ("0.500000", "0.030000"))
        self.assertEqual(self._cost(number="+4930123456", duration_seconds=31), ("0.600000", "0.036000"))

    def test_free_seconds_come_off_the_duration_before_it_is_rounded_up(self):
        self.assertEqual(self._cost(number="+390612345", duration_seconds=45), ("0.000000", "0.000000"))
        self.assertEqual(self._cost(number="+390612345", duration_seconds=61), ("1.000000", "0.050000"))

    def test_a_first_block_and_the_grace_are_billed_as_contracted(self):
        self._add_20_6()
        # Nothing up to 5 s; then 20, 26, 32 at a cent a second and the fee of 0.05.
        for duration, cost in ((5, "0.000000"), (6, "0.250000"), (21, "0.310000"), (27, "0.370000")):
            self.assertEqual(self._cost(number="+3512345678", duration_seconds=duration)[1], cost)

    def _add_20_6(self):
        self.plan.rate_ids = [
            Command.create(
                {
                    "prefix": "351",
                    "price_per_minute": "0.6",
                    "increment_seconds": 6,
                    "first_block_seconds": 20,
                    "grace_seconds": 5,
                    "connection_fee": "0.05",
                }
            )
        ]

    def test_the_explanation_tells_of_free_seconds_first_block_and_grace(self):
        self._add_20_6()
        for number, duration, expected in (
            ("+3512345678", 21, "21 s billed as 26 s; 26 s × 0.6 / 60 + 0.05 = 0.31 USD"),
            ("+3512345678", 5, "5 s cost nothing, as any call of at most 5 s; 0 min × 0.6 = 0 USD"),
            ("+390612345", 61, "61 s less 60 s free billed as 60 s; 1 min × 0.05 = 0.05 USD"),
        ):
            call = self._call(number=number, duration_seconds=duration)
            self._record(call)
            self.assertIn(expected, self._usage_of(call).explanation)

    def test_a_charge_of_an_earlier_version_still_explains_itself(self):
        call = self._call(number="+390612345", duration_seconds=61)
        self._record(call)
        usage = self._usage_of(call)
        # 61 s were billed as 120 s, of which 60 were free: (120 - 60) / 60 x 0.05.
        self.env.cr.execute(
            "UPDATE call_usage SET billed_seconds = 120, grace_seconds = NULL WHERE id = %s",
            usage.ids,
        )
        self.env.invalidate_all()
        self.assertIn("61 s billed as 120 s; 60 s free; (2 − 1) min × 0.05 = 0.05 USD", usage.explanation)

    def test_a_half_millionth_is_rounded_up(self):
        self.assertEqual(self._cost(number="+81312345678", duration_seconds=30)[1], "0.000001")
        self.assertEqual(self._cost(number="+81312345678", duration_seconds=29)[1], "0.000000")

    def test_whatsapp_costs_two_cents_a_minute_anywhere_by_default(self):
        for number in ("+14155550100", "+819012345678", "+8801712345678"):
            self.assertEqual(
                self._cost(call_type="whatsapp", number=number, duration_seconds=61), ("2.000000", "0.040000")
            )

    def test_the_default_whatsapp_price_is_the_companys(self):
        self.company.call_wallet_whatsapp_rate = "0.03"
        self.assertEqual(self._cost(call_type="whatsapp", duration_seconds=60)[1], "0.030000")

    def test_a_plan_that_prices_whatsapp_overrides_the_default(self):
        self.plan.rate_ids = [(0, 0, {"call_type": "whatsapp", "prefix": "", "price_per_minute": "0.015"})]
        self.assertEqual(self._cost(call_type="whatsapp", number="+819012345678", duration_seconds=60)[1], "0.015000")
        self.assertEqual(self._cost(duration_seconds=60)[1], "0.012500")

    def test_inbound_calls_are_free_unless_the_plan_prices_them(self):
        for call_type in ("live", "whatsapp"):
            self.assertEqual(
                self._cost(direction="inbound", call_type=call_type, number="+8801712345678"),
                ("2.000000", "0.000000"),
            )
        self.plan.rate_ids = [(0, 0, {"direction": "inbound", "prefix": "1", "price_per_minute": "0.005"})]
        self.assertEqual(self._cost(direction="inbound", duration_seconds=60)[1], "0.005000")

    def test_the_rate_in_force_when_the_call_started_applies(self):
        change = fields.Datetime.to_datetime("2026-10-15 00:00:00")
        old = self.plan.rate_ids.filtered(lambda rate: rate.prefix == "1415")
        old.valid_to = change
        old.copy({"valid_from": change, "valid_to": False, "price_per_minute": "0.02"})
        before = self._cost(duration_seconds=60, started_at="2026-10-14T23:59:59Z")
        after = self._cost(duration_seconds=60, started_at="2026-10-15T00:00:00Z")
        in_force_by_the_offset = self._cost(duration_seconds=60, started_at="2026-10-15T01:00:00+02:00")
        self.assertEqual([before[1], after[1], in_force_by_the_offset[1]], ["0.012500", "0.020000", "0.012500"])

    def test_a_changed_price_never_changes_a_charge_already_made(self):
        call = self._call(duration_seconds=60)
        first = self._record(call)
        self.plan.rate_ids.filtered(lambda rate: rate.prefix == "1415").price_per_minute = "0.5"
        again = self._record(call)
        self.assertEqual(again, {**first, "result": "duplicate"})
        usage = self._usage_of(call)
        self.assertEqual((usage.rate, usage.total_cost), (Decimal("0.0125"), Decimal("0.0125")))
        self.assertEqual(self._cost(duration_seconds=60)[1], "0.500000")
        self.assertBalance(self.wallet, Decimal("99.4875"))

    def test_both_call_types_debit_the_same_wallet(self):
        live, whatsapp = self._record(self._call(), self._call(call_type="whatsapp"))
        self.assertEqual(live["balance_after"], "99.975000")
        self.assertEqual(whatsapp["balance_after"], "99.935000")
        self.assertBalance(self.wallet, "99.935")
        self.assertSound(self.wallet)

    def test_a_call_longer_than_the_funds_is_charged_in_full_and_pauses_the_wallet(self):
        wallet = self._make_wallet()
        self._fund(wallet, "0.01")
        result = self._record(self._call(account=wallet.account_ref, duration_seconds=600))
        self.assertEqual((result["result"], result["balance_after"]), ("charged", "-0.115000"))
        self.env.invalidate_all()
        self.assertEqual(wallet.state, "paused")
        self.assertSound(wallet)

    def test_a_call_that_ends_in_the_future_is_charged_and_noted(self):
        """Such as one whose milliseconds were sent for seconds."""
        self._fund(self.wallet, 100)
        began = {"started_at": f"{utcnow() - timedelta(minutes=2):%FT%TZ}"}
        fine, ahead, wrong, failed = self._record(
            self._call(**began, duration_seconds=120),
            self._call(**began, duration_seconds=120 + 15 * 60),  # the clocks may differ by so much
            self._call(**began, duration_seconds=120_000, call_ref="ms"),
            self._call(**began, duration_seconds=120_000, status="failed"),
        )
        [again] = self.usage.record_calls([self._call(**began, duration_seconds=120_000, call_ref="ms")])
        for result in (fine, ahead, failed):
            self.assertNotIn("notes", result)
        # 2000 minutes at 0.0125: who reports it may know better, and can amend it
        self.assertEqual((wrong["result"], wrong["total_cost"]), ("charged", "25.000000"))
        [note] = wrong["notes"]
        self.assertIn("ends in the future", note)
        self.assertEqual(again["result"], "duplicate")
        usage = self.usage.search([("call_ref", "=", "ms")])
        self.assertEqual((usage.note_codes, usage.notes), ("implausible_end", note))
        waiting = self.env["call.wallet.waiting"].search([("wallet_id", "=", self.wallet.id), ("code", "!=", False)])
        self.assertIn("implausible_end", waiting.mapped("code"))

    def test_the_note_of_an_end_in_the_future_goes_by_what_the_call_was_amended_to(self):
        self._fund(self.wallet, 100)
        call = self._call(started_at=f"{utcnow() - timedelta(minutes=2):%FT%TZ}", duration_seconds=120_000)
        [note] = self._record(call)["notes"]
        mended, other = {**call, "duration_seconds": 120}, self._call()
        self._record(other)
        for asked, notes in ((mended, None), (call, [note]), ({**call, "status": "failed"}, None), (call, [note])):
            amended, untouched = self.usage.amend_calls([asked, {**other, "duration_seconds": 30}])
            self.assertEqual((amended["result"], amended.get("notes")), ("corrected", notes))
            self.assertNotIn("notes", untouched)
            self.env.invalidate_all()
            self.assertEqual(self._usage_of(call).note_codes or None, notes and "implausible_end")
        [again] = self.usage.amend_calls([call])
        self.assertEqual((again["result"], again.get("notes")), ("duplicate", None))
        self.usage.void_calls([{"account": call["account"], "call_ref": call["call_ref"], "reason": "A test"}])
        self.env.invalidate_all()
        self.assertFalse(self._usage_of(call).note_codes)
        self.assertSound(self.wallet)

    def test_the_call_is_kept_with_what_it_was_charged_and_why(self):
        call = self._call(number="+442071234567", application_ref="APP-7", campaign="Autumn", manager="Jo Doe")
        self._record(call)
        usage = self._usage_of(call)
        self.assertEqual(usage.matched_prefix, "44")
        self.assertEqual(usage.application_ref, "APP-7")
        self.assertEqual(usage.connection_fee, Decimal("0.01"))
        self.assertIn("0.0391", usage.explanation)
        self.assertIn("0.0882", usage.explanation)
        self.assertEqual(usage.transaction_ids.amount, Decimal("-0.0882"))


@tagged("post_install", "-at_install", "standard")
class TestRepeats(CallWalletCommon):
    """Late, twice, out of order, after deletion."""

    def setUp(self):
        super().setUp()
        self._fund(self.wallet, 100)

    def test_the_same_call_again_is_a_duplicate_with_the_first_result(self):
        call = self._call()
        first = self._record(call)
        self._record(self._call())
        again = self._record(call)
        self.assertEqual(again, {**first, "result": "duplicate"})
        self.assertBalance(self.wallet, "99.95")

    def test_the_same_moment_in_another_time_zone_is_the_same_call(self):
        call = self._call(started_at="2026-10-01T10:00:00Z")
        self._record(call)
        again = self._record({**call, "started_at": "2026-10-01T12:00:00+02:00"})
        self.assertEqual(again["result"], "duplicate")

    def test_the_same_reference_with_other_content_is_a_conflict_and_changes_nothing(self):
        call = self._call()
        self._record(call)
        for field, value in (("duration_seconds", 600), ("number", "+14155550101"), ("manager", "Jo Doe")):
            result = self._record({**call, field: value})
            self.assertEqual(result["result"], "conflict")
            self.assertIn(call["call_ref"], result["reason"])
        self.assertBalance(self.wallet, "99.975")
        self.assertEqual(self._usage_of(call).duration_seconds, 61)

    def test_repeats_within_one_request(self):
        call = self._call()
        results = self._record(call, call, {**call, "duration_seconds": 5}, self._call(), call)
        self.assertEqual(
            [result["result"] for result in results], ["charged", "duplicate", "conflict", "charged", "duplicate"]
        )
        self.assertEqual(results[0]["transaction"], results[1]["transaction"])
        self.assertBalance(self.wallet, "99.95")
        self.assertSound(self.wallet)

    def test_one_reference_in_two_wallets_is_two_calls(self):
        other = self._make_wallet()
        call = self._call()
        results = self._record(call, {**call, "account": other.account_ref})
        self.assertEqual([result["result"] for result in results], ["charged", "charged"])

    def test_a_call_that_was_deleted_and_is_reported_again_is_a_duplicate(self):
        call = self._call()
        first = self._record(call)
        self._usage_of(call).unlink()
        again = self._record(call)
        self.assertEqual(again, {**first, "result": "duplicate"})
        self.assertFalse(self._usage_of(call))
        self.assertBalance(self.wallet, "99.975")

    def test_a_charged_call_stays_a_duplicate_when_its_rate_is_gone(self):
        call = self._call(number="+390612345")
        first = self._record(call)
        self.plan.rate_ids.filtered(lambda rate: rate.prefix == "39").unlink()
        self.assertEqual(self._record(call), {**first, "result": "duplicate"})
        self.assertEqual(self._record({**call, "duration_seconds": 5})["result"], "conflict")

    def test_calls_reported_in_any_order_give_the_same_balance(self):
        calls = [self._call(started_at=self._utc(f"2026-10-{day:02} 10:00:00")) for day in range(1, 9)]
        self._record(*reversed(calls))
        rows = self.wallet.transaction_ids.sorted("sequence")
        self.assertEqual(rows.mapped("sequence"), list(range(1, 10)))
        self.assertEqual(rows[-1].balance_after, Decimal("99.8"))
        self.assertSound(self.wallet)


@tagged("post_install", "-at_install", "standard")
class TestManyCalls(CallWalletCommon):
    def test_ten_thousand_calls_of_many_wallets_in_one_request(self):
        wallets = [self._make_wallet() for _ in range(5)]
        for wallet in wallets:
            self._fund(wallet, 100)
        calls = [self._call(account=wallets[i % 5].account_ref, duration_seconds=i % 200) for i in range(10_000)]
        results = self.usage.record_calls(calls)
        self.assertEqual({result["result"] for result in results}, {"charged"})
        for wallet in wallets:
            self.env.invalidate_all()
            mine = [
                Decimal(r["total_cost"])
                for r, call in zip(results, calls, strict=True)
                if call["account"] == wallet.account_ref
            ]
            self.assertEqual(wallet.balance, 100 - sum(mine))
        self.assertSound(self.env["call.wallet"].union(*wallets))

    def test_daily_totals_follow_the_wallets_time_zone(self):
        wallet = self._make_wallet(tz="Pacific/Kiritimati")
        self._record(self._call(account=wallet.account_ref))
        [row] = self.env["call.wallet.day"].search([("wallet_id", "=", wallet.id)])
        self.assertEqual(row.day, (fields.Datetime.now() + timedelta(hours=14)).date())
        self.assertEqual((row.transactions, row.amount, row.call_type), (1, Decimal("-0.025"), "live"))
