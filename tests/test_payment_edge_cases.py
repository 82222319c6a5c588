"""What becomes of a card payment on its odd ways, as the owner sees it on the portal."""

from odoo.addons.call_wallet.tools.clock import utcnow
from odoo.tests import new_test_user, tagged

from .stripe_case import StripeFakeCase


@tagged("post_install", "-at_install", "standard")
class TestPaymentEdgeCases(StripeFakeCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.owner = new_test_user(cls.env, login="edge-owner", password="edge-owner", groups="base.group_portal")
        cls.owner.partner_id.parent_id = cls.partner
        cls.wallet.owner_ids = cls.owner

    def _page(self, page=""):
        self.authenticate("edge-owner", "edge-owner")
        return self.url_open(f"/my/billing/{self.wallet.id}{page}").text

    def test_of_a_disputed_payment_the_owner_sees_what_is_held(self):
        _topup, _transaction, charge = self._charged()
        self.fake.money_back.open_dispute(charge["id"], amount=4000)
        self._deliver_all("charge.dispute.created")
        page = self._page()
        self.assertIn("is held while a payment is disputed", page)
        self.assertRegex(page, r'data-figure="available">\$.60\.00')

    def test_a_bank_that_asks_for_its_customer_is_answered_by_hand_and_arms_it_again(self):
        card = self._save_card("pm_card_authenticationRequired")
        self.wallet.set_auto_topup(
            True, level="20", amount="50", monthly_cap="200", token_id=card.id, accept_mandate=True
        )
        self.env["call.wallet"]._cron_auto_topup()
        topup = self.wallet.topup_ids
        self.assertIn(f"/my/billing/{self.wallet.id}/pay/{topup.id}", self._page("/auto"))
        self.assertIn("o_payment_form", self._page(f"/pay/{topup.id}"))
        _transaction, session = self._pay_by_page(topup)
        self.fake.checkout.pay(session, "4242424242424242")
        self._deliver(self._events("payment_intent.succeeded")[-1])
        self.assertIn('data-result="paid"', self._page(f"?topup={topup.id}"))
        self.assertBalance(self.wallet, 50)
        self.assertEqual(self.wallet.auto_topup_state, "on")

    def test_a_bank_debit_on_its_way_is_shown_and_not_spendable(self):
        token = self._save_card()
        token.stripe_payment_method = self.fake.payments.new_bank_account(customer=token.provider_ref)["id"]
        method = self.env.ref("payment.payment_method_ach_direct_debit")
        topup = self.wallet.create_topup("100")
        transaction = self._charge(topup, token, payment_method_id=method.id)
        self.assertIn('data-result="processing"', self._page(f"?topup={topup.id}"))
        self.assertNotIn("o_payment_form", self._page(f"/pay/{topup.id}"))
        verdict = self.env["call.wallet"].authorize_call(self.wallet.account_ref, "early", "live", "+14155550100")
        self.assertFalse(verdict["allowed"])
        self.fake.payments.settle(self.fake.store.get("payment_intent", transaction.provider_reference))
        self._deliver(self._events("payment_intent.succeeded")[-1])
        self.assertIn('data-result="paid"', self._page(f"?topup={topup.id}"))
        self.assertBalance(self.wallet, 100)

    def test_a_provider_in_test_mode_is_not_offered_and_its_payment_not_started(self):
        topup = self.wallet.create_topup("100")
        self.company.call_wallet_accept_test_payments = False
        self.assertNotIn('data-provider-code="stripe"', self._page(f"/pay/{topup.id}"))
        answer = self.url_open(
            f"/invoice/transaction/{topup.invoice_id.id}",
            json={
                "params": {
                    "access_token": topup.invoice_id._portal_ensure_token(),
                    "provider_id": self.stripe.id,
                    "payment_method_id": self.env.ref("payment.payment_method_card").id,
                    "token_id": None,
                    "amount": 100,
                    "flow": "redirect",
                    "tokenization_requested": False,
                    "landing_route": "/my",
                }
            },
        ).json()
        self.assertIn("error", answer)
        self.assertFalse(topup.invoice_id.transaction_ids)

    def test_what_was_agreed_to_is_kept_with_its_text(self):
        terms = self.env["call.wallet.terms"]._current()
        self.authenticate("edge-owner", "edge-owner")
        form = {"package": "other", "other_amount": "30", "accept_terms": "on", "terms_id": terms.id}
        began = utcnow()
        answer = self.url_open(f"/my/billing/{self.wallet.id}/add/order", json={"params": form}).json()
        self.assertIn("redirect", answer["result"])
        topup = self.wallet.topup_ids
        self.assertEqual((topup.requested_by_id, topup.accepted_from), (self.owner, "127.0.0.1"))
        self.assertIn("python-requests", topup.accepted_with)
        self.assertGreaterEqual(topup.accepted_at, began)
        self.assertEqual((topup.terms_id, len(topup.terms_id.fingerprint)), (terms, 64))
