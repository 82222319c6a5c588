"""(7) Posting usage to the general ledger, against Odoo alone creating the same journal entries.

200 wallets and 100,000 calls over 30 days. The baseline is given the finished lines of days that
were posted before, and creates and posts them in another journal: what is above 1 is the price of
finding the transactions, adding them up, rounding, and noting the entry on each of them.
"""

import random
import resource
import statistics
import time
from datetime import date, datetime, timedelta

from common import Result, environment, interleave, make_calls, median_ratio, tidy

TITLE = "Posting usage / Odoo creating the same entries"
WALLETS, CALLS, DAYS = 200, 100_000, 30
FIRST = date(2026, 10, 1)
COPIED = ("account_id", "partner_id", "currency_id", "name", "amount_currency", "balance")


def run(bench):
    calls = 20_000 if bench.options.quick else CALLS
    platform = bench.make_platform("posting", WALLETS)
    with environment(platform.database) as env:
        from odoo.addons.call_wallet.tools.clock import recorded_at

        _load_books(env)
        rng = random.Random(7)
        for day in range(DAYS):
            moment = datetime.combine(FIRST + timedelta(days=day), datetime.min.time())
            made = make_calls(platform.accounts, calls // DAYS, f"posting-{day}", rng)
            with recorded_at(moment):
                # An entry is dated on the day of the call, not of its report.
                env["call.usage"].record_calls([{**call, "started_at": f"{moment.isoformat()}Z"} for call in made])
    tidy(platform.database)
    with environment(platform.database) as env:
        return [_compare(bench, env, calls)]


def _load_books(env):
    if not env.company.chart_template:
        env["account.chart.template"].try_loading("generic_coa", env.company, install_demo=False)
    env["account.journal"].create({"name": "Baseline", "code": "BASE", "type": "general"})
    # Apart from the wallets' own, which should agree with their ledgers at the end.
    env.company._call_wallet_deposit_account().copy({"name": "Baseline", "code": "BASE"})
    env.cr.commit()


def _compare(bench, env, calls):
    days = iter(range(DAYS))
    seconds, entries = [], []

    def post():
        day = FIRST + timedelta(days=next(days))
        start = time.perf_counter()
        move = env["call.wallet"].post_transactions(day, day)
        seconds.append(time.perf_counter() - start)
        entries[:] = _copy(move)
        env.cr.commit()
        return seconds[-1]

    def create():
        start = time.perf_counter()
        move = env["account.move"].create(entries)
        move._post(soft=False)
        env.cr.commit()
        return time.perf_counter() - start

    post()
    before = _peak_memory()
    ours, baseline = interleave(bench.rounds(8, 3), post, create)
    for _day in days:
        start = time.perf_counter()
        move = env["call.wallet"].post_transactions(FIRST + timedelta(days=_day), FIRST + timedelta(days=_day))
        seconds.append(time.perf_counter() - start)
        assert len(move) == 1
    left = env["call.wallet.transaction"].search_count([("move_id", "=", False), ("day", "<", FIRST + timedelta(DAYS))])
    return Result(
        7, f"Posting a day of {calls // DAYS:,} calls in {WALLETS} wallets",
        f"{statistics.median(ours):.2f} s", f"{statistics.median(baseline):.2f} s",
        median_ratio(ours, baseline), "<= 1.5",
        {
            f"{calls:,} transactions, {DAYS} entries": f"{sum(seconds):.1f} s, {calls / sum(seconds):,.0f}/s",
            "memory added since the first entry": f"{_peak_memory() - before:.0f} MB",
            "lines in the last entry": len(move.line_ids),
            "transactions left without an entry": left,
            "violations of the invariants after posting": len(env["call.wallet"].check_invariants()),
        },
    )  # fmt: skip


def _copy(move):
    """What Odoo needs to create the same entry again, finished and rounded."""
    journal = move.env["account.journal"].search([("code", "=", "BASE")], limit=1)
    account = move.env["account.account"].search([("code", "=", "BASE")], limit=1)
    deposits = move.company_id._call_wallet_deposit_account().id
    lines = [{name: value[0] if isinstance(value, tuple) else value for name, value in line.items()}
             for line in move.line_ids.read(COPIED)]  # fmt: skip
    for line in lines:
        if line["account_id"] == deposits:
            line["account_id"] = account.id
    lines = [(0, 0, {name: line[name] for name in COPIED}) for line in lines]
    return [{"move_type": "entry", "journal_id": journal.id, "date": move.date, "ref": "Baseline", "line_ids": lines}]


def _peak_memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
