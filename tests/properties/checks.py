"""What must hold of a wallet after every step, and of its books: each figure against the model's."""

import csv
import io
from collections import Counter
from decimal import Decimal

from .price_model import MICRO, ZERO


def check_wallets(machine):
    """Compare figures, status and ledger with the model's, and have the addon check its own promises."""

    def read(env):
        records = env["call.wallet"].with_context(active_test=False).browse([wallet.id for wallet in machine.wallets])
        found = [
            (
                (record.balance, record.held_amount, record.available_balance, record.state, record.active),
                env["call.wallet"].list_transactions(record.account_ref, limit=1_000),
                {topup.id: topup.credited_amount for topup in record.topup_ids},
            )
            for record in records
        ]
        return found, env["call.wallet"].check_invariants(records.ids)

    found, violations = machine.do(read)
    for wallet, (figures, rows, credited) in zip(machine.wallets, found, strict=True):
        told = (wallet.balance, wallet.held, wallet.available, wallet.state, not wallet.is_closed)
        assert figures == told, (figures, told)
        ledger = [(row["type"], Decimal(row["amount"])) for row in rows]
        assert ledger == [(row.kind, row.amount) for row in wallet.rows], (ledger, [vars(row) for row in wallet.rows])
        total = ZERO
        for number, row in enumerate(rows, start=1):
            total += Decimal(row["amount"])
            assert (row["sequence"], Decimal(row["balance_after"])) == (number, total), row
        assert credited == {key: topup.credited for key, topup in wallet.topups.items()}
    assert violations == [], violations


def check_books(machine, wallet, is_last=False):
    """Compare the general ledger, the days, the calls and the report with the model's."""
    today = wallet.day_of(machine.clock)
    books = machine.do(lambda env: liability(env, wallet))
    assert books == wallet.ordered + wallet.posted_amount, (books, wallet.ordered, wallet.posted_amount)
    days = {today} | ({row.day for row in wallet.rows} if is_last else set())
    for day in sorted(days):
        figures = machine.do(lambda env, day=day: reconciled(env, wallet, day))
        closing = sum((row.amount for row in wallet.rows if row.day <= day), ZERO)
        assert figures["closing"] == closing, (day, figures, closing)
        assert not figures["unexplained"] and not figures["unexplained_value"], (day, figures)
    if not is_last:
        return
    wanted = Counter()
    for row in wallet.rows:
        wanted[row.day, row.kind] += row.amount
    totals = machine.do(lambda env: daily_totals(env, wallet))
    assert totals == dict(wanted), (totals, wanted)
    assert machine.do(lambda env: reported(env, wallet)) == [row.amount for row in wallet.rows]
    check_calls(machine, wallet)


def check_calls(machine, wallet):
    """Compare how the calls stand, as the platform reads it."""
    refs = [ref for ref, call in wallet.calls.items() if not call.is_deleted]
    for told in machine.do(lambda env: env["call.usage"].get_calls(wallet.account, refs)):
        call = wallet.calls[told["call_ref"]]
        amounts = tuple(Decimal(told[name]) for name in ("total_cost", "refunded", "billed_minutes"))
        assert amounts == (call.cost, call.refunded, call.minutes), (told, vars(call))


def liability(env, wallet):
    """Return what the deposit account says of a wallet in its currency; a credit is positive."""
    company = env["res.company"].browse(wallet.company)
    lines = env["account.move.line"].search(
        [("call_wallet_id", "=", wallet.id), ("parent_state", "=", "posted"),
         ("account_id", "=", company.call_wallet_deposit_account_id.id)]
    )  # fmt: skip
    return -sum((Decimal(repr(line.amount_currency)).quantize(wallet.unit) for line in lines), ZERO)


def reconciled(env, wallet, day):
    rows = env["call.wallet"].reconciliation(day, wallet.company)
    [row] = [row for row in rows if row["wallet"] == wallet.id]
    return {name: Decimal(row[name]) for name in ("closing", "unexplained", "unexplained_value")}


def daily_totals(env, wallet):
    groups = env["call.wallet.day"]._read_group([("wallet_id", "=", wallet.id)], ["day:day", "type"], ["amount:sum"])
    return {(day, kind): Decimal(str(amount)).quantize(MICRO) for day, kind, amount in groups}


def reported(env, wallet):
    """Return the amounts of the usage report, as its CSV has them."""
    record = env["call.wallet"].with_context(active_test=False).browse(wallet.id)
    with env["call.usage.report"]._make(record, format="csv") as file:
        rows = list(csv.DictReader(io.StringIO(file.read().decode("utf-8-sig"))))
    return [Decimal(row["Amount"]) for row in rows]
