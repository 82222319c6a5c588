"""(1) Settled calls per second through record_calls, against the same rows in plain SQL."""

import os
import statistics
import time
from datetime import datetime, timedelta
from decimal import Decimal

from common import (
    PLATFORM_LOGIN,
    Result,
    connect,
    cpu_seconds_of,
    environment,
    interleave,
    make_calls,
    median_ratio,
    per_second,
    seeded,
)

TITLE = "record_calls, batches of 1,000 over 1,000 wallets / the same rows by plain SQL"
BATCH = 1000


def run(bench):
    rng = seeded(1)
    platform = bench.platform
    batches = bench.rounds(4, 2)
    count = iter(range(10**9))
    with environment(platform.database, PLATFORM_LOGIN) as env, connect(platform.database) as plain:
        wallet_ids = env["call.wallet"].sudo().search([("account_ref", "in", platform.accounts)]).ids
        rate_ids = env["call.rate"].sudo().search([]).ids

        processes = {"ours": [os.getpid(), env.cr.connection.get_backend_pid()], "plain": [plain.get_backend_pid()]}
        cpu = {"ours": [], "plain": []}

        def spent(name):
            return sum(map(cpu_seconds_of, processes[name]))

        def record():
            requests = [make_calls(platform.accounts, BATCH, f"settle-{next(count)}", rng) for _ in range(batches)]
            start, before = time.perf_counter(), spent("ours")
            for calls in requests:
                results = env["call.usage"].record_calls(calls)
            rate = batches * BATCH / (time.perf_counter() - start)
            cpu["ours"].append((spent("ours") - before) / batches / BATCH)
            if {result["result"] for result in results} != {"charged"}:
                raise SystemExit(f"not all were charged: {results[:3]}")
            return rate

        def write_plainly():
            requests = [_rows(wallet_ids, rate_ids, f"plain-{next(count)}", rng) for _ in range(batches)]
            start, before = time.perf_counter(), spent("plain")
            for wallets, columns in requests:
                _write(plain, wallets, columns)
            rate = batches * BATCH / (time.perf_counter() - start)
            cpu["plain"].append((spent("plain") - before) / batches / BATCH)
            return rate

        ours, baseline = interleave(bench.rounds(15, 5), record, write_plainly)
        # The baseline's rows are complete enough to pass the ledger's own check.
        violations = env["call.wallet"].sudo().check_invariants()
    return [
        Result(
            1, TITLE, per_second(statistics.median(ours)), per_second(statistics.median(baseline)),
            median_ratio(ours, baseline), ">= 0.65",
            {
                "violations of the invariants": len(violations),
                "processor time of a call, with PostgreSQL's / of the same rows":
                " / ".join(f"{statistics.mean(values) * 1e6:.0f} µs" for values in cpu.values()),
            },
        )
    ]  # fmt: skip


def _rows(wallet_ids, rate_ids, prefix, rng):
    """Return one call a wallet as what the statement takes: arrays in their text form."""
    started_at = datetime.utcnow().replace(microsecond=0) - timedelta(hours=1)
    rows = []
    for n, wallet_id in enumerate(rng.sample(wallet_ids, BATCH)):
        minutes = rng.randrange(1, 20)
        call_type = rng.choice(("live", "live", "whatsapp"))
        rate = Decimal(100 + 13 * rng.randrange(10)) / 10_000
        rows.append(
            (
                wallet_id, f"{prefix}-{n}", call_type,
                f"+1415{rng.randrange(10**7):07}", started_at, minutes * 60 - 7, minutes * 60, minutes,
                rate, rate * minutes, rng.choice(rate_ids) if call_type == "live" else None,
                f"app-{rng.randrange(50)}", f"{rng.getrandbits(128):032x}",
            )
        )  # fmt: skip
    return sorted(row[0] for row in rows), [_array(column) for column in zip(*rows, strict=True)]


def _array(values):
    return "{" + ",".join("NULL" if value is None else f'"{value}"' for value in values) + "}"


def _write(connection, wallets, columns):
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [wallets])
        cursor.execute(WRITE, columns)
    connection.commit()


LOCK = "SELECT FROM call_wallet_balance WHERE wallet_id = ANY(%s) ORDER BY wallet_id FOR NO KEY UPDATE"
WRITE = """
WITH call AS (
    SELECT c.*, nextval('call_usage_id_seq')::int AS usage_id,
           row_number() OVER running AS nth, sum(cost) OVER running AS cost_so_far
      FROM unnest(%s::int[], %s::text[], %s::text[], %s::text[], %s::timestamp[], %s::int[], %s::int[],
                  %s::numeric[], %s::numeric[], %s::numeric[], %s::int[], %s::text[], %s::text[]) WITH ORDINALITY
           AS c(wallet_id, call_ref, call_type, number, started_at, duration, billed, minutes, rate, cost,
                rate_id, application_ref, fingerprint, position)
    WINDOW running AS (PARTITION BY wallet_id ORDER BY position)
), moved AS (
    UPDATE call_wallet_balance b
       SET balance = balance - t.cost, total_used = total_used + t.cost, last_sequence = last_sequence + t.n
      FROM (SELECT wallet_id, count(*) AS n, sum(cost) AS cost FROM call GROUP BY 1) t
     WHERE b.wallet_id = t.wallet_id
 RETURNING b.wallet_id, b.balance + t.cost AS opening, b.last_sequence - t.n AS opening_sequence
), written AS (
    INSERT INTO call_usage
           (id, wallet_id, call_ref, call_type, direction, number, started_at, duration_seconds,
            billed_seconds, billed_minutes, status, rate, total_cost, rate_id, matched_prefix, increment_seconds,
            minimum_seconds, free_seconds, connection_fee, application_ref, reported_at)
    SELECT usage_id, wallet_id, call_ref, call_type, 'outbound', number, started_at, duration, billed,
           minutes, 'completed', rate, cost, rate_id, '1415', 60, 0, 0, 0, application_ref, now() AT TIME ZONE 'UTC'
      FROM call
), appended AS (
    INSERT INTO call_wallet_transaction
           (wallet_id, sequence, date, day, type, amount, balance_after, description, key, fingerprint,
            is_call, call_type, rate, billed_minutes, usage_id)
    SELECT wallet_id, opening_sequence + nth, now() AT TIME ZONE 'UTC', (now() AT TIME ZONE 'UTC')::date,
           'usage', -cost, opening - cost_so_far, 'Call ' || call_ref, 'call/' || call_ref, fingerprint,
           true, call_type, rate, minutes, usage_id
      FROM call JOIN moved USING (wallet_id)
)
INSERT INTO call_wallet_day AS d (wallet_id, day, type, call_type, transactions, billed_minutes, amount)
SELECT wallet_id, (now() AT TIME ZONE 'UTC')::date, 'usage', call_type, count(*), sum(minutes), -sum(cost)
  FROM call GROUP BY wallet_id, call_type
    ON CONFLICT (wallet_id, day, type, COALESCE(call_type, ''), COALESCE(campaign_id, 0)) DO UPDATE
   SET transactions = d.transactions + EXCLUDED.transactions,
       billed_minutes = d.billed_minutes + EXCLUDED.billed_minutes, amount = d.amount + EXCLUDED.amount
"""
