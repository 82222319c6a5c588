"""Many requests that name, refuse and charge the same at once. Real cursors, real commits."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

pytestmark = pytest.mark.real_commits


@pytest.fixture
def env(shared_registry):
    """A superuser environment; what it does not commit is rolled back."""
    import odoo

    with shared_registry.cursor() as cr:
        yield odoo.api.Environment(cr, odoo.SUPERUSER_ID, {})
        cr.rollback()


def make_account(env, account):
    partner = env["res.partner"].create({"name": account, "is_company": True})
    wallet = env["call.wallet"].create({"partner_id": partner.id, "account_ref": account})
    wallet.set_recipients([f"{account.lower()}@example.com"])
    env.cr.commit()
    return account


def call(account, ref, call_type="whatsapp", **more):
    return {
        "account": account,
        "call_ref": ref,
        "call_type": call_type,
        "number": "+14155550100",
        "started_at": "2026-10-01T10:00:00Z",
        "duration_seconds": 60,
        "status": "completed",
        **more,
    }


def report_at_once(registry, batches):
    """Report each batch in a thread and a transaction of its own; return all results."""
    import odoo

    def report(calls):
        with registry.cursor() as cr:
            return odoo.api.Environment(cr, odoo.SUPERUSER_ID, {})["call.usage"].record_calls(calls)

    with ThreadPoolExecutor(8) as pool:
        return [result["result"] for results in pool.map(report, batches) for result in results]


def test_new_names_reported_by_many_requests_at_once_are_created_once(shared_registry, env):
    accounts = [make_account(env, f"NAMES{n}") for n in range(3)]
    batches = [
        [
            call(accounts[(number + i) % 3], f"{number}-{i}", campaign=f"Campaign {i % 4}", manager=f"Manager {i % 2}")
            for i in range(12)
        ]
        for number in range(8)
    ]
    assert report_at_once(shared_registry, batches) == ["charged"] * 96
    env.cr.rollback()
    assert env["utm.campaign"].search_count([("title", "=like", "Campaign _")]) == 4
    assert env["res.partner"].search_count([("name", "=like", "Manager _"), ("parent_id.name", "=like", "NAMES_")]) == 6
    assert env["call.wallet"].check_invariants() == []


def test_a_report_asked_for_by_two_requests_at_once_is_made_once(shared_registry, env):
    import odoo
    from odoo.service.model import retrying

    account = make_account(env, "ASKED")
    wallet_id = env["call.wallet"].search([("account_ref", "=", account)]).id
    started = Barrier(2)

    def ask(_number):
        with shared_registry.cursor() as cr:
            theirs = odoo.api.Environment(cr, odoo.SUPERUSER_ID, {})
            tries = []

            def request():
                # Both see that nobody has asked before either does.
                theirs.cr.execute("SELECT 1 FROM call_usage_report_job LIMIT 1")
                if not tries:
                    tries.append(1)
                    started.wait(20)
                return theirs["call.wallet"].browse(wallet_id).request_usage_report("2026-10-01", "2026-10-31").id

            return retrying(request, theirs)

    with ThreadPoolExecutor(2) as pool:
        jobs = set(pool.map(ask, range(2)))
    assert len(jobs) == 1
    env.cr.rollback()
    env["call.usage.report.job"].browse(jobs).unlink()
    env.cr.commit()


def test_the_same_refused_calls_in_any_order_at_once_are_all_kept(shared_registry, env):
    account = make_account(env, "REFUSED")
    calls = [call(account if i % 2 else "NOBODY", f"r-{i}", "live") for i in range(40)]
    batches = [(calls[n * 5 :] + calls[: n * 5])[:: -1 if n % 2 else 1] for n in range(8)]
    assert report_at_once(shared_registry, batches) == ["rejected"] * 320
    env.cr.rollback()
    kept = env["call.usage.rejection"].search([("call_ref", "=like", "r-%")])
    assert (len(kept), set(kept.mapped("count"))) == (40, {8})


def test_retries_and_reports_of_the_same_calls_at_once_charge_each_once(shared_registry, env):
    import odoo

    account = make_account(env, "RETRY")
    calls = [call(account, f"t-{i}", "live") for i in range(30)]
    env["call.usage"].record_calls(calls)
    plan = env["call.rate.plan"].create(
        {"name": "Late", "rate_ids": [(0, 0, {"prefix": "1", "price_per_minute": "0.5"})]}
    )
    env["call.wallet"].search([("account_ref", "=", account)]).rate_plan_id = plan
    env.cr.commit()

    def retry(_number):
        with shared_registry.cursor() as cr:
            theirs = odoo.api.Environment(cr, odoo.SUPERUSER_ID, {})
            theirs["call.usage.rejection"].search([("account", "=", account)]).action_retry()
            cr.commit()

    with ThreadPoolExecutor(3) as pool:
        retries = pool.map(retry, range(3))
        results = report_at_once(shared_registry, [calls[::-1], calls])
        list(retries)
    assert set(results) <= {"charged", "duplicate"}
    env.cr.rollback()
    wallet = env["call.wallet"].search([("account_ref", "=", account)])
    assert (len(wallet.usage_ids), wallet.balance) == (30, -15)
    assert set(env["call.usage.rejection"].search([("account", "=", account)]).mapped("state")) == {"resolved"}
    assert env["call.wallet"].check_invariants() == []
