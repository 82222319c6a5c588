"""What Stripe keeps of a payment stands in the books with it, once."""

from datetime import timedelta
from unittest.mock import patch

from odoo.exceptions import ValidationError
from odoo.fields import Command, Date
from odoo.tools import mute_logger

from .stripe_books import StripeBooks

FAILURE = "odoo.addons.call_wallet.models.notices.call_wallet_failure"


class TestStripeFees(StripeBooks):
    def test_the_fee_is_entered_with_the_payment(self):
        """100.00 less 2.90 and 0.30 waits for the payout: 96.80. The wallet has 100.00."""
        self.assertTrue(self.fees and self.clearing)
        transaction = self._paid()
        self.assertBalance(self.wallet, 100)
        self.assertEqual(self._balance(self.fees), 3.20)
        self.assertEqual(self._balance(self.clearing), 96.80)
        [entry] = self.env["call.wallet.stripe.entry"].search([])
        self.assertEqual((entry.amount, entry.cost, entry.net), (100, 3.20, 96.80))
        self.assertEqual(entry.transaction_id, transaction)
        self.assertEqual((entry.move_id.date, entry.move_id.journal_id), (transaction.payment_id.date, self.bank))
        self.assertIn(transaction.reference, entry.move_id.ref)

    def test_tax_that_stripe_charges_on_its_fee_is_booked_apart(self):
        """Of 3.20 that Stripe keeps, 0.60 are tax: 2.60 is the cost. The payout is 96.80."""
        self.fake.payments.taxes_fees = 60
        self.addCleanup(setattr, self.fake.payments, "taxes_fees", 0)
        self._paid()
        self.assertEqual(self._balance(self.fees), 3.20)  # no account for it is chosen
        account = self.fees.copy({"name": "Input tax"})
        self.company.call_wallet_fee_tax_account_id = account
        self._paid()
        self.assertEqual((self._balance(self.fees), self._balance(account)), (5.80, 0.60))
        self.assertEqual(self._balance(self.clearing), 193.60)
        self.fake.payouts.pay_out()
        self._bank_line(193.60)
        self._follow()
        self.assertEqual((self._payout().state, self._payout().note), ("matched", False))
        self.assertEqual(self._balance(self.clearing), 0)

    def test_a_tax_that_the_company_owes_itself_is_put_on_the_fee(self):
        """21 % of 3.20 are 0.67, owed and deducted at once; what Stripe pays out is the same."""
        repartition = [
            Command.create({"repartition_type": "base"}),
            Command.create({"repartition_type": "tax", "factor_percent": 100}),
            Command.create({"repartition_type": "tax", "factor_percent": -100}),
        ]
        values = {"name": "Reverse charge", "amount": 21, "type_tax_use": "purchase", "company_id": self.company.id}
        tax = self.env["account.tax"].create(
            {**values, "invoice_repartition_line_ids": repartition, "refund_repartition_line_ids": repartition}
        )
        with self.assertRaisesRegex(ValidationError, "parts cancel out"), self.env.cr.savepoint():
            self.company.call_wallet_fee_tax_id = tax.copy({"invoice_repartition_line_ids": repartition[:2]})
        self.company.call_wallet_fee_tax_id = tax
        self._paid()
        [entry] = self.env["call.wallet.stripe.entry"].search([])
        taxes = entry.move_id.line_ids.filtered("tax_line_id")
        self.assertEqual(sorted(taxes.mapped("balance")), [-0.67, 0.67])
        self.assertEqual(self._balance(self.clearing), 96.80)
        self.fake.payouts.pay_out()
        self._bank_line(96.80)
        self._follow()
        self.assertEqual((self._payout().state, self._payout().note), ("matched", False))
        self.assertEqual(self._balance(self.clearing), 0)

    def test_a_fee_whose_entry_is_cancelled_or_deleted_is_entered_again_and_one_that_is_reversed_is_a_task(self):
        self._paid()
        [entry] = self.env["call.wallet.stripe.entry"].search([])
        first = entry.move_id
        first.button_draft()
        self._follow()
        self.assertEqual(entry.move_id, first)  # somebody is at it
        first.button_cancel()
        self._follow()
        second = entry.move_id
        self.assertNotEqual(second, first)
        self.assertEqual(self._balance(self.fees), 3.20)
        second.button_draft()
        second.unlink()
        self._follow()
        self.assertEqual((len(entry.move_id), self._balance(self.fees)), (1, 3.20))
        entry.move_id._reverse_moves()._post()
        self.fake.payouts.pay_out()
        self._bank_line(96.80)
        self._follow()
        self.assertIn("was reversed", self._payout().note)

    def test_the_fee_is_entered_once(self):
        transaction = self._paid()
        for _time in range(2):
            self._deliver_all()
            transaction._post_process()
            self.env["call.wallet.stripe.event"]._cron_sweep()
            self._follow()
        self.assertEqual(self._balance(self.fees), 3.20)
        self.assertEqual(len(self.env["call.wallet.stripe.entry"].search([]).move_id), 1)

    def test_nothing_is_entered_where_it_is_switched_off(self):
        self.company.call_wallet_book_fees = False
        self._paid()
        self.fake.payouts.pay_out()
        self._follow()
        self.assertEqual((self._balance(self.fees), self._balance(self.clearing)), (0, 100))
        self.assertFalse(self.payouts.search([]))

    def test_a_period_that_is_locked_meanwhile(self):
        """The fee is entered on the first open day."""
        self.company.call_wallet_book_fees = False
        self._paid()
        self.company.call_wallet_book_fees = True
        self._lock(Date.today())
        self._follow()
        [entry] = self.env["call.wallet.stripe.entry"].search([])
        self.assertEqual(entry.move_id.date, Date.today() + timedelta(days=1))
        self.assertEqual(self._balance(self.fees), 3.20)

    def _lock(self, day):
        """Lock the books, although the demo's lines of the bank are open."""
        self.company.flush_recordset()
        self.env.cr.execute("UPDATE res_company SET fiscalyear_lock_date = %s WHERE id = %s", [day, self.company.id])
        self.env.invalidate_all()

    def test_a_fee_in_another_currency_than_the_payment(self):
        """Settled in euros, of which there is no rate here: 100 USD are 90 EUR, less 2.88 EUR; 2.88 / 0.9 = 3.20."""
        self.fake.payments.settles_in = ("eur", 0.9)
        self.addCleanup(setattr, self.fake.payments, "settles_in", None)
        self._paid()
        [entry] = self.env["call.wallet.stripe.entry"].search([])
        self.assertEqual((entry.amount, entry.cost, entry.currency_id.name), (90, 2.88, "EUR"))
        self.assertEqual((self._balance(self.fees), self._balance(self.clearing)), (3.20, 96.80))

    def test_a_fee_in_yen(self):
        """20,000 yen: 580 and 30 are kept. At 0.01 dollars that is 6.10."""
        yen, wallet = self._yen_wallet()
        self._paid("20000", wallet)
        self.assertBalance(wallet, 20000)
        self.assertEqual((self._balance(self.fees), self._balance(self.clearing, yen)), (6.10, 19390))

    def _yen_wallet(self):
        yen = self.env.ref("base.JPY")
        yen.active = True
        self.env["res.currency.rate"].search([("currency_id", "=", yen.id)]).unlink()
        self.env["res.currency.rate"].create(
            {"name": "2020-01-01", "currency_id": yen.id, "inverse_company_rate": 0.01, "company_id": self.company.id}
        )
        plan = self.plan.copy({"name": "Yen contract", "currency_id": yen.id})
        return yen, self._make_wallet(currency_id=yen.id, rate_plan_id=plan.id)

    def test_without_an_account_for_fees_finance_is_told_and_the_payment_counts(self):
        template = self.env["account.chart.template"].with_company(self.company)
        template.ref("bank_fees_reco").line_ids.unlink()
        with mute_logger(FAILURE):
            self._paid()
            self._follow()
        self.assertBalance(self.wallet, 100)
        waiting = self.env["call.wallet.waiting"].search([("model", "=", "call.wallet.stripe.entry")])
        self.assertIn("has no account for Stripe's fees: choose one under Fee accounts", waiting.reason)
        self.company.call_wallet_fee_account_ids = self.fees
        self._follow()
        self.assertEqual(self._balance(self.fees), 3.20)
        self.assertFalse(self.env["call.wallet.waiting"].search([("model", "=", "call.wallet.stripe.entry")]))

    def test_a_dispute_costs_and_a_won_one_gives_it_back(self):
        """3.20 for the charge; 15.00 for the dispute, which come back with it."""
        transaction = self._paid()
        [charge] = self.fake.store.find("charge", payment_intent=transaction.provider_reference)
        dispute = self.fake.money_back.open_dispute(charge["id"])["id"]
        self.fake.money_back.withdraw(dispute)
        self._deliver_all()
        self._follow()
        self.assertEqual((self._balance(self.fees), self._balance(self.clearing)), (18.20, -18.20))
        self.fake.money_back.close(dispute, won=True)
        self._deliver_all()
        self._follow()
        self.assertEqual((self._balance(self.fees), self._balance(self.clearing)), (3.20, 96.80))

    def test_what_belongs_to_no_payment(self):
        self._paid()
        self.fake.payouts.charge(1250)
        self.fake.payouts.charge(40, "network_cost")
        self._follow()
        self.assertEqual(self._balance(self.fees), 16.10)  # 3.20 + 12.50 + 0.40

    def test_payments_without_an_entry_wait_for_the_payout(self):
        """Enterprise, which cannot be had here: its one answer is given in its place."""
        self.bank.inbound_payment_method_line_ids.payment_account_id = False
        moves = self.registry["account.move"]
        with patch.object(moves, "_get_invoice_in_payment_state", lambda self: "in_payment"):
            transaction = self._paid()
            self._follow()
            self.assertFalse(transaction.payment_id.move_id)
            self.assertEqual(self._balance(self.fees), 0)
            # 96.80 come: 100.00 for the invoice, 3.20 to the fees.
            self.fake.payouts.pay_out()
            self._bank_line(96.80)
            self._follow()
            self.assertEqual(self._payout().state, "matched")
            self.assertBalance(self.wallet, 100)
            self.assertEqual(transaction.invoice_ids.payment_state, "paid")
            self.assertEqual(self._balance(self.fees), 3.20)
