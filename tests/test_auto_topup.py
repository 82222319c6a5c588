"""Automatic top-up: when a saved card is charged, with how much, and why not."""

from datetime import datetime, timedelta
from decimal import Decimal

from odoo.addons.call_wallet.tools.clock import recorded_at, utcnow
from odoo.exceptions import UserError
from odoo.tests import tagged

from .auto_topup_case import AutoTopupCase

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@tagged("post_install", "-at_install", "standard")
class TestAutoTopupCharges(AutoTopupCase):
    """One charge sized to the need."""

    def test_nothing_happens_while_the_balance_is_at_the_level(self):
        self._spend("10")
        self._run()
        self.assertFalse(self._attempts("skipped", "done"))
        self.assertBalance(self.wallet, 20)

    def test_below_the_level_the_card_is_charged_once(self):
        self._spend("10.02")
        self._run()
        self._run()
        self._run(MINUTE * 20)
        self.assertBalance(self.wallet, "69.98")
        attempt = self._attempts()
        self.assertEqual((attempt.state, attempt.amount, attempt.total_amount), ("done", 50, 50))
        self.assertEqual(attempt.topup_id.state, "paid")
        self.assertEqual(attempt.transaction_id.operation, "offline")
        row = self.wallet.transaction_ids.filtered(lambda row: row.topup_id == attempt.topup_id)
        self.assertEqual((row.type, row.amount), ("balance_added", 50))
        self.assertSound(self.wallet)

    def test_what_calls_in_progress_hold_is_not_available(self):
        self.env["call.wallet"].authorize_call(
            self.wallet.account_ref, "holding", "whatsapp", "+14155550100", expected_seconds=36_000
        )
        self._run()
        self.assertEqual(self._attempts().mapped("state"), ["done"])

    def test_one_larger_charge_where_the_amount_would_not_reach_the_level(self):
        self._spend("75.50")  # now -45.50, with a level of 20
        self._run()
        self.assertEqual(self._attempts().amount, Decimal("65.50"))
        self.assertBalance(self.wallet, 20)

    def test_never_more_than_the_company_allows_at_once(self):
        self.company.call_wallet_topup_max = 60
        self._spend("75.50")
        self._run()
        self.assertEqual(self._attempts().amount, 60)

    def test_tax_is_charged_on_top_and_counts_against_the_cap(self):
        tax = self.env["account.tax"].create({"name": "Ten", "amount": 10, "type_tax_use": "sale"})
        self.env.ref("call_wallet.product_topup").taxes_id = tax
        self._spend("15")
        self._run()
        self.assertEqual((self._attempts().amount, self._attempts().total_amount), (50, 55))
        self.assertEqual(self.wallet.auto_topup_charged, 55)
        self.assertBalance(self.wallet, 65)

    def test_a_wallet_without_it_is_left_alone(self):
        other = self._make_wallet()
        self._run()
        self.assertFalse(self.log.search([("wallet_id", "=", other.id)]))

    def test_top_up_now_charges_whatever_the_balance_but_not_twice(self):
        self.assertEqual(self.wallet.auto_topup_now(joined=True).state, "done")
        self.assertBalance(self.wallet, 80)
        with self.assertRaisesRegex(UserError, "short while ago"):
            self.wallet.auto_topup_now(joined=True)
        self.assertBalance(self.wallet, 80)


@tagged("post_install", "-at_install", "standard")
class TestAutoTopupRestraint(AutoTopupCase):
    """Every decision not to charge has a reason, kept once."""

    def test_the_same_reason_is_counted_on_one_row(self):
        self.wallet.action_pause("Under review")
        self._spend("15")
        for minute in range(3):
            self._run(MINUTE * minute)
        row = self._attempts("skipped")
        self.assertEqual((row.reason, row.count, row.available), ("paused", 3, 15))
        self.assertIn("paused by hand", row.sentence)
        self.assertGreater(row.last_at, row.date)
        self.assertFalse(self._attempts())

    def test_a_wallet_that_is_not_set_up_is_not_charged(self):
        self.wallet.set_recipients([])
        self._spend("15")
        self._run()
        self.assertEqual(self._reasons(), ["not_set_up"])

    def test_cool_down_then_daily_limit(self):
        self._spend("15")
        start = utcnow()
        for minutes in (0, 16, 32):
            with recorded_at(start + MINUTE * minutes):
                self._run()
            self._spend("50")
        self.assertEqual(len(self._attempts("done")), 3)
        with recorded_at(start + MINUTE * 40):
            self._run()
            self._run()
        with recorded_at(start + HOUR):
            self._run()
        self.assertEqual(self._reasons(), ["cool_down", "daily_limit"])
        self.assertEqual(self._attempts("skipped")[1].count, 2)
        self.assertEqual(len(self._attempts("done")), 3)
        with recorded_at(start + HOUR * 24 + MINUTE):
            self._run()
        self.assertEqual(len(self._attempts("done")), 4)

    def test_the_monthly_cap_holds_and_is_told_of_once(self):
        self.wallet.set_auto_topup(True, monthly_cap="120", accept_mandate=True)
        for hour, spent in enumerate(("50", "100", "60", "1")):
            with recorded_at(datetime(2026, 10, 15, 12) + HOUR * hour):
                self._spend(spent)
                self._run()
        self.assertEqual(self._attempts("done").mapped("amount"), [70, 50], "what the cap left, as more was needed")
        self.assertEqual(self._kinds(), ["auto_cap"])
        with recorded_at(datetime(2026, 10, 15, 18)):
            self._run()
        self.assertEqual(self._kinds(), ["auto_cap"])
        row = self._attempts("skipped")[:1]
        self.assertEqual((row.reason, row.next_at), ("cap_reached", datetime(2026, 11, 1)))
        self.assertIn("120.00", row.sentence)
        with recorded_at(datetime(2026, 11, 1, 0, 1)):
            self._run()
        self.assertEqual(len(self._attempts("done")), 3, "another month")

    def test_nothing_less_than_the_amount_is_charged_at_the_cap(self):
        self.wallet.set_auto_topup(True, monthly_cap="80", accept_mandate=True)
        with recorded_at(datetime(2026, 10, 15, 12)):
            self._spend("15")
            self._run()
            self._spend("50")
        with recorded_at(datetime(2026, 10, 15, 13)):
            self._run()
        self.assertEqual(self._attempts().mapped("amount"), [50])
        self.assertEqual(self._reasons(), ["cap_reached"])

    def test_the_month_is_that_of_the_wallets_time_zone(self):
        self._made_in("Pacific/Auckland")  # UTC+13 in November
        self.wallet.set_auto_topup(True, monthly_cap="50", accept_mandate=True)
        with recorded_at(datetime(2026, 10, 31, 10, 30)):  # still October there
            self._spend("15")
            self._run()
            self._spend("60")
        with recorded_at(datetime(2026, 10, 31, 10, 50)):
            self._run()
            self.assertEqual(self._attempts("skipped").next_at, datetime(2026, 10, 31, 11, 0))
        with recorded_at(datetime(2026, 10, 31, 11, 1)):
            self._run()
        self.assertEqual(len(self._attempts("done")), 2)

    def test_the_warning_at_80_per_cent_comes_once(self):
        self.wallet.set_auto_topup(True, monthly_cap="120", accept_mandate=True)
        with recorded_at(datetime(2026, 10, 15, 12)):
            self._spend("15")
            self._run()
        with recorded_at(datetime(2026, 10, 15, 13)):
            self._spend("46")
            self._run()
        alert = self.env["call.wallet.alert"].search([("wallet_id", "=", self.wallet.id), ("kind", "=", "auto_cap")])
        self.assertEqual((alert.percent, alert.charged, alert.cap), (80, 100, 120))

    def test_an_administrators_maximum_holds_over_an_older_cap(self):
        self.company.call_wallet_auto_topup_max = 49
        self._spend("15")
        self._run()
        self.assertEqual(self._reasons(), ["cap_reached"])
        self.company.call_wallet_auto_topup_max = 1000
        self._run()
        self.assertEqual(self._attempts().mapped("state"), ["done"])

    def test_a_payment_by_hand_under_way_counts_and_a_bank_transfer_does_not(self):
        topup = self.wallet.create_topup("50")
        self._start_payment(topup, self.provider, "pending")
        self._spend("15")
        self._run()
        self.assertEqual(self._reasons(), ["payment_in_progress"])
        self.assertFalse(self._attempts())

        topup.invoice_id.transaction_ids._set_canceled()
        wire = self.env["payment.provider"].search([("code", "=", "custom")], limit=1)
        self._start_payment(topup, wire, "pending")
        self._run()
        self.assertEqual(self._attempts().mapped("state"), ["done"])

    def test_an_unpaid_invoice_that_nobody_is_paying_does_not_count(self):
        self.wallet.create_topup("50")
        self._spend("15")
        self._run()
        self.assertEqual(self._attempts().mapped("state"), ["done"])

    def test_one_in_flight(self):
        self.card.demo_simulated_state = "pending"
        self._spend("15")
        self._run()
        self._run(HOUR)
        self.assertEqual(self._attempts().mapped("state"), ["pending"])
        self.assertBalance(self.wallet, 15)
        payment = self._attempts().transaction_id
        payment._set_done()
        payment._post_process()
        self.assertEqual(self._attempts().state, "done")
        self.assertBalance(self.wallet, 65)

    def test_what_was_pending_and_fails_later_is_a_decline(self):
        self.card.demo_simulated_state = "pending"
        self._spend("15")
        self._run()
        self._attempts().transaction_id._set_error("The bank returned it.")
        self._run()
        self.assertEqual((self._attempts().state, self._attempts().reason), ("failed", "decline"))
        self.assertEqual(self.wallet.auto_topup_declines, 1)

    def _start_payment(self, topup, provider, state):
        payment = self.env["payment.transaction"].create(
            {
                "provider_id": provider.id,
                "payment_method_id": provider.payment_method_ids[:1].id or self.provider.payment_method_ids[:1].id,
                "amount": 50,
                "currency_id": self.dollar.id,
                "partner_id": self.partner.id,
                "operation": "online_direct",
                "invoice_ids": topup.invoice_id.ids,
            }
        )
        payment._set_pending()
        return payment
