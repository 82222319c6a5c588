"""Hundreds of calls at once, through real servers that are killed. Real commits, private databases.

The randomness is seeded; ``CALL_WALLET_LOAD_SEED`` repeats a run. What the clients were told is
compared with what is in the ledger afterwards.
"""

import json
import os
import random
import socket
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from .conftest import OdooServer
from .load_site import SEED, Site, Storm, at_once, authorize, expected_cost, kill, no_retries, record, say
from .load_worker import make_call

pytestmark = pytest.mark.real_commits


@pytest.fixture
def own_site(private_registry):
    """A site whose servers a test may kill."""
    say(f"seed {SEED}")
    return Site(private_registry)


@pytest.fixture(scope="module")
def shared_site(databases, addon_template):
    """A site with a running server, ``site.server``: to start one takes longer than most tests."""
    import odoo.sql_db
    from odoo.modules.registry import Registry

    prefix = os.environ.get("CALL_WALLET_TEST_DATABASE", "cw_private")
    name = databases.clone(addon_template, f"{prefix}_load_{os.getpid()}")
    # Loading a registry with this flag on would run all tests of the addon.
    odoo.tools.config["test_enable"] = False
    site, server = None, OdooServer(name, workers=3)
    try:
        site = Site(Registry(name))
        site.server = server.start()
        yield site
    finally:
        odoo.tools.config["test_enable"] = True
        server.kill()
        Registry.delete(name)
        odoo.sql_db.close_db(name)
        databases.drop(name)


@pytest.fixture
def site(shared_site):
    """The shared site; each test makes wallets of its own there."""
    say(f"seed {SEED}")
    return shared_site


# === THE STORM === #


def test_nothing_acknowledged_is_lost_or_doubled_while_servers_are_killed(own_site, start_odoo):
    site = own_site
    [wallet_id] = site.make_wallets("STORM")
    storm = Storm(site, [start_odoo(), start_odoo()], "STORM", wallet_id, seconds=25)

    told = storm.blow()
    for server in storm.servers:
        server.kill()

    acknowledged = [answer for part in told for answer in part["acknowledged"]]
    charges = site.charges("STORM")
    broken = sum(part["broken"] for part in told)
    say(f"{len(acknowledged)} acknowledged, {len(charges)} charges, {broken} broken, {storm.kills}")
    assert [error for part in told for error in part["errors"]] == []
    site.assert_sound()
    assert broken and len(charges) > 50, "nothing was put to the test"
    assert_acknowledged_once(acknowledged, charges)
    assert_costs(charges)
    assert_credits(site, wallet_id, told)
    assert_topups(site, wallet_id, told)


def assert_acknowledged_once(acknowledged, charges):
    """Each call that was acknowledged is there once, as every one who asked was told."""
    first_answers = defaultdict(int)
    for answer in acknowledged:
        told = (answer["total_cost"], answer["transaction"], answer["balance_after"])
        assert charges[answer["call_ref"]] == [told], answer
        first_answers[answer["call_ref"]] += answer["result"] == "charged"
    assert max(first_answers.values()) == 1


def assert_costs(charges):
    for ref, entries in charges.items():
        assert len(entries) == 1, ref
        assert Decimal(entries[0][0]) == expected_cost(make_call("STORM", ref)), ref


def assert_credits(site, wallet_id, told):
    """Each refund that was acknowledged is there once with its amount."""
    credits = dict(
        site.select(
            "SELECT substr(key, 8), amount::text FROM call_wallet_transaction WHERE wallet_id = %s AND type = 'refund'",
            wallet_id,
        )
    )
    acknowledged = [credit for part in told for credit in part["credits"]]
    assert acknowledged
    for key, amount, _transaction in acknowledged:
        assert Decimal(credits[key]) == Decimal(amount), key


def assert_topups(site, wallet_id, told):
    """Each payment that was acknowledged is credited; one whose answer was lost at most once."""
    credited = (
        "SELECT invoice_id FROM call_wallet_topup t JOIN call_wallet_transaction x ON x.topup_id = t.id"
        " WHERE t.wallet_id = %s AND x.type = 'balance_added' AND x.amount = 25"
    )
    at_once = [row[0] for row in site.select(credited, wallet_id)]
    acknowledged = {invoice_id for part in told for invoice_id in part["topups"]}
    assert acknowledged and acknowledged <= set(at_once)
    with site.env() as env:
        # What a server was killed over after the payment's commit is found by the sweep.
        env["call.wallet.topup"]._cron_sync()
    paid = site.select(
        "SELECT m.id FROM account_move m JOIN call_wallet_topup t ON t.invoice_id = m.id"
        " WHERE t.wallet_id = %s AND m.payment_state IN ('paid', 'in_payment') ORDER BY 1",
        wallet_id,
    )
    assert sorted(site.select(credited, wallet_id)) == paid
    site.assert_sound()


# === MANY WALLETS, ONE WALLET === #


def test_requests_over_many_wallets_in_any_order_never_deadlock(site):
    accounts = [f"MANY{n}" for n in range(40)]
    ids = site.make_wallets(*accounts)
    rng = random.Random(f"{SEED} many")
    client, staff = site.platform, site.staff
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    before = site.select(deadlocks)
    requests = [
        [make_call(account, f"many-{number}-{n}") for n, account in enumerate(rng.choices(accounts, k=50))]
        for number in range(60)
    ]

    def work(calls):
        if rng.random() < 0.1:
            some = rng.sample(ids, 15)
            assert staff.call("call.wallet", "action_pause", ids=some, reason="Load test") == (200, True)
            assert staff.call("call.wallet", "action_resume", ids=some) == (200, True)
        return record(client, calls)

    answers = at_once(work, requests)

    assert {answer["result"] for part in answers for answer in part} == {"charged"}
    time.sleep(1.5)  # PostgreSQL's sessions report their counts once a second
    assert site.select(deadlocks) == before
    site.assert_sound()


def test_sixteen_clients_on_one_wallet_get_right_answers_without_a_retry(site):
    site.make_wallets("HOT")
    client = site.platform
    requests = [[make_call("HOT", f"hot-{n}-{i}") for i in range(n % 4 + 1)] for n in range(240)]

    with no_retries(site.server):
        answers = at_once(lambda calls: record(client, calls), requests)

    balances = {Decimal(1000)}
    for calls, results in zip(requests, answers, strict=True):
        for call, result in zip(calls, results, strict=True):
            assert result["result"] == "charged"
            assert Decimal(result["total_cost"]) == expected_cost(call)
            balances.add(Decimal(result["balance_after"]))
    total = sum(expected_cost(call) for calls in requests for call in calls)
    assert min(balances) == Decimal(1000) - total
    assert client.broken == 0
    site.assert_sound()


# === HOLDS === #


def test_holds_granted_at_once_never_exceed_the_balance(site):
    # 25 calls of ten minutes at 0.0125, one of two minutes, and a cent that buys none.
    [wallet_id] = site.make_wallets("HELD", funds="3.16")
    client = site.platform

    with no_retries(site.server):
        answers = at_once(lambda n: authorize(client, "HELD", f"held-{n}", expected_seconds=600), range(80), threads=24)

    allowed = [answer for answer in answers if answer["allowed"]]
    assert len(allowed) == 26
    assert {answer["code"] for answer in answers} == {"ok", "no_funds"}
    assert all(Decimal(answer["available"]) >= 0 for answer in answers)
    [[held]] = site.select(
        "SELECT sum(amount)::text FROM call_wallet_hold WHERE wallet_id = %s AND state = 'held'", wallet_id
    )
    assert Decimal(held) == Decimal("3.15")
    site.assert_sound()


def test_pausing_a_busy_wallet_stops_new_calls_at_once_and_running_ones_settle(site):
    [wallet_id] = site.make_wallets("BUSY")
    client, staff = site.platform, site.staff
    paused_at, over = [], threading.Event()

    def place_calls(number):
        """Start calls and end them; return [(asked at, allowed, how its end was answered)]."""
        calls = []
        for n in range(1000):
            if over.is_set():
                break
            ref = f"busy-{number}-{n}"
            asked_at = time.monotonic()
            allowed = authorize(client, "BUSY", ref)["allowed"]
            end = record(client, [make_call("BUSY", ref)])[0]["result"] if allowed else None
            calls.append((asked_at, allowed, end))
        return calls

    def pause():
        time.sleep(2)
        status, _answer = staff.call("call.wallet", "action_pause", ids=[wallet_id], reason="Load test")
        assert status == 200
        paused_at.append(time.monotonic())
        time.sleep(2)
        over.set()

    with no_retries(site.server), ThreadPoolExecutor(9) as pool:
        running = [pool.submit(place_calls, number) for number in range(8)]
        pool.submit(pause).result()
        calls = [call for future in running for call in future.result()]

    before = [call for call in calls if call[0] < paused_at[0]]
    after = [call for call in calls if call[0] > paused_at[0]]
    assert any(allowed for _at, allowed, _end in before)
    assert after and not any(allowed for _at, allowed, _end in after)
    assert {end for _at, allowed, end in calls if allowed} == {"charged"}
    site.assert_sound()


# === PRICES === #


def test_a_changed_price_is_seen_by_every_worker_at_once(site):
    site.make_wallets("PRICE")
    client, staff = site.platform, site.staff
    [[rate_id]] = site.select("SELECT id FROM call_rate WHERE plan_id = %s AND prefix = '1415'", site.plan_id)
    for price in ("0.012500", "0.5", "0.25", "0.125"):
        if price != "0.012500":
            changed = staff.call("call.rate", "write", ids=[rate_id], vals={"price_per_minute": float(price)})
            assert changed == (200, True)

        answers = at_once(lambda n, p=price: authorize(client, "PRICE", f"price-{p}-{n}"), range(48))

        assert {Decimal(answer["rate"]) for answer in answers} == {Decimal(price)}
        assert all(worker_has_worked(pid) for pid in site.server.worker_pids)


def worker_has_worked(pid):
    """Tell whether a server process has used the processor for more than its start takes."""
    import psutil

    times = psutil.Process(pid).cpu_times()
    return times.user + times.system > 0.05


# === ANSWERS THAT NEVER CAME === #


def test_a_worker_killed_in_the_middle_of_a_charge_leaves_all_or_nothing(site):
    [wallet_id] = site.make_wallets("KILLED")
    client = site.platform
    calls = [make_call("KILLED", f"killed-{n}") for n in range(20)]
    assert authorize(client, "KILLED", "killed-0")["allowed"]

    with site.registry.cursor() as cr, ThreadPoolExecutor(1) as pool:
        # The request waits for this lock: it is in the middle when its worker dies.
        cr.execute("SELECT FROM call_wallet_balance WHERE wallet_id = %s FOR UPDATE", [wallet_id])
        waiting = pool.submit(client.once, "call.usage", "record_calls", calls=calls)
        wait_for_lock(site)
        for pid in site.server.worker_pids:
            kill(pid)
        assert waiting.result() is None
        cr.rollback()

    answers = record(client, calls)

    assert {answer["result"] for answer in answers} <= {"charged", "duplicate"}
    assert len({answer["result"] for answer in answers}) == 1
    assert sum(map(len, site.charges("KILLED").values())) == 20
    states = site.select("SELECT state FROM call_wallet_hold WHERE wallet_id = %s", wallet_id)
    assert states == [("settled",)]
    site.assert_sound()


def wait_for_lock(site):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        [[count]] = site.select(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        if count:
            return
        time.sleep(0.05)
    raise AssertionError("no request waits for the lock")


def test_an_answer_lost_on_the_way_is_given_again(site):
    site.make_wallets("LOST")
    client = site.platform
    call = make_call("LOST", "lost-1") | {"status": "completed", "duration_seconds": 61}
    body = json.dumps({"calls": [call]})
    with socket.create_connection(("127.0.0.1", site.server.port)) as connection:
        lines = [
            "POST /json/2/call.usage/record_calls HTTP/1.1", "Host: localhost",
            f"Content-Length: {len(body)}", *(f"{name}: {value}" for name, value in client.headers.items()),
        ]  # fmt: skip
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        deadline = time.monotonic() + 20
        while not site.charges("LOST") and time.monotonic() < deadline:
            time.sleep(0.05)

    [answer] = record(client, [call])

    assert answer["result"] == "duplicate"
    assert site.charges("LOST")["lost-1"] == [(answer["total_cost"], answer["transaction"], answer["balance_after"])]
    site.assert_sound()
