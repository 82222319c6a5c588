"""Reported calls become charges: prices, repeats, refusals (product S14 to S19)."""

import json
from datetime import timedelta
from decimal import Decimal

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import CallWalletCommon


@tagged("post_install", "-at_install", "standard")
class TestPrices(CallWalletCommon):
    """What a call costs, through ``record_calls``."""

    def setUp(self):
        super().setUp()
        self._fund(self.wallet, 100)

    def _cost(self, **overrides):
        result = self._record(self._call(**overrides))
        self.assertEqual(result["result"], "charged", result)
        return result["billed_minutes"], result["total_cost"]

    def test_duration_is_rounded_up_to_whole_minutes(self):
        self.assertEqual(self._cost(duration_seconds=61), ("2.000000", "0.025000"))
        self.assertEqual(self._cost(duration_seconds=60), ("1.000000", "0.012500"))
        self.assertEqual(self._cost(duration_seconds=1), ("1.000000", "0.012500"))
        self.assertEqual(self._cost(duration_seconds=3600), ("60.000000", "0.750000"))

    def test_a_call_of_no_seconds_costs_nothing_and_has_a_ledger_row_of_zero(self):
        call = self._call(duration_seconds=0, number="+442071234567")
        result = self._record(call)
        self.assertEqual((result["billed_minutes"], result["total_cost"]), ("0.000000", "0.000000"))
        row = self.env["call.wallet.transaction"].browse(result["transaction"])
        self.assertEqual((row.type, row.amount, row.balance_after), ("usage", 0, 100))
        self.assertEqual(self._usage_of(call).total_cost, 0)

    def test_a_call_that_did_not_connect_costs_nothing_and_is_still_listed(self):
        for status in ("no_answer", "busy", "failed", "canceled"):
            call = self._call(status=status, duration_seconds=35)
            self.assertEqual(self._record(call)["total_cost"], "0.000000")
            usage = self._usage_of(call)
            self.assertEqual((usage.status, usage.duration_seconds, usage.billed_minutes), (status, 35, 0))
        self.assert_balance(self.wallet, 100)

    def test_the_longest_matching_prefix_wins(self):
        self.assertEqual(self._cost(number="+14155550100", duration_seconds=60)[1], "0.012500")
        self.assertEqual(self._cost(number="+14165550100", duration_seconds=60)[1], "0.010000")

    def test_connection_fee_is_added_to_a_connected_call(self):
        self.assertEqual(self._cost(number="+442071234567", duration_seconds=61), ("2.000000", "0.088200"))

    def test_billing_by_the_second(self):
        self.assertEqual(self._cost(number="+33142685300", duration_seconds=61), ("1.016667", "0.030500"))

    def test_minimum_duration_and_small_increments(self):
        self.assertEqual(self._cost(number="+4930123456", duration_seconds=1), ("0.500000", "0.030000"))
        self.assertEqual(self._cost(number="+4930123456", duration_seconds=31), ("0.600000", "0.036000"))

    def test_free_seconds_are_billed_and_not_priced(self):
        self.assertEqual(self._cost(number="+390612345", duration_seconds=45), ("1.000000", "0.000000"))
        self.assertEqual(self._cost(number="+390612345", duration_seconds=61), ("2.000000", "0.050000"))

    def test_a_half_millionth_is_rounded_up(self):
        self.assertEqual(self._cost(number="+81312345678", duration_seconds=30)[1], "0.000001")
        self.assertEqual(self._cost(number="+81312345678", duration_seconds=29)[1], "0.000000")

    def test_whatsapp_costs_two_cents_a_minute_anywhere_by_default(self):
        for number in ("+14155550100", "+819012345678", "+8801712345678"):
            self.assertEqual(
                self._cost(call_type="whatsapp", number=number, duration_seconds=61), ("2.000000", "0.040000")
            )

    def test_the_default_whatsapp_price_is_the_companys(self):
        self.company.call_wallet_whatsapp_rate = "0.03"
        self.assertEqual(self._cost(call_type="whatsapp", duration_seconds=60)[1], "0.030000")

    def test_a_plan_that_prices_whatsapp_overrides_the_default(self):
        self.plan.rate_ids = [(0, 0, {"call_type": "whatsapp", "prefix": "", "price_per_minute": "0.015"})]
        self.assertEqual(self._cost(call_type="whatsapp", number="+819012345678", duration_seconds=60)[1], "0.015000")
        self.assertEqual(self._cost(duration_seconds=60)[1], "0.012500")

    def test_inbound_calls_are_free_unless_the_plan_prices_them(self):
        for call_type in ("live", "whatsapp"):
            self.assertEqual(
                self._cost(direction="inbound", call_type=call_type, number="+8801712345678"),
                ("2.000000", "0.000000"),
            )
        self.plan.rate_ids = [(0, 0, {"direction": "inbound", "prefix": "1", "price_per_minute": "0.005"})]
        self.assertEqual(self._cost(direction="inbound", duration_seconds=60)[1], "0.005000")

    def test_the_rate_in_force_when_the_call_started_applies(self):
        change = fields.Datetime.to_datetime("2026-10-15 00:00:00")
        old = self.plan.rate_ids.filtered(lambda rate: rate.prefix == "1415")
        old.valid_to = change
        old.copy({"valid_from": change, "valid_to": False, "price_per_minute": "0.02"})
        before = self._cost(duration_seconds=60, started_at="2026-10-14T23:59:59Z")
        after = self._cost(duration_seconds=60, started_at="2026-10-15T00:00:00Z")
        in_force_by_the_offset = self._cost(duration_seconds=60, started_at="2026-10-15T01:00:00+02:00")
        self.assertEqual([before[1], after[1], in_force_by_the_offset[1]], ["0.012500", "0.020000", "0.012500"])

    def test_a_changed_price_never_changes_a_charge_already_made(self):
        call = self._call(duration_seconds=60)
        first = self._record(call)
        self.plan.rate_ids.filtered(lambda rate: rate.prefix == "1415").price_per_minute = "0.5"
        again = self._record(call)
        self.assertEqual(again, {**first, "result": "duplicate"})
        usage = self._usage_of(call)
        self.assertEqual((usage.rate, usage.total_cost), (Decimal("0.0125"), Decimal("0.0125")))
        self.assertEqual(self._cost(duration_seconds=60)[1], "0.500000")
        self.assert_balance(self.wallet, Decimal("99.4875"))

    def test_both_call_types_debit_the_same_wallet(self):
        live, whatsapp = self._record(self._call(), self._call(call_type="whatsapp"))
        self.assertEqual(live["balance_after"], "99.975000")
        self.assertEqual(whatsapp["balance_after"], "99.935000")
        self.assert_balance(self.wallet, "99.935")
        self.assert_sound(self.wallet)

    def test_a_call_longer_than_the_funds_is_charged_in_full_and_pauses_the_wallet(self):
        wallet = self._make_wallet()
        self._fund(wallet, "0.01")
        result = self._record(self._call(account=wallet.account_ref, duration_seconds=600))
        self.assertEqual((result["result"], result["balance_after"]), ("charged", "-0.115000"))
        self.env.invalidate_all()
        self.assertEqual(wallet.state, "paused")
        self.assert_sound(wallet)

    def test_the_call_is_kept_with_what_it_was_charged_and_why(self):
        call = self._call(number="+442071234567", application_ref="APP-7", campaign="Autumn", manager="Jo Doe")
        self._record(call)
        usage = self._usage_of(call)
        self.assertEqual(usage.matched_prefix, "44")
        self.assertEqual(usage.application_ref, "APP-7")
        self.assertEqual(usage.connection_fee, Decimal("0.01"))
        self.assertIn("0.0391", usage.explanation)
        self.assertIn("0.0882", usage.explanation)
        self.assertEqual(usage.transaction_ids.amount, Decimal("-0.0882"))


@tagged("post_install", "-at_install", "standard")
class TestRepeats(CallWalletCommon):
    """Late, twice, out of order, after deletion."""

    def setUp(self):
        super().setUp()
        self._fund(self.wallet, 100)

    def test_the_same_call_again_is_a_duplicate_with_the_first_result(self):
        call = self._call()
        first = self._record(call)
        self._record(self._call())
        again = self._record(call)
        self.assertEqual(again, {**first, "result": "duplicate"})
        self.assert_balance(self.wallet, "99.95")

    def test_the_same_moment_in_another_time_zone_is_the_same_call(self):
        call = self._call(started_at="2026-10-01T10:00:00Z")
        self._record(call)
        again = self._record({**call, "started_at": "2026-10-01T12:00:00+02:00"})
        self.assertEqual(again["result"], "duplicate")

    def test_the_same_reference_with_other_content_is_a_conflict_and_changes_nothing(self):
        call = self._call()
        self._record(call)
        for field, value in (("duration_seconds", 600), ("number", "+14155550101"), ("manager", "Jo Doe")):
            result = self._record({**call, field: value})
            self.assertEqual(result["result"], "conflict")
            self.assertIn(call["call_ref"], result["reason"])
        self.assert_balance(self.wallet, "99.975")
        self.assertEqual(self._usage_of(call).duration_seconds, 61)

    def test_repeats_within_one_request(self):
        call = self._call()
        results = self._record(call, call, {**call, "duration_seconds": 5}, self._call(), call)
        self.assertEqual(
            [result["result"] for result in results], ["charged", "duplicate", "conflict", "charged", "duplicate"]
        )
        self.assertEqual(results[0]["transaction"], results[1]["transaction"])
        self.assert_balance(self.wallet, "99.95")
        self.assert_sound(self.wallet)

    def test_one_reference_in_two_wallets_is_two_calls(self):
        other = self._make_wallet()
        call = self._call()
        results = self._record(call, {**call, "account": other.account_ref})
        self.assertEqual([result["result"] for result in results], ["charged", "charged"])

    def test_a_call_that_was_deleted_and_is_reported_again_is_a_duplicate(self):
        call = self._call()
        first = self._record(call)
        self._usage_of(call).unlink()
        again = self._record(call)
        self.assertEqual(again, {**first, "result": "duplicate"})
        self.assertFalse(self._usage_of(call))
        self.assert_balance(self.wallet, "99.975")

    def test_a_charged_call_stays_a_duplicate_when_its_rate_is_gone(self):
        call = self._call(number="+390612345")
        first = self._record(call)
        self.plan.rate_ids.filtered(lambda rate: rate.prefix == "39").unlink()
        self.assertEqual(self._record(call), {**first, "result": "duplicate"})
        self.assertEqual(self._record({**call, "duration_seconds": 5})["result"], "conflict")

    def test_calls_reported_in_any_order_give_the_same_balance(self):
        calls = [self._call(started_at=self._utc(f"2026-10-{day:02} 10:00:00")) for day in range(1, 9)]
        self._record(*reversed(calls))
        rows = self.wallet.transaction_ids.sorted("sequence")
        self.assertEqual(rows.mapped("sequence"), list(range(1, 10)))
        self.assertEqual(rows[-1].balance_after, Decimal("99.8"))
        self.assert_sound(self.wallet)


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
        self.assertEqual(self._record(self._call(number="+1911"))["result"], "charged")

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
        self.assert_balance(self.wallet, 100)

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
        self.assert_balance(self.wallet, "99.52")
        self.assertEqual(self._record(calls[0])["result"], "duplicate")
        kept.with_user(finance).action_retry()
        self.assert_balance(self.wallet, "99.52")
        self.assert_sound(self.wallet)

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
        kept.with_user(self._make_user("t_finance", "finance")).action_dismiss()
        self.assertEqual(kept.state, "dismissed")
        self._record({**call, "duration_seconds": 600})
        self.env.invalidate_all()
        self.assertEqual((kept.state, kept.count), ("dismissed", 2))

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


@tagged("post_install", "-at_install", "standard")
class TestNames(CallWalletCommon):
    """Campaigns and managers become records of the ERP."""

    def setUp(self):
        super().setUp()
        self._fund(self.wallet, 100)

    def _usage(self, **overrides):
        call = self._call(**overrides)
        self.assertEqual(self._record(call)["result"], "charged")
        return self._usage_of(call)

    def test_a_campaign_is_created_once_and_found_by_its_name(self):
        first = self._usage(campaign="Autumn 2026").campaign_id
        self.assertEqual(first.title, "Autumn 2026")
        self.assertEqual(self._usage(campaign="Autumn 2026").campaign_id, first)
        self.assertEqual(self._usage(campaign="autumn 2026").campaign_id, first)
        self.assertFalse(self._usage().campaign_id)

    def test_an_existing_campaign_is_used_archived_or_not(self):
        campaign = self.env["utm.campaign"].create({"title": "Spring"})
        self.assertEqual(self._usage(campaign="Spring").campaign_id, campaign)
        campaign.active = False
        self.assertEqual(self._usage(campaign="Spring").campaign_id, campaign)

    def test_campaign_names_with_odd_characters(self):
        names = [
            "100%",
            "a_b",
            "back\\slash",
            'Tom\'s "best" <b>',
            "Foo [2]",
            "Foo",
            "Foo [2] bar",
            "長い名前",
            "[1]",
            "{x}",
            "x" * 256,
        ]
        calls = [self._call(campaign=name) for name in names]
        self._record(*calls)
        campaigns = [self._usage_of(call).campaign_id for call in calls]
        self.assertEqual([campaign.title for campaign in campaigns], names)
        self._record(*(self._call(campaign=name) for name in names))
        self.assertEqual(self.env["utm.campaign"].search_count([("title", "in", names)]), len(names))

    def test_a_manager_is_found_among_the_customers_contacts_by_address_or_name(self):
        contact = self.env["res.partner"].create(
            {"name": "Jo Doe", "email": "Jo.Doe@initrode.example", "parent_id": self.partner.id}
        )
        for manager in ("Jo Doe", "jo doe", "jo.doe@initrode.example", "J. Doe <JO.DOE@initrode.example>"):
            self.assertEqual(self._usage(manager=manager).manager_id, contact)

    def test_a_new_manager_becomes_a_contact_of_the_customer_once(self):
        calls = [self._call(manager=name) for name in ("Ann Lee", "ann lee", "ann@initrode.example", "Ann Lee")]
        self._record(*calls)
        by_name, same, by_address, again = (self._usage_of(call).manager_id for call in calls)
        self.assertEqual((by_name, by_name), (same, again))
        self.assertEqual(by_name.parent_id, self.partner)
        self.assertNotEqual(by_address, by_name)
        self.assertEqual((by_address.email, by_address.name), ("ann@initrode.example", "ann@initrode.example"))
        self.assertEqual(by_address.parent_id, self.partner)

    def test_a_namesake_at_another_customer_is_somebody_else(self):
        other = self._make_wallet()
        theirs = self.env["res.partner"].create({"name": "Jo Doe", "parent_id": other.partner_id.id})
        self.assertNotEqual(self._usage(manager="Jo Doe").manager_id, theirs)
        self.assertEqual(self._usage(manager="Jo Doe", account=other.account_ref).manager_id, theirs)

    def test_the_managers_of_the_companys_own_wallet_are_its_internal_users(self):
        wallet = self._make_wallet(partner_id=self.company.partner_id.id)
        user = self._make_user("t_internal", "base.group_user")
        self.assertEqual(self._usage(manager=user.name, account=wallet.account_ref).manager_id, user.partner_id)

    def test_names_cost_the_same_few_queries_however_many_calls(self):
        def calls(number):
            return [self._call(campaign=f"Campaign {i}", manager=f"Manager {i}") for i in range(number)]

        self._record(*calls(50))
        self.env.flush_all()

        def queries(number):
            before = self.env.cr.sql_log_count
            self._record(*calls(number))
            return self.env.cr.sql_log_count - before

        self.assertEqual(queries(2), queries(50))


@tagged("post_install", "-at_install", "standard")
class TestManyCalls(CallWalletCommon):
    def test_ten_thousand_calls_of_many_wallets_in_one_request(self):
        wallets = [self._make_wallet() for _ in range(5)]
        for wallet in wallets:
            self._fund(wallet, 100)
        calls = [self._call(account=wallets[i % 5].account_ref, duration_seconds=i % 200) for i in range(10_000)]
        results = self.usage.record_calls(calls)
        self.assertEqual({result["result"] for result in results}, {"charged"})
        for wallet in wallets:
            self.env.invalidate_all()
            mine = [
                Decimal(r["total_cost"])
                for r, call in zip(results, calls, strict=True)
                if call["account"] == wallet.account_ref
            ]
            self.assertEqual(wallet.balance, 100 - sum(mine))
        self.assert_sound(self.env["call.wallet"].union(*wallets))

    def test_daily_totals_follow_the_wallets_time_zone(self):
        wallet = self._make_wallet(tz="Pacific/Kiritimati")
        self._record(self._call(account=wallet.account_ref))
        [row] = self.env["call.wallet.day"].search([("wallet_id", "=", wallet.id)])
        self.assertEqual(row.day, (fields.Datetime.now() + timedelta(hours=14)).date())
        self.assertEqual((row.transactions, row.amount, row.call_type), (1, Decimal("-0.025"), "live"))
