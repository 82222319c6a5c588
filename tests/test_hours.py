"""Which day it is: a wallet's in its own time zone, a document's at the company; never that of whoever looks.

The moment is 31 December, 23:30 UTC, unless a test says otherwise: 1 January in Manila, still December in Los Angeles.
"""

from datetime import date, datetime, timedelta
from decimal import Decimal

from odoo import Command
from odoo.addons.call_wallet.tools.clock import recorded_at
from odoo.exceptions import UserError
from odoo.tests import Form, freeze_time, new_test_user, tagged

from .common import CallWalletCommon
from .test_payback import PaybackCase

LAST_HOUR = datetime(2026, 12, 31, 23, 30)
OLD, NEW = date(2026, 12, 31), date(2027, 1, 1)
MANILA, ANGELES = "Asia/Manila", "America/Los_Angeles"


class Hours:
    """Finance in Manila and in Los Angeles, who look at the same moment."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        groups = "call_wallet.group_finance_manager"
        cls.east = new_test_user(cls.env, login="east", groups=groups, tz=MANILA)
        cls.west = new_test_user(cls.env, login="west", groups=groups, tz=ANGELES)
        cls.owner = new_test_user(cls.env, login="far-owner", groups="base.group_portal", tz=ANGELES)
        cls.wallet.owner_ids = cls.owner
        cls.company.partner_id.tz = False

    def setUp(self):
        super().setUp()
        clock = freeze_time(LAST_HOUR)
        clock.start()
        self.addCleanup(clock.stop)

    def _seen_by(self, user, record=None):
        """The wallet (or another record) as this person's pages and screens read it, in their time zone."""
        self.env.invalidate_all()
        record = self.wallet if record is None else record
        return record.with_user(user).sudo().with_context(tz=user.tz)


@tagged("post_install", "-at_install", "standard")
class TestWhoLooks(Hours, CallWalletCommon):
    def test_a_payment_by_hand_is_dated_on_the_companys_day(self):
        plain = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.partner.id,
                "invoice_line_ids": [Command.create({"name": "Something else", "price_unit": 5})],
            }
        )
        plain.action_post()
        topup = self.wallet.create_topup("20").invoice_id
        for user, theirs in ((self.east, NEW), (self.west, OLD)):
            dialog = self.env["account.payment.register"].with_user(user)
            for invoice, day in ((topup, OLD), (plain, theirs)):
                with self.subTest(user=user.login, invoice=invoice.name):
                    context = {"active_model": "account.move", "active_ids": invoice.ids, "tz": user.tz}
                    form = Form(dialog.with_context(**context))
                    self.assertEqual(form.payment_date, day)

    def test_minutes_left_are_the_same_for_all(self):
        # The last 30 days of the wallet (UTC) begin on 2 December. In Manila's January they would on the 3rd.
        for day, number in ((2, "+442079460000"), (20, "+14155550100")):
            with recorded_at(datetime(2026, 12, day, 12)):
                self._record(self._call(number=number, duration_seconds=60, started_at=f"2026-12-{day:02}T11:00:00Z"))
        self._fund(self.wallet, "100.0616")
        self.assertBalance(self.wallet, 100)
        for user in (self.east, self.west, self.owner):
            with self.subTest(user=user.login):
                # 0.0491 and 0.0125 for a minute each: 0.0308 a minute on average, 3246.7 minutes for 100.
                self.assertEqual(self._seen_by(user).live_minutes_left, 3246)

    def test_the_runway_is_the_same_for_all(self):
        # The last seven days of the wallet (UTC) begin on 25 December.
        with recorded_at(datetime(2026, 12, 25, 12)):
            self._record(self._call(duration_seconds=33600, started_at="2026-12-25T01:00:00Z"))
        self._fund(self.wallet, 27)
        for user in (self.east, self.west, self.owner):
            with self.subTest(user=user.login):
                wallet = self._seen_by(user)
                # 560 minutes at 0.0125 are 7.00: 1.00 a day, and 20 are left.
                self.assertEqual((wallet.daily_spend, wallet.available_balance), (Decimal(1), Decimal(20)))
                self.assertEqual(wallet.runs_out_on, date(2027, 1, 20))

    def test_wallets_of_different_zones_have_each_their_own_days(self):
        east, west = self._make_wallet(tz=MANILA), self._make_wallet(tz=ANGELES)
        calls = [
            self._call(account=wallet.account_ref, duration_seconds=33600, started_at="2026-12-25T01:00:00Z")
            for wallet in (east, west)
        ]
        with recorded_at(datetime(2026, 12, 25, 12)):  # the 25th in both zones
            self._record(*calls)
        for wallet in (east, west):
            self._fund(wallet, 27)
        both = (east | west).sudo()
        self.env.invalidate_all()
        # In Manila 1 January is the seventh day after 25 December; in Los Angeles it is the 31st.
        self.assertEqual(both.mapped("daily_spend"), [Decimal(0), Decimal(1)])
        self.assertEqual(both.mapped("runs_out_on"), [False, date(2027, 1, 20)])

    def test_what_may_still_be_ordered_is_the_same_for_all(self):
        self.company.call_wallet_topup_day_max = 100
        self.wallet.tz = MANILA
        with freeze_time(LAST_HOUR - timedelta(hours=8)):  # 23:30 of the 31st in Manila
            self.wallet.with_user(self.owner).sudo().create_topup("80", accept_terms=True)
        for tz in (MANILA, ANGELES):
            with self.subTest(tz=tz):
                wallet = self._seen_by(self.owner).with_context(tz=tz)
                topup = wallet.create_topup("100", accept_terms=True)
                with self.assertRaisesRegex(UserError, "0.00 is left today"):
                    wallet.create_topup("1", accept_terms=True)
                topup.sudo().invoice_id.button_cancel()

    def test_report_presets_are_of_the_wallet(self):
        for tz, month in ((MANILA, date(2027, 1, 1)), (ANGELES, date(2026, 12, 1))):
            wallet = self._make_wallet(tz=tz)
            for user in (self.east, self.west):
                with self.subTest(wallet=tz, user=user.login):
                    wizards = self.env["call.usage.report.wizard"].with_user(user).with_context(tz=user.tz)
                    self.assertEqual(Form(wizards.with_context(default_wallet_id=wallet.id)).date_from, month)

    def test_a_new_wallet_starts_with_the_statement_of_its_own_month(self):
        for user in (self.east, self.west):
            with self.subTest(user=user.login):
                wallets = self._seen_by(user, self.env["call.wallet"])
                made = [
                    self._make_wallet(tz=tz).sudo(False).with_env(wallets.env).statement_month
                    for tz in (MANILA, ANGELES)
                ]
                self.assertEqual(made, [date(2026, 12, 1), date(2026, 11, 1)])

    def test_idle_time_is_counted_in_days_of_the_wallet(self):
        self.company.write({"call_wallet_breakage_months": 12, "call_wallet_breakage_notice_days": 30})
        # Used at 16:30 UTC of 1 January: the 2nd in Manila. Twelve months less 30 days end on 3 December.
        with freeze_time("2026-01-01 16:30:00"):
            wallet = self._make_wallet(tz=MANILA)
            self.env.cr.execute("UPDATE call_wallet SET create_date = '2026-01-01 16:30' WHERE id = %s", [wallet.id])
            wallet.refund(10, "Opening credit")
        for moment, told in ((datetime(2026, 12, 2, 15, 30), False), (datetime(2026, 12, 2, 16, 30), True)):
            with self.subTest(moment=moment), recorded_at(moment):
                wallet._cron_breakage()
                self.env.invalidate_all()
                self.assertEqual(wallet.funds_expire_on, date(2027, 1, 2) if told else False)


@tagged("post_install", "-at_install", "standard")
class TestDocuments(Hours, PaybackCase):
    def test_an_invoice_is_dated_on_the_companys_day(self):
        for company_tz, expected in ((False, OLD), ("Asia/Singapore", NEW), (ANGELES, OLD)):
            for wallet_tz in ("Asia/Singapore", ANGELES):
                self.company.partner_id.tz = company_tz
                wallet = self._make_wallet(tz=wallet_tz)
                with self.subTest(company=company_tz, wallet=wallet_tz), freeze_time("2026-12-31 22:52:00"):
                    invoice = wallet.with_context(tz="Asia/Tokyo").create_topup("100").invoice_id
                    self.assertEqual((invoice.invoice_date, invoice.date), (expected, expected))

    def test_a_branch_keeps_its_books_where_its_company_does(self):
        branch = self.env["res.company"].create({"name": "Branch", "parent_id": self.company.id})
        branch.partner_id.tz = False
        self.company.partner_id.tz = MANILA
        self.assertEqual(branch._call_wallet_today(), NEW)
        branch.partner_id.tz = ANGELES
        self.assertEqual(branch._call_wallet_today(), OLD)

    def test_a_credit_note_and_its_payments_are_dated_on_the_companys_day(self):
        for company_tz, expected in ((False, OLD), (MANILA, NEW)):
            for user in (self.east, self.west):
                with self.subTest(company=company_tz, user=user.login):
                    self.company.partner_id.tz = company_tz
                    topup = self._seen_by(user, self.wallet.create_topup("100"))
                    transaction = self._by_card(topup).with_env(topup.env)
                    note = topup.pay_back("40", "Not needed")
                    paid = transaction.payment_id | transaction.child_transaction_ids.payment_id
                    self.assertEqual((note.invoice_date, note.date), (expected, expected))
                    self.assertEqual(paid.mapped("date"), [expected, expected])

    def test_the_credit_note_of_a_refund_at_the_provider_likewise(self):
        for user, company_tz, expected in ((self.east, False, OLD), (self.west, MANILA, NEW)):
            with self.subTest(company=company_tz):
                self.company.partner_id.tz = company_tz
                transaction = self._seen_by(user, self._by_card(self.wallet.create_topup("100")))
                refund = transaction._create_child_transaction(40, is_refund=True)
                refund._set_done()
                refund._post_process()
                note = refund.call_wallet_credit_note_ids
                self.assertEqual((note.invoice_date, refund.payment_id.date), (expected, expected))

    def test_finance_is_asked_on_the_companys_day(self):
        for user, company_tz, expected in ((self.east, False, OLD), (self.west, MANILA, NEW)):
            with self.subTest(company=company_tz):
                self.company.partner_id.tz = company_tz
                self._seen_by(user)._tell_finance(f"For {user.login}", "Look at it.")
                activity = self.wallet.activity_ids.filtered(lambda item, user=user: user.login in item.summary)
                self.assertEqual(activity.date_deadline, expected)

    def _on_statement(self, user, invoice, amount, **values):
        """A line of the bank's statement, entered by this person and matched with the invoice."""
        journal = self.env["account.journal"].search(
            [("type", "=", "bank"), ("company_id", "=", self.company.id)], limit=1
        )
        line = (
            self.env["account.bank.statement.line"]
            .with_user(user)
            .with_context(tz=user.tz)
            .sudo()
            .create({"journal_id": journal.id, "amount": amount, "payment_ref": invoice.payment_reference, **values})
        )
        receivable = invoice.line_ids.filtered(lambda item: item.account_id.account_type == "asset_receivable")
        suspense = line.line_ids.filtered(lambda item: item.account_id == journal.suspense_account_id)
        suspense.write({"account_id": receivable.account_id.id, "partner_id": self.partner.id})
        (suspense | receivable).reconcile()
        return line

    def test_money_of_today_counts_where_whoever_enters_it_has_today(self):
        """On 31 December at the company it is 1 January in Manila: money that arrived there is no money of tomorrow."""
        for user, day in ((self.east, NEW), (self.west, OLD)):
            with self.subTest(user=user.login):
                wallet = self._make_wallet()
                topup = wallet.create_topup("100")
                line = self._on_statement(user, topup.invoice_id, 100)
                self.assertEqual(line.date, day)
                self.assertBalance(wallet, 100)
                self.assertEqual((topup.state, topup.received_amount), ("paid", 100))
                self.assertEqual(topup._cron_sync(), 0)
                self.assertBalance(wallet, 100)
                for last in (OLD, NEW):
                    rows = self.env["call.wallet"].reconciliation(last, self.company)
                    [row] = [row for row in rows if row["wallet"] == wallet.id]
                    self.assertEqual((row["awaiting_payment"], row["unexplained"]), ("0.000000", "0.000000"))

    def test_money_of_a_day_that_has_begun_nowhere_waits(self):
        for user, day in ((self.east, date(2027, 1, 2)), (self.west, NEW)):
            with self.subTest(user=user.login):
                wallet = self._make_wallet()
                topup = wallet.create_topup("100")
                self._on_statement(user, topup.invoice_id, 100, date=day)
                self.assertBalance(wallet, 0)
                with freeze_time(datetime.combine(day, datetime.min.time()) + timedelta(hours=8)):
                    topup._cron_sync()
                    self.assertBalance(wallet, 100)

    def test_posting_proposes_the_last_day_that_is_over_for_all_wallets(self):
        self._make_wallet(tz=ANGELES)
        for user in (self.east, self.west):
            with self.subTest(user=user.login):
                wizard = Form(self.env["call.wallet.post.now"].with_user(user).with_context(tz=user.tz))
                self.assertEqual(wizard.date_to, date(2026, 12, 30))

    def test_the_reconciliation_is_proposed_of_the_companys_last_month(self):
        for company_tz, expected in ((False, "2026-11-30"), (MANILA, "2026-12-31")):
            self.company.partner_id.tz = company_tz
            for user in (self.east, self.west):
                with self.subTest(company=company_tz, user=user.login):
                    wallets = self.env["call.wallet"].with_user(user).with_context(tz=user.tz)
                    self.assertEqual(wallets.reconciliation_screen()["date"], expected)

    def test_the_time_zone_is_fixed_once_the_wallet_has_transactions(self):
        wallet = self._make_wallet(tz=ANGELES)
        wallet.tz = MANILA
        self._fund(wallet, 5)
        for who in (wallet, wallet.with_user(self.east)):
            with self.assertRaisesRegex(UserError, "Time zone"):
                who.tz = ANGELES
        wallet.write({"tz": MANILA})  # what it is
