"""Paying back any amount, whatever the taxes, and whatever part of the top-up was paid."""

import os
import random
from decimal import Decimal
from itertools import count

import pytest
from odoo import Command, fields
from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import CallWalletCommon

pytestmark = pytest.mark.rest

numbers = count(1)
# Amounts drawn for each tax; `make test` tries few of them.
CASES = 2 if os.environ.get("CALL_WALLET_TESTS") else 6


@tagged("post_install", "-at_install", "standard")
class TestPaybackAmounts(CallWalletCommon):
    def _taxes(self, *taxes):
        """Make these the top-ups' taxes: (kind, amount, whether it is included in the price)."""
        made = self.env["account.tax"].create(
            [
                {
                    "name": f"Tax {next(numbers)}",
                    "amount_type": kind,
                    "amount": amount,
                    "type_tax_use": "sale",
                    "price_include_override": "tax_included" if is_included else "tax_excluded",
                    "sequence": index,
                }
                for index, (kind, amount, is_included) in enumerate(taxes)
            ]
        )
        self.env.ref("call_wallet.product_topup").taxes_id = [Command.set(made.ids)]

    def assertAgrees(self, wallet, awaiting=0):
        self.assertSound(wallet)
        rows = self.env["call.wallet"].reconciliation(fields.Date.today(), self.company)
        [row] = [row for row in rows if row["wallet"] == wallet.id]
        self.assertEqual((Decimal(row["awaiting_payment"]), Decimal(row["unexplained"])), (awaiting, 0))

    def _owed(self, topup):
        """What the books say the customer is to be sent: the open credit notes less what is open on the invoice."""
        moves = topup.invoice_id | topup.invoice_id.reversal_move_ids
        lines = moves.line_ids.filtered(lambda line: line.account_id.account_type == "asset_receivable")
        return round(-sum(lines.mapped("amount_residual_currency")), 3)

    # === TAXES === #

    def test_every_amount_can_be_paid_back_whatever_the_taxes(self):
        chance = random.Random(5)
        cases = [
            (
                [("percent", 21, True)],
                [("766.16", "340.65"), *(("73.37", back) for back in ("22.88", "68.54", "53.26", "66.59", "54.64"))],
            ),
            ([("percent", 21, False)], []),
            ([("percent", 7.5, True), ("percent", 3, True)], []),
            ([("fixed", 0.5, True)], [("100", "40")]),
            ([("fixed", 0.5, False)], [("100", "40")]),
        ]
        for taxes, given in cases:
            self._taxes(*taxes)
            for _case in range(CASES):
                ordered = chance.randrange(1000, 90000)
                given = [*given, (str(Decimal(ordered) / 100), str(Decimal(chance.randrange(1, ordered)) / 100))]
            for ordered, back in given:
                with self.subTest(taxes=taxes, ordered=ordered, back=back):
                    wallet = self._make_wallet()
                    topup = self._fund(wallet, ordered, by="topup")
                    note = topup.pay_back(back, "Part of it")
                    self.assertEqual(Decimal(str(note.amount_untaxed)), Decimal(back))
                    self.assertBalance(wallet, Decimal(ordered) - Decimal(back))
                    topup.pay_back(wallet.balance, "And the rest")
                    self.assertBalance(wallet, 0)
                    self.assertAgrees(wallet)
                    self.assertAlmostEqual(self._owed(topup), float(topup.total_amount), delta=0.02)

    def test_a_wallet_in_a_currency_of_three_decimals_can_be_closed(self):
        self._taxes(("percent", 5, True))
        dinar = self.env.ref("base.KWD")
        dinar.active = True
        plan = self.plan.copy({"name": "Dinars", "currency_id": dinar.id})
        wallet = self._make_wallet(currency_id=dinar.id, rate_plan_id=plan.id)
        self._fund(wallet, "10.005", by="topup")
        self._record(self._call(account=wallet.account_ref, duration_seconds=9_999))
        wallet.close("Contract over", take_rest=True)
        self.assertBalance(wallet, 0)
        self.assertAgrees(wallet)

    def test_a_fee_on_the_invoice_stays_with_the_company(self):
        topup = self.wallet.create_topup("100")
        income = self.company.call_wallet_live_account_id
        topup.invoice_id.button_draft()
        fee = {"name": "Setup fee", "price_unit": 30, "account_id": income.id, "tax_ids": [Command.clear()]}
        topup.invoice_id.write({"invoice_line_ids": [Command.create(fee)]})
        topup.invoice_id.action_post()
        self._pay(topup.invoice_id)
        for back in ("40", "60"):
            note = topup.pay_back(back, "Unused")
            self.assertEqual(note.amount_total, float(back))
        self.assertBalance(self.wallet, 0)
        self.assertAgrees(self.wallet)

    def test_of_a_fee_entered_first_nothing_is_credited(self):
        topup = self.wallet.create_topup("100")
        product = topup.invoice_id.invoice_line_ids.product_id
        fee = self.env["product.product"].create({"name": "Setup", "type": "service", "taxes_id": False})
        lines = [{"product_id": fee.id, "price_unit": 30}, {"product_id": product.id, "price_unit": 100}]
        topup.invoice_id.button_draft()
        topup.invoice_id.write(
            {
                "invoice_line_ids": [
                    Command.clear(),
                    *(Command.create({**line, "tax_ids": [Command.clear()]}) for line in lines),
                ]
            }
        )
        topup.invoice_id.action_post()
        self._pay(topup.invoice_id)
        self.env.invalidate_all()
        note = topup.pay_back("40", "Unused")
        self.assertEqual((note.amount_total, note.invoice_line_ids.product_id), (40, product))
        self.assertBalance(self.wallet, 60)
        self.assertAgrees(self.wallet)

    def test_the_taxes_of_all_parts_are_the_invoices_tax(self):
        chance = random.Random(8)
        for taxes in (
            [("percent", 21, True)],
            [("percent", 21, False)],
            [("percent", 7.5, True), ("percent", 3, True)],
            [("percent", 21, False), ("fixed", 0.5, False)],
        ):
            self._taxes(*taxes)
            for _case in range(CASES):
                wallet = self._make_wallet()
                topup = self._fund(wallet, Decimal(chance.randrange(1000, 9000)) / 100, by="topup")
                for _part in range(4):
                    topup.pay_back(Decimal(chance.randrange(10, int(wallet.balance * 50))) / 100, "A part")
                topup.pay_back(wallet.balance, "The last")
                invoice, notes = topup.invoice_id, topup.invoice_id.reversal_move_ids
                with self.subTest(taxes=taxes, ordered=topup.amount):
                    self.assertEqual(round(sum(notes.mapped("amount_total")), 2), invoice.amount_total)
                    items = (invoice | notes).line_ids
                    for tax in items.tax_line_id:
                        own = items.filtered(lambda item, tax=tax: item.tax_line_id == tax)
                        self.assertAlmostEqual(sum(own.mapped("balance")), 0)
                    self.assertAlmostEqual(self._owed(topup), invoice.amount_total)
                    self.assertBalance(wallet, 0)
                    self.assertAgrees(wallet)

    # === PARTS === #

    def test_money_sent_for_a_part_of_a_part_changes_no_balance(self):
        chance = random.Random(7)
        for taxes in ([("percent", 21, True)], [("percent", 21, False)], [("fixed", 0.5, False)]):
            self._taxes(*taxes)
            for _case in range(CASES):
                wallet = self._make_wallet()
                topup = wallet.create_topup(Decimal(chance.randrange(2000, 90000)) / 100)
                self._pay(topup.invoice_id, chance.randrange(1000, int(topup.total_amount * 100)) / 100)
                self.env.invalidate_all()
                before, back = wallet.balance, Decimal(chance.randrange(100, int(wallet.balance * 100))) / 100
                with self.subTest(taxes=taxes, ordered=topup.amount, received=before, back=back):
                    note = topup.pay_back(back, "Less needed")
                    self.assertEqual((wallet.balance, topup.missing_amount), (before - back, 0))
                    self._pay(note)
                    self.assertBalance(wallet, before - back)
                    self.assertAgrees(wallet)

    def test_a_cancelled_credit_note_opens_the_unpaid_part_again(self):
        topup = self.wallet.create_topup("100")
        self._pay(topup.invoice_id, 60)
        note = topup.pay_back("10", "Less needed")
        with self.assertRaises(UserError), self.env.cr.savepoint():
            self._pay(topup.invoice_id, 40)
        self.assertBalance(self.wallet, 50)
        note.button_draft()
        note.button_cancel()
        self.assertBalance(self.wallet, 60)
        self.assertEqual((topup.missing_amount, topup.state), (40, "partial"))
        self.assertAgrees(self.wallet, 40)
        self._pay(topup.invoice_id)
        self.assertBalance(self.wallet, 100)
        self.assertAgrees(self.wallet)

    def test_of_a_part_that_was_paid_the_unpaid_rest_is_credited_too(self):
        self._taxes(("percent", 10, False))
        topup = self.wallet.create_topup("100")
        self._pay(topup.invoice_id, 66)
        self.assertBalance(self.wallet, 60)
        topup.pay_back("10", "Less needed", request_key="part")
        topup.pay_back("10", "Less needed", request_key="part")
        self.assertBalance(self.wallet, 50)
        self.assertEqual((topup.missing_amount, self._owed(topup)), (0, 11))
        self.assertAgrees(self.wallet)
        topup.pay_back("50", "Nothing needed")
        self.assertBalance(self.wallet, 0)
        self.assertEqual((topup.state, self._owed(topup)), ("paid_back", 66))
        self.assertAgrees(self.wallet)
        self.wallet.close("Contract over")

    def test_of_an_unpaid_part_only_what_was_written_off_is_named(self):
        self._taxes(("percent", 10, False))
        topup = self.wallet.create_topup("100")
        self._pay(topup.invoice_id, 66)
        expense = self.env["account.account"].search(
            [("account_type", "=", "expense"), ("company_ids", "in", self.company.id)], limit=1
        )
        owed = topup.invoice_id.line_ids.filtered(lambda line: line.account_id.account_type == "asset_receivable")
        partner = {"partner_id": topup.partner_id.id}
        entry = self.env["account.move"].create(
            {
                "line_ids": [
                    Command.create({"account_id": expense.id, "debit": 5.5}),
                    Command.create({"account_id": owed.account_id.id, "credit": 5.5, **partner}),
                ]
            }
        )
        entry.action_post()
        (owed | entry.line_ids.filtered("credit")).reconcile()
        with self.assertRaisesRegex(UserError, "^5.00 USD of .*write-off"), self.env.cr.savepoint():
            topup.pay_back("10", "Less needed")
        self.assertBalance(self.wallet, 60)

    def test_what_was_written_off_is_said_and_not_paid_back(self):
        topup = self.wallet.create_topup("100")
        expense = self.env["account.account"].search(
            [("account_type", "=", "expense"), ("company_ids", "in", self.company.id)], limit=1
        )
        wizard = (
            self.env["account.payment.register"]
            .with_context(active_model="account.move", active_ids=topup.invoice_id.ids)
            .create({"amount": 95, "payment_difference_handling": "reconcile", "writeoff_account_id": expense.id})
        )
        wizard._create_payments()
        self.assertBalance(self.wallet, 95)
        with self.assertRaisesRegex(UserError, "5.00 USD.*write-off"):
            topup.pay_back("95", "Nothing needed")
        with self.assertRaisesRegex(UserError, "settled without funds"):
            self.wallet.close("Contract over")
        self.assertBalance(self.wallet, 95)
