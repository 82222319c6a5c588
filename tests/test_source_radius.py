"""RADIUS as a kind of call source: what FreeRADIUS' rlm_rest posts. The real one: ``test_source_freeradius``."""

import base64
import json
from datetime import UTC, timedelta
from decimal import Decimal
from itertools import permutations

from odoo.addons.call_wallet.tools.clock import recorded_at, utcnow
from odoo.addons.call_wallet.tools.sources import radius
from odoo.addons.call_wallet.tools.sources.event import Received
from odoo.tests import TransactionCase, tagged
from odoo.tools import mute_logger

from .test_sources import SourceCase


def as_json(**said):
    """Attributes as rlm_rest writes them; ``_`` in a name stands for ``-``."""
    values = {name.replace("_", "-"): value for name, value in said.items() if value is not None}
    return {
        name: {"type": "string", "value": value if isinstance(value, list) else [value]}
        for name, value in values.items()
    }


class TestSourceRadius(SourceCase):
    """+1 415 costs 0.0125 a minute; the wallet has 10.00."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.source = cls._make_source("radius")
        cls.started = (utcnow() - timedelta(minutes=10)).replace(microsecond=0, tzinfo=UTC)

    def _send(self, section, body, status, password=None, query="", source=None):
        source = source or self.source
        password = source.secret if password is None else password
        header = base64.b64encode(f"wallet:{password}".encode()).decode()
        url = f"/call_wallet/source/{source.token}/radius/{section}{query and '?' + query}"
        data = json.dumps(body) if isinstance(body, dict) else body
        with mute_logger("odoo.http"):
            answer = self.url_open(
                url, data=data, headers={"Content-Type": "application/json", "Authorization": f"Basic {header}"}
            )
        self.assertEqual(answer.status_code, status, answer.text[:300])
        self.env.invalidate_all()
        return answer

    def _said(self, **said):
        return {
            "User_Name": self.wallet.account_ref,
            "NAS_Identifier": "sw1",
            "NAS_IP_Address": "192.0.2.1",
            "Called_Station_Id": "+14155550100",
            "Acct_Session_Id": "5A01",
            **said,
        }

    def _ask(self, status=200, **said):
        """Ask whether a call may begin; return what is answered: {attribute: value}."""
        answer = self._send("authorize", as_json(**self._said(**said)), status).json()
        return {name: value["value"][0] for name, value in answer.items()}

    def _tell(self, kind, after=0, source=None, **said):
        """Tell of a call, of what happened so many seconds after its start."""
        at = self.started + timedelta(seconds=after)
        stamp = f"{at:%b %d %Y %H:%M:%S} UTC"
        body = as_json(**self._said(**{"Acct_Status_Type": kind, "Event_Timestamp": stamp, **said}))
        self._send("accounting", body, 204, source=source)

    def _hold(self, call_ref="sw1@192.0.2.1:5A01"):
        return self.env["call.wallet.hold"].search([("wallet_id", "=", self.wallet.id), ("call_ref", "=", call_ref)])

    # === A CALL === #

    def test_a_call_is_authorised_and_charged_once(self):
        answer = self._ask()
        self.assertEqual(
            answer,
            {
                "control:Auth-Type": "Accept",
                "reply:Session-Timeout": 3600,
                "reply:Class": "call_wallet:sw1@192.0.2.1:5A01",
            },
        )
        self.assertEqual((self._hold().state, str(self._hold().amount)), ("held", "0.750000"))  # 60 x 0.0125
        self._tell("Start", Class=answer["reply:Class"])
        self.assertFalse(self._usages())
        self._tell("Interim-Update", 60, Acct_Session_Time=60, Class=answer["reply:Class"])
        self.assertFalse(self._usages())
        for _repeated in range(2):
            self._tell("Stop", 61, Acct_Session_Time=61, Class=answer["reply:Class"])
        usage = self._usages()
        self.assertEqual(
            (usage.call_ref, usage.number, usage.duration_seconds, usage.status, str(usage.total_cost)),
            ("sw1@192.0.2.1:5A01", "+14155550100", 61, "completed", "0.025000"),  # 2 minutes at 0.0125
        )
        self.assertEqual(usage.started_at, self.started.replace(tzinfo=None))
        self.assertEqual(self._hold().state, "settled")
        self.assertBalance(self.wallet, "9.975")
        self.assertSound(self.wallet)

    def test_in_whatever_order_and_again(self):
        told = [("Start", 0, None), ("Interim-Update", 60, 60), ("Stop", 61, 61)]
        for number, order in enumerate(permutations(told)):
            for kind, after, seconds in (*order, *order):
                self._tell(kind, after, Acct_Session_Time=seconds, Acct_Session_Id=f"P{number}")
        usages = self._usages()
        self.assertEqual(usages.mapped("duration_seconds"), [61] * 6)
        self.assertEqual(set(usages.mapped("started_at")), {self.started.replace(tzinfo=None)})
        self.assertBalance(self.wallet, "9.85")  # 10 - 6 x 0.025
        self.assertEqual(set(self._calls(self.source).mapped("state")), {"reported"})

    def test_funds_limit_the_call_and_no_funds_refuse_it(self):
        wallet = self._make_wallet()
        self._fund(wallet, "0.05")
        poor = {"User_Name": wallet.account_ref}
        self.assertEqual(self._ask(**poor)["reply:Session-Timeout"], 240)  # 0.05 / 0.0125 = 4 minutes
        # All of it is held now; another call finds nothing.
        answer = self._ask(401, Acct_Session_Id="5A02", **poor)
        self.assertEqual(list(answer), ["reply:Reply-Message"])
        self.assertIn("not enough balance", answer["reply:Reply-Message"])
        # The same call asks again: it has what it has.
        self.assertEqual(self._ask(**poor)["reply:Session-Timeout"], 240)

    def test_the_longest_call_is_the_source_s(self):
        self.source.longest_call = 10
        self.assertEqual(self._ask()["reply:Session-Timeout"], 600)
        self.assertEqual(str(self._hold().amount), "0.125000")  # 10 x 0.0125

    def test_authorised_and_never_begun(self):
        self._ask()
        with recorded_at(utcnow() + timedelta(minutes=74)):  # an hour, and a quarter for the report to come
            self.env["call.wallet"]._cron_expire_holds()
            self.assertEqual(self._hold().state, "held")
        with recorded_at(utcnow() + timedelta(minutes=76)):
            self.env["call.wallet"]._cron_expire_holds()
            self.assertEqual(self._hold().state, "expired")
        self.assertBalance(self.wallet, "10")

    def test_a_call_that_outlasts_what_it_holds_holds_more(self):
        self.source.longest_call = 1
        self._ask()
        self.assertEqual(self._hold().reserved_seconds, 60)
        for _repeated in range(2):
            self._tell("Interim-Update", 300, Acct_Session_Time=300)
        self.assertEqual((self._hold().reserved_seconds, str(self._hold().amount)), (900, "0.187500"))  # 15 x 0.0125
        self._tell("Stop", 600, Acct_Session_Time=600)
        self._tell("Interim-Update", 590, Acct_Session_Time=590)  # late
        self.assertEqual((self._hold().state, str(self._usages().total_cost)), ("settled", "0.125000"))
        # One that was never authorised holds nothing, and is charged.
        self._tell("Interim-Update", 300, Acct_Session_Time=300, Acct_Session_Id="5A09")
        self._tell("Stop", 301, Acct_Session_Time=301, Acct_Session_Id="5A09")
        self.assertEqual(str(self._usages()[-1].total_cost), "0.075000")  # 6 x 0.0125

    # === WHICH CALL === #

    def test_two_switches_count_alike(self):
        for switch, address in (("sw1", "192.0.2.1"), ("sw1", "192.0.2.2"), ("sw2", "192.0.2.2")):
            self._ask(NAS_Identifier=switch, NAS_IP_Address=address)
            self._tell("Stop", 60, Acct_Session_Time=60, NAS_Identifier=switch, NAS_IP_Address=address)
        self.assertEqual(
            self._usages().mapped("call_ref"), ["sw1@192.0.2.1:5A01", "sw1@192.0.2.2:5A01", "sw2@192.0.2.2:5A01"]
        )
        self.assertBalance(self.wallet, "9.9625")  # 10 - 3 x 0.0125

    def test_a_switch_that_begins_anew_to_count(self):
        first = self._ask()["reply:Class"]
        self._tell("Stop", 60, Acct_Session_Time=60, Class=first)
        second = self._ask()["reply:Class"]
        self.assertNotEqual(first, second)
        self._tell("Start", 300, Class=second)
        self._tell("Stop", 420, Acct_Session_Time=120, Class=second)
        self.assertEqual(self._usages().mapped("duration_seconds"), [60, 120])
        self.assertFalse(self.env["call.wallet.hold"].search([("state", "=", "held")]))
        self.assertEqual(set(self._calls(self.source).mapped("problem")), {False})
        # A switch that sends no Class back: nothing is lost without a word.
        self._tell("Stop", 500, Acct_Session_Time=7)
        self._tell("Stop", 700, Acct_Session_Time=90)
        self.assertTrue(self._calls(self.source).filtered(lambda call: "conflict" in (call.problem or "")))

    def test_a_switch_that_names_no_call_when_it_asks(self):
        answer = self._ask(Acct_Session_Id=None)
        self._tell("Stop", 60, Acct_Session_Time=60, Class=answer["reply:Class"])
        self.assertEqual(self._usages().call_ref, answer["reply:Class"].removeprefix("call_wallet:"))
        self.assertFalse(self.env["call.wallet.hold"].search([("state", "=", "held")]))

    def test_all_legs_of_a_cisco_call_are_one(self):
        conference = "h323-conf-id=6B5DF7D8 11D98B6C 00000000 00000001"
        for order in (("answer", "originate"), ("originate", "answer")):
            cid = conference.replace("11D98B6C", order[0])
            self._ask(h323_conf_id=cid)
            for kind, seconds in (("Start", None), ("Stop", 61)):
                for leg in order:
                    origin = f"h323-call-origin={leg}"
                    self._tell(
                        kind, seconds or 0, Acct_Session_Time=seconds, Acct_Session_Id=f"{order[0]}{leg}",
                        h323_conf_id=cid, h323_call_origin=origin,
                    )  # fmt: skip
        self.assertEqual(self._usages().mapped("duration_seconds"), [61, 61])
        self.assertBalance(self.wallet, "9.95")
        states = sorted(self._calls(self.source).mapped("state"))
        self.assertEqual(states, ["ignored", "ignored", "reported", "reported"])
        self.assertFalse(self.env["call.wallet.hold"].search([("state", "=", "held")]))

    # === WHAT IS LOST, LATE OR WRONG === #

    def test_stop_without_start(self):
        self._tell("Stop", 61, Acct_Session_Time=61)
        self.assertEqual((self._usages().duration_seconds, self._usages().started_at), (61, self._naive(0)))

    def test_a_switch_that_does_not_measure(self):
        """Kamailio and OpenSIPS tell when a call was answered and when it ended."""
        self._tell("Start", 5, Sip_Response_Code="200")
        self._tell("Stop", 66, Sip_Response_Code="200")
        self.assertEqual((self._usages().duration_seconds, self._usages().status), (61, "completed"))
        # Without its start, nobody knows how long it was: after half an hour that is finance's.
        self._tell("Stop", 66, Acct_Session_Id="5A02")
        call = self._calls(self.source)[-1]
        self.assertEqual(call.state, "waiting")
        with recorded_at(utcnow() + timedelta(minutes=31)):
            self.env["call.source.call"]._cron_advance()
        self.assertEqual(call.state, "unusable")
        self.assertIn("duration_seconds", call.problem)
        # One that was not answered.
        self._tell("Failed", 20, Acct_Session_Id="5A03", Sip_Response_Code="486")
        self.assertEqual((self._usages()[-1].status, self._usages()[-1].total_cost), ("busy", Decimal(0)))

    def _naive(self, after):
        return (self.started + timedelta(seconds=after)).replace(tzinfo=None)

    def test_clocks_that_are_wrong(self):
        """Of a clock that was never set, is hours ahead, or in an ambiguous zone, nothing is believed."""
        for number, stamp in enumerate(
            ("Jan  1 1970 00:01:00 UTC", "Nov 01 2099 00:00:00 UTC", "Nov 27 2026 10:00:00 CST", "0", "yesterday", None)
        ):
            heard = utcnow()
            self._tell(
                "Stop", Event_Timestamp=stamp, Acct_Session_Time=60, Acct_Delay_Time=300, Acct_Session_Id=f"C{number}"
            )
            usage = self._usages()[-1]
            # Sent again for five minutes, and a minute long.
            self.assertAlmostEqual(usage.started_at, heard - timedelta(minutes=6), delta=timedelta(seconds=5))

    def test_the_time_in_the_address_counts_before_the_text(self):
        body = as_json(**self._said(Acct_Status_Type=2, Acct_Session_Time=61, Event_Timestamp="Nov 27 2026 10:00 COT"))
        self._send("accounting", body, 204, query=f"time={int(self.started.timestamp()) + 61}")
        self.assertEqual(self._usages().started_at, self._naive(0))

    def test_a_duration_that_is_none_is_kept_with_its_reason(self):
        self._tell("Stop", 61, Acct_Session_Time=4294967295)
        message = self.env["call.source.message"].search([("source_id", "=", self.source.id)])
        self.assertEqual(message.state, "failed")
        self.assertIn("Acct-Session-Time: '4294967295'", message.problem)
        self.assertFalse(self._usages())
        self.assertEqual(self.source.health, "attention")

    def test_a_switch_that_restarts_is_no_call(self):
        self._tell("Accounting-On", Acct_Session_Id=None, User_Name=None, Called_Station_Id=None)
        self._tell("Accounting-Off", Acct_Session_Id="0")
        self.assertFalse(self._calls(self.source))
        messages = self.env["call.source.message"].search([("source_id", "=", self.source.id)])
        self.assertEqual(set(messages.mapped("state")), {"done"})

    # === WHOSE CALL === #

    def test_the_wallet_is_found_by_login_or_line(self):
        other = self._make_wallet()
        self._fund(other, "5")
        self.source.line_ids = [
            (0, 0, {"key": "+14155550199", "wallet_id": other.id}),
            (0, 0, {"key": "sw9", "wallet_id": other.id}),
            (0, 0, {"key": "alice@sip.example", "wallet_id": other.id}),
        ]
        account = self.wallet.account_ref
        for number, (said, wallet) in enumerate(
            [
                ({"User_Name": account, "NAS_Identifier": "sw9"}, self.wallet),
                ({"User_Name": f"{account}@sip.example"}, self.wallet),
                ({"User_Name": "alice@sip.example"}, other),
                ({"User_Name": "14155550199", "Calling_Station_Id": "0014155550199"}, other),
                ({"User_Name": None, "Calling_Station_Id": "sip:+14155550199@sip.example;user=phone"}, other),
                ({"User_Name": "nobody", "NAS_Identifier": "sw9"}, other),
                ({"User_Name": "nobody", "Cisco_AVPair": ["x=y", f"account={account}"]}, self.wallet),
            ]
        ):
            ref = f"W{number}"
            self._ask(Acct_Session_Id=ref, **said)
            self._tell("Stop", 60, Acct_Session_Time=60, Acct_Session_Id=ref, **said)
            call = self._calls(self.source)[-1]
            self.assertEqual((call.state, call.account), ("reported", wallet.account_ref), said)
        self.assertFalse(self.env["call.wallet.hold"].search([("state", "=", "held")]))

    def test_nobody_s_call(self):
        answer = self._ask(401, User_Name="nobody")
        self.assertIn("No call wallet", answer["reply:Reply-Message"])
        self._tell("Stop", 60, Acct_Session_Time=60, User_Name="nobody")
        self.assertEqual(self._calls(self.source).state, "unassigned")
        self.assertIn("nobody", self._calls(self.source).problem)

    def test_another_company_s_wallet(self):
        company = self.env["res.company"].create({"name": "Elsewhere"})
        other = self._make_wallet(company_id=company.id)
        for said in ({"User_Name": other.account_ref}, {"Cisco_AVPair": f"account={other.account_ref}"}):
            self._ask(401, **said)
        self.assertFalse(self.env["call.wallet.hold"].search([("wallet_id", "=", other.id)]))

    def test_what_is_said_of_the_call_reaches_the_ledger(self):
        pairs = ["campaign=Nurses", "manager=Ann Lee", "direction=inbound", "account=" + self.wallet.account_ref]
        said = {"Calling_Station_Id": "14155550123", "Cisco_AVPair": pairs}
        self._ask(**said)
        self.assertEqual((self._hold().direction, self._hold().number), ("inbound", "+14155550123"))
        self._tell("Stop", 60, Acct_Session_Time=60, **said)
        usage = self._usages()
        self.assertEqual((usage.direction, usage.number, usage.campaign_id.name), ("inbound", "+14155550123", "Nurses"))

    # === WHO ASKS === #

    def test_only_the_sender_is_answered(self):
        for section in ("authorize", "accounting"):
            self._send(section, as_json(**self._said(Acct_Status_Type="Stop")), 403, password="guess")
        self.assertEqual(self.source.health, "attention")
        self.assertFalse(self._hold())
        self.assertFalse(self._calls(self.source))
        old = self.source.secret
        self.source.with_user(self.manager).action_rotate_secret()
        self._send("authorize", as_json(**self._said()), 200, password=old)
        freeswitch = self._make_source("freeswitch")
        self._send("authorize", as_json(**self._said()), 404, source=freeswitch)
        self.source.active = False
        self._send("accounting", as_json(**self._said()), 404)

    def test_hostile_bodies(self):
        deep = "[" * 100_000
        values = [None, [], {}, {"value": {}}, {"value": [None, True, {}, []]}, "\ud800", "\0", "x" * 100_000]
        values += [10**400, -1, float("nan"), 1e308]
        bodies = [b" ", b"\xff\xfe", b"\0", b"null", b"[]", b'"x"', deep, b'{"a": 1', b"{}", b'{"User-Name": "\xe9"}']
        names = ("User-Name", "Acct-Session-Id", "Called-Station-Id", "Acct-Status-Type", "Acct-Session-Time", "Class",
                 "Event-Timestamp", "Acct-Delay-Time", "NAS-Identifier", "Cisco-AVPair", "h323-conf-id")  # fmt: skip
        whole = as_json(**self._said(Acct_Status_Type="Stop", Acct_Session_Time=60))
        bodies += [json.dumps({**whole, name: value}) for name in names for value in values]
        for body in bodies:
            for section, good in (("authorize", {200, 401}), ("accounting", {204})):
                header = base64.b64encode(f"wallet:{self.source.secret}".encode()).decode()
                url = f"/call_wallet/source/{self.source.token}/radius/{section}"
                with mute_logger("odoo.http", "odoo.addons.call_wallet.models.sources.call_source_message"):
                    answer = self.url_open(url, data=body, headers={"Authorization": f"Basic {header}"})
                self.assertIn(answer.status_code, good, (section, body[:200], answer.text[:300]))
        self.env.invalidate_all()
        messages = self.env["call.source.message"].search([("source_id", "=", self.source.id)])
        # None of them was our own failure, which would be tried again.
        self.assertEqual(set(messages.mapped("state")), {"done", "failed"}, messages.mapped("problem"))
        self.assertSound(self.wallet)

    def test_a_body_in_pieces(self):
        body = json.dumps(as_json(**self._said(Acct_Status_Type="Stop", Acct_Session_Time=61))).encode()
        header = base64.b64encode(f"wallet:{self.source.secret}".encode()).decode()
        url = f"{self.base_url()}/call_wallet/source/{self.source.token}/radius/accounting"
        pieces = (body[start : start + 50] for start in range(0, len(body), 50))
        answer = self.opener.post(url, data=pieces, headers={"Authorization": f"Basic {header}"}, timeout=20)
        self.assertEqual(answer.status_code, 204)
        self.assertEqual(self._usages().duration_seconds, 61)

    def test_nothing_in_an_answer_is_carried_out(self):
        """FreeRADIUS expands %{...} in what it is answered, unless it is told not to."""
        body = as_json(**self._said(Acct_Session_Id="%{exec:/bin/true}"))
        answer = self._send("authorize", body, 200).json()
        self.assertEqual({value["do_xlat"] for value in answer.values()}, {False})
        self.assertRegex(answer["reply:Class"]["value"][0], "^call_wallet:[0-9a-f]{64}$")
        answer = radius.rejecting("ñ" * 200)["reply:Reply-Message"]["value"][0]
        self.assertEqual(answer, "ñ" * 126)  # 253 octets hold 126 of two each


@tagged("post_install", "-at_install", "standard")
class TestRadiusReading(TransactionCase):
    """What one request says."""

    def _event(self, **said):
        body = {"Acct_Status_Type": "Stop", "Acct_Session_Id": "1", **said}
        [event] = radius.read(Received("http://x?", {}, json.dumps(as_json(**body)).encode()))
        return event

    def test_status(self):
        for expected, said in [
            ("completed", {"Acct_Session_Time": 1, "h323_disconnect_cause": "h323-disconnect-cause=11"}),
            ("busy", {"Acct_Session_Time": 0, "h323_disconnect_cause": "h323-disconnect-cause=11"}),  # 0x11 = 17
            ("no_answer", {"Acct_Session_Time": "0", "h323_disconnect_cause": "13"}),  # 0x13 = 19
            ("failed", {"Acct_Session_Time": 0, "h323_disconnect_cause": "1"}),
            ("failed", {"Acct_Session_Time": 0, "h323_disconnect_cause": "?"}),
            ("canceled", {"Acct_Session_Time": 0, "Acct_Terminate_Cause": "User-Request"}),
            ("canceled", {"Acct_Session_Time": 0, "Acct_Terminate_Cause": 1}),
            ("failed", {"Acct_Session_Time": 0, "Acct_Terminate_Cause": "NAS-Error"}),
            ("failed", {"Acct_Session_Time": 0}),
            ("canceled", {"Acct_Status_Type": 15, "Sip_Response_Code": 487}),
            ("failed", {"Acct_Status_Type": "Failed"}),
            ("completed", {}),
        ]:
            with self.subTest(said=said):
                self.assertEqual(self._event(**said).facts["status"], expected)

    def test_numbers(self):
        for written, expected in [
            ("+14155550100", "+14155550100"),
            ("14155550100", "+14155550100"),
            ("0014155550100", "+14155550100"),
            ("sip:14155550100@192.0.2.9:5060;user=phone", "+14155550100"),
            ("<sip:+14155550100@x>", "+14155550100"),
            ("911", "911"),
            ("04155550100", "04155550100"),  # national: refused with its own words, and not guessed at
            ("sip:alice@x", "alice"),
        ]:
            with self.subTest(written=written):
                self.assertEqual(self._event(Called_Station_Id=written).facts["number"], expected)

    def test_one_or_many_texts_or_numbers(self):
        for value in ("61", 61, ["61"], [61, 62], {"value": 61}, {"type": "integer", "value": [61]}, 60.2):
            body = {"Acct-Status-Type": "Stop", "Acct-Session-Id": "1", "Acct-Session-Time": value}
            [event] = radius.read(Received("http://x?", {}, json.dumps(body).encode()))
            self.assertEqual(event.facts["duration_seconds"], 61)

    def test_letters_come_as_bytes(self):
        self.assertEqual(self._event(User_Name="Jos\u00c3\u00a9").facts["login"], "José")
        self.assertEqual(self._event(User_Name="Jos\u00e9").facts["login"], "José")
