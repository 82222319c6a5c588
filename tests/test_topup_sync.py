"""The less common ways in which a top-up's invoice is paid, and stops being paid."""

from decimal import Decimal

from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import CallWalletCommon


@tagged("post_install", "-at_install", "standard")
class TestTopupSync(CallWalletCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.topup = cls.wallet.create_topup("100")
        cls.invoice = cls.topup.invoice_id
        cls.expense = cls.env["account.account"].search(
            [("account_type", "=", "expense"), ("company_ids", "in", cls.company.ids)], limit=1
        )

    def assert_credited(self, amount, state, topup=None):
        topup = topup or self.topup
        self.env.invalidate_all()
        self.assertEqual((topup.credited_amount, topup.state), (Decimal(str(amount)), state))
        self.assertSound(topup.wallet_id)

    def register(self, invoices, **values):
        wizard = self.env["account.payment.register"].with_context(active_model="account.move", active_ids=invoices.ids)
        return wizard.create(values)._create_payments()

    def credit_note(self, amount):
        note = self.invoice._reverse_moves([{"invoice_date": self.invoice.invoice_date}])
        note.invoice_line_ids.price_unit = amount
        note.action_post()
        return note

    # === PAYMENTS === #

    def test_what_a_payment_writes_off_is_not_received(self):
        self.register(
            self.invoice, amount=95, payment_difference_handling="reconcile", writeoff_account_id=self.expense.id
        )
        self.assertEqual(self.invoice.payment_state, "paid")
        self.assert_credited(95, "paid")

    def test_a_bank_fee_on_a_statement_line_is_not_received(self):
        journal = self.env["account.journal"].search(
            [("type", "=", "bank"), ("company_id", "=", self.company.id)], limit=1
        )
        line = self.env["account.bank.statement.line"].create(
            {"journal_id": journal.id, "amount": 85, "payment_ref": self.invoice.payment_reference}
        )
        receivable = self.invoice.line_ids.filtered(lambda item: item.account_type == "asset_receivable")
        suspense = line.line_ids.filtered(lambda item: item.account_id == journal.suspense_account_id)
        line.move_id.with_context(force_delete=True, skip_readonly_check=True).line_ids = [
            (0, 0, {"account_id": self.expense.id, "balance": 15, "name": "Bank fee"}),
            (1, suspense.id, {"account_id": receivable.account_id.id, "balance": -100, "partner_id": self.partner.id}),
        ]
        (suspense | receivable).reconcile()
        self.assertEqual(self.invoice.payment_state, "paid")
        self.assert_credited(85, "paid")
        line.action_undo_reconciliation()
        self.assert_credited(0, "pending")

    def test_a_rejected_payment_takes_the_funds_back_although_odoo_still_says_paid(self):
        payment = self._pay(self.invoice)
        payment.action_reject()
        self.assertEqual(self.invoice.payment_state, "paid")
        self.assert_credited(0, "pending")
        self.assertEqual(self.topup.transaction_ids.mapped("type"), ["reversal", "balance_added"])

    def test_a_deleted_payment_takes_the_funds_back(self):
        payment = self._pay(self.invoice)
        payment.action_draft()
        payment.unlink()
        self.assert_credited(0, "pending")
        self._pay(self.invoice)
        self.assert_credited(100, "paid")
        self.assertEqual(len(self.topup.transaction_ids), 3)

    def test_a_reversed_payment_entry_takes_the_funds_back(self):
        payment = self._pay(self.invoice)
        payment.move_id._reverse_moves(cancel=True)
        self.assert_credited(0, "pending")

    def test_an_invoice_cancelled_while_paid_gives_back_and_leaves_the_payment_unallocated(self):
        payment = self._pay(self.invoice)
        self.invoice.button_cancel()
        self.assert_credited(0, "cancelled")
        self.assertEqual((payment.move_id.state, payment.is_reconciled), ("posted", False))

    def test_a_surplus_pays_the_next_top_up(self):
        payment = self._pay(self.invoice, 130)
        second = self.wallet.create_topup("30")
        lines = (payment.move_id | second.invoice_id).line_ids
        lines.filtered(lambda line: line.account_type == "asset_receivable" and not line.reconciled).reconcile()
        self.assert_credited(30, "paid", second)
        self.assertBalance(self.wallet, 130)

    def test_a_payment_in_another_currency_credits_the_invoice_s(self):
        euro = self.env.ref("base.EUR")
        euro.active = True
        self.env["res.currency.rate"].create({"currency_id": euro.id, "rate": 0.8, "name": self.invoice.invoice_date})
        wallet = self._make_wallet(currency_id=euro.id, rate_plan_id=False)
        topup = wallet.create_topup("100")
        self.register(topup.invoice_id, currency_id=self.dollar.id, amount=62.5)
        self.assert_credited(50, "partial", topup)
        self.register(topup.invoice_id, currency_id=self.dollar.id)
        self.assert_credited(100, "paid", topup)

    def test_odd_parts_add_up_to_the_exact_net_amount(self):
        tax = self.env["account.tax"].create({"name": "VAT 7.7%", "amount": 7.7, "type_tax_use": "sale"})
        self.env.ref("call_wallet.product_topup").taxes_id = tax
        topup = self.wallet.create_topup("99.99")
        for part in ("33.33", "0.01", "41.17"):
            self._pay(topup.invoice_id, float(part))
            self.assertSound(self.wallet)
        self._pay(topup.invoice_id)
        self.assert_credited("99.99", "paid", topup)

    # === CREDIT NOTES === #

    def test_a_credit_note_for_what_is_unpaid_leaves_what_was_received(self):
        self._pay(self.invoice, 50)
        note = self.credit_note(30)
        self.assert_credited(50, "partial")
        receivable = (note | self.invoice).line_ids.filtered(lambda line: line.account_type == "asset_receivable")
        receivable.reconcile()
        self._pay(self.invoice)
        self.assertEqual(self.invoice.payment_state, "paid")
        self.assert_credited(70, "paid")

    def test_a_credit_note_taken_back_gives_the_funds_back(self):
        self._pay(self.invoice)
        note = self.credit_note(30)
        self.assert_credited(70, "paid")
        note.button_draft()
        self.assert_credited(100, "paid")
        note.action_post()
        self.assert_credited(70, "paid")
        note.button_cancel()
        self.assert_credited(100, "paid")

    # === THE INVOICE STAYS THE TOP-UP'S === #

    def test_the_invoice_s_customer_and_currency_are_the_wallet_s(self):
        euro = self.env.ref("base.EUR")
        euro.active = True
        self.invoice.button_draft()
        for change in ({"currency_id": euro.id}, {"partner_id": self.company.partner_id.id}):
            with self.subTest(change=change), self.assertRaisesRegex(UserError, "top-up"):
                self.invoice.write(change)

    def test_an_invoice_reset_to_draft_is_not_deleted(self):
        self.invoice.button_draft()
        with self.assertRaisesRegex(UserError, "Cancel it instead"):
            self.invoice.unlink()

    def test_a_raised_price_credits_no_more_than_was_ordered(self):
        self.invoice.button_draft()
        self.invoice.invoice_line_ids.price_unit = 500
        self.invoice.action_post()
        self._pay(self.invoice)
        self.assert_credited(100, "paid")

    def test_an_accountant_without_a_wallet_role_credits_by_registering_the_payment(self):
        accountant = self._make_user("topup-accountant", "account.group_account_invoice")
        self.env["account.payment.register"].with_user(accountant).with_context(
            active_model="account.move", active_ids=self.invoice.ids
        ).create({})._create_payments()
        self.assert_credited(100, "paid")
