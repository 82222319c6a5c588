"""Calls that Plivo tells of: signed by Plivo's own library."""

from datetime import datetime, timedelta
from itertools import permutations
from urllib.parse import parse_qsl, urlencode

from odoo.addons.call_wallet.tools.clock import utcnow
from odoo.tools import mute_logger
from plivo.utils.signature_v3 import construct_get_url, construct_post_url, get_signature_v3, validate_v3_signature

from .source_provider import ProviderCase

TOKEN = "MzcyNmQxYjE5ZGIzNTMyZTA4YjU4ZGM5OTM1Y2Q4"
NONCE = "05429567804466091622"
OURS, THEIRS = "14155550199", "14155550100"


def hangup(uuid="call-1", **values):
    """Return what Plivo sends to the hangup URL; a real one had these fields.

    Its times are those of the account, here India (UTC + 5:30); the session's start is UTC.
    """
    fields = {
        "ALegRequestUUID": uuid, "ALegUUID": uuid, "AnswerTime": "2026-11-01 15:30:10", "BillDuration": "120",
        "BillRate": "0.005", "CallStatus": "completed", "CallUUID": uuid, "Direction": "outbound", "Duration": "61",
        "EndTime": "2026-11-01 15:31:10", "Event": "Hangup", "From": OURS, "HangupCause": "NORMAL_CLEARING",
        "HangupCauseCode": "4000", "HangupCauseName": "Normal Hangup", "HangupSource": "Callee",
        "ParentAuthID": "MAXXXXXXXXXXXXXXXXXX", "RequestUUID": uuid, "STIRVerification": "Not Applicable",
        "SessionStart": "2026-11-01 10:00:02.910772", "StartTime": "2026-11-01 15:30:00", "To": THEIRS,
        "TotalCost": "0.01000", **values,
    }  # fmt: skip
    return {name: value for name, value in fields.items() if value is not None}


def unanswered(uuid="call-1", **values):
    return hangup(uuid, **{"AnswerTime": None, "Duration": "0", "BillDuration": "0", "TotalCost": "0.00000", **values})


def dialled(action, uuid="leg-b", **values):
    """Return what Plivo sends to the ``callbackUrl`` of ``Dial``."""
    fields = {
        "CallUUID": "call-1", "DialALegUUID": "call-1", "DialBLegUUID": uuid, "DialAction": action,
        "DialBLegFrom": OURS, "DialBLegTo": "447700900000", "DialBLegStatus": action, "CallStatus": "in-progress",
        "Direction": "inbound", "From": THEIRS, "To": OURS,
        "Event": "DialHangup" if action == "hangup" else "DialAnswer",
    }  # fmt: skip
    if action == "hangup":
        fields.update(DialBLegDuration="11", DialBLegBillDuration="60", DialBLegHangupCause="NORMAL_CLEARING")
    return {name: value for name, value in {**fields, **values}.items() if value is not None}


class PlivoCase(ProviderCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.source = cls._make_source(
            "plivo", secret=TOKEN, legs="all", line_ids=[(0, 0, {"key": f"+{OURS}", "wallet_id": cls.wallet.id})]
        )

    def _signature(self, url, form, secret=TOKEN, nonce=NONCE):
        address = construct_post_url(url, form) if form is not None else construct_get_url(url, {})
        return get_signature_v3(secret, address.decode(), nonce).decode()

    def _headers(self, signature, nonce=NONCE, name="X-Plivo-Signature-V3"):
        form = "application/x-www-form-urlencoded"
        return {name: signature, "X-Plivo-Signature-V3-Nonce": nonce, "Content-Type": form}

    def _send(self, form, source=None, secret=TOKEN, status=200, query=""):
        source = source or self.source
        url = f"{source.address}{query and '?' + query}"
        headers = self._headers(self._signature(url, form, secret))
        return self._post(source, urlencode(form), headers, status=status, query=query)

    def _get(self, fields, status=200, signature=None):
        url = f"{self.source.address}?{urlencode(fields)}"
        headers = self._headers(signature or self._signature(url, None))
        with mute_logger("odoo.http"):
            answer = self.url_open(url.removeprefix(self.base_url()), headers=headers)
        self.assertEqual(answer.status_code, status)
        self.env.invalidate_all()


class TestPlivo(PlivoCase):
    def test_a_call_becomes_a_charge_once(self):
        self._send(hangup())
        self._send(hangup())
        usage = self._usages()
        self.assertEqual(
            (usage.call_ref, usage.number, usage.direction, usage.duration_seconds, usage.status),
            ("call-1", "+14155550100", "outbound", 61, "completed"),
        )
        self.assertEqual(str(usage.total_cost), "0.025000")  # 2 minutes at 0.0125
        found = self._calls(self.source)
        self.assertEqual((str(found.cost), found.cost_currency), ("0.010000", "USD"))

    def test_what_was_talked_is_charged_and_not_what_plivo_bills(self):
        # France is by the second: 66 s at 0.03 a minute are 0.033; the 120 that Plivo bills would be 0.06.
        self._send(hangup(To="33140000000", Duration="66", BillDuration="120"))
        self.assertEqual(str(self._usages().total_cost), "0.033000")

    def test_times_are_the_accounts_and_the_sessions_start_is_utc(self):
        self._send(hangup())
        self.assertEqual(self._usages().started_at, datetime(2026, 11, 1, 10, 0, 2))
        # It ended 70 seconds after it began.
        self.assertEqual(self._calls(self.source).ended_at, datetime(2026, 11, 1, 10, 1, 12))

    def test_times_without_the_sessions_start_are_in_the_sources_time_zone(self):
        self.source.tz = "Asia/Kolkata"
        self._send(hangup(SessionStart=None))
        self.assertEqual(self._usages().started_at, datetime(2026, 11, 1, 10))

    def test_without_a_duration_its_times_count(self):
        self._send(hangup(Duration=None))
        self.assertEqual(self._usages().duration_seconds, 60)  # 15:30:10 to 15:31:10

    def test_by_get(self):
        fields = {**hangup(), "account": self.wallet.account_ref, "campaign": "Nurses"}
        self._get(fields)
        self._get(fields)
        usage = self._usages()
        self.assertEqual((usage.duration_seconds, usage.campaign_id.name), (61, "Nurses"))
        self._get(fields, status=403, signature="x" * 44)

    def test_how_a_call_ends_that_nobody_answered(self):
        expected = {
            "busy": "busy", "failed": "failed", "timeout": "no_answer", "no-answer": "no_answer", "cancel": "canceled",
        }  # fmt: skip
        for status in expected:
            self._send(unanswered(status, CallStatus=status))
        self.assertEqual({usage.call_ref: usage.status for usage in self._usages()}, expected)
        self.assertEqual({str(usage.total_cost) for usage in self._usages()}, {"0.000000"})
        self.assertFalse(any(self._calls(self.source).mapped("cost_currency")))

    def test_an_inbound_call_that_nobody_answered_is_completed_for_plivo(self):
        caller = {"Direction": "inbound", "From": "447700900000", "To": OURS, "ALegUUID": None}
        self._send(unanswered("gone", HangupCause="ORIGINATOR_CANCEL", **caller))
        self._send(unanswered("rung-out", HangupCause="NO_ANSWER", **caller))
        found = {usage.call_ref: (usage.status, usage.number) for usage in self._usages()}
        self.assertEqual(found, {"gone": ("canceled", "+447700900000"), "rung-out": ("no_answer", "+447700900000")})

    def test_callbacks_in_the_course_of_a_call(self):
        course = ("Ring", "ringing"), ("StartApp", "in-progress"), ("Redirect", "completed")
        ends = {"AnswerTime": None, "EndTime": None, "StartTime": None, "Duration": None, "BillDuration": None}
        for index, order in enumerate(permutations(range(4))):
            uuid = f"call-{index}"
            bodies = [hangup(uuid, Event=name, CallStatus=status, HangupCause=None, **ends) for name, status in course]
            for position in order:
                self._send([*bodies, hangup(uuid)][position])
        self.assertEqual(self._usages().mapped("duration_seconds"), [61] * 24)
        self.assertFalse(self._calls(self.source).filtered("problem"))

    def test_lines_are_numbers_or_the_account(self):
        self._send(hangup(From="+442079460000"))
        found = self._calls(self.source)
        self.assertEqual(found.state, "unassigned")
        self.source.with_user(self.manager).line_ids = [
            (0, 0, {"key": "MAXXXXXXXXXXXXXXXXXX", "wallet_id": self.wallet.id})
        ]
        self.env["call.source.call"]._cron_advance()
        self.assertEqual(found.state, "reported")

    def test_the_address_names_account_and_reference(self):
        query = f"account={self.wallet.account_ref}&call_ref=ours-7&campaign=Nurses%20A&manager=ana"
        self._send(hangup(From="442079460000"), query=query)
        usage = self._usages()
        self.assertEqual((usage.call_ref, usage.campaign_id.name), ("ours-7", "Nurses A"))
        self.assertEqual(usage.manager_id.name, "ana")

    def test_the_page_s_example(self):
        [said] = self._try_it_as_documented("plivo", SECRET=TOKEN)
        self.assertIn("200 OK", said)
        self.assertEqual((self._usages().number, self._usages().duration_seconds), ("+14155550100", 61))


class TestPlivoLegs(PlivoCase):
    """A caller who is passed on to +44, which costs 0.0391 a minute and 0.01 a call."""

    def _caller(self):
        return hangup(Direction="inbound", From=THEIRS, To=OURS, ALegUUID=None, Duration="75")

    def _charged(self, *forms, legs="one"):
        self.source.legs = legs
        for form in forms:
            self._send(form)
        self._later()
        return sorted((usage.call_ref, usage.duration_seconds, str(usage.total_cost)) for usage in self._usages())

    def test_one_leg_is_the_one_that_was_dialled(self):
        forms = dialled("answer"), dialled("connected"), dialled("hangup"), self._caller()
        # 11 seconds, not the 60 that are billed: 1 minute at 0.0391 + 0.01.
        self.assertEqual(self._charged(*forms), [("leg-b", 11, "0.049100")])
        usage = self._usages()
        self.assertEqual((usage.number, usage.direction), ("+447700900000", "outbound"))
        # Its callbacks have no times; it ended when we were told.
        self.assertAlmostEqual(usage.started_at, utcnow(), delta=timedelta(minutes=1))

    def test_one_leg_in_the_order_of_a_bad_day(self):
        forms = self._caller(), dialled("hangup"), dialled("answer")
        self.assertEqual(self._charged(*forms), [("leg-b", 11, "0.049100")])

    def test_each_leg_to_a_telephone(self):
        charged = self._charged(dialled("hangup"), self._caller(), legs="all")
        # The contract has no price for inbound calls.
        self.assertEqual(charged, [("call-1", 75, "0.000000"), ("leg-b", 11, "0.049100")])

    def test_a_sip_address_is_no_telephone(self):
        forms = dialled("hangup", DialBLegTo="sip:agent@phone.plivo.com"), self._caller()
        self.assertEqual(self._charged(*forms), [("call-1", 75, "0.000000")])

    def test_a_leg_that_nobody_answered(self):
        leg = dialled("hangup", DialBLegDuration="0", DialBLegHangupCause="USER_BUSY")
        self.assertEqual(self._charged(leg, legs="all"), [("leg-b", 0, "0.000000")])
        self.assertEqual(self._usages().status, "busy")

    def test_a_leg_with_a_hangup_of_its_own(self):
        leg = hangup("leg-b", ALegUUID="call-1", From=OURS, To="447700900000", Duration="11")
        self.assertEqual(self._charged(self._caller(), leg), [("leg-b", 11, "0.049100")])


class TestPlivoSender(PlivoCase):
    def test_a_forged_message_is_refused(self):
        form, url = hangup(), self.source.address
        right = self._signature(url, form)
        forged = {
            "another token": self._headers(self._signature(url, form, "another")),
            "another nonce": self._headers(right, "1"),
            "another address": self._headers(self._signature(f"{url}x", form)),
            "another form": self._headers(self._signature(url, {**form, "Duration": "6"})),
            "a parameter more": self._headers(self._signature(f"{url}?account=x", form)),
            "cut": self._headers(right[:-4]),
            "empty": self._headers(""),
            "no nonce": {"X-Plivo-Signature-V3": right},
            # Not covered by the older one: what was sent.
            "the older signature": {"X-Plivo-Signature-V2": right, "X-Plivo-Signature-V2-Nonce": NONCE},
        }
        for name, headers in forged.items():
            with self.subTest(name):
                self._post(self.source, urlencode(form), headers, status=403)
                given = headers.get("X-Plivo-Signature-V3")
                nonce = headers.get("X-Plivo-Signature-V3-Nonce")
                if given and nonce:
                    self.assertFalse(validate_v3_signature("POST", url, nonce, TOKEN, given, dict(form)))
        self.assertFalse(self._usages())
        self.assertTrue(validate_v3_signature("POST", url, NONCE, TOKEN, right, dict(form)))
        self._post(self.source, urlencode(form), self._headers(right))
        self.assertEqual(len(self._usages()), 1)

    def test_one_of_several_signatures_is_enough(self):
        form = hangup()
        right = self._signature(self.source.address, form)
        self._post(self.source, urlencode(form), self._headers(f"{'x' * 44},{right}"))
        # Of the account that the subaccount of the call belongs to.
        self._post(self.source, urlencode(form), self._headers(right, name="X-Plivo-Signature-Ma-V3"))

    def test_parameters_in_the_address_are_signed(self):
        for query in ("account=a&campaign=x", "b=2&a=1&a=0", "empty=&campaign=Nurses%20of%20Malaga", "campaign=a+b"):
            with self.subTest(query):
                url, form = f"{self.source.address}?{query}", hangup()
                self._send(form, query=query)
                given = self._signature(url, form)
                self.assertTrue(validate_v3_signature("POST", url, NONCE, TOKEN, given, dict(form)))
                self._post(self.source, urlencode(form), self._headers(given), query=f"{query}&account=b", status=403)

    def test_behind_a_proxy_the_address_that_the_source_shows_is_signed(self):
        self.env["ir.config_parameter"].sudo().set_param("web.base.url", "https://wallet.example:4433")
        self.assertTrue(self.source.address.startswith("https://wallet.example:4433/"))
        self._send(hangup())
        self.assertEqual(len(self._usages()), 1)

    def test_a_replaced_token_is_valid_for_a_day(self):
        self.source.with_user(self.manager).secret = "the-next-token"
        self._send(hangup("old"))
        self._send(hangup("new"), secret="the-next-token")
        self.assertEqual(self._usages().mapped("call_ref"), ["old", "new"])
        self.source.previous_until = utcnow() - timedelta(seconds=1)
        self._send(hangup("late"), status=403)

    def test_each_company_has_its_own(self):
        other = self.env["res.company"].create({"name": "Elsewhere"})
        source = self._make_source_of(other, "plivo", secret="another", legs="all")
        self._send(hangup(), source, status=403)
        self._send(hangup(), source, secret="another", query=f"account={self.wallet.account_ref}")
        self.assertEqual(self._calls(source).state, "unassigned")
        self.assertFalse(self._usages())

    def test_hostile_forms_do_no_harm(self):
        forms = [
            {}, {"hello": "1"}, hangup("\x00"), hangup("x" * 5000), hangup("bad-1", Duration="-1"),
            hangup("bad-2", Duration="1e999"), hangup("bad-3", StartTime="yesterday"),
            hangup("bad-4", SessionStart="0001-01-01 00:00:00"), hangup("bad-5", TotalCost="free"),
            hangup("bad-6", TotalCost="NaN", To="\x00\x01"), hangup("bad-7", Direction="sideways"),
            dialled("hangup", "b" * 5000), dialled("hangup", "bad-8", DialBLegDuration="long"),
            dialled("\x00", "bad-9"), {f"n{index}": "1" for index in range(300)},
        ]  # fmt: skip
        for form in forms:
            with self.subTest(form=str(form)[:60]):
                headers = self._headers(self._signature(self.source.address, form))
                self._attack(self.source, urlencode(form), headers)
        for body in (b"\xff\xfe=%ff", b"%00=%00&CallUUID=%ff", b"&&&===", b'{"CallUUID": "json"}'):
            with self.subTest(body=body):
                pairs = dict(parse_qsl(body.decode("latin-1"), keep_blank_values=True))
                headers = self._headers(self._signature(self.source.address, pairs))
                self._attack(self.source, body, headers)
        self._assert_none_is_tried_again(self.source)
