"""What the load tests work on: a database with wallets, clients of it, and a killer of servers."""

import itertools
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
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from .load_worker import Client

SEED = os.environ.get("CALL_WALLET_LOAD_SEED") or str(random.randrange(10**6))
WORKER = Path(__file__).with_name("load_worker.py")
# Prices a minute of the contract; WhatsApp calls cost the default.
PRICES = {"1": "0.01", "1415": "0.0125", "44": "0.0391"}
WHATSAPP = Decimal("0.02")
# What Odoo logs when it repeats a request, and PostgreSQL's reasons for it.
RETRY_SIGNS = ("tries left", "could not serialize", "SERIALIZATION_FAILURE", "deadlock detected")


class Site:
    """A database with wallets, and the keys of those who work with it."""

    server = None

    def __init__(self, registry):
        self.registry = registry
        with self.env() as env:
            env = env(context=dict(env.context, tracking_disable=True))
            plan = env["call.rate.plan"].create({"name": "Load", "currency_id": env.ref("base.USD").id})
            env["call.rate"].create(
                [{"plan_id": plan.id, "prefix": prefix, "price_per_minute": price} for prefix, price in PRICES.items()]
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

    @property
    def platform(self):
        """A client of the calling platform."""
        return Client([self.server.port], self.platform_key)

    @property
    def staff(self):
        """A client of finance staff."""
        return Client([self.server.port], self.staff_key)

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


# === REQUESTS === #


def expected_cost(call):
    """Return what the contract says, worked out here and not by the addon."""
    if call["status"] != "completed":
        return Decimal(0)
    minutes = -(-call["duration_seconds"] // 60)
    if call["call_type"] == "whatsapp":
        return WHATSAPP * minutes
    prefix = max((p for p in PRICES if call["number"][1:].startswith(p)), key=len)
    return Decimal(PRICES[prefix]) * minutes


def say(text):
    """Leave a line in the test's captured output: pytest shows it when the test fails."""
    print(text)  # noqa: T201 (a failure cannot be repeated without its seed)


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


@contextmanager
def no_retries(server):
    """Odoo does not repeat a request while the block runs."""
    start = server.log.stat().st_size
    yield
    log = server.log.read_bytes()[start:].decode(errors="replace")
    assert not [line for line in log.splitlines() if any(sign in line for sign in RETRY_SIGNS)]


# === THE STORM === #


class Storm:
    """Client processes of several roles around one wallet, and a killer of servers."""

    ROLES = ["charge"] * 8 + ["authorize", "authorize", "pause", "fund", "topup"]

    def __init__(self, site, servers, account, wallet_id, seconds):
        self.site, self.servers, self.seconds = site, servers, seconds
        self.rng = random.Random(f"{SEED} killer")
        self.kills = {"worker": 0, "server": 0}
        self.jobs = [
            {
                "role": role, "name": f"{role}{number}", "seed": SEED, "seconds": seconds,
                "account": account, "wallet_id": wallet_id, "shared": 200,
                "ports": [server.port for server in servers],
                "platform_key": site.platform_key, "staff_key": site.staff_key,
            }
            for number, role in enumerate(self.ROLES)
        ]  # fmt: skip

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
        for turn in itertools.count():
            server = self.rng.choice(self.servers)
            if turn % 3 == 1:
                self.kills["server"] += 1
                server.kill()
                server.start()
            else:
                self.kills["worker"] += 1
                for pid in server.worker_pids[-1:]:
                    kill(pid)
            if over.wait(self.rng.uniform(0.5, 2)) and turn:
                return


def kill(pid):
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
