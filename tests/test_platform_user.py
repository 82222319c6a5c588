"""The platform's user: its key does what the platform does, and nothing else; how a key is made and what ends it."""

import time
from datetime import datetime, timedelta

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from .common import CallWalletCommon


@tagged("post_install", "-at_install", "standard")
class TestPlatformUser(HttpCase, CallWalletCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.platform = cls._make_user("the-platform", "platform")
        cls.platform.password = "the-platform"
        cls.admin = new_test_user(
            cls.env,
            login="the-admin",
            password="the-admin",
            groups="base.group_system,call_wallet.group_finance_manager",
        )

    def _ask(self, key, model="call.wallet", method="authorize_call", **arguments):
        if method == "authorize_call":
            arguments = {
                "account": self.wallet.account_ref,
                "call_ref": "a",
                "call_type": "live",
                "number": "+14155550100",
            }
        headers = {"Authorization": f"Bearer {key}"}
        with mute_logger("odoo.http"):
            return self.url_open(f"/json/2/{model}/{method}", json=arguments, headers=headers).status_code

    def _make_key(self, **values):
        """Make a key as an administrator does, by the button of the dialog."""
        wizard = self.env["call.wallet.platform.key"].create({"user_id": self.platform.id, **values})
        session = self.authenticate("the-admin", "the-admin")
        session["identity-check-last"] = time.time()
        self._save(session)
        params = {"model": wizard._name, "method": "action_make_key", "args": [wizard.ids], "kwargs": {}}
        action = self.make_jsonrpc_request("/web/dataset/call_button/call.wallet.platform.key/action_make_key", params)
        self.logout()
        return action["context"]["default_key"]

    def _save(self, session):
        from odoo.http import root

        root.session_store.save(session)

    def test_a_key_does_what_the_platform_does_and_nothing_else_until_it_ends(self):
        key = self._make_key(name="First")
        self.assertEqual(self._ask(key), 200)
        for model in ("res.partner", "res.users", "mail.message", "account.move", "call.wallet", "res.users.apikeys"):
            with self.subTest(model=model):
                self.assertEqual(self._ask(key, model, "search_read", domain=[], fields=["id"]), 403)
        known = self.env["res.users.apikeys"].search([("user_id", "=", self.platform.id)])
        self.assertAlmostEqual(known.expiration_date, datetime.now() + timedelta(days=365), delta=timedelta(minutes=5))
        # Replaced: both work until the first is deleted.
        second = self._make_key(name="Second", days=10)
        self.assertEqual((self._ask(key), self._ask(second)), (200, 200))
        known.unlink()
        self.assertEqual((self._ask(key), self._ask(second)), (401, 200))
        # Ten days are not a month: the settings say when it ends.
        settings = self.env["call.wallet.settings"].with_user(self.admin).create({})
        self.assertIn("Second", settings.call_wallet_platform_warning)
        self.platform.group_ids = [Command.set([])]
        self.assertEqual(self._ask(second), 403)
        self.platform.group_ids = [Command.set([self.env.ref("call_wallet.group_platform").id])]
        self.platform.active = False
        self.assertEqual(self._ask(second), 401)

    def test_its_password_opens_no_web_client(self):
        self.authenticate("the-platform", "the-platform")
        for path in ("/odoo", "/web"):
            page = self.url_open(path)
            self.assertNotIn("web.assets_web", page.text, path)
            self.assertLess(page.status_code, 500)
        self.assertLess(self.url_open("/my").status_code, 500)

    def test_more_rights_than_the_platform_s_are_warned_of(self):
        settings = self.env["call.wallet.settings"].with_user(self.admin).create({})
        self.assertNotIn(self.platform.name, settings.call_wallet_platform_warning or "")
        self.platform.group_ids = [Command.link(self.env.ref("base.group_user").id)]
        settings.invalidate_recordset()
        for place in (settings.call_wallet_platform_warning,
                      self.env["call.wallet.platform.key"].new({"user_id": self.platform.id}).warning):  # fmt: skip
            self.assertIn(self.platform.name, place)
            self.assertIn("more rights", place)
        with self.assertRaisesRegex(UserError, "group Calling platform"):
            self.env["call.wallet.platform.key"].create(
                {"user_id": self.env.ref("base.user_admin").id}
            ).action_make_key()

    def test_the_demo_s_platform_has_the_one_group(self):
        user = self.env.ref("call_wallet.demo_user_platform", raise_if_not_found=False)
        if user:
            self.assertEqual(user.group_ids, self.env.ref("call_wallet.group_platform"))
            self.assertTrue(user.share)
