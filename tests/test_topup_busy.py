"""Payments for a wallet whose calls go on meanwhile. Real cursors and commits."""

from decimal import Decimal

import pytest

from .real_commits import environment

pytestmark = pytest.mark.real_commits


@pytest.fixture
def invoice_id(shared_registry):
    """The posted invoice of a top-up of 100 for the demo's GLOBEX."""
    with environment(shared_registry) as env:
        invoice = wallet_of(env).create_topup("100").invoice_id
        env.cr.commit()
        return invoice.id


def wallet_of(env):
    return env["call.wallet"].search([("account_ref", "=", "GLOBEX")])


def charge(registry, ref):
    call = {
        "account": "GLOBEX",
        "call_ref": ref,
        "call_type": "whatsapp",
        "number": "+14155550100",
        "started_at": "2026-10-01T10:00:00Z",
        "duration_seconds": 60,
        "status": "completed",
    }
    with environment(registry) as env:
        [result] = env["call.usage"].record_calls([call])
        assert result["result"] == "charged"


def pay(env, invoice_id):
    wizard = env["account.payment.register"].with_context(active_model="account.move", active_ids=[invoice_id])
    wizard.create({})._create_payments()


def test_a_call_charged_while_a_payment_is_registered_delays_the_credit_to_its_commit(shared_registry, invoice_id):
    with environment(shared_registry) as env:
        before = wallet_of(env).balance  # the accounting transaction's view begins here
        charge(shared_registry, "meanwhile")
        pay(env, invoice_id)
        env.cr.commit()
        env.invalidate_all()
        assert wallet_of(env).balance == before + Decimal("99.98")
        assert env["call.wallet"].check_invariants() == []


def test_a_server_that_dies_between_payment_and_credit_is_made_up_for_by_the_sweep(shared_registry, invoice_id):
    with environment(shared_registry) as env:
        before = wallet_of(env).balance
        charge(shared_registry, "before the end")
        pay(env, invoice_id)
        # The process ends right after the commit: what was to follow never runs.
        env.cr.postcommit.clear()
        env.cr.commit()
        env.invalidate_all()
        assert wallet_of(env).balance == before - Decimal("0.02")

    with environment(shared_registry) as env:
        assert env["call.wallet.topup"]._cron_sync() == 1
        assert env["call.wallet.topup"]._cron_sync() == 0
    with environment(shared_registry) as env:
        assert wallet_of(env).balance == before + Decimal("99.98")
        told = wallet_of(env).activity_ids.mapped("summary")
        assert told == ["Top-ups of GLOBEX were out of step with their payments"]
        assert env["call.wallet"].check_invariants() == []
