"""The settings of the addon for finance managers, who are no administrators and write no companies."""

from odoo.exceptions import AccessError
from odoo.tests import Form

from .common import CallWalletCommon


class TestSettings(CallWalletCommon):
    def test_a_finance_manager_changes_them_on_a_form_of_their_own(self):
        manager = self._make_user("settings-manager", "finance_manager")
        action = self.env["call.wallet.settings"].with_user(manager).action_open()
        self.assertEqual(action["res_model"], "call.wallet.settings")
        with Form(self.env["call.wallet.settings"].with_user(manager), view=action["views"][0][0]) as form:
            form.call_wallet_refund_limit = 5
            form.call_wallet_tz = "Europe/Madrid"
        self.assertEqual(self.company.call_wallet_refund_limit, 5)
        self.assertEqual(self.company.partner_id.tz, "Europe/Madrid")

    def test_nothing_else_of_a_company_is_theirs(self):
        manager = self._make_user("settings-manager", "finance_manager")
        for values in ({"name": "Ours now"}, {"call_wallet_refund_limit": 5, "name": "Ours now"}):
            with self.assertRaises(AccessError):
                self.company.with_user(manager).write(values)
        other = self.env["res.company"].create({"name": "Another company"})
        with self.assertRaises(AccessError):
            other.with_user(manager).write({"call_wallet_refund_limit": 5})

    def test_finance_staff_do_not_change_them(self):
        clerk = self._make_user("settings-clerk", "finance")
        with self.assertRaises(AccessError):
            self.env["call.wallet.settings"].with_user(clerk).action_open()
        with self.assertRaises(AccessError):
            self.company.with_user(clerk).write({"call_wallet_refund_limit": 5})
