"""Usage becomes journal entries: what the accountant finds there, day by day."""

from datetime import date, datetime
from decimal import Decimal
from unittest.mock import patch

from odoo.addons.call_wallet.tools.clock import recorded_at
from odoo.exceptions import AccessError, UserError

from .posting_case import CENT, PostingCommon


class TestPosting(PostingCommon):
    def test_a_days_entry_moves_usage_from_the_deposit_to_income_by_call_type(self):
        self._charge(5, self._call(duration_seconds=6000), self._call(call_type="whatsapp", duration_seconds=600))
        move = self._post(1, 31)
        self.assertEqual(
            (move.state, move.date, move.journal_id), ("posted", date(2026, 10, 5), self.books.call_wallet_journal_id)
        )
        self.assertEqual(move.company_id, self.books)
        self.assertEqual(
            self._by_account(move), {"deposit": Decimal("-1.45"), "live": Decimal("1.25"), "whatsapp": Decimal("0.20")}
        )
        self.assertEqual(move.line_ids.call_wallet_id, self.wallet)
        self.assertEqual(move.line_ids.partner_id, self.partner)
        self.assertEqual(self.wallet.transaction_ids.move_id, move)
        self.assertSound(self.wallet)

    def test_one_entry_a_day_and_only_of_the_days_asked_for(self):
        for day in (4, 5, 6, 7):
            self._charge(day, self._call(), self._call(call_type="whatsapp"))
        moves = self._post(5, 6)
        self.assertEqual(sorted(moves.mapped("date")), [date(2026, 10, 5), date(2026, 10, 6)])
        left = self.wallet.transaction_ids.filtered(lambda transaction: not transaction.move_id)
        self.assertEqual(sorted(set(left.mapped("day"))), [date(2026, 10, 4), date(2026, 10, 7)])

        runs = self.env["call.wallet.posting"].search_count([])
        self.assertFalse(self._post(5, 6))
        self.assertEqual(self.env["call.wallet.posting"].search_count([]), runs, "nothing was due in those days")

    def test_the_day_is_that_of_the_wallets_time_zone(self):
        wallet = self._make_wallet(company_id=self.books.id, tz="Asia/Singapore")
        with recorded_at(datetime(2026, 10, 4, 20)):  # the 5th in Singapore
            self._record(self._call(account=wallet.account_ref, started_at="2026-10-04T19:00:00Z"))
        self.assertFalse(self._post(4, 4))
        self.assertEqual(self._post(5, 5).date, date(2026, 10, 5))

    def test_posting_again_posts_nothing_and_what_came_later_gets_an_entry_of_its_own(self):
        self._charge(5, self._call(call_type="whatsapp"))
        first = self._post(1, 31)
        self.assertFalse(self._post(1, 31))
        self._charge(5, self._call(call_type="whatsapp"))
        second = self._post(1, 31)
        self.assertEqual((len(second), second.date), (1, first.date))
        self.assertNotEqual(second, first)
        self.assertPosted(self.wallet)

    def test_cents_are_carried_so_that_the_posted_total_is_the_rounded_total(self):
        # 0.0125 a minute live; a third of a cent on another wallet's plan.
        self.plan.rate_ids.create({"plan_id": self.plan.id, "prefix": "999", "price_per_minute": "0.003333"})
        other = self._make_wallet(company_id=self.books.id)
        thirds = {"account": other.account_ref, "number": "+99912345678", "duration_seconds": 60}
        for day in range(1, 16):
            self._charge(day, self._call(duration_seconds=60), self._call(**thirds))
            if day % 3 == 0:
                self._charge(day, self._call(call_type="whatsapp", duration_seconds=60), self._call(**thirds))
            self._post(day, day)
            self.assertPosted(self.wallet)
            self.assertPosted(other)
        self.assertSound(self.wallet | other)
        posted = self.env["call.wallet.posted"].search([("wallet_id", "in", (self.wallet | other).ids)])
        for total in posted:
            self.assertLess(abs(total.ledger_amount - total.posted_amount), CENT)
        self.assertEqual(
            sum(posted.filtered(lambda total: total.wallet_id == other).mapped("posted_amount")), Decimal("0.07")
        )

    def test_refunds_and_breakage_have_their_own_income_lines(self):
        call = self._call(call_type="whatsapp", duration_seconds=6000)
        self._charge(5, call)
        with self._at(5):
            self.wallet.refund("0.50", "Bad line", usage=self._usage_of(call))
            self.wallet.refund("10", "Goodwill")
            self.ledger._take_funds(self.wallet, "3", "Closed", "close/1")
        move = self._post(5, 5)
        self.assertEqual(
            self._by_account(move),
            {
                "whatsapp": Decimal("1.50"),
                "adjustment": Decimal(-10),
                "breakage": Decimal(3),
                "deposit": Decimal("5.50"),
            },
        )
        self.assertSound(self.wallet)

    def test_top_ups_are_not_posted_again(self):
        with self._at(3):
            self._fund(self.wallet, "100", by="topup")
        self.assertFalse(self._post(1, 31))
        self._charge(4, self._call(call_type="whatsapp", duration_seconds=6000))
        self._post(1, 31)
        lines = self.env["account.move.line"].search(
            [("call_wallet_id", "=", self.wallet.id), ("account_id", "=", self.books.call_wallet_deposit_account_id.id)]
        )
        self.assertEqual(-sum(lines.mapped("balance")), 98)
        self.assertBalance(self.wallet, 98)

    def test_a_closed_period_puts_the_entry_on_the_first_open_day_and_says_so(self):
        self._charge(5, self._call(call_type="whatsapp", duration_seconds=6000))
        self._charge(12, self._call(call_type="whatsapp", duration_seconds=6000))
        self.books.fiscalyear_lock_date = date(2026, 10, 10)
        moves = self._post(1, 31).sorted("id")
        self.assertEqual(moves.mapped("date"), [date(2026, 10, 11), date(2026, 10, 12)])
        self.assertIn("booked on 10/11/2026", moves[0].ref)
        self.assertIn("10/10/2026", moves[0].narration)
        self.assertEqual(moves[0].call_wallet_day, date(2026, 10, 5))
        self.assertNotIn("booked", moves[1].ref)
        self.assertSound(self.wallet)

    def test_the_entries_of_a_posting_stand(self):
        self._charge(5, self._call(call_type="whatsapp", duration_seconds=6000))
        move = self._post(5, 5)
        line = move.line_ids[0]
        pair = [{"move_id": move.id, "account_id": line.account_id.id, "balance": side} for side in (1, -1)]
        for change in (
            move.button_draft, move.button_cancel, move._reverse_moves, move.unlink, line.unlink,
            lambda: move.write({"state": "draft"}),
            lambda: move.write({"call_wallet_posting_id": False}),
            lambda: move.with_context(skip_readonly_check=True).write({"date": "2026-10-06"}),
            lambda: line.write({"account_id": self.books.income_account_id.id}),
            lambda: line.write({"call_wallet_id": False}),
            lambda: line.write({"partner_id": self.books.partner_id.id}),
            lambda: line.create(pair),
        ):  # fmt: skip
            with self.assertRaisesRegex(UserError, "posts what call wallets used"), self.env.cr.savepoint():
                change()
        line.name = "Explained to the auditor"
        self.assertFalse(move.copy().line_ids.call_wallet_id)

    def test_only_finance_posts_and_only_for_companies_of_their_own(self):
        self._charge(5, self._call(call_type="whatsapp"))
        days = ("2026-10-05", "2026-10-05")
        for group in ("account_manager", "platform"):
            user = self._make_user(f"posting-{group}", group)
            user.company_ids |= self.books
            with self.assertRaises(AccessError):
                self.env["call.wallet"].with_user(user).post_transactions(*days)
        finance = self._make_user("posting-finance", "finance")
        with self.assertRaises(AccessError):
            self.env["call.wallet"].with_user(finance).post_transactions(*days, companies=self.books.ids)
        self.assertFalse(self.wallet.transaction_ids.move_id)
        finance.company_ids |= self.books
        moves = self.env["call.wallet"].with_user(finance).post_transactions(*days)
        self.assertEqual(
            self.wallet.transaction_ids.move_id, moves.filtered(lambda move: move.company_id == self.books)
        )
        with self.assertRaises(AccessError):
            self.env["call.wallet.posting"].with_user(finance).search([], limit=1).state = "failed"
        with self.assertRaises(AccessError):
            self.env["call.wallet.posted"].with_user(finance).search([], limit=1).posted_amount = 1

    def test_days_that_make_no_sense_are_refused(self):
        for days in (
            ("2026-10-05", "yesterday"), ("2026-10-06", "2026-10-05"), (20261005, "2026-10-05"), (None, None),
            ("2026-W41-1", "2026-10-05"), ("2026-10-05", "9999-12-31"), ("2026-10-05", "2026-10-05 or so"),
        ):  # fmt: skip
            with self.subTest(days=days), self.assertRaisesRegex(UserError, "date_"):
                self.env["call.wallet"].post_transactions(*days)

    def test_a_moment_stands_for_its_day(self):
        self._charge(5, self._call(call_type="whatsapp"))
        self.env["call.wallet"].post_transactions(
            datetime(2026, 10, 5), datetime(2026, 10, 5, 23, 59), companies=self.books
        )
        self.assertTrue(self.wallet.transaction_ids.move_id)
        [row] = self.env["call.wallet"].reconciliation(datetime(2026, 10, 5, 12), self.books)
        self.assertEqual((row["not_posted"], row["unexplained"]), ("0.000000", "0.000000"))

    def test_a_company_without_a_chart_is_told_what_to_install_and_others_are_posted(self):
        bare = self.env["res.company"].create({"name": "No books yet"})
        wallet = self._make_wallet(company_id=bare.id)
        self._charge(5, self._call(), self._call(account=wallet.account_ref, call_type="whatsapp"))
        postings = self.env["call.wallet.posting"]
        runs = postings.browse()
        for company in bare | self.books:
            runs |= postings._start(company, date(2026, 10, 1), date(2026, 10, 31))
            runs[-1]._run()
        self.assertEqual(runs.mapped("state"), ["failed", "done"])
        self.assertIn("install a chart of accounts", runs[0].error)
        self.assertTrue(self.wallet.transaction_ids.move_id)
        with self.assertRaisesRegex(UserError, "No books yet has no call wallet journal"):
            self._post(1, 31, companies=bare)
        self.env["account.chart.template"].try_loading("generic_coa", bare, install_demo=False)
        runs[0].action_continue()
        self.assertEqual((runs[0].state, runs[0].error), ("done", False))
        self.assertTrue(wallet.transaction_ids.move_id)

    def test_two_companies_of_the_same_customer_keep_their_books_apart(self):
        other_books = self._make_books("Posting Ltd.")
        other = self._make_wallet(partner_id=self.partner.id, company_id=other_books.id)
        self._charge(5, self._call(call_type="whatsapp", duration_seconds=6000))
        self._charge(5, self._call(account=other.account_ref, call_type="whatsapp", duration_seconds=60_000))
        moves = self._post(5, 5, companies=self.books | other_books)
        self.assertEqual(self.wallet.transaction_ids.move_id.company_id, self.books)
        self.assertEqual(other.transaction_ids.move_id.company_id, other_books)
        for company, amount in ((self.books, 2), (other_books, 20)):
            entry = moves.filtered(lambda move, company=company: move.company_id == company)
            self.assertEqual(
                self._by_account(entry, company), {"whatsapp": Decimal(amount), "deposit": -Decimal(amount)}
            )
        self.assertSound(self.wallet | other)

    def test_a_branch_posts_to_the_journal_and_accounts_above_it(self):
        branch = self.env["res.company"].create({"name": "Branch", "parent_id": self.books.id})
        self.env.cr.precommit.run()  # where Odoo gives a branch its books
        wallet = self._make_wallet(company_id=branch.id)
        self._charge(5, self._call(account=wallet.account_ref, call_type="whatsapp", duration_seconds=6000))
        move = self._post(5, 5, companies=branch)
        self.assertEqual((move.company_id, move.journal_id), (branch, self.books.call_wallet_journal_id))
        self.assertEqual(self._by_account(move), {"whatsapp": Decimal(2), "deposit": Decimal(-2)})

    def test_many_wallets_are_spread_over_entries_of_bounded_size(self):
        wallets = (
            self.wallet | self._make_wallet(company_id=self.books.id) | self._make_wallet(company_id=self.books.id)
        )
        self._charge(5, *(self._call(account=wallet.account_ref, call_type="whatsapp") for wallet in wallets))
        with patch("odoo.addons.call_wallet.models.accounting.call_wallet_posting_entry.WALLETS", 2):
            moves = self._post(5, 5)
        self.assertEqual([len(move.line_ids.call_wallet_id) for move in moves.sorted("id")], [2, 1])
        self.assertSound(wallets)

    def test_the_schedule_posts_the_days_that_are_over_for_every_wallet_of_the_company(self):
        self._make_wallet(company_id=self.books.id, tz="America/Los_Angeles")
        for day in (4, 5, 6):
            self._charge(day, self._call(call_type="whatsapp"))
        postings = self.env["call.wallet.posting"]
        with recorded_at(datetime(2026, 10, 6, 3)):  # still the 5th in Los Angeles
            postings._cron_start()
        run = postings.search([("company_id", "=", self.books.id)])
        self.assertEqual((run.date_to, run.state, run.is_scheduled), (date(2026, 10, 4), "waiting", True))
        with recorded_at(datetime(2026, 10, 6, 8)):
            postings._cron_start()
        run = postings.search([("company_id", "=", self.books.id)])
        self.assertEqual(run.date_to, date(2026, 10, 5))
        run._run()
        self.assertEqual((run.state, run.done_count, run.total_count, run.move_count), ("done", 2, 2, 2))

    def test_post_now_shows_what_is_due_and_how_it_goes(self):
        self._charge(5, self._call(call_type="whatsapp"), self._call())
        wizard = self.env["call.wallet.post.now"].create(
            {"date_from": "2026-10-01", "date_to": "2026-10-31", "company_ids": self.books.ids}
        )
        self.assertEqual(wizard.due_count, 2)
        action = wizard.action_post()
        run = self.env["call.wallet.posting"].browse(action["res_id"])
        self.assertEqual((run.state, run.progress, run.move_count), ("done", 100, 1))
        moves = self.env["account.move"].search(run.action_view_moves()["domain"])
        transactions = self.env["call.wallet.transaction"].search(moves.action_call_wallet_transactions()["domain"])
        self.assertEqual(transactions, self.wallet.transaction_ids)
        self.assertEqual(transactions[0].action_open_move()["res_id"], moves.id)
        self.assertEqual(wizard.due_count, 0)

    def test_a_customer_gets_a_parent_company_after_usage_was_posted(self):
        """Odoo then writes the parent on all of the customer's items; what the entry says stays."""
        self._charge(5, self._call())
        move = self._post(1, 31)
        amounts = [(line.account_id, line.balance) for line in move.line_ids]
        parent = self.env["res.partner"].create({"name": "Holding", "is_company": True})
        self.partner.write({"is_company": False, "parent_id": parent.id})
        self.assertEqual(move.line_ids.partner_id, parent)
        self.assertEqual([(line.account_id, line.balance) for line in move.line_ids], amounts)
        self.partner.name = "Initrode Europe"
        stranger = self.env["res.partner"].create({"name": "Somebody else"})
        with self.assertRaisesRegex(UserError, "posts what call wallets used"):
            move.line_ids.write({"partner_id": stranger.id})

    def test_number_and_reference_of_an_entry_stand(self):
        self._charge(5, self._call())
        move = self._post(1, 31)
        for vals in ({"name": "CWAL/2026/10/0099"}, {"ref": "Something else"}):
            with self.assertRaisesRegex(UserError, "posts what call wallets used"), self.env.cr.savepoint():
                move.write(vals)
        move.write({"name": move.name, "ref": move.ref})

    def test_a_hash_secured_journal_takes_the_entries(self):
        self.books.call_wallet_journal_id.restrict_mode_hash_table = True
        self._charge(5, self._call())
        move = self._post(1, 31)
        self.assertEqual(move.state, "posted")
        self.assertTrue(move.inalterable_hash)
        self.assertSound(self.wallet)

    def test_a_written_off_balance_is_bad_debt_and_not_less_revenue(self):
        self._fund(self.wallet, "0.50")
        self._charge(5, self._call(duration_seconds=6000))  # 100 minutes at 0.0125: 1.25, leaves -0.75
        with self._at(6):
            self.wallet.close("Gone", write_off=True)
        moves = self._post(6, 6)
        self.assertEqual(self._by_account(moves), {"bad": Decimal("-0.75"), "deposit": Decimal("0.75")})


class TestPostingLabels(PostingCommon):
    """An item's label says what happened to the funds."""

    def test_refunds_and_breakage_are_not_called_used(self):
        self._charge(5, self._call(duration_seconds=480))  # 0.10
        with self._at(6):
            self.wallet.refund("5", "Goodwill")
        with self._at(7):
            self.wallet.close("Contract over", take_rest=True)
        labels = {}
        for move in self._post(1, 31):
            [item] = move.line_ids.filtered(lambda line: line.account_id == self.books.call_wallet_deposit_account_id)
            labels[move.date.day] = item.name
        ref = self.wallet.account_ref
        self.assertEqual(
            labels,
            {
                5: f"{ref}: funds used, transactions: 1",
                6: f"{ref}: refunds and adjustments, transactions: 1",
                7: f"{ref}: funds forfeited, transactions: 1",
            },
        )
