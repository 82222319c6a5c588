"""Re-rating and people: what they refunded stands, and who may do what."""

from datetime import timedelta
from decimal import Decimal

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from .rerate_case import DAY, RerateCase


@tagged("post_install", "-at_install")
class TestReratePeople(RerateCase):
    # === REFUNDS OF PEOPLE === #

    def test_a_refund_by_hand_stands_and_limits_what_comes_back(self):
        call = self._call()
        self._record(call)
        usage = self._usage_of(call)
        self.wallet.refund("0.015", "Bad line", usage=usage)
        self._set_price("0.001")

        rerate = self._preview()
        self.assertEqual(rerate.line_ids.refunded, Decimal("0.015"))
        self._post(rerate)

        self.assertEqual(self._corrections(usage).amount, Decimal("0.01"), "the rest of what it cost")
        self.assertBalance(self.wallet, "100")
        again = self._preview()
        self.assertEqual(again.line_ids.state, "left_alone")
        self.assertFalse(again.change_count)

    def test_a_refund_by_hand_since_the_preview_is_not_overlooked(self):
        call = self._call()
        self._record(call)
        self._set_price("0.001")
        rerate = self._preview()
        self.wallet.refund("0.025", "Bad line", usage=self._usage_of(call))

        self._post(rerate)

        self.assertEqual(rerate.line_ids.state, "refused")
        self.assertBalance(self.wallet, "100")

    def test_nobody_is_refunded_more_than_the_call_cost_corrections_included(self):
        call = self._call()
        self._record(call)
        usage = self._usage_of(call)
        self._set_price("0.01")
        self._post(self._preview())

        with self.assertRaisesRegex(UserError, r"0\.020000"):
            self.wallet.refund("0.025", "All of it", usage=usage)
        self.wallet.refund("0.02", "All of it", usage=usage)
        self.assertBalance(self.wallet, "100")

    def test_a_call_charged_more_later_can_be_refunded_in_full(self):
        call = self._call()
        self._record(call)
        usage = self._usage_of(call)
        self._set_price("0.02")
        self._post(self._preview())

        self.wallet.refund("0.04", "All of it", usage=usage)
        self.assertBalance(self.wallet, "100")

    # === PEOPLE === #

    def test_finance_previews_and_only_a_finance_manager_posts(self):
        self._record(self._call())
        self._set_price("0.01")
        rerate = self._preview()

        with self.assertRaises(AccessError):
            rerate.with_user(self.finance).action_post()
        clerk = self._make_user("rerate.clerk", "account_manager")
        with self.assertRaises(AccessError):
            rerate.with_user(clerk).action_preview()

        self._post(rerate)
        self.assertEqual(rerate.posted_by_id, self.manager)

    def test_the_status_is_not_typed_in_and_the_scope_is_fixed_once_compared(self):
        self._record(self._call())
        rerate = self._preview()
        for values in ({"state": "posted"}, {"date_to": DAY + timedelta(days=9)}):
            with self.assertRaises(UserError):
                rerate.write(values)
        with self.assertRaises(UserError):
            self._make_rerate(state="previewed")

    def test_a_posted_one_is_kept_and_a_discarded_one_cannot_be_posted(self):
        self._record(self._call())
        self._set_price("0.01")
        posted, discarded = self._preview(), self._preview()
        self._post(posted)
        discarded.action_discard()

        with self.assertRaises(UserError):
            posted.unlink()
        with self.assertRaises(UserError):
            posted.action_discard()
        with self.assertRaises(UserError):
            discarded.with_user(self.manager).action_post()
        discarded.unlink()

    def test_a_draft_without_wallets_says_what_to_choose(self):
        with self.assertRaisesRegex(UserError, "Wallets"):
            self._make_rerate(rate_plan_id=False).action_preview()

    def test_the_form_makes_a_re_rating(self):
        with Form(self.env["call.usage.rerate"].with_user(self.finance)) as form:
            form.reason = "Typing error"
            form.rate_plan_id = self.plan
            form.date_from = DAY
            form.date_to = DAY + timedelta(days=1)
        self.assertTrue(form.record.name.startswith("RR"))
