"""Two finance managers approve the same refund at once. Real cursors, threads and commits."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

pytestmark = pytest.mark.real_commits

PEOPLE = 4


def test_approved_by_several_at_once_the_money_moves_once(private_registry):
    import odoo
    from odoo.exceptions import UserError
    from odoo.service.model import retrying

    with private_registry.cursor() as cr:
        env = odoo.api.Environment(cr, odoo.SUPERUSER_ID, {})
        wallet = env["call.wallet"].search([("account_ref", "=", "GLOBEX")])
        before = wallet.balance
        group = env.ref("call_wallet.group_finance_manager")
        managers = env["res.users"].create(
            [{"name": f"Manager {n}", "login": f"manager-{n}", "group_ids": [(4, group.id)]} for n in range(PEOPLE)]
        )
        clerk = env.ref("call_wallet.demo_user_finance")
        request = wallet.with_user(clerk).request_refund("5000", "A week without lines")
        cr.commit()

        together = Barrier(PEOPLE)

        def approve(uid):
            with private_registry.cursor() as own:
                theirs = odoo.api.Environment(own, uid, {})
                mine = theirs["call.wallet.refund.request"].browse(request.id)
                assert mine.state == "waiting"  # as the form showed it
                together.wait(timeout=30)
                try:
                    retrying(mine.action_approve, theirs)  # as every request does
                except UserError as error:
                    return str(error)
            return "approved"

        with ThreadPoolExecutor(PEOPLE) as pool:
            answers = sorted(pool.map(approve, managers.ids))

        cr.rollback()
        env.invalidate_all()
        assert answers.count("approved") == 1
        assert all("This request is decided: Approved" in answer for answer in answers if answer != "approved")
        assert wallet.balance == before + 5000
        assert (request.state, request.transaction_id.amount) == ("approved", 5000)
        assert not request.activity_ids
        assert env["call.wallet"].check_invariants() == []
