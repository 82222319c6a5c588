"""Money that goes back at Stripe: disputes, returned debits, refunds; told by signed messages over HTTP."""

import json
from decimal import Decimal

from odoo.exceptions import AccessError, UserError
from odoo.tools import mute_logger

from .stripe_case import OWN_SECRET, WEBHOOK_SECRET, StripeFakeCase, signed

PAYBACK = "odoo.addons.call_wallet.models.topup.call_wallet_topup_payback"


class TestStripeDisputes(StripeFakeCase):
    def test_a_dispute_lost_takes_the_funds_once(self):
        topup, transaction, charge = self._charged()
        dispute = self.fake.money_back.open_dispute(charge["id"])
        self._deliver_all("charge.dispute.created")
        self.assertBalance(self.wallet, 100)
        self.assertEqual(self.wallet.available_balance, 0)
        self.assertSound(self.wallet)
        self.assertIn(dispute["id"], self.wallet.activity_ids.mapped("note")[0])
        self.fake.money_back.withdraw(dispute["id"])
        self.fake.money_back.close(dispute["id"], won=False)
        for _time in range(2):
            self._deliver_all("charge.dispute.closed", "charge.dispute.funds_withdrawn", "charge.dispute.created")
        self.assertEqual(topup.transaction_ids.sorted("sequence").mapped("type"), ["balance_added", "reversal"])
        self.assertEqual(topup.invoice_id.payment_state, "not_paid")
        self.assertBalance(self.wallet, 0)
        self.assertEqual(transaction.state, "done")
        self.assertSound(self.wallet)

    def test_how_a_dispute_stands_is_told_in_words_and_what_is_not_known_as_stripe_names_it(self):
        _topup, _transaction, charge = self._charged()
        name = self.fake.money_back.open_dispute(charge["id"])["id"]
        self._deliver_all("charge.dispute.created")
        dispute = self.env["call.wallet.stripe.return"].search([("reference", "=", name)])
        dispute.write({"status": "needs_response", "reason": "fraudulent"})
        told = (dispute.status_text, dispute.reason_text)
        self.assertEqual(told, ("Answer needed", "Not authorized by the cardholder"))
        dispute.write({"status": "asked_the_oracle", "reason": False})
        self.assertEqual((dispute.status_text, dispute.reason_text), ("asked_the_oracle", False))

    def test_while_a_dispute_is_open_its_funds_are_held_and_freed_when_it_is_won(self):
        self._fund(self.wallet, "30")
        _topup, _transaction, charge = self._charged()
        dispute = self.fake.money_back.open_dispute(charge["id"], amount=4000)
        for _time in range(2):
            self._deliver_all("charge.dispute.created")
        self.assertEqual((self.wallet.balance, self.wallet.available_balance), (130, 90))
        self.assertEqual(self.wallet.dashboard_data()["amounts"]["disputed"], "40.000000")
        with self.assertRaisesRegex(UserError, "disputed"):
            self.wallet.close("Leaving")
        self.fake.money_back.close(dispute["id"], won=True)
        for event in reversed(self._events()):
            self._deliver(event, self.own)
        self.assertEqual((self.wallet.balance, self.wallet.available_balance), (130, 130))
        self.assertSound(self.wallet)

    def test_no_call_starts_on_funds_that_are_disputed(self):
        _topup, _transaction, charge = self._charged()
        self.fake.money_back.open_dispute(charge["id"])
        self._deliver_all("charge.dispute.created")
        verdict = self.env["call.wallet"].authorize_call(self.wallet.account_ref, "disputed", "live", "+14155550100")
        self.assertEqual((verdict["allowed"], verdict["code"]), (False, "no_funds"))

    def test_what_was_spent_leaves_the_wallet_below_zero_and_paused(self):
        _topup, _transaction, charge = self._charged()
        self._record(self._call(number="+441632960000", duration_seconds=60 * 600))
        self.fake.money_back.withdraw(self.fake.money_back.open_dispute(charge["id"])["id"])
        self._deliver_all("charge.dispute.funds_withdrawn")
        self.assertLess(self.wallet.balance, 0)
        self.assertEqual(self.wallet.state, "paused")

    def test_a_dispute_won_brings_them_back_once_in_any_order(self):
        topup, _transaction, charge = self._charged()
        dispute = self.fake.money_back.withdraw(self.fake.money_back.open_dispute(charge["id"])["id"])
        self._deliver_all("charge.dispute.funds_withdrawn")
        self.fake.money_back.close(dispute["id"], won=True)
        for event in reversed(self._events()):
            self._deliver(event, self.own)
        self.assertEqual(topup.transaction_ids.sorted("sequence").mapped("amount"), [100, -100, 100])
        self.assertEqual(topup.invoice_id.payment_state, "paid")
        self.assertBalance(self.wallet, 100)
        self.assertSound(self.wallet)

    def test_a_dispute_over_a_part_takes_that_part_in_one_entry(self):
        topup, _transaction, charge = self._charged()
        dispute = self.fake.money_back.open_dispute(charge["id"], amount=4000)
        self.fake.money_back.withdraw(dispute["id"])
        self._deliver_all("charge.dispute.funds_withdrawn")
        self.assertEqual(topup.transaction_ids.sorted("sequence").mapped("amount"), [100, -40])
        self.assertEqual(topup.invoice_id.payment_state, "partial")

    def test_a_dispute_over_what_a_refund_left_takes_all_of_it(self):
        topup, transaction, charge = self._charged()
        transaction._refund(30)._post_process()
        dispute = self.fake.money_back.withdraw(self.fake.money_back.open_dispute(charge["id"])["id"])
        self._deliver_all("charge.dispute.funds_withdrawn")
        self.assertBalance(self.wallet, 0)
        self.fake.money_back.close(dispute["id"], won=True)
        self._deliver_all("charge.dispute.funds_reinstated")
        self.assertEqual(topup.transaction_ids.sorted("sequence").mapped("amount"), [100, -30, -70, 70])
        self.assertSound(self.wallet)

    def test_disputes_of_others_are_not_ours(self):
        intent = self.fake.payments.create_intent(
            {"amount": "900", "currency": "usd", "payment_method": "pm_card_visa", "confirm": "true"}
        )
        self.fake.money_back.withdraw(self.fake.money_back.open_dispute(intent["latest_charge"])["id"])
        self._deliver_all()
        self.assertEqual(set(self.env["call.wallet.stripe.event"].search([]).mapped("state")), {"ignored"})
        self.assertFalse(self.env["call.wallet.stripe.return"].search([]))

    def test_returns_are_for_finance(self):
        with self.assertRaises(AccessError):
            self.env["call.wallet.stripe.return"].with_user(self._make_user("ret-am", "account_manager")).search([])
        with self.assertRaises(AccessError):
            self.env["call.wallet.stripe.event"].with_user(self._make_user("ret-fin", "finance")).search([])


class TestStripeDebitReturned(StripeFakeCase):
    def test_a_debit_returned_after_spending(self):
        token = self._save_card()
        token.stripe_payment_method = self.fake.payments.new_bank_account(customer=token.provider_ref)["id"]
        method = self.env.ref("payment.payment_method_ach_direct_debit")
        topup = self.wallet.create_topup("100")
        transaction = self._charge(topup, token, payment_method_id=method.id)
        intent = self.fake.store.get("payment_intent", transaction.provider_reference)
        self.fake.payments.settle(intent)
        self._deliver_all("payment_intent.succeeded")
        self.assertBalance(self.wallet, 100)
        self._record(self._call(number="+441632960000", duration_seconds=60 * 600))
        self.fake.payments.settle(intent, succeeded=False)
        with mute_logger("odoo.addons.payment.models.payment_transaction"):
            for _time in range(2):
                self._deliver_all("charge.failed", "payment_intent.payment_failed")
        self.assertEqual(topup.transaction_ids.sorted("sequence").mapped("amount"), [100, -100])
        self.assertEqual(self.wallet.state, "paused")
        self.assertFalse(token.active)
        self.assertTrue(self.partner.call_wallet_no_debits)
        method.active = True
        methods = self.env["payment.method"]
        self.assertIn(method, methods._get_compatible_payment_methods(self.stripe.ids, self.partner.id))
        methods = methods.with_context(call_wallet_topup=True)
        self.assertNotIn(method, methods._get_compatible_payment_methods(self.stripe.ids, self.partner.id))


class TestStripeRefunds(StripeFakeCase):
    def test_a_refund_in_stripes_dashboard_takes_the_funds_once(self):
        topup, transaction, _charge = self._charged()
        self.fake.money_back.create_refund({"payment_intent": transaction.provider_reference, "amount": "3000"})
        for _time in range(2):
            self._deliver_all("refund.created", "charge.refunded")
            self._deliver_all("charge.refunded", own=False)
        self.assertBalance(self.wallet, 70)
        [note] = topup.invoice_id.reversal_move_ids
        self.assertEqual((note.amount_total, note.payment_state), (30, "paid"))
        self.assertEqual(len(transaction.child_transaction_ids), 1)
        self.assertSound(self.wallet)

    def test_our_own_refund_is_not_entered_again_when_stripe_tells_of_it(self):
        topup, transaction, _charge = self._charged()
        transaction._refund(30)._post_process()
        self.assertBalance(self.wallet, 70)
        self._deliver_all("refund.created", "charge.refunded")
        self._deliver_all("charge.refunded", own=False)
        self.assertEqual(len(transaction.child_transaction_ids), 1)
        self.assertEqual(len(topup.invoice_id.reversal_move_ids), 1)
        self.assertBalance(self.wallet, 70)

    def test_a_refund_that_was_rolled_back_here_is_entered_from_stripes_word(self):
        _topup, transaction, _charge = self._charged()
        with self.assertRaises(ZeroDivisionError), self.env.cr.savepoint():
            transaction._refund(30)
            raise ZeroDivisionError
        self._deliver_all("refund.created")
        self.assertBalance(self.wallet, 70)

    def test_a_refund_that_fails_later_gives_the_funds_back(self):
        topup, transaction, _charge = self._charged()
        refund = transaction._refund(30)
        refund._post_process()
        self.fake.money_back.fail_refund(refund.provider_reference)
        for _time in range(2):
            self._deliver_all("refund.failed", "charge.refund.updated")
        self.assertEqual(refund.state, "error")
        self.assertEqual(topup.transaction_ids.sorted("sequence").mapped("amount"), [100, -30, 30])
        self.assertBalance(self.wallet, 100)
        self.assertEqual(len(self.wallet.activity_ids), 1)
        self.assertSound(self.wallet)

    def test_a_refund_pays_the_credit_note_that_waits_for_it(self):
        topup, transaction, _charge = self._charged()
        note = topup._create_credit_note(Decimal(30), "Customer asked", None)
        self.assertBalance(self.wallet, 70)
        transaction._refund(30)._post_process()
        self.assertEqual(topup.invoice_id.reversal_move_ids, note)
        self.assertEqual(note.payment_state, "paid")
        self.assertBalance(self.wallet, 70)


class TestStripeRefundsOfArchivedCards(StripeFakeCase):
    """Owners may remove a card at any time; what it paid can still go back to it."""

    def _charged(self, *args, **values):
        result = super()._charged(*args, **values)
        result[1].token_id.active = False
        return result

    def test_what_it_paid_is_paid_back(self):
        topup, transaction, _charge = self._charged()
        note = topup.pay_back("30", "Not needed")
        self.assertEqual((note.payment_state, transaction.child_transaction_ids.state), ("paid", "done"))
        self.assertEqual([refund["amount"] for refund in self.fake.store.find("refund")], [3000])
        self.assertBalance(self.wallet, 70)
        self.assertSound(self.wallet)

    def test_what_stripes_dashboard_sends_back_is_entered(self):
        _topup, transaction, _charge = self._charged()
        self.fake.money_back.create_refund({"payment_intent": transaction.provider_reference, "amount": "3000"})
        self._deliver_all("refund.created", "charge.refunded")
        self._deliver_all("charge.refunded", own=False)
        self.assertEqual(set(self.env["call.wallet.stripe.event"].search([]).mapped("state")), {"done"})
        self.assertBalance(self.wallet, 70)

    def test_what_is_left_goes_back_when_the_wallet_is_closed(self):
        for amount in ("100", "50"):
            self._charged(amount)
        self.wallet.close("Leaving")
        self.assertEqual({refund["amount"] for refund in self.fake.store.find("refund")}, {10000, 5000})
        self.assertEqual(set(self.wallet.topup_ids.invoice_id.reversal_move_ids.mapped("payment_state")), {"paid"})
        self.assertBalance(self.wallet, 0)


class TestStripeRefundNotEntered(StripeFakeCase):
    """The money cannot be sent, or not be entered, such as when its account is archived."""

    def setUp(self):
        super().setUp()
        lines = self.stripe.journal_id.inbound_payment_method_line_ids
        self.account = self.env["account.account"].create(
            {"name": "Stripe", "code": "STRX", "account_type": "asset_current", "reconcile": True}
        )
        lines.filtered(lambda line: line.payment_provider_id == self.stripe).payment_account_id = self.account
        self._pay_otherwise(self.wallet.create_topup("50"))
        self.topup, _transaction, _charge = self._charged("100")
        self.account.active = False

    def _pay_otherwise(self, topup):
        demo = self.env["payment.provider"].search(
            [("code", "=", "demo"), ("company_id", "=", self.company.id)], limit=1
        )
        demo.state = "test"
        method = demo.payment_method_ids[:1]
        method.support_refund = "partial"
        transaction = self._transaction(topup, provider_id=demo.id, payment_method_id=method.id)
        transaction._set_done()
        transaction._post_process()

    def _told(self):
        return [summary for summary in self.wallet.activity_ids.mapped("summary") if "not sent back" in summary]

    def test_a_pay_back_is_kept_and_can_be_sent_with_the_same_key(self):
        with mute_logger(PAYBACK):
            note = self.topup.pay_back("30", "Not needed", request_key="click")
        self.assertEqual((note.state, note.payment_state), ("posted", "not_paid"))
        self.assertEqual(note.call_wallet_refund_ids.state, "draft")  # its answer was not entered
        self.assertEqual(len(self._told()), 1)
        self.assertBalance(self.wallet, 120)
        self.account.active = True
        self.assertEqual(self.topup.pay_back("30", "Not needed", request_key="click"), note)
        self.assertEqual(note.payment_state, "paid")
        self.assertEqual([refund["amount"] for refund in self.fake.store.find("refund")], [3000])
        self.assertBalance(self.wallet, 120)
        self.assertSound(self.wallet)

    def test_closing_sends_what_can_be_sent_and_tells_of_the_rest(self):
        with mute_logger(PAYBACK):
            self.wallet.close("Leaving")
        self.assertFalse(self.wallet.active)
        notes = self.wallet.topup_ids.invoice_id.reversal_move_ids.sorted("amount_total")
        self.assertEqual(notes.mapped("payment_state"), ["paid", "not_paid"])
        self.assertEqual(len(self._told()), 1)
        self.assertIn(notes[1].name, self._told()[0])
        self.assertBalance(self.wallet, 0)


class TestStripeInbox(StripeFakeCase):
    def test_only_what_stripe_signed_is_taken_in(self):
        body = json.dumps({"id": "evt_x", "type": "charge.failed", "data": {"object": {"id": "ch_1"}}}).encode()
        for header in (None, "t=1,v1=0", signed(body, "whsec_other"), signed(body, WEBHOOK_SECRET)):
            headers = {"Content-Type": "application/json"} | ({"Stripe-Signature": header} if header else {})
            with mute_logger("odoo.http", "odoo.addons.call_wallet.tools.stripe_client"):
                answer = self.url_open("/call_wallet/stripe/webhook", data=body, headers=headers)
            self.assertEqual(answer.status_code, 403)
        self.stripe.call_wallet_webhook_secret = False
        with mute_logger("odoo.http", "odoo.addons.call_wallet.tools.stripe_client"):
            answer = self.url_open(
                "/call_wallet/stripe/webhook", data=body, headers={"Stripe-Signature": signed(body, "")}
            )
        self.assertEqual(answer.status_code, 403)
        self.assertFalse(self.env["call.wallet.stripe.event"].search([]))

    def test_what_is_not_an_event_is_refused(self):
        whole = {"id": "evt_x", "type": "charge.failed", "data": {"object": {"id": "ch_1"}}}
        bodies = [b"", b"{", b"[]", b"7", b"null", b"{}"]
        for change in ({"id": None}, {"type": 7}, {"data": []}, {"data": {"object": None}}, {"data": {"object": {}}}):
            bodies.append(json.dumps(whole | change).encode())
        for body in bodies:
            headers = {"Content-Type": "application/json", "Stripe-Signature": signed(body, OWN_SECRET)}
            with self.subTest(body=body), mute_logger("odoo.http"):
                answer = self.opener.post(f"{self.base_url()}/call_wallet/stripe/webhook", data=body, headers=headers)
                self.assertEqual(answer.status_code, 400)
        self.assertFalse(self.env["call.wallet.stripe.event"].search([]))

    def test_an_events_content_is_not_believed(self):
        _topup, transaction, charge = self._charged()
        subject = {
            "id": charge["id"],
            "object": "charge",
            "status": "failed",
            "payment_intent": charge["payment_intent"],
        }
        body = json.dumps({"id": "evt_lie", "type": "charge.failed", "data": {"object": subject}}).encode()
        headers = {"Content-Type": "application/json", "Stripe-Signature": signed(body, OWN_SECRET)}
        self.assertEqual(self.url_open("/call_wallet/stripe/webhook", data=body, headers=headers).status_code, 200)
        self.assertEqual(transaction.state, "done")
        self.assertBalance(self.wallet, 100)

    def test_what_cannot_be_processed_now_is_kept_and_tried_again(self):
        _topup, _transaction, charge = self._charged()
        dispute = self.fake.money_back.withdraw(self.fake.money_back.open_dispute(charge["id"])["id"])
        self.fake.control.next("fail", f"/disputes/{dispute['id']}", times=3)
        with mute_logger("odoo.addons.call_wallet.models.stripe.call_wallet_stripe_event"):
            self._deliver_all("charge.dispute.funds_withdrawn")
        event = self.env["call.wallet.stripe.event"].search([])
        self.assertEqual((event.state, event.attempts), ("waiting", 1))
        self.assertBalance(self.wallet, 100)
        event._process()
        self.assertEqual(event.state, "done")
        self.assertBalance(self.wallet, 0)

    def test_browser_closed_and_provider_disabled_the_message_alone_credits(self):
        topup = self.wallet.create_topup("100")
        _transaction, session = self._pay_by_page(topup)
        self.stripe.state = "disabled"
        self.fake.checkout.pay(session, "4242424242424242")
        self._deliver_all("payment_intent.succeeded")
        self._deliver_all("payment_intent.succeeded", own=False)
        self.assertBalance(self.wallet, 100)
