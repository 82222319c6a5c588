"""The demo's stand-in platform: its calls go through the API to a real server, and are charged to the cent."""

import os
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest

from .conftest import free_port
from .load_site import make_key

pytestmark = [pytest.mark.real_commits, pytest.mark.rest]

PROGRAM = Path(__file__).resolve().parents[1] / "scripts/demo_calls.py"
WITHIN = 90
# Each call of the test lasts less than five seconds: of a minute, and WAYNE's contract has a grace of five seconds.
COSTS = {
    ("IBERIA", "+34912345678"): "0.06",
    ("IBERIA", "+34612345678"): "0.08",
    ("IBERIA", "+34622345678"): "0.02",
    ("SAKURA", "+819012345678"): "16",
    ("SAKURA", "+81312345678"): "8",
    ("WONKA", "+498912345678"): "0.12",
    ("WONKA", "+491712345678"): "0.02",
    ("WAYNE", "+13125550142"): "0",
    ("HOOLI", "+442079460123"): "0.0613",
    ("HOOLI", "+13125550142"): "0.0391",
}
# As `make demo` leaves them, see test_demo.py.
BALANCES = {"IBERIA": "488.26", "SAKURA": "78390", "WONKA": "546.16", "WAYNE": "300", "HOOLI": "250"}


@pytest.fixture
def site(private_registry, start_odoo):
    """A server on the whole demo: (its address, the platform's key, the port and secret of the webhook, an env)."""
    import odoo
    from odoo.addons.call_wallet.demo.later import tell

    def env():
        return private_registry.cursor()

    port = free_port()
    with env() as cr:
        env_ = odoo.api.Environment(cr, odoo.SUPERUSER_ID, {})
        keys = ("stripe_publishable_key", "stripe_secret_key", "stripe_webhook_secret", "call_wallet_webhook_secret")
        env_.ref("payment.payment_provider_stripe").write(
            {"state": "test", "is_published": True, **dict.fromkeys(keys, "demo")}
        )
        assert tell(env_)
        env_["ir.config_parameter"].set_param("call_wallet.webhook_allowed_hosts", f"127.0.0.1:{port}")
        webhook = env_["call.wallet.webhook"].search([])
        webhook.url = f"http://127.0.0.1:{port}/events"
        env_["call.wallet.webhook.delivery"].search([("state", "=", "delivered")], limit=1).action_replay()
        key, secret = make_key(env_, "demo.platform", ["call_wallet.group_platform"]), webhook.secret
    server = start_odoo(crons=1)
    return server, key, port, secret, lambda cr: odoo.api.Environment(cr, odoo.SUPERUSER_ID, {}), env


def test_its_calls_are_charged_to_the_cent_and_it_ends_when_it_is_told(site, tmp_path):
    server, key, port, secret, to_env, cursor = site
    log = tmp_path / "log"
    with open(log, "wb") as output:
        platform = subprocess.Popen(
            [sys.executable, PROGRAM, server.url, f"--spool={tmp_path / 'spool'}", f"--receiver={port}",
             "--pace=0.2", "--longest=3", "--seed=7"],
            env={**os.environ, "WALLET_KEY": key, "WALLET_WEBHOOK_SECRET": secret}, stdout=output, stderr=output,
        )  # fmt: skip
        try:
            deadline = time.monotonic() + WITHIN
            while True:
                with cursor() as cr:
                    env = to_env(cr)
                    completed = env["call.usage"].search_count(
                        [("call_ref", "=like", "live-%"), ("status", "=", "completed")]
                    )
                    waiting = env["call.wallet.webhook.delivery"].search_count([("state", "!=", "delivered")])
                if completed >= 15 and not waiting:
                    break
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.5)
            platform.terminate()
            assert platform.wait(timeout=15) == 0, log.read_text()
        finally:
            platform.kill()
            platform.wait()
    said = log.read_text()
    assert "told: " in said and "refused" in said, said
    assert not list((tmp_path / "spool").glob("*.jsonl"))

    with cursor() as cr:
        env = to_env(cr)
        calls = env["call.usage"].search([("call_ref", "=like", "live-%")])
        spent = dict.fromkeys(BALANCES, Decimal(0))
        for call in calls:
            account = call.wallet_id.account_ref
            due = Decimal(COSTS[account, call.number]) if call.status == "completed" else Decimal(0)
            assert (call.call_ref, call.total_cost) == (call.call_ref, due), said
            spent[account] += due
        for account, funds in BALANCES.items():
            wallet = env["call.wallet"].search([("account_ref", "=", account)])
            assert wallet.balance == Decimal(funds) - spent[account], account
        assert len(set(calls.mapped("call_ref"))) == len(calls) >= 15
        assert "no_answer" in calls.mapped("status") or "busy" in calls.mapped("status")
        mine = [("call_ref", "=like", "live-%"), ("state", "=", "held")]
        assert not env["call.wallet.hold"].search_count(mine), "each call has given back what it held"
        assert env["call.wallet"].check_invariants() == []
