import logging

import psycopg2
import stripe
from odoo import api, fields, models
from odoo.exceptions import AccessError

from ..clock import utcnow
from ..door import books_door
from .call_wallet import FINANCE_MANAGER

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
                # As Odoo enters payments: two who reconcile the same invoice are told apart.
                with books_door(self.env), self.env.cr.savepoint():
                    event._process()
            except psycopg2.OperationalError:  # somebody else is at it; the next run looks again
                _logger.info("Stripe event %s is being worked on.", event.reference)
