"""The demo: a database with the sample call records, three files, and a server to look at it."""

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.request

from . import clocks, demo_platform, demo_stripe, paths, systools
from .console import StepError, hold, log_path, run_logged, say, step, tail, use

FILES = ["usage_report.xlsx", "invoice.pdf", "api_key"]
SCRIPT = paths.REPO / "scripts/demo_files.py"
DATABASE = f"cw_demo_{paths.CHECKOUT}"
# While a server runs on the demo, its files and its database are in use.
SERVED = f"{DATABASE}-served"
# Login, who that is, what to look at. The password is the login.
LOGINS = [
    ("owner.acme", "owner", "/my/billing", "what a customer sees: balance, calls, Add Balance, invoices"),
    ("owner.iberia", "Spanish owner", "/my/billing", "in euros, with calls coming in; Español at the page's foot"),
    ("finance", "finance clerk", "/odoo/call-wallets", "wallets, Add Balance, calls, reconciliation, what waits"),
    ("financemanager", "finance manager", "/odoo/call-wallet-waiting", "a refund, a write-off and a dispute to decide"),
    ("accountmanager", "account manager", "/odoo/call-wallets", "the customers' wallets; pauses one with a reason"),
    ("admin", "administrator", "/odoo/settings", "everything, users and settings included"),
]
OTHER_LOGINS = ["owner.globex", "owner.stark", "portal.acme"]
START_TIMEOUT = 120


def ensure(setting):
    """Make the demo database and its files, unless they are those of the present addon.

    One of an earlier week is kept, with all that was done in it, until somebody asks for a new one with ``FRESH=1``.
    """
    systools.ensure_wkhtmltopdf()
    databases = setting.databases
    with hold(DATABASE):
        made_from = paths.digest(databases.base_template(), paths.tree_digest(paths.ADDON))
        stamp = paths.DEMO / ".made_from"
        if _asked("FRESH") or databases.read_note(DATABASE) != made_from:
            template = databases.addon_template()
            with step("Demo database"):
                stamp.unlink(missing_ok=True)
                demo_stripe.forget()
                demo_platform.forget()
                databases.drop_of_lost_checkouts("cw_demo_")
                databases.clone(template, DATABASE)
                databases.note(DATABASE, made_from)
        complete = all(_size(name) for name in FILES)
        origin = f"{made_from} {paths.digest(SCRIPT)}" if SCRIPT.exists() else None
        if not complete or not stamp.exists() or stamp.read_text() != origin:
            with step("Demo files (usage report, invoice, API key)"):
                _make_files(setting)
                stamp.write_text(origin)
    return DATABASE


def _asked(name, default=""):
    """Tell whether a variable such as ``FRESH=1`` is set, and not to 0."""
    return (os.environ.get(name) or default) not in ("", "0", "no")


def _size(name):
    path = paths.DEMO / name
    return path.stat().st_size if path.exists() else 0


def _make_files(setting):
    if not SCRIPT.exists():
        raise StepError(f"{SCRIPT.relative_to(paths.REPO)} is missing", "restore it from Git")
    paths.DEMO.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (paths.DEMO / name).unlink(missing_ok=True)
    # The PDF's styles are fetched over HTTP, hence a server while it is made.
    with server(setting, free_port(), "demo-server"):
        run_script(setting, SCRIPT, "demo-files")
    missing = [name for name in FILES if not _size(name)]
    if missing:
        raise StepError(f"{SCRIPT.name} did not make: {', '.join(missing)}", f"read {log_path('demo-files')}")


def run_script(setting, path, log):
    """Pipe a script into an Odoo shell on the demo database; its output goes to the log of this name."""
    with open(path) as script:
        run_logged(
            setting.odoo_command("shell", "-d", DATABASE, "--no-http", "--log-level=warn"),
            log,
            f"read {log_path(log)}",
            env=setting.environment,
            stdin=script,
        )


def summary():
    lines = [f"{paths.DEMO / name}  ({_size(name):,} bytes)" for name in FILES]
    say("Demo files:\n  " + "\n  ".join(lines))


# === SERVING === #


def serve(setting):
    """Serve the demo until Ctrl-C."""
    port, host = int(os.environ.get("PORT") or 8069), os.environ.get("HOST", "127.0.0.1")
    prepare_to_serve(port, host)
    ensure(setting)
    summary()
    is_live = _asked("LIVE", "1")
    with served(setting, port, host, is_live) as process:
        say(welcome(port, is_live, weeks_old(setting)))
        with contextlib.suppress(KeyboardInterrupt):
            code = process.wait()
            raise StepError(f"Odoo ended with {code}:\n{tail(log_path('odoo'))}", f"read {log_path('odoo')}")
    say("\nstopped")


@contextlib.contextmanager
def served(setting, port, host="127.0.0.1", is_live=True):
    """Serve the demo database beside stand-ins for Stripe and, if it is live, for a platform; yield Odoo's process."""
    stripe_port, receiver_port = free_port(), free_port()
    _set_parameter(setting, "call_wallet.stripe_api_base", f"http://127.0.0.1:{stripe_port}")
    secret = demo_platform.listen_at(setting, DATABASE, receiver_port)
    with (
        demo_stripe.stripe(setting, stripe_port, port, host),
        server(setting, port, "odoo", host, crons=1) as process,
        demo_platform.platform(setting, port, receiver_port, secret, is_live, host),
    ):
        yield process


def welcome(port, is_live=True, weeks_old=0):
    """Return what is printed when the demo is served: where everything is, and who looks at what."""
    address = f"http://localhost:{port}"
    logins = "\n".join(f"    {login:<15} {who:<16} {address}{path:<26} {what}" for login, who, path, what in LOGINS)
    calls = f"a stand-in platform places a few a minute; LIVE=0 switches it off, log {log_path('platform')}"
    age = f"  dates             {weeks_old} weeks old; FRESH=1 make run makes the demo anew, and drops this one\n"
    return (
        f"\nCall Wallet runs at {address}\n"
        f"  back office       {address}/odoo\n"
        f"  customer portal   {address}/my/billing\n"
        f"  logins            password = login\n{logins}\n"
        f"    also            {', '.join(OTHER_LOGINS)}; platform (API only)\n"
        f"  your first call   README, Five minutes: three lines with curl; a tour of the demo is in docs/demo.md\n"
        f"  live calls        {calls if is_live else 'none: LIVE=0'}\n"
        f"  database          {DATABASE}   (what a platform sends as X-Odoo-Database)\n"
        f"  card payments     on a stand-in for Stripe; its page proposes a test card\n"
        f"  log               {log_path('odoo')}\n"
        f"{age if weeks_old > 0 else ''}"
        f"Ctrl-C stops it."
    )


def weeks_old(setting):
    """Return for how many weeks the demo would have to be moved to be of this week."""
    kept = setting.server.sql("SELECT value FROM ir_config_parameter WHERE key = 'call_wallet.demo_weeks'", DATABASE)
    return clocks.story_weeks() - int(kept[0]) if kept else 0


def prepare_to_serve(port, host="127.0.0.1"):
    """Refuse a port that is taken, before anything takes long; end in order however one is told to."""
    _check_free(host, port)
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, _interrupt)


@contextlib.contextmanager
def server(setting, port, name, host="127.0.0.1", crons=0):
    """Run Odoo on the demo database, in one process: it then serves the live channel too."""
    _set_addresses(setting, port)
    command = setting.odoo_command(
        "-d",
        DATABASE,
        "--workers=0",
        f"--max-cron-threads={crons}",
        f"--http-interface={host}",
        f"--http-port={port}",
    )
    log = log_path(name)
    with open(log, "wb") as output:
        # A session of its own: Ctrl-C reaches this program, which then ends Odoo in order.
        process = subprocess.Popen(
            command,
            env=setting.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        with use(SERVED):
            _await_answer(process, port, log)
            yield process
    finally:
        _stop(process)


def _set_addresses(setting, port):
    """Tell Odoo its address, for links in mails and for the styles of PDFs."""
    values = {
        "web.base.url": f"http://localhost:{port}",
        "report.url": f"http://127.0.0.1:{port}",
        "web.base.url.freeze": "True",
    }
    for key, value in values.items():
        _set_parameter(setting, key, value)


def _set_parameter(setting, key, value):
    setting.server.sql(
        f"INSERT INTO ir_config_parameter (key, value) VALUES ('{key}', '{value}') "
        f"ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        DATABASE,
    )


def _await_answer(process, port, log):
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise StepError(f"Odoo ended with {process.returncode}:\n{tail(log)}", f"read {log}")
        with contextlib.suppress(OSError):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/web/login", timeout=60):
                return
        time.sleep(0.2)
    raise StepError(f"Odoo does not answer on port {port}:\n{tail(log)}", f"read {log}")


def _stop(process):
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _interrupt(_number, _frame):
    raise KeyboardInterrupt


def _check_free(host, port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StepError(f"port {port} is not free: {error}", f"take another one with PORT={port + 1}") from error


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
