"""What a company's books ask of every entry: closed periods, journals that are secured, mandatory analytic plans."""

from datetime import date

from .posting_case import PostingCommon


class TestPostingBorders(PostingCommon):
    def _use_two_dollars(self, day):
        self._charge(day, self._call(call_type="whatsapp", duration_seconds=6000))

    def test_each_lock_date_moves_what_it_closes_to_the_first_open_day(self):
        # Sales, purchases and taxes are not closed for entries of usage: no such journal, no tax.
        for lock, expected in (
            ("sale_lock_date", 5), ("purchase_lock_date", 5), ("tax_lock_date", 5),
            ("fiscalyear_lock_date", 11), ("hard_lock_date", 11),
        ):  # fmt: skip
            with self.subTest(lock=lock), self.env.cr.savepoint() as savepoint:
                self._use_two_dollars(5)
                self.books[lock] = date(2026, 10, 10)
                self.assertEqual(self._post(1, 31).date, date(2026, 10, expected))
                self.assertSound(self.wallet)
                savepoint.rollback()
                self.env.invalidate_all()

    def test_a_journal_secured_by_hashes_is_posted_to_whatever_comes_late(self):
        self.books.call_wallet_journal_id.restrict_mode_hash_table = True
        self._use_two_dollars(12)
        self._use_two_dollars(5)
        self._post(12, 12)
        late = self._post(1, 31)
        self.assertEqual((late.state, late.date), ("posted", date(2026, 10, 5)))
        moves = self.wallet.transaction_ids.move_id
        self.assertEqual(len(moves.filtered("inalterable_hash")), 2)
        self.assertSound(self.wallet)

    def test_a_mandatory_analytic_plan_stops_no_posting_and_its_models_distribute_income(self):
        plan = self.env["account.analytic.plan"].create({"name": "Branches", "default_applicability": "mandatory"})
        north = self.env["account.analytic.account"].create({"name": "North", "plan_id": plan.id, "company_id": False})
        asking = self.env["call.wallet"].with_context(validate_analytic=True)
        self._use_two_dollars(5)
        self.assertTrue(asking.post_transactions("2026-10-05", "2026-10-05", self.books))
        income = self.books.call_wallet_whatsapp_account_id
        self.env["account.analytic.distribution.model"].create(
            {"account_prefix": income.code, "company_id": self.books.id, "analytic_distribution": {str(north.id): 100}}
        )
        self._use_two_dollars(6)
        move = asking.post_transactions("2026-10-06", "2026-10-06", self.books)
        earned = move.line_ids.filtered(lambda line: line.account_id == income)
        self.assertEqual(earned.analytic_distribution, {str(north.id): 100})
        self.assertEqual(earned.analytic_line_ids.mapped("amount"), [2])
