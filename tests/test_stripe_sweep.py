"""What was missed at Stripe is found by a comparison; and money that comes by bank transfer through Stripe."""

from datetime import timedelta

from odoo.fields import Datetime
from odoo.tools import mute_logger

from .stripe_case import StripeFakeCase

SWEEP = "odoo.addons.call_wallet.models.stripe.call_wallet_stripe_event_sweep"


class TestStripeSweep(StripeFakeCase):
    def _sweep(self):
        with mute_logger(SWEEP):
            self.env["call.wallet.stripe.event"]._cron_sweep()

    def _grow_old(self):
        for intent in self.fake.store.find("payment_intent"):
            intent["created"] -= 3600

    def test_charged_but_rolled_back_here_is_entered_and_reported(self):
        topup, token = self.wallet.create_topup("100"), self._save_card()
        with self.assertRaises(ZeroDivisionError), self.env.cr.savepoint():
            self._charge(topup, token)
            raise ZeroDivisionError
        self._sweep()
        self.assertBalance(self.wallet, 0)  # a request of our own may still be under way
        self._grow_old()
        for _time in range(2):
            self._sweep()
        self.assertBalance(self.wallet, 100)
        self.assertEqual(topup.invoice_id.payment_state, "paid")
        self.assertEqual(len(self.wallet.activity_ids), 1)

    def test_an_answer_that_never_came_is_found(self):
        self.fake.control.next("drop", "/payment_intents", times=3)
        transaction = self._charge(self.wallet.create_topup("100"), self._save_card())
        self.assertEqual(transaction.state, "pending")
        self._sweep()
        self.assertEqual(transaction.state, "done")
        self.assertBalance(self.wallet, 100)

    def test_a_request_that_never_arrived_is_given_up(self):
        self.fake.control.next("fail", "/payment_intents", times=3)
        transaction = self._charge(self.wallet.create_topup("100"), self._save_card())
        self._sweep()
        self.assertEqual(transaction.state, "pending")
        transaction.last_state_change = "2020-01-01"
        self._sweep()
        self.assertEqual(transaction.state, "error")

    def test_messages_that_never_came_are_fetched(self):
        _topup, _transaction, charge = self._charged()
        self.fake.money_back.withdraw(self.fake.money_back.open_dispute(charge["id"])["id"])
        for _time in range(2):
            self._sweep()
        self.assertBalance(self.wallet, 0)

    def test_a_debit_whose_messages_were_lost_for_weeks_is_asked_for_by_itself(self):
        """Ten days without messages and without a sweep; then Stripe's lists are read from three days ago on."""
        token = self._save_card()
        token.stripe_payment_method = self.fake.payments.new_bank_account(customer=token.provider_ref)["id"]
        method = self.env.ref("payment.payment_method_ach_direct_debit")
        topup = self.wallet.create_topup("100")
        transaction = self._charge(topup, token, payment_method_id=method.id)
        self.assertEqual(transaction.state, "pending")
        self.fake.payments.settle(self.fake.store.get("payment_intent", transaction.provider_reference))
        for kind in ("event", "payment_intent"):
            for item in self.fake.store.find(kind):
                item["created"] -= 10 * 86400
        self.stripe.call_wallet_swept_at = Datetime.now()
        for _time in range(2):
            self._sweep()
        self.assertEqual((transaction.state, topup.state), ("done", "paid"))
        self.assertBalance(self.wallet, 100)

    def test_a_dispute_decided_weeks_later_is_asked_for_by_itself(self):
        """100 are held while the dispute is open; it is won, and no message of that arrives or is listed."""
        _topup, _transaction, charge = self._charged()
        dispute = self.fake.money_back.open_dispute(charge["id"])["id"]
        self._sweep()
        self.assertEqual(self.wallet.available_balance, 0)
        self.fake.money_back.close(dispute, won=True)
        for event in self.fake.store.find("event"):
            event["created"] -= 10 * 86400
        self.stripe.call_wallet_swept_at = Datetime.now()
        self._sweep()
        self.env.invalidate_all()
        self.assertEqual(self.wallet.available_balance, 100)
        self.assertBalance(self.wallet, 100)

    def test_events_are_read_since_the_last_good_sweep(self):
        """A dispute of ten days ago; the last sweep that got through was eleven days ago."""
        _topup, _transaction, charge = self._charged()
        self.fake.money_back.withdraw(self.fake.money_back.open_dispute(charge["id"])["id"])
        for event in self.fake.store.find("event"):
            event["created"] -= 10 * 86400
        before = Datetime.now() - timedelta(days=11)
        self.stripe.call_wallet_swept_at = before
        self.fake.control.next("fail", "/events", times=3)
        self._sweep()
        self.assertEqual(self.stripe.call_wallet_swept_at, before)
        self.assertBalance(self.wallet, 100)
        self._sweep()
        self.assertGreater(self.stripe.call_wallet_swept_at, before)
        self.assertBalance(self.wallet, 0)

    def test_a_declined_card_that_another_followed_takes_nothing_back(self):
        topup = self._pay_with_the_second_card()
        self._deliver_all("payment_intent.succeeded")
        for _time in range(2):
            self._sweep()
        self.assertFalse(self.env["call.wallet.stripe.return"].search([]))
        self.assertEqual(topup.transaction_ids.mapped("type"), ["balance_added"])
        self.assertBalance(self.wallet, 60)

    def test_what_was_taken_back_for_a_declined_card_is_given_back_once(self):
        topup = self._pay_with_the_second_card()
        self._deliver_all()
        [charge] = self.fake.store.find("charge", status="failed")
        returns = self.env["call.wallet.stripe.return"]
        returns._of("return", charge["id"], topup.invoice_id.transaction_ids, 6000, "card_declined")._bring_to(
            True, "failed"
        )
        self.assertBalance(self.wallet, 0)
        # However long ago that was. Asked half a month ago, it is not asked again before it is an eighth older.
        record = returns.search([])
        self.stripe.call_wallet_swept_at = Datetime.now()
        for asked, expected in ((Datetime.now() - timedelta(days=15), 0), (False, 60)):
            record.asked_at = asked
            self._age(record, 160)
            self._sweep()
            self.assertBalance(self.wallet, expected)
        self._sweep()
        self.assertEqual(topup.transaction_ids.sorted("sequence").mapped("amount"), [60, -60, 60])
        self.assertEqual(topup.invoice_id.payment_state, "paid")
        self.assertSound(self.wallet)

    def _age(self, record, days):
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE call_wallet_stripe_return SET create_date = create_date - make_interval(days => %s) WHERE id = %s",
            [days, record.id],
        )
        self.env.invalidate_all()

    def _pay_with_the_second_card(self):
        topup = self.wallet.create_topup("60")
        _transaction, session = self._pay_by_page(topup)
        for number in ("4000000000000002", "4242424242424242"):
            self.url_open(f"{self.fake.url}/c/pay/{session}", data={"number": number}, allow_redirects=False)
        return topup


class TestStripeTransfer(StripeFakeCase):
    def setUp(self):
        super().setUp()
        self.stripe.call_wallet_bank_transfer = True

    def _arrive(self, amount, currency="usd"):
        customer = self.env["call.wallet.stripe.customer"].search([("partner_id", "=", self.partner.id)])
        self.fake.cash.fund(customer.reference, amount, currency)
        self._deliver_all("customer_cash_balance_transaction.created")

    def test_an_open_topup_shows_where_to_send_the_money(self):
        topup = self.wallet.create_topup("100")
        rows = topup._bank_instructions_stripe()
        self.assertIn(("Routing number (ABA)", "110000000"), rows)
        self.assertEqual(rows[-1][1], topup.invoice_id.payment_reference)
        asked = len(self.fake.requests)
        self.assertEqual(topup._bank_instructions_stripe(), rows)
        self.assertEqual(len(self.fake.requests), asked)
        self._pay(topup.invoice_id)
        self.assertEqual(topup._bank_instructions_stripe(), [])

    def test_no_details_where_the_account_has_none(self):
        topup = self.wallet.create_topup("100")
        self.stripe.call_wallet_bank_transfer = False
        self.assertEqual(topup._bank_instructions_stripe(), [])

    def test_money_that_arrives_pays_the_topup_that_is_meant_and_then_the_oldest(self):
        first, second = self.wallet.create_topup("100"), self.wallet.create_topup("40")
        first._bank_instructions_stripe()
        self._arrive(4000)
        self.assertEqual((first.state, second.state), ("pending", "paid"))
        self._arrive(7000)
        self.assertEqual(first.state, "partial")
        self.assertBalance(self.wallet, 110)
        self._deliver_all("customer_cash_balance_transaction.created")
        self.assertBalance(self.wallet, 110)

    def test_a_topup_that_fails_keeps_no_other_waiting(self):
        first, second = self.wallet.create_topup("100"), self.wallet.create_topup("40")
        first._bank_instructions_stripe()
        self.fake.control.next("fail", "/payment_intents", times=3)
        with mute_logger("odoo.addons.call_wallet.models.stripe.call_wallet_stripe_customer"):
            self._arrive(14000)
        self.assertEqual((first.state, second.state), ("pending", "paid"))
        self._deliver_all("customer_cash_balance_transaction.created")
        self.env["call.wallet.stripe.event"]._cron_process()
        self.assertEqual((first.state, second.state), ("paid", "paid"))
        self.assertBalance(self.wallet, 140)

    def test_what_nobody_asked_for_is_reported(self):
        topup = self.wallet.create_topup("40")
        topup._bank_instructions_stripe()
        self._arrive(5000)
        self.assertBalance(self.wallet, 40)
        self.assertIn("10.00 USD", self.wallet.activity_ids.summary)

    def test_yen_have_no_hundredths(self):
        self.wallet.create_topup("40")._bank_instructions_stripe()
        self._arrive(5000, "jpy")
        self.assertIn("5,000 JPY", self.wallet.activity_ids.summary)
