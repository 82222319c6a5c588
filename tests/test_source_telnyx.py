"""Calls that Telnyx tells of: signed with a key of Ed25519, and verified by Telnyx's own library too."""

import base64
import json
import time
from datetime import UTC, datetime, timedelta
from itertools import permutations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from odoo.addons.call_wallet.tools.clock import utcnow
from odoo.exceptions import ValidationError
from telnyx import Telnyx

from .source_provider import ProviderCase

START = datetime(2026, 11, 1, 10, tzinfo=UTC)
OURS, THEIRS = "+14155550199", "+14155550100"


def at(seconds):
    """Return a time of the call as Telnyx writes it."""
    return (START + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def event(name, leg="leg-1", second=0, **payload):
    """Return an event with the fields that the documentation gives to each of them."""
    payload = {
        "call_control_id": f"v3:{leg}", "connection_id": "7267000000000000", "call_leg_id": leg,
        "call_session_id": "session-1", "client_state": None, "from": OURS, "to": THEIRS, **payload,
    }  # fmt: skip
    return {
        "data": {
            "record_type": "event", "event_type": name, "id": f"{leg}-{name}", "occurred_at": at(second),
            "payload": payload,
        },
        "meta": {"attempt": 1, "delivered_to": "https://wallet.example"},
    }  # fmt: skip


def call(leg="leg-1", direction="outgoing", begins=0, answered=10, ends=70.5, cause="normal_clearing", **payload):
    """Return all events of a leg: begun, answered unless ``answered`` is None, hung up, counted."""
    events = [event("call.initiated", leg, begins, direction=direction, state="bridging", **payload)]
    if answered is not None:
        events.append(event("call.answered", leg, answered, state="answered", **payload))
    end = {"start_time": at(begins), "hangup_cause": cause, "hangup_source": "callee", "sip_hangup_cause": "200"}
    parts = [{"billed_duration_secs": 120, "call_part": "sip-trunking", "cost": "0.0100", "currency": "USD"}]
    counted = {"total_cost": "0.0120", "billed_duration_secs": 120, "cost_parts": parts, "status": "success"}
    # Neither of both is among the fields of the last event.
    counted.update({"from": None, "to": None})
    return [
        *events,
        event("call.hangup", leg, ends, **{**end, "state": "hangup", **payload}),
        event("call.cost", leg, ends + 5, **{**payload, **counted}),
    ]


def state(**names):
    return base64.b64encode(json.dumps(names).encode()).decode()


class TelnyxCase(ProviderCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = Ed25519PrivateKey.generate()
        cls.source = cls._make_source(
            "telnyx",
            secret=cls._public(cls.key),
            legs="all",
            line_ids=[(0, 0, {"key": OURS, "wallet_id": cls.wallet.id})],
        )

    @staticmethod
    def _public(key):
        return base64.b64encode(key.public_key().public_bytes_raw()).decode()

    def _signed(self, body, key=None, moment=None):
        moment = str(int(time.time()) if moment is None else moment)
        signature = (key or self.key).sign(moment.encode() + b"|" + body)
        return {
            "telnyx-signature-ed25519": base64.b64encode(signature).decode(),
            "telnyx-timestamp": moment,
        }

    def _send(self, body, source=None, key=None, status=200, **options):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._post(source or self.source, body, self._signed(body, key), status=status, **options)


class TestTelnyx(TelnyxCase):
    def test_a_call_becomes_a_charge_once(self):
        for body in call():
            self._send(body)
            self._send(body)
        usage = self._usages()
        # From 10 to 70.5 are 60.5 seconds: 61 are begun, and 2 minutes at 0.0125.
        self.assertEqual(
            (usage.call_ref, usage.number, usage.direction, usage.duration_seconds, usage.status),
            ("leg-1", THEIRS, "outbound", 61, "completed"),
        )
        self.assertEqual(str(usage.total_cost), "0.025000")
        self.assertEqual(usage.started_at, datetime(2026, 11, 1, 10))
        found = self._calls(self.source)
        self.assertEqual((str(found.cost), found.cost_currency, found.state), ("0.012000", "USD", "reported"))

    def test_events_in_every_order(self):
        for index, order in enumerate(permutations(range(4))):
            bodies = call(f"order-{index}", call_session_id=f"session-{index}")
            for position in order:
                self._send(bodies[position])
        usages = self._usages()
        self.assertEqual(usages.mapped("duration_seconds"), [61] * 24)
        self.assertEqual({str(usage.total_cost) for usage in usages}, {"0.025000"})
        calls = self._calls(self.source)
        self.assertFalse(calls.filtered("problem"))
        self.assertEqual({str(found.cost) for found in calls}, {"0.012000"})
        self.assertFalse(self.env["call.usage.rejection"].search([("wallet_id", "=", self.wallet.id)]))

    def test_an_inbound_call_in_every_order(self):
        """Only the first event says in which direction it went."""
        for index, order in enumerate(permutations(range(3))):
            caller = {"from": "+447700900000", "to": OURS, "call_session_id": f"session-{index}"}
            bodies = call(f"order-{index}", "incoming", **caller)
            for position in order:
                self._send(bodies[position])
        self.assertEqual({(usage.number, usage.direction) for usage in self._usages()}, {("+447700900000", "inbound")})

    def test_lost_events(self):
        initiated, answered, hangup, counted = call()
        self._send(initiated)
        self._send(hangup)
        found = self._calls(self.source)
        self.assertEqual(found.state, "waiting")
        # What Telnyx bills is rounded up, and is not what was talked.
        self._send(counted)
        self._later(31)
        self.assertEqual(found.state, "unusable")
        self.assertIn("duration_seconds", found.problem)
        self._send(answered)
        self.assertEqual((found.state, self._usages().duration_seconds), ("reported", 61))
        initiated, answered, hangup, counted = call("leg-2")
        self._send(answered)
        self._send(hangup)
        self._later(31)
        found = self._calls(self.source)[-1]
        self.assertEqual(found.state, "unusable")
        self.assertIn("number", found.problem)
        self._send(initiated)
        self.assertEqual(found.state, "reported")

    def test_causes(self):
        causes = {
            ("user_busy", "486"): "busy", ("call_rejected", "603"): "busy", ("timeout", "487"): "no_answer",
            ("no_answer", "480"): "no_answer", ("originator_cancel", "487"): "canceled", ("not_found", "404"): "failed",
            ("unspecified", "486"): "busy", ("unspecified", "503"): "failed", ("normal_clearing", "487"): "canceled",
        }  # fmt: skip
        for cause, sip in causes:
            bodies = call(f"{cause}-{sip}", answered=None, cause=cause, sip_hangup_cause=sip, call_session_id=cause)
            for body in bodies:
                self._send(body)
        found = {tuple(usage.call_ref.split("-")): usage.status for usage in self._usages()}
        self.assertEqual(found, causes)
        self.assertEqual({str(usage.total_cost) for usage in self._usages()}, {"0.000000"})

    def test_a_call_that_was_cut_is_charged(self):
        for body in call(cause="time_limit", ends=70):
            self._send(body)
        usage = self._usages()
        self.assertEqual((usage.duration_seconds, str(usage.total_cost)), (60, "0.012500"))

    def test_client_state_names_account_and_reference(self):
        """It is signed, and the address is not: it counts more."""
        named = state(account=self.wallet.account_ref, call_ref="ours-7", campaign="Málaga", manager="ana")
        for body in call(client_state=named, **{"from": "+442079460000"}):
            self._send(body, query="account=nobody&application_ref=a-1")
        usage = self._usages()
        self.assertEqual(
            (usage.call_ref, usage.campaign_id.name, usage.manager_id.name, usage.application_ref),
            ("ours-7", "Málaga", "ana", "a-1"),
        )

    def test_client_state_of_others_is_left_alone(self):
        others = [
            "aGF2ZSBhIG5pY2UgZGF5ID1d", "no base64 at all", base64.b64encode(b"[1]").decode(),
            base64.b64encode(b"\xff\x00").decode(), base64.b64encode(b"[" * 50_000).decode(), {"account": "x"},
        ]  # fmt: skip
        for index, other in enumerate(others):
            for body in call(f"leg-{index}", client_state=other, call_session_id=f"session-{index}"):
                self._send(body)
        self.assertEqual(len(self._usages()), len(others))

    def test_the_connection_is_a_line(self):
        for body in call(connection_id="1494404757140276705", **{"from": "+442079460000"}):
            self._send(body)
        found = self._calls(self.source)
        self.assertEqual(found.state, "unassigned")
        self.source.with_user(self.manager).line_ids = [
            (0, 0, {"key": "1494404757140276705", "wallet_id": self.wallet.id})
        ]
        self.env["call.source.call"]._cron_advance()
        self.assertEqual(found.state, "reported")

    def test_other_events_say_nothing_of_a_charge(self):
        for name in ("call.bridged", "call.speak.ended", "call.recording.saved", "message.received", "fax.queued"):
            self._send(event(name))
        messages = self.env["call.source.message"].search([("source_id", "=", self.source.id)])
        self.assertEqual(messages.mapped("state"), ["done"] * 5)
        self.assertFalse(self._calls(self.source))

    def test_the_page_s_example(self):
        examples = self._try_it_as_documented("telnyx")
        self.source.with_user(self.manager).secret = next(examples)
        self.assertEqual(next(examples).count("200 OK"), 3)
        self.assertEqual((self._usages().number, self._usages().duration_seconds), (THEIRS, 61))


class TestTelnyxLegs(TelnyxCase):
    def _charged(self, *legs, by="one"):
        self.source.legs = by
        for leg in legs:
            for body in leg:
                self._send(body)
        self._later()
        return sorted((usage.call_ref, str(usage.total_cost)) for usage in self._usages())

    def _transferred(self, to="+447700900000"):
        caller = call("leg-a", "incoming", 0, 1, 80, **{"from": THEIRS, "to": OURS})
        return caller, call("leg-b", "outgoing", 5, 20, 80, **{"from": OURS, "to": to})

    def test_one_leg_is_the_one_that_was_dialled(self):
        # 1 minute to +44: 0.0391 + 0.01
        self.assertEqual(self._charged(*self._transferred()), [("leg-b", "0.049100")])

    def test_one_leg_whichever_is_told_of_first(self):
        self.assertEqual(self._charged(*reversed(self._transferred())), [("leg-b", "0.049100")])

    def test_each_leg_to_a_telephone(self):
        # The caller's lasted 79 s; the contract has no price for inbound calls.
        charged = self._charged(*self._transferred(), by="all")
        self.assertEqual(charged, [("leg-a", "0.000000"), ("leg-b", "0.049100")])
        self.assertEqual(sorted(self._usages().mapped("duration_seconds")), [60, 79])

    def test_a_sip_address_is_no_telephone(self):
        legs = self._transferred("sip:agent@sip.telnyx.com")
        self.assertEqual(self._charged(*legs), [("leg-a", "0.000000")])
        self.assertEqual({found.ref: found.state for found in self._calls(self.source)}["leg-b"], "ignored")

    def test_an_agent_by_sip_calls_a_telephone(self):
        agent = call("leg-a", "incoming", 0, 1, 80, **{"from": "sip:ana@sip.telnyx.com", "to": THEIRS})
        charged = self._charged(agent, call("leg-b", "outgoing", 1, 20, 80))
        self.assertEqual(charged, [("leg-b", "0.012500")])  # 1 minute at 0.0125


class TestTelnyxSender(TelnyxCase):
    def _library_takes(self, body, headers):
        client = Telnyx(api_key="KEY", public_key=self.source.secret)
        try:
            client.webhooks.unwrap(body.decode(), headers=headers)
        except ValueError:
            return False
        return True

    def test_a_forged_message_is_refused(self):
        # As it came, with the blanks that Telnyx writes: what is written anew has another signature.
        body = json.dumps(call()[0], indent=2).encode()
        now = int(time.time())
        right = self._signed(body)
        other = Ed25519PrivateKey.generate()
        forged = {
            "another key": self._signed(body, other),
            "old": self._signed(body, moment=now - 310),
            "ahead": self._signed(body, moment=now + 900),
            "another time": {**right, "telnyx-timestamp": str(now - 5)},
            "another body": self._signed(body + b" "),
            "time with letters": self._signed(body, moment=f"{now}abc"),
            "no time": {**right, "telnyx-timestamp": ""},
            "cut": {**right, "telnyx-signature-ed25519": right["telnyx-signature-ed25519"][:-8]},
            "no base64": {**right, "telnyx-signature-ed25519": "!" * 88},
            "no signature": {"telnyx-timestamp": right["telnyx-timestamp"]},
            "nothing": {},
        }
        for name, headers in forged.items():
            with self.subTest(name):
                self._post(self.source, body, headers, status=403)
                self.assertFalse(self._library_takes(body, headers))
        for name, headers in {
            "now": right,
            "a little old": self._signed(body, moment=now - 150),
            "a little ahead": self._signed(body, moment=now + 250),
        }.items():
            with self.subTest(name):
                self._post(self.source, body, headers)
                self.assertTrue(self._library_takes(body, headers))

    def test_a_time_with_blanks_is_refused(self):
        """It is signed, and Python would read a number in it."""
        body = json.dumps(call()[0]).encode()
        self._post(self.source, body, self._signed(body, moment=f"{int(time.time())}_0"), status=403)

    def test_what_is_no_key_is_refused_when_it_is_typed_in(self):
        for secret in ("KEY0189A5B3_notpublic", "abc", base64.b64encode(b"x" * 31).decode(), "-----BEGIN PUBLIC KEY"):
            with self.subTest(secret), self.assertRaises(ValidationError) as caught:
                self.source.with_user(self.manager).secret = secret
            self.assertIn("public key", str(caught.exception))
        with self.assertRaises(ValidationError):
            self._make_source("telnyx", secret="abc")
        self._make_source("telnyx", secret=f" {self._public(self.key)}\n")

    def test_a_source_without_a_key_takes_nothing(self):
        source = self._make_source("telnyx")
        self._send(call()[0], source, status=403)

    def test_a_replaced_key_is_valid_for_a_day(self):
        new = Ed25519PrivateKey.generate()
        self.source.with_user(self.manager).secret = self._public(new)
        for key, leg in ((self.key, "old"), (new, "new")):
            for body in call(leg, call_session_id=leg):
                self._send(body, key=key)
        self.assertEqual(self._usages().mapped("call_ref"), ["old", "new"])
        self.source.previous_until = utcnow() - timedelta(seconds=1)
        self._send(call("late")[0], status=403)

    def test_each_company_has_its_own(self):
        other, key = self.env["res.company"].create({"name": "Elsewhere"}), Ed25519PrivateKey.generate()
        source = self._make_source_of(other, "telnyx", secret=self._public(key), legs="all")
        self._send(call()[0], source, status=403)
        for body in call(client_state=state(account=self.wallet.account_ref)):
            self._send(body, source, key)
        self.assertEqual(self._calls(source).state, "unassigned")
        self.assertFalse(self._usages())

    def test_hostile_bodies_do_no_harm(self):
        hangup = call()[2]

        def changed(**payload):
            return json.dumps(
                {"data": {**hangup["data"], "payload": {**hangup["data"]["payload"], **payload}}}
            ).encode()

        bodies = [
            b"", b"null", b"[]", b"{", b"[" * 100_000, b"\xff\xfe", b'{"a": "\x00"}', b'{"data": []}',
            b'{"data": {"event_type": ["call.hangup"], "payload": {}}}',
            b'{"data": {"event_type": "call.hangup", "payload": []}}',
            b"CallSid=v3%3A1&CallStatus=completed&CallDuration=2",  # TeXML sends forms
            changed(call_leg_id=None), changed(call_leg_id="\x00\ud800"), changed(call_leg_id="x" * 5000),
            changed(start_time=7), changed(start_time="0001-01-01T00:00:00+14:00"), changed(call_session_id=[1]),
            changed(sip_hangup_cause="²"), changed(sip_hangup_cause={"a": 1}), changed(hangup_cause=["x"]),
            json.dumps(event("call.initiated", direction=7, to=["x"])).encode(),
            json.dumps(event("call.cost", total_cost="1e400", cost_parts={"a": 1})).encode(),
            json.dumps(event("call.cost", total_cost=[], cost_parts=[7, None])).encode(),
        ]  # fmt: skip
        for body in bodies:
            with self.subTest(body=body[:60]):
                self._attack(self.source, body, {"Content-Type": "application/json", **self._signed(body)})
        self._assert_none_is_tried_again(self.source)
