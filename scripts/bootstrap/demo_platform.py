"""The demo's stand-in for a calling platform: places a few calls a minute while the demo is served."""

import contextlib
import shutil
import subprocess

from . import paths
from .console import log_path

PROGRAM = paths.REPO / "scripts/demo_calls.py"
SPOOL = "platform"


def listen_at(setting, database, port):
    """Have the demo's webhook lead to the stand-in; return the secret by which it knows the messages.

    Its address is on this machine alone, and allowed in the demo database alone.
    """
    receiver = f"127.0.0.1:{port}"
    setting.server.sql(
        f"UPDATE ir_config_parameter SET value = '{receiver}' WHERE key = 'call_wallet.webhook_allowed_hosts'", database
    )
    webhook = "name = 'Calling platform' AND url LIKE 'http://127.0.0.1:%'"
    setting.server.sql(f"UPDATE call_wallet_webhook SET url = 'http://{receiver}/events' WHERE {webhook}", database)
    found = setting.server.sql(f"SELECT secret FROM call_wallet_webhook WHERE {webhook} LIMIT 1", database)
    return found[0] if found else ""


@contextlib.contextmanager
def platform(setting, port, receiver_port, secret, is_live, host="127.0.0.1"):
    """Run the stand-in, which hears of what happens, and places calls if ``is_live``; it ends before the server."""
    host = "127.0.0.1" if host in ("0.0.0.0", "localhost", "") else host
    command = [setting.python, PROGRAM, f"http://{host}:{port}", f"--receiver={receiver_port}"]
    command += [f"--spool={paths.DEMO / SPOOL}", *([] if is_live else ["--calls=0"])]
    environment = {
        **setting.environment,
        "WALLET_KEY": (paths.DEMO / "api_key").read_text().strip(),
        "WALLET_WEBHOOK_SECRET": secret,
    }
    with open(log_path("platform"), "wb") as output:
        process = subprocess.Popen(
            command,
            cwd=paths.REPO,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def forget():
    """Drop the calls that were not reported yet: they belong to a demo database that is no more."""
    shutil.rmtree(paths.DEMO / SPOOL, ignore_errors=True)
