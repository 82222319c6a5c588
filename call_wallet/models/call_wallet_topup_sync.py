import logging
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import ROUND_HALF_UP, Decimal
from functools import partial

from odoo import SUPERUSER_ID, api, models
from odoo.tools import mute_logger
from psycopg2 import errors

from ..clock import utcnow
from ..door import door
from ..fields import ZERO, parse_amount
from .call_wallet_ledger import Entry

_logger = logging.getLogger(__name__)

_is_together = ContextVar("call_wallet_together", default=False)

# Somebody else moved the wallet, or the top-up, since this transaction began.
BUSY = (errors.SerializationFailure, errors.DeadlockDetected, errors.LockNotAvailable)


class CallWalletTopupSync(models.Model):
    """How money received becomes balance: a level, not an event.

    A top-up's credit is what was received on its invoice, net of tax, and never more than
    its amount less credit notes. ``_sync`` brings the ledger to that level from whatever
    state. The hooks on payments and invoices, and the scheduled sweep, only call it; late,
    repeated or lost calls of theirs change nothing.
    """

    _inherit = "call.wallet.topup"

    # === HOOKS CALL THIS === #

    def _sync(self):
        """Bring the wallets' credit for these top-ups to what was received for them.

        A busy wallet may have moved since the accounting transaction began, which PostgreSQL
        does not let it overlook: the top-up is then credited right after the commit, in a
        transaction of its own.
        """
        if _is_together.get():
            return
        # What the accounting itself wrote must not fail inside: only its caller can repeat that.
        self.env.flush_all()
        for topup in self.sudo().sorted(lambda topup: (topup.wallet_id.id, topup.id)):
            try:
                with mute_logger("odoo.sql_db"), self.env.cr.savepoint():
                    topup._sync_one()
            except BUSY:
                topup._sync_after_commit()

    @contextmanager
    def _together(self):
        """Enter one difference for several steps of the accounting: what is between them is no level."""
        token = _is_together.set(True)
        try:
            yield
        finally:
            _is_together.reset(token)
        self._sync()

    def _sync_after_commit(self):
        self.env.cr.postcommit.add(partial(sync_now, self.env.registry, self.ids))

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
            self._notify_after_commit()
        return difference

    def _enter_difference(self):
        """Enter the difference between the level and what was credited; return it."""
        self.env.flush_all()
        # First of all, and a write even where nothing will be entered: of two transactions that
        # each see only their own half of what was received, the second fails here.
        self.env.cr.execute("UPDATE call_wallet_topup SET credit_count = credit_count WHERE id = %s", [self.id])
        self.env.invalidate_all()
        level = self._level()
        difference = level - self.credited_amount
        if not difference:
            return difference
        number = self.credit_count + 1
        self.env["call.wallet.ledger"]._post(self._entry(difference, number))
        self.write({"credited_amount": level, "credit_count": number})
        self.env.flush_all()
        return difference

    def _level(self):
        """Return what the wallet should have been credited with for this top-up by now."""
        invoice = self.invoice_id
        if invoice.state != "posted":
            return ZERO
        noted = self._credit_notes()
        ordered = min(self.amount, invoice._call_wallet_net()) - noted
        # What was sent back for credit notes is no longer there, should the bank take the rest back, too.
        kept = self._received() - min(self._sent_back(), noted)
        return max(min(kept, ordered), ZERO)

    def _received(self):
        """Return what was received on the invoice, net of tax, in its currency.

        Only money counts: the counterpart is a payment or a line of a bank statement. A
        credit note or a write-off settles an invoice, but brings no funds; that goes for what
        a payment writes off itself (a bank's fee, a discount) as well.
        """
        return self._net_of_tax(RECEIVED)

    def _sent_back(self):
        """Return what was paid out on the invoice's credit notes, net of tax, in its currency."""
        return self._net_of_tax(SENT_BACK)

    def _net_of_tax(self, query):
        self.env["account.partial.reconcile"].flush_model()
        self.env.cr.execute(query, [self.invoice_id.id])
        received = Decimal(self.env.cr.fetchone()[0])
        total, net = parse_amount(self.invoice_id.amount_total), parse_amount(self.invoice_id.amount_untaxed)
        if received >= total:
            return net
        cent = Decimal(1).scaleb(-self.currency_id.decimal_places)
        return (received * net / total).quantize(cent, rounding=ROUND_HALF_UP)

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


def sync_now(registry, topup_ids):
    """Credit these top-ups in a transaction of their own, after the accounting's commit."""
    try:
        with registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            with door(env):
                for topup in env["call.wallet.topup"].browse(topup_ids).sorted("id"):
                    topup._sync_one()
    except Exception:  # the payment is committed; the sweep finds what is missing here
        _logger.exception("Call wallet top-ups %s were not credited; the scheduled sweep will.", topup_ids)


# Of a payment that settled 100 with 95, each partial counts for 95 %. A payment that bounced
# (`rejected`) keeps its entry and its partials. A payment in a provider's test mode is no money.
RECEIVED = """
    SELECT COALESCE(sum(p.debit_amount_currency * LEAST(1, GREATEST(0, cash.received / cash.settled))), 0)::text
      FROM account_partial_reconcile p
      JOIN account_move_line invoiced ON invoiced.id = p.debit_move_id
      JOIN account_move_line paid ON paid.id = p.credit_move_id
      JOIN account_move entry ON entry.id = paid.move_id
      JOIN account_journal journal ON journal.id = entry.journal_id
      LEFT JOIN account_payment payment ON payment.id = entry.origin_payment_id
      LEFT JOIN payment_transaction tx ON tx.id = payment.payment_transaction_id
      JOIN res_company company ON company.id = invoiced.company_id
     CROSS JOIN LATERAL (
           SELECT sum(line.balance) FILTER (
                      WHERE line.account_id IN (payment.outstanding_account_id, journal.default_account_id)
                  ) AS received,
                  NULLIF(sum(line.credit) FILTER (WHERE line.account_id = paid.account_id), 0) AS settled
             FROM account_move_line line
            WHERE line.move_id = entry.id
           ) cash
     WHERE invoiced.move_id = %s
       AND entry.state = 'posted'
       AND (payment.state IN ('in_process', 'paid') OR entry.statement_line_id IS NOT NULL)
       AND (tx.id IS NULL OR tx.is_live OR company.call_wallet_accept_test_payments)
"""
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
