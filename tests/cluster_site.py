"""What `make cluster` works on: two Odoo servers behind HAProxy, PgBouncer, PostgreSQL and its streaming replica."""

import itertools
import os
import re
import signal
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress

from . import crash_site
from .conftest import OdooServer, free_port
from .crash_site import PATIENCE, CrashSite, now
from .hook_receiver import receiving

WORKERS, CRONS = 2, 1
NAMES = ("a", "b")
READER = "cluster.reader"
# Odoo's line of a request: its path, its status, and whether it read from the replica ("ro"), from the primary ("rw"),
# or from the primary because the replica could not be had or because it had to write ("ro->rw").
REQUEST = re.compile(rb'"(?:GET|POST) (\S+) HTTP/[\d.]+" (\d{3}) \S+ .* (ro|rw|ro->rw)$', re.MULTILINE)
# Dashboards, reports and what the platform reads.
READS = re.compile(
    rb"/json/2/(?:call\.wallet/(?:get_wallets|list_transactions|list_holds|quote_call|dashboard_data|reconciliation)"
    rb"|call\.usage/get_calls|call\.wallet\.overview/\w+)$|/call_wallet/(?:usage_report|reconciliation)\b"
)
TRANSACTIONS = "SELECT xact_commit + xact_rollback, tup_returned + tup_fetched FROM pg_stat_database WHERE datname = "
LEDGER = """
    SELECT count(*), sum(hashtextextended(t::text, 0)) FROM call_wallet_transaction t UNION ALL
    SELECT count(*), sum(hashtextextended(b::text, 0)) FROM call_wallet_balance b UNION ALL
    SELECT count(*), sum(hashtextextended(u::text, 0)) FROM call_usage u
"""


class Node(OdooServer):
    """One of the Odoo servers. It shares its folder of files and sessions with the others."""

    def __init__(self, name, database, pool, replica):
        super().__init__(database, WORKERS, CRONS)
        self.name = name
        self.log = self.log.with_name(f"cluster-{os.getpid()}-{name}.log")
        # Where the command line names the database, a filter would only have all databases listed at each request.
        self.arguments = [item for item in self.arguments if not item.startswith("--db-filter")]
        self.arguments += [
            f"--db_host={pool.folder}",
            f"--db_port={pool.port}",
            f"--db_replica_host={replica.socket}",
            "--db_replica_port=5432",
            "--db_maxconn=8",
            "--db_maxconn_gevent=4",
            "--proxy-mode",
        ]

    def renew(self):
        """Have all workers replaced by new ones, each after the request that it is at."""
        for worker in self.worker_pids:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGINT)

    def requests(self, since=0):
        """Return [(path, status, from where it was read)] of what was served after a place in the log."""
        return REQUEST.findall(self.log.read_bytes()[since:]) if self.log.exists() else []


class Entrance:
    """The address of all servers together, for whoever wants a server's."""

    def __init__(self, port):
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def answers(self):
        with suppress(OSError, urllib.error.HTTPError), urllib.request.urlopen(f"{self.url}/web/login", timeout=20):
            return True
        return False


class ClusterSite(CrashSite):
    """As ``CrashSite``, on a cluster: ``nodes`` serve it, ``server`` is where they are reached."""

    def __init__(self, registry, postgres, replica, pool, receiver):
        super().__init__(registry, postgres, receiver)
        self.replica, self.pool = replica, pool
        self.server = Entrance(free_port())
        self.nodes = [Node(name, registry.db_name, pool, replica) for name in NAMES]
        # When something was answered; how long each request took; both in seconds of the monotonic clock.
        self.answered, self.waited = [], []
        self.today = str(now().date())
        self._numbers = itertools.count(1)
        with self.env() as env:
            group = env.ref("call_wallet.group_finance_manager")
            self.reader = env["res.users"].create(
                {"name": READER, "login": READER, "password": READER,
                 "group_ids": [(6, 0, [env.ref("base.group_user").id, group.id])]}
            ).id  # fmt: skip

    def wait_until_it_answers(self):
        """Wait until the entrance serves again; return the seconds."""
        began = time.monotonic()
        while not self.server.answers():
            if time.monotonic() - began > PATIENCE:
                raise AssertionError(f"nothing answers {PATIENCE} s after a kill; see {self.nodes[0].log}")
            time.sleep(0.2)
        return time.monotonic() - began

    def send_live(self):
        """Send a live message to the reader's browser; return its number."""
        number = next(self._numbers)
        with self.env() as env:
            env["res.users"].browse(self.reader)._bus_send("call_wallet_cluster", {"number": number})
        return number

    # === WHAT WAS READ WHERE === #

    def place(self):
        """Return a place in the servers' logs and PostgreSQL's counters, to measure from."""
        time.sleep(1.5)  # PostgreSQL's sessions pass their counts on once a second
        sizes = [node.log.stat().st_size if node.log.exists() else 0 for node in self.nodes]
        return sizes, self._count(self.postgres), self._count(self.replica)

    def _count(self, server):
        rows = server.sql(f"{TRANSACTIONS}'{self.registry.db_name}'", user="postgres")
        return [int(number) for number in rows[0].split("|")]

    def reads(self, place):
        """Return what became of dashboards and reports since a place: where they were read, and how many ``failed``.

        :return: {"ro": requests, "rw": ..., "ro->rw": ...} of those that were answered
        """
        found = Counter()
        for node, since in zip(self.nodes, place[0], strict=True):
            for path, status, mode in node.requests(since):
                if READS.match(path):
                    found["failed" if status >= b"500" else mode.decode()] += 1
        return found

    def counted(self, place):
        """Return PostgreSQL's own counts since a place: (transactions, rows) of the primary and of the replica."""
        return [
            [now - before for now, before in zip(self._count(server), counts, strict=True)]
            for server, counts in zip((self.postgres, self.replica), place[1:], strict=True)
        ]

    def ledgers(self):
        """Return the wallets' ledgers and calls as the primary and the replica have them, as sums that must agree."""
        deadline = time.monotonic() + PATIENCE
        while not self.replica.is_level() and time.monotonic() < deadline:
            time.sleep(0.2)
        return [server.sql(LEDGER, self.registry.db_name) for server in (self.postgres, self.replica)]


@contextmanager
def a_cluster(tell, mode="session"):
    """Yield a site on servers that were made for it; they are ended and removed afterwards.

    :param tell: function of a sentence, which says what is being done
    :param mode: PgBouncer's, ``session`` or ``transaction``
    """
    from bootstrap import cluster
    from bootstrap.setting import Setting

    databases, name = Setting().databases, f"cw_cluster_{os.getpid()}"
    programs = cluster.ensure()
    postgres = cluster.Primary(f"cluster-{os.getpid()}")
    replica = cluster.Replica(f"replica-{os.getpid()}", postgres)
    with ExitStack() as stack:
        stack.callback(postgres.remove)
        stack.callback(replica.remove)
        stack.callback(databases.drop, name)
        tell(f"PostgreSQL {postgres.major} with its streaming replica, each with a copy of a database with the addon")
        postgres.ensure()
        # The clone on the usual server only gives its contents, and keeps the folder of files.
        databases.clone(os.environ["CALL_WALLET_TEMPLATE"], name)
        crash_site.copy_database(databases.server, postgres, name)
        replica.ensure()
        stack.callback(_close_connections)
        registry = crash_site.load_registry(crash_site.configure_for(postgres), name)
        receiver = stack.enter_context(receiving())
        tell(f"PgBouncer in front of the primary, by {mode}")
        pool = stack.enter_context(cluster.PgBouncer(programs, postgres, mode))
        site = ClusterSite(registry, postgres, replica, pool, receiver)
        for node in site.nodes:
            tell(f"Odoo server {node.name} with {WORKERS} workers and {CRONS} process for scheduled actions")
            stack.callback(node.kill)
            node.start()
        tell(f"HAProxy in front of both, at {site.server.url}")
        ports = {node.name: (node.port, node.gevent_port) for node in site.nodes}
        site.entrance = stack.enter_context(cluster.HAProxy(programs, site.server.port, ports, WORKERS))
        site.wait_until_it_answers()
        yield site


def _close_connections():
    if "odoo.sql_db" in sys.modules:
        sys.modules["odoo.sql_db"].close_all()
