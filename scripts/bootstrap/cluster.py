"""What stands between several Odoo servers and PostgreSQL: HAProxy, PgBouncer, and a streaming replica.

HAProxy and PgBouncer are Debian's packages, unpacked into the cache. Whoever started a program may kill it and start it
again. docs/operations.md explains the settings.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from . import debian
from .console import StepError, log_path, step, tail
from .postgres import ADMIN, ROLE, Apart

PACKAGES = ["haproxy", "pgbouncer"]
WANTED = ("usr/sbin/haproxy", "usr/sbin/pgbouncer")
START_TIMEOUT = 30
SLOT = "replica"

POOL = """
[databases]
* = host={server} port=5432
; For a comparison only: what was set in a session is lost here.
by_transaction = host={server} port=5432 dbname=postgres pool_mode=transaction

[pgbouncer]
listen_addr =
listen_port = {port}
unix_socket_dir = {folder}
unix_socket_mode = 0700
auth_type = trust
auth_file = {folder}/users.txt
admin_users = {admin}
pool_mode = {mode}
max_client_conn = 400
default_pool_size = 60
; A server that does not answer is asked again at once, and nobody waits for it for two minutes.
server_login_retry = 1
query_wait_timeout = 30
pidfile = {folder}/pgbouncer.pid
{user}
"""

ENTRANCE = """
global
    maxconn 500
    fd-hard-limit 4096

defaults
    mode http
    option forwardfor
    option redispatch 1
    retries 3
    # Only what has not reached a server is sent to another one: a request may move money.
    retry-on conn-failure
    timeout connect 2s
    timeout client 1200s
    timeout server 1200s
    timeout queue 60s
    timeout http-request 30s
    timeout tunnel 1h
    # A server whose workers are all busy answers late, and is well; one that is gone refuses at once.
    timeout check 10s
    default-server check inter 1s fall 2 rise 1 on-marked-down shutdown-sessions

frontend odoo
    bind 127.0.0.1:{port}
    # What a client says of itself is not believed.
    http-request del-header X-Forwarded-For
    http-request set-header X-Forwarded-Host %[req.hdr(Host)]
    http-request set-header X-Forwarded-Proto http
    use_backend live if {{ path /websocket }} || {{ path_beg /websocket/ }}
    default_backend workers

# Odoo answers no request without a host.
backend workers
    balance leastconn
    option httpchk
    http-check send meth GET uri /web/health ver HTTP/1.1 hdr Host odoo hdr Connection close
    http-check expect status 200
{workers}

backend live
    balance leastconn
    option httpchk
    http-check send meth GET uri /websocket/health ver HTTP/1.1 hdr Host odoo hdr Connection close
    http-check expect status 200
{live}
"""


def ensure():
    """Return the programs, fetched on first use."""
    return debian.Programs(debian.ensure("cluster", "HAProxy and PgBouncer (37 MB,", PACKAGES, WANTED))


# === THE REPLICA === #


class Primary(Apart):
    """A server that keeps what its replica has not fetched yet, also while that is away."""

    settings = "max_slot_wal_keep_size = 4GB\n"


class Replica(Apart):
    """A streaming replica of a server that was made for it: it answers queries, and changes nothing."""

    def __init__(self, name, primary):
        super().__init__(name)
        self.primary = primary
        # A report that reads for long is not ended because what it reads has been cleared on the primary.
        self.settings = (
            f"primary_conninfo = 'host={primary.socket} user={ADMIN}'\n"
            f"primary_slot_name = '{SLOT}'\n"
            "hot_standby_feedback = on\n"
        )

    def ensure(self):
        """Copy the primary, which is stopped for that, and start both; ``pg_basebackup`` does it without a stop."""
        with step("PostgreSQL's streaming replica"):
            self.primary.sql(f"SELECT pg_create_physical_replication_slot('{SLOT}', true)", user=ADMIN)
            self.primary.stop()
            self._make_folders()
            subprocess.run(["cp", "-a", str(self.primary.data), str(self.data)], check=True)
            shutil.rmtree(self.data / "pg_replslot" / SLOT)
            (self.data / "standby.signal").touch()
            self._give(self.data / "standby.signal")
            self.primary.start()
            self._stamp.touch()
            self.start()
        return self

    def lag(self):
        """Return the seconds by which what is read here is behind, as the primary sees it; None: not connected."""
        query = "SELECT extract(epoch FROM coalesce(replay_lag, '0')) FROM pg_stat_replication"
        row = self.primary.sql(query, user=ADMIN)
        return float(row[0]) if row else None

    def is_level(self):
        """Whether all that the primary has written so far can be read here."""
        place = self.primary.sql("SELECT pg_current_wal_flush_lsn()", user=ADMIN)[0]
        return self.sql(f"SELECT pg_last_wal_replay_lsn() >= '{place}'", user=ADMIN) == ["t"]


# === PROGRAMS === #


class Program:
    """A program that runs beside this one, and whose output is kept in a log."""

    name = None

    def __init__(self):
        self.process = None
        self.log = log_path(f"{self.name}-{os.getpid()}")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_error):
        self.kill()

    def start(self):
        with open(self.log, "ab") as output:
            self.process = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        deadline = time.monotonic() + START_TIMEOUT
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise StepError(f"{self.name} did not start; the end of {self.log}:\n{tail(self.log)}")
            time.sleep(0.05)

    def kill(self):
        """End it at once, as a power cut would."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class PgBouncer(Program):
    """A pool of connections to a server of PostgreSQL, on a Unix socket of its own.

    :param mode: how long a client has a connection: ``session``, as Odoo needs, or ``transaction``
    """

    name = "pgbouncer"
    port = 6432

    def __init__(self, programs, server, mode="session"):
        super().__init__()
        self.programs, self.server, self.mode = programs, server, mode
        # A short path: that of a Unix socket may have 107 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="pgb"))
        server._give(self.folder)

    def __exit__(self, *error):
        super().__exit__(*error)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _command(self):
        account = self.server.account
        text = POOL.format(
            server=self.server.socket, folder=self.folder, port=self.port, admin=ADMIN, mode=self.mode,
            # As PostgreSQL it does not work as root; it leaves that account once its files are loaded.
            user=f"user = {account.pw_name}" if account else "",
        )  # fmt: skip
        for name, content in {"pgbouncer.ini": text, "users.txt": f'"{ROLE}" ""\n"{ADMIN}" ""\n'}.items():
            (self.folder / name).write_text(content)
            self.server._give(self.folder / name)
        # Left by one that was killed.
        (self.folder / "pgbouncer.pid").unlink(missing_ok=True)
        (self.folder / f".s.PGSQL.{self.port}").unlink(missing_ok=True)
        return self.programs.command("usr/sbin/pgbouncer", self.folder / "pgbouncer.ini")

    def _answers(self):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(self.folder / f".s.PGSQL.{self.port}"))
            return True
        return False


class HAProxy(Program):
    """The one address of several Odoo servers; requests wait here for a worker, not in a server that may be killed.

    :param port: where it listens on the loopback
    :param servers: {name: (port of the workers, port of the websockets)}
    :param workers: how many requests a server works on at once
    """

    name = "haproxy"

    def __init__(self, programs, port, servers, workers):
        super().__init__()
        self.programs, self.port = programs, port
        self.folder = Path(tempfile.mkdtemp(prefix="hap"))
        lines = {"workers": [], "live": []}
        for name, (http, live) in servers.items():
            lines["workers"].append(f"    server {name} 127.0.0.1:{http} maxconn {workers}")
            lines["live"].append(f"    server {name} 127.0.0.1:{live}")
        text = ENTRANCE.format(port=port, **{name: "\n".join(rows) for name, rows in lines.items()})
        (self.folder / "haproxy.cfg").write_text(text)

    def __exit__(self, *error):
        super().__exit__(*error)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _command(self):
        return self.programs.command("usr/sbin/haproxy", "-db", "-f", self.folder / "haproxy.cfg")

    def _answers(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=2):
            return True
        return False
