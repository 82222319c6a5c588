"""A platform with a key, which asks as programs do: JSON-2 over HTTP."""

import json
from datetime import datetime, timedelta

from odoo.tests import HttpCase
from odoo.tools import mute_logger

from .common import CallWalletCommon


class ApiCase(HttpCase, CallWalletCommon):
    """``self.wallet`` has 10.00; the contract is that of ``CallWalletCommon``."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.platform = cls._make_user("api-platform", "platform")
        cls.key = cls._make_api_key(cls.platform)
        cls._fund(cls, cls.wallet, "10")
        cls.foreign_company = cls.env["res.company"].create({"name": "Elsewhere"})
        cls.foreign = cls._make_wallet(company_id=cls.foreign_company.id)
        cls._fund(cls, cls.foreign, "77")

    @classmethod
    def _make_api_key(cls, user):
        soon = datetime.now() + timedelta(hours=1)
        return cls.env["res.users.apikeys"].with_user(user).sudo()._generate("rpc", "test", soon)

    def ask(self, method, key=None, **arguments):
        """Call ``model/method``; return the status and what was answered."""
        headers = {"Authorization": f"Bearer {key or self.key}", "Content-Type": "application/json"}
        with mute_logger("odoo.http"):
            answer = self.url_open(f"/json/2/{method}", data=json.dumps(arguments), headers=headers, timeout=60)
        return answer.status_code, answer.json()

    def get(self, method, **arguments):
        """Return what a call of a method is answered that is not refused."""
        status, answer = self.ask(method, **arguments)
        self.assertEqual(status, 200, answer)
        return answer

    def assertRefused(self, name, method, **arguments):
        """The call is refused as a whole, and the sentence names what is wrong."""
        status, answer = self.ask(method, **arguments)
        self.assertEqual(status, 422, answer)
        self.assertIn(name, answer["message"])

    def _report(self, *calls):
        return self.get("call.usage/record_calls", calls=list(calls))
