"""The demo's numbers, worked out a second time from the sample files, without the addon's arithmetic."""

import csv
import sys
from collections import Counter
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from math import ceil
from pathlib import Path
from unittest import SkipTest

from odoo.addons.call_wallet.demo.later import tell
from odoo.addons.call_wallet.demo.moved import Moved
from odoo.addons.call_wallet.demo.story import load
from odoo.addons.call_wallet.demo.weeks import LAST_CALL, weeks_until
from odoo.tests import HttpCase, tagged
from odoo.tools import file_open

from .demo_menus import empty_menus

REPO = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPO / "scripts"))
from bootstrap import cli, console, demo, paths  # noqa: E402 -- found by the path above

sys.path.pop(0)

LOGINS = ["admin", "finance", "accountmanager", "platform", "owner.acme", "owner.globex", "owner.stark", "portal.acme"]
# What `make demo` adds.
LATER_LOGINS = ["financemanager", "owner.iberia"]


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
        cls.moved = Moved(cls.env)


def test_the_last_call_is_one_to_seven_days_ago_on_whatever_day_the_demo_is_made():
    for days in range(-400, 1200):
        today = date(2026, 11, 27) + timedelta(days=days)
        last = LAST_CALL + timedelta(weeks=weeks_until(today))
        assert 1 <= (today - last).days <= 7 and last.weekday() == 4, today
    # Made on a Saturday, its last call was yesterday; on a Sunday, the day before yesterday.
    assert (weeks_until(date(2026, 10, 31)), weeks_until(date(2026, 11, 1)), weeks_until(date(2026, 11, 6))) == (
        0,
        0,
        0,
    )
    assert (weeks_until(date(2026, 11, 7)), weeks_until(date(2026, 10, 30))) == (1, -1)


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
        calls = [
            {
                **call,
                "duration_seconds": int(call["duration_seconds"]),
                "started_at": self.moved(datetime.fromisoformat(call["started_at"])).isoformat(),
            }
            for call in self.records
        ]
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
            # The last one began at 23:32:51 UTC, and lasted into Saturday.
            self.assertIn(
                rows[-1].date.date(), (self.moved(date(2026, 10, 30)), self.moved(date(2026, 10, 31))), account
            )

    def test_the_report_of_the_month_is_all_of_acme(self):
        acme = self.wallets["ACME"]
        days = self.moved(date(2026, 10, 1)), self.moved(date(2026, 10, 31))
        with acme.env["call.usage.report"]._make(acme, *days, "csv") as file:
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
    """What finance meets now and then: one customer each, and their books after the story."""

    def _wallet(self, account):
        return self.env["call.wallet"].search([("account_ref", "=", account)])

    def _figures(self, account):
        """(the wallet, settled without funds, awaited, the general ledger), all else must be explained."""
        wallet = self._wallet(account)
        rows = self.env["call.wallet"].reconciliation(self.moved(date(2026, 10, 31)), wallet.company_id)
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
        wallet.company_id.call_wallet_call_days = 3660
        self.assertEqual(wallet.balance, 300)
        begun = f"{self.moved(datetime(2026, 10, 30, 11)).isoformat()}Z"
        platform = wallet.with_user(self.env["res.users"].search([("login", "=", "platform")]))
        call = {"account": "WAYNE", "call_type": "live", "number": "+13125550100", "status": "completed"}
        calls = [
            {**call, "call_ref": f"wayne-{seconds}", "started_at": begun, "duration_seconds": seconds}
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

    def test_the_books_before_hold_none_of_it(self):
        rows = self.env["call.wallet"].reconciliation(self.moved(date(2026, 10, 19)), self._wallet("TYRELL").company_id)
        self.assertTrue(rows)
        for row in rows:
            self.assertEqual((Decimal(row["settled_without_funds"]), Decimal(row["unexplained"])), (0, 0), row)


@tagged("post_install", "-at_install")
class TestLater(DemoCase):
    """What `make demo` adds once the stand-in for Stripe is set up."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        stripe = cls.env.ref("payment.payment_provider_stripe")
        keys = ("stripe_publishable_key", "stripe_secret_key", "stripe_webhook_secret", "call_wallet_webhook_secret")
        stripe.write({"state": "test", "is_published": True, **dict.fromkeys(keys, "demo")})
        cls.is_told, cls.is_told_again = tell(cls.env), tell(cls.env)
        cls.company = cls.env.ref("base.main_company")
        cls.last_month_end = cls.company._call_wallet_today().replace(day=1) - timedelta(days=1)

    def _wallet(self, account):
        return self.env["call.wallet"].search([("account_ref", "=", account)])

    def test_it_is_told_once_and_all_of_it_agrees(self):
        self.assertEqual((self.is_told, self.is_told_again), (True, False))
        self.assertEqual(self.env["call.wallet"].check_invariants(), [])
        for row in self.env["call.wallet"].reconciliation(self.moved(date(2026, 10, 31)), self.company):
            self.assertEqual((Decimal(row["unexplained"]), Decimal(row["unexplained_value"])), (0, 0), row)

    def test_each_wallet_has_what_its_calls_have_left(self):
        balances = {
            # 400 and 150 less 10, 21 and 1 minutes at 0.12.
            "WONKA": ("EUR", "546.16"),
            "OSCORP": ("USD", "150"),
            "PIEDPIPER": ("USD", "80"),
            # 10 less 125 minutes at 0.0816.
            "DUFF": ("USD", "-0.2"),
            # 500 less 14 days of 2 minutes at 0.06, 4 at 0.08, 11 at 0.03 and 3 at 0.02, and 2 minutes out of the file.
            "IBERIA": ("EUR", "488.26"),
            # 80,000 less 14 days of 5 minutes at 9, 4 at 16 and 2 at 3.
            "SAKURA": ("JPY", "78390"),
        }
        found = {
            account: (self._wallet(account).currency_id.name, self._wallet(account).balance) for account in balances
        }
        self.assertEqual(found, {name: (currency, Decimal(left)) for name, (currency, left) in balances.items()})

    def test_a_payout_is_matched_with_its_line_and_a_dispute_is_open(self):
        [payout] = self.env["call.wallet.stripe.payout"].search([])
        self.assertEqual((payout.state, payout.amount, payout.note), ("matched", 145.05, False))
        self.assertTrue(payout.statement_line_id.is_reconciled)
        self.assertEqual(set(payout.entry_ids.transaction_id.payment_id.mapped("state")), {"paid"})
        for account in ("WONKA", "OSCORP"):
            self.assertFalse(self.env["call.wallet.waiting"].search([("wallet_id", "=", self._wallet(account).id)]))
        [dispute] = self.env["call.wallet.stripe.return"].search([])
        self.assertEqual((dispute.status, dispute.held_amount, dispute.is_taken), ("needs_response", 80, False))
        self.assertEqual(self._wallet("PIEDPIPER").available_balance, 0)

    def test_the_euros_are_worth_what_they_cost_that_day(self):
        rows = self.env["call.wallet"].reconciliation(self.moved(date(2026, 10, 31)), self.company)
        [row] = [row for row in rows if row["wallet"] == self._wallet("WONKA").id]
        # 400 / 0.8 and 150 / 0.75, less 3.84 / 0.8 where last month had the calls and was posted.
        is_posted = self.moved(date(2026, 10, 13)) <= self.last_month_end
        self.assertEqual(Decimal(row["ledger_value"]), Decimal("695.20") if is_posted else 700)

    def test_what_is_owed_at_the_month_s_end_is_shown_apart(self):
        [month_end] = self.env["call.wallet.month.end"].search([("kind", "=", "overdrawn")])
        # DUFF's 0.20, and INITECH's 0.49 where its last call was last month: it had 40 and used 40.494606.
        last = max(self._wallet("INITECH").transaction_ids.mapped("day"))
        self.assertEqual(month_end.value, Decimal("0.69" if last <= self.last_month_end else "0.20"))

    def test_a_price_that_was_entered_late_is_to_be_given_back(self):
        [rerate] = self.env["call.usage.rerate"].search([])
        # Seven calls of five minutes, one yen less a minute.
        self.assertEqual((rerate.state, rerate.change_count, rerate.scope_ids.to_refund), ("previewed", 7, 35))

    def test_calls_wait_for_people(self):
        [file] = self.env["call.source.file"].search([])
        self.assertEqual((file.state, file.new_count, file.unassigned_count, file.faulty_count), ("done", 1, 1, 1))
        self.assertEqual(self.env["call.source"].search([]).health, "attention")
        rejected = self.env["call.usage.rejection"].search([("state", "=", "open")])
        self.assertEqual(set(rejected.mapped("call_ref")), {"sakura-london-1", "ingen-1", "sakura-14-1"})

    def test_what_people_look_at_is_dated_in_the_story_s_weeks(self):
        """Alerts when the balance fell, a dispute two days after its payment, a request on the last calls' day."""
        alerts = self.env["call.wallet.alert"].search([])
        self.assertIn("DUFF", alerts.wallet_id.mapped("account_ref"))
        for alert in alerts:
            charge = self.env["call.wallet.transaction"].search(
                [("wallet_id", "=", alert.wallet_id.id), ("balance_after", "=", alert.balance)], limit=1
            )
            told = (alert.wallet_id.account_ref, alert.kind, alert.create_date, charge.date)
            self.assertLessEqual(abs(alert.create_date - charge.date), timedelta(days=1), told)
            self.assertIn(alert.sent_at, (False, alert.create_date), told)
        [dispute] = self.env["call.wallet.stripe.return"].search([])
        self.assertEqual(dispute.create_date, self.moved(datetime(2026, 10, 29, 15)))
        [request] = self.env["call.wallet.refund.request"].search([])
        self.assertEqual(request.create_date, self.moved(datetime(2026, 10, 30, 16, 20)))
        for record in (dispute.wallet_id, request):
            days = [message.date.date() for message in record.message_ids]
            self.assertLessEqual(max(days), self.moved(date(2026, 10, 31)), record)

    def test_no_menu_is_empty(self):
        user = self.env["res.users"].search([("login", "=", "financemanager")])
        self.assertEqual(empty_menus(self.env(user=user)), [])

    def test_everybody_can_log_in_and_reads_their_language(self):
        for login in LATER_LOGINS:
            session = self.authenticate(login, login)
            self.assertEqual(self.env["res.users"].browse(session.uid).login, login)
        # Whoever works here begins with the app.
        overview = self.env.ref("call_wallet.action_call_wallet_overview")
        staff = self.env["res.users"].search([("login", "in", ("finance", "financemanager", "accountmanager"))])
        self.assertEqual(staff.mapped("action_id.id"), [overview.id])
        page = self.url_open("/my/billing").text
        self.assertIn('lang="es-ES"', page)
        self.assertIn("Talento Ibérico", page)


def test_what_make_run_prints_names_a_login_for_each_role_and_the_database_that_platforms_name():
    printed = demo.welcome(8070)
    assert f"{demo.DATABASE} " in printed and "X-Odoo-Database" in printed
    assert "http://localhost:8070/odoo" in printed
    for login in ("owner.acme", "owner.iberia", "finance", "financemanager", "accountmanager", "admin"):
        assert f"\n    {login} " in printed
    assert "LIVE=0" in printed and "FRESH=1" not in printed
    assert "3 weeks old" in demo.welcome(8070, weeks_old=3) and "none" in demo.welcome(8070, is_live=False)


def test_what_is_being_served_is_not_cleaned_away(tmp_path, monkeypatch, capsys):
    kept = tmp_path / "report.xlsx"
    kept.touch()
    monkeypatch.setattr(paths, "BUILD", tmp_path)
    monkeypatch.setattr(paths, "CACHE", tmp_path / "cache")
    with console.use(demo.SERVED), console.use(demo.SERVED):
        assert cli.main(["clean"]) == 1
    assert kept.exists() and not console.is_in_use(demo.SERVED)
    told = capsys.readouterr().err
    assert "being served" in told and "Ctrl-C" in told
