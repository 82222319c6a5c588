"""What people who may do much may not: type in what the wallet keeps, or reach into another company."""

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, new_test_user, tagged

from .common import CallWalletCommon


@tagged("post_install", "-at_install", "standard")
class TestWalletBorders(CallWalletCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.finance = cls._make_user("borders-finance", "finance_manager")
        cls.manager = cls._make_user("borders-manager", "account_manager")
        cls.elsewhere = cls.env["res.company"].create({"name": "Elsewhere"})
        cls.outsider = cls._make_user("borders-outsider", "finance_manager")
        cls.outsider.write({"company_ids": [Command.set(cls.elsewhere.ids)], "company_id": cls.elsewhere.id})

    # === WHAT THE WALLET KEEPS === #

    def test_what_the_wallet_keeps_is_nobodys_to_type_in(self):
        other = self._make_wallet()
        self._fund(other, "1000")
        for user in (self.finance, self.manager):
            for values in (
                {"balance_id": other.balance_id.id},
                {"funds_expire_on": "2026-11-01"},
                {"idle_notice_at": "2026-11-01 00:00:00"},
                {"idle_notice_sequence": 1},
                {"closed_at": "2026-11-01 00:00:00"},
                {"reopened_at": "2026-11-01 00:00:00"},
                {"close_reason": "Gone"},
                {"pause_reason": "Broke"},
                {"statement_month": "2026-11-01"},
            ):
                with self.subTest(user=user.login, values=values), self.assertRaisesRegex(AccessError, "typed in"):
                    self.wallet.with_user(user).write(values)
        self.assertBalance(self.wallet, 0)

    def test_a_new_wallet_does_not_take_anothers_balance(self):
        self._fund(self.wallet, "10")
        customer = self.env["res.partner"].create({"name": "Thief", "is_company": True})
        values = {"partner_id": customer.id, "account_ref": "THIEF", "balance_id": self.wallet.balance_id.id}
        with self.assertRaisesRegex(AccessError, "balance_id"):
            self.env["call.wallet"].with_user(self.finance).create(values)
        self.assertBalance(self.wallet, 10)

    def test_the_nightly_check_finds_a_wallet_that_shows_anothers_balance(self):
        other = self._make_wallet()
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE call_wallet SET balance_id = %s WHERE id = %s", [other.balance_id.id, self.wallet.id]
        )
        [violation] = [text for text in self.env["call.wallet"].check_invariants(self.wallet) if "own:" in text]
        self.assertIn(self.wallet.account_ref, violation)

    # === WHOSE IT IS === #

    def test_customer_currency_and_company_are_fixed_once_funds_were_ordered(self):
        self.wallet.create_topup("100")
        other = self.env["res.partner"].create({"name": "Other", "is_company": True})
        euro = self.env.ref("base.EUR")
        euro.active = True
        for values in ({"partner_id": other.id}, {"currency_id": euro.id}, {"company_id": self.elsewhere.id}):
            with self.subTest(values=values), self.assertRaisesRegex(UserError, "fixed"):
                self.wallet.with_user(self.finance).write({**values, "rate_plan_id": False})
        with Form(self.wallet.with_user(self.finance)) as form, self.assertRaisesRegex(AssertionError, "readonly"):
            form.partner_id = other

    def test_owners_are_the_customers_own_people(self):
        stranger = new_test_user(self.env, login="borders-stranger", groups="base.group_portal")
        colleague = new_test_user(self.env, login="borders-colleague", groups="base.group_portal")
        colleague.partner_id.parent_id = self.partner
        wallet = self.wallet.with_user(self.finance)
        for user in (stranger, self.manager):
            with self.assertRaisesRegex(UserError, "cannot own"), self.env.cr.savepoint():
                wallet.owner_ids = [Command.link(user.id)]
        wallet.owner_ids = [Command.link(colleague.id)]
        self.assertEqual(self.wallet.owner_ids, colleague)

    # === COMPANIES === #

    def test_finance_of_another_company_neither_charges_nor_holds(self):
        self._fund(self.wallet, "10")
        account = self.wallet.account_ref
        [result] = self.usage.with_user(self.outsider).record_calls([self._call()])
        self.assertEqual(result["result"], "rejected")
        self.assertIn("no wallet has the account", result["reason"])
        theirs = self.env["call.wallet"].with_user(self.outsider)
        ours = self.env["call.wallet"]
        self.assertEqual(theirs.authorize_call(account, "c-1", "live", "+14155550100")["code"], "unknown_account")
        self.assertEqual(ours.authorize_call(account, "c-2", "live", "+14155550100")["code"], "ok")
        for ask in (lambda: theirs.extend_hold(account, "c-2", 60), lambda: theirs.release_hold(account, "c-2")):
            self.assertEqual(ask()["code"], "unknown_account")
        platform = self._make_user("borders-platform", "platform")
        platform.write({"company_ids": [Command.set(self.elsewhere.ids)], "company_id": self.elsewhere.id})
        self.assertEqual(self.usage.with_user(platform).record_calls([self._call()])[0]["result"], "charged")

    def test_dialogs_tell_nothing_of_another_companys_wallets(self):
        topup = self._fund(self.wallet, "10", by="topup")
        for model, values in (
            ("call.wallet.close.wizard", {"wallet_id": self.wallet.id}),
            ("call.wallet.topup.wizard", {"wallet_id": self.wallet.id}),
            ("call.wallet.refund.wizard", {"wallet_id": self.wallet.id}),
            ("call.wallet.auto.topup.wizard", {"wallet_id": self.wallet.id}),
            ("call.wallet.payback.wizard", {"topup_id": topup.id}),
        ):
            dialogs = self.env[model].with_user(self.outsider)
            context = {f"default_{name}": value for name, value in values.items()}
            for ask in (
                lambda dialogs=dialogs, values=values: dialogs.create(values),
                lambda dialogs=dialogs, context=context: dialogs.with_context(**context).create({}),
                lambda dialogs=dialogs, context=context: dialogs.with_context(**context).onchange({}, [], {"id": {}}),
            ):
                with self.subTest(model=model), self.assertRaises(AccessError):
                    ask()
