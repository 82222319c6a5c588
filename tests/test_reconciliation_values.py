"""The reconciliation in the company's currency: what an item is worth, and the trial balance."""

from datetime import datetime
from decimal import Decimal

from odoo import Command
from odoo.addons.call_wallet.tools.clock import recorded_at

from .reconciliation_case import ReconciliationCommon

MONTH = "2026-10-31"


class ValuesCommon(ReconciliationCommon):
    """A wallet in euros of a company that keeps its books in dollars; alone in them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env["res.company"].create({"name": "Values Inc.", "currency_id": cls.dollar.id})
        cls.env["account.chart.template"].try_loading("generic_coa", cls.company, install_demo=False)
        cls.env.user.company_ids |= cls.company
        cls.deposits = cls.company._call_wallet_deposit_account()
        find = cls.env["account.account"].with_company(cls.company).search
        cls.income = find([("account_type", "=", "income"), ("company_ids", "in", cls.company.id)], limit=1)
        cls.equity = find([("account_type", "=", "equity"), ("company_ids", "in", cls.company.id)], limit=1)
        cls.journal = cls.env["account.journal"].search(
            [("type", "=", "general"), ("company_id", "=", cls.company.id)], limit=1
        )
        cls.euro = cls.env.ref("base.EUR")
        cls.euro.active = True
        cls.env["res.currency.rate"].search([("currency_id", "in", (cls.euro | cls.dollar).ids)]).unlink()
        for day, dollars in (("2026-01-01", 1.10), ("2026-10-10", 1.20)):
            cls.env["res.currency.rate"].create(
                {"name": day, "currency_id": cls.euro.id, "inverse_company_rate": dollars, "company_id": cls.company.id}
            )
        plan = cls.plan.copy({"name": "Euro contract", "currency_id": cls.euro.id})
        cls.wallet = cls._make_wallet(
            company_id=cls.company.id, currency_id=cls.euro.id, rate_plan_id=plan.id, partner_id=cls.partner.id
        )

    def _enter_lines(self, day, *lines):
        entry = self.env["account.move"].create(
            {
                "move_type": "entry",
                "date": day,
                "journal_id": self.journal.id,
                "line_ids": [Command.create(line) for line in lines],
            }
        )
        entry.action_post()
        return entry

    def _enter_value(self, day, value, amount=0, partner=None, currency=None, account=None):
        """An item on the deposits of ``value`` dollars (credit) and ``amount`` of a currency, euros by default."""
        common = {"partner_id": (partner or self.partner).id, "currency_id": (currency or self.euro).id}
        return self._enter_lines(
            day,
            {**common, "account_id": (account or self.deposits).id, "balance": -value, "amount_currency": -amount},
            {**common, "account_id": self.income.id, "balance": value, "amount_currency": amount},
        )

    def _screen(self, day=MONTH):
        return self.env["call.wallet"].reconciliation_screen(day, self.company.id)

    def assertValues(self, day, **expected):
        self.assertFigures(day, **expected)
        screen = self._screen(day)["books"]
        self.assertEqual(screen["left_over"], "0.000000")


class TestReconciliationValues(ValuesCommon):
    def test_documents_and_entries_are_worth_what_they_say(self):
        topup = self._top_up("2026-10-05", "1000")  # at 1.10: 1,100
        self._use("2026-10-12", 60 * 32000, call_type="live")  # 32,000 minutes at 0.0125: 400
        self._post("2026-10-12", "2026-10-12")  # at the deposit's 1.10: 440
        self._credit(topup, "2026-10-20", 100)  # at the invoice's day or its own: what the note's head says
        note = topup.invoice_id.reversal_move_ids
        # 1,100 - 440 - the note.
        expected = Decimal(660) + Decimal(str(note.amount_untaxed_signed))
        self.assertValues(
            MONTH,
            general_ledger=500,
            unexplained=0,
            ledger_value=expected,
            expected_value=expected,
            unexplained_value=0,
        )
        self.assertValues("2026-10-11", ledger_value=1100, expected_value=1100, unexplained_value=0)
        self.assertSound(self.wallet)

    def test_dollars_without_euros_are_found(self):
        """50 USD with 0 EUR: nothing in the wallet's currency, and not the customer's money either."""
        self._top_up("2026-10-05", "100")
        entry = self._enter_value("2026-10-10", 50)
        self.assertValues(
            MONTH, general_ledger=100, unexplained=0, ledger_value=160, expected_value=110, unexplained_value=50
        )
        self.assertValues("2026-10-09", unexplained_value=0)
        self.assertEqual(self._open("unexplained_value", MONTH), entry)
        self.assertEqual(self._screen()["differing"], 1)
        self.assertEqual(
            self.env["call.wallet"].check_invariants(self.wallet),
            [f"accounting: {self.wallet.account_ref}: unexplained value 50.000000 USD"],
        )

    def test_an_item_whose_value_is_not_its_amounts_is_found(self):
        """An invoice of 100 EUR at 1.10 whose items were changed to 50 dollars: 60 are missing."""
        topup = self._order("2026-10-05", "100")
        invoice = topup.invoice_id
        invoice.button_draft()
        for line, value in zip(invoice.line_ids.sorted("balance"), (-50, 50), strict=True):
            line.with_context(check_move_validity=False, skip_invoice_sync=True).balance = value
        invoice.with_context(skip_invoice_sync=True)._post(soft=False)
        self.assertEqual(invoice.amount_untaxed_signed, 50)
        self.assertValues(MONTH, general_ledger=100, unexplained=0, unexplained_value=-60)
        self.assertEqual(self._open("unexplained_value", MONTH), invoice)

    def test_a_posted_items_value_changed_behind_accountings_back(self):
        self._top_up("2026-10-05", "100")
        self._use("2026-10-06", 60 * 800)  # 10.00
        [move] = self._post("2026-10-06", "2026-10-06")
        item = self._deposit_item(move)
        self.assertEqual(item.balance, 11)
        self.env.cr.execute("UPDATE account_move_line SET balance = 1 WHERE id = %s", [item.id])
        self.assertValues(MONTH, unexplained=0, ledger_value=109, expected_value=99, unexplained_value=10)
        self.assertEqual(self._open("unexplained_value", MONTH), move)

    def test_what_else_is_on_the_invoice(self):
        raised = self._order("2026-10-05", "100").invoice_id
        raised.button_draft()
        fee = {"name": "Fee", "quantity": 3, "price_unit": 0.33, "account_id": self.income.id, "tax_ids": False}
        raised.invoice_line_ids = [Command.create(fee)]
        raised.action_post()
        self.assertValues(MONTH, general_ledger=100, ledger_value=110, expected_value=110, unexplained_value=0)

    def test_exchange_items_of_the_posting_are_expected(self):
        topup = self._top_up("2026-10-05", "100")
        note = topup.invoice_id._reverse_moves([{"invoice_date": "2026-10-12", "date": "2026-10-12"}])
        note.invoice_currency_rate = 1 / 1.2
        note.action_post()
        # 110 - 120, of no euros.
        self.assertValues("2026-10-12", general_ledger=0, ledger_value=-10, expected_value=-10, unexplained_value=0)
        self.env["call.wallet"].post_transactions("2026-10-01", MONTH, self.company)
        self.assertValues(MONTH, general_ledger=0, ledger_value=0, expected_value=0, unexplained_value=0)

    def test_a_contracted_rate_is_the_documents_rate(self):
        invoice = self._order("2026-10-05", "100").invoice_id
        invoice.button_draft()
        invoice.invoice_currency_rate = 1 / 1.25
        invoice.action_post()
        self.assertValues(MONTH, ledger_value=125, expected_value=125, unexplained_value=0)

    def test_a_wallet_in_the_companys_currency(self):
        dollars = self._make_wallet(company_id=self.company.id)
        self._top_up("2026-10-05", "100", wallet=dollars)
        entry = self._enter_value("2026-10-10", 50, 50, dollars.partner_id, self.dollar)
        self.assertFigures(MONTH, dollars, unexplained=50, ledger_value=150, expected_value=100, unexplained_value=50)
        # A value alone: Odoo refuses it, the database may have it all the same.
        self.env.cr.execute(
            "ALTER TABLE account_move_line DROP CONSTRAINT account_move_line_check_amount_currency_balance_sign"
        )
        self.env.cr.execute(
            "UPDATE account_move_line SET amount_currency = 0 WHERE move_id = %s AND account_id = %s",
            [entry.id, self.deposits.id],
        )
        self.assertFigures(MONTH, dollars, unexplained=0, unexplained_value=50)
        self.assertEqual(self._screen()["differing"], 1)

    # === THE TRIAL BALANCE === #

    def test_the_trial_balance_is_the_wallets_and_what_is_not_assigned(self):
        self._top_up("2026-10-05", "100")  # 110
        dollars = self._make_wallet(company_id=self.company.id)
        self._top_up("2026-10-05", "30", wallet=dollars)  # 30
        yen = self.env.ref("base.JPY")
        yen.active = True
        self._enter_value("2026-10-10", 7, 1000, currency=yen)
        self._enter_value("2026-10-11", 5, 5, self.env.company.partner_id, self.dollar)
        books = self._screen()["books"]
        [account] = books["accounts"]
        self.assertEqual(
            (account["code"], account["name"], account["balance"]),
            (self.deposits.with_company(self.company).code, self.deposits.name, "152.000000"),
        )
        self.assertEqual((books["total"], books["left_over"]), ("152.000000", "0.000000"))
        self.assertEqual((books["unassigned"], books["unassigned_items"]), ("12.000000", 2))
        rows = self.env["call.wallet"].reconciliation_unassigned(MONTH, self.company)
        self.assertEqual(
            {(row["currency"], row["general_ledger"], row["value"]) for row in rows},
            {(yen.id, "1000.000000", "7.000000"), (self.dollar.id, "5.000000", "5.000000")},
        )

    def test_a_former_account_has_a_line_of_its_own(self):
        self._top_up("2026-10-05", "100")
        self.company.call_wallet_deposit_account_id = self.deposits.copy({"name": "New deposits"})
        self._top_up("2026-10-06", "10")
        balances = {account["name"]: account["balance"] for account in self._screen()["books"]["accounts"]}
        self.assertEqual(balances, {self.deposits.name: "110.000000", "New deposits": "11.000000"})


class TestReconciliationYearEnd(ValuesCommon):
    """Spain and France: the balance sheet is closed on 31 December and opened again on 1 January."""

    def _turn(self, day, value, account=None):
        """An entry that takes ``value`` dollars off the deposits, by account and without a partner."""
        return self._enter_lines(
            day,
            {"account_id": self.deposits.id, "balance": value},
            {"account_id": (account or self.equity).id, "balance": -value},
        )

    def _unassigned(self, day):
        rows = self.env["call.wallet"].reconciliation_unassigned(day, self.company)
        return [(row["currency"], row["value"]) for row in rows]

    def test_a_closing_entry_that_is_opened_again_is_named(self):
        self._top_up("2026-10-05", "100")
        closing = self._turn("2026-12-31", 110)
        # Not opened again yet.
        self.assertEqual(self._unassigned("2026-12-31"), [(self.dollar.id, "-110.000000")])
        opening = self._turn("2027-01-01", -110)
        self.assertEqual(self._unassigned("2026-12-31"), [])
        screen = self._screen("2026-12-31")
        self.assertEqual((screen["differing"], screen["books"]["total"]), (0, "0.000000"))
        self.assertEqual(screen["books"]["year_end"], "-110.000000")
        [text] = screen["books"]["year_ends"]
        for part in (closing.name, opening.name, "12/31/2026", "01/01/2027"):
            self.assertIn(part, text)
        self.assertValues("2026-12-31", general_ledger=100, ledger_value=110, unexplained=0, unexplained_value=0)
        for day in ("2026-12-30", "2027-01-01"):
            self.assertEqual(self._unassigned(day), [])
            books = self._screen(day)["books"]
            self.assertEqual((books["year_end"], books["total"]), ("0.000000", "110.000000"))

    def test_years_in_a_row(self):
        self._top_up("2025-10-05", "100")
        for closing, opening in (("2025-12-31", "2026-01-01"), ("2026-12-31", "2027-01-01")):
            self._turn(closing, 110)
            self._turn(opening, -110)
        for day, total in (("2025-12-31", 0), ("2026-06-30", 110), ("2026-12-31", 0), ("2027-06-30", 110)):
            self.assertEqual(self._unassigned(day), [])
            self.assertEqual(Decimal(self._screen(day)["books"]["total"]), total)

    def test_what_is_no_closing_stays_unassigned(self):
        for case, (closing, opening, value, account) in {
            "not the same amount": ("2026-12-31", "2027-01-01", 9, None),
            "not the end of the year": ("2026-11-30", "2026-12-01", 10, None),
            "revenue is no part of it": ("2026-12-31", "2027-01-01", 10, self.income),
            "not the next day": ("2026-12-31", "2027-01-02", 10, None),
        }.items():
            with self.subTest(case), self.env.cr.savepoint() as savepoint:
                self._turn(closing, 10, account)
                self._turn(opening, -value, account)
                self.assertEqual(self._unassigned(closing), [(self.dollar.id, "-10.000000")])
                savepoint.close(rollback=True)

    def test_another_fiscal_year(self):
        self.company.write({"fiscalyear_last_month": "2", "fiscalyear_last_day": 28})
        self._turn("2028-02-29", 10)
        self._turn("2028-03-01", -10)
        self.assertEqual(self._unassigned("2028-02-29"), [])
        self.assertEqual(self._screen("2028-02-29")["books"]["year_end"], "-10.000000")


class TestReconciliationPapers(ValuesCommon):
    def test_the_verdict_and_the_papers_say_for_which_account_by_whom_and_when(self):
        self._top_up("2026-10-05", "100")
        self._enter_value("2026-10-10", 50)
        proof = self.env["call.wallet.reconciliation"]
        user = self._make_user("values.finance", "finance")
        user.company_ids |= self.company
        self.company.partner_id.tz = "America/New_York"
        with recorded_at(datetime(2026, 11, 3, 2, 30)):
            values = (
                self.env["report.call_wallet.report_reconciliation"]
                .with_user(user)
                .with_context(allowed_company_ids=self.company.ids)
                ._get_report_values(self.company.ids, {"date": MONTH})
            )
        labels = values["labels"]
        self.assertEqual(labels.verdict, "1 of 1 wallets do not agree with the general ledger.")
        self.assertIn(f"{self.deposits.with_company(self.company).code} {self.deposits.name}", labels.accounts)
        self.assertIn(user.name, labels.made)
        self.assertEqual(values["lines"], [("Wallets in EUR", Decimal(160), Decimal(110), Decimal(50))])
        [line] = values["unexplained"]
        self.assertEqual(line[-4:], (0, 0, 0, 50))
        self.assertTrue(proof._xlsx(*proof._scope(MONTH, self.company)).read(4).startswith(b"PK"))
