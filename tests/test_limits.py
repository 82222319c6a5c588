"""What one person may do alone, and what a customer may order and try, by default and by the settings."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from odoo import Command
from odoo.exceptions import UserError, ValidationError

from .common import CallWalletCommon
from .rerate_case import RerateCase
from .test_portal_topup import TopupPageCommon
from .test_topup_unfunded import SettlementCase


class TestRefundsOfADay(CallWalletCommon):
    def test_many_small_ones_are_a_large_one(self):
        clerk, other = self._make_user("day-clerk", "finance"), self._make_user("day-other", "finance")
        manager = self._make_user("day-manager", "finance_manager")
        second = self._make_wallet()
        mine = self.wallet.with_user(clerk)
        mine.refund("1000", "Bad line", request_key="first")
        mine.refund("1000", "Bad line", request_key="first")  # the same one: it counts once
        second.with_user(clerk).refund("999.99", "Bad line")
        with self.assertRaisesRegex(UserError, r"you have refunded \$.1,999\.99 today, and may refund \$.2,000\.00"):
            mine.refund("0.02", "Bad line")
        dialog = self.env["call.wallet.refund.wizard"].with_user(clerk)
        self.assertTrue(dialog.create({"wallet_id": self.wallet.id, "amount": "0.02"}).needs_approval)
        self.assertFalse(dialog.create({"wallet_id": self.wallet.id, "amount": "0.01"}).needs_approval)
        # With a second person, as somebody else, or without limits.
        mine.request_refund("50", "Bad line").with_user(manager).action_approve()
        self.wallet.with_user(other).refund("5", "Bad line")
        mine.refund("0.01", "Bad line")
        self.company.call_wallet_refund_day_limit = 0
        mine.refund("1", "Bad line")
        # 1000 + 50 + 5 + 0.01 + 1
        self.assertBalance(self.wallet, "1056.01")
        self.assertSound(self.wallet | second)

    def test_the_limit_of_a_day_holds_where_there_is_none_for_one_refund(self):
        self.company.call_wallet_refund_limit = 0
        mine = self.wallet.with_user(self._make_user("day-only", "finance"))
        mine.refund("1500", "Bad line")
        with self.assertRaisesRegex(UserError, r"you have refunded \$.1,500\.00 today"):
            mine.refund("600", "Bad line")

    def test_the_limit_is_in_the_companys_currency(self):
        euro = self.env.ref("base.EUR")
        euro.active = True
        self.env["res.currency.rate"].search([("currency_id", "=", euro.id)]).unlink()
        # Two dollars a euro.
        self.env["res.currency.rate"].create(
            {"currency_id": euro.id, "company_id": self.company.id, "name": "2020-01-01", "rate": 0.5}
        )
        plan = self.env["call.rate.plan"].create({"name": "Euro", "currency_id": euro.id})
        wallet = self._make_wallet(currency_id=euro.id, rate_plan_id=plan.id)
        clerk = self._make_user("euro-clerk", "finance")
        for _number in range(4):
            wallet.with_user(clerk).refund("250", "Bad line")  # 500 dollars
        with self.assertRaisesRegex(UserError, "in a day without a second person"):
            wallet.with_user(clerk).refund("0.01", "Bad line")


class TestSecondPerson(RerateCase):
    def test_a_large_rerating_is_posted_by_somebody_else_than_made_it(self):
        self.company.call_wallet_refund_limit = "0.01"
        maker, other = (self._make_user(f"rerate-{n}", "finance_manager") for n in ("maker", "other"))
        self._record(self._call())
        self._set_price("0.001")
        rerate = self._preview()
        self.env.cr.execute("UPDATE call_usage_rerate SET create_uid = %s WHERE id = %s", [maker.id, rerate.id])
        self.env.invalidate_all()
        with self.assertRaisesRegex(UserError, "another finance manager posts it"):
            rerate.with_user(maker).action_post()
        rerate.with_user(other).action_post()
        self.assertEqual(rerate.state, "posted")


class TestSecondPersonOfSettlements(SettlementCase):
    def test_nobody_credits_a_wallet_with_what_they_alone_have_entered(self):
        maker, other = (self._make_user(f"settle-{n}", "finance_manager") for n in ("maker", "other"))
        self.company.call_wallet_refund_limit = "50"
        topup = self.wallet.create_topup("100")
        entry = self._write_off(topup, 100)
        self.env.cr.execute("UPDATE account_move SET create_uid = %s WHERE id = %s", [maker.id, entry.id])
        self.env.invalidate_all()
        with self.assertRaisesRegex(UserError, "You entered yourself what settled this"):
            topup.with_user(maker).count_settlement("Set off")
        topup.with_user(other).count_settlement("Set off")
        self.assertBalance(self.wallet, 100)


class TestWhatOwnersOrder(TopupPageCommon):
    def test_so_many_unpaid_orders_at_once_and_so_much_together(self):
        mine = self.wallet.with_user(self.owner)
        topups = [mine.create_topup("10") for _number in range(5)]
        with self.assertRaisesRegex(UserError, "Unpaid orders: there are 5, the most at once. Pay one"):
            mine.create_topup("10")
        self.wallet.with_user(self._make_user("orders-finance", "finance")).create_topup("10")
        self._pay(topups[0].sudo().invoice_id)
        topups[1].sudo().cancel_order()
        self.company.write({"call_wallet_topup_open_max": 0, "call_wallet_topup_open_sum": "100"})
        # 3 x 10 of the owner's and 10 of finance's wait; 60 is left.
        with self.assertRaisesRegex(UserError, r"may come to \$.100\.00 together; \$.60\.00 is left"):
            mine.create_topup("60.01")
        self.assertTrue(mine.create_topup("60"))

    def test_after_so_many_failed_payments_a_day_only_transfers_are_left(self):
        self.company.call_wallet_attempts_max = 2
        topup = self.wallet.with_user(self.owner).create_topup("10").sudo()
        portal = self.env(user=self.owner.id, su=True)

        def attempt(number, **values):
            return self._transaction(topup, reference=f"try-{number}", **values).with_env(portal)

        for number in range(2):
            attempt(number)._set_error("Declined")
        create = self.env["payment.transaction"].with_env(portal)._call_wallet_refuse_attempts
        self.assertIsNone(create())
        with self.assertRaisesRegex(ValidationError, "Payments: 2 failed in 24 hours"):
            attempt(2)._call_wallet_refuse_attempts()
        attempt(3, provider=self.wire)._call_wallet_refuse_attempts()


@pytest.mark.real_commits
def test_in_two_sessions_at_once_a_person_refunds_no_more(private_registry):
    import odoo
    from odoo.service.model import retrying

    with private_registry.cursor() as cr:
        env = odoo.api.Environment(cr, odoo.SUPERUSER_ID, {})
        wallets = env["call.wallet"].search([("account_ref", "in", ["ACME", "GLOBEX"])])
        before = sum(wallets.mapped("balance"))
        group = env.ref("call_wallet.group_finance")
        clerk = env["res.users"].create({"name": "C", "login": "day-clerk", "group_ids": [Command.link(group.id)]})
        together = Barrier(4)
        cr.commit()

        def refund(wallet_id):
            with private_registry.cursor() as own:
                theirs = odoo.api.Environment(own, clerk.id, {})
                mine = theirs["call.wallet"].browse(wallet_id)
                together.wait(timeout=30)
                try:
                    retrying(lambda: mine.refund("900", "Bad line"), theirs)
                except UserError as error:
                    return str(error)
            return "refunded"

        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(refund, [*wallets.ids, *wallets.ids]))

        cr.rollback()
        env.invalidate_all()
        # 2 x 900 are within 2,000, a third is not.
        assert answers.count("refunded") == 2
        assert sum("second person" in answer or "second" in answer for answer in answers) == 2
        assert sum(wallets.mapped("balance")) == before + 1800
