"""What the platform is told where something is wrong: by code and by field, and what differs from what stands."""

import json

from odoo.tests import tagged

from .api_case import ApiCase


@tagged("post_install", "-at_install", "standard")
class TestRefusals(ApiCase):
    def _told(self, **overrides):
        [result] = self._report(self._call(**overrides))
        self.assertTrue(result["reason"].startswith(f"{result['code']}: "), result)
        return result["result"], result["code"], result["field"]

    def test_each_refusal_has_a_code_and_names_the_field(self):
        for overrides, code, field in (
            ({"status": ...}, "missing_field", "status"),
            ({"duration_seconds": -1}, "invalid_field", "duration_seconds"),
            ({"duration_seconds": "61"}, "invalid_field", "duration_seconds"),
            ({"call_type": "pigeon"}, "invalid_field", "call_type"),
            ({"status": "ringing"}, "invalid_field", "status"),
            ({"campaign": "a\0b"}, "invalid_field", "campaign"),
            ({"manager": "x" * 300}, "invalid_field", "manager"),
            ({"started_at": "yesterday"}, "invalid_field", "started_at"),
            ({"started_at": "2026-10-01T10:00:00"}, "invalid_field", "started_at"),
            ({"number": "call me"}, "invalid_number", "number"),
            ({"number": "12"}, "invalid_number", "number"),
            ({"started_at": "2001-10-01T10:00:00Z"}, "implausible_time", "started_at"),
            ({"account": "NOBODY"}, "unknown_account", "account"),
            ({"number": "+5511987654321"}, "destination_not_contracted", "number"),
        ):
            with self.subTest(overrides=overrides):
                self.assertEqual(self._told(**overrides), ("rejected", code, field))
        [nonsense] = self._report("nonsense")
        self.assertEqual((nonsense["code"], nonsense["field"]), ("invalid_call", None))
        kept = self.env["call.usage.rejection"].search([("code", "=", "implausible_time")])
        self.assertEqual(kept.field_name, "started_at")

    def test_corrections_say_it_likewise(self):
        call = self._call(call_ref="c-1")
        self._report(call)
        never, bad, odd = self.get(
            "call.usage/amend_calls",
            calls=[{**call, "call_ref": "never"}, {**call, "status": "gone"}, {**call, "resaon": "Counted wrong"}],
        )
        self.assertEqual([(one["code"], one["field"]) for one in (never, bad, odd)],
                         [("unknown_call", "call_ref"), ("invalid_field", "status"),
                          ("unknown_field", "resaon")])  # fmt: skip
        self.assertEqual(odd["reason"], "unknown_field: resaon: there is no such field; did you mean reason?")
        missing, odd = self.get(
            "call.usage/void_calls",
            calls=[{"account": call["account"], "call_ref": "c-1"},
                   {"account": call["account"], "call_ref": "c-1", "reasons": "A test call"}],
        )  # fmt: skip
        self.assertEqual((missing["code"], missing["field"]), ("missing_field", "reason"))
        self.assertEqual((odd["code"], odd["field"]), ("unknown_field", "reasons"))
        [voided] = self.get("call.usage/void_calls", calls=[{**call, "reason": "A test call"}])
        self.assertEqual(voided["result"], "corrected", "What the call was reported with is no mistake")

    def test_a_malformed_element_of_a_list_is_told_by_its_place(self):
        call = self._call()
        for method in ("record_calls", "amend_calls", "void_calls"):
            results = self.get(f"call.usage/{method}", calls=[{**call, "reason": "x"}, "nonsense", [call], None])
            for place, result in enumerate(results[1:], start=1):
                with self.subTest(method=method, place=place):
                    self.assertEqual((result["code"], result["field"]), ("invalid_call", None))
                    self.assertIn(f"invalid_call: calls[{place}]: send an object", result["reason"])
        for name, method, arguments in (
            ("call_refs[2]", "call.usage/get_calls", {"account": "ACME", "call_refs": ["a", "b", 3, 4]}),
            ("call_refs[1]", "call.usage/get_calls", {"account": "ACME", "call_refs": ["a", "x" * 300]}),
            ("call_refs[0]", "call.usage/get_calls", {"account": "ACME", "call_refs": [""]}),
            ("accounts[1]", "call.wallet/get_wallets", {"accounts": ["ACME", None]}),
            ("rejections[1]", "call.usage/retry_rejections", {"rejections": [1, "2", True]}),
            ("rejections[0]", "call.usage/retry_rejections", {"rejections": [0]}),
        ):
            with self.subTest(name=name):
                self.assertRefused(name, method, **arguments)
        # What is no list has no places.
        self.assertRefused("call_refs: send a list", "call.usage/get_calls", account="ACME", call_refs="a")
        self.assertRefused("rejections: send a list", "call.usage/retry_rejections", rejections={"1": 2})

    def test_what_is_retried_has_no_place_any_more(self):
        self._report(self._call(), "nonsense")
        kept = self.env["call.usage.rejection"].search([("code", "=", "invalid_call")], limit=1)
        [again] = self.get("call.usage/retry_rejections", rejections=kept.ids)
        self.assertEqual(again["reason"], "invalid_call: call: send an object with the call's fields.")

    def test_what_is_kept_is_in_the_companys_language_and_the_answer_in_the_senders(self):
        self.env["res.lang"]._activate_lang("es_ES")
        self.company.partner_id.lang = "en_US"
        call = self._call(call_ref="l-1")
        self._report(call)
        bad = [self._call(account="NOBODY"), {**call, "duration_seconds": 99}, self._call(status="gone")]
        late = {**call, "call_ref": "never", "reason": "Wrong"}
        answers = self.get("call.usage/record_calls", calls=bad, context={"lang": "es_ES"})
        answers += self.get("call.usage/amend_calls", calls=[late], context={"lang": "es_ES"})
        english = (
            "account: no wallet has the account reference NOBODY.",
            "call_ref: l-1 was reported before with other content; that charge stands.",
            "status: 'gone' is unknown; send one of completed, no_answer, busy, failed, canceled.",
            "call_ref: no call never was charged; report it.",
        )
        for answer, sentence in zip(answers, english, strict=True):
            with self.subTest(code=answer["code"]):
                kept = self.env["call.usage.rejection"].search([("code", "=", answer["code"])], limit=1)
                self.assertEqual(kept.reason, sentence)
                self.assertTrue(answer["reason"].startswith(f"{answer['code']}: "))
                self.assertNotEqual(answer["reason"], f"{answer['code']}: {sentence}")
        # By whoever retries it, too.
        kept = self.env["call.usage.rejection"].search([("code", "=", "invalid_field")], limit=1)
        [again] = self.get("call.usage/retry_rejections", rejections=kept.ids, context={"lang": "es_ES"})
        self.assertEqual((again["reason"], kept.reason), (answers[2]["reason"], english[2]))
        # A Spanish company reads Spanish, whatever language its platform has.
        self.company.partner_id.lang = "es_ES"
        [answer] = self._report(self._call(status="gone", call_ref="l-2"))
        self.assertEqual(answer["reason"], f"invalid_field: {english[2]}")
        kept = self.env["call.usage.rejection"].search([("call_ref", "=", "l-2")])
        self.assertEqual(f"invalid_field: {kept.reason}", answers[2]["reason"])

    def test_a_misspelt_field_is_refused_with_the_nearest_one(self):
        for misspelt, nearest in (
            ("campain", "campaign"), ("Campaign", "campaign"), ("applicationRef", "application_ref"),
            ("app_ref", "application_ref"), ("duration", "duration_seconds"), ("call ref", "call_ref"),
            ("managers", "manager"), ("acount", "account"), ("ref", "call_ref"),
        ):  # fmt: skip
            before, result, after = self._report(self._call(), self._call(**{misspelt: "x"}), self._call())
            with self.subTest(misspelt=misspelt):
                self.assertEqual((before["result"], after["result"]), ("charged", "charged"))
                self.assertEqual(
                    (result["code"], result["field"], result["reason"]),
                    ("unknown_field", misspelt,
                     f"unknown_field: {misspelt}: there is no such field; did you mean {nearest}?"),
                )  # fmt: skip
        [odd] = self._report(self._call(xyz=1))
        self.assertIn("xyz: there is no such field; there are account, call_ref,", odd["reason"])
        [reason] = self._report(self._call(reason="Only corrections have one"))
        self.assertEqual(reason["field"], "reason")
        self.assertBalance(self.wallet, "9.55")  # 18 calls of 0.025

    def test_the_call_is_charged_once_it_is_reported_with_the_right_field(self):
        call = self._call(call_ref="c-2")
        self._report({**call, "campain": "Nurses"})
        kept = self.env["call.usage.rejection"].search([("call_ref", "=", "c-2")])
        [again] = self.get("call.usage/retry_rejections", rejections=kept.ids)
        self.assertEqual((again["result"], again["code"]), ("rejected", "unknown_field"))
        [charged] = self._report({**call, "campaign": "Nurses"})
        self.assertEqual(charged["result"], "charged")
        self.env.invalidate_all()
        self.assertEqual(kept.state, "resolved")

    def test_what_an_earlier_version_kept_with_any_field_can_be_retried(self):
        for ref in ("c-3", "c-4"):
            self._report(self._call(call_ref=ref, number="+5511987654321"))
            kept = self.env["call.usage.rejection"].search([("call_ref", "=", ref)])
            payload = json.dumps({**json.loads(kept.payload), "trunk": "7"}, sort_keys=True)
            self.env.cr.execute("UPDATE call_usage_rejection SET payload = %s WHERE id = %s", [payload, kept.id])
        self.env.invalidate_all()
        self.plan.rate_ids = [(0, 0, {"prefix": "55", "price_per_minute": "0.08"})]
        worth, unknown = self.env["call.usage.rejection"]._open_of(self.wallet)._worth()
        self.assertEqual((str(worth), unknown), ("0.320000", 0))  # twice 2 minutes at 0.08
        [charged] = self.get("call.usage/retry_rejections", rejections=kept.ids)
        self.assertEqual(charged["result"], "charged", charged)
        self.env["call.usage.rejection"].search([("call_ref", "=", "c-3")]).action_retry()
        self.assertBalance(self.wallet, "9.68")

    def test_a_language_that_is_not_installed_stops_nothing(self):
        calls = [self._call(call_ref="g-1"), self._call(call_ref="g-2", status="foo")]
        for lang in ("xx_XX", "fr-FR", "es", "\u00e9"):
            with self.subTest(lang=lang):
                done = self.get("call.usage/record_calls", calls=calls, context={"lang": lang})
                self.assertEqual([one["result"] in ("charged", "duplicate") for one in done], [True, False])
                self.assertEqual(done[1]["code"], "invalid_field")
        self.env["res.lang"]._activate_lang("es_ES")
        self.env["ir.module.module"]._load_module_terms(["call_wallet"], ["es_ES"])
        answer = self.get("call.wallet/quote_call", account=calls[0]["account"], call_type="live",
                          number="+14155550100", context={"lang": "es"})  # fmt: skip
        self.assertEqual(answer["message"], "La llamada puede empezar.")

    def test_a_parameter_that_there_is_not_is_named(self):
        for method, arguments, named in (
            ("call.usage/record_calls", {"call": []}, "did you mean calls"),
            ("call.usage/record_calls", {}, "calls"),
            ("call.wallet/authorize_call", {"acount": "A", "call_ref": "a", "call_type": "live", "number": "+1"},
             "did you mean account"),
            ("call.wallet/extend_hold", {"account": "A", "call_ref": "a", "totalSeconds": 5},
             "did you mean total_seconds"),
            ("call.wallet/release_hold", {"account": "A", "call_ref": "a", "xyz": 5}, "xyz"),
        ):  # fmt: skip
            with self.subTest(method=method, arguments=arguments):
                self.assertRefused(named, method, **arguments)


@tagged("post_install", "-at_install", "standard")
class TestConflicts(ApiCase):
    def _conflict(self, call, **overrides):
        [result] = self._report({**call, **overrides})
        self.assertEqual((result["result"], result["code"], result["field"]), ("conflict", "conflict", "call_ref"))
        return result

    def test_a_conflict_says_what_differs_and_what_stands(self):
        call = self._call(call_ref="d-1", duration_seconds=61, campaign="Nurses")
        [charged] = self._report(call)
        result = self._conflict(call, duration_seconds=121, number="+14155550199", direction="inbound")
        self.assertEqual(
            result["differs"],
            {
                "duration_seconds": {"recorded": 61, "sent": 121},
                "number": {"recorded": "+14155550100", "sent": "+14155550199"},
                "direction": {"recorded": "outbound", "sent": "inbound"},
            },
        )
        stands = ("billed_minutes", "rate", "total_cost", "currency", "balance_after", "transaction")
        self.assertEqual([result[name] for name in stands], [charged[name] for name in stands])
        self.assertEqual(result["total_cost"], "0.025000")  # 2 minutes at 0.0125
        later = self._conflict(call, started_at="2026-10-01T12:00:00+01:00", campaign=None)
        self.assertEqual(
            later["differs"],
            {
                "started_at": {"recorded": "2026-10-01T10:00:00+00:00", "sent": "2026-10-01T11:00:00+00:00"},
                "campaign": {"recorded": "Nurses", "sent": None},
            },
        )
        self.assertBalance(self.wallet, "9.975")

    def test_names_are_compared_as_they_were_sent(self):
        call = self._call(call_ref="d-2", campaign="nurses manila", manager="Ana Lopez <Ana@Acme.example>")
        self.env["utm.campaign"].create({"title": "Nurses Manila"})
        self._report(call)
        self.assertEqual(self._conflict(call, duration_seconds=5)["differs"],
                         {"duration_seconds": {"recorded": 61, "sent": 5}})  # fmt: skip
        other = self._conflict(call, manager="Bob Jones", campaign="Drivers")
        self.assertEqual({name: pair["sent"] for name, pair in other["differs"].items()},
                         {"manager": "Bob Jones", "campaign": "Drivers"})  # fmt: skip
        self.assertEqual(other["differs"]["campaign"]["recorded"], "Nurses Manila")

    def test_two_in_one_request_are_compared_with_each_other(self):
        first = self._call(call_ref="d-3", application_ref="A-1")
        charged, conflict = self._report(first, {**first, "application_ref": "A-2"})
        self.assertEqual((charged["result"], conflict["result"]), ("charged", "conflict"))
        self.assertEqual(conflict["differs"], {"application_ref": {"recorded": "A-1", "sent": "A-2"}})

    def test_of_what_was_deleted_only_that_it_differs(self):
        masked, deleted = self._call(call_ref="d-4"), self._call(call_ref="d-5")
        self._report(masked, deleted)
        self._usage_of(masked).action_mask()
        self._usage_of(deleted).unlink()
        for call in (masked, deleted):
            result = self._conflict(call, number="+14155550199", call_type="whatsapp")
            self.assertEqual((result["differs"], result["total_cost"]), ({}, "0.025000"))

    def test_of_another_companys_calls_only_that_they_are_in_conflict(self):
        call = self._call(call_ref="d-8", account=self.foreign.account_ref)
        self.assertEqual(self._report(call)[0]["result"], "charged", "whoever reports it, it is charged")
        result = self._conflict(call, number="+14155550199")
        self.assertEqual(set(result), {"call_ref", "result", "code", "field", "reason"})
        asked = {"account": self.foreign.account_ref, "call_ref": "d-9", "call_type": "live"}
        self.get("call.wallet/authorize_call", **asked, number="+14155550100")
        self.assertNotIn("differs", other := self.get("call.wallet/authorize_call", **asked, number="+14155550199"))
        self.assertEqual(other["code"], "conflict")
        self.platform.company_ids |= self.foreign_company
        self.assertEqual(self._conflict(call, number="+14155550199")["differs"]["number"]["recorded"], "+14155550100")
        other = self.get("call.wallet/authorize_call", **asked, number="+14155550199")
        self.assertEqual(other["differs"]["number"]["held"], "+14155550100")

    def test_one_conflict_stops_no_other_and_needs_no_price(self):
        call = self._call(call_ref="d-6")
        self._report(call)
        before, conflict, after = self._report(self._call(), {**call, "number": "+5511987654321"}, self._call())
        self.assertEqual([one["result"] for one in (before, conflict, after)], ["charged", "conflict", "charged"])
        self.assertEqual(conflict["differs"]["number"]["sent"], "+5511987654321")

    def test_a_hold_says_what_it_was_granted_for(self):
        asked = {"account": self.wallet.account_ref, "call_ref": "d-7", "call_type": "live", "number": "+14155550100"}
        held = self.get("call.wallet/authorize_call", **asked, expected_seconds=60, campaign="Nurses")
        self.assertNotIn("differs", held)
        self.assertNotIn("differs", self.get("call.wallet/authorize_call", **asked))
        other = self.get(
            "call.wallet/authorize_call",
            **{**asked, "number": "+14155550199", "direction": "inbound"}, campaign="Drivers", expected_seconds=120,
        )  # fmt: skip
        self.assertEqual((other["allowed"], other["code"], other["field"]), (False, "conflict", "call_ref"))
        self.assertEqual(
            other["differs"],
            {
                "number": {"held": "+14155550100", "sent": "+14155550199"},
                "direction": {"held": "outbound", "sent": "inbound"},
                "campaign": {"held": "Nurses", "sent": "Drivers"},
                "expected_seconds": {"held": 60, "sent": 120},
            },
        )


@tagged("post_install", "-at_install", "standard")
class TestMessages(ApiCase):
    """What is answered to an extension or a release is about a call that goes on, or is over."""

    def _ask(self, method, **arguments):
        return self.get(f"call.wallet/{method}", **{"account": self.wallet.account_ref, "call_ref": "m-1", **arguments})

    def test_messages_fit_what_was_asked(self):
        self._ask("authorize_call", call_type="live", number="+14155550100")
        said = {
            "extend": self._ask("extend_hold", total_seconds=1_200)["message"],
            "extend unknown": self._ask("extend_hold", account="NOBODY", total_seconds=60)["message"],
            # 10 minutes at 0.0125 are held, and 800 are all there is
            "extend empty": self._ask("extend_hold", total_seconds=48_000)["code"],
            "extend more": self._ask("extend_hold", seconds=60)["message"],
        }
        self.wallet.action_pause("Fraud check")
        said["extend paused"] = self._ask("extend_hold", seconds=60)["message"]
        said["release"] = self._ask("release_hold")["message"]
        said["release unknown"] = self._ask("release_hold", account="NOBODY")["message"]
        self.usage.record_calls([self._call(call_ref="m-1")])
        said["release over"] = self._ask("release_hold")["message"]
        said["extend over"] = self._ask("extend_hold", total_seconds=60)["message"]
        over = "This call has ended and was charged; nothing is held for it."
        nobody = "This account has no call wallet, so there is no such call."
        self.assertEqual(
            said,
            {
                "extend": "The call may go on.",
                "extend unknown": nobody,
                "extend empty": "ok",
                "extend more": "The balance is too low for a longer call. Add balance under Billing.",
                "extend paused": "Calls are paused by your account manager, and this one cannot be extended: "
                "Fraud check",
                "release": "Nothing is held for this call.",
                "release unknown": nobody,
                "release over": over,
                "extend over": over,
            },
        )
