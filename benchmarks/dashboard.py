"""(6) Opening a wallet with 1 million (10 million) transactions, against one with 10 thousand.

Each has a database of its own, as large as the wallet, so that neither a scan of the wallet nor
one of the tables goes unnoticed. Both spread over the same year: what differs is how full it is.
"""

import statistics
import time

from common import (
    Result,
    connect,
    environment,
    interleave,
    make_plan,
    median_ratio,
    milliseconds,
    percentile,
    tidy,
)
from lxml import etree

TITLE = "Opening a large wallet / one with 10,000 transactions"
COMPARED = "Opening a wallet, {size:,} transactions / 10,000"
SMALL = 10_000
LARGE = 1_000_000
OPENED = 20  # times a round
CHUNK = 500_000


def run(bench):
    sizes = [LARGE, 10_000_000] if bench.options.ten_million else [LARGE]
    if bench.options.quick:
        sizes[0] = 200_000
    databases = {size: wallet_of(bench, size) for size in sorted({SMALL, *sizes})}
    small, results = databases[SMALL], []
    for size in sizes:
        large = databases[size]
        for name, opening in OPENINGS.items():
            if _exists(small, name):
                results.append(_compare(bench, size, name, opening, small, large))
        results[-1].details[f"violations of the invariants at {size:,}"] = _violations(large)
    return results


def _exists(database, name):
    with environment(database) as env:
        if name == DASHBOARD:
            return hasattr(env["call.wallet"], "dashboard_data")
        return env["ir.ui.view"].search_count([("model", "=", "call.wallet"), ("type", "=", "form")])


def _compare(bench, size, name, opening, small, large):
    every = {small: [], large: []}

    def opened(database):
        def arm():
            seconds = []
            for _ in range(OPENED):
                with environment(database, "admin") as env:
                    wallet = env["call.wallet"].search([("account_ref", "=", "LARGE")])
                    env.invalidate_all()
                    start = time.perf_counter()
                    opening(wallet)
                    seconds.append(time.perf_counter() - start)
            every[database] += seconds
            return statistics.median(seconds)

        return arm

    ours, baseline = interleave(bench.rounds(15, 5), opened(large), opened(small))
    slowest = " / ".join(milliseconds(percentile(every[database], 0.99)) for database in (large, small))
    return Result(
        6, f"{COMPARED.format(size=size)}, {name}", milliseconds(statistics.median(ours)),
        milliseconds(statistics.median(baseline)), median_ratio(ours, baseline), "<= 1.3",
        {f"{name}, {size:,}, slowest 1%": slowest},
    )  # fmt: skip


def _violations(database):
    with environment(database) as env:
        return len(env["call.wallet"].check_invariants())


# === WHAT OPENING DOES === #


def _open_dashboard(wallet):
    wallet.dashboard_data()


def _open_form(wallet):
    """Read what the web client reads: every field of the form, the first page of each list."""
    [form] = wallet.get_views([(None, "form")])["views"].values()
    wallet.web_read(_specification(wallet, etree.fromstring(form["arch"])))


def _specification(model, arch):
    specification = {}
    for node in arch.iterfind(".//field"):
        if any(parent.tag == "field" for parent in node.iterancestors() if parent is not arch):
            continue
        field = model._fields.get(node.get("name"))
        if field is None:
            continue
        specification[field.name] = options = {}
        if field.relational:
            comodel = model.env[field.comodel_name]
            options["fields"] = {"display_name": {}}
            if field.type != "many2one":
                options["limit"] = 40
                options["fields"] = {
                    sub.get("name"): {}
                    for view in node.iterfind("./list")
                    for sub in view.iterfind("./field")
                    if sub.get("name") in comodel._fields
                } or {"id": {}}
    return specification


DASHBOARD = "dashboard_data()"
OPENINGS = {DASHBOARD: _open_dashboard, "the form's fields": _open_form}


# === FILL === #


def wallet_of(bench, size):
    """Return the name of a database whose one wallet has so many transactions; made when first asked for."""
    if size not in bench.wallets:
        bench.wallets[size] = _make(bench, size)
    return bench.wallets[size]


def _make(bench, size):
    database = bench.databases.clone(f"wallet_{size}", bench.pristine)
    with environment(database) as env:
        partner = env["res.partner"].create({"name": "Large Customer", "is_company": True})
        wallet = env["call.wallet"].create(
            {"partner_id": partner.id, "account_ref": "LARGE", "rate_plan_id": make_plan(env).id, "tz": "UTC"}
        )
        wallet.set_recipients(["billing@example.com"])
        campaigns = env["utm.campaign"].create([{"name": f"Campaign {n}"} for n in range(5)])
        env.cr.commit()
        env.cr.execute("SELECT COALESCE(max(id), 0) FROM call_usage")
        [before] = env.cr.fetchone()
        values = {"wallet": wallet.id, "size": size, "before": before, "campaign": campaigns.ids[0], "funds": size}
    connection = connect(database)
    for statement in FILL:
        # A part at a time, so that the checks of references do not queue up in memory.
        for first in range(1, size, CHUNK) if "%(first)s" in statement else [1]:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, values | {"first": first, "last": min(first + CHUNK, size) - 1})
    connection.close()
    tidy(database)
    return database


# The n-th of size - 1 calls lasts 1 + (n - 1) % 10 minutes at 0.02 and comes after the funds.
MINUTES = "(1 + (n - 1) %% 10)"
MINUTES_SO_FAR = "((n - 1) / 10 * 55 + (1 + (n - 1) %% 10) * (2 + (n - 1) %% 10) / 2)"
AT = "date_trunc('second', now() AT TIME ZONE 'UTC' - (%(size)s - n) * (interval '365 days' / %(size)s))"
FILL = [
    """
    INSERT INTO call_wallet_transaction
           (wallet_id, sequence, date, day, type, amount, balance_after, description, key, is_call)
    SELECT %(wallet)s, 1, at, at::date, 'balance_added', %(funds)s, %(funds)s, 'Funds', 'funds', false
      FROM (SELECT now() AT TIME ZONE 'UTC' - interval '366 days' AS at) start
    """,
    f"""
    INSERT INTO call_usage
           (id, wallet_id, call_ref, call_type, direction, number, started_at, duration_seconds,
            billed_seconds, billed_minutes, status, rate, total_cost, increment_seconds, campaign_id,
            application_ref, reported_at)
    SELECT %(before)s + n, %(wallet)s, 'call-' || n, CASE n %% 3 WHEN 0 THEN 'whatsapp' ELSE 'live' END, 'outbound',
           '+1415' || lpad((n %% 10000000)::text, 7, '0'), {AT}, 60 * {MINUTES} - 7, 60 * {MINUTES}, {MINUTES},
           'completed', 0.02, 0.02 * {MINUTES}, 60, %(campaign)s + n %% 5, 'app-' || n %% 50, {AT}
      FROM generate_series(%(first)s, %(last)s) n
    """,
    f"""
    INSERT INTO call_wallet_transaction
           (wallet_id, sequence, date, day, type, amount, balance_after, description, key, fingerprint,
            is_call, call_type, rate, billed_minutes, usage_id)
    SELECT %(wallet)s, n + 1, u.started_at, u.started_at::date, 'usage', -u.total_cost,
           %(funds)s - 0.02 * {MINUTES_SO_FAR}, 'Call ' || u.call_ref, 'call/' || u.call_ref, md5(u.call_ref),
           true, u.call_type, u.rate, u.billed_minutes, u.id
      FROM generate_series(%(first)s, %(last)s) n JOIN call_usage u ON u.id = %(before)s + n
    """,
    "SELECT setval('call_usage_id_seq', %(before)s + %(size)s)",
    """
    INSERT INTO call_wallet_day
           (wallet_id, day, type, call_type, campaign_id, transactions, billed_minutes, amount)
    SELECT t.wallet_id, t.day, t.type, t.call_type, u.campaign_id, count(*),
           COALESCE(sum(t.billed_minutes), 0), sum(t.amount)
      FROM call_wallet_transaction t LEFT JOIN call_usage u ON u.id = t.usage_id
     WHERE t.wallet_id = %(wallet)s
     GROUP BY t.wallet_id, t.day, t.type, t.call_type, u.campaign_id
    """,
    """
    UPDATE call_wallet_balance b
       SET balance = s.added - s.used, total_added = s.added, total_used = s.used, last_sequence = %(size)s,
           state = 'active', alert_level = 0
      FROM (SELECT sum(amount) FILTER (WHERE type = 'balance_added') AS added,
                   -sum(amount) FILTER (WHERE type = 'usage') AS used
              FROM call_wallet_day WHERE wallet_id = %(wallet)s) s
     WHERE b.wallet_id = %(wallet)s
    """,
]
