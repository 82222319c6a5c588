"""The settings of the addon for finance managers, who are no administrators and write no companies."""

from odoo.exceptions import AccessError, ValidationError
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
            form.call_wallet_fee_account_ids.add(self._fees())
        self.assertEqual(self.company.call_wallet_fee_account_ids, self._fees())
        self.assertEqual(self.company.call_wallet_refund_limit, 5)
        self.assertEqual(self.company.partner_id.tz, "Europe/Madrid")

    def _fees(self):
        domain = [("account_type", "=", "expense"), ("company_ids", "in", self.company.ids)]
        return self.env["account.account"].search(domain, limit=1)

    def test_fee_accounts_are_chosen_and_neither_made_nor_changed(self):
        manager = self._make_user("settings-manager", "finance_manager")
        account = self._fees()
        lock = {"company_ids": [(1, self.company.id, {"fiscalyear_lock_date": "2020-01-31"})]}
        for command in ((0, 0, {"name": "Mine"}), (1, account.id, lock), (2, account.id)):
            with self.assertRaises(AccessError):
                self.company.with_user(manager).write({"call_wallet_fee_account_ids": [command]})
        self.assertFalse(self.company.fiscalyear_lock_date)
        for value in (5, True, [[]], [5], [[4]], [[6, 0]], [[6, 0, "x"]], [[4, "x"]], [[4, None]], [["x", 1]]):
            with self.subTest(value=value), self.assertRaises(AccessError):
                self.company.with_user(manager).write({"call_wallet_fee_account_ids": value})
        deposits = self.company.call_wallet_deposit_account_id
        with self.assertRaisesRegex(ValidationError, "no expense account"):
            self.company.with_user(manager).write({"call_wallet_fee_account_ids": [(4, deposits.id)]})
        other = self.env["res.company"].create({"name": "Another company"})
        foreign = account.copy({"code": "T2", "company_ids": other.ids})
        with self.assertRaisesRegex(ValidationError, "another company's"):
            self.company.with_user(manager).write({"call_wallet_fee_account_ids": [(4, foreign.id)]})

    def test_nothing_else_of_a_company_is_theirs(self):
        manager = self._make_user("settings-manager", "finance_manager")
        for values in ({"name": "Ours now"}, {"call_wallet_refund_limit": 5, "name": "Ours now"}):
            with self.assertRaises(AccessError):
                self.company.with_user(manager).write(values)
        other = self.env["res.company"].create({"name": "Another company"})
        with self.assertRaises(AccessError):
            other.with_user(manager).write({"call_wallet_refund_limit": 5})

    def test_former_deposit_accounts_are_nobodys_to_edit_through_the_company(self):
        """A list's commands, carried out as superuser, reach anything: accounts, lock dates, bank accounts."""
        manager = self._make_user("settings-manager", "finance_manager")
        account = self.company.call_wallet_deposit_account_id
        before = self.env["account.account"].search_count([])
        values = {"name": "Mine", "code": "999001", "account_type": "liability_current"}
        lock = {"company_ids": [(1, self.company.id, {"fiscalyear_lock_date": "2020-01-31"})]}
        for command in ((0, 0, values), (1, account.id, lock), (4, account.id), (2, account.id)):
            with self.assertRaises(AccessError):
                self.company.with_user(manager).write({"call_wallet_former_deposit_account_ids": [command]})
        self.assertEqual(self.env["account.account"].search_count([]), before)
        self.assertFalse(self.company.fiscalyear_lock_date)

    def test_accounts_of_another_company_are_refused(self):
        manager = self._make_user("settings-manager", "finance_manager")
        other = self.env["res.company"].create({"name": "Another company"})
        theirs = self.env["account.journal"].create(
            {"name": "Theirs", "code": "THEIR", "type": "general", "company_id": other.id}
        )
        account = self.company.call_wallet_deposit_account_id
        foreign = self.env["account.account"].create(
            {"name": "Theirs", "code": "T1", "account_type": account.account_type, "company_ids": other.ids}
        )
        for values in ({"call_wallet_journal_id": theirs.id}, {"call_wallet_deposit_account_id": foreign.id}):
            with self.assertRaisesRegex(ValidationError, "another company's"):
                self.env["call.wallet.settings"].with_user(manager).create(values)
        branch = self.env["res.company"].create({"name": "Branch", "parent_id": self.company.id})
        branch.call_wallet_deposit_account_id = account

    def test_settings_of_another_company_are_not_shown(self):
        manager = self._make_user("settings-manager", "finance_manager")
        other = self.env["res.company"].create({"name": "Another company"})
        other.call_wallet_refund_limit = 77
        settings = self.env["call.wallet.settings"].with_user(manager)
        spec = {"company_id": {}, "call_wallet_refund_limit": {}}
        shown = settings.onchange({"company_id": other.id}, ["company_id"], spec)["value"]
        self.assertNotEqual(shown["call_wallet_refund_limit"], 77)
        made = settings.with_context(default_company_id=other.id).create({"company_id": other.id})
        self.assertEqual(made.company_id, self.company)
        with self.assertRaises(AccessError):
            made.write({"company_id": other.id})

    def test_finance_staff_do_not_change_them(self):
        clerk = self._make_user("settings-clerk", "finance")
        with self.assertRaises(AccessError):
            self.env["call.wallet.settings"].with_user(clerk).action_open()
        with self.assertRaises(AccessError):
            self.company.with_user(clerk).write({"call_wallet_refund_limit": 5})
