"""Re-rating: a wrong price is shown as differences first, then corrected by new transactions."""

from datetime import timedelta
from decimal import Decimal

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged

from .rerate_case import DAY, RerateCase


@tagged("post_install", "-at_install")
class TestRerate(RerateCase):
    # === PREVIEW === #

    def test_the_preview_shows_old_and_new_price_and_cost_and_moves_no_money(self):
        call = self._call()
        self._record(call)
        self._set_price("0.01")

        rerate = self._preview()

        line = rerate.line_ids
        self.assertEqual(line.usage_id, self._usage_of(call))
        self.assertEqual((line.old_price, line.new_price), (Decimal("0.0125"), Decimal("0.01")))
        self.assertEqual((line.old_cost, line.new_cost), (self.OLD_COST, Decimal("0.02")))
        self.assertEqual(line.difference, Decimal("-0.005"))
        self.assertEqual(line.state, "change")
        self.assertBalance(self.wallet, "99.975")

    def test_the_preview_adds_up_each_wallet(self):
        other = self._make_wallet()
        self._fund(other, "5")
        self._record(self._call(), self._call(number="+33155550100"), self._call(account=other.account_ref))
        self._set_price("0.02")

        rerate = self._preview()

        ours = rerate.scope_ids.filtered(lambda scope: scope.wallet_id == self.wallet)
        self.assertEqual((ours.calls, ours.changes, ours.no_rate), (2, 1, 0))
        self.assertEqual((ours.to_charge, ours.to_refund), (Decimal("0.015"), 0))
        self.assertEqual(ours.new_cost - ours.old_cost, Decimal("0.015"))
        self.assertEqual(ours.balance_after, ours.balance - Decimal("0.015"))
        self.assertEqual(rerate.change_count, 2)

    def test_only_calls_of_the_period_type_and_wallets_are_compared(self):
        other = self._make_wallet()
        self._fund(other, "5")
        inside = self._call(started_at="2026-10-01T00:00:00Z")
        self._record(
            inside,
            self._call(started_at="2026-09-30T23:59:59Z"),
            self._call(started_at="2026-10-02T00:00:00Z"),
            self._call(call_type="whatsapp"),
            self._call(account=other.account_ref),
        )
        self._set_price("0.02")

        rerate = self._preview(rate_plan_id=False, wallet_ids=[Command.set(self.wallet.ids)], call_type="live")

        self.assertEqual(rerate.line_ids.usage_id, self._usage_of(inside))
        self.assertEqual(rerate.scope_ids.calls, 1)

    def test_the_price_in_force_when_the_call_started_applies(self):
        early, late = self._call(started_at="2026-10-01T09:59:59Z"), self._call(started_at="2026-10-01T10:00:00Z")
        self._record(early, late)
        old = self.plan.rate_ids.filtered(lambda rate: rate.prefix == "1415")
        old.valid_to = DAY.replace(hour=10)
        old.copy({"price_per_minute": "0.01", "valid_from": DAY.replace(hour=10), "valid_to": False})

        rerate = self._preview()

        self.assertEqual(rerate.line_ids.usage_id, self._usage_of(late))

    def test_calls_without_a_rate_today_are_listed_and_left_alone(self):
        call = self._call()
        self._record(call)
        self.plan.rate_ids.filtered(lambda rate: rate.prefix in ("1", "1415")).unlink()

        rerate = self._preview()
        self._post(rerate)

        self.assertEqual(rerate.line_ids.state, "no_rate")
        self.assertEqual(rerate.scope_ids.filtered("no_rate").wallet_id, self.wallet)
        self.assertFalse(self._corrections(self._usage_of(call)))
        self.assertBalance(self.wallet, "99.975")

    def test_a_call_that_did_not_connect_has_no_difference(self):
        self._record(self._call(status="busy"))
        self._set_price("5", connection_fee="1")

        self.assertFalse(self._preview().line_ids)

    def test_previewing_again_follows_the_prices(self):
        self._record(self._call())
        self._set_price("0.01")
        rerate = self._preview()
        self._set_price("0.0125")

        rerate.action_preview()

        self.assertFalse(rerate.line_ids)
        self.assertEqual(rerate.scope_ids.filtered(lambda s: s.wallet_id == self.wallet).calls, 1)

    # === POSTING === #

    def test_too_much_charged_comes_back_as_a_refund_of_the_call(self):
        call = self._call(campaign="Autumn")
        self._record(call)
        usage = self._usage_of(call)
        charge = usage.transaction_ids
        before = charge.read()
        self._set_price("0.01")

        rerate = self._preview()
        self._post(rerate)

        correction = self._corrections(usage)
        self.assertEqual((correction.type, correction.amount), ("refund", Decimal("0.005")))
        self.assertIn("Wrong price", correction.description)
        self.assertIn(rerate.name, correction.description)
        self.assertTrue(correction.is_call)
        self.assertEqual(charge.read(), before, "the charge itself was touched")
        self.assertEqual(usage.total_cost, self.OLD_COST, "the call itself was touched")
        self.assertBalance(self.wallet, "99.98")
        self.assertSound()

    def test_too_little_charged_is_taken_as_further_usage_of_the_campaign(self):
        call = self._call(campaign="Autumn")
        self._record(call)
        usage = self._usage_of(call)
        self._set_price("0.02")

        self._post(self._preview())

        correction = self._corrections(usage)
        self.assertEqual((correction.type, correction.amount), ("usage", Decimal("-0.015")))
        days = self.env["call.wallet.day"].search(
            [("wallet_id", "=", self.wallet.id), ("type", "=", "usage"), ("campaign_id", "=", usage.campaign_id.id)]
        )
        self.assertEqual(sum(days.mapped("amount")), Decimal("-0.04"))
        self.assertEqual(sum(days.mapped("billed_minutes")), 2)
        self.assertBalance(self.wallet, "99.96")
        self.assertSound()

    def test_another_increment_corrects_the_billed_minutes_too(self):
        call = self._call(number="+44155550100")
        self._record(call)
        self._set_price("0.06", prefix="44", increment_seconds=1)

        self._post(self._preview())

        usage = self._usage_of(call)
        self.assertEqual(sum(usage.transaction_ids.mapped("billed_minutes")), Decimal("1.016667"))
        self.assertEqual(-sum(usage.transaction_ids.mapped("amount")), Decimal("0.071000"))

    def test_posting_twice_changes_nothing_more(self):
        self._record(self._call())
        self._set_price("0.01")
        rerate = self._preview()
        self._post(rerate)

        with self.assertRaises(UserError):
            rerate.with_user(self.manager).action_post()
        self.assertFalse(self._preview().line_ids, "the call costs what it should")
        self.assertBalance(self.wallet, "99.98")

    def test_what_is_posted_is_what_was_shown_whatever_the_price_is_by_then(self):
        call = self._call()
        self._record(call)
        self._set_price("0.01")
        rerate = self._preview()
        self._set_price("0.001")

        self._post(rerate)

        self.assertEqual(self._corrections(self._usage_of(call)).amount, Decimal("0.005"))
        # The next one corrects the rest.
        second = self._preview()
        self.assertEqual(second.line_ids.old_price, Decimal("0.01"))
        self._post(second)
        self.assertBalance(self.wallet, "99.998")
        self.assertSound()

    def test_a_preview_that_another_re_rating_overtook_is_refused_call_by_call(self):
        first_call, second_call = self._call(), self._call(started_at="2026-10-01T11:00:00Z")
        self._record(first_call, second_call)
        self._set_price("0.01")
        slow = self._preview()
        self._post(self._preview(date_to=DAY.replace(hour=10, minute=30)))

        self._post(slow)

        refused = slow.line_ids.filtered(lambda line: line.state == "refused")
        self.assertEqual(refused.usage_id, self._usage_of(first_call))
        self.assertIn("corrected since the preview", refused.note)
        self.assertEqual(slow.posted_count, 1)
        self.assertBalance(self.wallet, "99.96")
        self.assertSound()

    def test_a_call_deleted_since_the_preview_is_refused(self):
        call = self._call()
        self._record(call)
        self._set_price("0.01")
        rerate = self._preview()
        self._usage_of(call).with_user(self.manager).unlink()

        self._post(rerate)

        self.assertEqual(rerate.line_ids.state, "refused")
        self.assertIn("deleted", rerate.line_ids.note)
        self.assertBalance(self.wallet, "99.975")

    def test_calls_can_be_left_alone_by_choice(self):
        spared, corrected = self._call(), self._call()
        self._record(spared, corrected)
        self._set_price("0.01")
        rerate = self._preview()
        line = rerate.line_ids.filtered(lambda line: line.usage_id == self._usage_of(spared))
        line.action_leave_alone()
        self.assertEqual(rerate.scope_ids.filtered("changes").to_refund, Decimal("0.005"))

        self._post(rerate)

        self.assertFalse(self._corrections(self._usage_of(spared)))
        self.assertTrue(self._corrections(self._usage_of(corrected)))
        with self.assertRaises(UserError):
            line.action_correct()

    def test_a_correction_below_zero_is_recorded_and_pauses_the_wallet(self):
        poor = self._make_wallet()
        self._fund(poor, "0.03")
        self._record(self._call(account=poor.account_ref))
        self._set_price("1")

        rerate = self._preview()
        self.assertLess(rerate.scope_ids.filtered(lambda s: s.wallet_id == poor).balance_after, 0)
        self._post(rerate)

        self.assertBalance(poor, "-1.97")
        self.assertEqual(poor.state, "paused")

    # === TOLD === #

    def _told(self):
        """Read what the platform has not read yet of corrected calls."""
        events = self.env["call.wallet"].with_user(self.platform).list_events(after=self.after, limit=10_000)
        self.after = events[-1]["event"] if events else self.after
        return [event["data"] for event in events if event["type"] == "call.corrected"]

    def test_the_platform_is_told_of_each_call_that_changed_and_of_no_other(self):
        self.platform, self.after = self._make_user("rerate.platform", "platform"), None
        refunded, dearer, same = self._call(), self._call(number="+442071234567"), self._call(number="+33155550100")
        self._record(refunded, dearer, same)
        self._told()
        self.wallet.refund("0.02", "Bad line", usage=self._usage_of(refunded).id)
        self._set_price("0.005")
        self._set_price("0.05", prefix="44")
        rerate = self._preview()
        self.assertEqual(self._told(), [], "A preview changes nothing")
        self._post(rerate)
        first, second = self._told()
        names = ("account", "call_ref", "kind", "old_cost", "total_cost", "billed_minutes", "difference")
        # 2 minutes at 0.005 are 0.01 instead of 0.025; but 0.02 were refunded by hand, so 0.005 are left to give back.
        self.assertEqual(
            [first[name] for name in names],
            [self.wallet.account_ref, refunded["call_ref"], "rerate", "0.025000", "0.020000", "2.000000", "-0.005000"],
        )
        # 2 minutes at 0.05 and the fee of 0.01 are 0.11, instead of 2 at 0.0391 and the fee, 0.0882.
        self.assertEqual(
            [second[name] for name in names],
            [self.wallet.account_ref, dearer["call_ref"], "rerate", "0.088200", "0.110000", "2.000000", "0.021800"],
        )
        self.assertEqual(second["transaction"], self._corrections(self._usage_of(dearer)).id)
        # As the calls stand when they are asked for; 100 - 0.025 - 0.0882 - 61 s at 0.03 a minute + 0.02 - 0.0168
        for call, told in ((refunded, first), (dearer, second)):
            [stands] = self.usage.get_calls(call["account"], [call["call_ref"]])
            [step] = stands["corrections"]
            self.assertEqual(
                [step[name] for name in ("kind", "old_cost", "total_cost", "difference", "transaction")],
                [told[name] for name in ("kind", "old_cost", "total_cost", "difference", "transaction")],
            )
            self.assertEqual(stands["billed_minutes"], told["billed_minutes"])
        self.assertEqual(second["balance"], "99.859500")
        self._post_again(rerate)
        self.assertEqual(self._told(), [])

    def _post_again(self, rerate):
        with self.assertRaises(UserError):
            rerate.with_user(self.manager).action_post()

    def test_telling_of_many_costs_no_more_queries_than_of_one(self):
        other = self._make_wallet()
        counts = []
        for many in (1, 150):
            calls = [self._call(account=(self.wallet, other)[n % 2].account_ref) for n in range(many * 2)]
            self._record(*calls)
            self._set_price("0.02" if many == 1 else "0.03")
            rerate = self._preview(rate_plan_id=False, wallet_ids=[Command.set((self.wallet | other).ids)])
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self._post(rerate)
            counts.append(self.env.cr.sql_log_count - before)
        self.assertLess(counts[1] - counts[0], 20, counts)

    # === MANY === #

    def test_five_thousand_calls_in_batches_are_each_corrected_once(self):
        wallets = [self._make_wallet() for _number in range(3)]
        calls = [
            self._call(
                account=wallets[n % 3].account_ref,
                started_at=(DAY + timedelta(seconds=n // 7)).isoformat() + "Z",
            )
            for n in range(5_000)
        ]
        self._record(*calls)
        self._set_price("0.02")

        rerate = self._preview(rate_plan_id=False, wallet_ids=[Command.set([wallet.id for wallet in wallets])])
        self.assertEqual(rerate.change_count, 5_000)
        self.assertEqual((rerate.done_count, rerate.total_count), (5_000, 5_000))
        self._post(rerate)

        self.assertEqual(rerate.posted_count, 5_000)
        self.assertEqual(rerate.progress, 100)
        self.env.cr.execute(
            "SELECT count(*), count(DISTINCT data->>'call_ref') FROM call_wallet_event"
            " WHERE type = 'call.corrected' AND wallet_id = ANY(%s)",
            [[wallet.id for wallet in wallets]],
        )
        self.assertEqual(self.env.cr.fetchone(), (5_000, 5_000))
        self.env.invalidate_all()
        self.assertEqual(sum(wallet.balance for wallet in wallets), -5_000 * Decimal("0.04"))
        self.assertSound([wallet.id for wallet in wallets])
