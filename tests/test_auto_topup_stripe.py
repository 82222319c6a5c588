"""Automatic top-up through Stripe, over HTTP, against the fake."""

from datetime import timedelta

from odoo.addons.call_wallet.tools.clock import recorded_at, utcnow
from odoo.tests import tagged

from .stripe_case import StripeFakeCase


@tagged("post_install", "-at_install", "standard")
class TestAutoTopupStripe(StripeFakeCase):
    """A wallet with 5 dollars, a level of 20, and a card that is to be charged with 50."""

    def _run(self, card="pm_card_visa", later=None):
        if card:
            token = self._save_card(card)
            self._fund(self.wallet, "5")
            self.wallet.set_auto_topup(
                True, level="20", amount="50", monthly_cap="200", token_id=token.id, accept_mandate=True
            )
        with recorded_at(utcnow() + (later or timedelta())):
            self.env["call.wallet"]._cron_auto_topup()
        self.env.invalidate_all()
        return self.wallet.auto_topup_ids.filtered("topup_id")

    def _intents(self):
        return self.fake.store.find("payment_intent")

    def test_the_card_is_charged_and_the_wallet_credited(self):
        attempt = self._run()
        self.assertEqual(attempt.state, "done")
        self.assertBalance(self.wallet, 55)
        [intent] = self._intents()
        self.assertEqual((intent["amount"], intent["status"]), (5000, "succeeded"))
        self.assertTrue(attempt.transaction_id.call_wallet_receipt_url)

    def test_insufficient_funds_are_tried_again_later(self):
        attempt = self._run("pm_card_visa_chargeDeclinedInsufficientFunds")
        self.assertEqual((attempt.reason, attempt.decline_code), ("decline", "insufficient_funds"))
        self.assertEqual((self.wallet.auto_topup_state, self.wallet.auto_topup_declines), ("on", 1))

    def test_a_lost_card_and_a_bank_that_asks_for_its_customer_stop_it(self):
        for card, reason in (
            ("pm_card_visa_chargeDeclinedLostCard", "hard_decline"),
            ("pm_card_authenticationRequired", "authentication"),
        ):
            attempt = self._run(card)[:1]
            self.assertEqual((attempt.state, attempt.reason), ("failed", reason))
            self.assertEqual((self.wallet.auto_topup_state, self.wallet.auto_topup_reason), ("suspended", reason))
            self.assertTrue(attempt.has_open_invoice)

    def test_a_lost_answer_is_asked_for_again_and_charges_once(self):
        self.fake.control.next("drop", "/payment_intents", times=3)
        attempt = self._run()
        self.assertEqual((attempt.state, attempt.tries), ("charging", 1))
        self.assertBalance(self.wallet, 5)
        self.assertEqual(self._run(card=None, later=timedelta(minutes=2)).state, "done")
        self.assertBalance(self.wallet, 55)
        self.assertEqual(len(self._intents()), 1)
        self.assertEqual(self.wallet.auto_topup_declines, 0)

    def test_wrong_keys_are_no_decline_and_the_payment_is_made_when_they_are_right(self):
        self._run_with_wrong_keys()
        attempt = self._run(card=None, later=timedelta(minutes=31))
        self.assertEqual((attempt.state, attempt.reason), ("charging", "not_taken"))
        self.assertIn("API Key", attempt.message)
        self.assertIn("asked again", attempt.sentence)
        self.assertEqual((self.wallet.auto_topup_state, self.wallet.auto_topup_declines), ("on", 0))
        self.assertEqual(len(self.wallet.activity_ids.filtered(lambda task: "refuses" in task.summary)), 1)
        self.assertFalse(self.env["call.wallet.alert"].search([("wallet_id", "=", self.wallet.id)]))
        self.stripe.stripe_secret_key = "sk_test_1"
        attempt = self._run(card=None, later=timedelta(minutes=62))
        self.assertEqual((attempt.state, attempt.reason), ("done", False))
        self.assertBalance(self.wallet, 55)
        self.assertEqual(len(self._intents()), 1)

    def test_what_was_switched_off_meanwhile_is_not_charged_once_the_keys_are_right(self):
        self._run_with_wrong_keys()
        self.wallet.set_auto_topup(False)
        self.stripe.stripe_secret_key = "sk_test_1"
        attempt = self._run(card=None, later=timedelta(minutes=31))
        self.assertEqual((attempt.state, attempt.reason), ("cancelled", "stopped"))
        self.assertFalse(self._intents())

    def test_after_a_lost_answer_wrong_keys_do_not_say_that_nothing_was_charged(self):
        self.fake.control.next("drop", "/payment_intents", times=3)
        self._run()
        self.stripe.stripe_secret_key = "wrong"
        attempt = self._run(card=None, later=timedelta(minutes=2))
        self.assertEqual((attempt.state, attempt.reason, attempt.tries), ("charging", False, 2))
        self.wallet.set_auto_topup(False)
        self.stripe.stripe_secret_key = "sk_test_1"
        self.assertEqual(self._run(card=None, later=timedelta(minutes=9)).state, "done")
        self.assertBalance(self.wallet, 55)
        self.assertEqual(len(self._intents()), 1)

    def test_keys_that_stay_wrong_for_a_day_switch_it_off(self):
        self._run_with_wrong_keys()
        attempt = self._run(card=None, later=timedelta(hours=24))
        self.assertEqual((attempt.state, attempt.transaction_id.state), ("failed", "error"))
        self.assertEqual((self.wallet.auto_topup_state, self.wallet.auto_topup_reason), ("suspended", "not_taken"))

    def _run_with_wrong_keys(self):
        token = self._save_card()
        self.stripe.stripe_secret_key = "wrong"
        self._fund(self.wallet, "5")
        self.wallet.set_auto_topup(
            True, level="20", amount="50", monthly_cap="200", token_id=token.id, accept_mandate=True
        )
        self._run(card=None)
