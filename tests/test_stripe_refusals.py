"""What Stripe refuses, or tells in another way than expected, and what becomes of the payment."""

from odoo.addons.call_wallet.tools.stripe_client import first_email
from odoo.tests import TransactionCase, tagged
from odoo.tools import mute_logger

from .stripe_case import StripeFakeCase

TRANSACTION = "odoo.addons.call_wallet.models.stripe.payment_transaction"


@tagged("post_install", "-at_install", "standard")
class TestFirstEmail(TransactionCase):
    def test_the_first_valid_address_or_none(self):
        for text, address in (
            ("ap@x.example, boss@x.example", "ap@x.example"),
            ("Jo <jo@x.example> ", "jo@x.example"),
            ("ask reception; Jo <JO@x.example>", "jo@x.example"),
            ("none yet", None),
            ("", None),
            (False, None),
        ):
            self.assertEqual(first_email(text), address, text)


class TestStripeEmails(StripeFakeCase):
    def _pays_by_card_and_page(self, email):
        """As a saved card is charged, and on Stripe's page; return the address of customer and receipts."""
        self.partner.email = email
        topup = self.wallet.create_topup("100")
        self.assertEqual(self._charge(topup, self._save_card()).state, "done")
        _transaction, session = self._pay_by_page(self.wallet.create_topup("50"))
        self.fake.checkout.pay(session, "4242424242424242")
        [customer] = self.fake.store.find("customer")
        return {customer.get("email"), *(intent["receipt_email"] for intent in self.fake.store.find("payment_intent"))}

    def test_several_addresses(self):
        self.assertEqual(self._pays_by_card_and_page("ap@x.example, boss@x.example"), {"ap@x.example"})

    def test_an_address_with_a_name(self):
        self.assertEqual(self._pays_by_card_and_page("Jo <jo@x.example> "), {"jo@x.example"})

    def test_no_address(self):
        self.assertEqual(self._pays_by_card_and_page("see the website"), {None})

    def test_bank_details(self):
        self.stripe.call_wallet_bank_transfer = True
        self.partner.email = "ap@x.example, boss@x.example"
        self.assertTrue(self.wallet.create_topup("100")._bank_instructions_stripe())


class TestStripeFeeInAnotherCurrency(StripeFakeCase):
    """100 USD: Stripe's fee is 2.9 % and 0.30, 3.20 USD."""

    def setUp(self):
        super().setUp()
        self.addCleanup(setattr, self.fake.payments, "settles_in", None)

    def _credited(self):
        topup = self.wallet.create_topup("100")
        transaction, session = self._pay_by_page(topup)
        self.fake.checkout.pay(session, "4242424242424242")
        back = self.fake.store.get("checkout.session", session)["success_url"]
        with mute_logger(TRANSACTION):
            self.assertEqual(self.url_open(back, allow_redirects=False).status_code, 303)
        transaction._post_process()
        self.assertBalance(self.wallet, 100)
        return transaction

    def test_a_currency_that_is_not_active(self):
        currency = self.env["res.currency"].with_context(active_test=False).search([("name", "=", "NOK")])
        currency.active = False
        self.fake.payments.settles_in = ("nok", 10)
        transaction = self._credited()
        self.assertEqual(transaction.call_wallet_fee, 32.00)  # 3.20 x 10
        self.assertEqual(transaction.call_wallet_fee_currency_id, currency)

    def test_a_currency_that_odoo_does_not_have(self):
        self.fake.payments.settles_in = ("xxq", 10)
        self.assertFalse(self._credited().call_wallet_fee)


class TestStripeForgets(StripeFakeCase):
    def test_a_customer_deleted_at_stripe_is_made_anew_at_once(self):
        customer = self.env["call.wallet.stripe.customer"]._of(self.stripe, self.partner)
        first = customer.reference
        self.fake.payments.delete_customer(first)
        transaction, session = self._pay_by_page(self.wallet.create_topup("100"))
        self.fake.checkout.pay(session, "4242424242424242")
        self._deliver_all("payment_intent.succeeded")
        self.assertEqual(transaction.state, "done")
        self.assertBalance(self.wallet, 100)
        [known] = self.env["call.wallet.stripe.customer"].search([("partner_id", "=", self.partner.id)])
        self.assertNotEqual(known.reference, first)

    def test_bank_details_after_the_customer_was_deleted(self):
        self.stripe.call_wallet_bank_transfer = True
        customer = self.env["call.wallet.stripe.customer"]._of(self.stripe, self.partner)
        self.fake.payments.delete_customer(customer.reference)
        self.assertTrue(self.wallet.create_topup("100")._bank_instructions_stripe())

    def test_a_card_that_was_detached_ends_automatic_topup_and_says_so(self):
        token = self._save_card()
        self._fund(self.wallet, "5")
        self.wallet.set_auto_topup(
            True, level="20", amount="50", monthly_cap="200", token_id=token.id, accept_mandate=True
        )
        self.fake.payments.detach(token.stripe_payment_method, {})
        self.env["call.wallet"]._cron_auto_topup()
        self.assertEqual((self.wallet.auto_topup_state, self.wallet.auto_topup_reason), ("suspended", "hard_decline"))
        self.assertIn("detached", self.wallet.auto_topup_status)
        self.assertBalance(self.wallet, 5)
