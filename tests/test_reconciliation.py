"""The wallets' ledger and the general ledger, side by side, for any day."""

from datetime import date, datetime
from decimal import Decimal
from io import BytesIO

from odoo import Command
from odoo.addons.call_wallet.clock import recorded_at
from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, new_test_user
from openpyxl import load_workbook

from .common import CallWalletCommon

ZERO = Decimal(0)


class ReconciliationCommon(CallWalletCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.deposits = cls.company._call_wallet_deposit_account()
        cls.income = cls.env["account.account"].search(
            [("account_type", "=", "income"), ("company_ids", "in", cls.company.id)], limit=1
        )
        cls.journal = cls.env["account.journal"].search(
            [("type", "=", "general"), ("company_id", "=", cls.company.id)], limit=1
        )

    def _at(self, day):
        """Enter what follows as of noon of that day."""
        return recorded_at(datetime.fromisoformat(f"{day} 12:00:00"))

    def _order(self, day, amount, wallet=None):
        with self._at(day):
            return (wallet or self.wallet).create_topup(amount)

    def _top_up(self, day, amount, paid=None, wallet=None):
        topup = self._order(day, amount, wallet)
        with self._at(day):
            self._pay(topup.invoice_id, paid)
        return topup

    def _use(self, day, seconds=60, **call):
        """A call at 0.0125 a minute, in the ledger of that day."""
        with self._at(day):
            return self._record(self._call(started_at=f"{day}T11:00:00Z", duration_seconds=seconds, **call))

    def _credit(self, topup, day, amount=None):
        """A credit note of that day on a top-up's invoice."""
        reversal = (
            self.env["account.move.reversal"]
            .with_context(active_model="account.move", active_ids=topup.invoice_id.ids)
            .create({"journal_id": topup.invoice_id.journal_id.id, "date": day})
        )
        with self._at(day):
            note = self.env["account.move"].browse(reversal.reverse_moves()["res_id"])
            note.invoice_date = day
            if amount:
                note.invoice_line_ids.price_unit = amount
            note.action_post()
        return note

    def _enter(self, day, amount, partner=None, account=None, **line):
        """An accountant's own entry: credits the deposit account with ``amount``."""
        values = {"partner_id": partner.id if partner else False}
        entry = self.env["account.move"].create(
            {
                "move_type": "entry",
                "date": day,
                "journal_id": self.journal.id,
                "line_ids": [
                    Command.create({"account_id": (account or self.deposits).id, "credit": amount, **values, **line}),
                    Command.create({"account_id": self.income.id, "debit": amount, **values}),
                ],
            }
        )
        entry.action_post()
        return entry

    def _figures(self, day, wallet=None):
        """The wallet's figures at the end of that day, as Decimals."""
        rows = self.env["call.wallet"].reconciliation(day, self.company)
        [row] = [row for row in rows if row["wallet"] == (wallet or self.wallet).id]
        return {name: Decimal(amount) for name, amount in row.items() if name != "wallet"}

    def _loose(self, day):
        rows = self.env["call.wallet"].reconciliation_unassigned(day, self.company)
        return sum((Decimal(row["general_ledger"]) for row in rows), ZERO)

    def assertFigures(self, day, wallet=None, **expected):
        figures = self._figures(day, wallet)
        wanted = {name: Decimal(str(amount)) for name, amount in expected.items()}
        self.assertEqual({name: figures[name] for name in wanted}, wanted)
        rolled = sum(figures[name] for name in ("opening", "added", "refunded"))
        self.assertEqual(rolled - figures["used"] - figures["reversed"], figures["closing"])
        explained = sum(figures[name] for name in ("closing", "awaiting_payment", "not_posted", "remainder"))
        self.assertEqual(explained + figures["unexplained"], figures["general_ledger"])


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
        self.assertFigures("2026-10-31", wallet, closing=0, general_ledger=0, unexplained=0)
        self.assertFigures("2026-11-01", wallet, added=30, general_ledger=30, unexplained=0)

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

    def _post(self, first, last):
        """Post what is due; return the entries of ``self.wallet`` among them."""
        moves = self.env["call.wallet"].post_transactions(first, last, self.company)
        return moves.filtered(lambda move: self.wallet in move.line_ids.call_wallet_id)

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

    def test_a_changed_posting_is_found(self):
        self._top_up("2026-10-05", "100")
        self._use("2026-10-06", 480)
        [move] = self._post("2026-10-06", "2026-10-06")
        item = self._deposit_item(move)
        self.env.cr.execute("UPDATE account_move_line SET amount_currency = 0.11 WHERE id = %s", [item.id])
        self.assertFigures("2026-10-31", closing="99.9", not_posted=0, remainder=0, unexplained="-0.01")
        self.assertEqual(self._open("unexplained", "2026-10-31"), move)

    def test_a_posting_with_the_wrong_wallet_is_found(self):
        other = self._make_wallet()
        self._top_up("2026-10-05", "100")
        self._use("2026-10-06", 480)
        [move] = self._post("2026-10-06", "2026-10-06")
        item = self._deposit_item(move)
        self.env.cr.execute("UPDATE account_move_line SET call_wallet_id = %s WHERE id = %s", [other.id, item.id])
        self.assertFigures("2026-10-31", unexplained="0.1")
        self.assertFigures("2026-10-31", other, unexplained="-0.1")

    def test_a_transaction_noted_as_posted_that_is_not(self):
        topup = self._top_up("2026-10-05", "100")
        call = self._use("2026-10-06", 480)
        self.env.cr.execute(
            "UPDATE call_wallet_transaction SET move_id = %s WHERE id = %s", [topup.invoice_id.id, call["transaction"]]
        )
        self.assertFigures("2026-10-31", closing="99.9", general_ledger=100, not_posted=0, unexplained="0.1")

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

    def _deposit_item(self, move):
        return move.line_ids.filtered(
            lambda line: line.account_id == self.deposits and line.call_wallet_id == self.wallet
        )

    # === WHAT IS WRONG IS SHOWN === #

    def test_an_accountants_entry_with_the_customer(self):
        self._top_up("2026-10-05", "100")
        entry = self._enter("2026-10-10", 7, self.partner)
        self.assertFigures("2026-10-09", unexplained=0)
        self.assertFigures("2026-10-10", general_ledger=107, unexplained=7)
        self.assertEqual(self._open("unexplained", "2026-10-31"), entry)

    def test_the_nightly_check_notices(self):
        self._top_up("2026-10-05", "100")
        self.assertSound(self.wallet)
        self._enter("2026-10-10", 7, self.partner)
        self.assertEqual(
            self.env["call.wallet"].check_invariants(self.wallet),
            [f"accounting: {self.wallet.account_ref}: unexplained 7.000000"],
        )

    def test_an_entry_on_a_contact_of_the_customer(self):
        contact = self.env["res.partner"].create({"name": "Bill", "parent_id": self.partner.id})
        self._enter("2026-10-10", 7, contact)
        self.assertFigures("2026-10-31", unexplained=7)

    def test_an_entry_on_another_wallets_customer(self):
        other = self._make_wallet()
        self._top_up("2026-10-05", "100")
        self._enter("2026-10-10", 7, other.partner_id)
        self.assertFigures("2026-10-31", unexplained=0)
        self.assertFigures("2026-10-31", other, general_ledger=7, unexplained=7)

    def test_an_entry_of_nobody_is_not_assigned(self):
        before = self._loose("2026-10-31")
        entry = self._enter("2026-10-10", 7)
        self.assertFigures("2026-10-31", general_ledger=0, unexplained=0)
        self.assertEqual(self._loose("2026-10-31") - before, 7)
        self.assertEqual(self._loose("2026-10-09"), before)
        action = self.env["call.wallet"].open_unassigned("2026-10-31", self.company.id, self.dollar.id)
        items = self.env["account.move.line"].search(action["domain"])
        self.assertIn(entry, items.move_id)

    def test_an_entry_in_a_currency_without_a_wallet_is_not_assigned(self):
        euro = self.env.ref("base.EUR")
        euro.active = True
        self._enter("2026-10-10", 7, self.partner, currency_id=euro.id, amount_currency=-5)
        self.assertFigures("2026-10-31", general_ledger=0, unexplained=0)
        rows = self.env["call.wallet"].reconciliation_unassigned("2026-10-31", self.company)
        self.assertIn((euro.id, "5.000000"), [(row["currency"], row["general_ledger"]) for row in rows])

    def test_an_invoice_booked_elsewhere(self):
        topup = self._top_up("2026-10-05", "100")
        topup.invoice_id.button_draft()
        topup.invoice_id.invoice_line_ids.account_id = self.income
        topup.invoice_id.action_post()
        self.assertFigures("2026-12-31", closing=100, general_ledger=0, unexplained=-100)
        self.assertEqual(self._open("unexplained", "2026-12-31"), topup.invoice_id)

    def test_an_item_changed_behind_accountings_back(self):
        topup = self._top_up("2026-10-05", "100")
        item = topup.invoice_id.line_ids.filtered(lambda line: line.account_id == self.deposits)
        self.env.cr.execute("UPDATE account_move_line SET amount_currency = -99.99 WHERE id = %s", [item.id])
        self.assertFigures("2026-10-31", general_ledger="99.99", unexplained="-0.01")

    def test_another_deposit_account(self):
        self._top_up("2026-10-05", "100")
        account = self.deposits.copy({"name": "New deposits"})
        self.company.call_wallet_deposit_account_id = account
        self._top_up("2026-11-05", "50")
        self.assertFigures("2026-11-30", closing=150, general_ledger=150, unexplained=0)
        self.assertFigures("2026-10-31", closing=100, general_ledger=100, unexplained=0)

    # === FROM A FIGURE TO ITS ROWS === #

    def _open(self, figure, day):
        action = self.wallet.open_reconciled(figure, day)
        return self.env[action["res_model"]].search(action["domain"])

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
        self.wallet.active = False
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


class TestReconciliationFiles(HttpCase, ReconciliationCommon):
    """The workbook and the PDF, over HTTP."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._make_user("files.finance", "finance").lang = "en_US"
        cls._make_user("files.platform", "platform")

    def _download(self, query, login="files.finance"):
        self.authenticate(login, login)
        return self.url_open(f"/call_wallet/reconciliation?{query}")

    def _workbook(self):
        self._top_up("2026-10-05", "100")
        self._order("2026-10-06", "30")
        self._use("2026-10-07", 60)
        self._enter("2026-10-10", 7, self.partner)
        self._enter("2026-10-11", 5)
        response = self._download("date=2026-10-31&format=xlsx")
        self.assertEqual(response.status_code, 200, response.text[:200])
        formulas = load_workbook(BytesIO(response.content))
        return formulas, load_workbook(BytesIO(response.content), data_only=True)

    def _row_of(self, sheet, account):
        heads = [cell.value for cell in sheet[4]]
        return next(
            dict(zip(heads, [cell.value for cell in row], strict=True))
            for row in sheet.iter_rows(5)
            if row[0].value == account
        )

    def test_the_workbook_says_what_the_method_says(self):
        formulas, values = self._workbook()
        figures = self._figures("2026-10-31")
        row = self._row_of(values["USD"], self.wallet.account_ref)
        for label, name in (
            ("Closing", "closing"),
            ("General ledger", "general_ledger"),
            ("Unexplained", "unexplained"),
        ):
            self.assertEqual(Decimal(str(row[label])), figures[name], label)
        row = self._row_of(formulas["USD"], self.wallet.account_ref)
        self.assertTrue(row["Closing"].startswith("=ROUND("))
        self.assertTrue(self._row_of(formulas["USD"], "Total")["Used"].startswith("=ROUND(SUM("))
        self.assertEqual(self._row_of(values["USD"], "Total")["Unexplained"], 7)
        self.assertEqual(values["USD"].freeze_panes, "B5")
        self.assertIn("1 of", values["USD"]["A2"].value)

    def test_the_workbook_has_a_line_for_each_difference(self):
        _formulas, values = self._workbook()
        lines = [
            [cell.value for cell in row[3:]]
            for row in values["Explained differences"].iter_rows(5)
            if row[0].value == self.wallet.account_ref
        ]
        invoice = self.wallet.topup_ids.invoice_id.filtered(lambda move: move.payment_state == "not_paid")
        self.assertIn(["Awaiting payment", invoice.name, datetime(2026, 10, 6), 30], lines)
        self.assertIn(["Not posted, since", "", datetime(2026, 10, 7), 0.0125], lines)
        [line] = values["Unexplained differences"].iter_rows(5)
        self.assertEqual([cell.value for cell in line[5:]], [0, 7])

    def test_the_pdf(self):
        self._top_up("2026-10-05", "100")
        self._enter("2026-10-10", 7, self.partner)
        text = self._download("date=2026-10-31&format=pdf").text
        for expected in (self.company.name, self.wallet.account_ref, "Unexplained differences", "10/31/2026", "107.00"):
            self.assertIn(expected, text)

    def test_a_bad_parameter_is_named(self):
        for query, name in (
            ("date=31.10.2026", "date"),
            ("date=2026-10-31&format=doc", "format"),
            ("date=2026-10-31&company=x", "company"),
        ):
            response = self._download(query)
            self.assertEqual((response.status_code, response.text.split(":")[0]), (400, name))

    def test_nobody_else_may_download_it(self):
        other = self.env["res.company"].create({"name": "Elsewhere"})
        self.assertEqual(self._download("date=2026-10-31", "files.platform").status_code, 403)
        self.assertEqual(self._download(f"date=2026-10-31&company={other.id}").status_code, 403)
        self.authenticate(None, None)
        response = self.url_open("/call_wallet/reconciliation?date=2026-10-31", allow_redirects=False)
        self.assertEqual(response.status_code, 303)
