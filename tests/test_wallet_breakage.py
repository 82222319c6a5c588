"""Idle funds: notice by mail, then breakage; any use of the wallet keeps them."""

from datetime import timedelta
from decimal import Decimal

from dateutil.relativedelta import relativedelta
from odoo.addons.call_wallet.tools.clock import recorded_at, utcnow
from odoo.tests import tagged

from .common import CallWalletCommon


@tagged("post_install", "-at_install", "standard")
class TestBreakage(CallWalletCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write({"call_wallet_breakage_months": 12, "call_wallet_breakage_notice_days": 30})
        cls.owner = cls._make_user("idle-owner", "base.group_portal")
        cls.owner.partner_id.email = "owner@initrode.example"
        cls.wallet.owner_ids = cls.owner
        cls.wallet.refund("80.123456", "Opening credit")
        cls.started = utcnow()
        cls.due = cls.started + relativedelta(months=12)

    def run_at(self, moment, wallet=None):
        """The scheduled action, as of then, for this wallet alone."""
        with recorded_at(moment.replace(microsecond=0)):
            (wallet or self.wallet)._cron_breakage()
        self.env.invalidate_all()

    def mails(self):
        return self.env["mail.mail"].search([("subject", "ilike", "expires on")])

    def test_notice_goes_out_once_to_recipients_and_owners_and_names_day_and_amount(self):
        self.run_at(self.due - timedelta(days=31))
        self.assertFalse(self.wallet.funds_expire_on)
        for _run in range(2):
            self.run_at(self.due - timedelta(days=30))
        self.assertEqual(self.wallet.funds_expire_on, self.due.date())
        mails = self.mails()
        self.assertEqual(sorted(mails.mapped("email_to")), ["billing@initrode.example", "owner@initrode.example"])
        self.assertIn("80.12", mails[0].subject)
        self.assertBalance(self.wallet, "80.123456")

    def test_the_balance_is_taken_once_when_the_notice_is_over(self):
        self.run_at(self.due - timedelta(days=30))
        self.run_at(self.due - timedelta(days=1))
        self.assertBalance(self.wallet, "80.123456")
        for _run in range(2):
            self.run_at(self.due)
        self.assertBalance(self.wallet, 0)
        row = self.wallet.transaction_ids[0]
        self.assertEqual((row.type, row.amount), ("reversal", Decimal("-80.123456")))
        self.assertIn("12 months", row.description)
        self.assertFalse(row.topup_id)
        self.assertFalse(self.wallet.funds_expire_on)
        self.assertEqual(self.wallet.last_sequence, 2)
        self.assertSound(self.wallet)

    def test_a_late_first_run_still_gives_the_whole_notice(self):
        late = self.due + timedelta(days=100)
        self.run_at(late)
        self.assertEqual(self.wallet.funds_expire_on, (late + timedelta(days=30)).date())
        self.run_at(late + timedelta(days=29))
        self.assertBalance(self.wallet, "80.123456")

    def test_any_use_after_the_notice_keeps_the_funds_and_starts_the_time_anew(self):
        noticed = self.due - timedelta(days=30)
        self.env["res.company"].flush_model()
        uses = {
            "a call": lambda: self._record(self._call()),
            "a top-up": lambda: self._fund(self.wallet, 20, by="topup"),
            "a refund": lambda: self.wallet.refund("1", "Bad line"),
        }
        for name, use in uses.items():
            with self.subTest(name), self.cr.savepoint() as savepoint:
                self.run_at(noticed)
                with recorded_at((noticed + timedelta(days=3)).replace(microsecond=0)):
                    use()
                self.run_at(self.due)
                self.assertFalse(self.wallet.funds_expire_on)
                self.assertGreater(self.wallet.balance, 80)
                self.run_at(noticed + timedelta(days=3) + relativedelta(months=12) - timedelta(days=30))
                self.assertTrue(self.wallet.funds_expire_on)
                savepoint.rollback()
            self.env.invalidate_all()

    def test_a_call_in_progress_and_an_order_not_yet_paid_keep_the_funds(self):
        self.run_at(self.due - timedelta(days=30))
        self.env["call.wallet"].authorize_call(self.wallet.account_ref, "c-1", "live", "+14155550100")
        self.run_at(self.due)
        self.assertBalance(self.wallet, "80.123456")
        self.env["call.wallet"].release_hold(self.wallet.account_ref, "c-1")
        topup = self.wallet.create_topup("20")
        self.env.flush_all()
        self.cr.execute(
            "UPDATE call_wallet_topup SET create_date = %s WHERE id = %s", [self.due - timedelta(days=2), topup.id]
        )
        self.run_at(self.due)
        self.assertBalance(self.wallet, "80.123456")
        self.assertFalse(self.wallet.funds_expire_on)

    def test_off_by_default_and_switching_off_withdraws_notices(self):
        self.assertEqual(self.env["res.company"].create({"name": "Fresh"}).call_wallet_breakage_months, 0)
        self.run_at(self.due - timedelta(days=30))
        self.company.call_wallet_breakage_months = 0
        self.run_at(self.due)
        self.assertFalse(self.wallet.funds_expire_on)
        self.assertBalance(self.wallet, "80.123456")
        self.run_at(self.due + timedelta(days=400))
        self.assertFalse(self.wallet.funds_expire_on)

    def test_nothing_is_taken_from_a_wallet_that_nobody_could_be_told_about(self):
        silent = self._make_wallet(recipients=())
        silent.refund("5", "Opening credit")
        self.run_at(self.due + timedelta(days=1), silent)
        self.assertFalse(silent.funds_expire_on)
        silent.partner_id.email = "info@silent.example"
        self.run_at(self.due + timedelta(days=1), silent)
        self.assertTrue(silent.funds_expire_on)
        self.assertEqual(self.mails().email_to, "info@silent.example")

    def test_wallets_without_funds_get_no_notice(self):
        empty, negative = self._make_wallet(), self._make_wallet()
        self._record(self._call(account=negative.account_ref))
        self.run_at(self.due + timedelta(days=400), empty | negative)
        self.assertEqual((empty | negative).mapped("funds_expire_on"), [False, False])

    def test_the_notice_fits_the_idle_time(self):
        for values in (
            {"call_wallet_breakage_months": -1},
            {"call_wallet_breakage_months": 1, "call_wallet_breakage_notice_days": 29},
            {"call_wallet_breakage_notice_days": 0},
        ):
            with self.subTest(values), self.assertRaisesRegex(Exception, "breakage_range|Idle funds"):
                with self.cr.savepoint():
                    self.company.write(values)
                    self.company.flush_recordset()
            self.company.invalidate_recordset()

    def test_more_than_there_is_cannot_be_taken(self):
        for amount in ("80.123457", "0", "-1"):
            with self.assertRaisesRegex(Exception, "cannot be taken"):
                self.ledger._take_funds(self.wallet, amount, "Too much", "test/1")
        first = self.ledger._take_funds(self.wallet, "80", "Once", "test/1")
        self.assertEqual(self.ledger._take_funds(self.wallet, "80", "Once", "test/1"), first)
        self.assertBalance(self.wallet, "0.123456")
