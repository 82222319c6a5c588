"""What the dashboard is fed with, who is told of changes, and who sees the app."""

import json
from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import freeze_time

from .common import CallWalletCommon


class DashboardCommon(CallWalletCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = cls._make_user("dashboard.manager", "account_manager")
        cls.campaign = "Spring Nurses"

    def _spend(self, **when):
        """100 of funds, 3 calls of 0.0250, 0.0882 and 0.0400."""
        self._fund(self.wallet, "100")
        self._record(
            self._call(campaign=self.campaign, **when),
            self._call(number="+442079460000", **when),
            self._call(call_type="whatsapp", campaign=self.campaign, **when),
        )


class TestWhoSeesTheApp(DashboardCommon):
    def _menus(self, user):
        names = self.env["ir.ui.menu"].with_user(user)._visible_menu_ids()
        return {name.split(".")[1] for name in self._names(names)}

    def _names(self, menu_ids):
        data = self.env["ir.model.data"].search(
            [("model", "=", "ir.ui.menu"), ("res_id", "in", list(menu_ids)), ("module", "=", "call_wallet")]
        )
        return data.mapped("complete_name")

    def test_an_employee_without_the_role_sees_no_menu(self):
        self.assertFalse(self._menus(self._make_user("dashboard.employee", "base.group_user")))

    def test_an_account_manager_sees_no_rejected_calls_and_no_configuration(self):
        menus = self._menus(self.manager)
        self.assertLessEqual({"menu_call_wallet", "menu_call_wallet_transaction", "menu_call_usage"}, menus)
        self.assertFalse({"menu_call_usage_rejection", "menu_call_wallet_configuration"} & menus)

    def test_finance_sees_rejected_calls_but_not_the_settings(self):
        menus = self._menus(self._make_user("dashboard.finance", "finance"))
        self.assertLessEqual({"menu_call_usage_rejection", "menu_call_wallet_package"}, menus)
        self.assertNotIn("menu_call_wallet_settings", menus)


class TestDashboardData(DashboardCommon):
    def _data(self, wallet=None, user=None):
        self.env.invalidate_all()
        return (wallet or self.wallet).with_user(user or self.manager).dashboard_data()

    def test_amounts_are_exact_strings_in_the_wallets_currency(self):
        self._spend()
        data = self._data()
        self.assertEqual(data["currency"]["name"], "USD")
        self.assertEqual(data["amounts"]["balance"], str(self.wallet.balance))
        self.assertEqual(data["amounts"]["added"], "0.000000")
        self.assertEqual(data["amounts"]["refunded"], "100.000000")
        by_type = {series["type"]: series["total"] for series in data["spend"]["series"]}
        self.assertEqual(by_type, {"live": "0.113200", "whatsapp": "0.040000"})
        self.assertEqual(data["spend"]["total"], "0.153200")
        by_campaign = {campaign["name"]: campaign["amount"] for campaign in data["campaigns"]}
        self.assertEqual(by_campaign, {"No campaign": "0.088200", self.campaign: "0.065000"})

    def test_the_chart_goes_back_to_the_last_days_with_calls(self):
        with freeze_time("2026-03-10 12:00:00"):
            self._spend(started_at="2026-03-10T11:00:00Z")
        with freeze_time("2026-06-01 12:00:00"):
            spend = self._data()["spend"]
        self.assertEqual((spend["days"][0], spend["days"][-1]), ("2026-02-09", "2026-03-10"))
        self.assertFalse(spend["is_recent"])
        self.assertEqual(spend["total"], "0.153200")

    def test_today_is_the_day_in_the_wallets_time_zone(self):
        self._made_in("Pacific/Auckland")
        with freeze_time("2026-03-10 12:30:00"):
            self._spend(started_at="2026-03-10T11:30:00Z")
            spend = self._data()["spend"]
        self.assertEqual(spend["days"][-1], "2026-03-11")
        self.assertNotEqual(spend["series"][0]["amounts"][-1], "0.000000")

    def test_it_takes_as_many_queries_for_a_long_ledger_as_for_a_short_one(self):
        self._spend()
        self._data()
        before = self._queries()
        self._record(*(self._call() for _number in range(300)))
        self.assertLessEqual(self._queries(), before)

    def _queries(self):
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        self.wallet.with_user(self.manager).dashboard_data()
        return self.env.cr.sql_log_count - before

    def test_who_has_no_role_and_no_wallet_gets_nothing(self):
        employee = self._make_user("dashboard.other", "base.group_user")
        owner = self._make_user("dashboard.owner", "base.group_portal")
        self.wallet.owner_ids = owner
        self.assertEqual(self._data(user=owner)["wallet"]["id"], self.wallet.id)
        for user, wallet in ((employee, self.wallet), (owner, self._make_wallet())):
            with self.assertRaises(AccessError):
                self._data(wallet, user)
            with self.assertRaises(AccessError):
                wallet.with_user(user).watch()


class TestMessages(DashboardCommon):
    """One message on the bus for many wallets, and none for those nobody looks at."""

    def setUp(self):
        super().setUp()
        self.env["call.wallet.watch"].search([]).unlink()
        self.env.cr.precommit.run()

    def _sent(self):
        """The wallets named by the messages that a commit now would send, message by message."""
        before = self.env["bus.bus"].sudo().search([], order="id desc", limit=1).id or 0
        self.env.cr.precommit.run()
        rows = self.env["bus.bus"].sudo().search([("id", ">", before)], order="id")
        messages = [json.loads(row.message) for row in rows]
        return [message["payload"]["ids"] for message in messages if message["type"] == "call_wallet/changed"]

    def test_charging_hundreds_of_watched_wallets_at_once_sends_one_message(self):
        wallets = self.wallet.browse(self._make_wallet().id for _number in range(200))
        self._sent()
        wallets.with_user(self.manager).watch()
        self._record(*(self._call(account=wallet.account_ref) for wallet in wallets))
        sent = self._sent()
        self.assertEqual(sent, [sorted(wallets.ids)])

    def test_a_hold_and_its_release_are_told_too_but_once_a_second_at_most(self):
        self._fund(self.wallet, "20")
        self.wallet.with_user(self.manager).watch()
        self._wait_a_second()
        api = self.env["call.wallet"]
        api.authorize_call(self.wallet.account_ref, "told", "live", "+14155550100")
        self.assertEqual(self._sent(), [self.wallet.ids])
        api.release_hold(self.wallet.account_ref, "told")
        self.assertEqual(self._sent(), [])
        self._wait_a_second()
        api.authorize_call(self.wallet.account_ref, "again", "live", "+14155550100")
        self._sent()
        self._wait_a_second()
        api.release_hold(self.wallet.account_ref, "again")
        self.assertEqual(self._sent(), [self.wallet.ids])

    def _wait_a_second(self):
        self.env.cr.execute(
            "UPDATE call_wallet_balance SET notified_at = notified_at - interval '2 seconds' WHERE wallet_id = %s",
            [self.wallet.id],
        )
        self._sent()

    def test_a_wallet_nobody_looks_at_sends_nothing(self):
        self._sent()
        self._record(self._call())
        self.assertEqual(self._sent(), [])

    def test_a_watch_ends_by_itself(self):
        self.wallet.with_user(self.manager).watch()
        watch = self.env["call.wallet.watch"].search([])
        left = watch.until - fields.Datetime.now()
        self.assertTrue(timedelta(seconds=60) < left < timedelta(seconds=200))
        watch.until = fields.Datetime.now() - timedelta(seconds=1)
        self.env.flush_all()
        self._sent()
        self._record(self._call())
        self.assertEqual(self._sent(), [])
