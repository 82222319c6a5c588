"""The wallets' ledger and the general ledger, side by side, for any day."""

from datetime import date, datetime
from decimal import Decimal

from odoo import Command
from odoo.addons.call_wallet.tools.clock import recorded_at
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user

from .reconciliation_case import ReconciliationCommon


class TestReconciliation(ReconciliationCommon):
    # === ROLL-FORWARD === #

    def test_a_month_rolls_forward_from_the_balance_at_its_start(self):
        self._top_up("2026-09-10", "100")
        self._use("2026-09-30", 120)
        self._use("2026-10-01", 60)
        with self._at("2026-10-20"):
            self.wallet.refund("0.005", "Bad line")
        self._top_up("2026-10-31", "50")
        self._use("2026-11-01", 60)
        self.assertFigures("2026-09-30", opening=0, added=100, used="0.025", closing="99.975")
        self.assertFigures(
            "2026-10-31", opening="99.975", added=50, used="0.0125", refunded="0.005", reversed=0, closing="149.9675",
            general_ledger=150, not_posted="0.0325", unexplained=0,
        )  # fmt: skip
        self.assertFigures("2026-11-01", opening="149.9675", used="0.0125", unexplained=0)

    def test_a_day_is_that_of_the_wallet(self):
        wallet = self._make_wallet(tz="Asia/Singapore")
        with recorded_at(datetime(2026, 10, 31, 20, 0)):  # 1 November in Singapore
            self._fund(wallet, 30, by="topup")
        # The company's day, that of the invoice, is still 31 October.
        self.assertFigures("2026-10-31", wallet, closing=0, awaiting_payment=30, general_ledger=30, unexplained=0)
        self.assertFigures("2026-11-01", wallet, added=30, awaiting_payment=0, general_ledger=30, unexplained=0)

    # === AWAITING PAYMENT, AS OF ANY DAY === #

    def test_invoiced_and_unpaid(self):
        topup = self._order("2026-10-05", "100")
        with self._at("2026-11-03"):
            self._pay(topup.invoice_id, 40)
        self.assertFigures("2026-10-04", general_ledger=0, awaiting_payment=0, unexplained=0)
        self.assertFigures("2026-10-31", general_ledger=100, awaiting_payment=100, closing=0, unexplained=0)
        self.assertFigures("2026-11-03", general_ledger=100, awaiting_payment=60, closing=40, unexplained=0)

    def test_a_payment_taken_back_later_changes_no_earlier_day(self):
        topup = self._top_up("2026-10-05", "100")
        payment = topup.invoice_id._get_reconciled_payments()
        with self._at("2026-11-20"):
            payment.action_draft()
        self.assertFigures("2026-10-31", closing=100, awaiting_payment=0, unexplained=0)
        self.assertFigures("2026-11-20", reversed=100, closing=0, awaiting_payment=100, unexplained=0)

    def test_an_invoice_cancelled_later_leaves_the_books_of_every_day(self):
        topup = self._top_up("2026-10-05", "100")
        with self._at("2026-11-20"):
            topup.invoice_id.button_draft()
            topup.invoice_id.button_cancel()
        # Money was credited then for what is no longer invoiced.
        self.assertFigures("2026-10-31", closing=100, awaiting_payment=-100, general_ledger=0, unexplained=0)
        self.assertFigures("2026-11-20", closing=0, awaiting_payment=0, general_ledger=0, unexplained=0)

    def test_a_credit_note_counts_from_its_date(self):
        unpaid = self._order("2026-10-05", "100")
        self._credit(unpaid, "2026-11-02")
        self.assertFigures("2026-10-31", awaiting_payment=100, general_ledger=100, unexplained=0)
        self.assertFigures("2026-11-02", awaiting_payment=0, general_ledger=0, unexplained=0)

    def test_a_credit_note_on_a_paid_top_up(self):
        self._credit(self._top_up("2026-10-05", "100"), "2026-11-02", 30)
        self.assertFigures("2026-10-31", closing=100, general_ledger=100, unexplained=0)
        self.assertFigures("2026-11-02", reversed=30, closing=70, general_ledger=70, unexplained=0)

    def test_what_else_is_on_the_invoice(self):
        raised = self._order("2026-10-05", "100").invoice_id
        raised.button_draft()
        raised.invoice_line_ids.price_unit = 130
        fee = {"name": "Fee", "quantity": 1, "price_unit": 9, "account_id": self.income.id, "tax_ids": False}
        raised.invoice_line_ids = [Command.create(fee)]
        raised.action_post()
        self.assertFigures("2026-12-31", general_ledger=130, awaiting_payment=130, unexplained=0)

    def test_net_of_tax(self):
        self._tax_top_ups(self.deposits.copy({"name": "Tax to pay"}))
        before = self._loose("2026-10-31")
        self._top_up("2026-10-05", "100", paid=60)
        self.assertFigures("2026-10-31", closing=50, awaiting_payment=50, general_ledger=100, unexplained=0)
        self.assertEqual(self._loose("2026-10-31"), before)

    def test_tax_without_an_account_of_its_own_is_nobodys_funds(self):
        self._tax_top_ups(account=None)
        before = self._loose("2026-10-31")
        self._top_up("2026-10-05", "100", paid=60)
        self.assertFigures("2026-10-31", closing=50, awaiting_payment=50, general_ledger=100, unexplained=0)
        self.assertEqual(self._loose("2026-10-31") - before, 20)

    def _tax_top_ups(self, account):
        tax = self.env["account.tax"].create({"name": "Recon 20", "amount": 20, "company_id": self.company.id})
        lines = tax.invoice_repartition_line_ids + tax.refund_repartition_line_ids
        lines.filtered(lambda line: line.repartition_type == "tax").account_id = account
        self.env.ref("call_wallet.product_topup").taxes_id = tax

    # === POSTED, AND NOT === #

    def test_posted_usage_leaves_what_is_below_a_cent(self):
        self._top_up("2026-10-05", "100")
        self._use("2026-10-06", 60)
        self._use("2026-10-07", 60)
        self._use("2026-10-08", 60)
        self._post("2026-10-06", "2026-10-07")
        expected = {"general_ledger": "99.99", "not_posted": 0, "remainder": "0.0025", "unexplained": 0}
        self.assertFigures("2026-10-06", **expected)
        expected = {"general_ledger": "99.97", "not_posted": 0, "remainder": "-0.005", "unexplained": 0}
        self.assertFigures("2026-10-07", **expected)
        expected = {"general_ledger": "99.97", "not_posted": "0.0125", "remainder": "-0.005", "unexplained": 0}
        self.assertFigures("2026-10-31", **expected)

    def test_days_posted_out_of_order(self):
        self._top_up("2026-10-05", "100")
        days = ("2026-10-06", "2026-10-07", "2026-10-08", "2026-10-09")
        for day in days:
            self._use(day, 60)
        self._post("2026-10-08", "2026-10-09")
        self._post("2026-10-06", "2026-10-06")
        self._use("2026-10-08", 60)
        self._post("2026-10-06", "2026-10-09")
        for day in days:
            self.assertFigures(day, not_posted=0, unexplained=0)

    def test_what_a_lock_date_moved_is_not_posted_until_that_day(self):
        self._top_up("2026-10-05", "100")
        self._use("2026-10-30", 480)
        # Past Odoo's check, which wants the demo's bank statements reconciled first.
        self.env.cr.execute(
            "UPDATE res_company SET fiscalyear_lock_date = '2026-10-31' WHERE id = %s", [self.company.id]
        )
        self.env.invalidate_all()
        [move] = self._post("2026-10-30", "2026-10-31")
        self.assertEqual(str(move.date), "2026-11-01")
        self.assertFigures("2026-10-31", closing="99.9", general_ledger=100, not_posted="0.1", unexplained=0)
        self.assertFigures("2026-11-01", closing="99.9", general_ledger="99.9", not_posted=0, unexplained=0)
        late = self._open("not_posted", "2026-10-31")
        self.assertEqual(late.move_id, move)
        self.assertFalse(self._open("not_posted", "2026-11-01"))
        screen = self.env["call.wallet"].reconciliation_screen("2026-10-31", self.company.id)
        [row] = [row for section in screen["sections"] for row in section["wallets"] if row["id"] == self.wallet.id]
        self.assertEqual(row["posted_later"], "0.100000")

    def test_an_entry_opens_from_the_remainder(self):
        self._use("2026-10-06", 60)
        [move] = self._post("2026-10-06", "2026-10-06")
        rows = self._open("remainder", "2026-10-31")
        self.assertEqual(rows.move_id, move)
        self.assertEqual(rows.remainder, self._figures("2026-10-31")["remainder"])

    def test_a_wallet_in_another_currency(self):
        euro = self.env.ref("base.EUR")
        euro.active = True
        self.env["res.currency.rate"].create(
            {"name": "2026-01-01", "rate": 0.8, "currency_id": euro.id, "company_id": self.company.id}
        )
        plan = self.plan.copy({"name": "Euro", "currency_id": euro.id})
        wallet = self._make_wallet(currency_id=euro.id, rate_plan_id=plan.id, partner_id=self.partner.id)
        self._top_up("2026-10-05", "100", wallet=wallet)
        self._use("2026-10-06", 60, account=wallet.account_ref)
        self._post("2026-10-06", "2026-10-06")
        self.assertFigures("2026-10-31", wallet, general_ledger="99.99", remainder="0.0025", unexplained=0)
        self.assertFigures("2026-10-31", general_ledger=0, unexplained=0)

    # === FROM A FIGURE TO ITS ROWS === #

    def test_every_figure_is_the_sum_of_the_rows_it_opens(self):
        self._top_up("2026-09-10", "100")
        self._use("2026-09-20", 600)
        late = self._order("2026-10-02", "30")
        self._use("2026-10-03", 600)
        with self._at("2026-10-20"):
            self.wallet.refund("0.005", "Bad line")
        self._credit(self._top_up("2026-10-21", "20"), "2026-10-25")
        self._use("2026-11-03", 600)
        figures = self._figures("2026-10-31")
        signs = {"used": -1, "reversed": -1, "not_posted": -1}
        for figure in ("opening", "added", "used", "refunded", "reversed", "closing", "not_posted"):
            rows = self._open(figure, "2026-10-31")
            self.assertTrue(figures[figure], figure)
            self.assertEqual(sum(rows.mapped("amount")) * signs.get(figure, 1), figures[figure], figure)
        self.assertEqual(self._open("awaiting_payment", "2026-10-31"), late)
        items = self._open("general_ledger", "2026-10-31")
        self.assertEqual(Decimal(str(-sum(items.mapped("amount_currency")))), figures["general_ledger"])
        self.assertFalse(self._open("unexplained", "2026-10-31"))

    def test_an_unknown_figure_is_refused(self):
        with self.assertRaisesRegex(UserError, "figure"):
            self.wallet.open_reconciled("profit", "2026-10-31")

    # === WHO AND WHAT === #

    def test_closed_wallets_are_in_it(self):
        self._top_up("2026-10-05", "100")
        self._archive(self.wallet)
        self.assertFigures("2026-10-31", closing=100, general_ledger=100, unexplained=0)

    def test_amounts_are_decimal_strings(self):
        self._top_up("2026-10-05", "100")
        rows = self.env["call.wallet"].reconciliation(date(2026, 10, 31), self.company.id)
        [row] = [row for row in rows if row["wallet"] == self.wallet.id]
        self.assertEqual(row["closing"], "100.000000")
        self.assertEqual(row["unexplained"], "0.000000")

    def test_a_bad_date_or_company_is_named(self):
        for day in ("31.10.2026", "", None, "0001-01-01", 7):
            with self.assertRaisesRegex(UserError, "date"):
                self.env["call.wallet"].reconciliation(day, self.company)
        for company in (0, 10**8, None, "1", [1]):
            with self.assertRaisesRegex(UserError, "company"):
                self.env["call.wallet"].reconciliation("2026-10-31", company)

    def test_only_finance_and_account_managers_may_see_it(self):
        wallets = self.env["call.wallet"]
        for login, group in (("recon.finance", "finance"), ("recon.am", "account_manager")):
            user = self._make_user(login, group)
            self.assertTrue(wallets.with_user(user).reconciliation("2026-10-31", self.company.id))
            self.assertTrue(wallets.with_user(user).reconciliation_screen("2026-10-31")["sections"])
        outsiders = [
            self._make_user("recon.platform", "platform"),
            self._make_user("recon.accountant", "account.group_account_manager"),
            new_test_user(self.env, "recon.owner", groups="base.group_portal"),
        ]
        self.wallet.owner_ids = outsiders[-1]
        for user in outsiders:
            for method, arguments in (
                ("reconciliation", ("2026-10-31", self.company.id)),
                ("reconciliation_unassigned", ("2026-10-31", self.company.id)),
                ("reconciliation_screen", ("2026-10-31",)),
                ("open_unassigned", ("2026-10-31", self.company.id, self.dollar.id)),
            ):
                with self.assertRaises(AccessError, msg=f"{user.login} {method}"):
                    getattr(wallets.with_user(user), method)(*arguments)
            self.assertFalse(self.env["call.wallet.posted.entry"].with_user(user).has_access("read"), user.login)
            with self.assertRaises(AccessError):
                self.wallet.with_user(user).open_reconciled("closing", "2026-10-31")

    def test_another_company_is_refused(self):
        other = self.env["res.company"].create({"name": "Elsewhere"})
        user = self._make_user("recon.here", "finance")
        with self.assertRaisesRegex(AccessError, "company"):
            self.env["call.wallet"].with_user(user).reconciliation("2026-10-31", other.id)

    def test_the_screen_has_totals_by_currency(self):
        self._top_up("2026-10-05", "100")
        self._enter("2026-10-10", 7, self.partner)
        screen = self.env["call.wallet"].reconciliation_screen("2026-10-31", self.company.id)
        [section] = [s for s in screen["sections"] if s["currency"]["id"] == self.dollar.id]
        for name in ("closing", "general_ledger", "unexplained"):
            total = sum(Decimal(wallet[name]) for wallet in section["wallets"])
            self.assertEqual(Decimal(section["total"][name]), total)
        self.assertEqual(screen["differing"], 1)
