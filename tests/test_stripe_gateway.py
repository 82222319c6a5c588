"""Charging saved cards and paying back through Stripe, over HTTP, against the fake."""

from odoo.addons.call_wallet.tools.stripe_client import API_BASE, api_base, is_loopback
from odoo.addons.payment import utils as payment_utils
from odoo.exceptions import AccessError
from odoo.tests import new_test_user
from odoo.tools import mute_logger

from .stripe_case import StripeFakeCase


class TestStripeAddress(StripeFakeCase):
    def test_only_an_address_on_this_machine_is_honoured(self):
        self.assertEqual(api_base(self.stripe), self.fake.url)
        parameters = self.env["ir.config_parameter"]
        for address in (
            "https://stripe.example",
            "http://10.0.0.1",
            "http://127.0.0.1.example",
            "ftp://127.0.0.1",
            "x",
        ):
            self.assertFalse(is_loopback(address), address)
            parameters.set_param("call_wallet.stripe_api_base", address)
            with mute_logger("odoo.addons.call_wallet.tools.stripe_client"):
                self.assertEqual(api_base(self.stripe), API_BASE)
        self.assertTrue(is_loopback("http://[::1]:80") and is_loopback("http://localhost:1"))

    def test_a_live_provider_always_talks_to_stripe(self):
        self.stripe.state = "enabled"
        self.assertEqual(api_base(self.stripe), API_BASE)
        self.assertEqual(self.stripe._build_request_url("refunds"), f"{API_BASE}/v1/refunds")

    def test_odoos_own_requests_go_to_the_same_address(self):
        self.assertEqual(self.stripe._build_request_url("refunds"), f"{self.fake.url}/v1/refunds")


class TestStripeCharge(StripeFakeCase):
    def test_a_saved_card_is_charged_and_leaves_receipt_and_fee(self):
        topup = self.wallet.create_topup("100")
        transaction = self._charge(topup, self._save_card())
        self.assertEqual(transaction.state, "done")
        self.assertBalance(self.wallet, 100)
        self.assertIn("/receipts/", transaction.call_wallet_receipt_url)
        self.assertEqual(transaction.call_wallet_fee, 3.2)
        intent = self.fake.store.get("payment_intent", transaction.provider_reference)
        self.assertEqual(intent["metadata"]["call_wallet_topup"], str(topup.id))
        self.assertEqual(intent["receipt_email"], "billing@initrode.example")

    def test_a_decline_is_kept_with_its_code_and_credits_nothing(self):
        topup = self.wallet.create_topup("100")
        transaction = self._charge(topup, self._save_card("pm_card_visa_chargeDeclinedInsufficientFunds"))
        self.assertEqual(transaction.state, "error")
        self.assertEqual(transaction.call_wallet_decline_code, "insufficient_funds")
        self.assertFalse(transaction.call_wallet_needs_authentication)
        self.assertTrue(transaction.provider_reference)
        self.assertEqual(topup.invoice_id.payment_state, "not_paid")
        self.assertBalance(self.wallet, 0)

    def test_a_bank_that_asks_for_its_customer_is_told_apart(self):
        transaction = self._charge(self.wallet.create_topup("100"), self._save_card("pm_card_authenticationRequired"))
        self.assertEqual(transaction.state, "error")
        self.assertTrue(transaction.call_wallet_needs_authentication)
        self.assertBalance(self.wallet, 0)

    def test_charged_then_rolled_back_then_repeated_is_one_charge(self):
        topup, token = self.wallet.create_topup("100"), self._save_card()
        with self.assertRaises(ZeroDivisionError), self.env.cr.savepoint():
            self._charge(topup, token)
            raise ZeroDivisionError
        self.assertFalse(topup.invoice_id.transaction_ids)
        self.assertEqual(self._charge(topup, token).state, "done")
        self.assertEqual(len(self.fake.store.find("charge")), 1)
        self.assertBalance(self.wallet, 100)

    def test_an_answer_that_got_lost_is_asked_for_again(self):
        self.fake.control.next("drop", "/payment_intents", times=2)
        self.assertEqual(self._charge(self.wallet.create_topup("100"), self._save_card()).state, "done")
        self.assertEqual(len(self.fake.store.find("charge")), 1)

    def test_without_an_answer_the_payment_is_pending_and_not_a_decline(self):
        self.fake.control.next("drop", "/payment_intents", times=3)
        transaction = self._charge(self.wallet.create_topup("100"), self._save_card())
        self.assertEqual((transaction.state, transaction.call_wallet_unanswered), ("pending", True))
        self.assertBalance(self.wallet, 0)

    def test_the_same_reference_with_another_amount_is_refused_by_stripe(self):
        topup, token = self.wallet.create_topup("100"), self._save_card()
        with self.assertRaises(ZeroDivisionError), self.env.cr.savepoint():
            self._charge(topup, token)
            raise ZeroDivisionError
        self.assertEqual(self._charge(topup, token, amount=40).state, "error")
        self.assertEqual(len(self.fake.store.find("charge")), 1)

    def test_a_debit_in_progress_is_not_spendable_until_it_succeeds(self):
        token = self._save_card()
        account = self.fake.payments.new_bank_account(customer=token.provider_ref)
        token.stripe_payment_method = account["id"]
        method = self.env.ref("payment.payment_method_ach_direct_debit")
        transaction = self._charge(self.wallet.create_topup("100"), token, payment_method_id=method.id)
        self.assertEqual(transaction.state, "pending")
        self.assertBalance(self.wallet, 0)
        intent = self.fake.store.get("payment_intent", transaction.provider_reference)
        self.fake.payments.settle(intent)
        self.assertEqual(self._deliver(self._events("payment_intent.succeeded")[-1]).status_code, 200)
        transaction._post_process()
        self.assertBalance(self.wallet, 100)

    def test_all_people_of_a_company_are_one_customer(self):
        customers = self.env["call.wallet.stripe.customer"]
        colleague = self.env["res.partner"].create({"name": "Ana", "parent_id": self.partner.id})
        first = customers._of(self.stripe, self.partner)
        self.assertEqual(customers._of(self.stripe, colleague), first)
        self.assertEqual(len(self.fake.store.find("customer")), 1)
        with self.assertRaises(AccessError):
            first.with_user(self._make_user("stripe-am", "account_manager")).read(["reference"])


class TestStripeRefund(StripeFakeCase):
    def test_refunds_stay_within_the_charge_and_are_made_once(self):
        transaction = self._charge(self.wallet.create_topup("100"), self._save_card())
        with self.assertRaises(ZeroDivisionError), self.env.cr.savepoint():
            transaction._refund(30)
            raise ZeroDivisionError
        refund = transaction._refund(30)
        self.assertEqual(refund.state, "done")
        self.assertEqual([record["amount"] for record in self.fake.store.find("refund")], [3000])
        too_much = transaction._refund(80)
        self.assertEqual(too_much.state, "error")
        self.assertIn("greater than unrefunded", too_much.state_message)
        self.assertEqual(transaction._refund(70).state, "done")

    def test_without_an_answer_a_refund_is_pending(self):
        transaction = self._charge(self.wallet.create_topup("100"), self._save_card())
        self.fake.control.next("fail", "/refunds", times=3)
        self.assertEqual(transaction._refund(30).state, "pending")


class TestStripePage(StripeFakeCase):
    def _come_back(self, session):
        return self.url_open(self.fake.store.get("checkout.session", session)["success_url"], allow_redirects=False)

    def test_paid_on_stripes_page_and_back(self):
        topup = self.wallet.create_topup("100")
        transaction, session = self._pay_by_page(topup)
        self.assertIn("USD 100.00", self.url_open(f"{self.fake.url}/c/pay/{session}").text)
        self.fake.checkout.pay(session, "4242424242424242")
        self.assertTrue(self._come_back(session).headers["Location"].endswith("/payment/status"))
        self.assertEqual(transaction.state, "done")
        self._rpc("/payment/status/poll")
        self.assertBalance(self.wallet, 100)
        self.assertFalse(transaction.token_id)
        self.assertTrue(transaction.call_wallet_receipt_url)

    def test_all_that_is_overdue_is_paid_on_stripes_page_at_once(self):
        """Odoo offers that for what is in the user's own name: to a customer who is a person."""
        person = new_test_user(self.env, login="overdue", password="overdue", groups="base.group_portal").partner_id
        wallet = self._make_wallet(partner_id=person.id, owner_ids=person.user_ids.ids)
        topups = wallet.create_topup("20") | wallet.create_topup("35.50")
        topups.invoice_id.invoice_date_due = "2020-01-31"
        self.authenticate("overdue", "overdue")
        page = self.url_open("/my/invoices/overdue").text
        self.assertIn('data-provider-code="stripe"', page)
        self.assertNotIn("o_stripe_element_container", page)
        result = self._rpc(
            "/invoice/transaction/overdue",
            payment_reference="BATCH/1",
            provider_id=self.stripe.id,
            payment_method_id=self.card.id,
            token_id=None,
            amount=1,
            flow="redirect",
            tokenization_requested=False,
            landing_route="/my/invoices/",
        )
        session = result["checkout_url"].rpartition("/")[2]
        shown = self.url_open(f"{self.fake.url}/c/pay/{session}").text
        self.assertIn("USD 55.50", shown)
        self.assertIn(result["reference"], shown)
        self.assertNotIn(topups[0].invoice_id.name, shown)
        self.fake.checkout.pay(session, "4242424242424242")
        self._come_back(session)
        self._rpc("/payment/status/poll")
        self.assertBalance(wallet, "55.50")
        self.assertEqual(topups.mapped("state"), ["paid", "paid"])

    def test_the_message_before_the_way_back_and_after_it_credit_once(self):
        topup = self.wallet.create_topup("100")
        transaction, session = self._pay_by_page(topup)
        self.fake.checkout.pay(session, "4242424242424242")
        event = self._events("payment_intent.succeeded")[-1]
        self.assertEqual(self._deliver(event).status_code, 200)
        self._come_back(session)
        self._rpc("/payment/status/poll")
        self._deliver(event)
        transaction._post_process()
        self.assertEqual(topup.transaction_ids.mapped("amount"), [100])
        self.assertBalance(self.wallet, 100)

    def test_a_card_saved_on_stripes_page_can_be_charged_later(self):
        topup = self.wallet.create_topup("100")
        transaction, session = self._pay_by_page(topup, save_card=True)
        self.fake.checkout.pay(session, "4242424242424242")
        self._come_back(session)
        token = transaction.token_id
        self.assertEqual((token.payment_details, token.stripe_payment_method[:3]), ("4242", "pm_"))
        transaction._post_process()
        self.assertEqual(self._charge(self.wallet.create_topup("20"), token).state, "done")
        self.assertBalance(self.wallet, 120)

    def test_a_card_is_saved_without_a_payment(self):
        owner = new_test_user(self.env, "card-owner", groups="base.group_portal")
        owner.partner_id.parent_id = self.partner
        result = self._rpc(
            "/payment/transaction",
            provider_id=self.stripe.id,
            payment_method_id=self.card.id,
            token_id=None,
            amount=None,
            currency_id=None,
            partner_id=owner.partner_id.id,
            access_token=payment_utils.generate_access_token(owner.partner_id.id, None, None, env=self.env),
            flow="redirect",
            tokenization_requested=True,
            landing_route="/my/payment_method",
            is_validation=True,
            reference_prefix="V-1",
        )
        session = result["checkout_url"].rpartition("/")[2]
        self.fake.checkout.pay(session, "4242424242424242")
        self._come_back(session)
        token = self.env["payment.token"].search([("partner_id", "=", owner.partner_id.id)])
        self.assertEqual((token.payment_details, len(self.fake.store.find("charge"))), ("4242", 0))
        self.assertEqual(self._charge(self.wallet.create_topup("20"), token).state, "done")

    def test_a_declined_card_can_be_followed_by_another(self):
        transaction, session = self._pay_by_page(self.wallet.create_topup("100"))
        page = self.url_open(f"{self.fake.url}/c/pay/{session}", data={"number": "4000 0000 0000 9995"})
        self.assertIn("insufficient funds", page.text)
        self.url_open(f"{self.fake.url}/c/pay/{session}", data={"number": "4000002760003184"}, allow_redirects=False)
        self.url_open(
            f"{self.fake.url}/c/pay/{session}",
            data={"number": "4000002760003184", "authenticated": "1"},
            allow_redirects=False,
        )
        self._come_back(session)
        transaction._post_process()
        self.assertEqual(transaction.state, "done")
        for _time in range(2):
            self._deliver_all("charge.failed")
        self.assertFalse(self.env["call.wallet.stripe.return"].search([]))
        self.assertBalance(self.wallet, 100)

    def test_leaving_the_page_ends_it(self):
        transaction, session = self._pay_by_page(self.wallet.create_topup("100"))
        self.url_open(self.fake.store.get("checkout.session", session)["cancel_url"], allow_redirects=False)
        self.assertEqual(transaction.state, "cancel")
        self.assertEqual(self.fake.store.get("checkout.session", session)["status"], "expired")

    def test_leaving_after_having_paid_is_paid(self):
        transaction, session = self._pay_by_page(self.wallet.create_topup("100"))
        self.fake.checkout.pay(session, "4242424242424242")
        self.url_open(self.fake.store.get("checkout.session", session)["cancel_url"], allow_redirects=False)
        self.assertEqual(transaction.state, "done")

    def test_the_same_click_again_leads_to_the_same_page(self):
        topup = self.wallet.create_topup("100")
        self.assertEqual(self._pay_by_page(topup), self._pay_by_page(topup))
        self.assertEqual(len(self.fake.store.find("checkout.session")), 1)

    def test_another_page_for_the_invoice_ends_the_first(self):
        topup = self.wallet.create_topup("100")
        first, session = self._pay_by_page(topup)
        second, _other = self._pay_by_page(topup, save_card=True)
        self.assertEqual((first.state, second.state), ("cancel", "draft"))
        self.assertEqual(self.fake.store.get("checkout.session", session)["status"], "expired")

    def test_a_page_on_which_was_paid_opens_no_other(self):
        topup = self.wallet.create_topup("100")
        first, session = self._pay_by_page(topup)
        self.fake.checkout.pay(session, "4242424242424242")
        # The customer never comes back from it, and tries from another tab.
        second, other = self._pay_by_page(topup, save_card=True)
        self.assertEqual((first.state, second.state, other), ("done", "error", ""))
        first._post_process()
        self.assertBalance(self.wallet, 100)

    def test_another_persons_address_is_not_found(self):
        transaction, _session = self._pay_by_page(self.wallet.create_topup("100"))
        answer = self.url_open(f"/call_wallet/stripe/return?tx={transaction.id}&token=guess&leave=1")
        self.assertEqual(answer.status_code, 404)
        self.assertEqual(transaction.state, "draft")
