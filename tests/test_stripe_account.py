"""Requests that Stripe refuses for the account's or the key's sake: nothing is half done, and it may be tried again."""

from datetime import timedelta

from odoo.addons.call_wallet.tools.clock import recorded_at, utcnow
from odoo.tools import mute_logger

from .stripe_case import StripeFakeCase

TRANSACTION = "odoo.addons.call_wallet.models.stripe.payment_transaction"
EVENT = "odoo.addons.call_wallet.models.stripe.call_wallet_stripe_event"
CHARGE = "odoo.addons.call_wallet.models.auto_topup.call_wallet_auto_topup_charge"
DOOR = "odoo.addons.call_wallet.tools.door"

# What no customer needs to read.
TECHNICAL = ("key", "API", "sk_", "rk_", "permission", "http", "request", "account cannot")


class RefusedCase(StripeFakeCase):
    def _waiting(self, model="payment.provider"):
        """What finance's list has about Stripe: (reason, next step) by entry."""
        self.env.flush_all()
        entries = self.env["call.wallet.waiting"].search([("kind", "=", "failure"), ("model", "=", model)])
        return [(entry.reason, entry.next_step) for entry in entries]


class TestStripeRefusesTheAccount(RefusedCase):
    def _refuse(self, **state):
        for name, value in state.items():
            setattr(self.fake.refusals, name, value)

    def _charge_quietly(self, topup, token):
        with mute_logger(TRANSACTION):
            return self._charge(topup, token)

    def _assert_refused_then_paid(self, next_step, **state):
        """A saved card and Stripe's page are refused; told in words; mended, the same top-up is paid."""
        topup, token = self.wallet.create_topup("100"), self._save_card()
        self._refuse(**state)
        refused = self._charge_quietly(topup, token)
        with mute_logger(TRANSACTION):
            page, session = self._pay_by_page(topup)
        for payment in (refused, page):
            self.assertEqual(payment.state, "error")
            self.assertIn("Nothing was charged", payment.state_message)
            for word in TECHNICAL:
                self.assertNotIn(word, payment.state_message)
        self.assertFalse(session)
        self.assertBalance(self.wallet, 0)
        [(_reason, told)] = self._waiting()
        self.assertIn(next_step, told)
        self.fake.refusals.clear()
        self.assertEqual(self._charge(topup, token).state, "done")
        self.assertBalance(self.wallet, 100)
        self.assertEqual(self._waiting(), [])
        self.assertEqual(len(self.fake.store.find("charge")), 1)
        self.assertSound(self.wallet)

    def test_a_revoked_key(self):
        self._assert_refused_then_paid("enter a new secret key", key="revoked")

    def test_an_expired_key(self):
        self._assert_refused_then_paid("enter a new secret key", key="expired")

    def test_a_restricted_key_without_the_permission(self):
        self._assert_refused_then_paid("give it the permission", denied=("/payment_intents", "/checkout/sessions"))

    def test_a_closed_account(self):
        self._assert_refused_then_paid("closed, restricted or not activated", closed=True)

    def test_an_account_that_makes_no_live_charges(self):
        self._assert_refused_then_paid("closed, restricted or not activated", cannot_charge=True)

    def test_too_many_requests_leave_the_payment_open_and_the_comparison_ends_it(self):
        topup, token = self.wallet.create_topup("100"), self._save_card()
        self._refuse(busy=1)
        payment = self._charge_quietly(topup, token)
        self.assertEqual((payment.state, payment.call_wallet_unanswered), ("pending", True))
        payment.last_state_change = "2020-01-01"
        self.env["call.wallet.stripe.event"]._cron_sweep()
        self.assertEqual(payment.state, "error")
        self.assertIn("Nothing was charged", payment.state_message)
        self.assertEqual(self._charge(topup, token).state, "done")
        self.assertBalance(self.wallet, 100)

    def test_a_page_while_stripe_is_busy_can_be_opened_a_minute_later(self):
        topup = self.wallet.create_topup("100")
        self._refuse(busy=1)
        payment, session = self._pay_by_page(topup)
        self.assertEqual((payment.state, session), ("error", ""))
        self.assertIn("try again in a minute", payment.state_message)
        self.assertEqual(self._waiting(), [])
        _payment, session = self._pay_by_page(topup)
        self.assertTrue(session)

    def test_the_same_request_under_way_is_neither_a_refusal_nor_charged_twice(self):
        topup, token = self.wallet.create_topup("100"), self._save_card()
        self._refuse(in_progress=3)  # the library asks three times
        payment = self._charge_quietly(topup, token)
        self.assertEqual((payment.state, payment.call_wallet_unanswered), ("pending", True))
        self.assertEqual(self._waiting(), [])

    def test_automatic_topup_waits_as_long_as_stripe_asks(self):
        token = self._save_card()
        self._fund(self.wallet, "5")
        self.wallet.set_auto_topup(
            True, level="20", amount="50", monthly_cap="200", token_id=token.id, accept_mandate=True
        )
        self._refuse(busy=1, retry_after=600)
        before = utcnow()
        self.env["call.wallet"]._cron_auto_topup()
        [attempt] = self.wallet.auto_topup_ids.filtered("topup_id")
        self.assertGreaterEqual(attempt.next_at, before + timedelta(seconds=600))
        self.assertEqual(attempt.state, "charging")
        with recorded_at(utcnow() + timedelta(minutes=11)):
            self.env["call.wallet"]._cron_auto_topup()
        self.assertEqual(attempt.state, "done")
        self.assertBalance(self.wallet, 55)
        self.assertEqual(len(self.fake.store.find("charge")), 1)

    def test_automatic_topup_with_a_revoked_key_is_told_and_made_up_for(self):
        token = self._save_card()
        self._fund(self.wallet, "5")
        self.wallet.set_auto_topup(
            True, level="20", amount="50", monthly_cap="200", token_id=token.id, accept_mandate=True
        )
        self._refuse(key="revoked")
        with mute_logger(TRANSACTION):
            self.env["call.wallet"]._cron_auto_topup()
        [(_reason, told)] = self._waiting()
        self.assertIn("enter a new secret key", told)
        self.fake.refusals.clear()
        with recorded_at(utcnow() + timedelta(minutes=31)):
            self.env["call.wallet"]._cron_auto_topup()
        self.assertBalance(self.wallet, 55)
        self.assertEqual(self._waiting(), [])


class TestStripeRenewedCard(StripeFakeCase):
    def test_the_consent_is_shown_for_a_card_that_the_bank_has_renewed(self):
        """The stand-in's card is good until 12/2034."""
        token = self._save_card(call_wallet_expires_on="2020-01-31")
        text = self.wallet.auto_topup_mandate("20", "50", "200", token.id)
        self.assertIn("200.00", text)
        self.assertEqual(str(token.call_wallet_expires_on), "2034-12-31")


class TestStripeKeepsFailing(RefusedCase):
    """Finance is told of what goes on failing, and no more once it works."""

    def _sweep(self):
        with mute_logger(EVENT, f"{EVENT}_sweep", DOOR):
            self.env["call.wallet.stripe.event"]._cron_sweep()

    def test_a_comparison_that_a_key_prevents_is_told_at_once(self):
        self.stripe.call_wallet_swept_at = utcnow()
        self.fake.refusals.key = "revoked"
        self._sweep()
        [(_reason, told)] = self._waiting()
        self.assertIn("enter a new secret key", told)
        self.fake.refusals.clear()
        self._sweep()
        self.assertEqual(self._waiting(), [])

    def test_a_comparison_without_an_answer_is_told_after_a_day(self):
        for hours, told in ((2, 0), (25, 1)):
            self.stripe.call_wallet_swept_at = utcnow() - timedelta(hours=hours)
            self.fake.control.next("fail", "/events", times=3)
            self._sweep()
            self.assertEqual(len(self._waiting()), told)
        self._sweep()
        self.assertEqual(self._waiting(), [])

    def test_an_account_that_is_switched_off_is_not_told_of_any_more(self):
        self.fake.refusals.key = "revoked"
        self._sweep()
        self.assertEqual(len(self._waiting()), 1)
        self.stripe.state = "disabled"
        self._sweep()
        self.assertEqual(self._waiting(), [])

    def _failing_event(self, times):
        """A dispute's message that cannot be entered, because Stripe does not let its dispute be read."""
        _topup, _transaction, charge = self._charged()
        self.fake.money_back.withdraw(self.fake.money_back.open_dispute(charge["id"])["id"])
        dispute = self.fake.store.find("dispute")[0]["id"]
        self.fake.refusals.denied = (f"/disputes/{dispute}",)
        [message] = self._events("charge.dispute.funds_withdrawn")
        inbox = self.env["call.wallet.stripe.event"]
        event = inbox._receive(self.stripe, message)
        with mute_logger(EVENT, f"{EVENT}_sweep"):
            for _time in range(times):
                inbox._cron_process()
        return event

    def test_a_message_that_fails_three_times_is_told_and_goes_when_it_works(self):
        event = self._failing_event(2)
        self.assertEqual(self._waiting("call.wallet.stripe.event"), [])
        with mute_logger(EVENT, f"{EVENT}_sweep"):
            event._cron_process()
        [(_reason, told)] = self._waiting("call.wallet.stripe.event")
        self.assertIn("give it the permission", told)
        self.fake.refusals.clear()
        event._cron_process()
        self.assertEqual((event.state, self._waiting("call.wallet.stripe.event")), ("done", []))
        self.assertBalance(self.wallet, 0)

    def test_a_finance_manager_has_a_message_processed_again(self):
        event = self._failing_event(3)
        self.fake.refusals.clear()
        event.with_user(self._make_user("manager", "finance_manager")).action_retry()
        self.assertEqual((event.state, self._waiting("call.wallet.stripe.event")), ("done", []))
        self.assertBalance(self.wallet, 0)

    def test_a_message_is_never_given_up(self):
        """After 30 failures it is tried every six hours; weeks later, once it is mended, it is entered."""
        event = self._failing_event(30)
        self.assertEqual((event.state, event.attempts), ("failed", 30))
        self.fake.refusals.clear()
        event._cron_process()
        self.assertEqual(event.state, "failed")  # a minute later it rests
        event.processed_at = utcnow() - timedelta(days=20)
        event._cron_process()
        self.assertEqual(event.state, "done")
        self.assertBalance(self.wallet, 0)

    def test_a_payment_that_cannot_be_entered_keeps_no_other_from_being_given_up(self):
        """One payment's books are locked away; another one, which never reached Stripe, is given up all the same."""
        paid, token = self.wallet.create_topup("100"), self._save_card()
        self.fake.control.next("drop", "/payment_intents", times=3)
        stuck = self._charge(paid, token)
        self.fake.control.next("fail", "/payment_intents", times=3)
        lost = self._charge(self.wallet.create_topup("50"), token)
        (stuck | lost).last_state_change = "2020-01-01"
        # A payment that went through at Stripe, and whose top-up's journal has no account to enter it.
        lines = self.stripe.journal_id.inbound_payment_method_line_ids
        account = self.env["account.account"].create(
            {"name": "Stripe", "code": "STRX", "account_type": "asset_current", "reconcile": True}
        )
        lines.filtered(lambda line: line.payment_provider_id == self.stripe).payment_account_id = account
        account.active = False
        self._sweep()
        self.assertEqual((stuck.state, lost.state), ("pending", "error"))
        account.active = True
        with mute_logger(EVENT, f"{EVENT}_sweep"):
            self.env["call.wallet.stripe.event"]._cron_process()
        self.assertEqual(stuck.state, "done")
        self.assertBalance(self.wallet, 100)


class TestAnotherAccount(RefusedCase):
    """The key of another account is entered, or that of the other mode: what was under way is not known there."""

    def _sweep(self, hours=0):
        with recorded_at(utcnow() + timedelta(hours=hours)):
            self.env["call.wallet.stripe.event"]._cron_sweep()
        self.env.invalidate_all()

    def _change_account(self):
        """Have another account without any payments; return what the former one knows."""
        former = dict(self.fake.store.objects)
        self.fake.store.clear()
        return former

    def _debit(self):
        """A bank debit under way, as far as Stripe has said."""
        token = self._save_card()
        token.stripe_payment_method = self.fake.payments.new_bank_account(customer=token.provider_ref)["id"]
        topup = self.wallet.create_topup("100")
        method = self.env.ref("payment.payment_method_ach_direct_debit")
        return topup, self._charge(topup, token, payment_method_id=method.id)

    def test_a_debit_under_way_is_told_at_once_and_given_up_after_a_day(self):
        topup, debit = self._debit()
        former = self._change_account()
        self._sweep()
        self._sweep(hours=20)
        self.assertEqual(debit.state, "pending")
        [(reason, step)] = self._waiting("payment.transaction")
        self.assertIn("No such payment_intent", reason)
        self.assertIn("made with another account", step)
        self._sweep(hours=26)
        self.assertEqual(debit.state, "error")
        self.assertIn("ask us before you pay again", debit.state_message)
        self.assertFalse(self._waiting("payment.transaction"))
        [task] = self.wallet.activity_ids.filtered(lambda task: "not known to Stripe" in task.summary)
        self.assertIn(debit.reference, task.summary)
        self.assertFalse(topup.invoice_id._call_wallet_not_payable())
        self.assertBalance(self.wallet, 0)
        # The former key comes back, and it was paid after all.
        self.fake.store.objects.update(former)
        self.fake.payments.settle(self.fake.store.get("payment_intent", debit.provider_reference))
        self._sweep(hours=27)
        self.assertEqual(debit.state, "done")
        self.assertBalance(self.wallet, 100)

    def test_a_payment_that_is_known_again_is_not_told_of_any_more(self):
        _topup, debit = self._debit()
        former = self._change_account()
        self._sweep()
        self.assertEqual(len(self._waiting("payment.transaction")), 1)
        self.fake.store.objects.update(former)
        self._sweep(hours=30)
        self.assertEqual(debit.state, "pending")
        self.assertFalse(self._waiting("payment.transaction"))

    def test_a_debit_under_way_is_asked_for_though_its_account_was_switched_off(self):
        topup, debit = self._debit()
        self.fake.payments.settle(self.fake.store.get("payment_intent", debit.provider_reference))
        self.stripe.state = "disabled"
        self._sweep()
        self.assertEqual((debit.state, topup.state), ("done", "paid"))
        self.assertBalance(self.wallet, 100)

    def test_a_payment_page_is_opened_anew(self):
        topup = self.wallet.create_topup("100")
        payment, session = self._pay_by_page(topup)
        self._change_account()
        again, other = self._pay_by_page(topup)
        self.assertEqual((again, again.state), (payment, "draft"))
        self.assertTrue(other)
        self.assertNotEqual(other, session)
        self.assertFalse(self._waiting())

    def test_messages_about_another_account_are_not_kept(self):
        """A platform hears of its connected accounts, too: their payouts are looked for here in vain."""
        _topup, _payment, _charge = self._charged()
        [message] = self._events("payment_intent.succeeded")
        message = {**message, "id": "evt_other", "type": "payout.paid", "account": "acct_other"}
        message["data"] = {"object": {"id": "po_other", "object": "payout"}}
        self.assertEqual(self._deliver(message, self.own).status_code, 200)
        self.assertFalse(self.env["call.wallet.stripe.event"].search([("reference", "=", "evt_other")]))
