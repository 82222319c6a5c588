"""Calls that Vonage tells of: signed by PyJWT, with which Vonage's own library verifies."""

import json
import time
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import permutations
from uuid import uuid4

import jwt
from odoo.addons.call_wallet.tools.clock import utcnow
from odoo.tools import mute_logger
from vonage_jwt import VonageVerifyJwtError, verify_signature

from .source_provider import ProviderCase

SECRET = "a-signature-secret-of-the-account-1234567890-abcdefghijklmnopqrstuvwxyz"
START = datetime(2026, 11, 1, 10, tzinfo=UTC)
OURS, THEIRS = "14155550199", "14155550100"


def at(seconds):
    """Return a time of the call as Vonage writes it."""
    return (START + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def event(status, uuid="leg-1", second=0, **values):
    """Return an event; those of the documentation have these fields."""
    fields = {
        "from": OURS, "to": THEIRS, "uuid": uuid, "conversation_uuid": "CON-1", "status": status,
        "direction": "outbound", "timestamp": at(second), **values,
    }  # fmt: skip
    return {name: value for name, value in fields.items() if value is not None}


def completed(uuid="leg-1", answered=10, seconds=61, **values):
    times = {"start_time": at(answered), "end_time": at(answered + seconds), "duration": str(seconds)}
    return event(
        "completed", uuid, answered + seconds,
        **{**times, "rate": "0.00450000", "price": "0.00457500", "network": "US-FIXED", **values},
    )  # fmt: skip


def token(body, secret=SECRET, algorithm="HS256", headers=None, **claims):
    """Sign a body as Vonage does; a claim that is None is left out."""
    claims = {
        "iat": int(time.time()), "jti": str(uuid4()), "iss": "Vonage", "api_key": "a1b2c3d4",
        "application_id": "aaaaaaaa-bbbb-cccc-dddd-0123456789ab", "payload_hash": sha256(body).hexdigest(), **claims,
    }  # fmt: skip
    return jwt.encode({n: v for n, v in claims.items() if v is not None}, secret, algorithm, headers=headers)


class VonageCase(ProviderCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.source = cls._make_source(
            "vonage", secret=SECRET, legs="all", line_ids=[(0, 0, {"key": f"+{OURS}", "wallet_id": cls.wallet.id})]
        )

    def _send(self, body, source=None, secret=SECRET, status=200, **options):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {token(body, secret)}"}
        return self._post(source or self.source, body, headers, status=status, **options)


class TestVonage(VonageCase):
    def test_a_call_becomes_a_charge_once(self):
        for body in (event("started"), event("ringing", second=2), event("answered", second=10), completed()):
            self._send(body)
            self._send(body)  # providers repeat
        usage = self._usages()
        self.assertEqual(
            (usage.call_ref, usage.number, usage.direction, usage.duration_seconds, usage.status),
            ("leg-1", "+14155550100", "outbound", 61, "completed"),
        )
        self.assertEqual(str(usage.total_cost), "0.025000")  # 2 minutes at 0.0125
        self.assertEqual(usage.started_at, datetime(2026, 11, 1, 10))
        call = self._calls(self.source)
        self.assertEqual((str(call.cost), call.cost_currency, call.state), ("0.004575", "EUR", "reported"))

    def test_events_in_every_order(self):
        bodies = ("started", 0), ("answered", 10), ("completed", 71)
        for index, order in enumerate(permutations(bodies)):
            uuid = f"order-{index}"
            for status, second in order:
                conversation = {"conversation_uuid": f"CON-{uuid}"}
                end = completed(uuid, **conversation)
                self._send(end if status == "completed" else event(status, uuid, second, **conversation))
        usages = self._usages()
        self.assertEqual(usages.mapped("duration_seconds"), [61] * 6)
        self.assertEqual({str(usage.total_cost) for usage in usages}, {"0.025000"})
        self.assertFalse(self._calls(self.source).filtered("problem"))

    def test_the_end_alone_is_enough(self):
        self._send(completed())
        usage = self._usages()
        # It names when the leg was answered: that is when it began, as far as anybody has said.
        self.assertEqual((usage.started_at, usage.duration_seconds), (datetime(2026, 11, 1, 10, 0, 10), 61))

    def test_without_a_duration_its_times_count(self):
        self._send(completed(duration=None, end_time=at(70.4).replace(".000Z", ".400Z")))
        # 10 to 70.4: 60.4 seconds; the begun one counts, and with it a second minute.
        usage = self._usages()
        self.assertEqual((usage.duration_seconds, str(usage.total_cost)), (61, "0.025000"))

    def test_how_a_leg_ends_that_nobody_answered(self):
        expected = {
            "busy": "busy", "cancelled": "canceled", "timeout": "no_answer", "unanswered": "no_answer",
            "rejected": "failed", "failed": "failed",
        }  # fmt: skip
        for status in expected:
            self._send(event(status, status, 20, conversation_uuid=f"CON-{status}"))
        self.assertEqual({usage.call_ref: usage.status for usage in self._usages()}, expected)
        self.assertEqual({str(usage.total_cost) for usage in self._usages()}, {"0.000000"})

    def test_busy_is_followed_by_completed(self):
        """The documentation says that every call ends with it unless it was rejected."""
        empty = {"start_time": None, "duration": "0", "price": "0", "rate": "0.00"}
        bodies = {status: event(status, second=20) for status in ("busy", "completed")}
        bodies["completed"].update(empty, end_time=at(20))
        for index, order in enumerate(permutations(("busy", "completed"))):
            for status in order:
                self._send({**bodies[status], "uuid": f"leg-{index}", "conversation_uuid": f"CON-{index}"})
        self.assertEqual(self._usages()[0].status, "busy")
        self.assertEqual(self._usages().mapped("duration_seconds"), [0, 0])
        self.assertFalse(self._calls(self.source).filtered("problem"))

    def test_events_that_say_nothing_of_a_charge(self):
        bodies = [
            # The documentation: call_uuid, and not uuid.
            {"call_uuid": "leg-1", "from": OURS, "to": THEIRS, "status": "machine", "timestamp": at(12)},
            {"recording_url": "https://api.example/v1/files/1", "size": 12222, "conversation_uuid": "CON-1"},
            {"dtmf": "42", "timed_out": True, "uuid": "leg-1", "conversation_uuid": "CON-1", "timestamp": at(5)},
            {"type": "transfer", "uuid": "leg-1", "conversation_uuid_from": "CON-1", "conversation_uuid_to": "CON-2"},
            {"reason": "Syntax error in NCCO.", "conversation_uuid": "CON-1", "timestamp": at(5)},
        ]
        for body in bodies:
            self._send(body)
        messages = self.env["call.source.message"].search([("source_id", "=", self.source.id)])
        self.assertEqual(messages.mapped("state"), ["done"] * len(bodies))
        self.assertFalse(self._calls(self.source))

    def test_numbers_and_lines_have_no_plus(self):
        self._send(completed("in", direction="inbound", **{"from": "447700900000", "to": OURS}))
        usage = self._usages()
        self.assertEqual((usage.number, usage.direction), ("+447700900000", "inbound"))
        self._send(completed("hidden", direction="inbound", **{"from": "anonymous", "to": OURS}))
        self.assertEqual(self._usages()[-1].number, "Withheld")
        self._send(completed("elsewhere", conversation_uuid="CON-2", **{"from": "442079460000"}))
        call = self._calls(self.source)[-1]
        self.assertEqual(call.state, "unassigned")
        self.source.with_user(self.manager).line_ids = [(0, 0, {"key": "442079460000", "wallet_id": self.wallet.id})]
        self.env["call.source.call"]._cron_advance()
        self.assertEqual(call.state, "reported")

    def test_the_event_address_names_account_and_reference(self):
        query = f"account={self.wallet.account_ref}&call_ref=ours-7&campaign=Nurses%20M%C3%A1laga&manager=ana"
        self._send(completed(**{"from": "442079460000"}), query=query)
        usage = self._usages()
        self.assertEqual((usage.call_ref, usage.campaign_id.name), ("ours-7", "Nurses Málaga"))
        self.assertEqual(usage.manager_id.name, "ana")

    def test_the_page_s_example(self):
        [said] = self._try_it_as_documented("vonage", SECRET=SECRET)
        self.assertIn("200 OK", said)
        self.assertEqual((self._usages().number, self._usages().duration_seconds), ("+14155550100", 61))


class TestVonageLegs(VonageCase):
    """Inbound and connected on, or dialled and connected on; +44 costs 0.0391 a minute and 0.01 a call."""

    def _inbound_and_on(self, to):
        first = {"direction": "inbound", "from": THEIRS, "to": OURS}
        return [
            event("started", "leg-a", 0, **first),
            event("answered", "leg-a", 1, **first),
            event("started", "leg-b", 5, **{"from": OURS, "to": to}),
            completed("leg-b", 15, 60, **{"from": OURS, "to": to}),
            completed("leg-a", 1, 75, **first),
        ]

    def _charged(self, bodies, legs="one"):
        self.source.legs = legs
        for body in bodies:
            self._send(body)
        self._later()
        return sorted((usage.call_ref, str(usage.total_cost)) for usage in self._usages())

    def test_one_leg_is_the_one_that_was_dialled(self):
        # 1 minute to +44: 0.0391 + 0.01
        self.assertEqual(self._charged(self._inbound_and_on("447700900000")), [("leg-b", "0.049100")])
        states = {call.ref: call.state for call in self._calls(self.source)}
        self.assertEqual(states, {"leg-a": "ignored", "leg-b": "reported"})

    def test_one_leg_in_the_order_of_a_bad_day(self):
        bodies = self._inbound_and_on("447700900000")
        self.assertEqual(self._charged([bodies[index] for index in (4, 3, 1, 2, 0)]), [("leg-b", "0.049100")])

    def test_a_leg_that_shows_the_callers_number_is_paid_by_whose_number_was_called(self):
        bodies = self._inbound_and_on("447700900000")
        for body in bodies[2:4]:
            body["from"] = THEIRS
        self.assertEqual(self._charged(bodies), [("leg-b", "0.049100")])

    def test_each_leg_to_a_telephone(self):
        # The inbound one lasted 75 s; the contract has no price for inbound calls.
        charged = self._charged(self._inbound_and_on("447700900000"), "all")
        self.assertEqual(charged, [("leg-a", "0.000000"), ("leg-b", "0.049100")])
        self.assertEqual(sorted(self._usages().mapped("duration_seconds")), [60, 75])

    def test_what_is_no_telephone_is_never_charged(self):
        for to in ("sip:agent@example.com", "wss://bot.example.com/socket", "agent-7"):
            with self.subTest(to=to):
                bodies = [
                    {**body, "uuid": f"{body['uuid']}{to}", "conversation_uuid": f"CON-{to}"}
                    for body in self._inbound_and_on(to)
                ]
                self._charged(bodies)
        # Nobody was dialled by telephone: the caller's leg is the call.
        self.assertEqual({usage.call_ref[:5] for usage in self._usages()}, {"leg-a"})
        self.assertEqual(len(self._usages()), 3)

    def test_an_agent_in_an_app_calls_a_telephone(self):
        agent = {"direction": "inbound", "from": None, "from_user": "ana", "to": THEIRS}
        bodies = [
            event("started", "app", 0, **agent),
            event("started", "phone", 1),
            completed("phone", 10, 60),
            completed("app", 0, 70, **agent),
        ]
        # 1 minute at 0.0125
        self.assertEqual(self._charged(bodies, "all"), [("phone", "0.012500")])

    def test_dialled_by_the_platform_and_connected_on(self):
        bodies = [
            event("started", "agent", 0, to="447700900000"),
            event("started", "customer-1", 20),
            event("unanswered", "customer-1", 50),
            event("started", "customer-2", 51),
            completed("customer-2", 60, 60),
            completed("agent", 5, 115, to="447700900000"),
        ]
        self.assertEqual(self._charged(bodies), [("customer-1", "0.000000"), ("customer-2", "0.012500")])

    def test_calls_of_one_leg_are_charged_after_a_while(self):
        self.source.legs = "one"
        self._send(completed())
        self.assertEqual(self._calls(self.source).state, "waiting")
        self._later()
        self.assertEqual(self._calls(self.source).state, "reported")


class TestVonageSender(VonageCase):
    def test_a_forged_message_is_refused(self):
        body = json.dumps(completed()).encode()
        now = int(time.time())
        right = token(body)
        head, claims, signature = right.split(".")
        forged = {
            "another secret": f"Bearer {token(body, SECRET + 'x')}",
            "no algorithm": f"Bearer {token(body, None, 'none')}",
            "another algorithm": f"Bearer {token(body, SECRET, 'HS512')}",
            "expired": f"Bearer {token(body, exp=now - 120)}",
            "issued tomorrow": f"Bearer {token(body, iat=now + 86_400)}",
            "not valid yet": f"Bearer {token(body, nbf=now + 3600)}",
            "cut": f"Bearer {head}.{claims}.{signature[:-8]}",
            "without a signature": f"Bearer {head}.{claims}.",
            "in two parts": f"Bearer {head}.{claims}",
            "no token": "Bearer ",
            "another scheme": f"Basic {right}",
            "nothing": "",
            "no text": "Bearer \xff.\xff.\xff",
        }
        # Vonage's library leaves these to whoever calls it.
        stricter = {
            "no digest": f"Bearer {token(body, payload_hash=None)}",
            "another body's digest": f"Bearer {token(body, payload_hash=sha256(b'{}').hexdigest())}",
            "a digest that is none": f"Bearer {token(body, payload_hash=7)}",
            "without a time": f"Bearer {token(body, iat=None)}",
            "of yesterday": f"Bearer {token(body, iat=now - 86_400)}",
        }
        for name, header in {**forged, **stricter}.items():
            with self.subTest(name):
                self._post(self.source, body, {"Authorization": header.encode("latin-1")}, status=403)
                scheme, _blank, given = header.partition(" ")
                if scheme == "Bearer":
                    self.assertEqual(self._library_takes(given), name in stricter)
        self.assertFalse(self._usages())
        self.assertTrue(self._library_takes(right))
        self._post(self.source, body, {"Authorization": f"Bearer {right}"})
        self.assertEqual(len(self._usages()), 1)

    def _library_takes(self, given):
        try:
            return verify_signature(given, SECRET)
        except VonageVerifyJwtError:
            return False

    def test_a_changed_body_is_refused(self):
        body = json.dumps(completed()).encode()
        header = {"Authorization": f"bearer {token(body)}"}
        self._post(self.source, body.replace(b'"61"', b'"6"'), header, status=403)
        self._post(self.source, body + b"\n", header, status=403)
        self._post(self.source, body, header)  # the scheme's name has no case

    def test_a_message_by_get_is_not_taken(self):
        """Its digest would be of something else than what came."""
        with mute_logger("odoo.http"):
            answer = self.url_open(f"/call_wallet/source/{self.source.token}?status=completed&uuid=leg-1")
        self.assertEqual(answer.status_code, 405)

    def test_a_replaced_secret_is_valid_for_a_day(self):
        self.source.with_user(self.manager).secret = "the-next-signature-secret-1234567890abcdef"
        self._send(completed("old"))
        self._send(completed("new"), secret=self.source.secret)
        self.assertEqual(self._usages().mapped("call_ref"), ["old", "new"])
        self.source.previous_until = utcnow() - timedelta(seconds=1)
        self._send(completed("late"), status=403)

    def test_each_company_has_its_own(self):
        other = self.env["res.company"].create({"name": "Elsewhere", "currency_id": self.dollar.id})
        source = self._make_source_of(other, "vonage", secret=f"another-{SECRET}", legs="all")
        self._send(completed(), source, status=403)
        query = f"account={self.wallet.account_ref}"
        self._send(completed(), source, secret=source.secret, query=query)
        self.assertEqual(self._calls(source).state, "unassigned")
        self.assertFalse(self._usages())

    def test_hostile_bodies_do_no_harm(self):
        bodies = [
            b"", b"null", b"[]", b"7", b'"completed"', b"{", b"[" * 100_000, b"\xff\xfe", b'{"a": "\x00"}',
            json.dumps(completed("\x00\ud800")).encode(), json.dumps(completed(uuid=None)).encode(),
            json.dumps(completed("x" * 5000)).encode(), json.dumps(completed(duration="1e999")).encode(),
            json.dumps(completed(duration="-5")).encode(), json.dumps(completed(duration=[1])).encode(),
            json.dumps(completed("bad-start", start_time="yesterday")).encode(),
            json.dumps(completed("early", start_time="0001-01-01T00:00:00+14:00")).encode(),
            json.dumps(completed("bad-to", to={"type": "phone"}, direction=["inbound"])).encode(),
            json.dumps(completed("bad-con", conversation_uuid={"a": 1})).encode(),
            json.dumps({**event("completed"), "duration": 10**30}).encode(),
            b'{"status": "completed", "uuid": "n", "duration": NaN, "timestamp": "2026-11-01T10:00:00Z"}',
            b'{"status": "completed", "uuid": "h", "duration": ' + b"9" * 5000 + b"}",
        ]  # fmt: skip
        for body in bodies:
            with self.subTest(body=body[:60]):
                headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token(body)}"}
                self._attack(self.source, body, headers)
        self._assert_none_is_tried_again(self.source)

    def test_a_cost_that_is_none_does_not_keep_a_call(self):
        for index, price in enumerate(("", "free", "NaN", "1e400", None, {"eur": 1}, "-1")):
            self._send(completed(f"leg-{index}", price=price))
        self.assertEqual(len(self._usages()), 7)
        self.assertFalse(any(self._calls(self.source).mapped("cost_currency")))
