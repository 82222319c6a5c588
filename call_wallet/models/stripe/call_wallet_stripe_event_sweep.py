import logging
from datetime import UTC, timedelta
from functools import partial

import psycopg2
import stripe
from odoo import api, models
from odoo.tools import split_every

from ...tools.clock import now, utcnow
from ...tools.door import door, each, end_if_clean, in_books, worker
from ...tools.sentence import telling
from ...tools.stripe_client import MENDED_BY_PEOPLE, cause_of, client
from .call_wallet_stripe_event import SWEEPING, SWEPT, UNKNOWN, WEBHOOK_EVENTS, NotYet
from .call_wallet_stripe_return import OPEN
from .payment_transaction import EXPAND, IN_FLIGHT

_logger = logging.getLogger(__name__)

# A request for Stripe's events names 20 types at most; a webhook may have any number.
LISTED_TYPES = 20

SWEEP_DAYS = 3

# How long Stripe keeps its events.
KEPT = timedelta(days=30)

# A request that Stripe has not carried out by then was never received.
GIVE_UP = timedelta(hours=1)

# So long a comparison may fail before finance is told.
LATE = timedelta(days=1)


class CallWalletStripeSweep(models.Model):
    """The hourly comparison: finds at Stripe what was missed here: messages, charges, answers.

    Stripe is asked for its lists outside of any transaction; each object is entered in one of its own.
    """

    _inherit = "call.wallet.stripe.event"

    @api.model
    def _cron_sweep(self):
        """Compare Stripe's recent payments and events with ours; enter what is missing, and report it."""
        providers = self.env["payment.provider"]._call_wallet_compared()
        self._forget_but(SWEEPING, providers)
        self._forget_but(UNKNOWN, [item for provider in providers for item in self._left_open(provider, None)])
        for provider in providers:
            if not self._sweep(provider.with_company(provider.company_id)):
                break

    @worker
    def _sweep(self, provider):
        """Compare one account at Stripe with ours; return whether there is time for others.

        A payment is given up only after it has been looked for among all payments at Stripe in this very run.
        """
        begun, since = utcnow(), self._compared_since(provider)
        lists_failed, failed_payments = {}, []
        for part, missing, step in (
            ("events", self._missed_events, self._enter_event),
            ("payments", self._missed_payments, self._catch_up),
            ("open", self._left_open, self._ask_how_it_stands),
            ("refunds", self._refunds_left, self._ask_for_refund),
            ("returns", self._taken_back, self._give_back),
            ("unanswered", self._not_received, partial(self._give_up, failed_payments)),
        ):
            if part == "unanswered" and "payments" in lists_failed:
                _logger.warning("Stripe was not compared with %s: no payment is given up.", provider.name)
                break
            try:
                items = missing(provider, since)
            except psycopg2.OperationalError:
                raise
            except Exception as error:  # whatever it is, it must not keep the other parts and accounts waiting
                _logger.warning("Stripe was not compared with %s.", provider.name, exc_info=True)
                lists_failed[part] = error
                continue
            resumed = "returns" if part == "returns" else None
            failed = partial(self._not_entered, provider, failed_payments) if part == "payments" else self._note_failure
            if not each(self.env, items, partial(step, provider), failed=failed, part=resumed):
                return False
        self._keep_comparison(provider, begun, next(iter(lists_failed.values()), None))
        return True

    @worker
    def _keep_comparison(self, provider, begun, error):
        """Keep up to when Stripe's lists were compared; tell finance where that has not been possible for a day."""
        failures = self.env["call.wallet.failure"]
        with door(self.env):
            if not error:
                provider.call_wallet_swept_at = begun
                failures._forget_failures(SWEEPING, {(provider._name, provider.id)})
                return
            cause, last = cause_of(error), provider.call_wallet_swept_at
            # Time does not mend a key; an answer that does not come usually comes an hour later.
            if cause in MENDED_BY_PEOPLE or not last or last < begun - LATE:
                failures._note_failure(SWEEPING, provider, error, cause)

    @worker
    def _forget_but(self, action, records):
        """Delete what is noted of accounts that are not compared any more, or of what has been decided."""
        failures = self.env["call.wallet.failure"]
        gone = failures._failing(action) - {(record._name, record.id) for record in records}
        if gone:
            with door(self.env):
                failures._forget_failures(action, gone)

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
        """Bring a payment or dispute to how it stands; one that the account does not know is noted, and ended later.

        The key, or its mode, may have been changed while it was under way.
        """
        try:
            if item._name == "call.wallet.stripe.return":
                item._bring_dispute(provider, item.reference)
            elif item.call_wallet_checkout_open:
                item._call_wallet_bring_page(leave=item._call_wallet_is_paid() and bool(item.invoice_ids))
            else:
                item._call_wallet_bring_intent(provider, item.provider_reference)
        except stripe.InvalidRequestError as error:
            if error.code != "resource_missing":
                raise
            self._note_unknown(item, error)
        else:
            if (item._name, item.id) in self.env["call.wallet.failure"]._failing(UNKNOWN):
                with door(self.env):
                    self._forget_unknown(item)

    @worker
    def _note_unknown(self, item, error):
        """Note what the account does not know; a payment that it has not known for a day is ended here."""
        failures = self.env["call.wallet.failure"]
        noted = failures.sudo().search(
            [("action", "=", UNKNOWN), ("model", "=", item._name), ("res_id", "=", item.id)], limit=1
        )
        is_over = noted and noted.first_at < utcnow() - LATE and item._name == "payment.transaction"
        if is_over:
            in_books(self.env, item._call_wallet_end_unknown)
        with door(self.env):
            if is_over:
                self._forget_unknown(item)
            else:
                failures._note_failure(UNKNOWN, item, error, "provider_unknown")

    def _forget_unknown(self, item):
        self.env["call.wallet.failure"]._forget_failures(UNKNOWN, {(item._name, item.id)})

    def _refunds_left(self, provider, _since):
        """Return the refunds that are not decided yet, however old: the bank is at it, or our request was lost."""
        return self.env["payment.transaction"].search(
            [
                ("provider_id", "=", provider.id),
                ("operation", "=", "refund"),
                ("state", "in", ("draft", "pending")),
                ("source_transaction_id.invoice_ids.call_wallet_topup_ids", "!=", False),
                ("last_state_change", "<", utcnow() - IN_FLIGHT),
            ],
            order="id",
        )

    @worker
    def _ask_for_refund(self, provider, refund):
        if refund.provider_reference:
            refund._call_wallet_bring_refund(provider, refund.provider_reference)
        else:
            refund._call_wallet_find_refund(provider)

    def _note_failure(self, _item, error):
        """Log a failure, which is then noted where finance sees it; a payment that is too young is none."""
        if isinstance(error, NotYet):
            _logger.info("A payment at Stripe is too young to be missing.")
            return True
        _logger.error("A step of the comparison with Stripe failed.", exc_info=error)
        return False

    @worker
    def _not_entered(self, provider, failed_payments, intent, error):
        """Keep a payment that could not be entered in the inbox, where it is tried again for as long as it fails."""
        failed_payments.append(intent.get("description"))
        if not self._note_failure(intent, error):
            subject = {"id": intent["id"], "customer": intent.get("customer")}
            event = {"id": f"{SWEPT}{intent['id']}", "type": "payment_intent.succeeded", "data": {"object": subject}}
            self._receive(provider, event)
        return True

    def _listed(self, provider, kind, parameters):
        """Yield what Stripe lists, as dicts; nothing is kept from PostgreSQL meanwhile."""
        service = getattr(client(provider), kind)
        end_if_clean(self.env)
        for item in service.list({**parameters, "limit": 100}).auto_paging_iter():
            yield item.to_dict()

    def _missed_events(self, provider, since):
        """Return the events that never reached the webhook, oldest first."""
        events = []
        for types in split_every(LISTED_TYPES, WEBHOOK_EVENTS):
            events += self._listed(
                provider, "events", {"types": list(types), "created": {"gte": int(since.timestamp())}}
            )
        events.sort(key=lambda event: event["created"], reverse=True)
        known = set(self.search([("reference", "in", [event["id"] for event in events])]).mapped("reference"))
        return [event for event in reversed(events) if event["id"] not in known]

    @worker
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

    @worker
    def _catch_up(self, provider, intent):
        in_books(self.env, lambda: self._enter_missed(provider, intent))

    def _enter_missed(self, provider, intent):
        transactions = self.env["payment.transaction"]
        found = transactions._call_wallet_find(provider, intent)
        entered = transactions._call_wallet_bring(provider, intent)
        _logger.warning("Stripe payment %s was not entered; the sweep did it: %s.", intent["id"], entered.reference)
        if found and entered.state == "done":  # an adopted one is reported where it is made
            told = entered._call_wallet_topups().wallet_id[:1]._for_finance()
            _ = telling(told.env)
            told._tell_finance(
                _("Payment %s was entered late", entered.reference),
                _("Stripe had it, but its message did not arrive. The balance is right now."),
                about=entered,
            )

    def _taken_back(self, provider, _since):
        """Return what was taken back, however long ago; it is given back where its payment stands at Stripe.

        Disputes that are open still are asked for with what is open.
        """
        moment = utcnow()
        taken = self.env["call.wallet.stripe.return"].search(
            [
                ("transaction_id.provider_id", "=", provider.id),
                ("is_taken", "=", True),
                ("status", "not in", OPEN),
            ],
            order="id",
        )
        return taken.filtered(lambda item: item._is_to_be_asked(moment))

    @worker
    def _give_back(self, provider, taken):
        taken._ask_again(provider)

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

    @worker
    def _give_up(self, failed_payments, provider, payment):
        if payment.reference not in failed_payments:  # that one is at Stripe, and could not be entered here
            in_books(self.env, lambda: self._give_up_one(provider, payment))

    def _give_up_one(self, provider, payment):
        if payment in self._not_received(provider, None):  # its answer may have come in the meantime
            _ = payment._call_wallet_in_language().env._
            payment._set_error(_("Stripe has not received this payment. Nothing was charged."))
