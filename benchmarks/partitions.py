"""(9) The ledger partitioned by wallet, against the same ledger in one table; only when asked for.

    make bench ARGS="--only 9"

A copy of a filled database is converted: both big tables are split by hash of the wallet, the one way that keeps a
call from being charged twice (docs/operations.md says why not by month). Measured is how long that takes, what is
appended and read before and after, and whether Odoo still upgrades such a database.
"""

import contextlib
import os
import statistics
import subprocess
import time
from datetime import date, timedelta

import dashboard
from common import (
    FUNDS,
    Result,
    connect,
    environment,
    interleave,
    make_platform,
    median_ratio,
    milliseconds,
    odoo_command,
    tidy,
)

TITLE = "The ledger in partitions by wallet / in one table"
TABLES = ("call_usage", "call_wallet_transaction")
WALLETS, EACH = 20, 25_000
PARTS = 16
BATCH = 500
BALANCE = """
    UPDATE call_wallet_balance b
       SET balance = t.balance, total_used = %(funds)s - t.balance, last_sequence = %(size)s
      FROM (SELECT sum(amount) AS balance FROM call_wallet_transaction WHERE wallet_id = %(wallet)s) t
     WHERE b.wallet_id = %(wallet)s
"""
NAMES = {
    "incoming": """
        SELECT conname, conrelid::regclass::text FROM pg_constraint WHERE contype = 'f' AND confrelid = %s::regclass
    """,
    "constraints": """
        SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
         WHERE contype IN ('f', 'c') AND conrelid = %s::regclass
    """,
    "indexes": """
        SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid), indisprimary FROM pg_index
         WHERE indrelid = %s::regclass
    """,
    "triggers": "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = %s::regclass",
}  # fmt: skip


def run(bench):
    from odoo.sql_db import close_db

    size = EACH // 10 if bench.options.quick else EACH
    whole = bench.databases.clone("whole", os.environ["CALL_WALLET_TEMPLATE"])
    platform = make_platform(whole, WALLETS)
    _fill(whole, platform.accounts, size)
    close_db(whole)  # nobody may be connected to what is cloned
    parted = bench.databases.clone("parted", whole)
    began = time.perf_counter()
    lost = {table: convert(parted, table) for table in TABLES}
    details = {
        "rows in both tables": 2 * WALLETS * size,
        "seconds to convert them": f"{time.perf_counter() - began:.0f}",
        "references that PostgreSQL no longer checks": ", ".join(sorted(sum(lost.values(), []))),
    }
    tidy(parted)
    results = [
        _compare(bench, name, work, platform.accounts, whole, parted)
        for name, work in {"500 calls recorded": _record, "a month's report": _report, "first page": _page}.items()
    ]
    details["an upgrade by Odoo (-u call_wallet)"] = _upgrade(parted)
    results[-1].details.update(details)
    return results


def _fill(database, accounts, size):
    with environment(database) as env:
        wallets = env["call.wallet"].search([("account_ref", "in", accounts)]).ids
        campaign = env["utm.campaign"].create([{"name": f"Campaign {n}"} for n in range(5)]).ids[0]
        env.cr.commit()
    with contextlib.closing(connect(database)) as connection:
        for wallet in wallets:
            with connection, connection.cursor() as cursor:
                cursor.execute("SELECT COALESCE(max(id), 0) FROM call_usage")
                values = {"wallet": wallet, "size": size, "before": cursor.fetchone()[0], "campaign": campaign}
                values |= {"funds": FUNDS, "first": 1, "last": size - 1}
                cursor.execute("DELETE FROM call_wallet_day WHERE wallet_id = %(wallet)s", values)
                # The funds that the wallet was made with are its first transaction.
                for statement in [*dashboard.FILL[1:-1], BALANCE]:
                    cursor.execute(statement, values)
    tidy(database)


def convert(database, table, parts=PARTS):
    """Split a table by hash of the wallet; return the names of the references to it that can be checked no more.

    What Odoo declares is kept as far as PostgreSQL allows it: columns, defaults, constraints, references to others,
    indexes, the guard. Every unique index has to have the wallet in it, so the primary key is (id, wallet_id), and a
    reference to ``id`` alone has nothing to refer to.
    """
    with contextlib.closing(connect(database)) as connection, connection, connection.cursor() as cursor:
        found = {}
        for name, query in NAMES.items():
            cursor.execute(query, [table])
            found[name] = cursor.fetchall()
        for name, other in found["incoming"]:
            cursor.execute(f"ALTER TABLE {other} DROP CONSTRAINT {name}")
        cursor.execute(f"ALTER TABLE {table} RENAME TO {table}_whole")
        for name, _definition, _is_primary in found["indexes"]:
            cursor.execute(f"ALTER INDEX {name} RENAME TO {name}_whole")
        cursor.execute(f"CREATE TABLE {table} (LIKE {table}_whole INCLUDING DEFAULTS) PARTITION BY HASH (wallet_id)")
        for part in range(parts):
            cursor.execute(
                f"CREATE TABLE {table}_{part} PARTITION OF {table} FOR VALUES WITH (MODULUS {parts}, REMAINDER {part})"
            )
        cursor.execute(f"INSERT INTO {table} SELECT * FROM {table}_whole ORDER BY id")
        cursor.execute(f"ALTER SEQUENCE {table}_id_seq OWNED BY {table}.id")
        cursor.execute(f"DROP TABLE {table}_whole")
        cursor.execute(f"ALTER TABLE {table} ADD PRIMARY KEY (id, wallet_id)")
        for _name, definition, is_primary in found["indexes"]:
            if not is_primary:
                cursor.execute(definition)
        for name, definition in found["constraints"]:
            cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
        for (definition,) in found["triggers"]:
            cursor.execute(definition)
        return [name for name, _other in found["incoming"]]


# === WHAT IS COMPARED === #


def _compare(bench, name, work, accounts, whole, parted):
    turns = {whole: 0, parted: 0}

    def measured(database):
        def arm():
            turns[database] += 1
            with environment(database) as env:
                started = time.perf_counter()
                work(env, accounts, turns[database])
                return time.perf_counter() - started

        return arm

    ours, baseline = interleave(bench.rounds(9, 3), measured(parted), measured(whole))
    return Result(
        9, f"In partitions / in one table, {name}", milliseconds(statistics.median(ours)),
        milliseconds(statistics.median(baseline)), median_ratio(ours, baseline), "", {},
    )  # fmt: skip


def _record(env, accounts, turn):
    calls = [
        {
            "account": accounts[n % len(accounts)], "call_ref": f"bench-{turn}-{n}", "call_type": "live",
            "number": "+14155550100", "started_at": "2026-10-01T12:00:00Z", "duration_seconds": 61,
            "status": "completed",
        }
        for n in range(BATCH)
    ]  # fmt: skip
    answers = env["call.usage"].record_calls(calls)
    assert all(answer["result"] == "charged" for answer in answers), answers[0]


def _report(env, accounts, turn):
    wallet = env["call.wallet"].search([("account_ref", "=", accounts[turn % len(accounts)])])
    start = date.today() - timedelta(days=60)
    env["call.usage.report"]._make(wallet, start, start + timedelta(days=30), "csv").close()


def _page(env, _accounts, _turn):
    env["call.wallet.transaction"].search([], limit=80).read(["date", "amount", "balance_after"])


def _upgrade(database):
    """Return how an upgrade of the addon ends on a partitioned database."""
    command = odoo_command("-d", database, "-u", "call_wallet", "--stop-after-init", "--no-http", "--log-level=error")
    result = subprocess.run(command, capture_output=True, text=True)
    if not result.returncode:
        return "works"
    errors = [line for line in result.stderr.splitlines() if line.startswith("psycopg2.errors")]
    return f"fails: {errors[-1] if errors else result.stderr[-500:]}"
