"""The demo's stand-in for Stripe: runs beside Odoo, so that a person can top up by card."""

import contextlib
import json
import subprocess
import time
import urllib.request

from . import paths
from .console import StepError, log_path, tail

# The secrets of an account that does not exist; scripts/demo_files.py enters the same.
WEBHOOKS = [
    ("/payment/stripe/webhook", "whsec_demo", "2019-05-16"),
    ("/call_wallet/stripe/webhook", "whsec_demo_wallet", "2026-10-28.endive"),
]
STATE = "stripe.json"
# What the demo's account has at first: the dispute that call_wallet/demo/later.py tells of.
DISPUTE = {
    "id": "dp_demo_1",
    "object": "dispute",
    "livemode": False,
    "amount": 8000,
    "currency": "usd",
    "charge": "ch_demo_3",
    "payment_intent": "pi_demo_3",
    "reason": "fraudulent",
    "balance_transactions": [],
    "status": "needs_response",
}
START_TIMEOUT = 30


@contextlib.contextmanager
def stripe(setting, port, odoo_port, odoo_host="127.0.0.1"):
    """Run the stand-in on ``port``; it tells Odoo what happens, as Stripe would."""
    _begin()
    odoo_host = "127.0.0.1" if odoo_host in ("0.0.0.0", "localhost", "") else odoo_host
    command = [setting.python, "-m", "tests.stripe_fake", f"--port={port}", f"--state={paths.DEMO / STATE}"]
    for path, secret, version in WEBHOOKS:
        command.append(f"--webhook=http://{odoo_host}:{odoo_port}{path}={secret}={version}")
    log = log_path("stripe")
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command,
            cwd=paths.REPO,
            env=setting.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _await_answer(process, port, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _begin():
    """Give the stand-in its memory of what the demo tells, unless it has one of its own already."""
    state = paths.DEMO / STATE
    if not state.exists():
        state.write_text(json.dumps({"dispute": {DISPUTE["id"]: {**DISPUTE, "created": int(time.time())}}}))


def forget():
    """Drop the stand-in's memory: it belongs to a demo database that is no more."""
    (paths.DEMO / STATE).unlink(missing_ok=True)


def _await_answer(process, port, log):
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5):
            return
        time.sleep(0.1)
    raise StepError(f"the stand-in for Stripe does not answer on port {port}:\n{tail(log)}", f"read {log}")
