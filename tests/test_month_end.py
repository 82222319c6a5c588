"""Month-end entries: overdrawn wallets apart, money in foreign currency at the closing rate; the next day neither."""

from datetime import date, datetime
from decimal import Decimal

from odoo.addons.call_wallet.tools.clock import recorded_at
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form
from odoo.tools import mute_logger

from .posting_case import PostingCommon

OCTOBER, NOVEMBER = date(2026, 10, 31), date(2026, 11, 1)
DOOR = "odoo.addons.call_wallet.tools.door"


class MonthEndCommon(PostingCommon):
    """The end of October 2026; WhatsApp costs 0.02 a minute, so 50 minutes are 1.00."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.books.call_wallet_month_end_from = date(2026, 10, 1)
        cls.months = cls.env["call.wallet.month.end"]

    def _on(self, month, day):
        return recorded_at(datetime(2026, month, day, 12))

    def _use(self, month, day, amount, wallet=None):
        seconds = int(Decimal(amount) / Decimal("0.02") * 60)
        account = (wallet or self.wallet).account_ref
        call = self._call(
            account=account,
            call_type="whatsapp",
            duration_seconds=seconds,
            started_at=f"2026-{month:02}-{day:02}T01:00:00Z",
        )
        with self._on(month, day):
            result = self._record(call)
        self.assertEqual(result["result"], "charged")

    def _top_up(self, month, day, amount, wallet=None):
        with self._on(month, day):
            topup = (wallet or self.wallet).create_topup(amount)
            self._pay(topup.invoice_id)

    def _post_up_to(self, day, company=None):
        return self.env["call.wallet"].post_transactions(None, day, companies=company or self.books)

    def _end(self, day=OCTOBER, companies=None, now=(2026, 12, 2)):
        with recorded_at(datetime(*now, 12)):
            return self.months.post_month_end(day, companies=companies or self.books)

    def _end_by_itself(self, *now):
        with recorded_at(datetime(*now, 12)):
            self.months._cron_post()

    def _stands(self, account, day, wallet=None, company=None):
        """What stands on one of the company's accounts at the end of a day: credits, in both currencies."""
        company = company or self.books
        domain = [
            ("account_id", "=", company[f"{account}_id"].id),
            ("date", "<=", day),
            ("parent_state", "=", "posted"),
        ]
        domain += [("company_id", "=", company.id)] + ([("call_wallet_id", "=", wallet.id)] if wallet else [])
        lines = self.env["account.move.line"].search(domain)
        return round(-sum(lines.mapped("amount_currency")), 2) + 0, round(-sum(lines.mapped("balance")), 2) + 0

    def _deposits(self, day, wallet=None, company=None):
        return self._stands("call_wallet_deposit_account", day, wallet, company)

    def _overdrawn(self, day, wallet=None, company=None):
        """Debits."""
        amount, value = self._stands("call_wallet_overdrawn_account", day, wallet, company)
        return 0 - amount, 0 - value

    def _loss(self, day):
        """Exchange losses less gains."""
        gains = self._stands("income_currency_exchange_account", day)[1]
        return 0 - gains - self._stands("expense_currency_exchange_account", day)[1]

    def assertAgrees(self, *days, company=None):
        for day in days:
            for row in self.env["call.wallet"].reconciliation(day, company or self.books):
                wrong = {name: row[name] for name in row if name.startswith("unexplained") and float(row[name])}
                self.assertEqual(wrong, {}, (day, row))
        self.assertSound()


class TestOverdrawnWallets(MonthEndCommon):
    """One wallet at 100, another at -10."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = cls._make_wallet(company_id=cls.books.id)

    def _business(self):
        self._top_up(10, 5, "100")
        self._use(10, 12, "10", self.other)
        self._post_up_to(OCTOBER)

    def test_what_customers_owe_is_no_smaller_liability_and_the_next_day_it_is_netted_again(self):
        self._business()
        self.assertEqual(self._deposits(OCTOBER), (90, 90))
        move, back = self._end()
        self.assertEqual((move.date, back.date, back.reversed_entry_id), (OCTOBER, NOVEMBER, move))
        self.assertEqual(move.line_ids.call_wallet_id, self.other)
        self.assertEqual(self._deposits(OCTOBER), (100, 100))
        self.assertEqual(self._overdrawn(OCTOBER), (10, 10))
        self.assertEqual((self._deposits(NOVEMBER), self._overdrawn(NOVEMBER)), ((90, 90), (0, 0)))
        self.assertAgrees(date(2026, 10, 30), OCTOBER, NOVEMBER)

    def test_companies_of_other_kinds_are_refused_by_name(self):
        for companies in (True, [[1]], 0, "1", {}, [None]):
            with self.subTest(companies=companies), self.assertRaisesRegex(UserError, "companies: send the ids"):
                self.months.post_month_end(OCTOBER, companies=companies)
            with self.subTest(companies=companies), self.assertRaisesRegex(UserError, "companies: send the ids"):
                self.env["call.wallet"].post_transactions(None, OCTOBER, companies=companies)

    def test_no_customers_aging_changes(self):
        self._business()
        moves = self._end()
        self.assertNotIn("asset_receivable", moves.line_ids.account_id.mapped("account_type"))
        self.assertEqual(self.other.partner_id.credit, 0)

    def test_the_reconciliation_shows_what_is_overdrawn_as_a_total_of_its_own(self):
        self._business()
        for _before_and_after in range(2):
            [section] = self.env["call.wallet"].reconciliation_screen(OCTOBER, self.books.id)["sections"]
            self.assertEqual(Decimal(section["overdrawn"]), 10)
            self.assertEqual(Decimal(section["owed"]), 100)
            self.assertEqual(Decimal(section["total"]["general_ledger"]), 90)
            self._end()

    def test_again_for_the_same_month_nothing_is_entered_twice_and_what_came_late_is(self):
        self._business()
        self._end()
        self.assertFalse(self._end())
        self._use(10, 31, "5", self.other)
        self._post_up_to(OCTOBER)
        late = self._end()
        self.assertEqual(sorted(late[0].line_ids.mapped("balance")), [-5, 5])
        self.assertEqual((self._overdrawn(OCTOBER), self._overdrawn(NOVEMBER)), ((15, 15), (0, 0)))
        # 20.00 are invoiced in October after all: it holds 5.00, and nothing is overdrawn.
        self._top_up(10, 31, "20", self.other)
        self._end()
        self.assertEqual((self._overdrawn(OCTOBER), self._overdrawn(NOVEMBER)), ((0, 0), (0, 0)))
        self.assertEqual(self._deposits(OCTOBER), (105, 105))
        self.assertFalse(self._end())
        self.assertAgrees(OCTOBER, NOVEMBER)

    def test_usage_of_the_same_day_that_is_posted_afterwards_takes_its_rate_from_the_deposit_alone(self):
        self._business()
        self._end()
        self._use(10, 31, "5")
        self._post_up_to(OCTOBER)
        self.assertEqual(self._deposits(OCTOBER, self.wallet), (95, 95))
        self.assertAgrees(OCTOBER, NOVEMBER)

    def test_the_schedule_enters_last_month_once_it_is_over_for_all_and_no_month_before_the_first(self):
        self._business()
        self._end_by_itself(2026, 10, 31)
        self.assertFalse(self.months.search([("company_id", "=", self.books.id)]))
        self._end_by_itself(2026, 11, 1)
        self._end_by_itself(2026, 11, 2)
        [entry] = self.months.search([("company_id", "=", self.books.id)])
        self.assertEqual((entry.date, entry.kind, entry.value), (OCTOBER, "overdrawn", 10))
        self.books.call_wallet_month_end_from = date(2027, 1, 1)
        self._end_by_itself(2026, 12, 1)
        self.books.call_wallet_month_end_from = False
        self._end_by_itself(2026, 12, 1)
        self.assertEqual(self.months.search([("company_id", "=", self.books.id)]), entry)

    def test_months_that_were_missed_or_have_changed_follow_and_locked_ones_are_finished(self):
        """Overdrawn by 3 in August, which is locked; by 7 in September and by 17 in October, when nothing ran."""
        august, september, october_1st = date(2026, 8, 31), date(2026, 9, 30), date(2026, 10, 1)
        self.books.call_wallet_month_end_from = date(2026, 8, 1)
        self._use(8, 12, "3", self.other)
        self._use(9, 12, "4", self.other)
        self._business()
        self.books.fiscalyear_lock_date = august
        self._end_by_itself(2026, 11, 2)
        overdrawn = [self._overdrawn(day)[0] for day in (august, september, october_1st, OCTOBER, NOVEMBER)]
        self.assertEqual(overdrawn, [0, 7, 0, 17, 0])
        # 5.00 of September come late.
        self._use(9, 20, "5", self.other)
        self._post_up_to(OCTOBER)
        self._end_by_itself(2026, 12, 2)
        november = date(2026, 11, 30)
        days = (september, october_1st, OCTOBER, NOVEMBER, november, date(2026, 12, 1))
        self.assertEqual([self._overdrawn(day)[0] for day in days], [12, 0, 22, 0, 22, 0])
        # 2.00 more, and then September is locked: what stands there is wrong, and finance is told.
        self._use(9, 21, "2", self.other)
        self._post_up_to(OCTOBER)
        self.books.fiscalyear_lock_date = september
        listed = self.env["call.wallet.waiting"].search([("model", "=", "res.company")])
        with mute_logger(DOOR):
            self._end_by_itself(2026, 12, 3)
        [told] = self.env["call.wallet.waiting"].search([("model", "=", "res.company")]) - listed
        self.assertRegex(told.reason, "9/30/2026 is closed")
        self.assertNotIn("10/31/2026", told.reason)
        # As the words say, it may be left as it is.
        self.books.call_wallet_month_end_from = october_1st
        self._end_by_itself(2026, 12, 4)
        self.assertEqual([self._overdrawn(day)[0] for day in days], [12, 0, 24, 0, 24, 0])
        self.env.invalidate_all()
        self.assertEqual(self.env["call.wallet.waiting"].search([("model", "=", "res.company")]), listed)
        self.assertAgrees(august, september, OCTOBER, november)

    def test_a_new_company_begins_with_the_month_in_which_it_is_made(self):
        with self._on(11, 20):
            company = self.env["res.company"].create({"name": "Young"})
        self.assertEqual(company.call_wallet_month_end_from, NOVEMBER)

    def test_a_month_that_is_locked_is_finished(self):
        self._business()
        self.books.fiscalyear_lock_date = OCTOBER
        with self.assertRaisesRegex(UserError, "10/31/2026 is closed .*Nothing was entered"):
            self._end()
        listed = self.env["call.wallet.waiting"].search([("model", "=", "res.company")])
        with mute_logger(DOOR):
            self._end_by_itself(2026, 11, 2)
        self.assertFalse(self.months.search([("company_id", "=", self.books.id)]))
        [entry] = self.env["call.wallet.waiting"].search([("model", "=", "res.company")]) - listed
        self.assertIn("is closed", entry.reason)
        self.assertEqual((entry.res_id, entry.company_id), (self.books.id, self.books))
        self.books.fiscalyear_lock_date = False
        self._end_by_itself(2026, 11, 3)
        self.env.invalidate_all()
        self.assertEqual(self.env["call.wallet.waiting"].search([("model", "=", "res.company")]), listed)
        self.books.fiscalyear_lock_date = OCTOBER
        self.assertFalse(self._end())  # all is there: the lock is in nobody's way
        self.assertEqual((self._overdrawn(OCTOBER), self._overdrawn(NOVEMBER)), ((10, 10), (0, 0)))

    def test_a_month_has_a_last_day_and_is_over(self):
        with self.assertRaisesRegex(UserError, "last day of a month"):
            self._end("2026-10-30")
        with self.assertRaisesRegex(UserError, "not over yet"):
            self._end(now=(2026, 10, 30))
        self._business()
        self.assertEqual(len(self._end(now=(2026, 10, 31))), 2)  # a fast close, on the day itself

    def test_a_company_that_fails_stops_no_other(self):
        elsewhere = self._make_books("Month-end Ltd.")
        abroad = self._make_wallet(company_id=elsewhere.id)
        self._business()
        self._use(10, 12, "7", abroad)
        self._post_up_to(OCTOBER, elsewhere)
        self.books.fiscalyear_lock_date = OCTOBER
        with self.assertRaisesRegex(UserError, "^Posting Inc.: 10/31/2026 is closed"):
            self._end(companies=self.books | elsewhere)
        self.assertEqual(self._overdrawn(OCTOBER, company=elsewhere), (7, 7))
        self.assertEqual(self._overdrawn(OCTOBER), (0, 0))
        self.assertAgrees(OCTOBER, NOVEMBER, company=elsewhere)

    def test_a_wallet_that_was_closed_since_was_overdrawn_all_the_same(self):
        self._business()
        with self._on(11, 5):
            self.other.close("Contract over", write_off=True)
        self._post_up_to(date(2026, 11, 5))
        self._end()
        self.assertEqual((self._overdrawn(OCTOBER), self._deposits(OCTOBER)), ((10, 10), (100, 100)))
        self.assertEqual(self._stands("call_wallet_bad_debt_account", date(2026, 11, 5)), (-10, -10))
        self.assertEqual(self._deposits(date(2026, 11, 5), self.other), (0, 0))
        self.assertFalse(self._end(date(2026, 11, 30)))
        self.assertAgrees(OCTOBER, NOVEMBER, date(2026, 11, 5))

    def test_an_accountants_own_entry_counts_as_in_the_reconciliation(self):
        """10.00 are credited to the customer's deposit by hand, without a wallet: it holds nothing then."""
        self._business()
        income = self.books.call_wallet_adjustment_account_id
        partner = self.other.partner_id.id
        deposit = {"account_id": self.books.call_wallet_deposit_account_id.id, "credit": 10, "partner_id": partner}
        lines = [(0, 0, deposit), (0, 0, {"account_id": income.id, "debit": 10})]
        entry = self.env["account.move"].create({"date": OCTOBER, "company_id": self.books.id, "line_ids": lines})
        entry.action_post()
        self.assertFalse(self._end())

    def test_the_entries_stand(self):
        self._business()
        moves = self._end()
        for move in moves:
            self.assertFalse(move.show_reset_to_draft_button)
            for change in (
                move.button_draft,
                move._reverse_moves,
                move.button_cancel,
                lambda move=move: move.write({"ref": "Other"}),
                lambda move=move: move.write({"call_wallet_month_end_id": False}),
                lambda move=move: move.line_ids[0].write({"call_wallet_id": self.wallet.id}),
                lambda move=move: move.line_ids.unlink(),
            ):
                with self.assertRaisesRegex(UserError, "month-end entry of call wallets"), self.env.cr.savepoint():
                    change()
        entry = moves.call_wallet_month_end_id
        self.assertEqual(self.env["account.move"].search(entry.action_view_moves()["domain"]), moves)

    def test_a_finance_manager_chooses_in_the_settings_and_sees_from_when_it_holds(self):
        manager = self._make_user("t_month_end", "finance_manager")
        manager.write({"company_ids": [(4, self.books.id)], "company_id": self.books.id})
        settings = self.env["call.wallet.settings"].with_user(manager).with_company(self.books)
        with self._on(11, 10), Form(settings, "call_wallet.call_wallet_settings_view_form") as form:
            form.call_wallet_standard = "ias_21"
            form.call_wallet_month_end_from = "2026-12-01"
        self.assertEqual(self.books.call_wallet_standard, "ias_21")
        self.assertEqual(self.books.call_wallet_standard_from, date(2026, 11, 10))
        self.assertEqual(self.books.call_wallet_month_end_from, date(2026, 12, 1))
        with self._on(11, 12), Form(settings, "call_wallet.call_wallet_settings_view_form") as form:
            self.assertEqual(form.call_wallet_standard_from, date(2026, 11, 10))
            form.call_wallet_month_end_from = False
        self.assertEqual(self.books.call_wallet_standard_from, date(2026, 11, 10))

    def test_another_account_for_what_is_overdrawn_leaves_the_past_explained(self):
        self._business()
        self._end()
        self.books.call_wallet_overdrawn_account_id = self.books.call_wallet_overdrawn_account_id.copy()
        self.assertAgrees(OCTOBER, NOVEMBER)
        self.assertFalse(self._end())
        with self.assertRaisesRegex(UserError, "not a current asset"), self.env.cr.savepoint():
            self.books.call_wallet_overdrawn_account_id = self.books.call_wallet_live_account_id


class TestForeignCurrency(MonthEndCommon):
    """A wallet in euros, in the books of a company in dollars; 1.10, from the 10th 1.20, at the end of October 1.30."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.euro, cls.yen = cls.env.ref("base.EUR"), cls.env.ref("base.JPY")
        (cls.euro | cls.yen).active = True
        currencies = cls.euro | cls.yen | cls.dollar
        cls.env["res.currency.rate"].search([("currency_id", "in", currencies.ids)]).unlink()
        cls._set_rates(cls.euro, ("2026-01-01", 1.10), ("2026-10-10", 1.20), ("2026-10-31", 1.30))
        cls.wallet = cls._wallet_in(cls.euro, cls.books)

    @classmethod
    def _set_rates(cls, currency, *rates, company=None):
        for day, value in rates:
            cls.env["res.currency.rate"].create(
                {"name": day, "currency_id": currency.id, "inverse_company_rate": value,
                 "company_id": (company or cls.books).id}
            )  # fmt: skip

    @classmethod
    def _wallet_in(cls, currency, company):
        plan = cls.plan.copy({"name": f"Contract in {currency.name}", "currency_id": currency.id})
        return cls._make_wallet(company_id=company.id, currency_id=currency.id, rate_plan_id=plan.id)

    def _refundable(self, month=10, day=1):
        with self._on(month, day):
            self.books.call_wallet_standard = "ias_21"

    def _revenue(self, day):
        return self._stands("call_wallet_whatsapp_account", day)[1]

    def _business(self):
        """1,000 EUR in at 1.10, 400 used at 1.20."""
        self._top_up(10, 5, "1000")
        self._use(10, 12, "400")
        self._post_up_to(OCTOBER)

    def test_refundable_deposits_are_money_at_the_closing_rate(self):
        """IAS 21: revenue 400 x 1.20; left 1,100 - 480 = 620 for 600 EUR, which are worth 780: a loss of 160."""
        self._refundable()
        self._business()
        self.assertEqual((self._revenue(OCTOBER), self._deposits(OCTOBER), self._loss(OCTOBER)), (480, (600, 620), 0))
        move, back = self._end()
        self.assertEqual(move.line_ids.mapped("amount_currency"), [0, 0])
        self.assertEqual((self._deposits(OCTOBER), self._loss(OCTOBER)), ((600, 780), 160))
        self.assertEqual((self._deposits(NOVEMBER), self._loss(NOVEMBER)), ((600, 620), 0))
        self.assertEqual(self._revenue(OCTOBER), 480)
        self.assertEqual((back.reversed_entry_id, len(self._end())), (move, 0))
        self.assertAgrees(OCTOBER, NOVEMBER)

    def test_a_choice_that_is_taken_back_has_never_held(self):
        self._business()
        for standard in ("ias_21", "ifric_22", "ias_21", "ifric_22"):
            with self._on(11, 27):
                self.books.call_wallet_standard = standard
        self.assertFalse(self.books.call_wallet_standard_from)
        self.assertFalse(self._end())
        self.assertEqual(self._deposits(OCTOBER), (600, 660))

    def test_each_day_has_the_standard_that_held_on_it(self):
        for day, standard in ((1, "ias_21"), (10, "ifric_22"), (20, "ias_21")):
            with self._on(11, day):
                self.books.call_wallet_standard = standard
        held = [self.books._call_wallet_is_monetary(date(2026, 11, day)) for day in (1, 9, 10, 19, 20)]
        self.assertEqual(held, [True, True, False, False, True])
        self.assertFalse(self.books._call_wallet_is_monetary(OCTOBER))

    def test_the_day_from_which_a_standard_holds_is_nobody_s_to_write(self):
        manager = self._make_user("standard.manager", "finance_manager")
        manager.company_ids |= self.books
        for field in ("call_wallet_standard_from", "call_wallet_standard_changes"):
            with self.assertRaises(AccessError):
                self.books.with_user(manager).write({field: "2020-01-01"})

    def test_deposits_that_are_not_refundable_keep_their_rates(self):
        """IFRIC 22: revenue 440, no exchange item, 660 owed."""
        self._business()
        self.assertFalse(self._end())
        self.assertEqual((self._revenue(OCTOBER), self._deposits(OCTOBER), self._loss(OCTOBER)), (440, (600, 660), 0))

    def test_a_refundable_deposit_that_is_used_up_leaves_its_loss_and_nothing_else(self):
        """The other 600 are used at 1.30: revenue 780; in all 1,100 were received for 1,260, a loss of 160."""
        self._refundable()
        self._business()
        self._end()
        self._use(11, 5, "600")
        self._post_up_to(date(2026, 11, 5))
        day = date(2026, 11, 5)
        self.assertEqual((self._revenue(day), self._deposits(day), self._loss(day)), (1260, (0, 0), 160))
        self.assertFalse(self._end(date(2026, 11, 30)))
        self.assertFalse(self._post_up_to(date(2026, 11, 30)))
        self.assertAgrees(OCTOBER, NOVEMBER, day)

    def test_what_goes_beyond_a_refundable_deposit_stands_at_the_days_rate(self):
        """700 are used at 1.30 where 600 are left at 620: 100 owed are 130, and 160 are lost."""
        self._refundable()
        self._business()
        self._use(11, 5, "700")
        self._post_up_to(date(2026, 11, 5))
        day = date(2026, 11, 5)
        self.assertEqual((self._revenue(day), self._deposits(day), self._loss(day)), (1390, (-100, -130), 160))
        self.assertAgrees(day)

    def test_usage_of_the_last_day_that_is_posted_late_moves_the_revaluation_and_counts_no_loss_twice(self):
        """60 more on the 31st, at 1.30: 78; left 542 for 540 EUR, worth 702: the loss is 160 still."""
        self._refundable()
        self._business()
        self._end()
        self._use(10, 31, "60")
        self._post_up_to(OCTOBER)
        self.assertFalse(self._end())
        self.assertEqual((self._revenue(OCTOBER), self._deposits(OCTOBER), self._loss(OCTOBER)), (558, (540, 702), 160))
        self.assertEqual((self._deposits(NOVEMBER), self._loss(NOVEMBER)), ((540, 542), 0))
        # A rate that is corrected to 1.31: 540 are worth 707.40.
        rate = self.env["res.currency.rate"].search([("company_id", "=", self.books.id), ("name", "=", OCTOBER)])
        rate.inverse_company_rate = 1.31
        self._end()
        self.assertEqual((self._deposits(OCTOBER), self._loss(OCTOBER)), ((540, 707.4), 165.4))
        self.assertAgrees(OCTOBER, NOVEMBER)

    def test_another_choice_holds_for_new_entries_and_moves_nothing_that_is_posted(self):
        self._business()
        self._refundable(11, 10)
        self.assertEqual(self.books.call_wallet_standard_from, date(2026, 11, 10))
        self.assertFalse(self._end())
        # 50 of October come late: at 1.10, as all of October. 50 of November at 1.30.
        self._use(10, 31, "50")
        self._use(11, 12, "50")
        self._post_up_to(date(2026, 11, 12))
        self.assertEqual((self._revenue(OCTOBER), self._revenue(date(2026, 11, 12))), (495, 560))
        # 1,100 - 495 - 65 = 540 for 500 EUR, worth 650.
        self._end(date(2026, 11, 30))
        self.assertEqual((self._deposits(date(2026, 11, 30)), self._loss(date(2026, 11, 30))), ((500, 650), 110))
        with self._on(12, 5):
            self.books.call_wallet_standard = "ifric_22"
        self.assertFalse(self._end(date(2026, 11, 30), now=(2026, 12, 6)))
        self._use(12, 7, "50")
        self._post_up_to(date(2026, 12, 7))
        # At the average of what is left, 540 / 500 = 1.08: 54.
        self.assertEqual(self._revenue(date(2026, 12, 7)), 614)
        self.assertFalse(self._end(date(2026, 12, 31), now=(2027, 1, 2)))

    def test_a_branch_follows_its_main_company(self):
        branch = self.env["res.company"].create({"name": "Branch", "parent_id": self.books.id})
        self._refundable()
        self.assertTrue(branch._call_wallet_is_monetary(OCTOBER))
        self.assertFalse(branch._call_wallet_is_monetary(date(2026, 9, 30)))

    def test_what_a_customer_owes_is_money_by_either_standard_and_both_entries_agree(self):
        """100 EUR overdrawn at 1.20 are worth 130 at the end: a gain of 10, and 130 owed."""
        for standard in ("ifric_22", "ias_21"):
            with self.subTest(standard), self.env.cr.savepoint() as savepoint:
                with self._on(10, 1):
                    self.books.call_wallet_standard = standard
                self._use(10, 12, "100")
                self._post_up_to(OCTOBER)
                self.assertEqual(self._deposits(OCTOBER), (-100, -120))
                self.assertEqual(len(self._end()), 4)
                self.assertEqual((self._deposits(OCTOBER), self._overdrawn(OCTOBER)), ((0, 0), (100, 130)))
                self.assertEqual(self._loss(OCTOBER), -10)
                self.assertEqual((self._deposits(NOVEMBER), self._overdrawn(NOVEMBER)), ((-100, -120), (0, 0)))
                self.assertEqual(self._loss(NOVEMBER), 0)
                self.assertFalse(self._end())
                self.assertAgrees(OCTOBER, NOVEMBER)
                savepoint.rollback()
                self.env.invalidate_all()

    def test_a_wallet_in_yen(self):
        """20 yen overdrawn at 0.0065 are 0.13; at 0.0070 they are 0.14."""
        self._set_rates(self.yen, ("2026-01-01", 0.0065), ("2026-10-31", 0.0070))
        wallet = self._wallet_in(self.yen, self.books)
        self._use(10, 12, "20", wallet)
        self._post_up_to(OCTOBER)
        self._end()
        self.assertEqual((self._overdrawn(OCTOBER, wallet), self._deposits(OCTOBER, wallet)), ((20, 0.14), (0, 0)))
        self.assertEqual(self._loss(OCTOBER), -0.01)
        self.assertEqual(self._deposits(NOVEMBER, wallet), (-20, -0.13))
        self.assertAgrees(OCTOBER, NOVEMBER)

    def test_a_company_in_euros_has_nothing_to_revalue(self):
        europe = self._make_books("Europe")
        europe.currency_id = self.euro
        with self._on(10, 1):
            europe.call_wallet_standard = "ias_21"
        wallet = self._wallet_in(self.euro, europe)
        self._use(10, 12, "10", wallet)
        self._post_up_to(OCTOBER, europe)
        self.assertEqual(self._end(companies=europe).call_wallet_month_end_id.mapped("kind"), ["overdrawn"])
        self.assertEqual(self._overdrawn(OCTOBER, company=europe), (10, 10))
        self.assertEqual(self._deposits(OCTOBER, company=europe), (0, 0))
        self.assertAgrees(OCTOBER, NOVEMBER, company=europe)

    def test_a_company_in_yen(self):
        """10 USD overdrawn at 150 yen are 1,500; at 155.4 they are 1,554."""
        japan = self._make_books("Japan")
        japan.currency_id = self.yen
        self._set_rates(self.dollar, ("2026-01-01", 150), ("2026-10-31", 155.4), company=japan)
        wallet = self._make_wallet(company_id=japan.id)
        self._use(10, 12, "10", wallet)
        self._post_up_to(OCTOBER, japan)
        self._end(companies=japan)
        self.assertEqual(self._overdrawn(OCTOBER, company=japan), (10, 1554))
        self.assertEqual((self._deposits(OCTOBER, company=japan), self._deposits(NOVEMBER, company=japan)),
                         ((0, 0), (-10, -1500)))  # fmt: skip
        self.assertAgrees(OCTOBER, NOVEMBER, company=japan)

    def test_a_currency_without_a_rate_stops_no_other(self):
        self._use(10, 12, "100")
        self._post_up_to(OCTOBER)
        dollars = self._make_wallet(company_id=self.books.id)
        self._use(10, 12, "10", dollars)
        self._post_up_to(OCTOBER)
        self.env["res.currency.rate"].search([("currency_id", "=", self.euro.id)]).unlink()
        with self.assertRaisesRegex(UserError, "no exchange rate of EUR"):
            self._end()
        self.assertEqual(self._overdrawn(OCTOBER, dollars), (10, 10))
