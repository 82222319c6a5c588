"""What the tests of payments through Stripe have in common: a provider, a top-up, signed messages."""

import hashlib
import hmac
import json
import time

from odoo import Command
from odoo.tests import HttpCase, new_test_user, tagged

from .common import CallWalletCommon
from .stripe_fake import StripeFake

WEBHOOK_SECRET = "whsec_native"
OWN_SECRET = "whsec_own"


def signature(body, secret, when=None):
    """Return Stripe's signature of a webhook request's body."""
    when = int(when or time.time())
    return hmac.new(secret.encode(), f"{when}.".encode() + body, hashlib.sha256).hexdigest()


def signed(body, *secrets, when=None):
    """Return the header that Stripe sends, with one signature per secret."""
    when = int(when or time.time())
    return ",".join([f"t={when}", *(f"v1={signature(body, secret, when)}" for secret in secrets)])


@tagged("post_install", "-at_install", "standard")
class StripeCommon(CallWalletCommon, HttpCase):
    """``cls.stripe`` is a Stripe provider in test mode whose payments count here."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.call_wallet_accept_test_payments = True
        cls.stripe = cls.env.ref("payment.payment_provider_stripe")
        cls.stripe.write(
            {
                "state": "test",
                "is_published": True,
                "stripe_publishable_key": "pk_test_1",
                "stripe_secret_key": "sk_test_1",
                "stripe_webhook_secret": WEBHOOK_SECRET,
                "call_wallet_webhook_secret": OWN_SECRET,
            }
        )
        cls.stripe.journal_id
        cls.card = cls.env.ref("payment.payment_method_card")

    def _order(self, amount="100"):
        """A top-up with its invoice, and a transaction that has not been paid yet."""
        topup = self.wallet.create_topup(amount)
        return topup, self._transaction(topup)

    def _transaction(self, topup, **values):
        return self.env["payment.transaction"].create(
            {
                "provider_id": self.stripe.id,
                "payment_method_id": self.card.id,
                "amount": topup.invoice_id.amount_total,
                "currency_id": topup.currency_id.id,
                "partner_id": self.partner.id,
                "operation": "online_direct",
                "invoice_ids": [Command.set(topup.invoice_id.ids)],
                **values,
            }
        )

    def _native_event(self, transaction, type="payment_intent.succeeded", **intent):
        """An event as Stripe sends it to Odoo's own webhook (API version 2019-05-16)."""
        intent = {
            "id": "pi_1",
            "object": "payment_intent",
            "amount": round(transaction.amount * 100),
            "currency": "usd",
            "description": transaction.reference,
            "status": "succeeded",
            "payment_method": "pm_1",
            **intent,
        }
        return json.dumps({"id": "evt_1", "type": type, "data": {"object": intent}}).encode()

    def _post_native(self, body, header=None):
        headers = {"Content-Type": "application/json"} | ({"Stripe-Signature": header} if header else {})
        return self.url_open("/payment/stripe/webhook", data=body, headers=headers)


class StripeFakeCase(StripeCommon):
    """The provider's account is on a fake Stripe: ``cls.fake``. The test itself carries its messages.

    What is asked of it over HTTP is real; what it would send is fetched and posted to Odoo.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.fake = StripeFake().start()
        cls.addClassCleanup(cls.fake.stop)
        cls.env["ir.config_parameter"].set_param("call_wallet.stripe_api_base", cls.fake.url)
        cls.fake.webhooks.is_paused = True

    def setUp(self):
        super().setUp()
        self.fake.store.clear()  # as the database is rolled back
        self.fake.refusals.clear()
        self.native = self.fake.webhooks.add("/payment/stripe/webhook", WEBHOOK_SECRET, "2019-05-16")
        self.own = self.fake.webhooks.add("/call_wallet/stripe/webhook", OWN_SECRET)

    def _save_card(self, name="pm_card_visa", partner=None, **values):
        """A saved card of the customer, known to the fake."""
        partner = partner or self.partner
        customer = self.env["call.wallet.stripe.customer"]._of(self.stripe, partner).reference
        method = self.fake.payments.attach(name, {"customer": customer})
        return self.env["payment.token"].create(
            {
                "provider_id": self.stripe.id,
                "payment_method_id": self.card.id,
                "payment_details": "4242",
                "partner_id": partner.id,
                "provider_ref": customer,
                "stripe_payment_method": method["id"],
                **values,
            }
        )

    def _charge(self, topup, token, **values):
        """Charge a saved card off session, as automatic top-up does."""
        transaction = self._transaction(topup, operation="offline", token_id=token.id, **values)
        transaction._charge_with_token()
        transaction._post_process()
        return transaction

    def _events(self, *types):
        """The fake's events, oldest first."""
        events = self.fake.store.find("event")[::-1]
        return [event for event in events if not types or event["type"] in types]

    def _deliver(self, event, endpoint=None):
        """Carry an event to Odoo, signed as Stripe would; return the answer."""
        url, headers, body = self.fake.webhooks.request(endpoint or self.native, event)
        return self.url_open(url, data=body, headers=headers)

    def _deliver_all(self, *types, own=True):
        """Carry all events of these types to the webhook of Call Wallet, or to Odoo's own."""
        for event in self._events(*types):
            self.assertEqual(self._deliver(event, self.own if own else self.native).status_code, 200)

    def _charged(self, amount="100", card="pm_card_visa"):
        """A top-up that was paid with a saved card: (top-up, transaction, charge at the fake)."""
        topup = self.wallet.create_topup(amount)
        transaction = self._charge(topup, self._save_card(card))
        [charge] = self.fake.store.find("charge", payment_intent=transaction.provider_reference)
        return topup, transaction, charge

    def _rpc(self, path, **params):
        """Call a JSON route as the payment form does; return its result."""
        body = json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}).encode()
        answer = self.url_open(path, data=body, headers={"Content-Type": "application/json"}).json()
        self.assertNotIn("error", answer, answer.get("error"))
        return answer.get("result")

    def _log_in_as_owner(self):
        owner = self.wallet.owner_ids.filtered(lambda user: user.login == "page-owner")
        if not owner:
            owner = new_test_user(self.env, login="page-owner", password="page-owner", groups="base.group_portal")
            owner.partner_id.parent_id = self.partner
            self.wallet.owner_ids += owner
        self.authenticate("page-owner", "page-owner")

    def _pay_by_page(self, topup, save_card=False, method=None):
        """Start a payment on Stripe's page, as the payment form does; return (transaction, session's id).

        Whoever has the invoice's link may pay; a card is saved by the wallet's owner alone.
        """
        if save_card:
            self._log_in_as_owner()
        result = self._rpc(
            f"/invoice/transaction/{topup.invoice_id.id}",
            access_token=topup.invoice_id._portal_ensure_token(),
            provider_id=self.stripe.id,
            payment_method_id=(method or self.card).id,
            token_id=None,
            amount=topup.invoice_id.amount_residual,
            flow="redirect",
            tokenization_requested=save_card,
            landing_route=topup.invoice_id.get_portal_url(),
        )
        transaction = self.env["payment.transaction"].search([("reference", "=", result["reference"])])
        return transaction, (result.get("checkout_url") or "").rpartition("/")[2]
