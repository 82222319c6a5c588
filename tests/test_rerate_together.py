"""Re-rating while others work: at once, and after a crash. Real commits, a database of its own."""

import contextlib
import functools
import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

pytestmark = pytest.mark.real_commits

CALLS = 6_000
OLD_PRICE, NEW_PRICE = Decimal("0.02"), Decimal("0.03")


@pytest.fixture
def env(private_registry):
    import odoo

    with private_registry.cursor() as cr:
        yield odoo.api.Environment(cr, odoo.SUPERUSER_ID, {})
        cr.rollback()


@pytest.fixture
def rerate(env):
    """A previewed re-rating of calls of one minute in two wallets, all a cent too cheap."""
    dollar = env.ref("base.USD").id
    rate = {"prefix": "1", "price_per_minute": OLD_PRICE}
    plan = env["call.rate.plan"].create({"name": "Together", "currency_id": dollar, "rate_ids": [(0, 0, rate)]})
    for account in ("TOGETHER0", "TOGETHER1"):
        partner = env["res.partner"].create({"name": account, "is_company": True})
        env["call.wallet"].create(
            {"partner_id": partner.id, "account_ref": account, "rate_plan_id": plan.id, "currency_id": dollar}
        )
    env.cr.commit()
    env["call.usage"].record_calls([call(number) for number in range(CALLS)])
    plan.rate_ids.price_per_minute = NEW_PRICE
    rerate = env["call.usage.rerate"].create(
        {"reason": "Too cheap", "rate_plan_id": plan.id, "date_from": "2026-10-01", "date_to": "2026-10-02"}
    )
    env.cr.commit()
    rerate.action_preview()
    env.cr.commit()
    assert (rerate.state, rerate.change_count) == ("previewed", CALLS)
    return rerate


def call(number):
    return {
        "account": f"TOGETHER{number % 2}",
        "call_ref": f"call-{number}",
        "call_type": "live",
        "number": "+14155550100",
        "started_at": "2026-10-01T10:00:00Z",
        "duration_seconds": 60,
        "status": "completed",
    }


def assert_corrected_once(env, rerate, late_calls=0):
    """Every call costs the new price, and was corrected by one transaction at most."""
    env.cr.rollback()
    env.invalidate_all()
    wallets = env["call.wallet"].search([("rate_plan_id", "=", rerate.rate_plan_id.id)])
    assert rerate.state == "posted"
    assert (rerate.posted_count, rerate.refused_count) == (CALLS, 0)
    assert sum(wallets.mapped("balance")) == -(CALLS + late_calls) * NEW_PRICE
    corrections = env["call.wallet.transaction"].search_count(
        [("wallet_id", "in", wallets.ids), ("key", "=like", "rerate/%")]
    )
    assert corrections == CALLS
    assert env["call.wallet"].check_invariants() == []


def test_two_who_post_the_same_while_calls_come_in_correct_each_call_once(private_registry, env, rerate):
    import odoo
    from odoo.exceptions import UserError

    def in_their_own_transaction(work):
        with private_registry.cursor() as cr:
            return work(odoo.api.Environment(cr, odoo.SUPERUSER_ID, {}))

    def post(theirs):
        # The slower one may come when all is done.
        with contextlib.suppress(UserError):
            theirs["call.usage.rerate"].browse(rerate.id).action_post()
        return "posted"

    def report(theirs, batch):
        calls = [call(number) for number in range(CALLS + 100 * batch, CALLS + 100 * (batch + 1))]
        # Calls that are being re-rated, reported again.
        repeats = [call(number) for number in range(100 * batch, 100 * (batch + 1))]
        results = [result["result"] for result in theirs["call.usage"].record_calls(calls + repeats)]
        return set(results[:100]), set(results[100:])

    with ThreadPoolExecutor(4) as pool:
        posters = [pool.submit(in_their_own_transaction, post) for _person in range(2)]
        reporters = [
            pool.submit(in_their_own_transaction, functools.partial(report, batch=batch)) for batch in range(10)
        ]
        assert [poster.result() for poster in posters] == ["posted", "posted"]
        assert all(reporter.result() == ({"charged"}, {"duplicate"}) for reporter in reporters)

    assert_corrected_once(env, rerate, late_calls=1_000)


def test_after_a_crash_in_the_middle_the_scheduled_action_goes_on(private_database, env, rerate):
    env.cr.rollback()
    script = f"env['call.usage.rerate'].browse({rerate.id}).action_post()\n"
    shell = subprocess.Popen(
        [
            os.environ["CALL_WALLET_PYTHON"], os.environ["CALL_WALLET_ODOO_BIN"], "shell",
            "-c", os.environ["CALL_WALLET_CONFIG"], "-d", private_database, "--no-http", "--log-level=error",
        ],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        shell.stdin.write(script)
        shell.stdin.close()
        done = wait_for_some_progress(env, rerate)
    finally:
        shell.send_signal(signal.SIGKILL)
        shell.wait()
    assert 0 < done < CALLS, "the crash was to come in the middle"

    env.cr.rollback()
    env["call.usage.rerate"]._cron_advance()

    assert_corrected_once(env, rerate)


def wait_for_some_progress(env, rerate):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        env.cr.rollback()
        env.cr.execute("SELECT state, done_count FROM call_usage_rerate WHERE id = %s", [rerate.id])
        state, done = env.cr.fetchone()
        if state != "previewed" and done:
            return done
        time.sleep(0.005)
    raise AssertionError("posting did not begin")
