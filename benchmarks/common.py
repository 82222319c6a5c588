"""What the benchmarks share: databases, a running Odoo server, clients, and fair comparison."""

import contextlib
import http.client
import json
import os
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import psycopg2

REPO = Path(__file__).resolve().parents[1]
BUILD = Path(os.environ.get("CALL_WALLET_BUILD", REPO / "build"))
# The version before this one, as it was released.
LANDED = REPO / "tests/upgrade/call_wallet-19.0.4.0.0.tar.xz"
START_TIMEOUT = 60
# Far more than any benchmark spends: none may run into a paused wallet.
FUNDS = 1_000_000
PREFIXES = ("1", "1212", "1415", "44", "447", "49", "4915", "33", "336", "34", "346", "39", "52", "5255", "91")


class Result(NamedTuple):
    """One line of the table: ours against a baseline of the same minute.

    ``ratio`` is ours / baseline; ``aim`` says which values are wanted ('>= 0.3', or empty for
    a comparison that is for scale only). ``details`` go to the JSON file and below the table.
    """

    number: int
    title: str
    ours: str
    baseline: str
    ratio: float
    aim: str
    details: dict

    @property
    def is_met(self):
        if not self.aim:
            return None
        sign, limit = self.aim.split()
        return self.ratio >= float(limit) if sign == ">=" else self.ratio <= float(limit)


# === FAIR COMPARISON === #


def interleave(rounds, ours, baseline):
    """Run both in turns and return their values as two lists.

    Each round changes who begins, so that neither gains from a machine that grows busier,
    warmer or fuller; the first round warms up and does not count.
    """
    samples = {ours: [], baseline: []}
    for turn in range(rounds + 1):
        for arm in (ours, baseline) if turn % 2 else (baseline, ours):
            value = arm()
            if turn:
                samples[arm].append(value)
    return samples[ours], samples[baseline]


def median_ratio(ours, baseline):
    """Return the median of the rounds' ratios: each compares two neighbours in time."""
    return statistics.median(a / b for a, b in zip(ours, baseline, strict=True))


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def milliseconds(seconds):
    return f"{seconds * 1000:.1f} ms"


def per_second(rate):
    return f"{rate:,.0f}/s"


# === DATABASES === #


PLATFORM_LOGIN = "benchmark_platform"


class Databases:
    """The private PostgreSQL server's databases; what was made here is dropped at the end."""

    def __init__(self):
        sys.path.insert(0, str(REPO / "scripts"))
        try:
            from bootstrap.setting import Setting
        finally:
            sys.path.remove(str(REPO / "scripts"))
        self._databases = Setting().databases
        self._prefix = f"cw_bench_{os.getpid()}"
        self._made = []

    def clone(self, name, origin=None):
        """Make a database out of another one that nobody uses."""
        name = f"{self._prefix}_{name}"
        self._made.append(name)
        self._databases.clone(origin or self._databases.base_template(), name)
        return name

    def installed(self, *modules, name=None, config=None):
        """Return the name of a new database with these modules, without their demo data."""
        name = self.clone(name or "_".join(modules))
        # A module gets demo data wherever those it depends on have theirs.
        self._databases.server.sql("UPDATE ir_module_module SET demo = false", name)
        run_odoo("-d", name, "-i", ",".join(modules), "--stop-after-init", "--no-http", config=config)
        return name

    def landed(self, wallets):
        """Make a platform with the version before this one; return it, and the configuration that leads to its code."""
        config = BUILD / "landed.conf"
        addons = self._databases.addons_path_with(LANDED)
        text = Path(os.environ["CALL_WALLET_CONFIG"]).read_text()
        config.write_text(re.sub(r"^addons_path = .*$", f"addons_path = {addons}", text, flags=re.M))
        database = self.installed("call_wallet", name="landed", config=config)
        # In a process of its own: this one has today's code.
        command = [sys.executable, __file__, database, str(wallets)]
        made = subprocess.run(
            command, env={**os.environ, "CALL_WALLET_CONFIG": str(config)}, capture_output=True, text=True
        )
        if made.returncode:
            raise SystemExit(f"{database} was not filled:\n{made.stderr[-4000:]}")
        return Platform(*json.loads(made.stdout)), config

    def drop_all(self):
        import odoo.sql_db

        for name in reversed(self._made):
            odoo.sql_db.close_db(name)
            self._databases.drop(name)


def odoo_command(*arguments, config=None):
    return [
        os.environ["CALL_WALLET_PYTHON"],
        os.environ["CALL_WALLET_ODOO_BIN"],
        "-c",
        str(config or os.environ["CALL_WALLET_CONFIG"]),
        *arguments,
    ]


def run_odoo(*arguments, config=None):
    result = subprocess.run(odoo_command(*arguments, config=config), capture_output=True, text=True)
    if result.returncode:
        raise SystemExit(f"Odoo ended with {result.returncode}:\n{result.stderr[-4000:]}")


def connect(database):
    """Return a plain connection, with the isolation PostgreSQL gives by default."""
    return psycopg2.connect(dbname=database)


def tidy(database):
    """Leave no statistics to be gathered or dead rows to be cleared while something is measured."""
    with contextlib.closing(connect(database)) as connection:
        connection.autocommit = True
        connection.cursor().execute("VACUUM ANALYZE")


@contextlib.contextmanager
def environment(database, login=None):
    """Give an Odoo environment in this process, with a real cursor; the superuser's by default."""
    import odoo
    from odoo import SUPERUSER_ID, api
    from odoo.modules.registry import Registry

    if not odoo.tools.config.get("addons_path") or not _configured:
        odoo.tools.config.parse_config(["-c", os.environ["CALL_WALLET_CONFIG"], "--log-level=warn"])
        _configured.append(True)
    with Registry(database).cursor() as cr:
        env = api.Environment(cr, SUPERUSER_ID, {})
        if login:
            env = env(user=env["res.users"].search([("login", "=", login)], limit=1).id)
        yield env


_configured = []


# === A PLATFORM WITH WALLETS === #


class Platform(NamedTuple):
    """A database with set-up, funded wallets, the key of the calling platform, and one of an ordinary employee."""

    database: str
    accounts: list
    key: str
    ordinary_key: str


def make_platform(database, wallets):
    """Fill a database: a rate plan, wallets ``B0``, ``B1``, ... with funds, an API user."""
    with environment(database) as env:
        env = env(context=dict(env.context, tracking_disable=True, mail_create_nosubscribe=True))
        plan = make_plan(env)
        partners = env["res.partner"].create([{"name": f"Customer {n}", "is_company": True} for n in range(wallets)])
        made = env["call.wallet"].create(
            [
                {"partner_id": partner.id, "account_ref": f"B{n}", "rate_plan_id": plan.id, "tz": "UTC"}
                for n, partner in enumerate(partners)
            ]
        )
        env["call.wallet.recipient"].create(
            [{"wallet_id": wallet.id, "email": f"billing{wallet.id}@example.com"} for wallet in made]
        )
        env.cr.commit()
        for wallet in made:
            wallet.refund(FUNDS, "Funds of the benchmark")
        key = make_key(env, PLATFORM_LOGIN, "base.group_user", "call_wallet.group_platform")
        ordinary_key = make_key(env, "benchmark_employee", "base.group_user")
        env.cr.commit()
    tidy(database)
    return Platform(database, [f"B{n}" for n in range(wallets)], key, ordinary_key)


def make_plan(env):
    return env["call.rate.plan"].create(
        {
            "name": "Benchmark",
            "currency_id": env.ref("base.USD").id,
            "rate_ids": [
                (0, 0, {"prefix": prefix, "price_per_minute": Decimal(100 + 13 * n) / 10_000})
                for n, prefix in enumerate(PREFIXES)
            ],
        }
    )


def make_key(env, login, *groups):
    """Return the API key of a new user with these groups."""
    user = env["res.users"].create(
        {"name": login, "login": login, "group_ids": [(6, 0, [env.ref(group).id for group in groups])]}
    )
    return (
        env["res.users.apikeys"]
        .with_user(user)
        .sudo()
        ._generate("rpc", "benchmark", datetime.now() + timedelta(days=1))
    )


def make_calls(accounts, count, prefix, rng):
    """Return calls as the platform reports them, one to each of ``count`` accounts at random."""
    started_at = (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="seconds")
    pick = rng.sample if count <= len(accounts) else rng.choices
    return [
        {
            "account": account,
            "call_ref": f"{prefix}-{n}",
            "call_type": rng.choice(("live", "live", "whatsapp")),
            "number": "+" + rng.choice(PREFIXES) + f"{rng.randrange(10**7):07}",
            "started_at": started_at,
            "duration_seconds": rng.randrange(1, 1200),
            "status": "completed",
            "application_ref": f"app-{rng.randrange(50)}",
        }
        for n, account in enumerate(pick(accounts, k=count))
    ]


# === HTTP === #


class Server:
    """A real Odoo server of several processes.

    Without ``--db-filter``, with which Odoo lists all databases for each request that names none.

    :param options: instead of those
    """

    def __init__(self, database, workers=2, options=(), config=None):
        self.database = database
        self.port = free_port()
        self.log = BUILD / "logs" / f"bench-{database}.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        command = odoo_command(
            "-d", database, *options, f"--workers={workers}", "--max-cron-threads=0",
            "--http-interface=127.0.0.1", f"--http-port={self.port}", f"--gevent-port={free_port()}",
            # Workers that are replaced in the middle would be measured too.
            "--limit-request=1000000", "--limit-time-cpu=36000", config=config,
        )  # fmt: skip
        with open(self.log, "wb") as output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )

    def __enter__(self):
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
                connection.request("GET", "/web/login")
                if connection.getresponse().status == 200:
                    return self
            time.sleep(0.2)
        self.__exit__()
        raise SystemExit("Odoo did not start:\n" + self.log.read_text(errors="replace")[-4000:])

    def __exit__(self, *_details):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def cpu_seconds(self):
        """Return the processor time spent so far by the server's processes and by its sessions in PostgreSQL."""
        with contextlib.closing(connect(self.database)) as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            sessions = [pid for (pid,) in cursor.fetchall()]
        workers = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return sum(map(cpu_seconds_of, [self.process.pid, *workers, *sessions]))

    def retries(self):
        """Return how often Odoo had to repeat a request after a serialization failure."""
        return self.log.read_text(errors="replace").count("tries left")


def cpu_seconds_of(pid):
    """Return the processor time that a process has spent so far; 0 if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Client:
    """A JSON-2 client, such as the calling platform's.

    :param str database: named in each request, as a client should; None: Odoo has to find it
    """

    def __init__(self, port, key, database=None):
        self.port = port
        self.headers = {
            "Authorization": f"bearer {key}",
            "Content-Type": "application/json",
            "Connection": "close",
        }
        if database:
            self.headers["X-Odoo-Database"] = database

    def post(self, model, method, **arguments):
        """Call a method; return (status, answer, seconds)."""
        body = json.dumps(arguments)
        start = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("POST", f"/json/2/{model}/{method}", body, self.headers)
        response = connection.getresponse()
        content = response.read()
        seconds = time.perf_counter() - start
        connection.close()
        return response.status, json.loads(content), seconds


def crowd(clients, seconds, work):
    """Let ``clients`` threads call ``work(thread number)`` again and again for so long.

    :return: what ``work`` returned, in no order, and how long it really took
    """
    start = time.perf_counter()

    def loop(number):
        done = []
        while time.perf_counter() - start < seconds:
            done.append(work(number))
        return done

    with ThreadPoolExecutor(clients) as pool:
        parts = list(pool.map(loop, range(clients)))
    return [item for part in parts for item in part], time.perf_counter() - start


def seeded(seed):
    return random.Random(seed)


if __name__ == "__main__":
    json.dump(make_platform(sys.argv[1], int(sys.argv[2])), sys.stdout)
