"""Calls of Twilio: status callbacks, signed by Twilio's own library, which must also agree on what is forged."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from hashlib import sha256
from itertools import permutations
from urllib.parse import urlencode

from odoo.addons.call_wallet.tools.clock import recorded_at, utcnow
from odoo.addons.call_wallet.tools.sources import KINDS
from odoo.addons.call_wallet.tools.sources.event import Received
from odoo.tests import TransactionCase, tagged
from odoo.tools import mute_logger
from twilio.request_validator import HMAC_SHA256, RequestValidator, get_signature_algorithm

from .test_sources import START, SourceCase

TOKEN = "12345678901234567890123456789012"
ACCOUNT = "AC0123456789abcdef0123456789abcdef"
OWN, CUSTOMER, AGENT = "+14155550199", "+14155550100", "+442071838750"
ADDRESS = "https://wallet.example.com/call_wallet/source/0123"
FORM = "application/x-www-form-urlencoded"


@tagged("post_install", "-at_install", "standard")
class TestTwilioSignature(TransactionCase):
    """Product and library side by side, each with what the other must see the same way."""

    def _agreed(self, url, body=b"", kind=FORM, signature="", settings="", secret=TOKEN):
        """Return whether the request is believed; the library must say the same."""
        headers = {"content-type": kind, "x-twilio-signature": signature}
        if settings:
            headers["x-twilio-webhooks-signature-settings"] = settings
        received = Received(url, headers, body)
        ours = KINDS["twilio"].verify(received, secret, datetime.now(UTC))
        given = body.decode() if kind != FORM else MultiDict(received.form)
        with mute_logger("twilio.request_validator"):
            theirs = RequestValidator(secret).validate(url, given, signature, get_signature_algorithm(settings))
        self.assertEqual(ours, theirs)
        return ours

    def _sign(self, url, parameters=None, secret=TOKEN, algorithm=None):
        return RequestValidator(secret).compute_signature(url, parameters or {}, algorithm)

    def test_what_the_library_signs_is_believed(self):
        parameters = {"CallSid": "CA1", "To": "+1 & 2=3", "From": "", "Name": "Zoë 日本"}
        body = urlencode(parameters).encode()
        for url in (ADDRESS, f"{ADDRESS}?account=ACME&call_ref=a%20b+c", f"{ADDRESS}?a=1&a=2"):
            self.assertTrue(self._agreed(url, body, signature=self._sign(url, parameters)))
            self.assertFalse(self._agreed(url, body + b"1", signature=self._sign(url, parameters)))
            self.assertFalse(self._agreed(url, body, signature=self._sign(url, parameters, "another token")))
            self.assertFalse(self._agreed(url, body))
        # Names and values more than once, in any order.
        body = b"b=2&a=1&b=1&b=2"
        signature = self._sign(ADDRESS, MultiDict([("b", "2"), ("a", "1"), ("b", "1")]))
        self.assertTrue(self._agreed(ADDRESS, body, signature=signature))

    def test_a_query_is_signed_as_it_was_written(self):
        """Reported of others: a server that sorts the query, or writes blanks another way, refuses real messages."""
        url, other = f"{ADDRESS}?b=x+y&a=1", f"{ADDRESS}?a=1&b=x%20y"
        self.assertTrue(self._agreed(url, b"C=1", signature=self._sign(url, {"C": "1"})))
        self.assertFalse(self._agreed(other, b"C=1", signature=self._sign(url, {"C": "1"})))

    def test_with_and_without_the_port(self):
        """Twilio signs some addresses with the port and some without."""
        host = "https://wallet.example.com"
        for called, signed, is_good in (
            (f"{host}/x", f"{host}:443/x", True),
            (f"{host}:443/x", f"{host}/x", True),
            (f"{host}:8443/x", f"{host}/x", True),
            (f"{host}:8443/x", f"{host}:8443/x", True),
            ("http://wallet.example.com/x", "http://wallet.example.com:80/x", True),
            (f"{host}/x", f"{host}:8443/x", False),
            (f"{host}:8443/x", f"{host}:443/x", False),
            (f"{host}/x", "http://wallet.example.com/x", False),
        ):
            with self.subTest(called=called, signed=signed):
                self.assertEqual(self._agreed(called, b"C=1", signature=self._sign(signed, {"C": "1"})), is_good)

    def test_json_is_signed_by_its_hash(self):
        body = b'{"CallSid": "CA1"}'
        url = f"{ADDRESS}?bodySHA256={sha256(body).hexdigest()}"
        self.assertTrue(self._agreed(url, body, "application/json", self._sign(url)))
        self.assertFalse(self._agreed(url, body + b" ", "application/json", self._sign(url)))
        self.assertFalse(self._agreed(url, body, "application/json", self._sign(ADDRESS)))

    def test_a_body_without_its_hash_is_not_believed(self):
        """The library leaves it to the caller: whoever has seen one signed address could send any body to it."""
        signature = self._sign(ADDRESS)
        received = Received(
            ADDRESS, {"content-type": "application/json", "x-twilio-signature": signature}, b'{"CallSid": "CA1"}'
        )
        self.assertFalse(KINDS["twilio"].verify(received, TOKEN, datetime.now(UTC)))

    def test_a_shared_key(self):
        parameters = {"CallSid": "CA1"}
        body, settings = urlencode(parameters).encode(), "key=webhooks_sharedkey_01,algorithm=HMAC_SHA256"
        signature = self._sign(ADDRESS, parameters, algorithm=HMAC_SHA256)
        self.assertTrue(self._agreed(ADDRESS, body, signature=signature, settings=settings))
        self.assertFalse(self._agreed(ADDRESS, body, signature=signature))
        self.assertFalse(self._agreed(ADDRESS, body, signature=self._sign(ADDRESS, parameters), settings=settings))
        for settings in ("key=x,algorithm=HMAC_MD5", "key=x,algorithm=NONE"):
            self.assertFalse(self._agreed(ADDRESS, body, signature=signature, settings=settings))
        # One that names no algorithm, as before there were any.
        signature = self._sign(ADDRESS, parameters)
        self.assertTrue(self._agreed(ADDRESS, body, signature=signature, settings="key=x"))


class MultiDict(dict):
    """A form with names more than once, as the library takes it."""

    def __init__(self, pairs):
        self.pairs = list(pairs)
        super().__init__(self.pairs)

    def getall(self, name):
        return [value for key, value in self.pairs if key == name]


class TestSourceTwilio(SourceCase):
    """+1 415 costs 0.0125 a minute, +44 0.0391 and 0.01 at once, inbound calls 0.002; the wallet has 10.00."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.plan.rate_ids = [
            (0, 0, {"direction": "inbound", "price_per_minute": "0.002"}),
            (0, 0, {"call_type": "whatsapp", "prefix": "1415", "price_per_minute": "0.02"}),
        ]
        cls.source = cls._make_source(
            "twilio", secret=TOKEN, line_ids=[(0, 0, {"key": ACCOUNT, "wallet_id": cls.wallet.id})]
        )

    # === WHAT TWILIO SENDS === #

    def _fields(self, status="completed", sid="CA1", seconds=61, at=None, **fields):
        """A call that is answered at 10:00:10; ``fields`` that are ``...`` are left out."""
        over = status not in ("queued", "initiated", "ringing", "in-progress")
        at = at if at is not None else {"initiated": 0, "ringing": 2, "in-progress": 10}.get(status, 10 + seconds)
        found = {
            "AccountSid": ACCOUNT, "ApiVersion": "2010-04-01", "CallSid": sid, "CallStatus": status,
            "CallbackSource": "call-progress-events", "Direction": "outbound-api", "From": OWN, "Caller": OWN,
            "To": CUSTOMER, "Called": CUSTOMER, "SequenceNumber": "0",
            "Timestamp": format_datetime(datetime.fromtimestamp(START + at, UTC)),
        }  # fmt: skip
        if over:
            # Twilio charges begun minutes: the field has minutes.
            found |= {"CallDuration": str(seconds), "Duration": str(-(-seconds // 60))}
        return {name: value for name, value in {**found, **fields}.items() if value is not ...}

    def _inbound(self, status="completed", sid="CA1", **fields):
        names = {"Direction": "inbound", "From": CUSTOMER, "Caller": CUSTOMER, "To": OWN, "Called": OWN, **fields}
        return self._fields(status, sid, **names)

    def _leg(self, status="completed", sid="CA2", parent="CA1", **fields):
        return self._fields(status, sid, ParentCallSid=parent, Direction="outbound-dial", **fields)

    def _send(self, fields, query="", token=TOKEN, status=200, address=None, source=None):
        source = source or self.source
        url = (address or source.address) + (f"?{query}" if query else "")
        signature = RequestValidator(token).compute_signature(url, fields)
        headers = {"Content-Type": FORM, "X-Twilio-Signature": signature}
        return self._post(source, urlencode(fields), headers, query=query, status=status)

    def _wait(self, minutes=2):
        """Have what waits looked at later: a call waits for a leg that it may have dialled."""
        with recorded_at(utcnow() + timedelta(minutes=minutes)):
            self.env["call.source.call"]._cron_advance()
        self.env.invalidate_all()

    def _charged(self):
        """The calls of the wallet in their order: reference, number, seconds, amount."""
        usages = self._usages().sorted("call_ref")
        return [(usage.call_ref, usage.number, usage.duration_seconds, str(usage.total_cost)) for usage in usages]

    # === WHO SENDS === #

    def test_only_twilio_is_believed(self):
        self._send(self._fields(), token="guess", status=403)
        self._post(self.source, urlencode(self._fields()), {"Content-Type": FORM}, status=403)
        signature = RequestValidator(TOKEN).compute_signature(self.source.address, self._fields())
        forged = urlencode(self._fields(CallDuration="1"))
        self._post(self.source, forged, {"Content-Type": FORM, "X-Twilio-Signature": signature}, status=403)
        # Signed for another source's address.
        other = self._make_source("twilio", secret=TOKEN)
        self._send(self._fields(), address=other.address, status=403)
        self.assertFalse(self.env["call.source.message"].search([("source_id", "=", self.source.id)]))

    def test_behind_a_proxy(self):
        """Twilio calls https at the public name; what arrives here is http at another name and port."""
        self.env["ir.config_parameter"].set_param("web.base.url", "https://wallet.example.com")
        self.env.invalidate_all()
        self.assertTrue(self.source.address.startswith("https://wallet.example.com/"))
        self._send(self._fields(sid="CA1"))
        self._send(self._fields(sid="CA2"), address=self.source.address.replace(".com/", ".com:443/"))
        # Or the address that was called, where the proxy leaves it as it is.
        self._send(self._fields(sid="CA3"), address=f"{self.base_url()}/call_wallet/source/{self.source.token}")
        self._send(self._fields(sid="CA4"), address=self.source.address.replace("https", "http"), status=403)
        self.assertEqual(len(self._calls(self.source)), 3)

    def test_a_replaced_auth_token_is_valid_for_a_day(self):
        self.source.with_user(self.manager).secret = "the new one"
        self._send(self._fields(sid="CA1"), token=TOKEN)
        self._send(self._fields(sid="CA2"), token="the new one")
        self.source.previous_until = utcnow() - timedelta(seconds=1)
        self._send(self._fields(sid="CA3"), token=TOKEN, status=403)
        self.assertEqual(len(self._calls(self.source)), 2)

    def test_json(self):
        body = json.dumps({**self._fields(), "CallDuration": 61, "Tags": ["x"]})
        query = f"bodySHA256={sha256(body.encode()).hexdigest()}"
        signature = RequestValidator(TOKEN).compute_signature(f"{self.source.address}?{query}", {})
        self._post(self.source, body, {"X-Twilio-Signature": signature}, query=query)
        self._wait()
        self.assertEqual(self._charged(), [("CA1", CUSTOMER, 61, "0.025000")])

    def test_twilio_does_not_ask_whether_the_address_is_ours(self):
        with mute_logger("odoo.http"):
            self.assertEqual(self.url_open(f"/call_wallet/source/{self.source.token}").status_code, 405)
        self.assertFalse(self.source.has_challenge)
        self.assertIn("auth token", self.source.setup)

    # === A CALL === #

    def test_a_call_by_the_api(self):
        self._send(self._fields())
        # It may have dialled a leg, of which Twilio has not told yet.
        self.assertEqual(self._calls(self.source).state, "waiting")
        self._wait()
        usage = self._usages()
        self.assertEqual(
            (usage.call_ref, usage.call_type, usage.direction, usage.number, usage.duration_seconds, usage.status),
            ("CA1", "live", "outbound", CUSTOMER, 61, "completed"),
        )
        self.assertEqual(usage.started_at, datetime(2026, 11, 1, 10, 0, 10))  # when it was answered
        self.assertEqual(str(usage.total_cost), "0.025000")  # 2 minutes at 0.0125

    def test_seconds_are_charged_and_never_twilios_minutes(self):
        self._send(self._fields(seconds=3600))
        self._send(self._fields(sid="CA2", CallDuration=...))  # minutes alone: its duration is not known
        self._wait()
        self.assertEqual(self._charged(), [("CA1", CUSTOMER, 3600, "0.750000")])  # 60 minutes at 0.0125
        self._wait(minutes=31)
        call = self._calls(self.source).filtered(lambda call: call.ref == "CA2")
        self.assertEqual(call.state, "unusable")
        self.assertIn("duration_seconds", call.problem)

    def test_events_in_any_order_and_again(self):
        statuses = ("initiated", "ringing", "in-progress", "completed")
        for place, order in enumerate(permutations(range(4))):
            for event in order:
                self._send(self._fields(statuses[event], f"CA{place}", SequenceNumber=str(event)))
            self._send(self._fields("completed", f"CA{place}"))
        self._wait()
        usages = self._usages()
        self.assertEqual(len(usages), 24)
        self.assertEqual(set(usages.mapped("started_at")), {datetime(2026, 11, 1, 10, 0, 10)})
        self.assertEqual(set(map(str, usages.mapped("total_cost"))), {"0.025000"})

    def test_what_did_not_connect_costs_nothing(self):
        for status in ("busy", "no-answer", "failed", "canceled"):
            self._send(self._fields(status, f"CA-{status}", seconds=0, CallDuration="0"))
        self._wait()
        usages = self._usages().sorted("call_ref")
        self.assertEqual(usages.mapped("status"), ["busy", "canceled", "failed", "no_answer"])
        self.assertEqual(set(map(str, usages.mapped("total_cost"))), {"0.000000"})

    def test_start_time_counts_where_it_is_given(self):
        self._send(self._fields(StartTime="Sun, 01 Nov 2026 11:00:05 +0100"))
        self._wait()
        self.assertEqual(self._usages().started_at, datetime(2026, 11, 1, 10, 0, 5))

    def test_a_caller_who_hides_the_number(self):
        for place, caller in enumerate(("+266696687", "anonymous", "", "+7378742833", "Restricted", ...)):
            self._send(self._inbound(sid=f"CA{place}", From=caller, Caller=caller))
        self._wait()
        self.assertEqual(set(self._usages().mapped("number")), {"Withheld"})
        self.assertEqual(len(self._usages()), 6)
        self.assertEqual(str(self._usages()[0].total_cost), "0.004000")  # 2 minutes at 0.002

    def test_whatsapp_by_twilio(self):
        self._send(self._fields(From=f"whatsapp:{OWN}", To=f"whatsapp:{CUSTOMER}"))
        self._wait()
        usage = self._usages()
        self.assertEqual((usage.call_type, usage.number), ("whatsapp", CUSTOMER))
        self.assertEqual(str(usage.total_cost), "0.040000")  # 2 minutes at 0.02

    def test_what_twilio_takes_for_it(self):
        self._send(self._fields(Price="-0.02600", PriceUnit="usd"))
        self._wait()
        call = self._calls(self.source)
        self.assertEqual((str(call.cost), call.cost_currency), ("0.026000", "USD"))
        # It comes later as a rule; what was charged stays.
        self._send(self._fields(Price="-0.03900", PriceUnit="USD"))
        self.assertEqual((str(call.cost), len(self._usages())), ("0.039000", 1))
        for price in ("NaN", "much", "1e400", "", "-Infinity"):
            self._send(self._fields(Price=price, PriceUnit="USD"))
        self.assertEqual(str(call.cost), "0.039000")

    # === WALLETS === #

    def test_our_number_counts_more_than_the_account(self):
        other = self._make_wallet()
        self._fund(other, "10")
        self.source.line_ids = [(0, 0, {"key": OWN, "wallet_id": other.id})]
        self._send(self._fields(sid="CA1"))
        self._send(self._inbound(sid="CA2"))
        self._send(self._fields(sid="CA3", From=f"whatsapp:{OWN}", To=f"whatsapp:{CUSTOMER}"))
        self._send(self._fields(sid="CA4", From="+14155550177"))
        self._wait()
        usages = self.env["call.usage"].search([("wallet_id", "=", other.id)])
        self.assertEqual(sorted(usages.mapped("call_ref")), ["CA1", "CA2", "CA3"])
        self.assertEqual(self._usages().call_ref, "CA4")

    def test_the_address_names_account_and_reference(self):
        other = self._make_wallet()
        self._fund(other, "10")
        query = f"account={other.account_ref}&call_ref=ours%2F7&campaign=Nurses+ES&manager=Ana&application_ref=A-7"
        self._send(self._fields(), query=query)
        self._wait()
        usage = self.env["call.usage"].search([("wallet_id", "=", other.id)])
        self.assertEqual(
            (usage.call_ref, usage.campaign_id.name, usage.manager_id.name, usage.application_ref),
            ("ours/7", "Nurses ES", "Ana", "A-7"),
        )
        self.assertFalse(self._usages())

    def test_two_companies_with_an_account_each(self):
        company = self.env["res.company"].create({"name": "Elsewhere"})
        other = self._make_wallet(company_id=company.id)
        self._send(self._fields(), query=f"account={other.account_ref}")
        self._wait()
        self.assertEqual(self._calls(self.source).state, "unassigned")
        self.assertFalse(self.env["call.usage"].search([("wallet_id", "=", other.id)]))

    # === LEGS === #

    def test_click_to_call(self):
        """Twilio calls the agent, and the agent's call dials the customer: the customer's leg is charged."""
        agent, customer = self._fields(To=AGENT, seconds=90), self._leg(seconds=61)
        for place, order in enumerate(permutations((agent, customer))):
            for fields in order:
                parent = {"ParentCallSid": f"P{place}"} if "ParentCallSid" in fields else {}
                sid = f"L{place}" if parent else f"P{place}"
                self._send({**fields, "CallSid": sid, **parent})
        self._wait()
        self.assertEqual(self._charged(), [("L0", CUSTOMER, 61, "0.025000"), ("L1", CUSTOMER, 61, "0.025000")])

    def test_click_to_call_charged_by_leg(self):
        self.source.legs = "all"
        self._send(self._leg(seconds=61))
        self._send(self._fields(To=AGENT, seconds=90))
        # 2 minutes to +44 at 0.0391 and 0.01 at once: 0.0882.
        self.assertEqual(self._charged(), [("CA1", AGENT, 90, "0.088200"), ("CA2", CUSTOMER, 61, "0.025000")])

    def test_from_the_browser_to_a_telephone(self):
        """Twilio calls the browser's leg inbound, whoever has dialled; it goes to no telephone."""
        self._send(self._leg(seconds=61))
        self._send(self._inbound(From="client:ana", Caller="client:ana", To="", Called="", seconds=70))
        self._wait()
        self.assertEqual(self._charged(), [("CA2", CUSTOMER, 61, "0.025000")])
        self.assertEqual(self._usages().direction, "outbound")

    def test_a_desk_phone_by_sip_to_a_telephone(self):
        sip = "sip:ana@acme.sip.twilio.com;transport=tls"
        self._send(self._inbound(From=sip, Caller=sip, To="sip:+14155550100@acme.sip.twilio.com", seconds=70))
        self._send(self._leg(seconds=61))
        self._wait()
        self.assertEqual(self._charged(), [("CA2", CUSTOMER, 61, "0.025000")])

    def test_from_a_telephone_to_the_browser(self):
        self._send(self._leg(From=CUSTOMER, To="client:ana", Called="client:ana", seconds=55))
        self._send(self._inbound(seconds=61))
        self.assertFalse(self._usages())
        self._wait()
        self.assertEqual(self._charged(), [("CA1", CUSTOMER, 61, "0.004000")])  # 2 minutes inbound at 0.002
        self.assertEqual(self._usages().direction, "inbound")

    def test_a_call_that_is_forwarded(self):
        """A customer calls our number, which dials an agent's mobile; the agent sees the customer's number."""
        self._send(self._leg(From=CUSTOMER, Caller=CUSTOMER, To=AGENT, Called=AGENT, seconds=61))
        self._send(self._inbound(seconds=70))
        self._wait()
        # 2 minutes to +44 at 0.0391 and 0.01 at once.
        self.assertEqual(self._charged(), [("CA2", AGENT, 61, "0.088200")])

    def test_one_after_another_is_dialled(self):
        """The first does not answer, the second does: each is a call, and the one that was answered costs."""
        self._send(self._inbound("in-progress"))
        self._send(self._leg("no-answer", "CA2", seconds=0, To=AGENT))
        self._send(self._leg("busy", "CA3", seconds=0, To="+442071838751"))
        self._send(self._leg("completed", "CA4", seconds=61))
        self._send(self._inbound(seconds=120))
        self._wait()
        self.assertEqual(
            self._charged(),
            [
                ("CA2", AGENT, 0, "0.000000"),
                ("CA3", "+442071838751", 0, "0.000000"),
                ("CA4", CUSTOMER, 61, "0.025000"),
            ],
        )

    def test_who_was_called_pays_for_a_call_that_is_forwarded(self):
        """The leg shows the customer's number; ours stands in the call that dialled it, which ends later."""
        tenant = self._make_wallet()
        self._fund(tenant, "10")
        self.source.line_ids = [(0, 0, {"key": OWN, "wallet_id": tenant.id})]
        for place, order in enumerate(permutations(("call", "leg"))):
            for one in order:
                if one == "call":
                    self._send(self._inbound(sid=f"C{place}", seconds=70))
                else:
                    self._send(self._leg(sid=f"L{place}", parent=f"C{place}", From=CUSTOMER, To=AGENT, seconds=61))
        # Nothing is ever heard of the call that dialled this one: the account is all that is known.
        self._send(self._leg(sid="L2", parent="C2", From=CUSTOMER, To=AGENT, seconds=61))
        self._wait()
        usages = self.env["call.usage"].search([("wallet_id", "=", tenant.id)])
        self.assertEqual(sorted(usages.mapped("call_ref")), ["L0", "L1"])
        self.assertEqual(self._usages().call_ref, "L2")
        # A leg that shows our number waits for nothing.
        self._send(self._leg(sid="L3", parent="C3", seconds=61))
        self.assertEqual(self.env["call.usage"].search([("call_ref", "=", "L3")]).wallet_id, tenant)

    def test_who_shows_a_customers_number_makes_that_customer_pay_for_nothing(self):
        """A stranger shows CUSTOMER, whose line is another wallet's, and calls OWN, which passes the call on."""
        shown = self._make_wallet()
        self._fund(shown, "10")
        self.source.line_ids = [
            (0, 0, {"key": CUSTOMER, "wallet_id": shown.id}),
            (0, 0, {"key": OWN, "wallet_id": self.wallet.id}),
        ]
        self._send(self._inbound(sid="C1", seconds=70))
        self._send(self._leg(sid="L1", parent="C1", From=CUSTOMER, To=AGENT, seconds=61))
        self._wait()
        self.assertFalse(self.env["call.usage"].search([("wallet_id", "=", shown.id)]))
        self.assertEqual(self._usages().call_ref, "L1")

    def test_one_reference_for_all_that_is_dialled(self):
        """The second would be another content of the first, and would not be charged at all."""
        query = f"account={self.wallet.account_ref}&call_ref=ours-1"
        self._send(self._leg("no-answer", "CA2", seconds=0, To=AGENT), query=query)
        self._send(self._leg("completed", "CA3", seconds=61), query=query)
        self._send(self._leg("completed", "CA3", seconds=61, Price="-0.01", PriceUnit="USD"), query=query)
        self._send(self._inbound(seconds=120), query=query)
        self._wait()
        self.assertEqual(self._charged(), [("CA3", CUSTOMER, 61, "0.025000"), ("ours-1", AGENT, 0, "0.000000")])
        self.assertFalse(self._calls(self.source).filtered("problem"))

    def test_a_leg_that_is_heard_of_late_takes_the_place_of_the_call_that_dialled_it(self):
        """Its own wait was over: 2 minutes inbound at 0.002 go back, and 2 minutes at 0.0125 are charged."""
        self._send(self._inbound(sid="CA1", seconds=120))
        self._wait()
        self.assertEqual(self._calls(self.source).state, "reported")
        before = self.wallet.balance
        self._send(self._leg(sid="CA2", parent="CA1", seconds=61))
        self._wait()
        self.assertEqual(self.wallet.balance - before, Decimal("0.004") - Decimal("0.025"))
        self.assertEqual(self._calls(self.source).mapped("state"), ["ignored", "reported"])

    def test_one_reference_for_legs_that_are_all_charged(self):
        self.source.legs = "all"
        query = f"account={self.wallet.account_ref}&call_ref=ours-1"
        self._send(self._leg(seconds=61), query=query)
        self._send(self._fields(To=AGENT, seconds=90), query=query)
        self.assertEqual(self._charged(), [("CA1", AGENT, 90, "0.088200"), ("ours-1", CUSTOMER, 61, "0.025000")])

    # === WHAT IS NOT ABOUT CALLS, AND WORSE === #

    def test_other_messages_fill_no_list_of_failures(self):
        account = {"AccountSid": ACCOUNT}
        for fields in (
            {**account, "MessageSid": "SM1", "SmsSid": "SM1", "MessageStatus": "delivered", "To": CUSTOMER},
            {
                **account,
                "CallSid": "CA1",
                "RecordingSid": "RE1",
                "RecordingStatus": "completed",
                "RecordingDuration": "9",
            },
            {**account, "CallSid": "CA1", "AnsweredBy": "human", "MachineDetectionDuration": "2500"},
            {**account, "ConferenceSid": "CF1", "StatusCallbackEvent": "conference-end"},
        ):
            self._send(fields)
        self.assertFalse(self._calls(self.source))
        self.assertEqual((self.source.problem_count, self.source.health), (0, "good"))

    def test_the_answer_of_dial_is_no_end_without_a_duration(self):
        """``<Dial action>`` posts the call as completed when the caller has hung up; its duration comes later."""
        self._send(self._inbound(CallDuration=..., Duration=..., Timestamp=..., DialCallStatus="completed"))
        self._wait()
        self.assertEqual(self._calls(self.source).state, "waiting")
        self._send(self._inbound(seconds=61))
        self._wait(minutes=31)
        self.assertEqual(self._charged(), [("CA1", CUSTOMER, 61, "0.004000")])

    def test_what_cannot_be_used_names_the_field(self):
        for fields, said in (
            ({"CallSid": ...}, "CallSid"),
            ({"CallStatus": "exploded"}, "CallStatus"),
            ({"Direction": "sideways"}, "Direction"),
            ({"Timestamp": "yesterday"}, "Timestamp"),
            ({"Timestamp": "Fri, 31 Dec 9999 23:59:59 -1400"}, "Timestamp"),
            ({"CallDuration": "-5"}, "CallDuration"),
            ({"CallDuration": "1e99"}, "CallDuration"),
            ({"CallDuration": "NaN"}, "CallDuration"),
            ({"CallSid": "CA" * 3000}, "ref"),
            ({"To": "\x00"}, "number"),
            ({"ParentCallSid": "x\x00"}, "parent_ref"),
        ):
            self._send(self._fields(**fields))
            message = self.env["call.source.message"].search([("source_id", "=", self.source.id)], limit=1)
            self.assertEqual(message.state, "failed")
            self.assertTrue(message.problem.startswith(said), message.problem)
        self.assertFalse(self._calls(self.source))

    def test_hostile_bodies(self):
        many = "&".join(f"a{place}=1" for place in range(500))
        for body in ("x", many, "%00=%00", "CallSid=%ff", b"\xff\xfe", b"a" * 100_000):
            self._post(self.source, body, {"Content-Type": FORM, "X-Twilio-Signature": "x"}, status=403)
        for body in (b"{", b"[]", b"null", b"[" * 100_000, b'{"CallSid": {}}', b'{"CallSid": "CA9", "CallStatus": []}'):
            query = f"bodySHA256={sha256(body).hexdigest()}"
            signature = RequestValidator(TOKEN).compute_signature(f"{self.source.address}?{query}", {})
            self._post(self.source, body, {"X-Twilio-Signature": signature}, query=query)
        messages = self.env["call.source.message"].search([("source_id", "=", self.source.id)])
        # None was a surprise, which would be tried again.
        self.assertNotIn("waiting", messages.mapped("state"))
        self.assertEqual(set(messages.mapped("attempts")), {0})
