import logging
from datetime import UTC, timedelta
from functools import partial

import psycopg2
import stripe
from odoo import api, fields, models
from odoo.exceptions import AccessError

from ...const import FINANCE_MANAGER
from ...tools.clock import now, utcnow
from ...tools.door import door, each, end_if_clean, in_books, worker
from ...tools.stripe_client import client
from .call_wallet_stripe_return import OPEN
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
# Payouts have a comparison of their own; and Stripe lists events of 20 types at most.
PAYOUT_EVENTS = ["payout.paid", "payout.failed", "payout.canceled"]

MAX_ATTEMPTS = 30


class NotYet(Exception):
    """The event is about something that another process has not committed yet."""


SWEEP_DAYS = 3

# How long Stripe keeps its events.
KEPT = timedelta(days=30)

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
        events.write({"state": "waiting", "attempts": 0})
        events._process()

    @api.model
    def _cron_process(self):
        """Process what a webhook request has left, each event in a transaction of its own.

        Those that have failed before come last.
        """
        each(self.env, self.search([("state", "=", "waiting")], order="attempts, id"), self._process_waiting)

    @worker
    def _process_waiting(self, event):
        # Read in the step's own transaction: the webhook may have been here in the meantime.
        in_books(self.env, lambda: event.filtered(lambda event: event.state == "waiting")._process())

    # === THE HOURLY COMPARISON === #
    # Finds at Stripe what was missed here, once an hour: messages, charges, answers.
    #
    # Stripe is asked for its lists outside of any transaction; each object is entered in one of its own.

    @api.model
    def _cron_sweep(self):
        """Compare Stripe's recent payments and events with ours; enter what is missing, and report it."""
        providers = self.env["payment.provider"].search([("code", "=", "stripe"), ("state", "!=", "disabled")])
        for provider in providers.filtered("stripe_secret_key"):
            if not self._sweep(provider.with_company(provider.company_id)):
                break

    @worker
    def _sweep(self, provider):
        """Compare one account at Stripe with ours; return whether there is time for others.

        Payments are given up only after every payment at Stripe has been compared with ours in this very run.
        """
        begun = utcnow()
        since = self._compared_since(provider)
        failures = {}
        for part, missing, step in (
            ("events", self._missed_events, self._enter_event),
            ("payments", self._missed_payments, self._catch_up),
            ("open", self._left_open, self._ask_how_it_stands),
            ("returns", self._taken_back, self._give_back),
            ("unanswered", self._not_received, self._give_up),
        ):
            if part == "unanswered" and failures["payments"]:
                _logger.warning("Stripe was not compared with %s: no payment is given up.", provider.name)
                break
            failures[part] = []
            try:
                items = missing(provider, since)
            except stripe.StripeError as error:
                _logger.warning("Stripe was not compared with %s.", provider.name, exc_info=True)
                failures[part].append(error)
                continue
            noted = partial(self._note_failure, failures[part])
            resumed = "returns" if part == "returns" else None
            enter = partial(self._enter, provider, step)
            if part == "open":  # Stripe is asked for each first, with nothing locked
                enter = partial(step, provider)
            if not each(self.env, items, enter, failed=noted, part=resumed):
                return False
        if not failures["events"] and not failures["payments"]:
            with door(self.env):
                provider.call_wallet_swept_at = begun
        return True

    def _compared_since(self, provider):
        """Return from when on Stripe's lists are read: what the last sweep without a failure may have missed."""
        recent = now() - timedelta(days=SWEEP_DAYS)
        # Nothing is known of the time before the first one: as far back as Stripe keeps its events.
        last = provider.call_wallet_swept_at or utcnow() - KEPT
        return min(recent, last.replace(tzinfo=UTC) - GIVE_UP)

    def _left_open(self, provider, _since):
        """Return the payments and disputes that are not decided yet, however old: lists end somewhere."""
        transactions = self.env["payment.transaction"].search(
            [
                ("provider_id", "=", provider.id),
                ("operation", "!=", "refund"),
                ("invoice_ids.call_wallet_topup_ids", "!=", False),
                "|",
                "&",
                ("state", "in", ("pending", "authorized")),
                ("provider_reference", "!=", False),
                "&",
                ("call_wallet_checkout_open", "=", True),
                ("create_date", "<", utcnow() - GIVE_UP),
            ],
            order="id",
        )
        disputes = self.env["call.wallet.stripe.return"].search(
            [("transaction_id.provider_id", "=", provider.id), ("kind", "=", "dispute"), ("status", "in", OPEN)],
            order="id",
        )
        return [*transactions, *disputes]

    @worker
    def _ask_how_it_stands(self, provider, item):
        """Ask Stripe while nothing is locked, then enter the answer."""
        api_ = client(provider)
        if item._name == "call.wallet.stripe.return":
            dispute = api_.disputes.retrieve(item.reference).to_dict()
            in_books(self.env, lambda: item._enter_dispute(provider, dispute))
        elif item.call_wallet_checkout_open:
            in_books(self.env, lambda: self._bring_page(item))
        else:
            intent = api_.payment_intents.retrieve(item.provider_reference, {"expand": EXPAND}).to_dict()
            in_books(self.env, lambda: item._call_wallet_bring(provider, intent))

    def _bring_page(self, payment):
        payment._call_wallet_fetch_checkout()
        if payment.state == "done" and not payment.is_post_processed:
            payment._post_process()

    @worker
    def _enter(self, provider, step, item):
        in_books(self.env, lambda: step(provider, item))

    def _note_failure(self, failures, _item, error):
        if isinstance(error, NotYet):
            _logger.info("A payment at Stripe is too young to be missing.")
            return
        failures.append(error)
        _logger.error("A step of the comparison with Stripe failed.", exc_info=error)

    def _listed(self, provider, kind, parameters):
        """Yield what Stripe lists, as dicts; nothing is kept from PostgreSQL meanwhile."""
        service = getattr(client(provider), kind)
        end_if_clean(self.env)
        for item in service.list({**parameters, "limit": 100}).auto_paging_iter():
            yield item.to_dict()

    def _missed_events(self, provider, since):
        """Return the events that never reached the webhook, oldest first."""
        parameters = {"types": WEBHOOK_EVENTS, "created": {"gte": int(since.timestamp())}}
        events = list(self._listed(provider, "events", parameters))
        known = set(self.search([("reference", "in", [event["id"] for event in events])]).mapped("reference"))
        return [event for event in reversed(events) if event["id"] not in known]

    def _enter_event(self, provider, event):
        self._receive(provider, event)._process()

    def _missed_payments(self, provider, since):
        """Return the payments (dicts) that succeeded at Stripe and are not done here, or whose answer was lost."""
        transactions = self.env["payment.transaction"]
        # What waits for an answer is compared however old it is: it would be given up otherwise.
        asked = [(date - GIVE_UP).replace(tzinfo=UTC) for date in self._unanswered(provider).mapped("create_date")]
        listed = self._listed(
            provider,
            "payment_intents",
            {
                "created": {"gte": int(min([since, *asked]).timestamp())},
                "expand": [f"data.{name}" for name in EXPAND],
            },
        )
        ours = [intent for intent in listed if transactions._call_wallet_is_ours(intent)]
        return [intent for intent in ours if self._is_missed(provider, intent)]

    def _is_missed(self, provider, intent):
        found = self.env["payment.transaction"]._call_wallet_find(provider, intent)
        if intent["status"] == "succeeded":
            return found.state != "done" or not found.is_post_processed
        return found in self._unanswered(provider)

    def _catch_up(self, provider, intent):
        transactions = self.env["payment.transaction"]
        found = transactions._call_wallet_find(provider, intent)
        entered = transactions._call_wallet_bring(provider, intent)
        _logger.warning("Stripe payment %s was not entered; the sweep did it: %s.", intent["id"], entered.reference)
        if found and entered.state == "done":  # an adopted one is reported where it is made
            told = entered._call_wallet_topups().wallet_id[:1]._for_finance()
            told._tell_finance(
                told.env._("Payment %s was entered late", entered.reference),
                told.env._("Stripe had it, but its message did not arrive. The balance is right now."),
            )

    def _taken_back(self, provider, since):
        """Return what was taken back since then; it is given back where its payment stands at Stripe."""
        return self.env["call.wallet.stripe.return"].search(
            [
                ("transaction_id.provider_id", "=", provider.id),
                ("kind", "=", "return"),
                ("is_taken", "=", True),
                ("create_date", ">=", since.astimezone(UTC).replace(tzinfo=None)),
            ],
            order="id",
        )

    def _give_back(self, provider, taken):
        self.env["call.wallet.stripe.return"]._bring_charge(provider, taken.reference)

    def _unanswered(self, provider):
        """Return the payments that Stripe was asked for, and has not answered."""
        return self.env["payment.transaction"].search(
            [
                ("provider_id", "=", provider.id),
                ("state", "=", "pending"),
                ("call_wallet_unanswered", "=", True),
                ("provider_reference", "=", False),
                ("operation", "!=", "refund"),
            ]
        )

    def _not_received(self, provider, _since):
        """Return the requests that Stripe never received; they are given up, so that the customer can pay again."""
        limit = (now() - GIVE_UP).replace(tzinfo=None)
        return self._unanswered(provider).filtered(lambda payment: payment.last_state_change < limit)

    def _give_up(self, provider, payment):
        if payment in self._not_received(provider, None):  # its answer may have come in the meantime
            payment._set_error(self.env._("Stripe has not received this payment. Nothing was charged."))
