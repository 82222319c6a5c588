"""Invoices of top-ups that were settled by something that is no money, and what counts as money."""

import importlib.util
from datetime import date
from decimal import Decimal

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user

from .conftest import REPO
from .reconciliation_case import ReconciliationCommon

MIGRATIONS = REPO / "call_wallet/migrations/19.0.4.0.0"


def migration(name):
    spec = importlib.util.spec_from_file_location(name, MIGRATIONS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class SettlementCase(ReconciliationCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        accounts = cls.env["account.account"]
        domain = [("company_ids", "in", cls.company.ids)]
        cls.bad_debt = accounts.create({"name": "Bad debt", "code": "699901", "account_type": "expense"})
        cls.fees = cls.company._call_wallet_fee_accounts()[:1]
        cls.receivable_account = cls.partner.property_account_receivable_id
        cls.bank = cls.env["account.journal"].search(
            [("type", "=", "bank"), ("company_id", "=", cls.company.id)], limit=1
        )
        cls.withheld = accounts.search([*domain, ("account_type", "=", "asset_current")], limit=1)

    def _receivable(self, moves):
        return moves.line_ids.filtered(
            lambda line: line.account_id.account_type == "asset_receivable" and not line.reconciled
        )

    def _receivable_of(self, entry):
        return entry.line_ids.filtered(lambda line: line.account_id == self.receivable_account)

    def _write_off(self, topup, amount, day="2026-10-20", currency=None):
        """Settle ``amount`` of the invoice with an entry to bad debt."""
        values = {"partner_id": self.partner.id}
        lines = [
            {"account_id": self.receivable_account.id, "credit": amount, **values},
            {"account_id": self.bad_debt.id, "debit": amount},
        ]
        if currency:
            lines = [
                {"account_id": self.receivable_account.id, "amount_currency": -amount, **values},
                {"account_id": self.bad_debt.id, "amount_currency": amount},
            ]
            lines = [{**line, "currency_id": currency.id} for line in lines]
        entry = self.env["account.move"].create(
            {
                "move_type": "entry",
                "date": day,
                "journal_id": self.journal.id,
                "line_ids": [Command.create(line) for line in lines],
            }
        )
        entry.action_post()
        self._receivable(entry | topup.invoice_id).reconcile()
        self.env.invalidate_all()
        return entry

    def _bank_line(self, invoices, amount, other, **values):
        """A statement's line of ``amount`` that settles the invoices in full; ``other``: account of the difference."""
        total = sum(invoices.mapped("amount_total"))
        line = self.env["account.bank.statement.line"].create(
            {"journal_id": self.bank.id, "amount": amount, "payment_ref": "Settlement", "date": "2026-10-20"}
        )
        suspense = line.line_ids.filtered(lambda item: item.account_id == self.bank.suspense_account_id)
        line.move_id.with_context(force_delete=True, skip_readonly_check=True).line_ids = [
            Command.create({"account_id": other.id, "balance": total - amount, "name": "Difference", **values}),
            Command.update(
                suspense.id,
                {"account_id": self.receivable_account.id, "balance": -total, "partner_id": self.partner.id},
            ),
        ]
        (suspense | self._receivable(invoices)).reconcile()
        self.env.invalidate_all()

    def assert_credited(self, *amounts):
        self.env.invalidate_all()
        topups = self.wallet.topup_ids.sorted("id")
        self.assertEqual(topups.mapped("credited_amount"), [Decimal(str(amount)) for amount in amounts])


class TestSettledWithoutFunds(SettlementCase):
    def setUp(self):
        super().setUp()
        self.topup = self._order("2026-10-05", "500")

    def test_a_top_up_written_off_is_owed_to_nobody_and_awaited_from_nobody(self):
        self._write_off(self.topup, 500)
        self.assertEqual(self.topup.invoice_id.payment_state, "paid")
        self.assertFigures("2026-10-19", awaiting_payment=500, settled_without_funds=0, unexplained=0)
        self.assertFigures(
            "2026-10-31", closing=0, awaiting_payment=0, settled_without_funds=500, general_ledger=500, unexplained=0
        )
        self.assertEqual(self.topup.unfunded_amount, 500)
        self.assertEqual(self._open("settled_without_funds", "2026-10-31"), self.topup)
        self.assertFalse(self._open("awaiting_payment", "2026-10-31"))
        screen = self.env["call.wallet"].reconciliation_screen("2026-10-31", self.company.id)
        self.assertGreaterEqual(screen["unfunded"], 1)
        with self.assertRaisesRegex(UserError, "settled without funds"):
            self.wallet.close("Contract over", take_rest=True)

    def test_once_released_nothing_is_left_on_the_deposits(self):
        self._write_off(self.topup, 500)
        with self._at("2026-10-25"):
            entry = self.topup.release_unfunded("Insolvent")
        self.env.invalidate_all()
        self.assertEqual((entry.state, str(entry.date)), ("posted", "2026-10-25"))
        items = {line.account_id: line.balance for line in entry.line_ids}
        self.assertEqual(items, {self.deposits: 500, self.bad_debt: -500})
        self.assertFigures("2026-10-24", settled_without_funds=500, general_ledger=500, unexplained=0)
        self.assertFigures(
            "2026-10-31", closing=0, awaiting_payment=0, settled_without_funds=0, general_ledger=0, unexplained=0
        )
        with self.assertRaisesRegex(UserError, "nothing is settled without funds"):
            self.topup.release_unfunded("Once more")
        with self.assertRaisesRegex(UserError, "what was released is over"):
            self.topup.cancel_order()
        self.assertTrue(self.wallet.message_ids.filtered(lambda message: "Insolvent" in message.body))
        self.assertSound(self.wallet)
        self.wallet.close("Contract over")
        self.assertFalse(self.wallet.active)

    def test_its_status_says_so_and_the_owner_is_asked_for_nothing(self):
        invoice = self.topup.invoice_id

        def statuses():
            self.env.invalidate_all()
            return self.topup.state, invoice.call_wallet_status

        self.assertEqual(statuses(), ("pending", "pending"))
        self._write_off(self.topup, 500)
        self.assertEqual(statuses(), ("settled", "closed"))
        shown = self.wallet.dashboard_data()
        [told] = shown["invoices"]
        self.assertEqual((told["status"], told["label"]), ("closed", "Settled Without Funds"))
        self.assertIn("Add your first funds", shown["status"]["meaning"])
        owner = new_test_user(self.env, login="unfunded.owner", groups="base.group_portal")
        owner.partner_id.parent_id = self.wallet.partner_id
        self.wallet.owner_ids = owner
        [told] = self.wallet.with_user(owner).dashboard_data()["invoices"]
        self.assertEqual(told["label"], "Closed")
        # Of a version before, in which it stood as Pending.
        self.env.cr.execute("UPDATE call_wallet_topup SET state = 'pending' WHERE id = %s", [self.topup.id])
        self.env.invalidate_all()
        migration("post-topup_state").migrate(self.env.cr, "19.0.3.0.0")
        self.assertEqual(statuses(), ("settled", "closed"))
        entry = self.topup.release_unfunded("Insolvent")
        self.assertEqual(statuses(), ("released", "closed"))
        entry.button_draft()
        self.assertEqual(statuses(), ("settled", "closed"))
        self.topup.count_settlement("Set off")
        self.assertEqual(statuses(), ("paid", "paid"))

    def test_its_task_leads_to_the_top_up(self):
        self._write_off(self.topup, 500)
        [entry] = self.env["call.wallet.waiting"].search([("wallet_id", "=", self.wallet.id)])
        opened = entry.action_open()
        self.assertEqual((opened["res_model"], opened["res_id"]), ("call.wallet.topup", self.topup.id))
        self.assertTrue(entry.next_step.endswith("nobody is owed it."), entry.next_step)
        # On the wallet, the task's note ends with the way there.
        [task] = self.wallet.activity_ids
        self.assertIn(f'data-oe-id="{self.topup.id}"', task.note)
        self.wallet._tell_finance(task.summary, entry.next_step, about=self.topup)
        self.assertEqual(self.wallet.activity_ids, task, "told once")

    def test_what_is_paid_after_its_release_is_a_task_and_credited_once_the_entry_is_undone(self):
        """Of 100, 40 came and 60 were written off and released; then the write-off was wrong, and 60 came."""
        for undo in ("draft", "reverse"):
            with self.subTest(undo=undo):
                wallet = self._make_wallet()
                topup = wallet.create_topup("100")
                self._pay(topup.invoice_id, 40)
                lost = self._write_off(topup, 60)
                entry = topup.release_unfunded("Uncollectable")
                lost.button_draft()
                lost.button_cancel()
                self._pay(topup.invoice_id)
                self.assertBalance(wallet, 40)
                [task] = wallet.activity_ids.filtered(lambda task: "after it was released" in task.summary)
                self.assertIn(entry.name, task.note)
                if undo == "draft":
                    entry.button_draft()
                else:
                    entry._reverse_moves([{"date": entry.date}], cancel=True)
                self.assertBalance(wallet, 100)
                [row] = [
                    row
                    for row in self.env["call.wallet"].reconciliation(self.company._call_wallet_today(), self.company)
                    if row["wallet"] == wallet.id
                ]
                self.assertEqual(Decimal(row["general_ledger"]), 100)
                self.assertEqual(Decimal(row["unexplained"]), 0)

    def test_a_part_written_off_is_released_once_and_the_rest_is_awaited(self):
        self._write_off(self.topup, 50)
        with self._at("2026-10-25"):
            self.topup.release_unfunded("Goodwill")
        self.env.invalidate_all()
        self.assertEqual(self.topup.unfunded_amount, 0)
        # 500 - 50
        self.assertFigures("2026-10-31", awaiting_payment=450, settled_without_funds=0, unexplained=0)
        with self.assertRaisesRegex(UserError, "nothing is settled without funds"):
            self.topup.release_unfunded("Once more")

    def test_a_part_written_off_is_released_and_the_rest_paid_back(self):
        with self._at("2026-10-10"):
            self._pay(self.topup.invoice_id, 450)
        self._write_off(self.topup, 50)
        self.assertFigures("2026-10-31", closing=450, awaiting_payment=0, settled_without_funds=50, unexplained=0)
        with self._at("2026-10-25"):
            self.topup.release_unfunded("Goodwill")
            note = self.topup.pay_back("450", "Contract over")
        self.assertEqual(note.amount_untaxed, 450)
        # 500 - 50 - 450
        self.assertFigures("2026-10-31", closing=0, settled_without_funds=0, general_ledger=0, unexplained=0)

    def test_a_set_off_is_counted_as_received(self):
        self._write_off(self.topup, 500)
        with self._at("2026-10-25"):
            self.topup.count_settlement("Set off against their bill 77")
        self.assert_credited(500)
        self.assertFigures("2026-10-31", closing=500, settled_without_funds=0, general_ledger=500, unexplained=0)
        # The days before know nothing of it: ordered on the 5th, written off on the 20th.
        self.assertFigures("2026-10-19", closing=0, awaiting_payment=500, settled_without_funds=0, unexplained=0)
        self.assertFigures("2026-10-24", closing=0, awaiting_payment=0, settled_without_funds=500, unexplained=0)
        self.assertFigures("2026-10-25", closing=500, awaiting_payment=0, settled_without_funds=0, unexplained=0)
        self.assertTrue(self.topup.invoice_id.message_ids.filtered(lambda message: "bill 77" in message.body))
        with self.assertRaisesRegex(UserError, "nothing is settled without funds"):
            self.topup.count_settlement("Again")

    def test_what_was_counted_goes_with_the_settlement(self):
        entry = self._write_off(self.topup, 500)
        self.topup.count_settlement("Set off")
        self._receivable_of(entry).remove_move_reconcile()
        self.assert_credited(0)
        self.assertEqual(self.topup.unfunded_amount, 0)

    def test_what_was_counted_says_nothing_of_another_settlement(self):
        """A set-off of 200 was counted, then undone; the 300 that are written off later are not received."""
        entry = self._write_off(self.topup, 200)
        self.topup.count_settlement("Set off")
        self.assert_credited(200)
        entry.button_draft()
        self.assert_credited(0)
        self._write_off(self.topup, 300)
        self.assert_credited(0)
        self.assertEqual(self.topup.unfunded_amount, 300)
        self.assertFigures("2026-10-31", closing=0, settled_without_funds=300, awaiting_payment=200, unexplained=0)

    def test_in_another_currency_nothing_is_left_on_the_deposits_though_rates_moved(self):
        euro = self.env.ref("base.EUR")
        euro.active = True
        self.env["res.currency.rate"].search([("currency_id", "=", euro.id)]).unlink()
        for day, rate in (("2026-01-01", 0.9), ("2026-10-15", 0.8)):  # 1 USD in EUR
            self.env["res.currency.rate"].create(
                {"name": day, "rate": rate, "currency_id": euro.id, "company_id": self.company.id}
            )
        plan = self.plan.copy({"name": "Euro", "currency_id": euro.id})
        wallet = self._make_wallet(currency_id=euro.id, rate_plan_id=plan.id, partner_id=self.partner.id)
        topup = self._order("2026-10-05", "100", wallet)
        values = []
        for amount in (33.33, 33.33, 33.34):
            self._write_off(topup, amount, currency=euro)
            with self._at("2026-10-25"):
                entry = topup.release_unfunded("Insolvent")
            self.env.invalidate_all()
            values += entry.line_ids.filtered(lambda line: line.account_id == self.deposits).mapped("balance")
        # 100 / 0.9 = 111.11; 33.33 / 0.9 = 37.03; 66.66 / 0.9 = 74.07, less 37.03; 111.11 - 74.07
        self.assertEqual([f"{value:.2f}" for value in values], ["37.03", "37.04", "37.04"])
        items = self.env["account.move.line"].search(
            [("account_id", "=", self.deposits.id), ("call_wallet_id", "=", wallet.id), ("parent_state", "=", "posted")]
        )
        self.assertEqual(f"{sum(items.mapped('balance')):.2f}", "0.00")
        self.assertEqual(f"{sum(items.mapped('amount_currency')):.2f}", "0.00")
        self.assertFigures("2026-10-31", wallet, general_ledger=0, settled_without_funds=0, unexplained=0)

    def test_only_finance_managers_decide_and_say_why(self):
        self._write_off(self.topup, 500)
        clerk = self._make_user("settlement-clerk", "finance")
        for method in ("count_settlement", "release_unfunded"):
            with self.assertRaises(AccessError):
                getattr(self.topup.with_user(clerk), method)("Why not")
            with self.assertRaisesRegex(UserError, "Reason"):
                getattr(self.topup, method)(" ")

    def test_net_of_tax(self):
        tax = self.env["account.tax"].create({"name": "21 %", "amount": 21, "type_tax_use": "sale"})
        self.env.ref("call_wallet.product_topup").taxes_id = tax
        topup = self._order("2026-10-05", "100")
        self._write_off(topup, 121)
        self.assertEqual(topup.unfunded_amount, 100)
        self.assertFigures("2026-10-31", awaiting_payment=500, settled_without_funds=100, unexplained=0)


class TestWhatCountsAsMoney(SettlementCase):
    def test_the_bank_s_fee_is_the_seller_s_cost(self):
        self.assertTrue(self.fees)
        invoices = self.env["account.move"]
        for _number in range(3):
            invoices |= self._order("2026-10-05", "100").invoice_id
        self._bank_line(invoices, 291, self.fees)
        self.assert_credited(100, 100, 100)
        # 100 of the 300 that were settled, of which the bank kept 9.
        told = self.wallet.topup_ids.mapped(lambda topup: (topup.received_amount, topup.fee_amount))
        self.assertEqual(told, [(100, 3)] * 3)
        self.assertFigures("2026-12-31", closing=300, awaiting_payment=0, settled_without_funds=0, unexplained=0)

    def test_another_difference_is_not(self):
        topup = self._order("2026-10-05", "100")
        self._bank_line(topup.invoice_id, 91, self.bad_debt)
        self.assert_credited(91)
        self.assertFigures("2026-12-31", closing=91, awaiting_payment=0, settled_without_funds=9, unexplained=0)

    def test_the_company_chooses_its_fee_accounts(self):
        self.company.call_wallet_fee_account_ids = self.bad_debt
        topup = self._order("2026-10-05", "100")
        self._bank_line(topup.invoice_id, 91, self.bad_debt)
        self.assert_credited(100)

    def test_a_registered_payment_may_write_off_a_fee(self):
        topup = self._order("2026-10-05", "100")
        self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=topup.invoice_id.ids
        ).create(
            {"amount": 97, "payment_difference_handling": "reconcile", "writeoff_account_id": self.fees.id}
        )._create_payments()
        self.assert_credited(100)
        self.assertEqual((topup.received_amount, topup.fee_amount), (100, 3))

    def test_withheld_tax_counts_by_itself(self):
        tax = self.env["account.tax"].create({"name": "21 %", "amount": 21, "type_tax_use": "sale"})
        self.env.ref("call_wallet.product_topup").taxes_id = tax
        topup = self._order("2026-10-05", "100")
        withholding = self.env["account.tax"].create({"name": "Withheld", "amount": -10, "type_tax_use": "none"})
        part = withholding.invoice_repartition_line_ids.filtered(lambda line: line.repartition_type == "tax")
        # 121 = 111 received + 10 withheld
        self._bank_line(topup.invoice_id, 111, self.withheld, tax_repartition_line_id=part.id)
        self.assert_credited(100)

    def test_a_credit_note_of_a_paid_top_up_pays_the_next(self):
        first = self._top_up("2026-10-05", "100")
        note = self._credit(first, "2026-10-06")
        self.assertBalance(self.wallet, 0)
        second = self._order("2026-10-07", "100")
        self._receivable(note | second.invoice_id).reconcile()
        self.assert_credited(0, 100)
        self.assertBalance(self.wallet, 100)
        self.assertEqual((second.state, second.invoice_id.call_wallet_status), ("paid", "paid"))
        self.assertFigures("2026-12-31", general_ledger=100, awaiting_payment=0, settled_without_funds=0, unexplained=0)
        self.assertSound(self.wallet)

    def test_a_credit_note_of_an_unpaid_top_up_is_no_money(self):
        first = self._order("2026-10-05", "100")
        note = self._credit(first, "2026-10-06")
        second = self._order("2026-10-07", "100")
        self._receivable_of(note).remove_move_reconcile()
        self._receivable(note | second.invoice_id).reconcile()
        self.assert_credited(0, 0)


class TestNotesThatPay(SettlementCase):
    """Credit notes used on other invoices: as much of them is money as came for their invoice and is not used there."""

    def _use_note(self, origin, target, amount=None):
        """A credit note on the invoice, or on the top-up, of which all is used on the second top-up's invoice."""
        invoice = origin if origin._name == "account.move" else origin.invoice_id
        day = max(invoice.invoice_date, date(2026, 10, 6))
        note = invoice._reverse_moves([{"invoice_date": day, "date": day}])
        if amount:
            note.invoice_line_ids.price_unit = amount
        note.action_post()
        self._receivable_of(note).remove_move_reconcile()  # Odoo settles what is open on its own invoice
        self._receivable(note | target.invoice_id).reconcile()
        self.env.invalidate_all()
        return note

    def _chain(self, length):
        """Top-ups of 100: the first is paid with money, each other one with the credit note of the one before."""
        topups = [self._top_up("2026-10-05", "100")]
        for _number in range(length - 1):
            topups.append(self._order("2026-10-07", "100"))
            self._use_note(topups[-2], topups[-1])
        return topups

    def _invoice(self, amount, paid=None):
        """An ordinary invoice of the customer."""
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.partner.id,
                "invoice_date": "2026-10-05",
                "invoice_line_ids": [
                    Command.create({"name": "Telephone", "price_unit": amount, "tax_ids": [Command.clear()]})
                ],
            }
        )
        invoice.action_post()
        if paid:
            self._pay(invoice, paid)
        return invoice

    def test_a_payment_reset_to_draft_takes_back_what_its_note_paid(self):
        first, _second = self._chain(2)
        first.invoice_id._get_reconciled_payments().action_draft()
        self.assert_credited(0, 0)
        self.assertBalance(self.wallet, 0)
        self.assertSound(self.wallet)

    def test_a_payment_unreconciled_takes_back_what_its_note_paid(self):
        first, _second = self._chain(2)
        payment = first.invoice_id._get_reconciled_payments()
        payment.move_id.line_ids.remove_move_reconcile()
        self.assert_credited(0, 0)
        self._receivable(payment.move_id | first.invoice_id).reconcile()
        self.assert_credited(0, 100)

    def test_a_payment_that_bounced_takes_back_what_its_note_paid(self):
        first, _second = self._chain(2)
        first.invoice_id._get_reconciled_payments().action_reject()
        self.assert_credited(0, 0)

    def test_notes_in_a_row_carry_the_money_on_and_lose_it_at_once(self):
        first, *_others = self._chain(3)
        self.assert_credited(0, 0, 100)
        self.assertFigures("2026-12-31", general_ledger=100, settled_without_funds=0, unexplained=0)
        first.invoice_id._get_reconciled_payments().action_draft()
        self.assert_credited(0, 0, 0)

    def test_the_sweep_finds_what_a_note_no_longer_pays(self):
        first, second, third = self._chain(3)
        payment = first.invoice_id._get_reconciled_payments()
        self.env.flush_all()
        self.env.cr.execute("UPDATE account_payment SET state = 'rejected' WHERE id = %s", [payment.id])
        # Nobody has touched the others' invoices for long; the first one's has changed just now.
        self.env.cr.execute(
            "UPDATE account_move SET write_date = write_date - interval '60 days' WHERE id = ANY(%s)",
            [(second | third).invoice_id.ids],
        )
        self.env.invalidate_all()
        self.env["call.wallet.topup"]._cron_sync()
        self.assert_credited(0, 0, 0)

    def test_the_note_of_an_ordinary_paid_invoice_is_money(self):
        topup = self._order("2026-10-05", "100")
        invoice = self._invoice(100, paid=100)
        self._use_note(invoice, topup)
        self.assert_credited(100)
        self.assertFigures("2026-12-31", closing=100, settled_without_funds=0, general_ledger=100, unexplained=0)
        invoice._get_reconciled_payments().action_draft()
        self.assert_credited(0)

    def test_the_note_of_an_ordinary_unpaid_invoice_is_none(self):
        topup = self._order("2026-10-05", "100")
        self._use_note(self._invoice(100), topup)
        self.assert_credited(0)
        self.assertFigures("2026-12-31", closing=0, settled_without_funds=100, general_ledger=100, unexplained=0)

    def test_of_a_note_over_an_invoice_paid_in_part_the_part_is_money(self):
        topup = self._order("2026-10-05", "60")
        invoice = self._invoice(100, paid=60)
        note = invoice._reverse_moves([{"invoice_date": "2026-10-06", "date": "2026-10-06"}])
        note.action_post()
        # Posting settles what is open, 100 - 60 = 40; 60 of the note is the customer's money.
        self.assertEqual(note.amount_residual, 60)
        self._receivable(note | topup.invoice_id).reconcile()
        self.assert_credited(60)
        self.assertFigures("2026-12-31", closing=60, settled_without_funds=0, general_ledger=60, unexplained=0)

    def test_a_note_carries_no_money_that_its_invoice_needs(self):
        topup = self._order("2026-10-05", "30")
        # 60 came; 100 - 30 = 70 is left of the invoice and needs all of it.
        invoice = self._invoice(100, paid=60)
        self._use_note(invoice, topup, 30)
        self.assert_credited(0)
        # 85 - 70 = 15
        self._pay(invoice, 25)
        self.assert_credited(15)

    def test_what_was_paid_out_on_a_note_pays_nothing_else(self):
        first = self._order("2026-10-05", "100")
        self._pay(first.invoice_id, 60)
        note = self._credit(first, "2026-10-06")
        self._receivable_of(note).remove_move_reconcile()
        self._pay(note, 60)
        second = self._order("2026-10-07", "40")
        self._receivable(note | second.invoice_id).reconcile()
        # 60 came and 60 was sent back.
        self.assert_credited(0, 0)
