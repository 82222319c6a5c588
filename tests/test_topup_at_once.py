"""A top-up's invoice worked on by two people at once. Real cursors and commits."""

from decimal import Decimal

import pytest

from .real_commits import environment

pytestmark = pytest.mark.real_commits


@pytest.fixture
def topup_id(shared_registry):
    """A top-up of 100 for the demo's GLOBEX, with its posted invoice."""
    with environment(shared_registry) as env:
        topup = env["call.wallet"].search([("account_ref", "=", "GLOBEX")]).create_topup("100")
        env.cr.commit()
        return topup.id


def post_credit_note(registry, topup_id, amount):
    with environment(registry) as env:
        invoice = env["call.wallet.topup"].browse(topup_id).invoice_id
        note = invoice._reverse_moves([{"invoice_date": invoice.invoice_date}])
        note.invoice_line_ids.price_unit = amount
        note.action_post()
        env.cr.commit()


def test_a_credit_note_posted_while_the_payment_is_registered_counts(shared_registry, topup_id):
    from odoo.service.model import retrying

    with environment(shared_registry) as env:
        topup = env["call.wallet.topup"].browse(topup_id)
        before = topup.wallet_id.balance  # the accounting transaction's view begins here
        post_credit_note(shared_registry, topup_id, 30)

        def register():
            wizard = env["account.payment.register"].with_context(
                active_model="account.move", active_ids=topup.invoice_id.ids
            )
            wizard.create({})._create_payments()

        retrying(register, env)  # as every request does
        env.invalidate_all()
        assert topup.credited_amount == Decimal(70)
        assert topup.wallet_id.balance == before + 70
        assert env["call.wallet"].check_invariants() == []


def test_what_else_the_accounting_wrote_too_late_is_left_to_its_caller_to_repeat(shared_registry, topup_id):
    from psycopg2 import errors

    with environment(shared_registry) as env:
        topup = env["call.wallet.topup"].browse(topup_id)
        topup.partner_id.comment = "first"
        with environment(shared_registry) as other:
            other["call.wallet.topup"].browse(topup_id).partner_id.comment = "second"
            other.cr.commit()
        with pytest.raises(errors.SerializationFailure):
            topup._sync()
        env.cr.rollback()
        env.invalidate_all()
        assert "second" in topup.partner_id.comment


def test_a_double_click_orders_once(shared_registry):
    from concurrent.futures import ThreadPoolExecutor

    from odoo.service.model import retrying

    def order(_number):
        with environment(shared_registry) as env:
            wallet = env["call.wallet"].search([("account_ref", "=", "GLOBEX")])
            return retrying(lambda: wallet.create_topup("60", request_key="click").id, env)

    with ThreadPoolExecutor(4) as pool:
        ids = set(pool.map(order, range(4)))
    with environment(shared_registry) as env:
        assert env["call.wallet.topup"].search([("request_key", "=", "click")]).ids == list(ids)


def test_two_top_ups_at_once_use_the_same_credit_once(shared_registry):
    from concurrent.futures import ThreadPoolExecutor

    from odoo.service.model import retrying

    with environment(shared_registry) as env:
        wallet = env["call.wallet"].search([("account_ref", "=", "GLOBEX")])
        overpaid, *topups = (wallet.create_topup(amount) for amount in ("100", "25", "25"))
        wizard = env["account.payment.register"].with_context(
            active_model="account.move", active_ids=overpaid.invoice_id.ids
        )
        wizard.create({"amount": 130})._create_payments()
        topup_ids = [topup.id for topup in topups]
        env.cr.commit()
        before = wallet.balance

    def apply(topup_id):
        with environment(shared_registry) as env:
            topup = env["call.wallet.topup"].browse(topup_id)
            applied = retrying(topup.apply_outstanding_credit, env)
            env.cr.commit()
            return applied

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(apply, topup_ids)) == [5, 25]
    with environment(shared_registry) as env:
        wallet = env["call.wallet"].search([("account_ref", "=", "GLOBEX")])
        assert wallet.balance == before + 30
        assert wallet._outstanding_credit() == 0
        assert env["call.wallet"].check_invariants() == []


def test_paying_back_twice_at_once_is_one_credit_note(shared_registry, topup_id):
    from concurrent.futures import ThreadPoolExecutor

    from odoo.service.model import retrying

    with environment(shared_registry) as env:
        topup = env["call.wallet.topup"].browse(topup_id)
        env["account.payment.register"].with_context(
            active_model="account.move", active_ids=topup.invoice_id.ids
        ).create({})._create_payments()
        env.cr.commit()

    def pay_back(_number):
        with environment(shared_registry) as env:
            topup = env["call.wallet.topup"].browse(topup_id)
            note = retrying(lambda: topup.pay_back("60", "Not needed", request_key="click"), env)
            env.cr.commit()
            return note.id

    with ThreadPoolExecutor(2) as pool:
        assert len(set(pool.map(pay_back, range(2)))) == 1
    with environment(shared_registry) as env:
        topup = env["call.wallet.topup"].browse(topup_id)
        assert topup.credited_amount == Decimal(40)
        assert len(topup.invoice_id.reversal_move_ids) == 1
        assert env["call.wallet"].check_invariants() == []
