"""Usage becomes journal entries: what the accountant finds there, day by day."""

from collections import defaultdict
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from unittest.mock import patch

from odoo.addons.call_wallet.clock import recorded_at
from odoo.exceptions import AccessError, UserError

from .common import CallWalletCommon

CENT = Decimal("0.01")


def rounded(amount):
    return amount.quantize(CENT, ROUND_HALF_UP)


class PostingCommon(CallWalletCommon):
    """October 2026, in the books of one company; the database's own wallets stay out of it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.books = cls._make_books("Posting Inc.")
        cls.wallet = cls._make_wallet(partner_id=cls.partner.id, company_id=cls.books.id)

    @classmethod
    def _make_books(cls, name, chart="generic_coa"):
        company = cls.env["res.company"].create({"name": name})
        cls.env["account.chart.template"].try_loading(chart, company, install_demo=False)
        return company

    def _at(self, day, hour=12):
        return recorded_at(datetime(2026, 10, day, hour))

    def _charge(self, day, *calls):
        """Report calls, recorded on that day of October."""
        with self._at(day):
            for call in calls:
                self.assertEqual(self._record(call)["result"], "charged")

    def _post(self, first, last, companies=None):
        days = (date(2026, 10, first), date(2026, 10, last))
        return self.env["call.wallet"].post_transactions(*days, companies=companies or self.books)

    def _by_account(self, moves, company=None):
        """{name of the company's field: credit less debit in the wallets' currency}."""
        company = company or self.books
        names = {
            company[name]: name
            for name in ("call_wallet_deposit_account_id", "call_wallet_live_account_id",
                         "call_wallet_whatsapp_account_id", "call_wallet_adjustment_account_id",
                         "call_wallet_breakage_account_id")
        }  # fmt: skip
        totals = defaultdict(Decimal)
        for line in moves.line_ids:
            totals[names[line.account_id].split("_")[2]] -= rounded(Decimal(repr(line.amount_currency)))
        return dict(totals)

    def assertPosted(self, wallet):
        """The wallet's entries come to its posted transactions' total, rounded half up."""
        lines = self.env["account.move.line"].search(
            [("call_wallet_id", "=", wallet.id), ("account_id.account_type", "=", "liability_current"),
             ("move_id.call_wallet_posting_id", "!=", False)]
        )  # fmt: skip
        entered = sum((Decimal(repr(line.amount_currency)) for line in lines), Decimal(0))
        used = -sum(wallet.transaction_ids.filtered("move_id").mapped("amount"))
        self.assertEqual(rounded(entered), rounded(used))


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

    def test_the_day_is_that_of_the_wallets_time_zone(self):
        wallet = self._make_wallet(company_id=self.books.id, tz="Asia/Singapore")
        with recorded_at(datetime(2026, 10, 4, 20)):  # the 5th in Singapore
            self._record(self._call(account=wallet.account_ref))
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

    def test_transactions_worth_less_than_a_cent_have_an_entry_too(self):
        self._charge(
            5, self._call(status="no_answer", duration_seconds=0), self._call(number="+8112345678", duration_seconds=1)
        )
        move = self._post(5, 5)
        self.assertEqual(self.wallet.transaction_ids.move_id, move)
        self.assertEqual((move.state, set(move.line_ids.mapped("balance"))), ("posted", {0.0}))
        self.assertSound(self.wallet)

    def test_refunds_and_breakage_have_their_own_income_lines(self):
        call = self._call(call_type="whatsapp", duration_seconds=6000)
        self._charge(5, call)
        with self._at(5):
            self.wallet.refund("0.50", "Bad line", usage=self._usage_of(call))
            self.wallet.refund("10", "Goodwill")
            self.ledger._take(self.wallet, "3", "Closed", "close/1")
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
        for days in (("2026-10-05", "yesterday"), ("2026-10-06", "2026-10-05"), (20261005, "2026-10-05"), (None, None)):
            with self.subTest(days=days), self.assertRaisesRegex(UserError, "date_"):
                self.env["call.wallet"].post_transactions(*days)

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
        with patch("odoo.addons.call_wallet.models.call_wallet_posting_entry.WALLETS", 2):
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


class TestPostingCurrencies(PostingCommon):
    """A wallet in euros, in a company that keeps its books in dollars."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.euro = cls.env.ref("base.EUR")
        cls.euro.active = True
        cls.env["res.currency.rate"].search([("currency_id", "in", (cls.euro | cls.dollar).ids)]).unlink()
        for day, dollars in (("2026-01-01", 1.10), ("2026-10-10", 1.20), ("2026-10-20", 1.00)):
            cls.env["res.currency.rate"].create(
                {"name": day, "currency_id": cls.euro.id, "inverse_company_rate": dollars, "company_id": cls.books.id}
            )
        plan = cls.plan.copy({"name": "Euro contract", "currency_id": cls.euro.id})
        cls.wallet = cls._make_wallet(company_id=cls.books.id, currency_id=cls.euro.id, rate_plan_id=plan.id)

    def _top_up(self, day, amount):
        with self._at(day):
            topup = self.wallet.create_topup(amount)
            self._pay(topup.invoice_id)
        return topup

    def _use(self, day, euros):
        self._charge(day, self._call(call_type="whatsapp", duration_seconds=int(Decimal(euros) / Decimal("0.02") * 60)))

    def _deposit(self):
        """What the wallet's deposit stands at, in euros and in dollars."""
        lines = self.env["account.move.line"].search(
            [("call_wallet_id", "=", self.wallet.id), ("account_id", "=", self.books.call_wallet_deposit_account_id.id),
             ("parent_state", "=", "posted")]
        )  # fmt: skip
        return round(-sum(lines.mapped("amount_currency")), 2), round(-sum(lines.mapped("balance")), 2)

    def _exchange(self):
        accounts = self.books.income_currency_exchange_account_id | self.books.expense_currency_exchange_account_id
        lines = self.env["account.move.line"].search(
            [("call_wallet_id", "=", self.wallet.id), ("account_id", "in", accounts.ids)]
        )
        return round(sum(lines.mapped("balance")), 2)

    def test_income_at_the_days_rate_the_deposit_at_its_own_and_the_difference_is_exchange(self):
        self._top_up(5, "100")
        self.assertEqual(self._deposit(), (100, 110))
        self._use(8, "40")
        self._use(12, "30")
        self._use(22, "30")
        moves = self._post(1, 31).sorted("date")
        income = moves.line_ids.filtered(lambda line: line.account_id == self.books.call_wallet_whatsapp_account_id)
        self.assertEqual(income.sorted("date").mapped("amount_currency"), [-40, -30, -30])
        self.assertEqual(income.sorted("date").mapped("balance"), [-44, -36, -30])
        self.assertEqual(moves.currency_id, self.euro)
        # Held at 1.10: 3.00 lost on the 12th, 3.00 won on the 22nd; nothing is left in either currency.
        self.assertEqual(self._deposit(), (0, 0))
        self.assertEqual(self._exchange(), 0)
        lost = moves[1].line_ids.filtered(
            lambda line: line.account_id == self.books.expense_currency_exchange_account_id
        )
        self.assertEqual((lost.balance, lost.amount_currency), (3, 0))
        self.assertSound(self.wallet)

    def test_deposits_of_different_days_are_held_at_their_average_and_overdrafts_at_the_day(self):
        self._top_up(5, "100")  # 110
        self._top_up(12, "100")  # 120
        self._use(12, "100")
        self._post(1, 15)
        self.assertEqual(self._deposit(), (100, 115))
        self._use(22, "150")
        self._post(1, 31)
        self.assertEqual(self._deposit(), (-50, -50))
        self.assertSound(self.wallet)

    def test_what_a_credit_note_at_another_rate_leaves_is_settled(self):
        topup = self._top_up(5, "100")
        note = topup.invoice_id._reverse_moves([{"invoice_date": date(2026, 10, 12), "date": date(2026, 10, 12)}])
        note.invoice_currency_rate = 1 / 1.2
        note.action_post()
        self.assertEqual(self._deposit(), (0, -10))
        settled = self._post(1, 31)
        self.assertEqual(self._deposit(), (0, 0))
        self.assertEqual(self._exchange(), 10)
        self.assertFalse(settled.call_wallet_transaction_ids)
        self.assertFalse(self._post(1, 31))

    def test_without_exchange_accounts_the_run_says_which_to_choose(self):
        self._top_up(5, "100")
        self._use(12, "40")
        self.books.expense_currency_exchange_account_id = False
        with self.assertRaisesRegex(UserError, "no accounts for exchange gains and losses"):
            self._post(1, 31)
