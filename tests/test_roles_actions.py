"""Every action and every role, allowed or refused: by the methods, and over the API with each one's key."""

import inspect
import json
from datetime import datetime, timedelta

from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from .roles_case import RolesCase
from .roles_table import ACTIONS, NOBODY, ROLES

ADDON = "odoo.addons.call_wallet."
INHERITED = {"create", "write", "unlink", "copy", "init", "read"}


@tagged("post_install", "-at_install", "standard")
class TestRolesSurface(RolesCase):
    def public_methods(self):
        """Every method that the addon adds to what can be called from outside."""
        for name, model in self.env.registry.items():
            for attribute in dir(model):
                classes = [cls for cls in model.__mro__ if attribute in vars(cls)]
                if attribute.startswith("_") or not classes[0].__module__.startswith(ADDON):
                    continue
                if any(not cls.__module__.startswith(ADDON) for cls in classes):
                    continue  # an extension of Odoo's own
                method = getattr(model, attribute)
                if inspect.isroutine(method) and not getattr(method, "_api_private", False):
                    yield f"{name}.{attribute}", method

    def test_every_public_method_is_in_the_table(self):
        found = {call for call, _method in self.public_methods()}
        known = {action.call for action in ACTIONS if action.method not in INHERITED}
        self.assertEqual(found - known, set(), "not in tests/roles_table.py, or should be private")
        self.assertEqual(known - found, set(), "in tests/roles_table.py, but there is no such method")

    def test_every_public_method_says_what_it_does(self):
        for call, method in self.public_methods():
            with self.subTest(call):
                self.assertTrue(inspect.getdoc(method))


@tagged("post_install", "-at_install", "standard")
class TestRolesActions(RolesCase):
    def attempt(self, action, records, arguments):
        """Carry the action out; return None or what was raised."""
        target = self.env[action.model] if records is None else records
        try:
            getattr(target.with_user(self._user_now).sudo(False), action.method)(**arguments)
            self.env.flush_all()
        except (AccessError, UserError) as error:
            return error
        return None

    @mute_logger("odoo.addons.base.models.ir_rule", "odoo.addons.base.models.ir_model")
    def test_each_role_does_what_the_table_says_and_nothing_else(self):
        for action in ACTIONS:
            for role, records, arguments in self.each_role(action):
                error = self.attempt(action, records, arguments)
                with self.subTest(f"{ROLES[role][0]}: {action.what}"):
                    if role in action.roles:
                        self.assertIs(type(error), UserError if action.complains else type(None), error)
                    elif action.roles == NOBODY:
                        self.assertIsInstance(error, UserError)  # AccessError is one
                    else:
                        self.assertIsInstance(error, AccessError)

    @mute_logger("odoo.addons.base.models.ir_rule", "odoo.addons.base.models.ir_model")
    def test_owners_do_nothing_of_it_with_another_customer_s_wallet(self):
        for action in ACTIONS:
            if action.is_on_the_wallet:
                for _role, _records, arguments in self.each_role(action, "O"):
                    with self.subTest(action.what):
                        refusal = UserError if action.roles == NOBODY else AccessError
                        self.assertIsInstance(self.attempt(action, self.other, arguments), refusal)

    @mute_logger("odoo.addons.base.models.ir_rule", "odoo.addons.base.models.ir_model")
    def test_staff_do_nothing_of_it_with_a_wallet_of_another_company(self):
        for action in ACTIONS:
            if action.is_on_the_wallet and action.roles:
                for role, _records, arguments in self.each_role(action, "AFM"):
                    with self.subTest(f"{ROLES[role][0]}: {action.what}"):
                        self.assertIsInstance(self.attempt(action, self.foreign, arguments), AccessError)


@tagged("post_install", "-at_install", "standard")
class TestRolesOverHttp(RolesCase, HttpCase):
    """The same table over JSON-2. 403: refused; 422: refused with a reason; 401: nobody is known."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        soon = datetime.now() + timedelta(hours=1)
        cls.keys = {
            letter: cls.env["res.users.apikeys"].with_user(user).sudo()._generate("rpc", "roles", soon)
            for letter, user in cls.users.items()
            if letter in "AFMPOC"
        }

    def ask(self, action, role, records, arguments):
        body = arguments if records is None else {"ids": records.ids, **arguments}
        headers = {"Content-Type": "application/json"}
        if role in self.keys:
            headers["Authorization"] = f"bearer {self.keys[role]}"
        return self.url_open(
            f"/json/2/{action.model}/{action.method}",
            data=json.dumps(body, default=str),
            headers=headers,
            timeout=60,
        )

    @mute_logger("odoo.http", "odoo.addons.base.models.ir_rule", "odoo.addons.base.models.ir_model")
    def test_each_role_does_over_the_api_what_the_table_says_and_nothing_else(self):
        for action in ACTIONS:
            for role, records, arguments in self.each_role(action, self.keys):
                answer = self.ask(action, role, records, arguments)
                with self.subTest(f"{ROLES[role][0]}: {action.what}"):
                    if role in action.roles:
                        self.assertEqual(answer.status_code, 422 if action.complains else 200, answer.text[:500])
                    else:
                        expected = (403, 422) if action.roles == NOBODY else (403,)
                        self.assertIn(answer.status_code, expected, answer.text[:500])

    @mute_logger("odoo.http")
    def test_without_a_key_nothing_is_answered(self):
        for path in (
            "call.wallet/refund",
            "call.wallet/authorize_call",
            "call.usage/record_calls",
            "call.wallet/search",
        ):
            answer = self.url_open(f"/json/2/{path}", data="{}", headers={"Content-Type": "application/json"})
            self.assertEqual(answer.status_code, 401)

    @mute_logger("odoo.http", "odoo.addons.base.models.ir_rule", "odoo.addons.base.models.ir_model")
    def test_the_web_s_own_way_of_calling_methods_asks_the_same_questions(self):
        """What a browser sends, for customers, who have no API key."""
        for role in "OC":
            self.authenticate(self.users[role].login, self.users[role].login)
            for action in filter(lambda action: action.is_on_the_wallet, ACTIONS):
                for _role, records, arguments in self.each_role(action, role):
                    call = {"model": action.model, "method": action.method, "args": [records.ids], "kwargs": arguments}
                    answer = self.url_open(
                        f"/web/dataset/call_kw/{action.model}/{action.method}",
                        data=json.dumps({"params": call}),
                        headers={"Content-Type": "application/json"},
                        timeout=60,
                    ).json()
                    with self.subTest(f"{ROLES[role][0]}: {action.what}"):
                        allowed = role in action.roles and not action.complains
                        self.assertEqual("error" not in answer, allowed, answer)

    def test_pages_and_files(self):
        """Page or file: who gets it. Everybody else is refused, or told that there is no such thing."""
        report = f"/call_wallet/usage_report/{self.wallet.id}?format=csv"
        for path, roles in (
            (report, "AFMO"),
            (report.replace("csv", "xlsx"), "AFMO"),
            (f"/call_wallet/usage_report/{self.other.id}?format=csv", "AFM"),
            (f"/call_wallet/usage_report/{self.foreign.id}?format=csv", ""),
            ("/call_wallet/ledgers", "M"),
            (f"/my/billing/{self.wallet.id}", "O"),
            (f"/my/billing/{self.other.id}", ""),
        ):
            for role, (name, _group) in ROLES.items():
                user = self.users[role]
                self.authenticate(*(None, None) if role == "X" else (user.login, user.login))
                with self.subTest(f"{name}: {path}"):
                    answer = self.url_open(path, allow_redirects=False, timeout=60)
                    expected = (200,) if role in roles else (303, 403, 404)
                    self.assertIn(answer.status_code, expected)
