"""Calls that cannot be charged: a clear answer, kept, retried, dismissed; nothing else is lost."""

import json
from decimal import Decimal

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import CallWalletCommon


@tagged("post_install", "-at_install", "standard")
class TestRefusedCalls(CallWalletCommon):
    """Bad input: a clear answer that names the field, and nothing else is lost."""

    def setUp(self):
        super().setUp()
        self._fund(self.wallet, 100)

    def _refused(self, bad, *expected):
        """Report ``bad`` between two good calls; return the kept rejection."""
        before, result, after = self._record(self._call(), bad, self._call())
        self.assertEqual((before["result"], after["result"]), ("charged", "charged"))
        self.assertEqual(result["result"], "rejected", result)
        for part in expected:
            self.assertIn(part, result["reason"])
        kept = self.env["call.usage.rejection"].search([], order="id desc", limit=1)
        self.assertEqual(f"{kept.code}: {kept.reason}", result["reason"])
        self.assertEqual(kept.state, "open")
        return kept

    def test_unknown_account(self):
        kept = self._refused(self._call(account="NOBODY"), "unknown_account", "account", "NOBODY")
        self.assertEqual(kept.account, "NOBODY")
        self.assertFalse(kept.wallet_id)

    def test_destination_that_is_not_contracted(self):
        call = self._call(number="+819012345678", call_type="live")
        self.plan.rate_ids.filtered(lambda rate: rate.prefix == "81").unlink()
        kept = self._refused(call, "destination_not_contracted", "number", "+819012345678")
        self.assertEqual(kept.wallet_id, self.wallet)
        self.assertEqual(json.loads(kept.payload), call)

    def test_number_that_is_not_e164(self):
        for number in ("4155550100", "+0123", "+1 415 555", "+1234567890123456", "call me", "+٤٤٢٠٧", 14155550100):
            self._refused(self._call(number=number), "invalid_number", "number")

    def test_a_number_that_only_a_table_calls_invalid_is_charged(self):
        self.assertEqual(self._record(self._call(number="+14150000000"))["result"], "charged")
        self.assertEqual(self._record(self._call(number="+1415000"))["result"], "charged")

    def test_negative_duration(self):
        self._refused(self._call(duration_seconds=-1), "invalid_field", "duration_seconds", "-1")

    def test_duration_as_text_or_with_a_fraction(self):
        for value in ("61", 61.0, True, [61], float("nan"), 10**30):
            self._refused(self._call(duration_seconds=value), "invalid_field", "duration_seconds")

    def test_unknown_type_status_or_direction(self):
        for field in ("call_type", "status", "direction"):
            for value in ("carrier pigeon", 7, ["live"], {"live": 1}, ""):
                self._refused(self._call(**{field: value}), "invalid_field", field)

    def test_time_without_zone(self):
        self._refused(self._call(started_at="2026-10-01T10:00:00"), "invalid_field", "started_at", "zone")

    def test_time_that_is_none(self):
        for value in ("yesterday", "2026-13-01T10:00:00Z", 1790000000, "9999-12-31T23:59:59-14:00", ["now"]):
            self._refused(self._call(started_at=value), "invalid_field", "started_at")

    def test_missing_fields(self):
        required = ("account", "call_ref", "call_type", "number", "started_at", "duration_seconds", "status")
        for field in required:
            self._refused(self._call(**{field: ...}), "missing_field", field)
            self._refused(self._call(**{field: None}), "missing_field", field)

    def test_something_that_is_no_object(self):
        for value in (None, 7, "call", [], ["account"], True, 1.5):
            self._refused(value, "invalid_call", "call")

    def test_text_no_database_takes(self):
        for field in ("account", "call_ref", "campaign", "manager", "application_ref"):
            for value in ("a\0b", "lone \ud83d", "tab\tbed", "line\nfeed", "x" * 300, "   ", 5, {"a": "\0"}):
                self._refused(self._call(**{field: value}), "invalid_field", field)
        for value in ("+1415\0", "\ud83d"):
            self._refused(self._call(number=value), "invalid_number")

    def test_a_value_too_deep_or_too_long_to_show_is_still_refused_and_kept(self):
        deep = []
        for _level in range(100_000):
            deep = [deep]
        for value in (deep, 10**5000, "9" * 1_000_000):
            self._refused(self._call(account=value), "invalid_field", "account")
            self._refused(self._call(duration_seconds=value), "invalid_field", "duration_seconds")
        # Taken apart by hand: the interpreter would recurse.
        while deep:
            deep = deep.pop()

    def test_more_than_ten_thousand_calls_are_refused_whole(self):
        with self.assertRaisesRegex(UserError, "11000.*10000"):
            self.usage.record_calls([self._call()] * 11_000)
        self.assertBalance(self.wallet, 100)

    def test_something_that_is_no_list_is_refused(self):
        for value in (None, "calls", {"calls": []}, 7):
            with self.assertRaisesRegex(UserError, "list"):
                self.usage.record_calls(value)

    def test_no_calls_is_no_error(self):
        self.assertEqual(self.usage.record_calls([]), [])

    def test_only_the_platform_and_finance_may_report(self):
        calls = [self._call()]
        for login, group in (("t_platform", "platform"), ("t_finance", "finance")):
            self.usage.with_user(self._make_user(login, group)).record_calls(calls)
        for login, group in (
            ("t_am", "account_manager"),
            ("t_user", "base.group_user"),
            ("t_portal", "base.group_portal"),
        ):
            with self.assertRaises(AccessError):
                self.usage.with_user(self._make_user(login, group)).record_calls(calls)


@tagged("post_install", "-at_install", "standard")
class TestRejectionList(CallWalletCommon):
    """Refused calls are kept, counted, retried and dismissed."""

    def setUp(self):
        super().setUp()
        self._fund(self.wallet, 100)
        self.rejections = self.env["call.usage.rejection"].search([])

    def _new_rejections(self):
        self.env.invalidate_all()
        return self.env["call.usage.rejection"].search([("id", "not in", self.rejections.ids)], order="id")

    def test_a_call_is_charged_by_retrying_it_once_its_rate_is_there(self):
        calls = [self._call(number="+5511987654321") for _ in range(3)]
        self._record(*calls)
        kept = self._new_rejections()
        self.assertEqual(len(kept), 3)
        self.plan.rate_ids = [(0, 0, {"prefix": "55", "price_per_minute": "0.08"})]
        finance = self._make_user("t_finance", "finance")
        notice = kept.with_user(finance).action_retry()
        self.assertIn("3 charged", notice["params"]["message"])
        self.assertEqual(kept.mapped("state"), ["resolved"] * 3)
        self.assertEqual(self._usage_of(calls[0]).total_cost, Decimal("0.16"))
        self.assertBalance(self.wallet, "99.52")
        self.assertEqual(self._record(calls[0])["result"], "duplicate")
        kept.with_user(finance).action_retry()
        self.assertBalance(self.wallet, "99.52")
        self.assertSound(self.wallet)

    def test_a_retry_that_fails_again_stays_open_with_its_new_reason(self):
        call = self._call(number="+5511987654321", account="LATER")
        self._record(call)
        kept = self._new_rejections()
        wallet = self._make_wallet(account_ref="LATER")
        notice = kept.action_retry()
        self.assertIn("1 still refused", notice["params"]["message"])
        self.assertEqual((kept.state, kept.code, kept.wallet_id), ("open", "destination_not_contracted", wallet))
        self.assertEqual(kept.count, 1)

    def test_the_same_refused_call_again_is_one_row_that_counts(self):
        call = self._call(account="NOBODY")
        self._record(call, call)
        self._record(call)
        kept = self._new_rejections()
        self.assertEqual((len(kept), kept.count), (1, 3))

    def test_a_corrected_report_closes_the_rejection(self):
        call = self._call(duration_seconds="61")
        self._record(call)
        kept = self._new_rejections()
        self._record({**call, "duration_seconds": 61})
        self.env.invalidate_all()
        self.assertEqual(kept.state, "resolved")

    def test_a_conflict_is_kept_open_until_somebody_dismisses_it(self):
        call = self._call()
        self._record(call, {**call, "duration_seconds": 600})
        self._record(call)
        kept = self._new_rejections()
        self.assertEqual((kept.code, kept.state, kept.wallet_id), ("conflict", "open", self.wallet))
        finance = self._make_user("t_finance", "finance")
        self.assertEqual(kept.with_user(finance).charged_usage_id, self._usage_of(call))
        kept.with_user(finance).action_dismiss()
        self.assertEqual((kept.state, kept.dismissed_by_id), ("dismissed", finance))
        self._record({**call, "duration_seconds": 600})
        self.env.invalidate_all()
        self.assertEqual((kept.state, kept.count), ("dismissed", 2))
        self.assertEqual(kept.dismissed_by_id, finance, "whoever reports it again has dismissed nothing")

    def test_only_finance_may_retry_and_dismiss_and_nobody_may_edit(self):
        self._record(self._call(account="NOBODY"))
        kept = self._new_rejections()
        for login, group in (
            ("t_platform", "platform"),
            ("t_am", "account_manager"),
            ("t_portal", "base.group_portal"),
        ):
            theirs = kept.with_user(self._make_user(login, group))
            for action in (theirs.action_retry, theirs.action_dismiss):
                with self.assertRaises(AccessError):
                    action()
        with self.assertRaises(AccessError):
            kept.with_user(self._make_user("t_finance", "finance")).write({"payload": "{}"})

    def test_finance_sees_the_refused_calls_of_its_companies_and_of_unknown_accounts(self):
        elsewhere = self._make_wallet(company_id=self.env["res.company"].create({"name": "Elsewhere"}).id)
        calls = [
            self._call(account=account, duration_seconds="x")
            for account in ("NOBODY", self.wallet.account_ref, elsewhere.account_ref)
        ]
        self._record(*calls)
        seen = (
            self._new_rejections()
            .with_user(self._make_user("t_finance", "finance"))
            .search([("call_ref", "in", [call["call_ref"] for call in calls])])
        )
        self.assertEqual(set(seen.mapped("account")), {"NOBODY", self.wallet.account_ref})

    def test_what_another_companys_platform_reported_of_an_unknown_account_is_that_companys(self):
        company = self.env["res.company"].create({"name": "Elsewhere"})
        theirs = self._make_user("t_platform_elsewhere", "platform")
        theirs.write({"company_id": company.id, "company_ids": [(6, 0, company.ids)]})
        call = self._call(account="NOBODY")
        self.assertEqual(self.usage.with_user(theirs).record_calls([call])[0]["result"], "rejected")
        finance = self._make_user("t_finance", "finance")
        of_call = [("call_ref", "=", call["call_ref"])]
        rejections = self.env["call.usage.rejection"].with_user(finance)
        self.assertEqual(len(rejections.search(of_call)), 0)
        finance.company_ids |= company
        rejections = rejections.with_context(allowed_company_ids=finance.company_ids.ids)
        self.assertEqual(rejections.search(of_call).account, "NOBODY")

    def test_what_two_companies_platforms_report_alike_of_an_unknown_account_is_listed_to_both(self):
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        third = self.env["res.company"].create({"name": "Third"})
        ours = self._make_user("t_platform_ours", "platform")
        theirs, nobodys = self._platform_of("t_platform_theirs", elsewhere), self._platform_of("t_nobody", third)
        finance = self._make_user("t_finance_elsewhere", "finance")
        finance.write({"company_id": elsewhere.id, "company_ids": [(6, 0, elsewhere.ids)]})
        call = self._call(account="NOBODY")
        for user in (ours, theirs, theirs):
            self.assertEqual(self.usage.with_user(user).record_calls([call])[0]["code"], "unknown_account")
        [kept] = self._new_rejections()
        self.assertEqual(kept.count, 3, "One call, whoever reports it")
        for user, count in ((ours, 1), (theirs, 1), (nobodys, 0)):
            with self.subTest(user=user.login):
                listed = self.usage.with_user(user).list_rejections(account="NOBODY")
                self.assertEqual([one["rejection"] for one in listed], kept.ids * count)
                [state] = self.usage.with_user(user).get_calls("NOBODY", [call["call_ref"]])
                self.assertEqual(state["state"], "rejected" if count else "unknown")
                [again] = self.usage.with_user(user).retry_rejections(kept.ids)
                self.assertEqual(again["code"], "unknown_account" if count else "unknown_rejection")
        seen = self.env["call.usage.rejection"].with_user(finance).search([("call_ref", "=", call["call_ref"])])
        self.assertEqual(seen, kept)
        self.assertEqual(self._waiting_for(finance), {"unknown_account": 1})
        self.assertEqual(kept.count, 3, "A retry is no report")

    def _waiting_for(self, user):
        """How many rejected calls wait for somebody, by the kind of their reason; of those without a wallet."""
        entries = self.env["call.wallet.waiting"].with_user(user).search([("kind", "=", "rejected")])
        return {entry.code: entry.count for entry in entries if not entry.wallet_id}

    def test_finance_of_another_company_sees_nothing_of_unknown_accounts_in_what_waits(self):
        self.rejections.action_dismiss()
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        both = self._make_user("t_finance_both", "finance")
        ours, theirs = self._make_user("t_finance_ours", "finance"), self._make_user("t_finance_theirs", "finance")
        theirs.write({"company_id": elsewhere.id, "company_ids": [(6, 0, elsewhere.ids)]})
        both.company_ids |= elsewhere
        platforms = self._platform_of("t_platform_a", self.company), self._platform_of("t_platform_b", elsewhere)
        for platform, number in zip(platforms, (2, 3), strict=True):
            calls = [self._call(account=f"SECRET{number}") for _each in range(number)]
            self.usage.with_user(platform).record_calls(calls)
        self.assertEqual(self._waiting_for(ours), {"unknown_account": 2})
        self.assertEqual(self._waiting_for(theirs), {"unknown_account": 3})
        waiting = self.env["call.wallet.waiting"].with_user(ours).search([("kind", "=", "rejected")])
        self.assertNotIn("SECRET3", " ".join(waiting.mapped("reason")))
        # Whoever works for both sees both, of the companies that are chosen.
        for companies, counts in ((self.company, [2]), (elsewhere, [3]), (self.company + elsewhere, [2, 3])):
            with self.subTest(companies=companies.mapped("name")):
                listed = self.env["call.wallet.waiting"].with_user(both)
                listed = listed.with_context(allowed_company_ids=companies.ids).search([("kind", "=", "rejected")])
                self.assertEqual(sorted(listed.mapped("count")), counts)

    def _platform_of(self, login, company):
        user = self._make_user(login, "platform")
        user.write({"company_id": company.id, "company_ids": [(6, 0, company.ids)]})
        return user

    def test_a_huge_payload_is_cut_and_can_still_be_retried(self):
        call = self._call(
            number="+5511987654321", campaign="長" * 250, raw={"audio": "x" * 3_000_000}, **{"k" * 999: 1}
        )
        self._record(call)
        kept = self._new_rejections()
        self.assertLess(len(kept.payload), 20_000)
        self.assertEqual(json.loads(kept.payload)["campaign"], call["campaign"])
        kept.action_retry()
        self.assertEqual(self._new_rejections(), kept)
        self._record(call)
        self.assertEqual(self._new_rejections().count, 2)
        self.plan.rate_ids = [(0, 0, {"prefix": "55", "price_per_minute": "0.08"})]
        kept.action_retry()
        self.assertEqual(kept.state, "resolved")

    def test_two_huge_payloads_that_differ_at_the_end_are_two_rejections(self):
        call = self._call(account="NOBODY")
        self._record({**call, "raw": "x" * 100_000 + "1"}, {**call, "raw": "x" * 100_000 + "2"})
        self.assertEqual(len(self._new_rejections()), 2)

    def test_ten_thousand_refused_calls_are_all_kept(self):
        results = self.usage.record_calls([self._call(account="NOBODY") for _ in range(10_000)])
        self.assertEqual({result["result"] for result in results}, {"rejected"})
        self.assertEqual(len(self._new_rejections()), 10_000)

    def test_a_second_call_under_a_used_reference_is_charged_by_finance_as_a_call_of_its_own_once(self):
        self._record(self._call(call_ref="used"))
        second = self._call(call_ref="used", duration_seconds=200)
        self.assertEqual(self._record(second)["result"], "conflict")
        kept = self.env["call.usage.rejection"].search([("call_ref", "=", "used")])
        before = self.wallet.balance
        finance = kept.with_user(self._make_user("t_own_call", "finance"))
        for _time in range(2):
            finance.action_charge_as_own()
        # 200 s: 4 min at 0.0125
        self.assertBalance(self.wallet, before - Decimal("0.05"))
        self.assertEqual(kept.state, "resolved")
        calls = self.usage.search([("wallet_id", "=", self.wallet.id), ("call_ref", "=", kept.charged_ref)])
        self.assertEqual(calls.duration_seconds, 200)
        # Reported again, it is no work for finance again.
        self.assertEqual(self._record(second)["result"], "conflict")
        self.env.invalidate_all()
        self.assertEqual(kept.state, "resolved")
        self.assertBalance(self.wallet, before - Decimal("0.05"))
        self.assertSound(self.wallet)

    def test_only_a_conflict_is_charged_as_a_call_of_its_own(self):
        self._record(self._call(account="NOBODY", call_ref="unknown"))
        kept = self.env["call.usage.rejection"].search([("call_ref", "=", "unknown")])
        self.assertFalse(kept.charged_usage_id)
        with self.assertRaisesRegex(UserError, "conflict"):
            kept.action_charge_as_own()
