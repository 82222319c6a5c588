import logging
from datetime import timedelta

from odoo import api, models
from psycopg2 import OperationalError

from ..clock import utcnow
from ..door import books_door, door, worker

_logger = logging.getLogger(__name__)

# Whoever received the payment's result processes it at once; Odoo's own scheduled action comes before us, too.
LEFT_ALONE = timedelta(minutes=30)


class CallWalletTopupSweep(models.Model):
    """Makes up, every few minutes, for what did not happen: a crash, a lost message, a payment deleted by SQL.

    What it had to repair, finance is told of, once for each wallet and run.
    """

    _inherit = "call.wallet.topup"

    @api.model
    def _cron_sync(self):
        """Credit what is paid but was not credited, take back what is not paid any more; report it.

        :return: the number of top-ups it repaired
        """
        self._process_left_payments()
        repaired = [topup for topup in self._out_of_level() if topup._sweep()]
        for wallet in self.browse(topup.id for topup in repaired).wallet_id:
            wallet._report_sweep([topup for topup in repaired if topup.wallet_id == wallet])
        return len(repaired)

    @worker
    def _sweep(self):
        """Bring one top-up to its level; one that fails does not keep the others waiting."""
        try:
            with door(self.env):
                difference = self._sync_one()
        except Exception:  # one that fails must not keep the others from being credited
            _logger.exception("Call wallet top-up %s was not brought to its level.", self.id)
            return False
        if difference:
            _logger.warning("Call wallet top-up %s: the sweep entered %s.", self.display_name, difference)
        return bool(difference)

    def _out_of_level(self):
        """Return the top-ups whose credit is not what their invoice's payments say.

        Settled ones are looked at again while their invoice changes: that is when a payment
        may have been taken back by a way without a hook.
        """
        self.env.flush_all()
        self.env.cr.execute(CANDIDATES)
        candidates = self.sudo().browse([row[0] for row in self.env.cr.fetchall()])
        return candidates.filtered(lambda topup: topup._level() != topup.credited_amount)

    # === PAYMENTS THAT NOBODY PROCESSED === #

    @worker
    def _process_left_payments(self):
        """Process results of top-ups' payments that were left lying, however old they are.

        Odoo tries for four days, and only while a payment provider is enabled.
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
        for transaction in left:
            try:
                # As Odoo processes them: two who reconcile the same invoice are told apart.
                with books_door(self.env), self.env.cr.savepoint():
                    is_processed = transaction._call_wallet_process_left()
            except OperationalError:  # somebody else is at it; the next run looks again
                _logger.info("Payment %s is being worked on.", transaction.reference)
            except Exception:  # one that fails must not keep the others waiting
                _logger.exception("Payment %s of a call wallet top-up was not processed.", transaction.reference)
            else:
                if is_processed:
                    _logger.warning("The result of payment %s was processed by the sweep.", transaction.reference)


class PaymentTransactionLeft(models.Model):
    _inherit = "payment.transaction"

    def _call_wallet_process_left(self):
        if not self.try_lock_for_update():
            return False
        self.env.invalidate_all()
        if not self.is_post_processed:
            self._post_process()
            return True
        return False


class CallWalletSweepReport(models.Model):
    _inherit = "call.wallet"

    @worker
    def _report_sweep(self, topups):
        names = ", ".join(topup.display_name for topup in topups)
        try:
            with door(self.env):
                self._tell_finance(
                    self.env._("Top-ups of %s were out of step with their payments", self.account_ref),
                    self.env._(
                        "The regular check brought the credit in line with what was received: %s. The balance is right "
                        "now. It happens after a crash, or when payments are changed outside of Odoo.",
                        names,
                    ),
                )
        except Exception:  # the balances are right, and in the log
            _logger.exception("Finance was not told of the repaired top-ups %s.", names)


# A top-up whose invoice has not changed since its last credit cannot be out of level.
CANDIDATES = """
    SELECT t.id
      FROM call_wallet_topup t
      JOIN account_move m ON m.id = t.invoice_id
     WHERE t.credited_amount <> t.amount AND m.state = 'posted' AND m.payment_state <> 'not_paid'
        OR t.credited_amount <> 0 AND (m.state <> 'posted' OR m.payment_state NOT IN ('paid', 'in_payment'))
        OR t.credited_amount <> 0 AND m.write_date > now() AT TIME ZONE 'UTC' - interval '35 days'
     ORDER BY t.wallet_id, t.id
"""
