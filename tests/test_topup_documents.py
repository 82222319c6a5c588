"""What accountants do to a top-up's documents: wallet and books agree, or it is refused, or somebody is told."""

from datetime import datetime, time, timedelta
from decimal import Decimal

from odoo import Command, fields
from odoo.addons.call_wallet.tools.clock import recorded_at
from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import CallWalletCommon


@tagged("post_install", "-at_install", "standard")
class TestTopupDocuments(CallWalletCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.topup = cls.wallet.create_topup("100")
        cls.invoice = cls.topup.invoice_id
        cls.income = cls.env["account.account"].search(
            [("account_type", "=", "income"), ("company_ids", "in", cls.company.id)], limit=1
        )

    def assertAgrees(self, balance, awaiting=0, unfunded=0):
        """The balance is this, so much is not paid, or settled without funds, and the general ledger says the same."""
        self.assertBalance(self.wallet, balance)
        self.assertSound(self.wallet)
        [row] = [
            row
            for row in self.env["call.wallet"].reconciliation(self.company._call_wallet_today(), self.company)
            if row["wallet"] == self.wallet.id
        ]
        found = [Decimal(row[name]) for name in ("awaiting_payment", "settled_without_funds", "unexplained")]
        self.assertEqual(found, [awaiting, unfunded, 0])

    def _add_fee(self, price=30):
        self.invoice.button_draft()
        fee = {"name": "Setup fee", "price_unit": price, "account_id": self.income.id, "tax_ids": [Command.clear()]}
        self.invoice.write({"invoice_line_ids": [Command.create(fee)]})
        self.invoice.action_post()

    def _credit_note(self, *keep):
        note = self.invoice._reverse_moves()
        if keep:
            note.invoice_line_ids.filtered(lambda line: line.name not in keep).unlink()
        note.invoice_date = fields.Date.today()
        return note

    # === OTHER THINGS ON THE INVOICE === #

    def test_a_fee_on_the_invoice_is_credited_without_touching_the_funds(self):
        self._add_fee()
        self._pay(self.invoice)
        self.assertAgrees(100)
        self._credit_note("Setup fee").action_post()
        self.assertAgrees(100)

    def test_a_credit_note_of_everything_takes_the_funds_alone(self):
        self._add_fee()
        self._pay(self.invoice)
        self._credit_note().action_post()
        self.assertAgrees(0)
        self.assertEqual(self.topup.state, "paid_back")

    def test_unpaid_and_credited_with_a_fee_leaves_nothing(self):
        self._add_fee()
        self._credit_note().action_post()
        self.assertAgrees(0)

    def test_funds_at_a_discount_are_what_was_invoiced(self):
        self._add_fee(50)
        self.invoice.button_draft()
        self.invoice.invoice_line_ids.filtered("call_wallet_id").discount = 20
        self.invoice.action_post()
        self._pay(self.invoice)
        self.assertAgrees(80)

    def test_a_line_that_takes_something_off_the_funds_is_refused(self):
        """100 of funds for 80: paid in full, 20 would be awaited that nobody owes."""
        with self.assertRaisesRegex(UserError, "take 20.00 USD off the funds"), self.env.cr.savepoint():
            self._add_fee(-20)
        self._add_fee(20)
        self._pay(self.invoice)
        self.assertAgrees(100)

    def test_an_invoice_without_its_funds_is_refused(self):
        self.invoice.button_draft()
        service = {"name": "Service", "price_unit": 100, "account_id": self.income.id, "tax_ids": [Command.clear()]}
        self.invoice.write({"invoice_line_ids": [Command.clear(), Command.create(service)]})
        with self.assertRaisesRegex(UserError, "no line adds funds"):
            self.invoice.action_post()

    def test_what_cash_rounding_adds_or_takes_off_is_not_the_customers(self):
        """Rounded to 0.05: 100.02 is paid with 100.00, 100.03 with 100.05, and each is credited as ordered."""
        rounding = self.env["account.cash.rounding"].create(
            {
                "name": "Five cents",
                "rounding": 0.05,
                "strategy": "add_invoice_line",
                "profit_account_id": self.income.id,
                "loss_account_id": self.income.id,
            }
        )
        self.topup.cancel_order()
        expected = 0
        for amount, total in (("100.02", 100.00), ("100.03", 100.05)):
            topup = self.wallet.create_topup(amount)
            invoice = topup.invoice_id
            invoice.button_draft()
            invoice.invoice_cash_rounding_id = rounding
            invoice.action_post()
            self.assertEqual(invoice.amount_total, total)
            self.assertAgrees(expected, awaiting=Decimal(amount))
            self._pay(invoice)
            expected += Decimal(amount)
            self.assertAgrees(expected)
        topup.pay_back(amount, "Unused")
        self.assertAgrees("100.02")
        self.assertEqual(topup.state, "paid_back")

    # === WHOSE, AND WHEN === #

    def test_a_credit_note_for_somebody_else_or_in_another_currency_is_refused(self):
        self._pay(self.invoice)
        euro = self.env.ref("base.EUR")
        euro.active = True
        self.env["res.currency.rate"].create(
            {"name": "2020-01-01", "rate": 0.5, "currency_id": euro.id, "company_id": self.company.id}
        )
        stranger = self.env["res.partner"].create({"name": "Stranger"})
        for values in ({"currency_id": euro.id}, {"partner_id": stranger.id}):
            note = self._credit_note()
            note.write(values)
            with self.assertRaisesRegex(UserError, "those of the invoice, Initrode and USD"), self.env.cr.savepoint():
                note.action_post()
        colleague = self.env["res.partner"].create({"name": "Ann", "parent_id": self.partner.id})
        note = self._credit_note()
        note.partner_id = colleague
        note.action_post()
        self.assertAgrees(0)

    def test_a_credit_note_over_what_is_not_on_the_invoice_is_refused(self):
        """30 of goodwill: the invoice would be paid with 70, and 30 awaited for ever."""
        note = self._credit_note()
        goodwill = {"name": "Goodwill", "price_unit": 30, "account_id": self.income.id, "tax_ids": [Command.clear()]}
        note.write({"invoice_line_ids": [Command.clear(), Command.create(goodwill)]})
        with self.assertRaisesRegex(UserError, "credits 30.00 USD that is not on"), self.env.cr.savepoint():
            note.action_post()
        note.unlink()
        self._add_fee(30)
        self._credit_note("Setup fee").action_post()
        self.assertAgrees(0, awaiting=100)
        with self.assertRaisesRegex(UserError, "is not on"), self.env.cr.savepoint():
            self._credit_note("Setup fee").action_post()

    def test_documents_of_a_day_to_come_are_refused(self):
        """The wallet would change today, and the books in 40 days."""
        self._pay(self.invoice)
        note = self._credit_note()
        note.invoice_date = self.company._call_wallet_today() + timedelta(days=40)
        with self.assertRaisesRegex(UserError, "Date it today"), self.env.cr.savepoint():
            note.action_post()
        self.assertAgrees(100)
        note.invoice_date = self.company._call_wallet_today()
        note.action_post()
        self.assertAgrees(0)

    def test_a_credit_note_is_not_older_than_its_invoice(self):
        """On the day before, the books would owe 100 less than nothing."""
        self._pay(self.invoice)
        note = self._credit_note()
        note.invoice_date = self.invoice.date - timedelta(days=1)
        with self.assertRaisesRegex(UserError, "or later"), self.env.cr.savepoint():
            note.action_post()
        self.assertAgrees(100)
        note.invoice_date = self.invoice.date
        note.action_post()
        self.assertAgrees(0)

    def test_a_payment_dated_ahead_counts_from_its_day(self):
        """A cheque of 100 for in three days: until then the books have the invoice as open, and so has the wallet."""
        cheque_day = self.company._call_wallet_today() + timedelta(days=3)
        wizard = self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=self.invoice.ids
        )
        payment = wizard.create({"payment_date": cheque_day})._create_payments()
        self.assertAgrees(0, awaiting=100)
        self.assertEqual((self.topup.state, self.topup.received_amount), ("pending", 0))
        self.env["call.wallet.topup"]._cron_sync()
        self.assertAgrees(0, awaiting=100)
        noon = datetime.combine(cheque_day, time(12))
        with recorded_at(noon), self.assertNoLogs("odoo.addons.call_wallet", "WARNING"):
            self.assertEqual(self.env["call.wallet.topup"]._cron_sync(), 0)  # nothing was amiss
            self.assertAgrees(100)
            self.assertEqual(self.topup.state, "paid")
        with recorded_at(noon), mute_logger("odoo.addons.call_wallet.models.topup.call_wallet_topup_sync"):
            # Whatever takes it back behind Odoo's back afterwards is a repair all the same.
            self.env.flush_all()
            self.env.cr.execute("UPDATE account_payment SET state = 'rejected' WHERE id = %s", [payment.id])
            self.env.invalidate_all()
            self.assertEqual(self.env["call.wallet.topup"]._cron_sync(), 1)
            self.assertBalance(self.wallet, 0)
            payment.state = "in_process"
            self.assertBalance(self.wallet, 100)
        self.assertEqual(self._reconciled(cheque_day - timedelta(days=1)), ["100.000000", "0.000000"])
        self.assertEqual(self._reconciled(cheque_day), ["0.000000", "0.000000"])

    def _reconciled(self, day):
        """Return what is awaited, and unexplained, of the wallet at the end of a day."""
        rows = self.env["call.wallet"].reconciliation(day, self.company)
        [row] = [row for row in rows if row["wallet"] == self.wallet.id]
        return [row["awaiting_payment"], row["unexplained"]]

    # === ACCOUNTS === #

    def test_a_journal_that_gets_another_account_keeps_what_came_on_the_one_before(self):
        bank = self.env["account.journal"].search(
            [("type", "=", "bank"), ("company_id", "=", self.company.id)], limit=1
        )
        line = self.env["account.bank.statement.line"].create(
            {
                "journal_id": bank.id,
                "amount": 100,
                "payment_ref": "Transfer",
                "date": self.company._call_wallet_today(),
            }
        )
        item = line.line_ids.filtered(lambda item: item.account_id == bank.suspense_account_id)
        receivable = self.invoice.line_ids.filtered(lambda item: item.account_id.account_type == "asset_receivable")
        item.write({"account_id": receivable.account_id.id, "partner_id": self.partner.id})
        (item | receivable).reconcile()
        self.assertAgrees(100)
        bank.default_account_id = bank.default_account_id.copy({"code": "199998"})
        self.env["call.wallet.topup"]._cron_sync()
        self.assertAgrees(100)

    def test_odoos_update_of_the_accounts_keeps_the_funds_a_liability(self):
        self.invoice.button_draft()
        self.invoice.action_update_fpos_values()
        self.invoice.action_post()
        self._pay(self.invoice)
        self.assertAgrees(100)
        deposits = self.company._call_wallet_deposit_account()
        self.assertEqual(self.invoice.invoice_line_ids.account_id, deposits)

    def test_a_line_that_is_entered_anew_is_the_wallets(self):
        self.invoice.button_draft()
        product = self.invoice.invoice_line_ids.product_id
        line = {"product_id": product.id, "price_unit": 100, "tax_ids": [Command.clear()]}
        self.invoice.write({"invoice_line_ids": [Command.clear(), Command.create(line)]})
        self.invoice.action_post()
        self._pay(self.invoice)
        self.assertAgrees(100)
        self.assertEqual(self.invoice.invoice_line_ids.call_wallet_id, self.wallet)

    # === MORE THAN ONCE === #

    def test_funds_are_credited_once(self):
        self._pay(self.invoice)
        first, second = self._credit_note(), self._credit_note()
        first.action_post()
        self.assertAgrees(0)
        with self.assertRaisesRegex(UserError, "of which 0.00 USD is left"), self.env.cr.savepoint():
            second.action_post()
        with self.assertRaisesRegex(UserError, "is left"), self.env.cr.savepoint():
            (self._credit_note() | self._credit_note()).action_post()
        self.assertAgrees(0)

    def test_two_at_once_are_more_than_there_is(self):
        self._pay(self.invoice)
        with self.assertRaisesRegex(UserError, "is left"), self.env.cr.savepoint():
            (self._credit_note() | self._credit_note()).action_post()
        self.assertAgrees(100)

    def test_an_invoice_is_not_reset_under_its_credit_notes(self):
        self._pay(self.invoice)
        note = self._credit_note()
        note.action_post()
        for reset in (self.invoice.button_draft, self.invoice.button_cancel):
            with self.assertRaisesRegex(UserError, "has credit notes"), self.env.cr.savepoint():
                reset()
        note.button_draft()
        self.assertAgrees(100)
        self.invoice.button_draft()
        with self.assertRaisesRegex(UserError, "of which 0.00 USD is left"), self.env.cr.savepoint():
            note.action_post()

    # === DOCUMENTS OF NO TOP-UP === #

    def test_copies_of_the_invoice_and_reversed_credit_notes_are_paid_for_nothing(self):
        self._pay(self.invoice)
        note = self._credit_note()
        note.action_post()
        for document in (self.invoice.copy(), note._reverse_moves()):
            document.invoice_date = fields.Date.today()
            with self.assertRaisesRegex(UserError, "Add Balance on the wallet"), self.env.cr.savepoint():
                document.action_post()
        note.button_draft()
        self.assertAgrees(100)

    # === SETTLED WITHOUT MONEY === #

    def _settle_by(self, entry):
        lines = (entry | self.invoice).line_ids
        lines.filtered(lambda line: line.account_id.account_type == "asset_receivable").reconcile()

    def _tasks(self):
        return self.wallet.activity_ids.filtered(lambda task: "settled without a payment" in task.summary)

    def test_a_receipt_typed_in_as_an_entry_brings_nothing_and_finance_is_told(self):
        receivable = self.invoice.line_ids.filtered(lambda line: line.account_id.account_type == "asset_receivable")
        journal = self.env["account.journal"].search(
            [("type", "=", "general"), ("company_id", "=", self.company.id)], limit=1
        )
        entry = self.env["account.move"].create(
            {
                "journal_id": journal.id,
                "date": self.company._call_wallet_today(),
                "line_ids": [
                    Command.create({"account_id": self.income.id, "debit": 100}),
                    Command.create(
                        {"account_id": receivable.account_id.id, "credit": 100, "partner_id": self.partner.id}
                    ),
                ],
            }
        )
        entry.action_post()
        self._settle_by(entry)
        self.assertEqual(self.invoice.payment_state, "paid")
        self.assertAgrees(0, unfunded=100)
        self.assertEqual(len(self._tasks()), 1)
        self.assertIn(entry.name, self._tasks().note)

    def test_the_credit_note_of_a_paid_top_up_is_money_for_another(self):
        """100 came, and is the customer's until it is used: 100 - 100 + 100."""
        other = self._fund(self.wallet, "100", by="topup")
        note = other.pay_back("100", "Ordered twice")
        self.assertAgrees(0, awaiting=100)
        self._settle_by(note)
        self.assertAgrees(100)
        self.assertFalse(self._tasks())

    def test_payments_statement_lines_and_its_own_credit_note_are_no_news(self):
        self._pay(self.invoice, 40)
        self._pay(self.invoice, 60)
        self.topup.pay_back("30", "Unused")
        self.assertFalse(self._tasks())
