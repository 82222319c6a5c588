"""The demo: a database with the sample call records, three files, and a server to look at it."""

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.request

from . import demo_stripe, paths, systools
from .console import StepError, hold, log_path, run_logged, say, step, tail

FILES = ["usage_report.xlsx", "invoice.pdf", "api_key"]
SCRIPT = paths.REPO / "scripts/demo_files.py"
DATABASE = f"cw_demo_{paths.CHECKOUT}"
LOGINS = ["admin", "finance", "accountmanager", "platform", "owner.acme", "owner.globex", "owner.stark", "portal.acme"]
START_TIMEOUT = 120


def ensure(setting):
    """Make the demo database and its files, unless they are those of the present addon."""
    systools.ensure_wkhtmltopdf()
    databases = setting.databases
    with hold(DATABASE):
        template = databases.addon_template()
        stamp = paths.DEMO / ".made_from"
        if databases.read_note(DATABASE) != template:
            with step("Demo database"):
                stamp.unlink(missing_ok=True)
                demo_stripe.forget()
                databases.drop_of_lost_checkouts("cw_demo_")
                databases.clone(template, DATABASE)
                databases.note(DATABASE, template)
        complete = all(_size(name) for name in FILES)
        origin = f"{template} {paths.digest(SCRIPT)}" if SCRIPT.exists() else None
        if not complete or not stamp.exists() or stamp.read_text() != origin:
            with step("Demo files (usage report, invoice, API key)"):
                _make_files(setting)
                stamp.write_text(origin)
    return DATABASE


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
    stripe_port = free_port()
    _set_parameter(setting, "call_wallet.stripe_api_base", f"http://127.0.0.1:{stripe_port}")
    with demo_stripe.stripe(setting, stripe_port, port, host), server(setting, port, "odoo", host, crons=1) as process:
        say(welcome(port))
        with contextlib.suppress(KeyboardInterrupt):
            code = process.wait()
            raise StepError(f"Odoo ended with {code}:\n{tail(log_path('odoo'))}", f"read {log_path('odoo')}")
    say("\nstopped")


def welcome(port):
    """Return what is printed when the demo is served: where everything is."""
    address = f"http://localhost:{port}"
    return (
        f"\nCall Wallet runs at {address}\n"
        f"  back office       {address}/odoo\n"
        f"  customer portal   {address}/my/billing\n"
        f"  logins            {', '.join(LOGINS)}   (password = login)\n"
        f"  database          {DATABASE}   (what a platform sends as X-Odoo-Database)\n"
        f"  card payments     on a stand-in for Stripe; its page proposes a test card\n"
        f"  log               {log_path('odoo')}\n"
        f"Ctrl-C stops it."
    )


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
