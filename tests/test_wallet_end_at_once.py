"""A wallet is closed, or its funds expire, while others work on it. Real cursors, threads and commits."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from threading import Barrier

import pytest

pytestmark = pytest.mark.real_commits


@pytest.fixture
def env(private_registry):
    import odoo

    with private_registry.cursor() as cr:
        yield odoo.api.Environment(cr, odoo.SUPERUSER_ID, {})
        cr.rollback()


@pytest.fixture
def wallet(env):
    """A wallet of the demo's currency with a paid top-up of 100."""
    partner = env["res.partner"].create({"name": "At once", "is_company": True})
    wallet = env["call.wallet"].create({"partner_id": partner.id, "account_ref": "ATONCE", "tz": "UTC"})
    wallet.set_recipients(["a@atonce.example"])
    invoice = wallet.create_topup("100").invoice_id
    register = env["account.payment.register"].with_context(active_model="account.move", active_ids=invoice.ids)
    register.create({})._create_payments()
    env.cr.commit()
    return wallet


def at_once(registry, *works):
    """Run each work in its own thread and transaction, as a request does; return what they returned."""
    import odoo
    from odoo.exceptions import UserError
    from odoo.service.model import retrying

    together = Barrier(len(works))

    def run(work):
        with registry.cursor() as cr:
            theirs = odoo.api.Environment(cr, odoo.SUPERUSER_ID, {})
            together.wait(timeout=30)
            try:
                return retrying(lambda: work(theirs), theirs)
            except UserError as error:
                return str(error)

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def report(call_ref):
    def work(env):
        call = {
            "account": "ATONCE", "call_ref": call_ref, "call_type": "whatsapp", "number": "+14155550100",
            "started_at": "2026-10-01T10:00:00Z", "duration_seconds": 60, "status": "completed",
        }  # fmt: skip
        return env["call.usage"].record_calls([call])[0]["result"]

    return work


def test_closed_by_two_while_a_call_is_reported_everything_is_entered_once(private_registry, env, wallet):
    def close(theirs):
        return theirs["call.wallet"].browse(wallet.id).close("Contract over", write_off=True)

    first, second, charged = at_once(private_registry, close, close, report("late"))

    env.cr.rollback()
    env.invalidate_all()
    assert charged == "charged"
    # Who came second may have had the late call to settle, or was told that nothing is left to do.
    assert first is True or second is True
    assert not wallet.active
    notes = wallet.topup_ids.invoice_id.reversal_move_ids
    assert sum(notes.mapped("amount_total")) in (100.0, 99.98)
    assert wallet.balance in (Decimal(0), Decimal("-0.02"))
    assert env["call.wallet"].check_invariants() == []


def test_expired_funds_are_taken_once_by_two_runs_and_not_when_a_call_comes_first(private_registry, env, wallet):
    from odoo.addons.call_wallet.tools.clock import recorded_at, utcnow

    wallet.company_id.write({"call_wallet_breakage_months": 1, "call_wallet_breakage_notice_days": 5})
    later = utcnow() + timedelta(days=40)
    env.cr.commit()
    with recorded_at(later):
        wallet._cron_breakage()
    env.cr.rollback()
    env.invalidate_all()
    assert wallet.funds_expire_on

    def expire(theirs):
        with recorded_at(later + timedelta(days=6)):
            theirs["call.wallet"].browse(wallet.id)._cron_breakage()

    at_once(private_registry, expire, expire, report("in-time"))

    env.cr.rollback()
    env.invalidate_all()
    taken = env["call.wallet.transaction"].search([("wallet_id", "=", wallet.id), ("type", "=", "reversal")])
    # Either the call came first and keeps the funds, or they were gone before it.
    assert (len(taken), wallet.balance) in ((0, Decimal("99.98")), (1, Decimal("-0.02")))
    assert env["call.wallet"].check_invariants() == []
