"""What the tests of payments through Stripe have in common: a provider, a top-up, signed messages."""

import hashlib
import hmac
import json
import time

from odoo import Command
from odoo.tests import HttpCase, tagged

from .common import CallWalletCommon

WEBHOOK_SECRET = "whsec_native"


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
            }
        )
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
