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

    def _income(self, moves):
        return moves.line_ids.filtered(lambda line: line.account_id == self.books.call_wallet_whatsapp_account_id)

    def test_the_standards_example_income_at_the_rate_of_the_advance_and_no_exchange_item(self):
        """IFRIC 22: 1,000 received at 1.10, 400 used at 1.20: revenue 440, liability 660."""
        self._top_up(5, "1000")
        self._use(12, "400")
        moves = self._post(1, 31)
        self.assertEqual(self._income(moves).mapped("balance"), [-440])
        self.assertEqual(self._deposit(), (600, 660))
        self.assertEqual(self._exchange(), 0)
        self.assertEqual(len(moves.line_ids), 2)
        self.assertSound(self.wallet)

    def test_income_is_the_deposits_whatever_the_rates_do_and_nothing_is_left_of_it(self):
        self._top_up(5, "100")
        self.assertEqual(self._deposit(), (100, 110))
        for day, euros in ((8, "33.34"), (12, "33.32"), (22, "33.34")):
            self._use(day, euros)
        moves = self._post(1, 31).sorted("date")
        self.assertEqual(moves.currency_id, self.euro)
        # 33.34 x 1.10 = 36.674; 33.32 of 66.66, worth 73.33: 36.654...; the rest.
        self.assertEqual(self._income(moves).sorted("date").mapped("balance"), [-36.67, -36.65, -36.68])
        self.assertEqual(self._deposit(), (0, 0))
        self.assertEqual(self._exchange(), 0)
        self.assertSound(self.wallet)

    def test_a_refund_gives_back_at_the_rate_of_the_deposit(self):
        self._top_up(5, "1000")
        self._use(12, "400")
        with self._at(22):
            self.wallet.refund("100", "Goodwill")
        self._post(1, 31)
        # 600 at 1.10 and 100 more; not at 1.00, the rate of the 22nd.
        self.assertEqual(self._deposit(), (700, 770))
        self.assertEqual(self._exchange(), 0)

    def test_a_call_that_is_charged_late_takes_what_was_on_the_deposit_when_it_was_charged(self):
        self._top_up(5, "100")
        self._use(8, "100")
        self._post(1, 9)
        self._top_up(22, "50")
        # Made on the 9th, at 1.10, when nothing was left; paid on the 23rd from the 50 received at 1.00.
        self._report(
            "2026-10-23 12:00:00", "2026-10-09 12:00:00", account=self.wallet.account_ref, duration_seconds=60 * 2500
        )
        move = self._post(1, 31)
        self.assertEqual((move.date, self._income(move).balance), (date(2026, 10, 9), -50))
        self.assertEqual(self._deposit(), (0, 0))
        self.assertEqual(self._exchange(), 0)

    def test_another_wallets_late_call_changes_no_value_of_this_one(self):
        self._top_up(5, "100")  # 110 dollars
        self._use(8, "10")
        self._top_up(12, "100")  # 120 dollars
        other = self._make_wallet(
            company_id=self.books.id, currency_id=self.euro.id, rate_plan_id=self.wallet.rate_plan_id.id
        )
        with self._at(5):
            self._pay(other.create_topup("100").invoice_id)
        self._report(
            "2026-10-15 12:00:00", "2026-10-08 12:00:00",
            account=other.account_ref, call_type="whatsapp", duration_seconds=30_000,
        )  # fmt: skip
        move = self._post(8, 8)
        mine = self._income(move).filtered(lambda line: line.call_wallet_id == self.wallet)
        # What was on this wallet's deposit on the 8th: 10 x 1.10; with that of the 12th it would be 11.50.
        self.assertEqual(mine.mapped("balance"), [-11])
        self.assertSound(self.wallet | other)

    def test_kinds_share_the_value_of_what_was_used(self):
        self._top_up(5, "100")
        self._charge(12, self._call(call_type="whatsapp", duration_seconds=60 * 500), self._call(duration_seconds=60))
        self._post(1, 31)
        # 10.00 and 0.0125, of which 0.01 is posted: 10.01 x 1.10 = 11.011.
        self.assertEqual(self._deposit(), (89.99, 98.99))
        self.assertSound(self.wallet)

    def test_a_charge_and_a_refund_of_the_same_amount_keep_their_values(self):
        self._top_up(5, "100")
        self._use(12, "10")
        with self._at(12):
            self.wallet.refund("10", "Goodwill")
        moves = self._post(1, 31)
        # Both at 1.10, and nothing leaves the deposit.
        self.assertEqual(sorted(moves.line_ids.mapped("balance")), [-11, 11])
        self.assertEqual(self._deposit(), (100, 110))

    def test_what_is_left_on_a_deposit_of_nothing_is_exchange_not_income(self):
        topup = self._top_up(5, "100")
        self._credit_at(topup, 12, 1.2)
        self.assertEqual(self._deposit(), (0, -10))
        self._use(22, "30")
        moves = self._post(22, 31)
        self.assertEqual(self._income(moves).mapped("balance"), [-30])
        self.assertEqual((self._deposit(), self._exchange()), ((-30, -30), 10))
        self.assertSound(self.wallet)

    def test_a_deposit_whose_value_has_the_other_sign_is_brought_to_the_days_rate(self):
        topup = self._top_up(5, "100")
        self._credit_at(topup, 12, 1.2)
        self._top_up(13, "5")
        self.assertEqual(self._deposit(), (5, -4))  # 110 - 120 + 5 x 1.20
        self._use(22, "2")
        moves = self._post(22, 31)
        # At 1.00: 2 of income, 3 left; the 9 from -4 to 5 are exchange.
        self.assertEqual(self._income(moves).mapped("balance"), [-2])
        self.assertEqual((self._deposit(), self._exchange()), ((3, 3), 9))

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
        topup = self._top_up(5, "100")
        self._credit_at(topup, 12, 1.2)
        self.books.expense_currency_exchange_account_id = False
        with self.assertRaisesRegex(UserError, "no accounts for exchange gains and losses"):
            self._post(1, 31)

    def test_a_currency_without_a_rate_is_refused_before_the_first_order_and_by_the_posting(self):
        """20,000 yen are not 20,000 dollars."""
        yen = self._set_rate("JPY", "150", self.books)
        plan = self.plan.copy({"name": "Yen contract", "currency_id": yen.id})
        wallet = self._make_wallet(company_id=self.books.id, currency_id=yen.id, rate_plan_id=plan.id)
        self.env["res.currency.rate"].search([("currency_id", "=", yen.id)]).unlink()
        with self.assertRaisesRegex(UserError, "no exchange rate of JPY: enter one under"):
            wallet.create_topup("20000")
        self._charge(8, self._call(account=wallet.account_ref, call_type="whatsapp", duration_seconds=60 * 1000))
        with self.assertRaisesRegex(UserError, "no exchange rate of JPY"):
            self._post(1, 31)
        self.assertFalse(wallet.transaction_ids.move_id)
        self.env["res.currency.rate"].create(
            {"name": "2026-01-01", "currency_id": yen.id, "inverse_company_rate": 0.0065, "company_id": self.books.id}
        )
        # 20 yen at 0.0065: 0.13.
        move = self._post(1, 31)
        self.assertEqual(sorted(move.line_ids.mapped("balance")), [-0.13, 0.13])
        with self._at(9):
            topup = wallet.create_topup("20000")
        self.assertEqual(topup.invoice_id.amount_untaxed_signed, 130)

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
