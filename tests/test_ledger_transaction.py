"""Whose transaction a charge belongs to. Real cursors, real commits; each test has a wallet of its own."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

pytestmark = pytest.mark.real_commits


@pytest.fixture
def env(shared_registry):
    """A superuser environment that is rolled back at the end unless the test commits."""
    import odoo

    with shared_registry.cursor() as cr:
        yield odoo.api.Environment(cr, odoo.SUPERUSER_ID, {})
        cr.rollback()


def make_wallet(env, account, funds="100"):
    partner = env["res.partner"].create({"name": account, "is_company": True})
    wallet = env["call.wallet"].create({"partner_id": partner.id, "account_ref": account})
    wallet.set_recipients([f"{account.lower()}@example.com"])
    wallet.refund(funds, "Opening credit")
    return wallet


def call(account, ref, seconds=60):
    return {
        "account": account,
        "call_ref": ref,
        "call_type": "whatsapp",
        "number": "+14155550100",
        "started_at": "2026-10-01T10:00:00Z",
        "duration_seconds": seconds,
        "status": "completed",
    }


def balance_seen_by_others(registry, account):
    with registry.cursor() as cr:
        cr.execute(
            "SELECT b.balance::text FROM call_wallet_balance b JOIN call_wallet w ON w.id = b.wallet_id"
            " WHERE w.account_ref = %s",
            [account],
        )
        row = cr.fetchone()
        return row and Decimal(row[0])


def test_an_answer_given_is_an_answer_kept(shared_registry, env):
    make_wallet(env, "KEPT")
    env.cr.commit()

    [result] = env["call.usage"].record_calls([call("KEPT", "1")])
    env.cr.rollback()

    assert result["result"] == "charged"
    assert balance_seen_by_others(shared_registry, "KEPT") == Decimal("99.98")


def test_a_charge_goes_with_the_transaction_of_a_caller_who_had_written(shared_registry, env):
    make_wallet(env, "JOINED")

    [result] = env["call.usage"].record_calls([call("JOINED", "1")])

    assert result["result"] == "charged"
    assert balance_seen_by_others(shared_registry, "JOINED") is None
    env.cr.rollback()
    assert balance_seen_by_others(shared_registry, "JOINED") is None


def test_the_caller_sees_the_new_balance_at_once(env):
    wallet = make_wallet(env, "SEEN")
    env.cr.commit()
    assert wallet.balance == Decimal(100)

    env["call.usage"].record_calls([call("SEEN", "1")])

    assert wallet.balance == Decimal("99.98")
    assert wallet.transaction_ids[0].balance_after == Decimal("99.98")


def test_writers_of_one_wallet_queue_and_all_succeed(shared_registry, env):
    import odoo

    make_wallet(env, "QUEUE")
    env.cr.commit()

    def charge(number):
        with shared_registry.cursor() as cr:
            theirs = odoo.api.Environment(cr, odoo.SUPERUSER_ID, {})
            # A request has read something before it charges, so its snapshot is old by then.
            theirs["call.wallet"].search([("account_ref", "=", "QUEUE")]).balance
            return theirs["call.usage"].record_calls([call("QUEUE", f"{number}-{i}") for i in range(20)])

    with ThreadPoolExecutor(8) as pool:
        answers = [result for results in pool.map(charge, range(16)) for result in results]

    assert {answer["result"] for answer in answers} == {"charged"}
    assert balance_seen_by_others(shared_registry, "QUEUE") == Decimal(100) - 320 * Decimal("0.02")
    assert env["call.wallet"].check_invariants() == []


def test_an_error_leaves_nothing_behind(shared_registry, env):
    from odoo.exceptions import UserError

    wallet = make_wallet(env, "ERROR")
    env.cr.commit()

    with pytest.raises(UserError):
        wallet.refund("-5", "Negative")
    with pytest.raises(UserError):
        env["call.usage"].record_calls([call("ERROR", str(i)) for i in range(10_001)])

    assert balance_seen_by_others(shared_registry, "ERROR") == Decimal(100)
