import logging
from datetime import UTC, datetime, timedelta

import stripe
from odoo import api, models

from ..clock import now
from ..stripe_client import client
from .call_wallet_stripe_event import WEBHOOK_EVENTS, NotYet
from .payment_transaction_stripe import EXPAND

_logger = logging.getLogger(__name__)

SWEEP_DAYS = 3
# A request that Stripe has not carried out by then was never received.
GIVE_UP = timedelta(hours=1)


class CallWalletStripeSweep(models.Model):
    """Finds at Stripe what was missed here, once an hour: messages, charges, answers."""

    _inherit = "call.wallet.stripe.event"

    @api.model
    def _cron_sweep(self):
        """Compare Stripe's recent payments and events with ours; enter what is missing, and report it."""
        providers = self.env["payment.provider"].search([("code", "=", "stripe"), ("state", "!=", "disabled")])
        for provider in providers.filtered("stripe_secret_key"):
            since = int((now() - timedelta(days=SWEEP_DAYS)).timestamp())
            for part in (self._sweep_events, self._sweep_payments, self._sweep_returns, self._sweep_unanswered):
                try:
                    part(provider.with_company(provider.company_id), since)
                except stripe.StripeError:
                    _logger.warning("Stripe was not compared with %s.", provider.name, exc_info=True)

    def _sweep_events(self, provider, since):
        """Take events into the inbox that never reached the webhook."""
        listed = client(provider).events.list({"types": WEBHOOK_EVENTS, "created": {"gte": since}, "limit": 100})
        events = [event.to_dict() for event in listed.auto_paging_iter()]
        names = [event["id"] for event in events]
        known = set(self.search([("reference", "in", names)]).mapped("reference"))
        for event in reversed(events):  # oldest first
            if event["id"] not in known:
                self._apart(lambda event=event: self._receive(provider, event)._process())

    def _sweep_payments(self, provider, since):
        """Enter payments that succeeded at Stripe and are not done here."""
        transactions = self.env["payment.transaction"]
        listed = client(provider).payment_intents.list(
            {"created": {"gte": since}, "limit": 100, "expand": [f"data.{name}" for name in EXPAND]}
        )
        for item in listed.auto_paging_iter():
            intent = item.to_dict()
            if intent["status"] == "succeeded" and transactions._call_wallet_is_ours(intent):
                found = transactions._call_wallet_find(provider, intent)
                if found.state != "done" or not found.is_post_processed:
                    self._apart(lambda intent=intent, found=found: self._catch_up(provider, intent, found))

    def _catch_up(self, provider, intent, found):
        transactions = self.env["payment.transaction"]
        entered = transactions._call_wallet_bring(provider, intent)
        _logger.warning("Stripe payment %s was not entered; the sweep did it: %s.", intent["id"], entered.reference)
        if found and entered.state == "done":  # an adopted one is reported where it is made
            entered._call_wallet_topups().wallet_id[:1]._tell_finance(
                self.env._("Payment %s was entered late", entered.reference),
                self.env._("Stripe had it, but its message did not arrive. The balance is right now."),
            )

    def _sweep_returns(self, provider, since):
        """Give back what was taken back although its payment stands at Stripe."""
        returns = self.env["call.wallet.stripe.return"]
        taken = returns.search(
            [
                ("transaction_id.provider_id", "=", provider.id),
                ("kind", "=", "return"),
                ("is_taken", "=", True),
                ("create_date", ">=", datetime.fromtimestamp(since, UTC).replace(tzinfo=None)),
            ]
        )
        for name in taken.mapped("reference"):
            self._apart(lambda name=name: returns._bring_charge(provider, name))

    def _sweep_unanswered(self, provider, _since):
        """Give up requests that Stripe never received, so that the customer can pay again."""
        waiting = self.env["payment.transaction"].search(
            [
                ("provider_id", "=", provider.id),
                ("state", "=", "pending"),
                ("call_wallet_unanswered", "=", True),
                ("provider_reference", "=", False),
                ("operation", "!=", "refund"),
                ("last_state_change", "<", (now() - GIVE_UP).replace(tzinfo=None)),
            ]
        )
        for transaction in waiting:
            transaction._set_error(self.env._("Stripe has not received this payment. Nothing was charged."))

    def _apart(self, step):
        """Do one step; one that fails does not keep the others from being done."""
        try:
            with self.env.cr.savepoint():
                step()
        except NotYet:
            _logger.info("A payment at Stripe is too young to be missing.")
        except Exception:
            _logger.exception("A step of the comparison with Stripe failed.")
