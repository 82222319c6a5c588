"""(2) One hot wallet with 16 clients over HTTP, against 1,000 wallets with 16 clients."""

import statistics
from decimal import Decimal

from common import (
    Client,
    Result,
    Server,
    crowd,
    environment,
    interleave,
    make_calls,
    median_ratio,
    milliseconds,
    per_second,
    percentile,
    seeded,
)

TITLE = "One hot wallet, 16 clients over HTTP / 1,000 wallets"
CLIENTS = 16


class Load:
    """16 clients that report calls, and what they were answered."""

    def __init__(self, platform, server, batch, seconds):
        self.platform, self.batch, self.seconds = platform, batch, seconds
        self.client = Client(server.port, platform.key, platform.database)
        self.generators = [seeded(f"hot wallet {batch} {n}") for n in range(CLIENTS)]
        self.numbers = iter(range(10**9))
        self.acknowledged, self.errors = {}, []
        self.latencies = {"hot": [], "spread": []}

    def arm(self, name):
        accounts = self.platform.accounts[:1] if name == "hot" else self.platform.accounts[1:]

        def report(number):
            calls = make_calls(
                accounts, self.batch, f"{name}-{self.batch}-{next(self.numbers)}", self.generators[number]
            )
            status, answer, seconds = self.client.post("call.usage", "record_calls", calls=calls)
            return calls, status, answer, seconds

        def measure():
            done, elapsed = crowd(CLIENTS, self.seconds, report)
            for calls, status, answer, seconds in done:
                self.latencies[name].append(seconds)
                self._keep(calls, status, answer)
            return len(done) * self.batch / elapsed

        return measure

    def _keep(self, calls, status, answer):
        if status != 200 or {result["result"] for result in answer} != {"charged"}:
            self.errors.append((status, str(answer)[:300]))
            return
        for call, result in zip(calls, answer, strict=True):
            self.acknowledged[call["call_ref"]] = Decimal(result["total_cost"])


def run(bench):
    results = []
    with Server(bench.platform.database) as server:
        for batch in (1, 20):
            results.append(_measure(bench, server, batch))
        retries = server.retries()
    results[-1].details["requests that Odoo had to repeat"] = retries
    with environment(bench.platform.database) as env:
        violations = env["call.wallet"].check_invariants()
    results[-1].details["violations of the invariants"] = len(violations)
    return results


def _measure(bench, server, batch):
    load = Load(bench.platform, server, batch, bench.seconds(4, 2))
    ours, baseline = interleave(bench.rounds(6, 2), load.arm("hot"), load.arm("spread"))
    lost, doubled = _compare(bench.platform.database, batch, load.acknowledged)
    details = {
        f"{name}, {batch} a request: median / slowest 1%": f"{milliseconds(statistics.median(values))} / "
        f"{milliseconds(percentile(values, 0.99))}"
        for name, values in load.latencies.items()
    }
    details |= {
        f"{batch} a request: calls acknowledged": len(load.acknowledged),
        f"{batch} a request: errors": len(load.errors),
        f"{batch} a request: lost or wrong": lost,
        f"{batch} a request: doubled": doubled,
    }
    if load.errors or lost or doubled:
        details["first error"] = str(load.errors[:1])
    return Result(
        2, f"{TITLE}, {batch} a request", per_second(statistics.median(ours)),
        per_second(statistics.median(baseline)), median_ratio(ours, baseline), ">= 0.8", details,
    )  # fmt: skip


def _compare(database, batch, acknowledged):
    """Return how many acknowledged calls are not in the ledger as answered, and how many twice."""
    with environment(database) as env:
        env.cr.execute(
            "SELECT substr(key, 6), -amount::numeric FROM call_wallet_transaction WHERE key ~ %s",
            [f"^call/(hot|spread)-{batch}-"],
        )
        rows = env.cr.fetchall()
    charged = {}
    doubled = 0
    for call_ref, amount in rows:
        doubled += call_ref in charged
        charged[call_ref] = Decimal(str(amount)).quantize(Decimal("0.000001"))
    wrong = sum(charged.get(call_ref) != cost for call_ref, cost in acknowledged.items())
    return wrong, doubled
