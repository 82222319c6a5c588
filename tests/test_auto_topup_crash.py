"""Automatic top-up by several processes, and by processes that are killed. Real commits, real processes."""

import os
import re
import subprocess

import pytest
import requests

from .real_commits import environment

pytestmark = [pytest.mark.real_commits, pytest.mark.rest]

LEVEL, AMOUNT = 20, 50
GLOBEX = [("wallet_id.account_ref", "=", "GLOBEX"), ("topup_id", "!=", False)]
RUN = "env.cr.commit(); env['call.wallet']._cron_auto_topup()"
CLICK = """
env.cr.commit()
try:
    env['call.wallet'].search([('account_ref', '=', 'GLOBEX')]).auto_topup_now()
except Exception as error:
    assert type(error).__name__ == 'UserError', error
"""
# Ends the process as `kill -9` does, instead of, or after, one method.
KILL_INSTEAD = """
import os, signal
type(env['{model}']).{method} = lambda *_arguments, **_named: os.kill(os.getpid(), signal.SIGKILL)
"""
KILL_AFTER = """
import os, signal
original = type(env['{model}']).{method}
def killed(*arguments, **named):
    original(*arguments, **named)
    os.kill(os.getpid(), signal.SIGKILL)
type(env['{model}']).{method} = killed
"""


def start(database, script):
    """A process of its own with an Odoo environment, that runs ``script``."""
    shell = subprocess.Popen(
        [
            os.environ["CALL_WALLET_PYTHON"], os.environ["CALL_WALLET_ODOO_BIN"], "shell",
            "-c", os.environ["CALL_WALLET_CONFIG"], "-d", database, "--no-http", "--log-level=critical",
        ],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    shell.stdin.write(script)
    shell.stdin.close()
    shell.stdin = None
    return shell


def finish(shell):
    _out, errors = shell.communicate(timeout=120)
    return shell.returncode, errors


@pytest.fixture
def low_wallet(private_registry):
    """The demo's GLOBEX, below its level, with a saved card; returns its balance."""
    with environment(private_registry) as env:
        wallet = env["call.wallet"].search([("account_ref", "=", "GLOBEX")])
        if "call_wallet_accept_test_payments" in wallet.company_id._fields:
            wallet.company_id.call_wallet_accept_test_payments = True
        provider = env["payment.provider"].search([("code", "=", "demo")], limit=1)
        provider.state = "test"
        card = env["payment.token"].create(
            {
                "provider_id": provider.id,
                "payment_method_id": provider.payment_method_ids[:1].id,
                "payment_details": "4242",
                "partner_id": wallet.partner_id.id,
                "provider_ref": "fake",
                "demo_simulated_state": "done",
            }
        )
        wallet.set_auto_topup(True, level=LEVEL, amount=AMOUNT, monthly_cap=500, token_id=card.id, accept_mandate=True)
        env.cr.commit()
        assert wallet.available_balance < LEVEL
        return wallet.balance


def charged_once(registry, before):
    """Assert that one charge was made and credited; return its attempt's payment."""
    with environment(registry) as env:
        wallet = env["call.wallet"].search([("account_ref", "=", "GLOBEX")])
        attempts = wallet.auto_topup_ids.filtered("topup_id")
        assert attempts.mapped("state") == ["done"]
        assert wallet.balance == before + AMOUNT
        assert len(attempts.topup_id.invoice_id.transaction_ids) == 1
        assert attempts.transaction_id.payment_id.state in ("in_process", "paid")
        assert env["call.wallet"].check_invariants() == []


@pytest.mark.parametrize(
    "kill, payment_state",
    [
        # After the order is committed, before the provider is asked.
        (KILL_INSTEAD.format(model="payment.transaction", method="_charge_with_token"), "draft"),
        # After the provider has charged, before Odoo has kept the answer.
        (KILL_AFTER.format(model="payment.transaction", method="_charge_with_token"), "draft"),
        # After the answer is kept, before the payment is registered and credited.
        (KILL_INSTEAD.format(model="payment.transaction", method="_post_process"), "done"),
    ],
    ids=["before_charging", "before_keeping_the_answer", "before_crediting"],
)
def test_a_killed_process_loses_nothing_and_charges_once(
    private_database, private_registry, low_wallet, kill, payment_state
):
    code, _errors = finish(start(private_database, kill + RUN))
    assert code == -9, "the process was to be killed"
    with environment(private_registry) as env:
        attempt = env["call.wallet.auto.topup"].search(GLOBEX)
        assert (attempt.state, attempt.transaction_id.state) == ("charging", payment_state)
        assert attempt.wallet_id.balance == low_wallet
    for _run in range(2):
        with environment(private_registry) as env:
            env["call.wallet"]._cron_auto_topup()
    charged_once(private_registry, low_wallet)


def test_two_scheduled_actions_and_a_click_at_once_charge_once(private_database, private_registry, low_wallet):
    shells = [start(private_database, script) for script in (RUN, CLICK, RUN)]
    for shell in shells:
        assert finish(shell) == (0, "")
    charged_once(private_registry, low_wallet)


def test_switched_off_while_the_server_was_down_it_is_given_up(private_database, private_registry, low_wallet):
    kill = KILL_INSTEAD.format(model="call.wallet.auto.topup", method="_charge")
    assert finish(start(private_database, kill + RUN))[0] == -9
    with environment(private_registry) as env:
        env.cr.execute("UPDATE call_wallet_auto_topup SET date = date - interval '1 hour'")
        env["call.wallet"].search([("account_ref", "=", "GLOBEX")]).set_auto_topup(False)
        env.cr.commit()
    with environment(private_registry) as env:
        env["call.wallet"]._cron_auto_topup()
    with environment(private_registry) as env:
        env["call.wallet"]._cron_auto_topup()
        attempt = env["call.wallet.auto.topup"].search(GLOBEX)
        assert (attempt.state, attempt.topup_id.state) == ("cancelled", "cancelled")
        assert attempt.wallet_id.balance == low_wallet


def test_an_owner_charges_the_card_from_the_page_and_not_twice(odoo_server, private_registry, low_wallet):
    with environment(private_registry) as env:
        wallet = env["call.wallet"].search([("account_ref", "=", "GLOBEX")])
        page = f"{odoo_server.url}/my/billing/{wallet.id}/auto"
    session = requests.Session()
    login = session.get(f"{odoo_server.url}/web/login", timeout=60).text
    session.post(
        f"{odoo_server.url}/web/login",
        {"login": "owner.globex", "password": "owner.globex", "csrf_token": token_in(login)},
        timeout=60,
    )

    def charge():
        form = {"action": "now", "csrf_token": token_in(session.get(page, timeout=60).text)}
        return session.post(page, form, timeout=60, allow_redirects=False)

    assert charge().status_code == 303
    assert "short while ago" in charge().text
    with environment(private_registry) as env:
        assert env["call.wallet"].browse(wallet.id).balance == low_wallet + AMOUNT


def token_in(page):
    return re.search(r'name="csrf_token" value="([^"]+)"', page).group(1)
