"""Wallets in other currencies than their company's."""

from datetime import date
from decimal import Decimal

from odoo.exceptions import UserError

from .posting_case import PostingCommon


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

    def _credit_at(self, topup, day, rate):
        with self._at(day):
            note = topup.invoice_id._reverse_moves()
            note.invoice_date = note.date = date(2026, 10, day)
            note.invoice_currency_rate = 1 / rate
            note.action_post()

    def test_a_settlement_that_a_lock_date_moved_is_one_all_the_same(self):
        topup = self._top_up(5, "100")
        self._credit_at(topup, 15, 1.2)
        self.assertEqual(self._deposit(), (0, -10))
        self.books.fiscalyear_lock_date = date(2026, 10, 31)
        moves = self._post(1, 31)
        self.assertEqual((moves.date, self._deposit()), (date(2026, 11, 1), (0, 0)))
        for _again in range(2):
            self.assertFalse(self._post(1, 31))
        self.assertEqual(self._deposit(), (0, 0))

    def test_days_before_are_posted_again_without_settling_what_was_used_since(self):
        topup = self._top_up(5, "100")
        self._credit_at(topup, 15, 1.2)
        self._top_up(21, "100")
        self._use(22, "100")
        self._post(20, 31)
        self.assertEqual(self._deposit(), (0, 0))
        self.assertFalse(self._post(1, 16))
        self.assertEqual(self._deposit(), (0, 0))

    def test_without_exchange_accounts_the_run_says_which_to_choose(self):
        self._top_up(5, "100")
        self._use(12, "40")
        self.books.expense_currency_exchange_account_id = False
        with self.assertRaisesRegex(UserError, "no accounts for exchange gains and losses"):
            self._post(1, 31)

    def test_what_cannot_be_posted_does_not_hold_up_other_days_and_currencies(self):
        dollars = self._make_wallet(company_id=self.books.id)
        self._use(5, "10")
        self._charge(8, self._call(account=dollars.account_ref, duration_seconds=600))
        self.euro.active = False
        with self.assertRaisesRegex(UserError, "(?i)currency"):
            self._post(1, 31)
        run = self.env["call.wallet.posting"].search([("company_id", "=", self.books.id)], limit=1)
        self.assertEqual((run.state, run.done_count), ("failed", 1))
        self.assertIn("10/05/2026", run.error)
        self.euro.active = True
        self.assertEqual(len(self._post(1, 31)), 1)
        self.assertEqual(self.env["call.wallet"].check_invariants(dollars | self.wallet), [])
