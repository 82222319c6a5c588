"""One dictionary for what switches and providers send, whichever way a call comes in."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from odoo import Command
from odoo.exceptions import ValidationError
from odoo.tests import tagged

from .test_authorize import AuthorizeCase

ANONYMOUS = (
    "anonymous", "Restricted", "PRIVATE", "unknown", "unavailable", "withheld", "", None, "+266696687", "266696687",
    "sip:anonymous@anonymous.invalid", '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1', "anonymous@192.0.2.1",
    "+7378742833", "no caller ID", "private_number", '"" <unknown>', "0000000000",
)  # fmt: skip
# What each status is sent as, besides its own name.
STATUSES = {
    "completed": ("COMPLETED", "Completed", "ANSWERED", "ANSWER", "answered"),
    "no_answer": ("NO ANSWER", "no-answer", "NOANSWER", "No answer", "unanswered", "timeout"),
    "busy": ("BUSY", "user_busy", "USER BUSY"),
    "failed": ("FAILED", "CONGESTION", "CHANUNAVAIL", "rejected"),
    "canceled": ("CANCEL", "CANCELLED", "cancelled", "Canceled"),
}
USER_ID = "CO.13491208655302741918"


@tagged("post_install", "-at_install", "standard")
class TestInputOfMachines(AuthorizeCase):
    def _refused(self, call, code):
        result = self._record(call)
        self.assertEqual((result["result"], result["reason"].split(":")[0]), ("rejected", code), call)
        return result["reason"]

    def _price_inbound(self, **rates):
        """Price calls from these prefixes; the empty one is any number's."""
        self.plan.rate_ids = [
            Command.create({"prefix": prefix.strip("_"), "price_per_minute": price, "direction": "inbound"})
            for prefix, price in rates.items()
        ]

    # === NUMBERS === #

    def test_a_withheld_caller_is_charged_by_the_any_number_rate_and_called_withheld(self):
        # 266 is Lesotho, 7 Russia: the placeholders are no numbers of theirs.
        self._price_inbound(_="0.02", _266="1", _7="1")
        calls = [self._call(number=number, direction="inbound") for number in ANONYMOUS]
        calls.append(self._call(number=..., direction="incoming"))
        for result in self._record(*calls):
            # 61 s are two minutes: 2 x 0.02.
            self.assertEqual((result["result"], result["total_cost"]), ("charged", "0.040000"), result)
        usages = self.usage.search([("call_ref", "in", [call["call_ref"] for call in calls])])
        self.assertEqual(set(usages.mapped("number")), {"Withheld"})
        self.assertEqual({usage.transaction_ids._headline() for usage in usages}, {"Live Call from Withheld"})
        with self.wallet.env["call.usage.report"]._make(self.wallet, format="csv") as report:
            self.assertEqual(report.read().decode().count(",Withheld,"), len(calls))
        self.assertEqual(self._record({**calls[0], "number": "restricted"})["result"], "duplicate")
        # Nobody calls a number that is not shown; and a real caller from Lesotho is one.
        self._refused(self._call(number="anonymous"), "invalid_number")
        self.assertEqual(self._record(self._call(number="+26622123456", direction="in"))["total_cost"], "2.000000")
        self._fund(self.wallet, 10)
        answer = self._ask("from-nobody", "anonymous", direction="inbound")
        self.assertEqual((answer["code"], answer["rate"]), ("ok", "0.020000"))
        self._record(self._call(call_ref="from-nobody", number=None, direction="inbound"))
        self.assertEqual((self._hold("from-nobody").state, self._hold("from-nobody").number), ("settled", "Withheld"))
        self.assertFalse(self._usage_of({"account": self.wallet.account_ref, "call_ref": "from-nobody"}).notes)

    def test_a_whatsapp_user_without_a_number_costs_what_the_country_costs(self):
        # Without WhatsApp rates: the company's 0.02, anywhere. 61 s are two minutes.
        result = self._record(self._call(call_type="WhatsApp", number=USER_ID))
        self.assertEqual((result["result"], result["total_cost"]), ("charged", "0.040000"))
        self.plan.rate_ids = [
            Command.create({"prefix": prefix, "price_per_minute": price, "call_type": "whatsapp"})
            for prefix, price in (("57", "0.03"), ("1", "0.01"), ("1809", "0.07"), ("", "0.50"))
        ]
        self._fund(self.wallet, 10)
        # Colombia is 57, the United States are 1, the Dominican Republic 1 809; nobody knows where XX is.
        for number, cost in (
            (USER_ID, "0.060000"), ("US.1a", "0.020000"), ("DO.42", "0.140000"), ("XX.42", "1.000000"),
        ):  # fmt: skip
            with self.subTest(number=number):
                answer = self._ask(f"to-{number}", number, "whatsapp")
                self.assertEqual((answer["code"], Decimal(answer["rate"]) * 2), ("ok", Decimal(cost)))
                call = self._call(call_ref=f"to-{number}", call_type="whatsapp", number=number)
                self.assertEqual(self._record(call)["total_cost"], cost)
                self.assertEqual(self._usage_of(call).number, number)
        for number in ("co.13491208655302741918", "CO13491208655302741918", "CO.", "CO.1 2", "CO." + "1" * 129):
            self._refused(self._call(call_type="whatsapp", number=number), "invalid_number")
        self._refused(self._call(number=USER_ID), "invalid_number")
        self.assertEqual(self._ask("live", USER_ID)["code"], "invalid_number")

    def test_emergency_numbers_are_always_allowed_free_and_listed(self):
        self.company.country_id = self.env.ref("base.fr")
        empty, new, closed, paused = (
            self.wallet,
            self._make_wallet(recipients=()),
            self._make_wallet(),
            self._make_wallet(),
        )
        self._archive(closed)
        self._fund(paused, 1)
        paused.action_pause("Unusual traffic")
        owing = self._make_wallet(rate_plan_id=False)
        # 33600 s of WhatsApp are 560 minutes at 0.02.
        self._record(self._call(account=owing.account_ref, call_type="whatsapp", duration_seconds=33600))
        self.assertBalance(owing, "-11.2")
        for wallet in (empty, new, closed, paused, owing):
            # 15 is an ambulance in France; the plus was put there by a program.
            for number, dialled in (("112", "112"), ("+112", "112"), ("911", "911"), ("999", "999"), ("15", "15")):
                with self.subTest(account=wallet.account_ref, number=number):
                    ref = f"{wallet.account_ref}-{number}"
                    answer = self._ask(ref, number, wallet=wallet)
                    self.assertEqual((answer["allowed"], answer["code"], answer["rate"]), (True, "ok", "0.000000"))
                    # Nobody cuts it: four hours, and more where it goes on.
                    self.assertEqual(answer["max_seconds"], 14400)
                    more = self.env["call.wallet"].extend_hold(wallet.account_ref, ref, total_seconds=18000)
                    self.assertEqual((more["code"], more["max_seconds"]), ("ok", 18000))
                    call = self._call(account=wallet.account_ref, call_ref=ref, number=number)
                    result = self._record(call)
                    self.assertEqual((result["result"], result["total_cost"]), ("charged", "0.000000"))
                    usage = self._usage_of(call)
                    self.assertEqual((usage.number, usage.notes), (dialled, False))
                    self.assertIn("Emergency number", usage.explanation)
        self.assertSound(empty | new | closed | paused | owing)
        self.assertEqual(self._ask("closed", wallet=closed)["code"], "closed")

    def test_the_list_of_emergency_numbers_is_the_company_s(self):
        self.company.country_id = self.env.ref("base.fr")
        self.assertEqual(self._ask("a", "110")["code"], "invalid_number")
        self._refused(self._call(number="110"), "invalid_number")
        self.company.call_wallet_emergency_numbers = "110; 112, 116117"
        self.assertEqual([self._ask(f"b-{n}", n)["code"] for n in ("110", "116117", "911", "15")],
                         ["ok", "ok", "invalid_number", "invalid_number"])  # fmt: skip
        self._make_house_wallet()
        self.assertEqual(self.env["call.button"].check_call("112")["types"]["live"]["code"], "ok")
        for wrong in ("112, police", "1", "1234567", "+112"):
            with self.subTest(wrong=wrong), self.assertRaisesRegex(ValidationError, "Emergency numbers"):
                self.company.call_wallet_emergency_numbers = wrong

    def test_fewer_than_seven_digits_are_no_international_number(self):
        self._fund(self.wallet, 1)
        for number in ("+1", "+1911", "+123456", "1234567", "+11", "98765"):
            with self.subTest(number=number):
                self.assertIn(
                    repr(number.strip("+")).strip("'"), self._refused(self._call(number=number), "invalid_number")
                )
                self.assertEqual(self._ask("short", number)["code"], "invalid_number")
        self.assertEqual(self._record(self._call(number="+1415000"))["result"], "charged")

    # === WORDS === #

    def test_statuses_types_and_directions_in_any_of_the_usual_spellings(self):
        for status, spelled in STATUSES.items():
            for spelling in spelled:
                with self.subTest(spelling=spelling):
                    call = self._call(status=spelling, call_type="Live Call", direction="outbound-api")
                    result = self._record(call)
                    # Two minutes at 0.0125; nothing for a call that did not connect.
                    cost = "0.025000" if status == "completed" else "0.000000"
                    self.assertEqual((result["result"], result["total_cost"]), ("charged", cost))
                    usage = self._usage_of(call)
                    self.assertEqual((usage.status, usage.call_type, usage.direction), (status, "live", "outbound"))
                    # Another spelling is no other content.
                    same = {**call, "status": status, "call_type": "live", "direction": "outbound"}
                    self.assertEqual(self._record(same)["result"], "duplicate")
        for going_on in ("in-progress", "RINGING", "queued"):
            self.assertIn("goes on", self._refused(self._call(status=going_on), "invalid_field"))

    def test_a_manager_that_only_has_an_at_sign_is_a_name(self):
        for text, email in (("@SUM(1)", False), ("jo@", False), ("Jo <jo@acme.example>", "jo@acme.example")):
            with self.subTest(text=text):
                call = self._call(manager=text)
                self._record(call)
                manager = self._usage_of(call).manager_id
                self.assertEqual((manager.email or False, bool(manager.name)), (email, True))

    # === TIMES === #

    def test_small_letters_and_leap_seconds_are_rfc_3339(self):
        for text in (
            "2026-10-01t10:00:00z",
            "2026-10-01 10:00:00Z",
            "2026-10-01T09:59:60Z",
            "2026-10-01t12:00:00.5+02:00",
        ):
            with self.subTest(text=text):
                call = self._call(started_at=text)
                self._record(call)
                self.assertEqual(self._usage_of(call).started_at, datetime(2026, 10, 1, 10))

    def test_a_time_that_cannot_be_right_is_kept_and_charged_once_it_can(self):
        def ago(**passed):
            return (datetime.now(UTC) - timedelta(**passed)).isoformat()

        self.company.call_wallet_call_days = 366
        for time in ("1990-01-01T00:00:00Z", "2099-01-01T00:00:00Z", ago(days=367), ago(minutes=-20)):
            with self.subTest(time=time):
                self.assertIn("started_at", self._refused(self._call(started_at=time), "implausible_time"))
        for time in (ago(days=365), ago(minutes=-10)):
            self.assertEqual(self._record(self._call(started_at=time))["result"], "charged", time)
        late = self._call(started_at=ago(days=100))
        self.company.call_wallet_call_days = 90
        self._refused(late, "implausible_time")
        kept = self.env["call.usage.rejection"].search([("call_ref", "=", late["call_ref"])])
        kept.action_retry()
        self.assertEqual(kept.state, "open")
        self.company.call_wallet_call_days = 120
        kept.action_retry()
        self.assertEqual(kept.state, "resolved")
        # What was charged is told again, however long ago it was by now.
        self.company.call_wallet_call_days = 90
        self.assertEqual(self._record(late)["result"], "duplicate")
