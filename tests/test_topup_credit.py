"""A top-up's credit follows the money received on its invoice, however it came and went."""

from decimal import Decimal

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import CallWalletCommon


@tagged("post_install", "-at_install", "standard")
class TestTopupCredit(CallWalletCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.topup = cls.wallet.create_topup("100")
        cls.invoice = cls.topup.invoice_id

    def assert_credited(self, amount, state):
        self.assertBalance(self.wallet, amount)
        self.assertEqual((self.topup.credited_amount, self.topup.state), (Decimal(str(amount)), state))
        self.assertSound(self.wallet)

    def receivable(self, moves):
        return moves.line_ids.filtered(lambda line: line.account_id.account_type == "asset_receivable")

    def test_an_unpaid_invoice_brings_nothing(self):
        self.assertEqual((self.invoice.state, self.invoice.call_wallet_status), ("posted", "pending"))
        self.assert_credited(0, "pending")

    def test_a_payment_credits_once_and_makes_the_wallet_active(self):
        self.assertEqual(self.wallet.state, "paused")
        self._pay(self.invoice)
        self.assert_credited(100, "paid")
        self.assertEqual((self.wallet.state, self.invoice.call_wallet_status), ("active", "paid"))
        self.topup._sync()
        self.env["call.wallet.topup"]._cron_sync()
        self.assert_credited(100, "paid")
        self.assertEqual(self.topup.transaction_ids.mapped("type"), ["balance_added"])

    def test_a_part_received_is_a_part_credited(self):
        self._pay(self.invoice, 40)
        self.assert_credited(40, "partial")
        self._pay(self.invoice)
        self.assert_credited(100, "paid")

    def test_an_overpayment_credits_what_was_ordered(self):
        self._pay(self.invoice, 130)
        self.assert_credited(100, "paid")

    def test_a_cancelled_payment_takes_the_funds_back(self):
        payment = self._pay(self.invoice)
        payment.action_draft()
        payment.action_cancel()
        self.assert_credited(0, "pending")
        self.assertEqual(self.topup.transaction_ids.mapped("type"), ["reversal", "balance_added"])
        self._pay(self.invoice)
        self.assert_credited(100, "paid")

    def test_a_payment_reset_to_draft_takes_the_funds_back_although_odoo_still_says_paid(self):
        payment = self._pay(self.invoice)
        payment.action_draft()
        self.assert_credited(0, "pending")
        payment.action_post()
        self.assert_credited(100, "paid")

    def test_unreconciling_takes_back_and_reconciling_again_brings_back(self):
        payment = self._pay(self.invoice)
        self.receivable(payment.move_id).remove_move_reconcile()
        self.assert_credited(0, "pending")
        self.receivable(payment.move_id | self.invoice).reconcile()
        self.assert_credited(100, "paid")

    def test_funds_that_were_spent_are_taken_back_too_and_the_wallet_pauses(self):
        payment = self._pay(self.invoice)
        self._record(self._call(duration_seconds=6000))
        payment.action_draft()
        payment.action_cancel()
        self.assertBalance(self.wallet, "-1.25")
        self.assertEqual(self.wallet.state, "paused")
        self.assertSound(self.wallet)

    def test_a_cancelled_invoice_gives_back_what_it_brought(self):
        self._pay(self.invoice)
        self.invoice.button_draft()
        self.invoice.button_cancel()
        self.assert_credited(0, "cancelled")
        self.assertEqual(self.invoice.call_wallet_status, "cancelled")

    def test_a_credit_note_takes_off_its_part_and_no_more(self):
        self._pay(self.invoice)
        note = self.invoice._reverse_moves([{"invoice_date": self.invoice.invoice_date}])
        note.invoice_line_ids.price_unit = 30
        note.action_post()
        self.assert_credited(70, "paid")

    def test_a_credit_note_that_settles_an_unpaid_invoice_brings_no_funds(self):
        note = self.invoice._reverse_moves([{"invoice_date": self.invoice.invoice_date}], cancel=True)
        self.assertEqual(note.state, "posted")
        self.assert_credited(0, "cancelled")

    def test_a_bank_statement_line_credits(self):
        journal = self.env["account.journal"].search(
            [("type", "=", "bank"), ("company_id", "=", self.company.id)], limit=1
        )
        line = self.env["account.bank.statement.line"].create(
            {"journal_id": journal.id, "amount": 100, "payment_ref": self.invoice.payment_reference}
        )
        suspense = line.line_ids.filtered(lambda item: item.account_id == journal.suspense_account_id)
        suspense.write({"account_id": self.receivable(self.invoice).account_id.id, "partner_id": self.partner.id})
        (suspense | self.receivable(self.invoice)).reconcile()
        self.assert_credited(100, "paid")

    def test_a_write_off_is_not_money(self):
        self._pay(self.invoice, 90)
        account = self.env["account.account"].search(
            [("account_type", "=", "expense"), ("company_ids", "in", self.company.ids)], limit=1
        )
        entry = self.env["account.move"].create(
            {
                "line_ids": [
                    Command.create(
                        {"account_id": self.receivable(self.invoice).account_id.id, "credit": 10,
                         "partner_id": self.partner.id}
                    ),
                    Command.create({"account_id": account.id, "debit": 10}),
                ]
            }
        )  # fmt: skip
        entry.action_post()
        self.receivable(entry | self.invoice).reconcile()
        self.assertEqual(self.invoice.payment_state, "paid")
        self.assert_credited(90, "paid")

    def test_one_payment_of_two_invoices_credits_both(self):
        second = self.wallet.create_topup("50")
        self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=(self.invoice | second.invoice_id).ids
        ).create({"group_payment": True})._create_payments()
        self.assertBalance(self.wallet, 150)
        self.assertEqual((self.topup | second).mapped("state"), ["paid", "paid"])

    def test_the_deposit_is_a_liability(self):
        line = self.invoice.invoice_line_ids
        self.assertEqual(line.account_id, self.company.call_wallet_deposit_account_id)
        self.assertEqual(line.account_id.account_type, "liability_current")
        self.assertEqual(line.quantity, 1)

    def test_tax_is_apart_and_the_wallet_receives_the_net(self):
        tax = self.env["account.tax"].create({"name": "VAT 15%", "amount": 15, "type_tax_use": "sale"})
        self.env.ref("call_wallet.product_topup").taxes_id = tax
        topup = self.wallet.create_topup("200")
        self.assertEqual((topup.tax_amount, topup.total_amount), (Decimal(30), Decimal(230)))
        self._pay(topup.invoice_id, 115)
        self.assertBalance(self.wallet, 100)
        self._pay(topup.invoice_id)
        self.assertBalance(self.wallet, 200)

    def test_a_credited_topup_and_its_invoice_stay(self):
        self._pay(self.invoice)
        with self.assertRaises(UserError):
            self.topup.unlink()
        with self.assertRaises(UserError):
            self.invoice.unlink()
