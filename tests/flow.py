"""What a wallet is for, from the first top-up to its close, once through; for databases with a history."""

import csv
import io
from datetime import datetime, timedelta
from decimal import Decimal

from odoo import Command
from odoo.addons.call_wallet.tools.clock import recorded_at, utcnow


def main_flow(env, account="FLOW"):
    """Do business in a new wallet for a day that is over, and assert each amount; US dollars.

    Really commits where the addon does, so ``env`` is on a database that may be spoiled.
    """
    day = utcnow().date() - timedelta(days=3)
    wallet = _make_wallet(env, account)
    with recorded_at(datetime(day.year, day.month, day.day, 12)):
        _top_up(env, wallet)
        _call(env, wallet, day)
        # Half a cent back: 100 - 0.025 - 0.02 + 0.005.
        wallet.refund("0.005", "Bad line")
    env.invalidate_all()
    assert wallet.balance == Decimal("99.96"), wallet.balance
    _enter_in_the_books(env, wallet, day)
    _report(wallet)
    wallet.close("Contract over")
    env.invalidate_all()
    assert (wallet.balance, wallet.active) == (0, False)
    violations = env["call.wallet"].check_invariants()
    assert violations == [], violations


def _make_wallet(env, account):
    plan = env["call.rate.plan"].create(
        {
            "name": account,
            "currency_id": env.ref("base.USD").id,
            "rate_ids": [
                Command.create({"prefix": "1", "price_per_minute": "0.01"}),
                Command.create({"prefix": "1415", "price_per_minute": "0.0125"}),
            ],
        }
    )
    partner = env["res.partner"].create({"name": account, "is_company": True, "email": "billing@flow.example"})
    wallet = env["call.wallet"].create(
        {
            "partner_id": partner.id,
            "account_ref": account,
            "currency_id": env.ref("base.USD").id,
            "rate_plan_id": plan.id,
            "tz": "UTC",
        }
    )
    wallet.set_recipients(["billing@flow.example"])
    return wallet


def _top_up(env, wallet):
    topup = wallet.create_topup("100")
    assert wallet.balance == 0
    env["account.payment.register"].with_context(active_model="account.move", active_ids=topup.invoice_id.ids).create(
        {"payment_date": topup.invoice_id.invoice_date}
    )._create_payments()
    env.invalidate_all()
    assert (wallet.balance, wallet.state) == (100, "active")


def _call(env, wallet, day):
    """Two calls: 61 s to +1 415 are 2 minutes at 0.0125; 60 s of WhatsApp are one at 0.02."""
    answer = env["call.wallet"].authorize_call(wallet.account_ref, "live", "live", "+14155550100")
    assert (answer["code"], answer["rate"]) == ("ok", "0.012500"), answer
    assert Decimal(answer["available"]) < 100, answer
    calls = [
        {
            "account": wallet.account_ref,
            "call_ref": call_type,
            "call_type": call_type,
            "number": "+14155550100",
            "started_at": f"{day}T11:00:00Z",
            "duration_seconds": seconds,
            "status": "completed",
            "campaign": "Flow",
            "manager": "Mary Manager",
        }
        for call_type, seconds in (("live", 61), ("whatsapp", 60))
    ]
    results = env["call.usage"].record_calls(calls)
    costs = [(result["result"], result["total_cost"]) for result in results]
    assert costs == [("charged", "0.025000"), ("charged", "0.020000")], results
    repeated = env["call.usage"].record_calls(calls)
    assert [result["result"] for result in repeated] == ["duplicate", "duplicate"]
    env.invalidate_all()
    assert (wallet.balance, wallet.available_balance) == (Decimal("99.955"), Decimal("99.955"))


def _enter_in_the_books(env, wallet, day):
    env["call.wallet"].post_transactions(day, day)
    env.invalidate_all()
    rows = env["call.wallet.transaction"].search([("wallet_id", "=", wallet.id), ("topup_id", "=", False)])
    assert len(rows) == 3
    assert rows.move_id.mapped("state") == ["posted"]
    lines = env["call.wallet"].reconciliation(utcnow().date(), env.company)
    (line,) = [line for line in lines if line["wallet"] == wallet.id]
    figures = {name: Decimal(line[name]) for name in ("closing", "not_posted", "remainder", "unexplained")}
    assert figures == {"closing": Decimal("99.96"), "not_posted": 0, "remainder": 0, "unexplained": 0}, line
    assert Decimal(line["general_ledger"]) == Decimal("99.96"), line


def _report(wallet):
    with wallet.env["call.usage.report"]._make(wallet, format="csv") as file:
        rows = list(csv.DictReader(io.StringIO(file.read().decode("utf-8-sig"))))
    assert len(rows) == 4
    assert sum(Decimal(row["Amount"]) for row in rows) == Decimal("99.96")
