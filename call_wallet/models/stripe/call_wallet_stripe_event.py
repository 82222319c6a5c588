import logging
from datetime import timedelta

import psycopg2
import stripe
from odoo import api, fields, models
from odoo.exceptions import AccessError

from ...const import FINANCE_MANAGER
from ...tools.clock import utcnow
from ...tools.door import door, each, worker
from ...tools.stripe_client import cause_of

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
# Payouts have a comparison of their own.
PAYOUT_EVENTS = ["payout.paid", "payout.failed", "payout.canceled"]

# After so many failures finance is told, and after so many the event is tried less often.
TELL_AFTER = 3
MAX_ATTEMPTS = 30
REST = timedelta(hours=6)

# Under which name finance's list has an event that fails, a comparison, and what an account does not know.
FAILING = "stripe_event"
SWEEPING = "stripe_sweep"
UNKNOWN = "stripe_unknown"

# What the inbox calls a payment that a comparison has found and could not enter.
SWEPT = "sweep_"


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

    @worker
    @api.model
    def _receive(self, provider, event):
        """Put an event (a dict) into the inbox unless it is there, for good; return it if it waits.

        :param provider: whose account it comes from; its signature has been checked
        """
        subject = event["data"]["object"]
        with door(self.env):
            self.env.cr.execute(
                "INSERT INTO call_wallet_stripe_event"
                " (reference, provider_id, type, object_ref, customer_ref, state, attempts, create_date)"
                " VALUES (%s, %s, %s, %s, %s, 'waiting', 0, now() AT TIME ZONE 'UTC')"
                " ON CONFLICT (reference) DO NOTHING",
                [event["id"], provider.id, event["type"], subject["id"], subject.get("customer")],
            )
        return self.search([("reference", "=", event["id"]), ("state", "=", "waiting")])

    @worker
    def _process(self):
        """Carry out what the events call for, each apart; one that fails stays, for the scheduled action."""
        for event in self:
            event._process_one()

    @worker
    def _process_one(self):
        event = self.with_company(self.provider_id.company_id)
        try:
            is_ours = event._carry_out()
        except psycopg2.OperationalError:
            raise  # somebody else is at it: the whole request is repeated
        except Exception as error:  # one bad event must not keep the others waiting
            with door(self.env):
                self._fail(error)
        else:
            with door(self.env):
                self._succeed("done" if is_ours else "ignored")

    def _succeed(self, state):
        if self.attempts >= TELL_AFTER:
            self.env["call.wallet.failure"]._forget_failures(FAILING, {(self._name, self.id)})
        self.write({"state": state, "message": False, "processed_at": utcnow()})

    def _fail(self, error):
        """Keep why it failed; finance is told when that goes on, and it is tried again for as long as it fails."""
        attempts = self.attempts + 1
        if not isinstance(error, (NotYet, stripe.APIConnectionError)):
            _logger.error("Stripe event %s (%s) was not processed.", self.reference, self.type, exc_info=error)
        self.write(
            {
                "attempts": attempts,
                "message": str(error)[:500],
                "state": "failed" if attempts >= MAX_ATTEMPTS else "waiting",
                "processed_at": utcnow(),
            }
        )
        if attempts >= TELL_AFTER:
            is_unknown = isinstance(error, stripe.InvalidRequestError) and error.code == "resource_missing"
            cause = "provider_unknown" if is_unknown else cause_of(error)
            self.env["call.wallet.failure"]._note_failure(FAILING, self, error, cause)

    @worker
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
            case ["payout", _]:
                return self.env["call.wallet.stripe.payout"]._bring_payout(provider, name)
        return False

    def action_retry(self):
        """Process the events again; what was done already is not done twice.

        :raise AccessError: not a finance manager
        """
        if not self.env.user.has_group(FINANCE_MANAGER):
            raise AccessError(self.env._("Only a finance manager may process Stripe's messages again."))
        self.check_access("read")
        events = self.sudo()
        with door(self.env):
            events.write({"state": "waiting", "attempts": 0})
            failures = self.env["call.wallet.failure"]
            failures._forget_failures(FAILING, {(event._name, event.id) for event in events})
        events._process()

    @api.model
    def _cron_process(self):
        """Process what a webhook request has left, each event in transactions of its own.

        Those that have failed before come last; those that have failed often are tried a few times a day, until
        they succeed.
        """
        rested = utcnow() - REST
        due = ["|", ("state", "=", "waiting"), "&", ("state", "=", "failed"), ("processed_at", "<", rested)]
        each(self.env, self.search(due, order="attempts, id"), self._process_waiting)

    @worker
    def _process_waiting(self, event):
        # The webhook may have been here in the meantime.
        event.invalidate_recordset(["state"])
        if event.state in ("waiting", "failed"):
            event._process_one()
