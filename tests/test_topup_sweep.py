"""What the regular check makes up for, and what it tells of it."""

from datetime import timedelta

from odoo.tools import mute_logger

from .test_payback import PaybackCase

SWEEP = "odoo.addons.call_wallet.models.topup.call_wallet_topup_sync"


class TestTopupSweep(PaybackCase):
    def _left(self, topup, days=5):
        """A payment that was received, and whose result nobody has processed."""
        transaction = self._started(topup)
        transaction._set_done()
        transaction.last_state_change -= timedelta(days=days)
        return transaction

    def _sweep(self):
        self.env.flush_all()
        with mute_logger(SWEEP):
            repaired = self.env["call.wallet.topup"]._cron_sync()
        self.env.invalidate_all()
        return repaired

    def test_a_result_that_odoo_has_given_up_is_processed_though_its_provider_is_disabled(self):
        topup = self.wallet.create_topup("100")
        transaction = self._left(topup)
        self.provider.state = "disabled"
        self._sweep()
        self.assertTrue(transaction.is_post_processed)
        self.assertBalance(self.wallet, 100)
        self._sweep()
        self.assertEqual(len(topup.transaction_ids), 1)
        self.assertSound(self.wallet)

    def test_a_result_that_has_just_come_is_left_to_whoever_received_it(self):
        transaction = self._left(self.wallet.create_topup("100"), days=0)
        self._sweep()
        self.assertFalse(transaction.is_post_processed)

    def test_what_was_changed_behind_odoo_s_back_is_repaired_and_told_once_for_a_wallet(self):
        topups = [self._fund(self.wallet, amount, by="topup") for amount in ("100", "50")]
        payments = [topup.invoice_id._get_reconciled_payments() for topup in topups]
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE account_payment SET state = 'rejected' WHERE id = ANY(%s)", [[payment.id for payment in payments]]
        )
        self.env.invalidate_all()
        self.assertEqual(self._sweep(), 2)
        self.assertBalance(self.wallet, 0)
        [told] = self.wallet.activity_ids
        self.assertIn("out of step", told.summary)
        for topup in topups:
            self.assertIn(topup.invoice_id.name, told.note)
        self.assertEqual(self._sweep(), 0)
        self.assertEqual(len(self.wallet.activity_ids), 1)
