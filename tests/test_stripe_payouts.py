"""A payout of Stripe's is matched with the bank's line, and the account on which payments wait returns to zero."""

from datetime import timedelta
from decimal import Decimal

import stripe
from odoo import Command
from odoo.addons.call_wallet.tools.stripe_client import client
from odoo.exceptions import AccessError, UserError
from odoo.fields import Date

from .stripe_books import StripeBooks


class TestStripePayouts(StripeBooks):
    def test_three_payments_and_a_refund(self):
        """3 x 100.00 less 3 x 3.20, less 40.00 sent back: 250.40."""
        wallets = [self._make_wallet() for _number in range(3)]
        payments = [self._paid("100", wallet) for wallet in wallets]
        self._refund(payments[2], 4000)
        self.assertEqual(self.fake.payouts.pay_out()["amount"], 25040)
        self._deliver_all("payout.paid")
        line = self._bank_line(250.40)
        self._follow()
        payout = self._payout()
        self.assertEqual((payout.state, payout.amount, payout.statement_line_id), ("matched", 250.40, line))
        self.assertEqual(len(payout.entry_ids), 4)
        self.assertEqual((self._balance(self.clearing), self._balance(self.fees)), (0, 9.60))
        self.assertTrue(line.is_reconciled)
        self.assertFalse(self._open_items())
        self.assertEqual([self._funds(wallet) for wallet in wallets], [100, 100, 60])
        self.assertEqual({payment.payment_id.state for payment in payments}, {"paid"})
        self.assertFalse(payout.activity_ids)
        for wallet in wallets:
            self.assertUnexplained(wallet, 0)

    def _funds(self, wallet):
        self.env.invalidate_all()
        return wallet.balance

    def _open_items(self):
        return self.env["account.move.line"].search(
            [
                ("account_id", "in", self.clearing.ids),
                ("reconciled", "=", False),
                ("parent_state", "=", "posted"),
                ("id", ">", self.last),
            ]
        )

    def assertUnexplained(self, wallet, expected):
        [row] = [
            row
            for row in self.env["call.wallet"].reconciliation(Date.today(), self.company)
            if row["wallet"] == wallet.id
        ]
        self.assertEqual(Decimal(row["unexplained"]), expected)

    def test_the_bank_s_line_comes_later(self):
        self._paid()
        self.fake.payouts.pay_out()
        self._follow()
        payout = self._payout()
        self.assertEqual((payout.state, payout.activity_ids.ids), ("waiting", []))
        line = self._bank_line(96.80, days=2)
        self._follow()
        self.assertEqual((payout.state, payout.statement_line_id), ("matched", line))

    def test_a_line_that_does_not_come_is_a_task_until_it_does(self):
        self._paid()
        self.fake.payouts.pay_out()
        self.fake.store.find("payout")[0]["arrival_date"] -= 9 * 86400
        for _time in range(2):
            self._follow()
        payout = self._payout()
        self.assertEqual(payout.state, "doubt")
        [task] = payout.activity_ids
        self.assertIn("96.80 is not matched", task.summary)
        self.assertIn("Import the statement", task.note)
        self.assertTrue(
            self.env["call.wallet.waiting"].search([("res_id", "=", payout.id), ("model", "=", payout._name)])
        )
        self._bank_line(96.80, days=-8)
        self._follow()
        self.assertEqual((payout.state, payout.activity_ids.ids), ("matched", []))

    def test_lines_of_others_and_of_other_amounts_are_left_alone(self):
        self._paid()
        self.fake.payouts.pay_out()
        lines = self._bank_line(96.80, "ACME LTD") | self._bank_line(96.81) | self._bank_line(96.80, days=-30)
        self._follow()
        self.assertEqual(self._payout().state, "waiting")
        self.assertFalse(any(lines.mapped("is_reconciled")))

    def test_of_two_lines_a_finance_manager_chooses(self):
        self._paid()
        self.fake.payouts.pay_out()
        lines = self._bank_line(96.80) | self._bank_line(96.80, "Stripe, once more")
        other = self._bank_line(50)
        self._follow()
        payout = self._payout()
        self.assertEqual((payout.state, payout.candidate_ids), ("doubt", lines))
        manager = self._make_user("pay-mgr", "finance_manager")
        by_manager = {"call_wallet_payout_id": payout.id}
        with self.assertRaises(AccessError):
            lines[1].with_user(self._make_user("pay-fin", "finance")).with_context(
                **by_manager
            ).action_call_wallet_settle_payout()
        with self.assertRaises(UserError):
            other.with_user(manager).with_context(**by_manager).action_call_wallet_settle_payout()
        lines[1].with_user(manager).with_context(**by_manager).action_call_wallet_settle_payout()
        self.assertEqual((payout.state, payout.statement_line_id), ("matched", lines[1]))
        self.assertEqual(self._balance(self.clearing), 0)

    def test_the_list_is_grouped_like_any_other(self):
        self._paid()
        self.fake.payouts.pay_out()
        self._follow()
        found = self.payouts.web_read_group([("id", "=", self._payout().id)], ["state"], ["__count"])
        self.assertEqual([(group["state"], group["__count"]) for group in found["groups"]], [("waiting", 1)])

    def test_two_payouts_of_one_amount(self):
        """One line has come; which of the two it is nobody knows."""
        self._paid()
        self.fake.payouts.pay_out()
        self._paid()
        self.fake.payouts.pay_out()
        self._bank_line(96.80)
        self._follow()
        payouts = self.payouts.search([])
        self.assertEqual(payouts.mapped("state"), ["doubt", "doubt"])
        payouts[0].action_settled_by_hand()
        self._follow()
        self.assertEqual(payouts.mapped("state"), ["by_hand", "matched"])

    def test_a_movement_that_odoo_does_not_know_is_a_task(self):
        """Stripe adds 5.00 for a reason of its own: 96.80 + 5.00."""
        self._paid()
        self.fake.payouts.charge(-500, "adjustment", description="Goodwill")
        self.fake.payouts.pay_out()
        line = self._bank_line(101.80)
        self._follow()
        payout = self._payout()
        self.assertEqual(payout.state, "doubt")
        self.assertIn("5.00 (adjustment, Goodwill): not in the books.", payout.note)
        self.assertFalse(line.is_reconciled)
        self.assertEqual(self._balance(self.clearing), 96.80)

    def test_an_invoice_that_is_no_top_up_is_matched_too(self):
        """100.00 and 50.00: 96.80 + 48.25 = 145.05. The other invoice's fee comes with the payout."""
        self._paid()
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.partner.id,
                "invoice_date": Date.today(),
                "invoice_line_ids": [
                    Command.create({"name": "Set-up", "price_unit": 50, "tax_ids": [Command.clear()]})
                ],
            }
        )
        invoice.action_post()
        token = self._save_card()
        intent = self.fake.payments.create_intent(
            {
                "amount": "5000",
                "currency": "usd",
                "customer": token.provider_ref,
                "payment_method": token.stripe_payment_method,
                "confirm": "true",
            }
        )
        payment = self.env["payment.transaction"].create(
            {
                "provider_id": self.stripe.id,
                "payment_method_id": self.card.id,
                "amount": 50,
                "currency_id": self.dollar.id,
                "partner_id": self.partner.id,
                "provider_reference": intent["id"],
                "operation": "online_direct",
                "invoice_ids": [Command.set(invoice.ids)],
            }
        )
        payment._set_done()
        payment._post_process()
        self._follow()
        self.assertEqual(self._balance(self.fees), 3.20)
        self.fake.payouts.pay_out()
        self._bank_line(145.05)
        self._follow()
        self.assertEqual((self._payout().state, self._payout().note), ("matched", False))
        self.assertEqual((self._balance(self.fees), self._balance(self.clearing)), (4.95, 0))
        self.assertEqual(invoice.payment_state, "paid")

    def test_a_payout_follows_what_people_do_to_the_bank_s_line(self):
        self._paid()
        self.fake.payouts.pay_out()
        line = self._bank_line(96.80)
        self._follow()
        payout = self._payout()
        # Opened again: a task, and nothing by itself.
        line.action_undo_reconciliation()
        for _time in range(2):
            self.assertEqual((payout.state, payout.statement_line_id), ("doubt", line))
            self.assertIn("opened again", payout.note)
            self.assertEqual(len(payout.activity_ids), 1)
            self._follow()
        self.assertEqual(self._balance(self.clearing), 96.80)
        payout.action_match()
        self.assertEqual((payout.state, payout.activity_ids.ids), ("matched", []))
        # Reset, and posted again: it settles the same as before.
        line.move_id.button_draft()
        self._follow()
        self.assertEqual(payout.state, "doubt")
        line.move_id.action_post()
        self._follow()
        self.assertEqual((payout.state, payout.activity_ids.ids), ("by_hand", []))
        # Deleted, and imported again.
        line.action_undo_reconciliation()
        payout.state = "matched"
        line.unlink()
        self.assertEqual((payout.state, payout.statement_line_id.ids), ("waiting", []))
        line = self._bank_line(96.80)
        self._follow()
        self.assertEqual((payout.state, payout.statement_line_id), ("matched", line))
        self.assertEqual(self._balance(self.clearing), 0)

    def test_a_payment_that_is_reset_under_a_payout_is_a_task(self):
        payment = self._paid()
        self.fake.payouts.pay_out()
        self._bank_line(96.80)
        self._follow()
        payout = self._payout()
        payment.payment_id.action_draft()
        self._follow()
        self.assertEqual(payout.state, "doubt")
        self.assertIn("opened again", payout.activity_ids.note)

    def test_a_payout_that_arrives_after_weeks(self):
        """On its way while the lists were read; they do not reach back to it any more."""
        self._paid()
        name = self.fake.payouts.pay_out()["id"]
        told = self.fake.store.get("payout", name)
        told["status"] = "in_transit"
        self._follow()
        payout = self._payout()
        self.assertEqual(payout.status, "in_transit")
        told.update(status="paid", created=told["created"] - 40 * 86400)
        self._bank_line(96.80)
        self._follow()
        self.assertEqual((payout.status, payout.state), ("paid", "matched"))

    def test_a_payout_that_fails_after_it_was_matched(self):
        """It comes again with the next one."""
        self._paid()
        name = self.fake.payouts.pay_out()["id"]
        line = self._bank_line(96.80)
        self._follow()
        first = self._payout()
        self.assertEqual(first.state, "matched")
        self.fake.payouts.fail(name)
        self._deliver_all("payout.failed")
        self.env.invalidate_all()
        self.assertEqual(first.state, "failed")
        self.assertFalse(line.is_reconciled)
        self.assertEqual(sorted(self._open_items().mapped("amount_residual")), [-3.20, 100])
        self.assertIn("failed", first.activity_ids.summary)
        line.payment_ref = "Returned"
        self._paid("50")
        self.assertEqual(self.fake.payouts.pay_out()["amount"], 14505)  # 96.80 + 50.00 - 1.75
        self._bank_line(145.05)
        self._follow()
        second = self.payouts.search([("id", "!=", first.id)])
        self.assertEqual((second.state, second.note), ("matched", False))
        self.assertEqual(self._balance(self.clearing), 0)

    def test_a_payout_below_zero(self):
        """40.00 are sent back after all was paid out: Stripe takes them from the bank."""
        transaction = self._paid()
        self.fake.payouts.pay_out()
        self._bank_line(96.80)
        self._follow()
        self._refund(transaction, 4000)
        self.fake.payouts.pay_out()
        self._bank_line(-40)
        self._follow()
        self.assertEqual(self.payouts.search([]).mapped("state"), ["matched", "matched"])
        self.assertEqual(self._balance(self.clearing), 0)
        self.assertBalance(self.wallet, 60)

    def test_a_payout_of_nothing_needs_no_line(self):
        """100.00 less 3.20, and 96.80 sent back."""
        self._refund(self._paid(), 9680)
        self.assertEqual(self.fake.payouts.pay_out()["amount"], 0)
        self._follow()
        self.assertEqual((self._payout().state, self._balance(self.clearing)), ("matched", 0))
        self.assertFalse(self._open_items())

    def test_a_dispute_in_a_payout(self):
        """96.80 less 100.00 and 15.00: -18.20."""
        transaction = self._paid()
        [charge] = self.fake.store.find("charge", payment_intent=transaction.provider_reference)
        self.fake.money_back.withdraw(self.fake.money_back.open_dispute(charge["id"])["id"])
        self._deliver_all()
        self.assertEqual(self.fake.payouts.pay_out()["amount"], -1820)
        self._bank_line(-18.20)
        self._follow()
        self.assertEqual((self._payout().state, self._payout().note), ("matched", False))
        self.assertEqual((self._balance(self.clearing), self._balance(self.fees)), (0, 18.20))

    def test_a_refund_that_failed_in_the_same_payout(self):
        transaction = self._paid()
        self._refund(transaction, 4000)
        [refund] = self.fake.store.find("refund")
        self.fake.money_back.fail_refund(refund["id"])
        self._deliver_all("refund.failed")
        self.fake.payouts.pay_out()
        self._bank_line(96.80)
        self._follow()
        self.assertEqual((self._payout().state, self._payout().note), ("matched", False))
        self.assertEqual(self._balance(self.clearing), 0)

    def test_a_payout_made_by_hand_at_stripe_is_a_task(self):
        self._paid()
        self.fake.payouts.create({"amount": "9680", "currency": "usd"})
        self._bank_line(96.80)
        self._follow()
        payout = self._payout()
        self.assertEqual(payout.state, "doubt")
        self.assertIn("made by hand at Stripe", payout.note)
        payout.action_settled_by_hand()
        self.assertEqual((payout.state, payout.activity_ids.ids), ("by_hand", []))

    def test_the_stand_in_refuses_what_stripe_refuses(self):
        """What the client has to live with: no list of a manual payout, no page of more than 100, no unknown payout."""
        api = client(self.stripe)
        self._paid()
        with self.assertRaisesRegex(stripe.InvalidRequestError, "insufficient funds"):
            api.payouts.create({"amount": 9681, "currency": "usd"})
        payout = api.payouts.create({"amount": 9680, "currency": "usd"}).id
        with self.assertRaisesRegex(stripe.InvalidRequestError, "automatic transfers, not manual"):
            api.balance_transactions.list({"payout": payout})
        with self.assertRaisesRegex(stripe.InvalidRequestError, "between 1 and 100"):
            api.balance_transactions.list({"limit": 101})
        with self.assertRaisesRegex(stripe.InvalidRequestError, "No such payout"):
            api.balance_transactions.list({"payout": "po_none"})

    def test_more_movements_than_stripe_lists_on_a_page(self):
        """100.00 less 3.20, less 110 times 0.01: 95.70."""
        self._paid()
        for _number in range(110):
            self.fake.payouts.charge(1)
        self.fake.payouts.pay_out()
        self._bank_line(95.70)
        self._follow()
        self.assertEqual(len(self._payout().entry_ids), 111)
        self.assertEqual((self._payout().state, self._balance(self.clearing)), ("matched", 0))
        self.assertEqual(self._balance(self.fees), 4.30)

    def test_a_payout_of_which_only_the_message_came(self):
        """The message brings the payout; what it is made up of is asked for by the scheduled action."""
        self._paid()
        self.fake.payouts.pay_out()
        self._deliver_all("payout.paid")
        payout = self._payout()
        self.assertEqual((payout.state, payout.is_listed), ("waiting", False))

    def test_messages_and_weeks_are_lost(self):
        """Nothing is asked for ten days; then all is as if it had been."""
        self._paid()
        self._follow()
        self.fake.payouts.pay_out()
        for kind in ("payout", "balance_transaction"):
            for item in self.fake.store.find(kind):
                item["created"] -= 10 * 86400
        self.stripe.call_wallet_payouts_at -= timedelta(days=11)
        self._bank_line(96.80)
        self._follow()
        self.assertEqual((self._payout().state, self._balance(self.clearing)), ("matched", 0))

    def test_stripe_does_not_answer(self):
        """What was not asked for is asked for again from the same moment on."""
        self._paid()
        self._follow()
        before = self.stripe.call_wallet_payouts_at
        self.fake.payouts.pay_out()
        self.fake.control.next("fail", "/payouts", times=3)
        self._follow()
        self.assertFalse(self.payouts.search([]))
        self.assertEqual(self.stripe.call_wallet_payouts_at, before)


class TestStripePayoutsInOtherCurrencies(StripeBooks):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rates = cls.env["res.currency.rate"]
        cls.euro, cls.yen = cls.env.ref("base.EUR"), cls.env.ref("base.JPY")
        (cls.euro | cls.yen).active = True
        rates.search([("currency_id", "in", (cls.euro | cls.yen).ids)]).unlink()
        for currency, worth in ((cls.euro, 1.2), (cls.yen, 0.01)):
            rates.create({"name": "2020-01-01", "currency_id": currency.id, "inverse_company_rate": worth})

    def _bank_in(self, currency):
        return self.env["account.journal"].create(
            {"name": f"Bank {currency.name}", "type": "bank", "code": f"B{currency.name}", "currency_id": currency.id}
        )

    def test_yen(self):
        """20,000 less 610 yen, at 0.01 dollars."""
        plan = self.plan.copy({"name": "Yen contract", "currency_id": self.yen.id})
        wallet = self._make_wallet(currency_id=self.yen.id, rate_plan_id=plan.id)
        self._paid("20000", wallet)
        self._paid("100")
        self.fake.payouts.pay_out("jpy")
        self._bank_line(19390, journal=self._bank_in(self.yen))
        self._follow()
        self.assertEqual((self._payout().state, self._payout().note), ("matched", False))
        self.assertEqual(self._balance(self.clearing, self.yen), 0)
        self.assertEqual(self._balance(self.clearing), 96.80)  # the dollars wait for theirs
        self.assertEqual(self._balance(self.fees), 9.30)  # 6.10 and 3.20

    def test_dollars_that_stripe_pays_out_in_euros(self):
        """100 USD are 90 EUR, less 2.88 EUR: 87.12 EUR, worth 104.54 USD. 96.80 wait here; 7.74 are gained."""
        self.fake.payments.settles_in = ("eur", 0.9)
        self.addCleanup(setattr, self.fake.payments, "settles_in", None)
        gains = self.company.income_currency_exchange_account_id
        # The fee by Odoo's rate would be 3.46: Stripe's says 3.20.
        self._paid()
        self.fake.payouts.pay_out("eur")
        line = self._bank_line(87.12, journal=self._bank_in(self.euro))
        before = self._balance(gains)
        self._follow()
        self.assertEqual((self._payout().state, self._payout().note), ("matched", False))
        self.assertTrue(line.is_reconciled)
        self.assertEqual((self._balance(self.clearing), self._balance(self.fees)), (0, 3.20))
        self.assertEqual(round(self._balance(gains) - before, 2), -7.74)

    def test_a_rate_that_has_changed_until_the_money_came(self):
        """100 EUR at 1.20 less 2.90 and 0.30: 116.16 USD wait. At 1.30 the 96.80 EUR are 125.84: 9.68 gained."""
        plan = self.plan.copy({"name": "Euro contract", "currency_id": self.euro.id})
        wallet = self._make_wallet(currency_id=self.euro.id, rate_plan_id=plan.id)
        self._paid("100", wallet)
        self.assertEqual(self._balance(self.clearing), 116.16)
        self.fake.payouts.pay_out("eur")
        rate = {"name": Date.today() + timedelta(days=1), "currency_id": self.euro.id, "inverse_company_rate": 1.3}
        self.env["res.currency.rate"].create(rate)
        gains = self.company.income_currency_exchange_account_id
        before = self._balance(gains)
        self._bank_line(96.80, days=1, journal=self._bank_in(self.euro))
        self._follow()
        self.assertEqual((self._payout().state, self._payout().note), ("matched", False))
        self.assertEqual((self._balance(self.clearing), self._balance(self.clearing, self.euro)), (0, 0))
        self.assertEqual(round(self._balance(gains) - before, 2), -9.68)
