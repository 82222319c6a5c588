"""An entry a day or a month, and none of nothing but zeros."""

from datetime import date, datetime
from decimal import Decimal

from odoo.addons.call_wallet.tools.clock import recorded_at

from .posting_case import PostingCommon

WHATSAPP = {"call_type": "whatsapp", "duration_seconds": 6000}  # 2.00


class TestPostingPerMonth(PostingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.books.call_wallet_posting_period = "month"

    def _run_schedule(self, moment):
        """Have the scheduled action post; return the entries it makes."""
        postings, moves = self.env["call.wallet.posting"], self.env["account.move"]
        mine = [("call_wallet_posting_id.company_id", "=", self.books.id)]
        before = moves.search(mine)
        with recorded_at(moment):
            postings._cron_start()
            for run in postings.search([("company_id", "=", self.books.id), ("state", "=", "waiting")]):
                run._run()
        return moves.search(mine) - before

    def test_the_schedule_posts_a_month_when_it_is_over_with_one_entry_on_its_last_day(self):
        for day in (5, 12, 31):
            self._charge(day, self._call(**WHATSAPP))
        self.assertFalse(self._run_schedule(datetime(2026, 10, 20, 3)))
        self.assertFalse(self._run_schedule(datetime(2026, 10, 31, 23)))
        move = self._run_schedule(datetime(2026, 11, 1, 3))
        self.assertEqual((move.date, move.call_wallet_day), (date(2026, 10, 31), date(2026, 10, 31)))
        self.assertIn("10/01/2026 to 10/31/2026", move.ref)
        self.assertEqual(self._by_account(move), {"deposit": Decimal(-6), "whatsapp": Decimal(6)})
        self.assertEqual(len(move.line_ids), 2)
        self.assertFalse(self._run_schedule(datetime(2026, 11, 2, 3)))
        self.assertFigures("2026-10-05", not_posted=2)
        self.assertFigures("2026-10-31", not_posted=0, used=6, general_ledger=-6)
        self.assertSound(self.wallet)

    def test_a_late_call_gets_another_entry_of_its_month(self):
        self._charge(5, self._call(**WHATSAPP))
        self._run_schedule(datetime(2026, 11, 1, 3))
        self._report("2026-11-04 12:00:00", "2026-10-20 12:00:00")
        self._report("2026-11-04 12:00:00", "2026-11-04 11:00:00")
        late = self._run_schedule(datetime(2026, 11, 5, 3))
        self.assertEqual(late.date, date(2026, 10, 31))
        self.assertFigures("2026-10-31", general_ledger=-4, not_posted=-2)
        self.assertFigures("2026-11-30", general_ledger=-4, not_posted=2, earlier_periods=2, earlier_periods_booked=0)

    def test_a_closed_month_is_booked_on_the_first_open_day(self):
        self._charge(5, self._call(**WHATSAPP))
        self.books.fiscalyear_lock_date = date(2026, 10, 31)
        self.assertEqual(self._run_schedule(datetime(2026, 11, 3, 3)).date, date(2026, 11, 1))
        self.assertFigures("2026-10-31", general_ledger=0, not_posted=2)

    def test_a_person_posts_the_running_month_up_to_a_day(self):
        for day in (5, 12, 20):
            self._charge(day, self._call(**WHATSAPP))
        move = self._post(1, 15)
        self.assertEqual((move.date, len(self.wallet.transaction_ids.filtered("move_id"))), (date(2026, 10, 15), 2))
        rest = self._run_schedule(datetime(2026, 11, 1, 3))
        self.assertEqual((rest.date, self._by_account(rest)["whatsapp"]), (date(2026, 10, 31), Decimal(2)))

    def test_a_closed_wallet_does_not_wait_for_the_months_end(self):
        other = self._make_wallet(company_id=self.books.id)
        self._charge(5, self._call(**WHATSAPP), self._call(account=other.account_ref, **WHATSAPP))
        with self._at(6):
            other.close("Gone", write_off=True)
        move = self._run_schedule(datetime(2026, 10, 8, 3))
        self.assertEqual((move.line_ids.call_wallet_id, move.date), (other, date(2026, 10, 7)))
        self.assertFalse(self._run_schedule(datetime(2026, 10, 9, 3)))
        self.assertFalse(self.wallet.transaction_ids.move_id)
        self.assertFigures("2026-10-31", other, closing=0, not_posted=0, general_ledger=0)

    def test_months_of_the_past_get_an_entry_each(self):
        for month in (8, 9, 10):
            self._report(f"2026-{month:02}-10 12:00:00", f"2026-{month:02}-10 11:00:00")
        moves = self.env["call.wallet"].post_transactions(None, "2026-10-31", self.books).sorted("date")
        self.assertEqual(moves.mapped("date"), [date(2026, 8, 31), date(2026, 9, 30), date(2026, 10, 31)])

    def test_finance_managers_choose(self):
        manager = self._make_user("period-manager", "finance_manager")
        settings = self.env["call.wallet.settings"].with_user(manager).create({})
        settings.call_wallet_posting_period = "month"
        self.assertEqual(self.company.call_wallet_posting_period, "month")
        view = self.env["call.wallet.settings"].with_user(manager).get_view(view_type="form")
        self.assertIn("call_wallet_posting_period", view["arch"])


class TestNothingToPost(PostingCommon):
    """Amounts below half a cent wait."""

    def _free(self, day):
        self._charge(day, self._call(status="no_answer", duration_seconds=0))

    def _tiny(self, day, seconds):
        """+81: 0.000001 a minute, billed by the second."""
        self._charge(day, self._call(number="+8112345678", duration_seconds=seconds))

    def _due(self, last="2026-10-31"):
        return self.env["call.wallet.posting"]._is_due(self.books, None, date.fromisoformat(last))

    def test_no_entry_is_made_of_zeros_and_nothing_looks_for_one_again(self):
        self._free(5)
        self._tiny(6, 3600)  # 60 minutes: 0.00006
        self.assertFalse(self._due())
        self.assertFalse(self._post(1, 31))
        postings = self.env["call.wallet.posting"]
        with recorded_at(datetime(2026, 11, 1, 3)):
            postings._cron_start()
        self.assertFalse(postings.search([("company_id", "=", self.books.id)]))
        wizard = self.env["call.wallet.post.now"].create({"date_to": "2026-10-31", "company_ids": self.books.ids})
        self.assertEqual(wizard.due_count, 0)
        self.assertFigures("2026-10-31", not_posted="0.00006", general_ledger=0, closing="-0.00006")
        screen = self.env["call.wallet"].reconciliation_screen("2026-10-31", self.books.id)
        self.assertFalse(screen["is_due"])
        self.assertSound(self.wallet)

    def test_what_waits_goes_with_the_next_entry(self):
        self._free(5)
        self._tiny(6, 3600)
        self._charge(7, self._call(duration_seconds=60))  # 0.0125
        self._free(8)
        self.assertTrue(self._due())
        move = self._post(1, 31)
        self.assertEqual((move.date, len(move.call_wallet_transaction_ids)), (date(2026, 10, 7), 3))
        self.assertEqual(sorted(move.line_ids.mapped("balance")), [-0.01, 0.01])
        self.assertFigures("2026-10-06", not_posted="0.00006", general_ledger=0)
        self.assertFigures("2026-10-31", not_posted=0, remainder="0.00256", general_ledger="-0.01")
        self.assertSound(self.wallet)
        run = self.env["call.wallet.posting"].search([("company_id", "=", self.books.id)])
        self.assertEqual((run.state, run.done_count, run.total_count), ("done", 3, 3))

    def test_days_add_up_to_half_a_cent(self):
        self._tiny(5, 60 * 3000)  # 0.003
        self.assertFalse(self._post(1, 31))
        self._tiny(6, 60 * 2000)  # 0.002 more: 0.005, which is rounded up
        move = self._post(1, 31)
        self.assertEqual((move.date, self._by_account(move)["live"]), (date(2026, 10, 6), Decimal("0.01")))
        self.assertFigures("2026-10-31", not_posted=0, remainder="-0.005", general_ledger="-0.01")

    def test_a_charge_and_its_refund_are_entered_though_their_total_is_nothing(self):
        call = self._call(**WHATSAPP)
        self._charge(5, call)
        with self._at(5):
            self.wallet.refund("2", "Goodwill")
        move = self._post(1, 31)
        self.assertEqual(self._by_account(move), {"whatsapp": Decimal(2), "adjustment": Decimal(-2)})

    def test_another_wallets_entry_takes_what_waits_of_this_one(self):
        self._free(5)
        other = self._make_wallet(company_id=self.books.id)
        self._charge(5, self._call(account=other.account_ref, **WHATSAPP))
        move = self._post(1, 31)
        self.assertEqual(self.wallet.transaction_ids.move_id, move)

    def test_yen(self):
        yen = self.env.ref("base.JPY")
        yen.active = True
        self.env["res.currency.rate"].create(
            {"name": "2026-01-01", "currency_id": yen.id, "inverse_company_rate": 0.01, "company_id": self.books.id}
        )
        plan = self.plan.copy({"name": "Yen", "currency_id": yen.id})
        wallet = self._make_wallet(company_id=self.books.id, currency_id=yen.id, rate_plan_id=plan.id)
        # 0.02 a minute on WhatsApp: 15 minutes 0.3, which is no yen; 30 minutes 0.6, together 0.9: one yen.
        for day, minutes in ((5, 15), (6, 30)):
            self._charge(
                day, self._call(account=wallet.account_ref, call_type="whatsapp", duration_seconds=60 * minutes)
            )
        move = self._post(1, 31)
        self.assertEqual((move.date, len(move.call_wallet_transaction_ids)), (date(2026, 10, 6), 2))
        self.assertEqual(sorted(move.line_ids.mapped("amount_currency")), [-1, 1])
        self.assertFigures("2026-10-05", wallet, not_posted="0.3")
        self.assertFigures("2026-10-31", wallet, not_posted=0, remainder="-0.1", general_ledger=-1)

    def test_a_closed_wallets_last_fractions_go_with_its_last_entry(self):
        """Given 0.01, used 0.006: 0.004 that is posted as nothing. Closing takes it, which is no coin either."""
        with self._at(4):
            self._fund(self.wallet, "0.01")
        self._tiny(5, 60 * 6000)  # 0.006
        move = self._post(1, 5).sorted("date")[-1]
        self.assertFigures("2026-10-05", closing="0.004", not_posted=0, remainder="-0.004", general_ledger=0)
        with self._at(6):
            self.wallet.close("Gone", take_rest=True)
        self.assertFigures("2026-10-31", closing=0, not_posted="0.004", remainder="-0.004", general_ledger=0)
        self.assertTrue(self._due())
        self.assertFalse(self._post(1, 31))
        self.assertFigures("2026-10-31", closing=0, not_posted=0, remainder=0, general_ledger=0)
        self.assertEqual(self.wallet.transaction_ids.sorted("sequence")[-1].move_id, move)
        self.assertFalse(self._due())
        self.assertSound(self.wallet)

    def test_a_closed_wallets_last_fractions_come_to_nothing(self):
        self._fund(self.wallet, "0.004")
        with self._at(6):
            self.wallet.close("Gone", take_rest=True)
        self._post(1, 31)
        self.assertFalse(self._due("2026-12-31"))
        self.assertFigures("2026-12-31", closing=0, general_ledger=0, not_posted=0, remainder=0)
