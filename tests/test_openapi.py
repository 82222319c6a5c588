"""The description of the API is true: of the methods, of what they answer, and of how they refuse."""

import ast
import json
from datetime import datetime, timedelta
from pathlib import Path

from odoo.addons.api_doc.controllers.api_doc import parse_signature
from odoo.addons.call_wallet import api_schema
from odoo.addons.call_wallet.api_schema import answers, events, fields
from odoo.addons.call_wallet.api_schema.document import build
from odoo.addons.call_wallet.api_schema.methods import METHODS
from odoo.addons.call_wallet.api_schema.shape import Shape
from odoo.addons.call_wallet.models.usage.call_usage_record import MAX_CALLS
from odoo.addons.call_wallet.tools import intake
from odoo.addons.call_wallet.tools.platform_api import methods, openapi_json
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger
from openapi_spec_validator import OpenAPIV31SpecValidator

from .api_document import PATH, PREFIX, answer_problems, content, document, operation, problems
from .common import CallWalletCommon
from .roles_table import ACTIONS

# Shapes of methods that are agreed on and not there yet. A method that comes is taken out of here.
AWAITED = set()


@tagged("post_install", "-at_install", "standard")
class TestDocument(CallWalletCommon):
    def test_the_file_is_what_the_methods_are_now(self):
        self.assertEqual(PATH.read_text(), openapi_json(), "make openapi")

    def test_the_document_is_openapi_3_1(self):
        self.assertEqual([str(error) for error in OpenAPIV31SpecValidator(document()).iter_errors()], [])

    def test_every_method_of_the_platform_has_a_shape_and_every_shape_a_method(self):
        for_platform = {action.call for action in ACTIONS if "P" in action.roles and "X" not in action.roles}
        self.assertEqual(for_platform - set(METHODS), set(), "add a shape to call_wallet/api_schema/methods.py")
        self.assertEqual(set(METHODS) - for_platform, AWAITED, "a shape without a method, or a method that has come")
        self.assertEqual(set(methods()), for_platform)
        self.assertEqual({PREFIX + "/".join(name.rsplit(".", 1)) for name in for_platform}, set(document()["paths"]))

    def test_a_parameter_without_a_shape_is_noticed(self):
        def authorize_call(self, account, surprise):
            """Do something else."""

        with self.assertRaisesRegex(ValueError, "authorize_call.*surprise"):
            build({"call.wallet.authorize_call": authorize_call})

    def test_limits_and_choices_are_those_of_the_code(self):
        self.assertEqual(fields.CALL_TYPES, intake.CALL_TYPES)
        self.assertEqual(fields.DIRECTIONS, intake.DIRECTIONS)
        self.assertEqual(fields.STATUSES, intake.STATUSES)
        self.assertEqual(fields.MAX_TEXT, intake.MAX_TEXT)
        self.assertEqual(fields.MAX_DURATION, intake.MAX_DURATION)
        self.assertEqual(fields.MAX_CALLS, MAX_CALLS)

    def test_every_code_of_a_refused_call_is_described(self):
        addon = Path(api_schema.__file__).parents[1]
        nodes = [node for path in addon.rglob("*.py") for node in ast.walk(ast.parse(path.read_text()))]
        calls = [node for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
        codes = {ast.literal_eval(call.args[0]) for call in calls if call.func.id == "Refused"}
        # Of what is retried and is not there any more, or never was.
        self.assertEqual(set(fields.REJECTION_CODES), codes | {"not_open", "unknown_rejection"})

    def test_calls_are_described_as_they_are_taken(self):
        schema = {"$ref": "#/components/schemas/Call"}
        call = self._call(direction="inbound")
        self.assertEqual(problems(schema, call), [])
        self.assertEqual(problems(schema, {**call, "number": None}), [])
        call.pop("number")
        self.assertEqual(problems(schema, call), [])
        for name in ("Call", "AmendedCall", "VoidedCall"):
            self.assertIs(document()["components"]["schemas"][name]["additionalProperties"], False)
        # Whoever voids a call may send what it was reported with.
        void = {**call, "number": "+14155550100", "reason": "A test call"}
        self.assertEqual(problems({"$ref": "#/components/schemas/VoidedCall"}, void), [])

    def test_examples_are_what_they_are_examples_of(self):
        for name, method in METHODS.items():
            with self.subTest(name):
                if name in AWAITED:
                    self.assertEqual(problems(method.answer, method.response), [])
                    continue
                self.assertEqual(problems(content(operation(name)["requestBody"])["schema"], method.request), [])
                self.assertEqual(answer_problems(name, 200, method.response), [])
        for name, hook in document().get("webhooks", {}).items():
            with self.subTest(name):
                body = content(hook["post"]["requestBody"])
                self.assertEqual(problems(body["schema"], body["examples"][name]["value"]), [])

    def test_every_field_says_what_it_means(self):
        named = [shape for shape in vars(answers).values() if isinstance(shape, Shape)]
        for shape in [*named, *events.shapes()]:
            for name, schema in shape.fields.items():
                with self.subTest(f"{shape.name}.{name}"):
                    self.assertTrue(schema.get("description"))

    def test_odoo_s_own_pages_of_the_api_can_show_what_the_methods_say(self):
        for model in ("call.wallet", "call.usage"):
            for name in {action.method for action in ACTIONS if action.model == model}:
                with self.subTest(f"{model}.{name}"), self.assertNoLogs("odoo.addons.api_doc", "WARNING"):
                    signature = parse_signature(getattr(type(self.env[model]), name))
                    told = [signature.doc, signature.return_.doc, *signature.raise_.values()]
                    told += [parameter.doc for parameter in signature.parameters.values()]
                    self.assertNotRegex(" ".join(filter(None, told)), "system-message|problematic")
                    if f"{model}.{name}" in METHODS:
                        self.assertTrue(all(parameter.doc for parameter in signature.parameters.values()))


@tagged("post_install", "-at_install", "standard")
class TestAnswers(HttpCase, CallWalletCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        user = cls._make_user("described-platform", "platform")
        keys = cls.env["res.users.apikeys"].with_user(user).sudo()
        cls.key = keys._generate("rpc", "described", datetime.now() + timedelta(hours=1))

    def post(self, name, body, key=..., content_type="application/json"):
        key = self.key if key is ... else key
        headers = {"Content-Type": content_type, **({"Authorization": f"bearer {key}"} if key else {})}
        url = PREFIX + "/".join(name.rsplit(".", 1))
        with mute_logger("odoo.http"):
            return self.url_open(url, data=body if isinstance(body, str) else json.dumps(body), headers=headers)

    def ask(self, name, **arguments):
        """Return the answer to a request that is as described, having seen that the answer is, too."""
        self.assertEqual(problems(content(operation(name)["requestBody"])["schema"], arguments), [])
        answer = self.post(name, arguments)
        self.assertEqual(answer.status_code, 200, answer.text[:500])
        self.assertEqual(answer_problems(name, 200, answer.json()), [])
        return answer.json()

    def test_a_call_from_beginning_to_end_is_answered_as_described(self):
        self._fund(self.wallet, "1")
        one = {"account": self.wallet.account_ref, "call_ref": "described"}
        asked = {**one, "call_type": "live", "number": "+14155550100"}

        # 600 s by default, 10 minutes at 0.0125.
        self.assertEqual(self.ask("call.wallet.authorize_call", **asked)["max_seconds"], 600)
        other = {**asked, "number": "+14155550101"}
        self.assertEqual(self.ask("call.wallet.authorize_call", **other)["code"], "conflict")
        # 80 minutes are what the whole dollar buys at 0.0125.
        self.assertEqual(self.ask("call.wallet.extend_hold", **one, total_seconds=9000)["max_seconds"], 4800)
        self.assertEqual(self.ask("call.wallet.extend_hold", **one, total_seconds=9000)["code"], "no_funds")
        self.assertEqual(self.ask("call.wallet.release_hold", **one)["max_seconds"], 0)
        call = self._call(**one)
        results = [self.ask("call.usage.record_calls", calls=[sent])[0]["result"] for sent in (
            call, call, {**call, "duration_seconds": 62}, {**call, "call_ref": "x", "account": "NOBODY"},
            {**call, "call_ref": "y", "number": "+551155550100"},
        )]  # fmt: skip
        self.assertEqual(results, ["charged", "duplicate", "conflict", "rejected", "rejected"])
        self.assertEqual(self.ask("call.wallet.authorize_call", **asked)["code"], "already_settled")
        amended = {**call, "duration_seconds": 59, "reason": "Ringing counted"}
        [corrected] = self.ask("call.usage.amend_calls", calls=[amended])
        # Two minutes were charged, one was right.
        self.assertEqual((corrected["result"], corrected["difference"]), ("corrected", "-0.012500"))
        void = {**one, "reason": "A test call"}
        results = [self.ask("call.usage.void_calls", calls=[sent])[0]["result"] for sent in (
            void, void, {**void, "call_ref": "never"}, {**void, "account": "NOBODY"},
        )]  # fmt: skip
        self.assertEqual(results, ["corrected", "duplicate", "rejected", "rejected"])

    def test_what_can_be_read_is_answered_as_described(self):
        self._fund(self.wallet, "1")
        account, closed = self.wallet.account_ref, self._make_wallet()
        closed.close("Contract over")
        wallets = self.ask("call.wallet.get_wallets", accounts=[account, closed.account_ref, "NOBODY"])
        self.assertEqual([wallet["code"] for wallet in wallets], ["ok", "closed", "unknown_account"])
        self.assertIn(account, [wallet["account"] for wallet in self.ask("call.wallet.get_wallets")])
        asked = {"account": account, "call_type": "live", "number": "+14155550100"}
        # 61 s are two minutes at 0.0125.
        self.assertEqual(self.ask("call.wallet.quote_call", **asked, seconds=61)["cost"], "0.025000")
        for other in ({"account": "NOBODY"}, {"number": "+551155550100"}, {"number": "12"}, {"number": "112"}):
            self.ask("call.wallet.quote_call", **{**asked, **other})
        self.ask("call.wallet.authorize_call", **asked, call_ref="running", campaign="Spring", manager="ana@x.example")
        self.ask("call.wallet.authorize_call", **{**asked, "number": "112"}, call_ref="urgent")
        self.assertEqual(len(self.ask("call.wallet.list_holds", account=account)), 2)
        self.assertTrue(self.ask("call.wallet.list_holds"))

        calls = [self._call(call_ref=ref, campaign="Spring") for ref in ("charged", "amended", "voided")]
        refused = self._call(call_ref="rejected", number="+551155550100")
        self.ask("call.usage.record_calls", calls=[*calls, refused])
        self.ask("call.usage.amend_calls", calls=[{**calls[1], "duration_seconds": 59, "reason": "Ringing"}])
        self.ask("call.usage.void_calls", calls=[{"account": account, "call_ref": "voided", "reason": "A test"}])
        late = {"account": account, "call_ref": "never", "reason": "Late"}
        self.ask("call.usage.void_calls", calls=[late])
        found = self.ask(
            "call.usage.get_calls", account=account,
            call_refs=["charged", "amended", "voided", "rejected", "unheard-of"],
        )  # fmt: skip
        self.assertEqual([call["state"] for call in found], ["charged", "corrected", "voided", "rejected", "unknown"])
        rejections = self.ask("call.usage.list_rejections", account=account)
        self.assertEqual([one["kind"] for one in rejections], ["charge", "void"])
        ids = [one["rejection"] for one in rejections]
        self.assertEqual(len(self.ask("call.usage.list_rejections", account=account, after=ids[0], limit=1)), 1)
        self.plan.rate_ids.create({"plan_id": self.plan.id, "prefix": "55", "price_per_minute": "0.01"})
        # The void has still no call; one of the two numbers is nobody's.
        results = self.ask("call.usage.retry_rejections", rejections=[*ids, 2**31 - 1])
        self.assertEqual([result["result"] for result in results], ["charged", "rejected", "rejected"])
        rows = self.ask("call.wallet.list_transactions", account=account)
        # The opening credit, four calls, and what two of them gave back.
        self.assertEqual([row["sequence"] for row in rows], [1, 2, 3, 4, 5, 6, 7])
        page = self.ask("call.wallet.list_transactions", account=account, after=rows[4]["transaction"], limit=1)
        self.assertEqual(page, rows[5:6])

    def test_what_is_told_is_told_as_described(self):
        start = self.ask("call.wallet.list_events")[-1:]
        after = start[0]["event"] if start else 0
        wallet = self.wallet
        account, call = wallet.account_ref, self._call(call_ref="told")
        self._fund(wallet, "20", by="topup")
        wallet.action_pause("Fraud check")
        wallet.action_resume()
        self.ask("call.usage.record_calls", calls=[call, self._call(call_ref="late", number="+551155550100")])
        self.ask("call.usage.amend_calls", calls=[{**call, "duration_seconds": 59}])
        self.plan.rate_ids.create({"plan_id": self.plan.id, "prefix": "55", "price_per_minute": "18"})
        # 20 less 0.0125 less two minutes at 18: below zero.
        self.ask("call.usage.record_calls", calls=[self._call(call_ref="late", number="+551155550100")])
        told = [event for event in self.ask("call.wallet.list_events", after=after) if event["account"] == account]
        self.assertGreaterEqual(
            {event["type"] for event in told},
            {
                "topup.credited", "wallet.restored", "wallet.paused", "wallet.resumed", "call.corrected",
                "call.accepted_after_rejection", "wallet.empty",
            },
        )  # fmt: skip
        for event in told:
            with self.subTest(event["type"]):
                body = content(document()["webhooks"][event["type"]]["post"]["requestBody"])["schema"]
                message = {name: event[name] for name in ("type", "timestamp", "data")}
                self.assertEqual(problems(body, message), [])

    def test_whatever_keeps_a_call_from_starting_is_answered_as_described(self):
        def code(**values):
            asked = {"call_ref": "refused", "call_type": "live", "number": "+14155550100"}
            account = self.wallet.account_ref
            return self.ask("call.wallet.authorize_call", **{"account": account, **asked, **values})["code"]

        self.assertEqual(code(account="NOBODY"), "unknown_account")
        self.assertEqual(code(), "no_funds")
        self._fund(self.wallet, "1")
        self.assertEqual(code(number="+551155550100"), "destination_not_contracted")
        self.assertEqual(code(number="12"), "invalid_number")
        self.wallet.action_pause("Fraud check")
        self.assertEqual(code(), "paused")
        self.assertEqual(code(account=self._make_wallet(recipients=()).account_ref), "not_set_up")
        self.assertEqual(code(number="112"), "ok")

    def test_what_a_context_has_besides_a_language_is_let_pass(self):
        asked = {"account": "NOBODY", "call_ref": "a", "call_type": "live", "number": "+14155550100"}
        context = {"lang": None, "tz": "Asia/Manila", "no_such_key": {"a": [1]}}
        self.assertEqual(self.ask("call.wallet.authorize_call", **asked, context=context)["code"], "unknown_account")

    def test_a_test_of_a_webhook_is_told_as_described(self):
        test = self.env["call.wallet.webhook.delivery"].new({"type": "webhook.test", "due_since": datetime.now()})
        body = content(document()["webhooks"]["webhook.test"]["post"]["requestBody"])
        self.assertEqual(problems(body["schema"], test._content()), [])

    def test_requests_that_are_wrong_as_a_whole_are_refused_as_described(self):
        name = "call.wallet.authorize_call"
        outsider = self.env["res.users.apikeys"].with_user(self._make_user("outsider", "base.group_user")).sudo()
        foreign = outsider._generate("rpc", "outsider", datetime.now() + timedelta(hours=1))
        asked = {"account": "A", "call_ref": "a", "call_type": "live", "number": "+14155550100"}
        for status, answer in (
            (400, self.post(name, "{")),
            (401, self.post(name, asked, key=None)),
            (401, self.post(name, asked, key="wrong")),
            (403, self.post(name, asked, key=foreign)),
            (422, self.post(name, {})),
            (422, self.post(name, {**asked, "surprise": 1})),
            (422, self.post(name, {**asked, "call_type": "letter"})),
            (422, self.post("call.usage.record_calls", {"calls": {}})),
            (422, self.post(name, {**asked, "context": []})),
            (422, self.post(name, {**asked, "context": {"lang": 1}})),
        ):
            with self.subTest(status, body=answer.text[:200]):
                self.assertEqual(answer.status_code, status)
                self.assertEqual(answer_problems(name, status, answer.json()), [])
        missing = self.post("call.wallet.no_such_method", asked)
        self.assertEqual(missing.status_code, 404)
        self.assertEqual(answer_problems(name, 404, missing.json()), [])
        # What a proxy says instead of the server, the guide has rules for.
        self.assertGreaterEqual(operation(name)["responses"].keys(), {"429", "500", "502", "503", "504"})
        answer = self.post(name, json.dumps(asked), content_type="text/plain")
        self.assertEqual(answer.status_code, 415)
        self.assertIn("text/html", answer.headers["Content-Type"])
        self.assertIn("text/html", document()["components"]["responses"]["NotJson"]["content"])

    def test_everybody_may_read_the_description_and_keep_it_for_an_hour(self):
        answer = self.url_open("/call_wallet/openapi.json")
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(answer.text, PATH.read_text())
        self.assertEqual(answer.headers["Content-Type"], "application/json; charset=utf-8")
        self.assertEqual(answer.headers["Cache-Control"], "public, max-age=3600")
        self.assertNotIn("Set-Cookie", answer.headers)
        again = self.url_open("/call_wallet/openapi.json", headers={"If-None-Match": answer.headers["ETag"]})
        self.assertEqual((again.status_code, again.content), (304, b""))
        # Everything else there is about somebody's money.
        self.assertEqual(self.url_open("/call_wallet/openapi.json/").headers.get("Cache-Control"), "no-store")

    def test_the_description_names_no_place_of_this_machine(self):
        self.assertNotIn(str(Path.home()), openapi_json())
