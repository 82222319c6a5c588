"""Hundreds of calls at once, through real servers that are killed. Real commits, private databases.

The randomness is seeded; ``CALL_WALLET_LOAD_SEED`` repeats a run. What the clients were told is
compared with what is in the ledger afterwards.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from .load_worker import Client, make_call

pytestmark = pytest.mark.real_commits

SEED = os.environ.get("CALL_WALLET_LOAD_SEED") or str(random.randrange(10**6))
WORKER = Path(__file__).with_name("load_worker.py")
# Prices a minute of the contract; WhatsApp calls cost the default.
PRICES = {"1": "0.01", "1415": "0.0125", "44": "0.0391"}
WHATSAPP = Decimal("0.02")
# What Odoo logs when it repeats a request, and PostgreSQL's reasons for it.
RETRY_SIGNS = ("tries left", "could not serialize", "SERIALIZATION_FAILURE", "deadlock detected")


class Site:
    """A database with wallets, and the keys of those who work with it."""

    def __init__(self, registry):
        self.registry = registry
        with self.env() as env:
            env = env(context=dict(env.context, tracking_disable=True))
            plan = env["call.rate.plan"].create({"name": "Load", "currency_id": env.ref("base.USD").id})
            env["call.rate"].create(
                [
                    {"plan_id": plan.id, "prefix": prefix, "price_per_minute": price}
                    for prefix, price in PRICES.items()
                ]
            )
            self.plan_id = plan.id
            self.platform_key = make_key(env, "load.platform", ["call_wallet.group_platform"])
            self.staff_key = make_key(env, "load.staff", ["call_wallet.group_finance"])

    @contextmanager
    def env(self):
        """A superuser's environment; committed at the end."""
        import odoo

        with self.registry.cursor() as cr:
            yield odoo.api.Environment(cr, odoo.SUPERUSER_ID, {})

    def make_wallets(self, *accounts, funds="1000"):
        """Make set-up wallets with so much in each; return their ids."""
        with self.env() as env:
            ids = []
            for account in accounts:
                partner = env["res.partner"].create({"name": account, "is_company": True})
                wallet = env["call.wallet"].create(
                    {"partner_id": partner.id, "account_ref": account, "rate_plan_id": self.plan_id}
                )
                wallet.set_recipients([f"{account.lower()}@example.com"])
                wallet.refund(funds, "Opening credit")
                ids.append(wallet.id)
            return ids

    def platform(self, *servers):
        return Client([server.port for server in servers], self.platform_key)

    def staff(self, *servers):
        return Client([server.port for server in servers], self.staff_key)

    def select(self, query, *values):
        with self.registry.cursor() as cr:
            cr.execute(query, values)
            return cr.fetchall()

    def charges(self, account):
        """Return {call reference: [(cost, transaction, balance after)]} of a wallet."""
        charges = defaultdict(list)
        for key, *charge in self.select(
            "SELECT substr(t.key, 6), (-t.amount)::text, t.id, t.balance_after::text"
            "  FROM call_wallet_transaction t JOIN call_wallet w ON w.id = t.wallet_id"
            " WHERE w.account_ref = %s AND t.type = 'usage'",
            account,
        ):
            charges[key].append(tuple(charge))
        return charges

    def assert_sound(self):
        with self.env() as env:
            assert env["call.wallet"].check_invariants() == []


def make_key(env, login, groups):
    user = env["res.users"].create(
        {
            "name": login,
            "login": login,
            "group_ids": [(6, 0, [env.ref(group).id for group in ["base.group_user", *groups]])],
        }
    )
    keys = env["res.users.apikeys"].with_user(user).sudo()
    return keys._generate("rpc", "load test", datetime.now() + timedelta(days=1))


@pytest.fixture
def site(private_registry):
    print(f"seed {SEED}")
    return Site(private_registry)


def expected_cost(call):
    """Return what the contract says, worked out here and not by the addon."""
    if call["status"] != "completed":
        return Decimal(0)
    minutes = -(-call["duration_seconds"] // 60)
    if call["call_type"] == "whatsapp":
        return WHATSAPP * minutes
    prefix = max((p for p in PRICES if call["number"][1:].startswith(p)), key=len)
    return Decimal(PRICES[prefix]) * minutes


def at_once(work, items, threads=16):
    """Do ``work`` for all items, so many at a time; return the results in order."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))


def record(client, calls):
    status, answer = client.call("call.usage", "record_calls", calls=calls)
    assert status == 200, answer
    return answer


def authorize(client, account, ref, **options):
    status, answer = client.call(
        "call.wallet", "authorize_call", account=account, call_ref=ref, call_type="live",
        number="+14155550100", **options,
    )  # fmt: skip
    assert status == 200, answer
    return answer


def assert_no_retries(server):
    log = server.log.read_text(errors="replace")
    assert not [line for line in log.splitlines() if any(sign in line for sign in RETRY_SIGNS)]


# === THE STORM === #


class Storm:
    """Client processes of several roles around one wallet, and a killer of servers."""

    ROLES = ["charge"] * 8 + ["authorize", "authorize", "pause", "fund"]

    def __init__(self, site, servers, account, wallet_id, seconds):
        self.site, self.servers, self.seconds = site, servers, seconds
        self.rng = random.Random(f"{SEED} killer")
        self.kills = {"worker": 0, "server": 0}
        roles = self.ROLES + (["topup"] if self._has_topups() else [])
        self.jobs = [
            {
                "role": role, "name": f"{role}{number}", "seed": SEED, "seconds": seconds,
                "account": account, "wallet_id": wallet_id, "shared": 200,
                "ports": [server.port for server in servers],
                "platform_key": site.platform_key, "staff_key": site.staff_key,
            }
            for number, role in enumerate(roles)
        ]  # fmt: skip

    def _has_topups(self):
        return "invoice_id" in self.site.registry["call.wallet.topup"]._fields

    def blow(self):
        """Return what each client was told."""
        over = threading.Event()
        killer = threading.Thread(target=self._kill_until, args=[over])
        clients = [self._start(job) for job in self.jobs]
        killer.start()
        time.sleep(self.seconds)
        over.set()
        killer.join()
        told = []
        for client in clients:
            output, errors = client.communicate(timeout=90)
            assert client.returncode == 0, errors.decode()
            told.append(json.loads(output))
        return told

    def _start(self, job):
        client = subprocess.Popen(
            [sys.executable, "-I", WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )  # fmt: skip
        client.stdin.write(json.dumps(job).encode())
        client.stdin.close()
        client.stdin = None
        return client

    def _kill_until(self, over):
        while not over.wait(self.rng.uniform(0.5, 2)):
            server = self.rng.choice(self.servers)
            if self.rng.random() < 0.3:
                self.kills["server"] += 1
                server.kill()
                server.start()
            elif server.worker_pids:
                self.kills["worker"] += 1
                kill(self.rng.choice(server.worker_pids))


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it had ended by itself


def test_nothing_acknowledged_is_lost_or_doubled_while_servers_are_killed(site, start_odoo):
    [wallet_id] = site.make_wallets("STORM")
    storm = Storm(site, [start_odoo(), start_odoo()], "STORM", wallet_id, seconds=25)

    told = storm.blow()

    acknowledged = [answer for part in told for answer in part["acknowledged"]]
    charges = site.charges("STORM")
    broken = sum(part["broken"] for part in told)
    print(f"{len(acknowledged)} acknowledged, {len(charges)} charges, {broken} broken, {storm.kills}")
    assert [error for part in told for error in part["errors"]] == []
    site.assert_sound()
    assert storm.kills["worker"] and storm.kills["server"] and broken, "nothing was put to the test"
    assert len(charges) > 200, "nothing was put to the test"
    assert_acknowledged_once(acknowledged, charges)
    assert_costs(charges)
    assert_credits(site, wallet_id, told)


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
            "SELECT substr(key, 8), amount::text FROM call_wallet_transaction"
            " WHERE wallet_id = %s AND type = 'refund'",
            wallet_id,
        )
    )
    acknowledged = [credit for part in told for credit in part["credits"]]
    assert acknowledged
    for key, amount, _transaction in acknowledged:
        assert Decimal(credits[key]) == Decimal(amount), key


# === MANY WALLETS, ONE WALLET === #


def test_requests_over_many_wallets_in_any_order_never_deadlock(site, odoo_server):
    accounts = [f"MANY{n}" for n in range(40)]
    ids = site.make_wallets(*accounts)
    rng = random.Random(f"{SEED} many")
    client, staff = site.platform(odoo_server), site.staff(odoo_server)
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    before = site.select(deadlocks)
    requests = [
        [
            make_call(account, f"many-{number}-{n}")
            for n, account in enumerate(rng.choices(accounts, k=60))
        ]
        for number in range(150)
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


def test_sixteen_clients_on_one_wallet_get_right_answers_without_a_retry(site, odoo_server):
    site.make_wallets("HOT")
    client = site.platform(odoo_server)
    requests = [[make_call("HOT", f"hot-{n}-{i}") for i in range(n % 4 + 1)] for n in range(240)]

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
    assert_no_retries(odoo_server)
    site.assert_sound()


# === HOLDS === #


def test_holds_granted_at_once_never_exceed_the_balance(site, odoo_server):
    # 25 calls of ten minutes at 0.0125, one of two minutes, and a cent that buys none.
    [wallet_id] = site.make_wallets("HELD", funds="3.16")
    client = site.platform(odoo_server)

    answers = at_once(
        lambda n: authorize(client, "HELD", f"held-{n}", expected_seconds=600), range(80), threads=24
    )

    allowed = [answer for answer in answers if answer["allowed"]]
    assert len(allowed) == 26
    assert {answer["code"] for answer in answers} == {"ok", "no_funds"}
    assert all(Decimal(answer["available"]) >= 0 for answer in answers)
    [[held]] = site.select(
        "SELECT sum(amount)::text FROM call_wallet_hold WHERE wallet_id = %s AND state = 'held'", wallet_id
    )
    assert Decimal(held) == Decimal("3.15")
    assert_no_retries(odoo_server)
    site.assert_sound()


def test_pausing_a_busy_wallet_stops_new_calls_at_once_and_running_ones_settle(site, odoo_server):
    [wallet_id] = site.make_wallets("BUSY")
    client, staff = site.platform(odoo_server), site.staff(odoo_server)
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

    with ThreadPoolExecutor(9) as pool:
        running = [pool.submit(place_calls, number) for number in range(8)]
        pool.submit(pause).result()
        calls = [call for future in running for call in future.result()]

    before = [call for call in calls if call[0] < paused_at[0]]
    after = [call for call in calls if call[0] > paused_at[0]]
    assert any(allowed for _at, allowed, _end in before)
    assert after and not any(allowed for _at, allowed, _end in after)
    assert {end for _at, allowed, end in calls if allowed} == {"charged"}
    assert_no_retries(odoo_server)
    site.assert_sound()


# === PRICES === #


def test_a_changed_price_is_seen_by_every_worker_at_once(site, start_odoo):
    server = start_odoo(workers=3)
    site.make_wallets("PRICE")
    client, staff = site.platform(server), site.staff(server)
    [[rate_id]] = site.select(
        "SELECT id FROM call_rate WHERE plan_id = %s AND prefix = '1415'", site.plan_id
    )
    for price in ("0.012500", "0.5", "0.25", "0.125"):
        if price != "0.012500":
            changed = staff.call(
                "call.rate", "write", ids=[rate_id], vals={"price_per_minute": float(price)}
            )
            assert changed == (200, True)

        answers = at_once(lambda n, p=price: authorize(client, "PRICE", f"price-{p}-{n}"), range(48))

        assert {Decimal(answer["rate"]) for answer in answers} == {Decimal(price)}
        assert all(worker_has_worked(pid) for pid in server.worker_pids)


def worker_has_worked(pid):
    """Tell whether a server process has used the processor for more than its start takes."""
    import psutil

    times = psutil.Process(pid).cpu_times()
    return times.user + times.system > 0.05


# === ANSWERS THAT NEVER CAME === #


def test_a_worker_killed_in_the_middle_of_a_charge_leaves_all_or_nothing(site, odoo_server):
    [wallet_id] = site.make_wallets("KILLED")
    client = site.platform(odoo_server)
    calls = [make_call("KILLED", f"killed-{n}") for n in range(20)]
    assert authorize(client, "KILLED", "killed-0")["allowed"]

    with site.registry.cursor() as cr, ThreadPoolExecutor(1) as pool:
        # The request waits for this lock: it is in the middle when its worker dies.
        cr.execute("SELECT FROM call_wallet_balance WHERE wallet_id = %s FOR UPDATE", [wallet_id])
        waiting = pool.submit(client.once, "call.usage", "record_calls", calls=calls)
        wait_for_lock(site)
        for pid in odoo_server.worker_pids:
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


def test_an_answer_lost_on_the_way_is_given_again(site, odoo_server):
    import socket

    site.make_wallets("LOST")
    client = site.platform(odoo_server)
    call = make_call("LOST", "lost-1") | {"status": "completed", "duration_seconds": 61}
    body = json.dumps({"calls": [call]})
    with socket.create_connection(("127.0.0.1", odoo_server.port)) as connection:
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
    assert site.charges("LOST")["lost-1"] == [
        (answer["total_cost"], answer["transaction"], answer["balance_after"])
    ]
    site.assert_sound()
