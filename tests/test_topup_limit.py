"""How much owners may order in a day and in a month."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from odoo.addons.call_wallet.tools.clock import recorded_at
from odoo.exceptions import UserError
from odoo.tests import tagged

from .real_commits import environment
from .test_portal_topup import TopupPageCommon


@tagged("post_install", "-at_install", "standard")
class TestTopupLimit(TopupPageCommon):
    def _order(self, amount, user=None, at="2026-11-10 09:00:00"):
        with recorded_at(datetime.fromisoformat(at)):
            return self.wallet.with_user(user or self.owner).create_topup(amount)

    def test_no_more_than_is_left_of_the_day_is_ordered(self):
        self.company.call_wallet_topup_day_max = 150
        self._order("100")
        with self.assertRaisesRegex(
            UserError, r"Amount: at most \$.150\.00 may be ordered in a day; \$.50\.00 is left"
        ):
            self._order("50.01")
        self.assertEqual(len(self.wallet.topup_ids), 1, "No invoice was made for what was refused")
        self._order("50")
        self._order("150", at="2026-11-11 09:00:00")

    def test_the_day_is_that_of_the_wallet(self):
        self.company.call_wallet_topup_day_max = 100
        self._made_in("Pacific/Auckland")
        self._order("100", at="2026-11-10 10:59:00")  # a minute before midnight there
        self._order("100", at="2026-11-10 11:00:00")
        with self.assertRaises(UserError):
            self._order("1", at="2026-11-11 10:59:00")

    def test_a_month_has_its_own_limit(self):
        self.company.call_wallet_topup_month_max = 200
        self._order("150")
        with self.assertRaisesRegex(UserError, r"in a month; \$.50\.00 is left"):
            self._order("60", at="2026-11-30 09:00:00")
        self._order("200", at="2026-12-01 09:00:00")

    def test_what_is_cancelled_does_not_count(self):
        self.company.call_wallet_topup_day_max = 100
        self._order("100").sudo().invoice_id.button_cancel()
        self._order("100")

    def test_finance_staff_are_not_held_to_it(self):
        self.company.call_wallet_topup_day_max = 100
        finance = self._make_user("limits.finance", "finance")
        self._order("1000", finance)
        with self.assertRaises(UserError):
            self._order("1")

    def test_the_same_request_again_is_answered_although_nothing_is_left(self):
        self.company.call_wallet_topup_day_max = 100
        owned = self.wallet.with_user(self.owner)
        self.assertEqual(owned.create_topup("100", request_key="k"), owned.create_topup("100", request_key="k"))

    def test_the_page_says_so_and_orders_nothing(self):
        self.company.call_wallet_topup_day_max = 99
        answer = self.post("portal-owner", self.path("add"), self._form())
        self.assertIn("may be ordered in a day", answer.text)
        self.assertFalse(self.wallet.topup_ids)
        quote = self._rpc("portal-owner", self.path("add/quote"), amount="100")
        self.assertIn("may be ordered in a day", str(quote))


@pytest.mark.real_commits
def test_two_orders_at_once_do_not_pass_it_together(private_registry):
    from odoo.service.model import retrying

    with environment(private_registry) as env:
        wallet = env["call.wallet"].search([("account_ref", "=", "GLOBEX")])
        wallet.company_id.call_wallet_topup_day_max = 100
        wallet_id, owner_id = wallet.id, wallet.owner_ids[:1].id
        env.cr.commit()

    def order(_number):
        with environment(private_registry, owner_id) as env:
            try:
                retrying(lambda: env["call.wallet"].browse(wallet_id).create_topup("100"), env)
            except UserError:
                return "refused"
            env.cr.commit()
            return "ordered"

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(order, range(3))) == ["ordered", "refused", "refused"]
