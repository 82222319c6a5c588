import logging
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from odoo import api, fields, models
from odoo.tools import mute_logger
from psycopg2 import OperationalError, errors

from ...const import ACCOUNT_MANAGER
from ...tools.background import after_commit
from ...tools.clock import day_in, utcnow
from ...tools.door import books_door, door, each, worker
from ...tools.fields import ZERO, Amount, parse_amount
from ...tools.money import to_coins, unit_of
from ..ledger.call_wallet_ledger import Entry
from .settlement_sql import ENTERED_IN, FEE, RECEIVED, RECEIVED_BY_NOTES

_logger = logging.getLogger(__name__)

_is_together = ContextVar("call_wallet_together", default=False)

# Somebody else moved the wallet, or the top-up, since this transaction began.
BUSY = (errors.SerializationFailure, errors.DeadlockDetected, errors.LockNotAvailable)

# Whoever received the payment's result processes it at once; Odoo's own scheduled action comes before us, too.
LEFT_ALONE = timedelta(minutes=30)

# So long a settled top-up is looked at again after its invoice has changed.
LOOKED_AGAIN = timedelta(days=35)


class CallWalletTopupSync(models.Model):
    """How money received becomes balance: a level, not an event.

    A top-up's credit is what was received on its invoice, net of tax, and never more than
    its amount less credit notes. ``_sync`` brings the ledger to that level from whatever
    state. The hooks on payments and invoices call it; the scheduled sweep calls ``_sync_one``.
    A late or repeated call changes nothing, and a lost one is made up for by the sweep.
    """

    _inherit = "call.wallet.topup"

    notified_amount = Amount(
        required=True, default=0, readonly=True, copy=False, help="How much of the credit the recipients were told of."
    )

    received_amount = Amount(
        "Received",
        compute="_compute_received",
        help="What counts as received on the invoice, tax included. What the bank kept of it as its fee is your cost: "
        "the customer has paid it.",
    )
    fee_amount = Amount(
        "Of Which Bank Fee", compute="_compute_received", groups=ACCOUNT_MANAGER, help="What the bank kept of it."
    )

    def _compute_received(self):
        for topup in self:
            topup.received_amount, topup.fee_amount = topup.sudo()._received_with_fee()

    def _received_with_fee(self):
        """Return what counts as received on the invoice, tax included, and how much of it the bank kept."""
        if self.invoice_id.state != "posted" or self.invoice_id.payment_state == "not_paid":
            return ZERO, ZERO
        received, _other = self._settled()
        self.env.cr.execute(FEE, self._what_settled())
        return received, to_coins(Decimal(self.env.cr.fetchone()[0]), self.currency_id)

    # === HOOKS CALL THIS === #

    def _sync(self):
        """Bring the wallets' credit for these top-ups to what was received for them.

        A busy wallet may have moved since the accounting transaction began, which PostgreSQL
        does not let it overlook: the top-up is then credited right after the commit, in a
        transaction of its own.
        """
        if not self or _is_together.get():
            return
        # What the accounting itself wrote must not fail inside: only its caller can repeat that.
        self.env.flush_all()
        # The top-up's state depends on what settled its invoice, which was just written.
        self.sudo().modified(["credited_amount"])
        for topup in self.sudo().sorted(lambda topup: (topup.wallet_id.id, topup.id)):
            try:
                with mute_logger("odoo.sql_db"), self.env.cr.savepoint():
                    topup._sync_one()
            except BUSY:
                after_commit(self.env, self._name, "_sync_committed", topup.ids)

    @contextmanager
    def _together(self):
        """Enter one difference for several steps of the accounting; the states between them are not credited."""
        token = _is_together.set(True)
        try:
            yield
        finally:
            _is_together.reset(token)
        self._sync()

    @worker
    @api.model
    def _sync_committed(self, topup_ids):
        """Credit these top-ups after the accounting's commit, each in a transaction of its own."""
        for topup_id in topup_ids:
            with door(self.env):
                self.browse(topup_id)._sync_one()

    # === THE LEVEL === #

    def _sync_one(self):
        """Bring one top-up to its level, and let everything follow that depends on it.

        :return: Decimal, what was entered in the wallet's ledger; zero where it stood right already
        """
        self.ensure_one()
        difference = self._enter_difference()
        self._close_wires()
        if difference:
            self._follow_auto_topup(difference)
            after_commit(self.env, self._name, "_cron_notify", self.ids)
        return difference

    def _enter_difference(self):
        """Enter the difference between the level and what was credited; return it."""
        self.env.flush_all()
        # First of all, and a write even where nothing will be entered: of two transactions that
        # each see only their own half of what was received, the second fails here.
        self.env.cr.execute("UPDATE call_wallet_topup SET credit_count = credit_count WHERE id = %s", [self.id])
        self.env.invalidate_all()
        self._forget_counted()
        level = self._level()
        difference = level - self.credited_amount
        if not difference:
            return difference
        number = self.credit_count + 1
        transaction = self.env["call.wallet.ledger"]._enter(self._entry(difference, number))
        self.write({"credited_amount": level, "credit_count": number})
        self.env.flush_all()
        data = {
            "topup": self.id, "amount": abs(difference), "credited": level, "ordered": self.amount,
            "invoice": self.invoice_id.name, "transaction": transaction.id,
        }  # fmt: skip
        kind = "topup.credited" if difference > 0 else "topup.reversed"
        self.env["call.wallet.event"]._add([(self.wallet_id.id, kind, data)])
        return difference

    def _level(self):
        """Return what the wallet should have been credited with for this top-up by now."""
        invoice = self.invoice_id
        if invoice.state != "posted":
            return ZERO
        noted = self._credit_notes()
        ordered = min(self.amount, invoice._call_wallet_net()) - noted - self._released()
        # What was sent back for credit notes must not be counted twice if the bank later takes back the rest.
        sent_back = min(self._sent_back(), noted)
        kept = self._received() - sent_back
        # Net of tax, what came and what was sent back are rounded one by one: together they may miss by a coin what
        # the documents say exactly.
        if sent_back and abs(ordered - kept) <= unit_of(self.currency_id):
            kept = ordered
        return max(min(kept, ordered), ZERO)

    def _received(self):
        """Return what was received on the invoice, net of tax, in its currency.

        Only money counts: see ``settlement_sql``. What a finance manager counted as received is added.
        """
        received, _settled = self._settled()
        return self._to_net(received)

    def _settled(self):
        """Return what settled the invoice as (received, settled without money), tax included, in its currency.

        What a finance manager counted as received counts as received.
        """
        received, other = self._settled_by_kind()
        counted = min(self.counted_amount, other)
        return received + counted, other - counted

    def _settled_by_kind(self):
        """Return what settled the invoice as (money, anything else), tax included, in its currency."""
        self.env["account.partial.reconcile"].flush_model()
        parameters = self._what_settled()
        self.env.cr.execute(RECEIVED, parameters)
        *amounts, is_by_notes = self.env.cr.fetchone()
        if is_by_notes:
            self.env.cr.execute(RECEIVED_BY_NOTES, parameters)
            *amounts, _is_by_notes = self.env.cr.fetchone()
        received, other = map(Decimal, amounts)
        return received, other

    def _what_settled(self):
        """Return the parameters of ``settlement_sql``'s questions."""
        return {
            "invoice": self.invoice_id.id,
            "fees": self.company_id._call_wallet_fee_accounts().ids,
            "today": self._last_day_that_counts(),
        }

    def _last_day_that_counts(self):
        """Return the last day that has begun: at the company, or where somebody is who entered what settles it.

        Odoo dates what a user enters on that user's day: in Manila, money that has arrived may bear a date on
        which the company's own day is still to come.
        """
        # Sample data are recorded under a past time, and may be paid at any time before the real now.
        today = max(self.company_id._call_wallet_today(), datetime.now(UTC).date())
        self.env.cr.execute(ENTERED_IN, {"invoice": self.invoice_id.id, "today": today})
        return max([today, *(fields.Date.context_today(self.with_context(tz=tz)) for (tz,) in self.env.cr.fetchall())])

    def _sent_back(self):
        """Return what was paid out on the invoice's credit notes, net of tax, in its currency."""
        self.env["account.partial.reconcile"].flush_model()
        self.env.cr.execute(SENT_BACK, [self.invoice_id.id])
        return self._to_net(Decimal(self.env.cr.fetchone()[0]))

    def _to_net(self, amount):
        """Return the part of an amount of the invoice, tax included, that is net of tax.

        What cash rounding took off the invoice is paid with the rest of it.
        """
        invoice = self.invoice_id
        total, net = parse_amount(invoice.amount_total), parse_amount(invoice.amount_untaxed)
        net -= min(invoice._call_wallet_rounding(), ZERO)
        if amount >= total:
            return net
        return to_coins(amount * net / total, self.currency_id)

    def _credit_notes(self):
        """Return what posted credit notes took off the funds on the invoice, net of tax."""
        notes = self.invoice_id.reversal_move_ids.filtered(lambda note: note.state == "posted")
        return sum((note._call_wallet_net() for note in notes), ZERO)

    def _entry(self, difference, number):
        invoice = self.invoice_id.name
        _ = self.with_context(lang=self.partner_id._call_wallet_lang()).env._
        if difference > 0:
            kind, description = "balance_added", _("Balance added, invoice %s", invoice)
        else:
            kind, description = "reversal", _("Balance taken back, invoice %s", invoice)
        return Entry(
            wallet_id=self.wallet_id.id,
            date=utcnow(),
            type=kind,
            amount=difference,
            description=description,
            key=f"topup/{self.id}/{number}",
            topup_id=self.id,
        )

    # === TELLING THE RECIPIENTS === #
    # Tell the recipients that funds have arrived: once for each credit.
    #
    # What was told is a level beside the credit, so a mail that a crash prevented is sent by the
    # scheduled action, and none is sent twice.

    @api.model
    def _cron_notify(self, topup_ids=None):
        """Mail what was credited since the last mail, each top-up in a transaction of its own.

        :param topup_ids: only these; None: all
        """
        self.env.flush_all()
        self.env.cr.execute(UNTOLD, {"all": topup_ids is None, "ids": list(topup_ids or [])})
        untold = self.sudo().browse([row[0] for row in self.env.cr.fetchall()])
        each(self.env, untold, self._notify, failed=self._not_notified)

    @worker
    def _notify(self, topup):
        with door(self.env):
            if topup._is_untold():
                topup._notify_one()

    def _is_untold(self):
        """Lock the top-up; return whether its credit has not been told of, and no other process is about to."""
        self.env.flush_all()
        self.env.cr.execute(
            "SELECT FROM call_wallet_topup WHERE id = %s AND credited_amount <> notified_amount FOR UPDATE SKIP LOCKED",
            [self.id],
        )
        self.env.invalidate_all()
        return bool(self.env.cr.rowcount)

    def _not_notified(self, topup, error):
        """Log the error: one bad address or template must not hold up the others."""
        _logger.error("Call wallet top-up %s: its mail was not sent.", topup.id, exc_info=error)

    def _notify_one(self):
        added = self.credited_amount - self.notified_amount
        self.notified_amount = self.credited_amount
        if added > 0:
            self.wallet_id._mail_recipients("mail_template_topup_received", self.id, added=added)

    def _mail_link(self):
        """Return where the mail's button leads: to paying what is missing of the top-up, or else to the wallet."""
        wallet = f"{self.get_base_url()}/my/billing/{self.wallet_id.id}"
        return f"{wallet}/pay/{self.id}" if self.state == "partial" else wallet

    # === THE SWEEP === #
    # Makes up, every few minutes, for what did not happen: a crash, a lost message, a payment deleted by SQL.
    #
    # What it had to repair, finance is told of, once for each wallet and run.

    @api.model
    def _cron_sync(self):
        """Credit what is paid but was not credited, take back what is not paid any more; report it.

        :return: the number of top-ups it repaired
        """
        repaired = []
        is_done = self._process_left_payments() and each(
            self.env, self._out_of_level(), lambda topup: repaired.append(topup) if topup._sweep() else None
        )
        if not is_done:
            _logger.info("The sweep of top-ups goes on at its next start.")
        for wallet in self.browse(topup.id for topup in repaired).wallet_id:
            wallet._report_sweep([topup for topup in repaired if topup.wallet_id == wallet])
        return len(repaired)

    @worker
    def _sweep(self):
        """Bring one top-up to its level; return whether anything had to be repaired."""
        with door(self.env):
            difference = self._sync_one()
            was_awaited = difference > 0 and self._was_dated_ahead()
        if difference and not was_awaited:
            _logger.warning("Call wallet top-up %s: the sweep entered %s.", self.display_name, difference)
        return bool(difference) and not was_awaited

    def _was_dated_ahead(self):
        """Tell whether a payment was entered before its day, so that the sweep is what credits it."""
        partials = self.invoice_id.line_ids.matched_credit_ids
        tz = self.company_id._call_wallet_tz()
        return any(day_in(tz, one.create_date) < one.credit_move_id.date for one in partials)

    def _out_of_level(self):
        """Return the top-ups whose credit is not what their invoice's payments say.

        Settled ones are looked at again for some weeks after their invoice has changed: that is when a
        payment may have been taken back by a way without a hook.
        """
        # Since the last run at least, should it have been long ago.
        last = self.env.ref("call_wallet.ir_cron_topup_sync").sudo().lastcall
        self.env.flush_all()
        self.env.cr.execute(CANDIDATES, {"since": min(utcnow() - LOOKED_AGAIN, last) if last else datetime.min})
        candidates = self.sudo().browse([row[0] for row in self.env.cr.fetchall()])
        return candidates.filtered(lambda topup: topup._may_be_out_of_level())

    def _may_be_out_of_level(self):
        try:
            return self._level() != self.credited_amount
        except OperationalError:
            raise
        except Exception:  # it fails again in its own turn, where finance is told; the others do not wait for it
            _logger.warning("What top-up %s should be credited with is not known.", self.id, exc_info=True)
            return True

    # === PAYMENTS THAT NOBODY PROCESSED === #

    @worker
    def _process_left_payments(self):
        """Process results of top-ups' payments that were left lying, however old they are.

        Odoo tries for four days, and only while a payment provider is enabled.

        :return: whether there was time for all
        """
        left = self.env["payment.transaction"].search(
            [
                ("is_post_processed", "=", False),
                ("state", "in", ("done", "cancel", "error")),
                ("last_state_change", "<", utcnow() - LEFT_ALONE),
                "|",
                ("invoice_ids.call_wallet_topup_ids", "!=", False),
                ("source_transaction_id.invoice_ids.call_wallet_topup_ids", "!=", False),
            ],
            order="id",
        )
        return each(self.env, left, self._process_left, failed=self._not_processed)

    @worker
    def _process_left(self, transaction):
        # As Odoo processes them: two who reconcile the same invoice are told apart.
        with books_door(self.env), self.env.cr.savepoint():
            is_processed = transaction._call_wallet_process_left()
        if is_processed:
            _logger.warning("The result of payment %s was processed by the sweep.", transaction.reference)

    def _not_processed(self, transaction, error):
        if isinstance(error, OperationalError):  # somebody else is at it; the next run looks again
            _logger.info("Payment %s is being worked on.", transaction.reference)
        else:
            _logger.error("Payment %s of a top-up was not processed.", transaction.reference, exc_info=error)


SENT_BACK = """
    SELECT COALESCE(sum(p.credit_amount_currency), 0)::text
      FROM account_move note
      JOIN account_move_line credited ON credited.move_id = note.id
      JOIN account_partial_reconcile p ON p.credit_move_id = credited.id
      JOIN account_move_line paid ON paid.id = p.debit_move_id
      JOIN account_move entry ON entry.id = paid.move_id
      LEFT JOIN account_payment payment ON payment.id = entry.origin_payment_id
     WHERE note.reversed_entry_id = %s
       AND note.state = 'posted'
       AND entry.state = 'posted'
       AND (payment.state IN ('in_process', 'paid') OR entry.statement_line_id IS NOT NULL)
"""


# When money is taken back, the amount that was told falls without a mail; if it comes again, it is told again.
UNTOLD = """
    SELECT id FROM call_wallet_topup
     WHERE credited_amount <> notified_amount AND (%(all)s OR id = ANY(%(ids)s))
     ORDER BY id
"""


# The invoices that were paid with credit notes of these.
_FED = """
    SELECT used.move_id
      FROM {origin}
      JOIN account_move note ON note.reversed_entry_id = {id} AND note.state = 'posted'
      JOIN account_move_line credited ON credited.move_id = note.id
      JOIN account_partial_reconcile p ON p.credit_move_id = credited.id
      JOIN account_move_line used ON used.id = p.debit_move_id AND used.move_id <> note.reversed_entry_id
"""

# A top-up whose invoice has not changed since its last credit cannot be out of level, unless it was paid with the
# credit note of one that has changed.
CANDIDATES = f"""
    WITH RECURSIVE fed AS (
        {_FED.format(origin="account_move origin", id="origin.id")}
         WHERE origin.write_date > %(since)s
         UNION
        {_FED.format(origin="fed", id="fed.move_id")}
    )
    SELECT t.id
      FROM call_wallet_topup t
      JOIN account_move m ON m.id = t.invoice_id
     WHERE t.credited_amount <> t.amount AND m.state = 'posted' AND m.payment_state <> 'not_paid'
        OR t.credited_amount <> 0 AND (m.state <> 'posted' OR m.payment_state NOT IN ('paid', 'in_payment'))
        OR t.credited_amount <> 0 AND m.write_date > %(since)s
        OR t.credited_amount <> 0 AND m.id IN (SELECT move_id FROM fed)
     ORDER BY t.wallet_id, t.id
"""
