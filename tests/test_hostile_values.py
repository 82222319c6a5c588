"""Whatever is sent to a method, a page or a webhook is understood or refused by name: nothing ends as a server's error.

The values are put in turn into each parameter of each method in the table of the roles, which a test of its own holds
against the methods that there are, and into each field that the pages read.
"""

import inspect
import json
import re
import threading
from datetime import datetime, timedelta
from itertools import count, cycle
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from odoo import http
from odoo.addons.call_wallet.tools.arguments import check_arguments
from odoo.models import BaseModel
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from .hostile_values import FIELDS, IDS, VALUES, can_be_sent, refused, shown
from .roles_case import RolesCase
from .roles_table import ACTIONS, ROLES

pytestmark = pytest.mark.rest

QUIET = "odoo.sql_db", "odoo.http", "odoo.addons.base.models.ir_rule", "odoo.addons.base.models.ir_model"
# Odoo's own ways of reading.
ODOO_S = {"read", "unlink"}
CONTROLLERS = Path(__file__).resolve().parents[1] / "call_wallet" / "controllers"


def actions():
    """Yield (action, role): each method once, by somebody who may."""
    asked = set()
    for action in ACTIONS:
        if action.roles and action.method not in ODOO_S and action.call not in asked:
            asked.add(action.call)
            yield action, next(role for role in "MPFOAEX" if role in action.roles)


@tagged("post_install", "-at_install", "standard")
class TestHostileValues(RolesCase):
    @mute_logger(*QUIET)
    def test_no_value_breaks_a_method(self):
        broken = []
        for action, role in actions():
            for _role, records, arguments in self.each_role(action, [role]):
                for what, given in self._trials(action, arguments):
                    error = self._broken(action, records, given)
                    if error:
                        broken.append(f"{action.call}({what}) {ROLES[role][0]}: {error}")
        self.assertFalse(broken, "\n" + "\n".join(broken))

    def _trials(self, action, arguments):
        """Yield what is tried, and the arguments: one of them replaced, or a value inside of it.

        Of a method of Odoo's on a record of somebody else's, such as a company, only our fields are.
        """
        parameters = inspect.signature(getattr(self.env.registry[action.model], action.method)).parameters.values()
        is_foreign = self.env[action.model]._original_module != "call_wallet"
        for parameter in () if is_foreign else parameters:
            if parameter.name != "self" and parameter.kind is not parameter.VAR_KEYWORD:
                for value in VALUES:
                    yield f"{parameter.name}={shown(value)}", {**arguments, parameter.name: value}
        for name, value in arguments.items():
            rows = value if isinstance(value, list) else [value]
            for key in rows[0] if rows and isinstance(rows[0], dict) else ():
                for hostile in VALUES[1::2]:
                    row = {**rows[0], key: hostile}
                    yield f"{name}.{key}={shown(hostile)}", {**arguments, name: row if value is not rows else [row]}

    def _broken(self, action, records, arguments):
        """Return what was raised instead of an answer or a refusal, or None; all of it is undone."""
        target = self.env[action.model] if records is None else records
        try:
            check_arguments(self.env[action.model], action.method, target.ids, [], arguments)
        except Exception as error:
            return None if refused(error) else f"{type(error).__name__}: {str(error)[:150]}"
        with self.undone():
            try:
                result = getattr(target.with_user(self._user_now).sudo(False), action.method)(**arguments)
                self.env.flush_all()
                result = result.ids if isinstance(result, BaseModel) else result
                return None if can_be_sent(result) else "cannot be sent"
            except Exception as error:
                return None if refused(error) else f"{type(error).__name__}: {str(error)[:150]}"


@tagged("post_install", "-at_install", "standard")
class TestHostileRequests(RolesCase, HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        soon = datetime.now() + timedelta(hours=1)
        cls.keys = {
            role: cls.env["res.users.apikeys"].with_user(cls.users[role]).sudo()._generate("rpc", "hostile", soon)
            for role in "MPFOAE"
        }

    def _json(self, path, body, role=None):
        headers = {"Content-Type": "application/json"}
        if role:
            headers["Authorization"] = f"bearer {self.keys[role]}"
        return self.url_open(
            path, data=body if isinstance(body, bytes) else json.dumps(body), headers=headers, timeout=120
        )

    @mute_logger(*QUIET)
    def test_no_request_breaks_the_api(self):
        """Each method with ids that are none, without any, with some twice, or in no context; by the web's way, too."""
        ids, values, turns, broken = cycle(IDS), cycle(VALUES), count(), []
        self.authenticate(self.users["M"].login, self.users["M"].login)
        for action, role in actions():
            if role not in self.keys or action.model.startswith(("res.", "account.")):
                continue
            for _role, records, arguments in self.each_role(action, [role]):
                wrong = {} if records is None else {"ids": next(ids)}
                bodies = [{**arguments, **wrong}, {**arguments, "context": next(values)}]
                bodies += [] if records is None else [arguments, {**arguments, "ids": records.ids * 2}]
                for body in bodies[next(turns) % len(bodies) :][:1]:
                    answer = self._json(f"/json/2/{action.model}/{action.method}", body, role)
                    if answer.status_code >= 500:
                        broken.append(f"{action.call}({shown(body)}): {answer.text[:200]}")
                call = {"model": action.model, "method": action.method, "args": [next(ids)], "kwargs": arguments}
                answer = self._json("/web/dataset/call_kw", {"params": call}).json()
                name = answer.get("error", {}).get("data", {}).get("name", "odoo.exceptions")
                if not name.startswith(("odoo.exceptions", "odoo.addons")):
                    broken.append(f"call_kw {action.call}({shown(call['args'])}): {name}")
        self.assertFalse(broken, "\n" + "\n".join(broken))

    @mute_logger(*QUIET)
    def test_a_form_s_field_is_named(self):
        self.authenticate(self.users["M"].login, self.users["M"].login)
        settings, plan = self.env["call.wallet.settings"], self.plan
        for records, name, value in (
            (settings, "call_wallet_refund_limit", "many"),
            (settings, "call_wallet_hold_seconds", "many"),
            (settings, "call_wallet_hold_seconds", 2**40),
            (settings, "call_wallet_tz", "Mars/Olympus"),
            (settings, "call_wallet_journal_id", "x"),
            (settings, "call_wallet_month_end_from", "yesterday"),
            (settings, "call_wallet_fee_account_ids", [[6, 0, ["x"]]]),
            (self.wallet, "account_ref", "a\0b"),
            (self.wallet, "low_balance_threshold", {}),
            (self.wallet, "recipient_ids", [[1, self.wallet.recipient_ids.id, {"email": "\ud800"}]]),
            (plan, "name", ["x"]),
            (plan, "rate_ids", [[0, "virtual_1", {"prefix": "1\0"}]]),
        ):
            call = {"model": records._name, "method": "web_save", "args": [records.ids, {name: value}]}
            answer = self._json("/web/dataset/call_kw", {"params": {**call, "kwargs": {"specification": {}}}}).json()
            with self.subTest(name=name, value=value):
                inner = {"recipient_ids": "Email", "rate_ids": "Prefix"}.get(name)
                label = inner or records._fields[name]._description_string(self.env)
                self.assertIn("error", answer)
                self.assertTrue(answer["error"]["data"]["message"].startswith(f"{label}: "), answer["error"]["data"])

    @mute_logger(*QUIET)
    def test_what_a_form_asks_while_it_is_filled_in_is_read_likewise(self):
        for records, name, value in (
            (self.wallet, "account_ref", "a\0b"),
            (self.wallet, "low_balance_threshold", {}),
            (self.plan, "rate_ids", [[0, "virtual_1", {"prefix": "1\0"}]]),
            (self.plan, "rate_ids", 5),
            (self.plan, "currency_id", "\ud800"),
        ):
            body = {"ids": records.ids, "values": {name: value}, "field_names": [name], "fields_spec": {name: {}}}
            with self.subTest(name=name, value=value):
                answer = self._json(f"/json/2/{records._name}/onchange", body, "M")
                self.assertEqual(answer.status_code, 422, answer.text[:300])

    @mute_logger(*QUIET)
    def test_no_body_breaks_the_api(self):
        url = "/json/2/call.wallet/authorize_call"
        bodies = [b" ", b"{", b"[]", b"5", b"null", b"\xff\xfe", b'{"account": NaN}', b'"\\ud800"']
        bodies += [b'{"account": ' + b"9" * 5_000 + b"}", "\u00e4".encode("utf-16"), b'{"account":"A","account":"B"}']
        for body in bodies:
            with self.subTest(body=body[:20]):
                answer = self._json(url, body, "P")
                self.assertLess(answer.status_code, 500, answer.text[:300])
        form = {"Authorization": f"bearer {self.keys['P']}", "Content-Type": "application/x-www-form-urlencoded"}
        self.assertLess(self.url_open(url, data="account=A", headers=form).status_code, 500)

    def _routes(self):
        """Yield (address, method, kind) of the addon's own pages, files and questions of pages, with real ids."""
        ids = dict.fromkeys(("job_id", "file_id", "import_id", "page"), 1)
        ids |= {"wallet_id": self.wallet.id, "topup_id": self.topup.id}
        thread = threading.current_thread()
        thread.dbname = self.env.cr.dbname  # as on a server
        self.addCleanup(delattr, thread, "dbname")
        for rule in self.env["ir.http"].routing_map().iter_rules():
            endpoint = rule.endpoint
            if "call_wallet" in rule.rule and "stripe" not in rule.rule or rule.rule.startswith("/my/billing"):
                address = re.sub(r"<(?:int:)?(\w+)>", lambda name: str(ids[name[1]]), rule.rule)
                for method in {"GET", "POST"} & set(endpoint.routing.get("methods") or ("GET", "POST")):
                    yield address, method, endpoint.routing["type"]

    def _fields(self):
        """Return the names of all that the pages read: their parameters, and what they look for in forms."""
        names = {"emails"}
        for path in CONTROLLERS.glob("*.py"):
            names |= set(re.findall(r"(?:form|posted)(?:\.get\(|\[)\"(\w+)\"", path.read_text()))
            for _name, arguments in re.findall(r"def ([a-z]\w*)\(\s*self, ([^)]*)\)", path.read_text()):
                names |= {argument.partition("=")[0].strip(" *\n") for argument in arguments.split(",")}
        self.assertLessEqual({"request_key", "month", "date_from", "level", "zip", "remove"} - {"level", "zip"}, names)
        return sorted(names - {"wallet_id", "topup_id", "job_id", "action"} | {"level", "zip", "name", "country_id"})

    @mute_logger(*QUIET)
    def test_no_field_breaks_a_page(self):
        self.authenticate(self.users["O"].login, self.users["O"].login)
        token, fields, broken, kinds = http.Request.csrf_token(self), self._fields(), [], cycle(("on", "now", "", "x"))
        values = cycle(FIELDS)
        for address, method, kind in self._routes():
            for _trial in range(3):
                value = next(values)
                with self.undone():
                    if kind == "jsonrpc":
                        body = {"params": dict.fromkeys(fields, next(iter(VALUES[len(value) % len(VALUES) :])))}
                        status = self._status_of_json(address, body)
                    else:
                        query = "&".join(f"{name}={value}" for name in fields)
                        query += f"&{fields[0]}=twice&action={next(kinds)}"
                        status = self._status(address, method, query, token)
                if status >= 500:
                    broken.append(f"{method} {address} {value[:20]}: {status}")
        self.assertFalse(broken, "\n" + "\n".join(broken))

    def _status_of_json(self, address, body):
        answer = self._json(address, body)
        name = answer.json().get("error", {}).get("data", {}).get("name", "") if answer.status_code == 200 else ""
        is_refusal = not name or name.startswith(("odoo.exceptions", "odoo.addons", "werkzeug.exceptions"))
        return answer.status_code if is_refusal else 500

    def _status(self, address, method, query, token):
        if method == "GET":
            # A line of a request is limited; what is longer is refused before it is read.
            query = re.sub(r"=([9x]{300})[9x]+", r"=\1", query)
            return self.url_open(f"{address}?{query}", allow_redirects=False, timeout=120).status_code
        data = f"csrf_token={quote_plus(token)}&{query}"
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.url_open(address, data=data, headers=headers, allow_redirects=False, timeout=120).status_code
