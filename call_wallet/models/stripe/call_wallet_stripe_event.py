import logging
from datetime import UTC, datetime, timedelta

import psycopg2
import stripe
from odoo import api, fields, models
from odoo.exceptions import AccessError

from ...const import FINANCE_MANAGER
from ...tools.clock import now, utcnow
from ...tools.stripe_client import client
from .payment_transaction import EXPAND

_logger = logging.getLogger(__name__)

# What the webhook of Call Wallet is told. Odoo's own hears of payments, too; either suffices.
WEBHOOK_EVENTS = [
    "payment_intent.succeeded",
    "payment_intent.processing",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "charge.failed",
    "charge.refunded",
    "charge.refund.updated",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "customer_cash_balance_transaction.created",
]

MAX_ATTEMPTS = 30


class NotYet(Exception):
    """The event is about something that another process has not committed yet."""


SWEEP_DAYS = 3

# A request that Stripe has not carried out by then was never received.
GIVE_UP = timedelta(hours=1)


class CallWalletStripeEvent(models.Model):
    """What Stripe told us: an inbox. An event only says what to look at; Stripe is asked how it stands.

    So events may come twice, late, in any order, and be read again: the outcome is the same.
    """

    _name = "call.wallet.stripe.event"
    _description = "Stripe Event"
    _order = "id desc"
    _rec_name = "reference"

    reference = fields.Char("Event", required=True, readonly=True)
    provider_id = fields.Many2one("payment.provider", required=True, readonly=True, ondelete="cascade", index=True)
    type = fields.Char(required=True, readonly=True)
    object_ref = fields.Char("Object", required=True, readonly=True)
    customer_ref = fields.Char(readonly=True)
    state = fields.Selection(
        [("waiting", "Waiting"), ("done", "Processed"), ("ignored", "Not Ours"), ("failed", "Failed")],
        required=True,
        readonly=True,
        default="waiting",
        index=True,
    )
    attempts = fields.Integer(readonly=True)
    message = fields.Text(readonly=True)
    processed_at = fields.Datetime(readonly=True)

    _once = models.UniqueIndex("(reference)", "An event of Stripe's is kept once.")

    @api.model
    def _receive(self, provider, event):
        """Put an event (a dict) into the inbox unless it is there; return it if it waits.

        :param provider: whose account it comes from; its signature has been checked
        """
        subject = event["data"]["object"]
        self.env.cr.execute(
            "INSERT INTO call_wallet_stripe_event"
            " (reference, provider_id, type, object_ref, customer_ref, state, attempts, create_date)"
            " VALUES (%s, %s, %s, %s, %s, 'waiting', 0, now() AT TIME ZONE 'UTC')"
            " ON CONFLICT (reference) DO NOTHING",
            [event["id"], provider.id, event["type"], subject["id"], subject.get("customer")],
        )
        return self.search([("reference", "=", event["id"]), ("state", "=", "waiting")])

    def _process(self):
        """Carry out what the events call for; one that fails stays, for the scheduled action."""
        for event in self:
            try:
                with self.env.cr.savepoint():
                    is_ours = event.with_company(event.provider_id.company_id)._carry_out()
            except psycopg2.OperationalError:
                raise  # somebody else is at it: the whole request is repeated
            except Exception as error:  # one bad event must not keep the others waiting
                event._fail(error)
            else:
                state = "done" if is_ours else "ignored"
                event.write({"state": state, "message": False, "processed_at": utcnow()})

    def _fail(self, error):
        attempts = self.attempts + 1
        if not isinstance(error, (NotYet, stripe.APIConnectionError)):
            _logger.exception("Stripe event %s (%s) was not processed.", self.reference, self.type)
        self.write(
            {
                "attempts": attempts,
                "message": str(error)[:500],
                "state": "failed" if attempts >= MAX_ATTEMPTS else "waiting",
            }
        )

    def _carry_out(self):
        """Look at the event's object; return whether it is one of ours."""
        provider, name, transactions = self.provider_id, self.object_ref, self.env["payment.transaction"]
        returns = self.env["call.wallet.stripe.return"]
        match self.type.split("."):
            case ["charge", "dispute", _]:
                return returns._bring_dispute(provider, name)
            case ["charge", "failed"]:
                return returns._bring_charge(provider, name)
            case ["charge", "refunded"]:
                return transactions._call_wallet_bring_refunds(provider, charge=name)
            case ["refund", _] | ["charge", "refund", _]:
                return transactions._call_wallet_bring_refund(provider, name)
            case ["payment_intent", _]:
                return transactions._call_wallet_bring_intent(provider, name)
            case ["checkout", "session", *_]:
                return transactions._call_wallet_bring_session(provider, name)
            case ["customer_cash_balance_transaction", _]:
                customers = self.env["call.wallet.stripe.customer"]
                return customers._bring_cash(provider, self.customer_ref, name)
        return False

    def action_retry(self):
        """Process the events again; what was done already is not done twice.

        :raise AccessError: not a finance manager
        """
        if not self.env.user.has_group(FINANCE_MANAGER):
            raise AccessError(self.env._("Only a finance manager may process Stripe's messages again."))
        self.check_access("read")
        events = self.sudo()
        events.write({"state": "waiting", "attempts": 0})
        events._process()

    @api.model
    def _cron_process(self):
        """Process what a webhook request has left."""
        for event in self.search([("state", "=", "waiting")], order="id", limit=500):
            try:
                event._process()
                self.env.cr.commit()  # pylint: disable=invalid-commit
            except psycopg2.OperationalError:
                self.env.cr.rollback()

    # === THE HOURLY COMPARISON === #
    # Finds at Stripe what was missed here, once an hour: messages, charges, answers.

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
