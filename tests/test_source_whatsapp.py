"""Calls of WhatsApp Business Calling: Meta's webhooks, as its documentation has them.

Meta has no library that signs. ``_signed`` is written by its documentation (Webhooks, validating payloads) alone: the
hexadecimal HMAC-SHA256 of the body as it is sent, by the app's secret.
"""

import hmac
import json
from datetime import datetime, timedelta
from itertools import permutations
from urllib.parse import quote

from odoo.addons.call_wallet.tools.clock import utcnow
from odoo.tools import mute_logger

from .test_sources import START, SourceCase

SECRET = "5f2b8c1d9e7a4f3b"
PHONE_ID, SECOND_ID = "106540352242922", "436666719526789"


class TestSourceWhatsapp(SourceCase):
    """WhatsApp to +1 415 costs 0.02 a minute, to Colombia (57) 0.05, from anybody 0.01; the wallet has 10.00."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.plan.rate_ids = [
            (0, 0, {"call_type": "whatsapp", "prefix": "1415", "price_per_minute": "0.02"}),
            (0, 0, {"call_type": "whatsapp", "prefix": "57", "price_per_minute": "0.05"}),
            (0, 0, {"call_type": "whatsapp", "direction": "inbound", "price_per_minute": "0.01"}),
        ]
        cls.source = cls._make_source(
            "whatsapp", secret=SECRET, line_ids=[(0, 0, {"key": PHONE_ID, "wallet_id": cls.wallet.id})]
        )

    # === WHAT META SENDS === #

    def _call_of(self, event="terminate", ref="wacid.1", direction="BUSINESS_INITIATED", seconds=61, **fields):
        """A call between +1 415 555 0100 and our +1 317 555 1399; ``fields`` that are ``...`` are left out."""
        user, own = "14155550100", "13175551399"
        is_out = direction == "BUSINESS_INITIATED"
        call = {
            "id": ref, "event": event, "direction": direction, "timestamp": str(START + 80),
            "from": own if is_out else user, "to": user if is_out else own,
        }  # fmt: skip
        if event == "terminate":
            call["status"] = "COMPLETED"
            if seconds is not None:
                call |= {"start_time": str(START), "end_time": str(START + seconds), "duration": seconds}
        return {name: value for name, value in {**call, **fields}.items() if value is not ...}

    def _value(self, *calls, phone_id=PHONE_ID, **more):
        metadata = {"phone_number_id": phone_id, "display_phone_number": "+1 317-555-1399"}
        return {"messaging_product": "whatsapp", "metadata": metadata, "calls": list(calls), **more}

    def _body(self, *values, field="calls"):
        changes = [{"field": field, "value": value} for value in values]
        return {"object": "whatsapp_business_account", "entry": [{"id": "366634483210360", "changes": changes}]}

    def _signed(self, body, secret=SECRET):
        return "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()

    def _send(self, body, secret=SECRET, status=200, **options):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._post(
            self.source, raw, {"X-Hub-Signature-256": self._signed(raw, secret)}, status=status, **options
        )

    def _send_calls(self, *calls, **more):
        return self._send(self._body(self._value(*calls, **more)))

    def _messages(self):
        return self.env["call.source.message"].search([("source_id", "=", self.source.id)], order="id")

    # === THE ADDRESS IS OURS === #

    def _challenge(self, **query):
        query = "&".join(f"hub.{name}={quote(value)}" for name, value in query.items())
        with mute_logger("odoo.http"):
            return self.url_open(f"/call_wallet/source/{self.source.token}?{query}")

    def test_meta_finds_out_that_the_address_is_ours(self):
        answer = self._challenge(mode="subscribe", verify_token=self.source.token, challenge="1158201444")
        self.assertEqual((answer.status_code, answer.text), (200, "1158201444"))
        # What comes back is never a page.
        answer = self._challenge(mode="subscribe", verify_token=self.source.token, challenge="<script>")
        self.assertTrue(answer.headers["Content-Type"].startswith("text/plain"))
        for query in (
            {"mode": "subscribe", "verify_token": "guess", "challenge": "1"},
            {"mode": "unsubscribe", "verify_token": self.source.token, "challenge": "1"},
            {"mode": "subscribe", "challenge": "1"},
            {},
        ):
            self.assertEqual(self._challenge(**query).status_code, 403)

    def test_the_form_says_what_to_enter_where(self):
        source = self.source.with_user(self.manager)
        self.assertIn("verify token", source.setup)
        self.assertTrue(source.has_challenge)
        self.assertTrue(source.address.endswith(source.token))

    # === WHO SENDS === #

    def test_only_a_body_that_meta_has_signed_is_believed(self):
        raw = json.dumps(self._body(self._value(self._call_of()))).encode()
        good = self._signed(raw)
        for headers in (
            {},
            {"X-Hub-Signature-256": ""},
            {"X-Hub-Signature-256": good.removeprefix("sha256=")},
            {"X-Hub-Signature-256": self._signed(raw, "guess")},
            {"X-Hub-Signature-256": self._signed(raw + b" ")},
            {"X-Hub-Signature": "sha1=" + hmac.digest(SECRET.encode(), raw, "sha1").hex()},
        ):
            self._post(self.source, raw, headers, status=403)
        self._post(self.source, raw.replace(b"61", b"10"), {"X-Hub-Signature-256": good}, status=403)
        self.assertFalse(self._messages())
        self._post(self.source, raw, {"X-Hub-Signature-256": good})
        self.assertEqual(self._usages().duration_seconds, 61)

    def test_a_signature_is_of_the_body_as_it_came(self):
        """Meta writes letters such as ü as escapes, and slashes too: read and written again the body is another."""
        body = json.dumps(self._body(self._value(self._call_of(), contacts=[{"profile": {"name": "Zoë"}}])))
        raw = body.replace("/", r"\/").replace(", ", ",").encode()
        self.assertIn(rb"\u00eb", raw)
        self._send(raw)
        self.assertEqual(len(self._usages()), 1)

    def test_a_replaced_app_secret_is_valid_for_a_day(self):
        self.source.with_user(self.manager).secret = "the new one"
        self._send(self._body(self._value(self._call_of(ref="wacid.old"))), secret=SECRET)
        self._send(self._body(self._value(self._call_of(ref="wacid.new"))), secret="the new one")
        self.assertEqual(len(self._usages()), 2)
        self.source.previous_until = utcnow() - timedelta(seconds=1)
        self._send(self._body(self._value(self._call_of(ref="wacid.3"))), secret=SECRET, status=403)

    # === CALLS === #

    def test_a_call_to_a_user(self):
        self._send_calls(self._call_of())
        usage = self._usages()
        self.assertEqual(
            (usage.call_ref, usage.call_type, usage.direction, usage.number, usage.duration_seconds, usage.status),
            ("wacid.1", "whatsapp", "outbound", "+14155550100", 61, "completed"),
        )
        self.assertEqual(usage.started_at, datetime(2026, 11, 1, 10))
        self.assertEqual(str(usage.total_cost), "0.040000")  # 2 minutes at 0.02

    def test_a_call_from_a_user(self):
        self._send_calls(self._call_of(direction="USER_INITIATED", seconds=121))
        usage = self._usages()
        self.assertEqual((usage.direction, usage.number), ("inbound", "+14155550100"))
        self.assertEqual(str(usage.total_cost), "0.030000")  # 3 minutes at 0.01

    def test_events_in_any_order_and_again(self):
        """What is charged does not depend on what comes first, and is charged once."""
        for place, order in enumerate(permutations(range(4))):
            ref = f"wacid.{place}"
            ringing = {"id": ref, "type": "call", "status": "RINGING", "timestamp": str(START - 9), "recipient_id": "1"}
            events = [
                self._value(self._call_of("connect", ref=ref, timestamp=str(START - 10))),
                self._value(statuses=[ringing]),
                self._value(statuses=[{**ringing, "status": "ACCEPTED", "timestamp": str(START + 1)}]),
                self._value(self._call_of(ref=ref)),
            ]
            for event in order:
                self._send(self._body(events[event]))
            self._send(self._body(events[order[0]]))
        usages = self._usages()
        self.assertEqual(len(usages), 24)
        self.assertEqual(set(usages.mapped("started_at")), {datetime(2026, 11, 1, 10)})
        self.assertEqual(set(map(str, usages.mapped("total_cost"))), {"0.040000"})

    def test_a_call_that_has_not_ended_is_in_progress(self):
        self._send_calls(self._call_of("connect"))
        self.assertEqual(self._calls(self.source).state, "open")
        self.assertFalse(self._usages())

    def test_the_duration_is_what_meta_says(self):
        """Meta's example of a failed call: 153 s between start and end, and a duration of 30 s."""
        self._send_calls(self._call_of(status="FAILED", start_time=str(START), end_time=str(START + 153), duration=30))
        usage = self._usages()
        self.assertEqual((usage.status, usage.duration_seconds), ("completed", 30))
        self.assertEqual(str(usage.total_cost), "0.020000")  # 1 minute

    def test_a_duration_as_text_and_one_that_is_left_out(self):
        self._send_calls(self._call_of(ref="wacid.text", duration="61"), self._call_of(ref="wacid.none", duration=...))
        self.assertEqual(self._usages().mapped("duration_seconds"), [61, 61])

    def test_a_call_that_was_not_picked_up_costs_nothing(self):
        self._send_calls(
            self._call_of(ref="wacid.unanswered", seconds=None),
            self._call_of(ref="wacid.failed", seconds=None, status="FAILED"),
            self._call_of(ref="wacid.failed0", seconds=0, status="FAILED"),
            self._call_of(ref="wacid.bare", seconds=None, status=...),
        )
        usages = self._usages()
        self.assertEqual(usages.mapped("status"), ["no_answer", "failed", "failed", "no_answer"])
        self.assertEqual(set(map(str, usages.mapped("total_cost"))), {"0.000000"})
        self.assertEqual(usages[0].started_at, datetime(2026, 11, 1, 10, 1, 20))  # of the event itself

    def test_several_calls_of_several_numbers_in_a_body(self):
        second = self._make_wallet()
        self._fund(second, "10")
        self.source.line_ids = [(0, 0, {"key": "+13175550000", "wallet_id": second.id})]
        other = self._value(self._call_of(ref="wacid.c", seconds=10), phone_id=SECOND_ID)
        other["metadata"]["display_phone_number"] = "13175550000"
        body = self._body(self._value(self._call_of(ref="wacid.a"), self._call_of(ref="wacid.b", seconds=300)), other)
        body["entry"] += self._body(self._value(self._call_of(ref="wacid.d")))["entry"]
        self._send(body)
        self.assertEqual(self._usages().mapped("call_ref"), ["wacid.a", "wacid.b", "wacid.d"])
        # The second number is listed by the number itself, which Meta writes without a plus.
        usage = self.env["call.usage"].search([("wallet_id", "=", second.id)])
        self.assertEqual((usage.call_ref, str(usage.total_cost)), ("wacid.c", "0.020000"))

    def test_one_bad_call_does_not_keep_the_others(self):
        self._send_calls(
            self._call_of(ref="wacid.bad", duration="long"), {"event": "terminate"}, "no call", self._call_of()
        )
        self.assertEqual(self._usages().call_ref, "wacid.1")
        message = self._messages()
        self.assertEqual(message.state, "failed")
        self.assertIn("duration: 'long'", message.problem)

    def test_a_direction_that_is_left_out_is_known_by_our_number(self):
        self._send_calls(
            {**self._call_of(ref="wacid.1"), "direction": None},
            {**self._call_of(ref="wacid.2", direction="USER_INITIATED"), "direction": None},
        )
        self.assertEqual(self._usages().mapped("direction"), ["outbound", "inbound"])
        self.assertEqual(set(self._usages().mapped("number")), {"+14155550100"})

    # === USERS WITHOUT A NUMBER === #

    def test_a_user_who_hides_the_number(self):
        user = "CO.13491208655302741918"
        self._send_calls(self._call_of(ref="wacid.to", to=..., to_user_id=user))
        self._send_calls(
            self._call_of(ref="wacid.contact", to=...),
            contacts=[{"profile": {"name": "Ana", "username": "@ana"}, "user_id": user}],
        )
        self._send_calls(
            self._call_of(ref="wacid.from", direction="USER_INITIATED", **{"from": ..., "from_user_id": user})
        )
        usages = self._usages()
        self.assertEqual(usages.mapped("number"), [user] * 3)
        # 2 minutes to Colombia at 0.05, twice; 2 minutes from anybody at 0.01.
        self.assertEqual([str(usage.total_cost) for usage in usages], ["0.100000", "0.100000", "0.020000"])

    def test_a_number_counts_more_than_an_id(self):
        self._send_calls(
            self._call_of(to_user_id="CO.13491208655302741918"),
            contacts=[{"wa_id": "14155550100", "user_id": "CO.13491208655302741918"}],
        )
        self.assertEqual(self._usages().number, "+14155550100")

    # === WHAT THE PLATFORM ADDS === #

    def test_the_opaque_field_names_account_and_reference(self):
        other = self._make_wallet()
        self._fund(other, "10")
        names = {
            "account": other.account_ref, "call_ref": "ours-1", "campaign": "Nurses", "manager": "Ana",
            "application_ref": "A-7", "color": "red",
        }  # fmt: skip
        self._send_calls(self._call_of(biz_opaque_callback_data=json.dumps(names)))
        query = f"account={other.account_ref}&call_ref=ours-2&campaign=Nurses%20ES"
        self._send_calls(self._call_of(ref="wacid.2", biz_opaque_callback_data=query))
        usages = self.env["call.usage"].search([("wallet_id", "=", other.id)], order="id")
        self.assertEqual(usages.mapped("call_ref"), ["ours-1", "ours-2"])
        self.assertEqual(usages.mapped("campaign_id.name"), ["Nurses", "Nurses ES"])
        self.assertEqual((usages[0].manager_id.name, usages[0].application_ref), ("Ana", "A-7"))

    def test_anything_else_in_the_opaque_field_is_ignored(self):
        for place, text in enumerate(
            (
                "TRx334DUDFTI4Mj",
                "12345",
                '["account"]',
                "null",
                "{",
                "account=" + "x" * 600,
                {"account": "x"},
                "[" * 500,
            )
        ):
            self._send_calls(self._call_of(ref=f"wacid.{place}", biz_opaque_callback_data=text))
        self.assertEqual(len(self._usages()), 8)

    def test_another_companys_wallet_cannot_be_named(self):
        other = self._make_wallet(company_id=self.env["res.company"].create({"name": "Elsewhere"}).id)
        self._send_calls(self._call_of(biz_opaque_callback_data=f"account={other.account_ref}"))
        self.assertEqual(self._calls(self.source).state, "unassigned")

    def test_a_number_that_nobody_has_listed_waits(self):
        self._send(self._body(self._value(self._call_of(), phone_id=SECOND_ID)))
        call = self._calls(self.source)
        self.assertEqual(call.state, "unassigned")
        self.assertIn(SECOND_ID, call.problem)

    # === WHAT IS NOT ABOUT CALLS === #

    def test_messages_and_settings_fill_no_list_of_failures(self):
        message = {"from": "14155550100", "id": "wamid.1", "type": "text", "text": {"body": "Hello"}}
        self._send(self._body(self._value(messages=[message]), field="messages"))
        self._send(self._body({"event": "ONBOARD"}, field="account_update"))
        self._send(self._body(self._value(statuses=[{"id": "wamid.1", "status": "delivered", "type": "message"}])))
        self.assertEqual(set(self._messages().mapped("state")), {"done"})
        self.assertFalse(self._calls(self.source))
        self.assertEqual((self.source.problem_count, self.source.health), (0, "good"))

    def test_hostile_bodies(self):
        """Signed all the same: none is an error of ours, and none is tried again and again."""
        deep = b'{"entry":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
        wrong = [None, 7, "x", [], {}, [None], [[]], {"a": {}}, True, "\ud83d", "\x00", 10**30, float("nan")]
        bodies = [b" ", b"[]", b"null", b"{", deep, b'{"entry": 1}', b'{"entry": [1, null, {"changes": 7}]}']
        bodies += [json.dumps(self._body(value)).encode() for value in wrong]
        for name in ("id", "event", "direction", "from", "to", "status", "start_time", "end_time", "duration"):
            for value in wrong:
                body = self._body(self._value(self._call_of(ref=f"wacid.{name}", **{name: value})))
                bodies.append(json.dumps(body).encode())
        for name in ("metadata", "contacts", "statuses", "calls"):
            bodies += [
                json.dumps(self._body({**self._value(self._call_of()), name: value})).encode() for value in wrong
            ]
        bodies.append(json.dumps(self._body(self._value(self._call_of(ref="wacid." + "x" * 5000)))).encode())
        with mute_logger("odoo.addons.call_wallet.models.sources.call_source_message"):
            for body in bodies:
                self._send(body)
        # None was a surprise, which would be tried again.
        self.assertNotIn("waiting", self._messages().mapped("state"))
        self.assertEqual(set(self._messages().mapped("attempts")), {0})
        for body in (b"\xff\xfe", b'{"entry": "\x00"}'):
            self._send(body, status=400)
        self._send(b" " * ((1 << 20) + 1), status=413)
