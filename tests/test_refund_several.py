"""Refunds of one payment that had paid several documents: each gives back its part, and nothing else."""

from decimal import Decimal

from odoo import Command
from odoo.exceptions import UserError

from .stripe_case import StripeFakeCase
from .test_payback import PaybackCase


class SeveralCase(PaybackCase):
    def _ordinary(self, amount):
        """A posted invoice of the customer that has nothing to do with a wallet."""
        line = {"name": "Setup", "price_unit": float(amount), "tax_ids": [Command.clear()]}
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.partner.id,
                "invoice_line_ids": [Command.create(line)],
            }
        )
        invoice.action_post()
        return invoice

    def _paid(self, *amounts, ordinary=()):
        """One payment by card over top-ups of these amounts and ordinary invoices of those."""
        topups = [self.wallet.create_topup(amount) for amount in amounts]
        invoices = [topup.invoice_id for topup in topups] + [self._ordinary(amount) for amount in ordinary]
        return self._one_payment(invoices), topups, invoices[len(topups) :]

    def _one_payment(self, invoices, amount=None):
        transaction = self.env["payment.transaction"].create(
            {
                "provider_id": self.provider.id,
                "payment_method_id": self.method.id,
                "amount": amount or sum(invoice.amount_residual for invoice in invoices),
                "currency_id": self.dollar.id,
                "partner_id": self.partner.id,
                "operation": "online_direct",
                "invoice_ids": [Command.set([invoice.id for invoice in invoices])],
            }
        )
        transaction._set_done()
        transaction._post_process()
        self.env.invalidate_all()
        return transaction

    def _refund(self, transaction, amount):
        """Send back what nobody says the documents of, as at the provider's own dashboard; told of twice."""
        refund = transaction._refund(amount)
        for _time in range(2):
            refund._post_process()
        self.env.invalidate_all()
        return refund

    def _noted(self, *topups):
        """What the credit notes of each top-up's invoice say together, and whether all of them are paid."""
        notes = [topup.invoice_id.reversal_move_ids.filtered(lambda move: move.state == "posted") for topup in topups]
        self.assertEqual({state for own in notes for state in own.mapped("payment_state")} - {"paid"}, set())
        return [round(sum(own.mapped("amount_total")), 2) for own in notes]

    def _open(self, transaction):
        """What is open of a payment, on the customer's account: above zero is money that he is owed."""
        lines = transaction.payment_id.move_id.line_ids
        receivable = lines.filtered(lambda line: line.account_id.account_type == "asset_receivable")
        return round(-sum(receivable.mapped("amount_residual_currency")), 2)

    def _asked(self):
        return [task.summary for task in self.wallet.activity_ids if "other documents" in (task.summary or "")]


class TestRefundOfSeveralTopups(SeveralCase):
    def test_all_of_it_is_a_credit_note_on_each(self):
        payment, (first, second), _ordinary = self._paid("100", "50")
        self.assertBalance(self.wallet, 150)
        refund = self._refund(payment, 150)
        self.assertEqual(self._noted(first, second), [100, 50])
        self.assertEqual((len(refund.call_wallet_credit_note_ids), self._open(refund)), (2, 0))
        self.assertBalance(self.wallet, 0)
        self.assertEqual((first.state, second.state), ("paid_back", "paid_back"))
        self.assertFalse(self._asked())
        self.assertSound(self.wallet)

    def test_with_tax_each_gives_back_its_own(self):
        tax = self.env["account.tax"].create({"name": "21 %", "amount": 21, "type_tax_use": "sale"})
        self.env.ref("call_wallet.product_topup").taxes_id = tax
        # 100 + 21 and 50 + 10.50
        payment, (first, second), _ordinary = self._paid("100", "50")
        self._refund(payment, 181.5)
        self.assertEqual(self._noted(first, second), [121, 60.5])
        self.assertBalance(self.wallet, 0)
        self.assertSound(self.wallet)

    def test_one_of_which_exactly_that_is_left_is_the_one(self):
        payment, (first, second), _ordinary = self._paid("100", "50")
        self._refund(payment, 100)
        self.assertEqual(self._noted(first, second), [100, 0])
        self.assertBalance(self.wallet, 50)
        self.assertFalse(self._asked())

    def test_a_part_comes_off_the_newest_first_and_finance_is_asked(self):
        payment, (first, second), _ordinary = self._paid("100", "50")
        # 60 of 150: 50 of the second, 10 of the first
        self._refund(payment, 60)
        self.assertEqual(self._noted(first, second), [10, 50])
        self.assertBalance(self.wallet, 90)
        self.assertEqual(len(self._asked()), 1)
        # the other 90 are what is left
        self._refund(payment, 90)
        self.assertEqual(self._noted(first, second), [100, 50])
        self.assertBalance(self.wallet, 0)
        self.assertEqual(len(self._asked()), 1)
        self.assertSound(self.wallet)

    def test_many_refunds_one_after_another_take_what_was_paid(self):
        payment, topups, _ordinary = self._paid("100", "50", "20")
        for amount, balance in ((20, 150), (30, 120), (20, 100), (40, 60), (60, 0)):
            self._refund(payment, amount)
            self.assertBalance(self.wallet, balance)
        self.assertEqual(self._noted(*topups), [100, 50, 20])
        self.assertSound(self.wallet)

    def test_credit_notes_whose_sum_it_is_are_what_is_paid(self):
        payment, (first, second), _ordinary = self._paid("100", "50")
        notes = first._create_credit_note(Decimal(40), "A", None) | second._create_credit_note(Decimal(30), "B", None)
        third = first._create_credit_note(Decimal(5), "C", None)
        self.assertBalance(self.wallet, 75)
        refund = self._refund(payment, 70)
        self.assertEqual(refund.call_wallet_credit_note_ids, notes)
        self.assertEqual((notes.mapped("payment_state"), third.payment_state), (["paid", "paid"], "not_paid"))
        self.assertBalance(self.wallet, 75)
        self.assertFalse(self._asked())

    def test_a_credit_note_sent_in_parts_is_no_second_one(self):
        payment, (topup,), _ordinary = self._paid("150")
        note = topup._create_credit_note(Decimal(100), "Customer asked", None)
        for amount in (60, 40):
            self._refund(payment, amount)
        self.assertEqual((topup.invoice_id.reversal_move_ids, note.payment_state), (note, "paid"))
        self.assertBalance(self.wallet, 50)

    def test_one_that_fails_gives_each_wallet_its_funds_back(self):
        payment, (first, second), _ordinary = self._paid("100", "50")
        refund = self._refund(payment, 150)
        refund.write({"state": "error", "state_message": "expired card"})
        for _time in range(2):
            refund._post_process()
        self.assertBalance(self.wallet, 150)
        self.assertEqual(self._noted(first, second), [0, 0])
        self.assertEqual(refund.payment_id.state, "canceled")
        failed = self.wallet.activity_ids.filtered(lambda task: "failed" in (task.summary or ""))
        self.assertEqual(len(failed), 1)
        self._refund(payment, 150)
        self.assertEqual(self._noted(first, second), [100, 50])
        self.assertBalance(self.wallet, 0)
        self.assertSound(self.wallet)

    def test_of_a_credit_note_that_two_refunds_pay_the_failed_one_leaves_the_other(self):
        payment, (topup,), _ordinary = self._paid("150")
        note = topup._create_credit_note(Decimal(100), "Customer asked", None)
        self._refund(payment, 60)
        refund = self._refund(payment, 40)
        refund.write({"state": "error", "state_message": "expired card"})
        refund._post_process()
        self.env.invalidate_all()
        self.assertEqual((note.state, note.amount_residual), ("posted", 40))
        self.assertBalance(self.wallet, 50)
        self.assertSound(self.wallet)

    def test_used_funds_are_gone_all_the_same(self):
        payment, topups, _ordinary = self._paid("100", "50")
        self._record(self._call(call_type="whatsapp", duration_seconds=60 * 60 * 25))  # 30 dollars
        self._refund(payment, 150)
        self.assertEqual(self._noted(*topups), [100, 50])
        self.assertBalance(self.wallet, -30)

    def test_a_clerk_s_refunds_of_two_payments_share_what_is_there(self):
        one, _topups, _ordinary = self._paid("60", "40")
        two, _topups, _ordinary = self._paid("50")
        self._record(self._call(call_type="whatsapp", duration_seconds=60 * 60 * 25))  # 30 of 150
        both = (one | two).with_user(self._make_user("several-clerk", "finance"))
        with self.assertRaisesRegex(UserError, "150.00 USD.*120.00 USD"):
            both.action_refund()
        both[0].action_refund()
        with self.assertRaisesRegex(UserError, "50.00 USD.*20.00 USD"):
            both[1].action_refund()

    def test_credit_notes_posted_together_share_what_is_there(self):
        topups = [self._fund(self.wallet, amount, by="topup") for amount in ("100", "50")]
        self._record(self._call(call_type="whatsapp", duration_seconds=60 * 60 * 25))  # 30 of 150
        notes = self.env["account.move"].union(*(topup.invoice_id._reverse_moves() for topup in topups))
        clerk = self._make_user("several-clerk", "finance")
        clerk.group_ids += self.env.ref("account.group_account_user")
        with self.assertRaisesRegex(UserError, "used already: 20.00 USD"):
            notes.with_user(clerk).action_post()
        self.assertBalance(self.wallet, 120)


class TestRefundBesideOrdinaryInvoices(SeveralCase):
    def test_the_ordinary_part_costs_the_wallet_nothing(self):
        payment, (topup,), (ordinary,) = self._paid("100", ordinary=("50",))
        refund = self._refund(payment, 50)
        self.assertBalance(self.wallet, 100)
        self.assertEqual((self._noted(topup), topup.state), ([0], "paid"))
        # As Odoo leaves it: the invoice is paid, and what was sent waits for its credit note.
        self.assertEqual((ordinary.payment_state, self._open(refund)), ("paid", -50))
        self.assertFalse(self._asked())
        # What is left is the top-up's.
        self._refund(payment, 100)
        self.assertEqual(self._noted(topup), [100])
        self.assertBalance(self.wallet, 0)
        self.assertSound(self.wallet)

    def test_the_top_up_s_part_is_its_own(self):
        payment, (topup,), _ordinary = self._paid("100", ordinary=("50",))
        self._refund(payment, 100)
        self.assertEqual(self._noted(topup), [100])
        self.assertBalance(self.wallet, 0)

    def test_of_two_that_fit_the_ordinary_one_comes_first(self):
        payment, (topup,), _ordinary = self._paid("50", ordinary=("50",))
        self._refund(payment, 50)
        self.assertBalance(self.wallet, 50)
        self.assertEqual(len(self._asked()), 1)
        self._refund(payment, 50)
        self.assertEqual(self._noted(topup), [50])
        self.assertBalance(self.wallet, 0)

    def test_parts_come_off_ordinary_invoices_first(self):
        payment, (first, second), _ordinary = self._paid("100", "30", ordinary=("50", "20"))
        # 85 of 200: 50 + 20 of the ordinary ones, 15 of the newer top-up
        self._refund(payment, 85)
        self.assertEqual(self._noted(first, second), [0, 15])
        self.assertBalance(self.wallet, 115)
        # 40 of 115: 15 of the newer one, 25 of the other
        self._refund(payment, 40)
        self.assertEqual(self._noted(first, second), [25, 30])
        self.assertBalance(self.wallet, 75)

    def test_all_of_it_leaves_the_ordinary_part_to_its_credit_note(self):
        payment, (topup,), (ordinary,) = self._paid("100", ordinary=("50",))
        refund = self._refund(payment, 150)
        self.assertEqual((self._noted(topup), self._open(refund)), ([100], -50))
        self.assertBalance(self.wallet, 0)
        note = ordinary._reverse_moves()
        note.action_post()
        (note | refund.payment_id.move_id).line_ids.filtered(
            lambda line: line.account_id.account_type == "asset_receivable" and not line.reconciled
        ).reconcile()
        self.assertEqual((note.payment_state, self._open(refund)), ("paid", 0))

    def test_an_ordinary_invoice_s_credit_note_is_paid_and_stays_when_the_refund_fails(self):
        payment, _topups, (ordinary,) = self._paid("100", ordinary=("50",))
        note = ordinary._reverse_moves()
        note.action_post()
        refund = self._refund(payment, 50)
        self.assertEqual((note.payment_state, refund.call_wallet_credit_note_ids), ("paid", note))
        refund.write({"state": "error", "state_message": "expired card"})
        refund._post_process()
        self.env.invalidate_all()
        self.assertEqual((note.state, note.payment_state), ("posted", "not_paid"))
        self.assertBalance(self.wallet, 100)

    def test_a_clerk_may_refund_what_is_no_wallet_s(self):
        payment, _topups, _ordinary = self._paid("100", ordinary=("50",))
        self._record(self._call(call_type="whatsapp", duration_seconds=60 * 60 * 25))  # 30 of 100
        payment = payment.with_user(self._make_user("several-clerk", "finance"))
        with self.assertRaisesRegex(UserError, "100.00 USD.*70.00 USD"):
            payment.action_refund()
        payment.action_refund(50)
        payment.action_refund(70)
        payment.sudo().child_transaction_ids._post_process()
        self.assertBalance(self.wallet, 0)


class TestRefundOfSeveralPayments(SeveralCase):
    def test_the_second_payment_of_a_top_up_goes_back_without_its_funds(self):
        payment, (topup,), _ordinary = self._paid("100")
        again = self._one_payment([topup.invoice_id], 100)
        self.assertEqual(topup.outstanding_credit if topup.missing_amount else self._open(again), 100)
        refund = self._refund(again, 100)
        self.assertBalance(self.wallet, 100)
        self.assertEqual((self._noted(topup), self._open(again), self._open(refund)), ([0], 0, 0))
        self._refund(payment, 100)
        self.assertBalance(self.wallet, 0)
        self.assertSound(self.wallet)

    def test_of_two_that_paid_a_top_up_each_gives_back_its_own(self):
        topup = self.wallet.create_topup("100")
        one, two = self._one_payment([topup.invoice_id], 60), self._one_payment([topup.invoice_id], 40)
        self._refund(two, 40)
        self.assertBalance(self.wallet, 60)
        self._refund(one, 60)
        self.assertEqual(self._noted(topup), [100])
        self.assertBalance(self.wallet, 0)
        self.assertSound(self.wallet)

    def test_what_another_payment_had_too_much_and_paid_a_top_up_with_takes_its_funds(self):
        ordinary = self._ordinary("50")
        payment = self._one_payment([ordinary], 150)
        topup = self.wallet.create_topup("100")
        topup.apply_outstanding_credit()
        self.assertBalance(self.wallet, 100)
        self._refund(payment, 100)
        self.assertEqual(self._noted(topup), [100])
        self.assertBalance(self.wallet, 0)
        self.assertSound(self.wallet)

    def test_a_pay_back_goes_to_the_payment_that_paid_it(self):
        payment, (topup,), _ordinary = self._paid("100")
        again = self._one_payment([topup.invoice_id], 100)
        topup.pay_back("40", "Not needed")
        self.assertEqual((payment.child_transaction_ids.amount, again.child_transaction_ids.ids), (-40, []))
        self.assertEqual(self._open(again), 100)
        self.assertBalance(self.wallet, 60)

    def test_a_rest_is_said_to_be_of_the_invoice_that_did_not_take_it(self):
        first, second = self.wallet.create_topup("100"), self.wallet.create_topup("50")
        self._pay(first.invoice_id)
        self._one_payment([first.invoice_id, second.invoice_id], 150)
        self.assertBalance(self.wallet, 150)
        [note] = [task.note for task in self.wallet.activity_ids if "left over" in (task.summary or "")]
        self.assertIn("100.00", note)
        self.assertIn(first.invoice_id.name, note)
        # The link below it names the payment, and so both.
        self.assertNotIn(second.invoice_id.name, note.partition("</p>")[0])

    def test_no_caller_says_that_a_refund_pays_a_credit_note_that_is_paid(self):
        payment, (topup,), _ordinary = self._paid("100")
        note = topup.pay_back("40", "Not needed")
        payment.with_context(call_wallet_credit_note_id=note.id).action_refund(40)
        payment.child_transaction_ids._post_process()
        self.assertBalance(self.wallet, 20)


class TestStripeTakesBackOfSeveral(StripeFakeCase):
    """A dispute says how much, and not of which invoice."""

    def _charged_over(self, *amounts, ordinary=0):
        topups = [self.wallet.create_topup(amount) for amount in amounts]
        invoices = self.env["account.move"].union(*(topup.invoice_id for topup in topups))
        if ordinary:
            line = {"name": "Setup", "price_unit": ordinary, "tax_ids": [Command.clear()]}
            values = {"move_type": "out_invoice", "partner_id": self.partner.id}
            # Dated later than the top-ups, and due later: Odoo by itself would pay it last.
            invoice = self.env["account.move"].create({**values, "invoice_line_ids": [Command.create(line)]})
            invoice.action_post()
            invoices |= invoice
        transaction = self._charge(
            topups[0],
            self._save_card(),
            amount=sum(invoices.mapped("amount_total")),
            invoice_ids=[Command.set(invoices.ids)],
        )
        self.env.invalidate_all()
        charge = self.fake.store.get("payment_intent", transaction.provider_reference)["latest_charge"]
        return transaction, topups, invoices, charge

    def _disputed(self, charge, cents, taken=True):
        dispute = self.fake.money_back.open_dispute(charge, amount=cents)
        self._deliver_all("charge.dispute.created")
        if taken:
            self.fake.money_back.withdraw(dispute["id"])
            self._deliver_all("charge.dispute.funds_withdrawn")
        self.env.invalidate_all()
        return dispute

    def test_the_ordinary_part_costs_the_wallet_nothing(self):
        _payment, (topup,), invoices, charge = self._charged_over("100", ordinary=50)
        self._disputed(charge, 5000, taken=False)
        self.assertEqual((self.wallet.balance, self.wallet.available_balance), (100, 100))
        self.fake.money_back.withdraw(self.fake.store.find("dispute")[0]["id"])
        self._deliver_all("charge.dispute.funds_withdrawn")
        self.assertBalance(self.wallet, 100)
        ordinary = invoices - topup.invoice_id
        self.assertEqual((topup.state, ordinary.payment_state), ("paid", "not_paid"))
        self.assertSound(self.wallet)

    def test_each_wallet_s_part_is_held_and_taken(self):
        """100 for one wallet and 50 for another by one payment; all of it is disputed."""
        other = self._make_wallet()
        topups = [self.wallet.create_topup("100"), other.create_topup("50")]
        invoices = self.env["account.move"].union(*(topup.invoice_id for topup in topups))
        transaction = self._charge(topups[0], self._save_card(), amount=150, invoice_ids=[Command.set(invoices.ids)])
        charge = self.fake.store.get("payment_intent", transaction.provider_reference)["latest_charge"]
        self._disputed(charge, 15000, taken=False)
        held = [(wallet.balance, wallet.available_balance, wallet.disputed_amount) for wallet in (self.wallet, other)]
        self.assertEqual(held, [(100, 0, 100), (50, 0, 50)])
        record = self.env["call.wallet.stripe.return"].search([("transaction_id", "=", transaction.id)])
        self.assertEqual((record.held_amount, record.held_ids.mapped("amount")), (150, [100, 50]))
        for wallet in (self.wallet, other):
            self.assertIn("was opened", " ".join(wallet.activity_ids.mapped("summary")))
            self.assertSound(wallet)
        self.fake.money_back.withdraw(self.fake.store.find("dispute")[0]["id"])
        self._deliver_all("charge.dispute.funds_withdrawn")
        self.env.invalidate_all()
        held = [(wallet.balance, wallet.available_balance, wallet.disputed_amount) for wallet in (self.wallet, other)]
        self.assertEqual(held, [(0, 0, 0), (0, 0, 0)])
        for wallet in (self.wallet, other):
            self.assertIn("were taken back", " ".join(wallet.activity_ids.mapped("summary")))
            self.assertSound(wallet)

    def test_one_of_which_exactly_that_is_left_is_the_one(self):
        _payment, (first, second), _invoices, charge = self._charged_over("50", "100")
        self._disputed(charge, 5000)
        self.assertEqual((first.credited_amount, second.credited_amount), (0, 100))

    def test_a_part_comes_off_the_newest_first(self):
        _payment, (first, second), _invoices, charge = self._charged_over("100", "50")
        # 60 of 150: 50 of the second, 10 of the first
        self._disputed(charge, 6000, taken=False)
        self.assertEqual(self.wallet.available_balance, 90)
        self.fake.money_back.withdraw(self.fake.store.find("dispute")[0]["id"])
        self._deliver_all("charge.dispute.funds_withdrawn")
        self.env.invalidate_all()
        self.assertEqual((first.credited_amount, second.credited_amount), (90, 0))
        self.assertSound(self.wallet)

    def test_a_second_dispute_leaves_what_the_first_took(self):
        _payment, (topup,), _invoices, charge = self._charged_over("100")
        self._disputed(charge, 4000)
        self.assertBalance(self.wallet, 60)
        self._disputed(charge, 3000)
        self.assertBalance(self.wallet, 30)
        self.assertEqual(topup.invoice_id.amount_residual, 70)
        self.assertSound(self.wallet)

    def test_a_refund_in_the_dashboard_says_no_document(self):
        payment, (first, second), _invoices, _charge = self._charged_over("100", "50")
        self.fake.money_back.create_refund({"payment_intent": payment.provider_reference, "amount": "15000"})
        for _time in range(2):
            self._deliver_all("refund.created", "charge.refunded")
            self._deliver_all("charge.refunded", own=False)
        self.assertBalance(self.wallet, 0)
        self.assertEqual((first.state, second.state), ("paid_back", "paid_back"))
        self.assertSound(self.wallet)
