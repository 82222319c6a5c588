"""The demo's numbers, worked out a second time from the sample files, without the addon's arithmetic."""

import csv
import sys
from collections import Counter
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from math import ceil
from pathlib import Path
from unittest import SkipTest

from odoo.addons.call_wallet.demo.later import tell
from odoo.addons.call_wallet.demo.story import load
from odoo.tests import HttpCase, tagged
from odoo.tools import file_open

REPO = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPO / "scripts"))
from bootstrap import demo  # noqa: E402 -- found by the path above

sys.path.pop(0)

LOGINS = ["admin", "finance", "accountmanager", "platform", "owner.acme", "owner.globex", "owner.stark", "portal.acme"]


def read(name):
    with file_open(f"call_wallet/demo/{name}") as file:
        return list(csv.DictReader(file))


def cost_of(call, prices):
    """Return the cost of a call by the rating rule of the contract."""
    seconds = int(call["duration_seconds"]) if call["status"] == "completed" else 0
    if call["call_type"] == "whatsapp":
        price, increment, minimum, fee = Decimal("0.02"), 60, 0, Decimal(0)
    else:
        digits = call["number"].removeprefix("+")
        longest = max((prefix for prefix in prices if digits.startswith(prefix)), key=len)
        row = prices[longest]
        price, fee = Decimal(row["price_per_minute"]), Decimal(row["connection_fee"])
        increment, minimum = int(row["increment_seconds"]), int(row["minimum_seconds"])
    if seconds == 0:
        return Decimal("0.000000")
    billed = ceil(max(seconds, minimum) / increment) * increment
    return (price * billed / 60 + fee).quantize(Decimal("0.000001"), ROUND_HALF_UP)


class DemoCase(HttpCase):
    """Skipped where the addon is installed without its demo data."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        module = cls.env["ir.module.module"].search([("name", "=", "call_wallet")])
        if not module.demo:
            raise SkipTest("the addon is installed without its demo data")


@tagged("post_install", "-at_install")
class TestDemo(DemoCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.records = read("calls.csv")
        prices = {row["prefix"]: row for row in read("rates.csv")}
        cls.costs = {(call["account"], call["call_ref"]): cost_of(call, prices) for call in cls.records}
        wallets = cls.env["call.wallet"].search([("account_ref", "in", ["ACME", "GLOBEX", "INITECH", "UMBRELLA"])])
        cls.wallets = {wallet.account_ref: wallet for wallet in wallets}

    def test_each_of_the_3000_calls_is_charged_once_and_to_the_sixth_decimal(self):
        self.assertEqual((len(self.records), len(self.costs)), (3060, 3000))
        charges = self.env["call.wallet.transaction"].search(
            [("wallet_id", "in", [wallet.id for wallet in self.wallets.values()]), ("type", "=", "usage")]
        )
        self.assertEqual(len(charges), 3000)
        charged = {(c.wallet_id.account_ref, c.usage_id.call_ref): -c.amount for c in charges}
        self.assertEqual(charged, self.costs)
        for usage in charges.usage_id:
            self.assertEqual(usage.total_cost, self.costs[usage.wallet_id.account_ref, usage.call_ref])

    def test_each_wallets_totals_are_those_of_its_calls(self):
        for account, wallet in self.wallets.items():
            used = sum((cost for (name, _ref), cost in self.costs.items() if name == account), Decimal(0))
            self.assertEqual(wallet.total_used, used, account)
            self.assertEqual(wallet.balance, wallet.total_added - used, account)

    def test_all_records_sent_again_are_duplicates_and_move_nothing(self):
        before = {account: (wallet.balance, wallet.last_sequence) for account, wallet in self.wallets.items()}
        platform = self.env["res.users"].search([("login", "=", "platform")])
        calls = [{**call, "duration_seconds": int(call["duration_seconds"])} for call in self.records]
        results = self.env["call.usage"].with_user(platform).record_calls(calls)
        self.assertEqual(Counter(result["result"] for result in results), {"duplicate": 3060})
        after = {account: (wallet.balance, wallet.last_sequence) for account, wallet in self.wallets.items()}
        self.assertEqual(after, before)

    def test_no_invariant_is_violated(self):
        self.assertEqual(self.env["call.wallet"].check_invariants(), [])

    def test_the_three_statuses_can_be_seen(self):
        self.assertEqual(
            {account: wallet.state for account, wallet in self.wallets.items()},
            {"ACME": "active", "GLOBEX": "active", "INITECH": "paused", "UMBRELLA": "not_set_up"},
        )
        globex = self.wallets["GLOBEX"]
        self.assertLess(globex.balance, globex.low_balance_threshold)
        self.assertLessEqual(self.wallets["INITECH"].balance, 0)

    def test_acme_has_an_invoice_of_each_status(self):
        invoices = self.wallets["ACME"].topup_ids.invoice_id
        states = Counter("cancelled" if i.state == "cancel" else i.payment_state for i in invoices)
        self.assertEqual(states, {"paid": 2, "not_paid": 1, "cancelled": 1})

    def test_the_ledger_is_in_the_order_of_time_and_begins_with_funds(self):
        for account in ("ACME", "GLOBEX", "INITECH"):
            rows = self.wallets[account].transaction_ids.sorted("sequence")
            dates = rows.mapped("date")
            self.assertEqual(dates, sorted(dates), account)
            self.assertEqual(rows[0].type, "balance_added", account)
            self.assertEqual(str(rows[-1].date)[:7], "2026-10", account)

    def test_the_report_of_october_is_acmes_whole_month(self):
        acme = self.wallets["ACME"]
        with acme.env["call.usage.report"]._make(acme, date(2026, 10, 1), date(2026, 10, 31), "csv") as file:
            rows = list(csv.DictReader(file.read().decode("utf-8-sig").splitlines()))
        calls = Counter(account for account, _ref in self.costs)["ACME"]
        self.assertEqual(Counter(row["Transaction Type"] for row in rows), {"balance_added": 2, "usage": calls})
        self.assertEqual(sum(Decimal(row["Amount"]) for row in rows), acme.balance)
        self.assertEqual(Decimal(rows[-1]["Balance After"]), acme.balance)

    def test_starks_card_was_declined_once_and_then_charged_automatically(self):
        stark = self.env["call.wallet"].search([("account_ref", "=", "STARK")])
        attempts = stark.auto_topup_ids.sorted("id")
        self.assertEqual(attempts.filtered("topup_id").mapped("state"), ["failed", "done"])
        self.assertEqual((stark.auto_topup_state, stark.balance), ("on", Decimal("65")))
        rows = stark.transaction_ids.sorted("sequence")
        self.assertEqual(rows.mapped("amount"), [15, 50])
        self.assertEqual(rows[1].topup_id, attempts.filtered(lambda a: a.state == "done").topup_id)
        self.assertEqual(rows[1].topup_id.invoice_id.matched_payment_ids.date, rows[1].day)

    def test_everybody_can_log_in_with_the_login_as_password(self):
        for login in LOGINS:
            session = self.authenticate(login, login)
            self.assertEqual(self.env["res.users"].browse(session.uid).login, login)

    def test_loading_the_demo_again_changes_nothing(self):
        before = {account: (wallet.balance, wallet.last_sequence) for account, wallet in self.wallets.items()}
        load(self.env)
        after = {account: (wallet.balance, wallet.last_sequence) for account, wallet in self.wallets.items()}
        self.assertEqual(after, before)


@tagged("post_install", "-at_install")
class TestSpecialCases(DemoCase):
    """What finance meets now and then: one customer each, their books at the end of November."""

    def _wallet(self, account):
        return self.env["call.wallet"].search([("account_ref", "=", account)])

    def _figures(self, account, day="2026-11-30"):
        """(the wallet, settled without funds, awaited, the general ledger), all else must be explained."""
        wallet = self._wallet(account)
        rows = self.env["call.wallet"].reconciliation(day, wallet.company_id)
        [row] = [row for row in rows if row["wallet"] == wallet.id]
        self.assertEqual(Decimal(row["unexplained"]), 0)
        names = ("closing", "settled_without_funds", "awaiting_payment", "general_ledger")
        return tuple(Decimal(row[name]) for name in names)

    def test_the_bank_s_fee_is_not_taken_from_the_customer(self):
        # 241 on the bank's line and 9 of fee are the 250 that were ordered.
        self.assertEqual(self._figures("HOOLI"), (250, 0, 0, 250))
        [line] = self._wallet("HOOLI").topup_ids.invoice_id._get_reconciled_statement_lines()
        self.assertEqual(line.amount, 241)
        fees = line.company_id._call_wallet_fee_accounts()
        self.assertEqual(line.move_id.line_ids.filtered(lambda item: item.account_id in fees).balance, 9)

    def test_withheld_tax_counts_as_received(self):
        # 180 on the bank's line and a certificate of 20
        self.assertEqual(self._figures("VANDELAY"), (200, 0, 0, 200))
        topup = self._wallet("VANDELAY").topup_ids
        self.assertEqual(topup.counted_amount, 20)
        self.assertTrue(topup.invoice_id.message_ids.filtered(lambda message: "0001-4711" in (message.body or "")))

    def test_a_write_off_waits_for_a_decision(self):
        self.assertEqual(self._figures("TYRELL"), (0, 500, 0, 500))
        waiting = self.env["call.wallet.waiting"].search([("wallet_id", "=", self._wallet("TYRELL").id)])
        self.assertIn("settled without a payment", waiting[:1].reason)
        self.assertIn("Settled Without Funds…", waiting[:1].next_step)

    def test_another_write_off_is_released(self):
        self.assertEqual(self._figures("SOYLENT"), (0, 0, 0, 0))
        [entry] = self._wallet("SOYLENT").topup_ids.release_move_ids
        self.assertEqual((entry.state, entry.amount_total), ("posted", 120))

    def test_nothing_else_waits(self):
        accounts = ("HOOLI", "VANDELAY", "SOYLENT", "WAYNE", "CYBERDYNE")
        waiting = self.env["call.wallet.waiting"].search([("wallet_id.account_ref", "in", accounts)])
        self.assertEqual(waiting.mapped("reason"), [])

    def test_one_payment_pays_three_top_ups(self):
        topups = self._wallet("WAYNE").topup_ids
        self.assertEqual(sorted(topups.mapped("credited_amount")), [50, 100, 150])
        payment = topups.invoice_id.matched_payment_ids
        self.assertEqual((len(payment), payment.amount), (1, 300))

    def test_a_contract_bills_by_grace_and_first_block(self):
        wallet = self._wallet("WAYNE")
        self.assertEqual(wallet.balance, 300)
        platform = wallet.with_user(self.env["res.users"].search([("login", "=", "platform")]))
        call = {"account": "WAYNE", "call_type": "live", "number": "+13125550100", "status": "completed"}
        calls = [
            {**call, "call_ref": f"wayne-{seconds}", "started_at": "2026-11-09T11:00:00Z", "duration_seconds": seconds}
            for seconds in (5, 8, 21)
        ]
        results = platform.env["call.usage"].record_calls(calls)
        # 5 s: within the grace. 8 s: the first block, 0.06 * 20 / 60. 21 s: a block and one increment, 0.06 * 26 / 60.
        costs = [Decimal(result["total_cost"]) for result in results]
        self.assertEqual(costs, [Decimal(cost) for cost in ("0", "0.02", "0.026")])

    def test_a_paid_top_up_s_credit_note_pays_the_next(self):
        self.assertEqual(self._figures("CYBERDYNE"), (100, 0, 0, 100))
        wallet = self._wallet("CYBERDYNE")
        self.assertEqual(wallet.transaction_ids.sorted("sequence").mapped("amount"), [100, -100, 100])
        self.assertEqual(wallet.topup_ids.sorted("id").mapped("credited_amount"), [0, 100])

    def test_october_s_books_hold_none_of_it(self):
        rows = self.env["call.wallet"].reconciliation("2026-10-31", self._wallet("TYRELL").company_id)
        self.assertTrue(rows)
        for row in rows:
            self.assertEqual((Decimal(row["settled_without_funds"]), Decimal(row["unexplained"])), (0, 0), row)


@tagged("post_install", "-at_install")
class TestLater(DemoCase):
    """What `make demo` adds once the stand-in for Stripe is set up."""

    def test_a_wallet_in_euros_and_a_payout_matched_with_its_line(self):
        stripe = self.env.ref("payment.payment_provider_stripe")
        keys = ("stripe_publishable_key", "stripe_secret_key", "stripe_webhook_secret", "call_wallet_webhook_secret")
        stripe.write({"state": "test", "is_published": True, **dict.fromkeys(keys, "demo")})
        self.assertTrue(tell(self.env))
        self.assertFalse(tell(self.env), "once")
        wallets = {
            wallet.account_ref: wallet
            for wallet in self.env["call.wallet"].search([("account_ref", "in", ("WONKA", "OSCORP"))])
        }
        # 400 and 150 less 10, 21 and 1 minutes at 0.12.
        self.assertEqual((wallets["WONKA"].balance, wallets["OSCORP"].balance), (Decimal("546.16"), 150))
        rows = self.env["call.wallet"].reconciliation("2026-11-30", self.env.ref("base.main_company"))
        rows = {row["wallet"]: row for row in rows}
        for wallet in wallets.values():
            row = rows[wallet.id]
            self.assertEqual((Decimal(row["unexplained"]), Decimal(row["unexplained_value"])), (0, 0))
        # 400 / 0.8 and 150 / 0.75.
        self.assertEqual(Decimal(rows[wallets["WONKA"].id]["ledger_value"]), 700)
        [payout] = self.env["call.wallet.stripe.payout"].search([])
        self.assertEqual((payout.state, payout.amount, payout.note), ("matched", 145.05, False))
        self.assertTrue(payout.statement_line_id.is_reconciled)
        # INITECH had 40 and used 40.494606; its entry has cents.
        [month_end] = self.env["call.wallet.month.end"].search([])
        self.assertEqual((month_end.kind, month_end.value), ("overdrawn", Decimal("0.49")))
        self.assertEqual(set(payout.entry_ids.transaction_id.payment_id.mapped("state")), {"paid"})
        self.assertFalse(
            self.env["call.wallet.waiting"].search([("wallet_id", "in", [w.id for w in wallets.values()])])
        )


def test_what_make_run_prints_has_the_database_that_platforms_name():
    printed = demo.welcome(8070)
    assert f"{demo.DATABASE} " in printed and "X-Odoo-Database" in printed
    assert "http://localhost:8070/odoo" in printed
