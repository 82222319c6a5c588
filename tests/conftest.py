"""Fixtures for tests that really commit, or that talk to a real server.

Such tests are plain functions: a `TransactionCase` would hide what others commit. They work on a
database of their own, a clone that is thrown away. Odoo is imported only where it is used,
because the tests of the rating run without it.
"""

import contextlib
import fcntl
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[1]
START_TIMEOUT = 60
# Few tests that take minutes: begun last, one of them would keep one process busy while the others have ended.
LONG = (
    "test_audit",
    "test_upgrade",
    "test_upgrade_accounts",
    "test_setups",
    "test_load",
    "test_beside_others",
    "test_asterisk",
    "test_asterisk_killed",
)
_numbers = itertools.count(1)
# What the web client, the portal and printed documents load. Charts and pivots are loaded when they are shown.
BUNDLES = (
    "web.assets_web",
    "web.assets_backend_lazy",
    "web.chartjs_lib",
    "web.assets_frontend",
    "web.assets_frontend_minimal",
    "web.assets_frontend_lazy",
    "web.report_assets_common",
    "web.report_assets_pdf",
    "web.assets_tests",
)


@pytest.fixture(scope="session", autouse=True)
def files_of_others():
    """Keep Odoo from clearing up files after each class of tests.

    Processes that share the tests share the folder of files, and each looks in its own database whether a file is still
    wanted: it would delete a picture that a test beside it has just saved. The folder goes with the database.
    """
    if "odoo" in sys.modules:
        from odoo.tests import TransactionCase

        TransactionCase._gc_filestore = classmethod(lambda cls: None)


@pytest.fixture(scope="session", autouse=True)
def kept_caches():
    """Keep from test to test what Odoo has cached and nothing has changed since: menus, views, compiled templates.

    Odoo clears all of it after each test. What a test, or the set-up of its class, has made Odoo forget is cleared
    after it as well: it was read again out of what is rolled back then.
    """
    if "odoo" not in sys.modules:
        yield
        return
    from odoo.orm.registry import Registry
    from odoo.tests import TransactionCase

    changed = set()  # since the test's class was begun
    clear, end_class = Registry.clear_cache, TransactionCase.doClassCleanups.__func__

    def clear_cache(registry, *names):
        changed.update(names or ("default",))
        clear(registry, *names)

    def clear_all_caches(registry):
        if changed:
            clear(registry, *changed)

    def end(tests):
        end_class(tests)
        changed.clear()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Registry, "clear_cache", clear_cache)
        patch.setattr(Registry, "clear_all_caches", clear_all_caches)
        patch.setattr(TransactionCase, "doClassCleanups", classmethod(end))
        yield


@pytest.fixture(scope="session", autouse=True)
def bundles(request):
    """Make the bundles of scripts and styles before the first page is opened, as Odoo does for its own tests.

    A bundle that is made in a test is rolled back with it, and a page waits for it with all other requests
    locked out: on a busy machine for longer than they wait.
    """
    if "odoo" not in sys.modules or not any(_opens_pages(item) for item in request.session.items):
        return
    request.getfixturevalue("load_registry")
    from odoo import SUPERUSER_ID, api
    from odoo.modules.registry import Registry
    from odoo.tests.common import get_db_name

    # Processes that share the tests share the folder of files, too: two that write the same one at the same moment
    # are told that their contents differ.
    with open(REPO / "build" / "bundles.lock", "w") as lock, Registry(get_db_name()).cursor() as cursor:
        fcntl.flock(lock, fcntl.LOCK_EX)
        qweb = api.Environment(cursor, SUPERUSER_ID, {})["ir.qweb"]
        for name in BUNDLES:
            bundle = qweb._get_asset_bundle(name)
            bundle.js()
            bundle.css()


def _opens_pages(item):
    browser = sys.modules.get("tests.browser")
    return bool(browser and item.cls and issubclass(item.cls, browser.PageCase))


def _command(item):
    """Return which command runs a test: `long`, `rest` or `test`."""
    if item.get_closest_marker("long"):
        return "long"
    return "rest" if item.get_closest_marker("rest") or _opens_pages(item) else "test"


def pytest_collection_modifyitems(config, items):
    """Keep the tests of one command: `make test`, `make rest` or `make long`; all, where some are named.

    Where several processes share the files of tests, they begin with what takes longest.
    """
    if command := os.environ.get("CALL_WALLET_TESTS"):
        config.hook.pytest_deselected(items=[item for item in items if _command(item) != command])
        items[:] = [item for item in items if _command(item) == command]
    if "PYTEST_XDIST_WORKER" in os.environ:
        counts = Counter(item.path for item in items)
        items.sort(key=lambda item: (item.path.stem not in LONG, -counts[item.path], item.path))


@pytest.fixture(scope="session")
def databases():
    """The databases of the private server: `clone(template, name)`, `drop(name)`."""
    sys.path.insert(0, str(REPO / "scripts"))
    try:
        from bootstrap.setting import Setting
    finally:
        sys.path.remove(str(REPO / "scripts"))
    return Setting().databases


@pytest.fixture(scope="session")
def addon_template(databases):
    """The name of the database with the addon and its demo data that clones are made of."""
    return os.environ.get("CALL_WALLET_TEMPLATE") or databases.addon_template()


@contextlib.contextmanager
def a_private_database(databases, addon_template):
    prefix = os.environ.get("CALL_WALLET_TEST_DATABASE", f"cw_private_{os.getpid()}")
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    name = f"{prefix}_{worker}_{next(_numbers)}"
    databases.clone(addon_template, name)
    yield name
    databases.drop(name)


@contextlib.contextmanager
def a_private_registry(database):
    import odoo.sql_db
    from odoo.modules.registry import Registry

    # Loading a registry with this flag on would run all tests of the addon.
    odoo.tools.config["test_enable"] = False
    # The test case that ran before in this process is over; code under test asks for it.
    odoo.modules.module.current_test = None
    try:
        yield Registry(database)
    finally:
        odoo.tools.config["test_enable"] = True
        Registry.delete(database)
        odoo.sql_db.close_db(database)


@pytest.fixture
def private_database(databases, addon_template):
    """The name of a database of this test's own."""
    with a_private_database(databases, addon_template) as name:
        yield name


@pytest.fixture
def private_registry(private_database):
    """The registry of a private database, for real cursors: `with private_registry.cursor()`."""
    with a_private_registry(private_database) as registry:
        yield registry


@pytest.fixture(scope="module")
def shared_registry(databases, addon_template):
    """The registry of one private database for all tests of a module, which has real cursors only."""
    with a_private_database(databases, addon_template) as database, a_private_registry(database) as registry:
        yield registry


class OdooServer:
    """A real Odoo server with several processes, on a database that a test can spoil."""

    def __init__(self, database, workers=2, crons=0, addons_path=None):
        self.database = database
        self.port, self.gevent_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = REPO / "build" / "logs" / f"server-{database}.log"
        self.arguments = [
            os.environ["CALL_WALLET_PYTHON"],
            os.environ["CALL_WALLET_ODOO_BIN"],
            "-c",
            os.environ["CALL_WALLET_CONFIG"],
            "-d",
            database,
            f"--db-filter=^{database}$",
            f"--workers={workers}",
            f"--max-cron-threads={crons}",
            "--http-interface=127.0.0.1",
            f"--http-port={self.port}",
            f"--gevent-port={self.gevent_port}",
            *([f"--addons-path={addons_path}"] if addons_path else []),
        ]
        self.process = None

    def start(self):
        """Start the server and wait until it answers; works again after `kill`."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_TIMEOUT
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                end = "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])
                raise RuntimeError(f"Odoo did not start; end of {self.log}:\n{end}")
            time.sleep(0.2)
        return self

    def _answers(self):
        try:
            # A page that goes through the registry, so that a worker has loaded it.
            with urllib.request.urlopen(f"{self.url}/web/login", timeout=20) as response:
                return response.status == 200
        except urllib.error.HTTPError:
            return False
        except OSError:
            return False

    @property
    def pid(self):
        """The process that starts and watches the workers."""
        return self.process.pid

    @property
    def worker_pids(self):
        """The processes that answer requests."""
        import psutil

        children = psutil.Process(self.pid).children()
        return [child.pid for child in children if "gevent" not in child.cmdline()]

    def kill(self):
        """End the server and all its workers at once, as a power cut would."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def stop(self):
        """End the server as an administrator would; kill what is left."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=10)
        self.kill()


@pytest.fixture
def start_odoo(private_database):
    """A function that starts a server on the private database: `start_odoo(workers=3, crons=1)`."""
    servers = []

    def start(workers=2, crons=0):
        server = OdooServer(private_database, workers, crons)
        servers.append(server)
        return server.start()

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def odoo_server(start_odoo):
    """A running server with two workers: `.url`, `.database`, `.pid`, `.worker_pids`, `.kill()`."""
    return start_odoo()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
