"""What the platform reads of wallets, holds, transactions, calls and rejected calls, over HTTP with its key."""

from datetime import datetime, timedelta

from odoo.addons.call_wallet.tools.clock import utcnow
from odoo.tests import tagged

from .api_case import ApiCase

CALIFORNIA = "+14155550100"  # 0.0125 a minute


@tagged("post_install", "-at_install", "standard")
class TestReadWallets(ApiCase):
    def test_wallets_are_read_in_the_order_asked(self):
        closed = self._make_wallet()
        self._fund(closed, "3")
        closed.close("Contract over", take_rest=True)
        self.wallet.action_pause("Fraud check")
        self.get("call.wallet/authorize_call", account=self.wallet.account_ref, call_ref="w-1", call_type="live",
                 number=CALIFORNIA)  # fmt: skip
        asked = ["NOBODY", closed.account_ref, self.wallet.account_ref, self.foreign.account_ref]
        nobody, old, ours, theirs = self.get("call.wallet/get_wallets", accounts=asked)
        self.assertEqual(
            ours,
            {
                "account": self.wallet.account_ref, "code": "ok", "name": "Initrode", "state": "paused",
                "pause_reason": "Fraud check", "currency": "USD", "balance": "10.000000", "held": "0.000000",
                "available": "10.000000", "low_balance_threshold": "10.000000", "is_low": False, "tz": "UTC",
                "rate_plan": "Test contract",
            },
        )  # fmt: skip
        self.assertEqual((old["code"], old["balance"], old["is_low"]), ("closed", "0.000000", True))
        for unknown, account in ((nobody, "NOBODY"), (theirs, self.foreign.account_ref)):
            self.assertEqual((unknown["account"], unknown["code"]), (account, "unknown_account"))
            self.assertEqual({unknown[name] for name in unknown.keys() - {"account", "code"}}, {None})

    def test_what_is_held_is_not_available(self):
        self.wallet.low_balance_threshold = 11
        self.get("call.wallet/authorize_call", account=self.wallet.account_ref, call_ref="w-2", call_type="live",
                 number=CALIFORNIA, expected_seconds=600)  # fmt: skip
        [found] = self.get("call.wallet/get_wallets", accounts=[self.wallet.account_ref])
        # 10 minutes at 0.0125 are 0.125
        self.assertEqual(
            [found[name] for name in ("balance", "held", "available", "is_low")],
            ["10.000000", "0.125000", "9.875000", True],
        )

    def test_without_accounts_all_of_the_users_companies(self):
        second = self._make_wallet()
        accounts = [found["account"] for found in self.get("call.wallet/get_wallets")]
        self.assertLessEqual({self.wallet.account_ref, second.account_ref}, set(accounts))
        self.assertNotIn(self.foreign.account_ref, accounts)
        self.assertEqual(accounts, sorted(accounts))
        self.platform.company_ids |= self.foreign_company
        accounts = [found["account"] for found in self.get("call.wallet/get_wallets")]
        self.assertIn(self.foreign.account_ref, accounts)

    def test_what_cannot_be_read_is_refused_by_name(self):
        for accounts in ("ACME", 5, [5], [None], ["a\0b"], ["A"] * 10_001, {"ACME": 1}):
            self.assertRefused("accounts", "call.wallet/get_wallets", accounts=accounts)
        self.assertRefused("acount", "call.wallet/get_wallets", acount=["A"])
        self.assertRefused("did you mean accounts", "call.wallet/get_wallets", acount=["A"])

    def test_only_the_platform_and_finance_read(self):
        for login, group, status in (("api-finance", "finance", 200), ("api-manager", "account_manager", 403)):
            key = self._make_api_key(self._make_user(login, group))
            self.assertEqual(self.ask("call.wallet/get_wallets", key=key)[0], status)
            for method, arguments in (
                ("call.wallet/list_holds", {}),
                ("call.wallet/list_transactions", {"account": self.wallet.account_ref}),
                ("call.wallet/quote_call",
                 {"account": self.wallet.account_ref, "call_type": "live", "number": CALIFORNIA}),
                ("call.usage/get_calls", {"account": self.wallet.account_ref, "call_refs": []}),
                ("call.usage/list_rejections", {}),
                ("call.usage/retry_rejections", {"rejections": []}),
            ):  # fmt: skip
                with self.subTest(method=method, group=group):
                    self.assertEqual(self.ask(method, key=key, **arguments)[0], status)


@tagged("post_install", "-at_install", "standard")
class TestQuote(ApiCase):
    def _quote(self, **arguments):
        asked = {"account": self.wallet.account_ref, "call_type": "live", "number": CALIFORNIA, **arguments}
        return self.get("call.wallet/quote_call", **asked)

    def test_a_quotation_is_what_the_call_is_charged(self):
        before = self.env["call.wallet.hold"].search_count([])
        self.assertEqual(
            self._quote(seconds=61),
            {
                "account": self.wallet.account_ref, "call_type": "live", "direction": "outbound",
                "number": "+14155550100", "seconds": 61, "allowed": True, "code": "ok", "field": None,
                "message": "The call may start.", "rate": "0.012500", "currency": "USD", "balance": "10.000000",
                # 10 / 0.0125 = 800 minutes
                "available": "10.000000", "funds_seconds": 48_000,
                # 61 s are 2 minutes: 2 x 0.0125
                "billed_seconds": 120, "billed_minutes": "2.000000", "cost": "0.025000", "prefix": "1415",
                "increment_seconds": 60, "minimum_seconds": 0, "first_block_seconds": 0, "free_seconds": 0,
                "grace_seconds": 0, "connection_fee": "0.000000",
            },
        )  # fmt: skip
        self.assertEqual(self.env["call.wallet.hold"].search_count([]), before)
        [charged] = self._report(self._call(number=CALIFORNIA, duration_seconds=61))
        self.assertEqual(charged["total_cost"], "0.025000")

    def test_each_part_of_a_price_is_said(self):
        fee = self._quote(number="+442079460000", seconds=1)
        # one minute at 0.0391 and 0.01 for connecting
        self.assertEqual((fee["cost"], fee["connection_fee"], fee["prefix"]), ("0.049100", "0.010000", "44"))
        steps = self._quote(number="+4930123456", seconds=31)
        # at least 30 s, in steps of 6: 36 s at 0.06 a minute
        self.assertEqual(
            [steps[name] for name in ("billed_seconds", "billed_minutes", "cost", "increment_seconds")],
            [36, "0.600000", "0.036000", 6],
        )
        self.assertEqual(steps["minimum_seconds"], 30)
        free = self._quote(number="+390612345678")
        self.assertEqual((free["seconds"], free["billed_seconds"], free["free_seconds"]), (60, 0, 60))
        whatsapp = self._quote(number="+819012345678", call_type="whatsapp")
        self.assertEqual((whatsapp["rate"], whatsapp["prefix"], whatsapp["cost"]), ("0.020000", "", "0.020000"))
        hidden = self._quote(number=None, direction="inbound")
        self.assertEqual((hidden["number"], hidden["cost"], hidden["allowed"]), ("Withheld", "0.000000", True))

    def test_the_code_is_that_of_authorising(self):
        closed = self._make_wallet()
        closed.close("Contract over")
        empty, unset, paused = self._make_wallet(), self._make_wallet(recipients=()), self._make_wallet()
        self._fund(paused, "5")
        paused.action_pause("Fraud check")
        for account, number, code, field in (
            ("NOBODY", CALIFORNIA, "unknown_account", "account"),
            (self.foreign.account_ref, CALIFORNIA, "unknown_account", "account"),
            (closed.account_ref, CALIFORNIA, "closed", "account"),
            (empty.account_ref, CALIFORNIA, "no_funds", None),
            (unset.account_ref, CALIFORNIA, "not_set_up", None),
            (paused.account_ref, CALIFORNIA, "paused", None),
            (self.wallet.account_ref, "+5511987654321", "destination_not_contracted", "number"),
            (self.wallet.account_ref, "call me", "invalid_number", "number"),
            (self.wallet.account_ref, "112", "ok", None),
            (paused.account_ref, "112", "ok", None),
        ):
            with self.subTest(account=account, number=number):
                quote = self._quote(account=account, number=number)
                self.assertEqual((quote["code"], quote["field"], quote["allowed"]), (code, field, code == "ok"))
                has_price = code not in ("unknown_account", "closed", "destination_not_contracted", "invalid_number")
                self.assertEqual(quote["cost"] is not None, has_price)
                if account != self.foreign.account_ref:
                    asked = {"account": account, "number": number, "call_ref": f"{account}-{code}", "call_type": "live"}
                    answer = self.get("call.wallet/authorize_call", **asked)
                    self.assertEqual((answer["code"], answer["field"]), (code, field))
        self.assertIsNone(self._quote(account=self.foreign.account_ref)["balance"])

    def test_what_cannot_be_read_is_refused_by_name(self):
        for name, value in (
            ("account", ""), ("account", None), ("account", 5), ("call_type", "pigeon"), ("call_type", None),
            ("direction", "up"), ("seconds", 0), ("seconds", "60"), ("seconds", True), ("seconds", 2_592_001),
        ):  # fmt: skip
            asked = {"account": self.wallet.account_ref, "call_type": "live", "number": CALIFORNIA, name: value}
            with self.subTest(name=name, value=value):
                self.assertRefused(name, "call.wallet/quote_call", **asked)
        self.assertRefused("number", "call.wallet/quote_call", account=self.wallet.account_ref, call_type="live")


@tagged("post_install", "-at_install", "standard")
class TestReadHolds(ApiCase):
    def _authorize(self, wallet, call_ref, **arguments):
        asked = {"account": wallet.account_ref, "call_ref": call_ref, "call_type": "live", "number": CALIFORNIA}
        return self.get("call.wallet/authorize_call", **asked, **arguments)

    def test_calls_in_progress_are_listed_with_what_they_hold(self):
        other = self._make_wallet()
        self._fund(other, "5")
        ours = self._authorize(self.wallet, "h-1", expected_seconds=120, campaign="Nurses", manager="ana@acme.example",
                               application_ref="A-1")  # fmt: skip
        self._authorize(self.foreign, "h-2")
        self._authorize(other, "h-3")
        self._authorize(self.wallet, "h-4")
        self._report(self._call(call_ref="h-4"))
        [hold] = self.get("call.wallet/list_holds", account=self.wallet.account_ref)
        moments = {name: hold.pop(name) for name in ("authorized_at", "expires_at")}
        self.assertEqual(
            hold,
            {
                "account": self.wallet.account_ref, "call_ref": "h-1", "hold": ours["hold"], "call_type": "live",
                "direction": "outbound", "number": CALIFORNIA, "campaign": "Nurses", "manager": "ana@acme.example",
                # 2 minutes at 0.0125
                "application_ref": "A-1", "rate": "0.012500", "amount": "0.025000", "currency": "USD",
                "held_seconds": 120,
            },
        )  # fmt: skip
        self.assertEqual(moments["expires_at"], ours["expires_at"])
        begun = datetime.fromisoformat(moments["authorized_at"]).replace(tzinfo=None)
        self.assertLess(abs(begun - utcnow()), timedelta(minutes=1))
        refs = [hold["call_ref"] for hold in self.get("call.wallet/list_holds")]
        self.assertIn("h-3", refs)
        self.assertNotIn("h-2", refs)
        [found] = self.get("call.wallet/get_wallets", accounts=[self.wallet.account_ref])
        self.assertEqual(found["held"], "0.025000")

    def test_what_cannot_be_read_is_refused_by_name(self):
        for account in ("NOBODY", self.foreign.account_ref, "", 5, ["A"]):
            self.assertRefused("account", "call.wallet/list_holds", account=account)


@tagged("post_install", "-at_install", "standard")
class TestReadTransactions(ApiCase):
    def _list(self, **arguments):
        return self.get("call.wallet/list_transactions", account=self.wallet.account_ref, **arguments)

    def test_the_ledger_is_read_in_its_order(self):
        call = self._call(call_ref="t-1", duration_seconds=61, started_at=utcnow().isoformat() + "Z")
        [charged] = self._report(call)
        [amended] = self.get("call.usage/amend_calls", calls=[{**call, "duration_seconds": 121}])
        first, second, third = self._list()
        self.assertEqual((first["type"], first["amount"], first["description"]), ("refund", "10.000000",
                         "Opening credit"))  # fmt: skip
        self.assertEqual((first["call_ref"], first["rate"], first["billed_minutes"]), (None, None, None))
        date = datetime.fromisoformat(second.pop("date"))
        self.assertLess(abs(date.replace(tzinfo=None) - utcnow()), timedelta(minutes=1))
        self.assertEqual(
            second,
            {
                "transaction": charged["transaction"], "sequence": 2, "type": "usage", "amount": "-0.025000",
                "balance_after": "9.975000", "description": "Live Call t-1", "call_ref": "t-1",
                "billed_minutes": "2.000000", "rate": "0.012500", "currency": "USD",
            },
        )  # fmt: skip
        # 3 minutes instead of 2
        self.assertEqual(
            [third[name] for name in ("transaction", "sequence", "amount", "balance_after", "call_ref")],
            [amended["transaction"], 3, "-0.012500", "9.962500", "t-1"],
        )
        self.assertEqual(self._list(after=first["transaction"], limit=1)[0]["sequence"], 2)
        self.assertEqual(self._list(after=third["transaction"]), [])
        self._usage_of(call).unlink()
        self.assertEqual([row["call_ref"] for row in self._list()], [None, "t-1", None])

    def test_a_closed_wallet_is_still_read(self):
        wallet = self.wallet
        wallet.close("Contract over", take_rest=True)
        self.assertEqual([row["amount"] for row in self._list()], ["10.000000", "-10.000000"])

    def test_what_cannot_be_read_is_refused_by_name(self):
        theirs = self.env["call.wallet.transaction"].search([("wallet_id", "=", self.foreign.id)]).id
        for after in (-1, "1", True, theirs, 2**31, 2**70, [1], 2_000_000_000):
            with self.subTest(after=after):
                self.assertRefused("after: ", "call.wallet/list_transactions", account=self.wallet.account_ref,
                                   after=after)  # fmt: skip
        for limit in (0, 10_001, None, "5", True, 1.0):
            with self.subTest(limit=limit):
                self.assertRefused("limit: ", "call.wallet/list_transactions", account=self.wallet.account_ref,
                                   limit=limit)  # fmt: skip
        for account in ("NOBODY", self.foreign.account_ref, None, 7):
            self.assertRefused("account", "call.wallet/list_transactions", account=account)
        self.assertRefused("account", "call.wallet/list_transactions")


@tagged("post_install", "-at_install", "standard")
class TestReadCalls(ApiCase):
    def setUp(self):
        super().setUp()
        self.started_at = (utcnow() - timedelta(days=3)).isoformat() + "+00:00"

    def _call(self, **overrides):
        return super()._call(**{"started_at": self.started_at, **overrides})

    def _get(self, *refs, account=None):
        return self.get("call.usage/get_calls", account=account or self.wallet.account_ref, call_refs=list(refs))

    def test_a_charged_call(self):
        [charged] = self._report(
            self._call(call_ref="g-1", campaign="Nurses", manager="Ana Lopez", application_ref="A-1")
        )
        [found] = self._get("g-1")
        self.assertLess(
            abs(datetime.fromisoformat(found.pop("reported_at")).replace(tzinfo=None) - utcnow()), timedelta(minutes=1)
        )
        self.assertEqual(
            found,
            {
                "call_ref": "g-1", "state": "charged", "call_type": "live", "direction": "outbound",
                "number": CALIFORNIA, "started_at": self.started_at, "duration_seconds": 61, "status": "completed",
                "billed_seconds": 120, "billed_minutes": "2.000000", "rate": "0.012500", "total_cost": "0.025000",
                "refunded": "0.000000", "currency": "USD", "campaign": "Nurses", "application_ref": "A-1",
                "manager": "Ana Lopez", "transaction": charged["transaction"], "corrections": [], "code": None,
                "field": None, "reason": None, "rejection": None,
            },
        )  # fmt: skip

    def test_a_call_stands_as_it_was_corrected_last(self):
        call = self._call(call_ref="g-2", duration_seconds=61)  # 0.025
        [charged] = self._report(call)
        longer = {**call, "duration_seconds": 121, "campaign": "Drivers", "reason": "Counted wrong"}
        [amended] = self.get("call.usage/amend_calls", calls=[longer])
        self.wallet.refund("0.01", "Bad line", usage=self._usage_of(call))
        [found] = self._get("g-2")
        self.assertEqual(
            [found[name] for name in ("state", "duration_seconds", "billed_seconds", "billed_minutes", "total_cost",
                                      "refunded", "campaign", "transaction")],
            ["corrected", 121, 180, "3.000000", "0.037500", "0.010000", "Drivers", charged["transaction"]],
        )  # fmt: skip
        [step] = found["corrections"]
        self.assertTrue(step.pop("corrected_at").endswith("+00:00"))
        self.assertEqual(
            step,
            {"kind": "amend", "reason": "Counted wrong", "old_cost": "0.025000", "total_cost": "0.037500",
             "difference": "0.012500", "transaction": amended["transaction"]},
        )  # fmt: skip
        [voided] = self.get(
            "call.usage/void_calls",
            calls=[{"account": self.wallet.account_ref, "call_ref": "g-2", "reason": "A test call"}],
        )
        [found] = self._get("g-2")
        self.assertEqual((found["state"], found["billed_minutes"], found["total_cost"]), ("voided", "0.000000",
                         "0.010000"))  # fmt: skip
        # 0.01 was given back by hand, so 0.0275 of 0.0375 are left to go back
        self.assertEqual((found["corrections"][1]["difference"], voided["difference"]), ("-0.027500", "-0.027500"))

    def test_a_free_call_that_went_on_longer_has_its_minutes(self):
        call = self._call(call_ref="g-3", direction="inbound", duration_seconds=61)
        self._report(call)
        self.get("call.usage/amend_calls", calls=[{**call, "duration_seconds": 600}])
        [found] = self._get("g-3")
        self.assertEqual((found["billed_seconds"], found["total_cost"]), (600, "0.000000"))
        # 2 minutes became 10: a row of 8 minutes and no amount.
        row = self.env["call.wallet.transaction"].browse(found["corrections"][0]["transaction"])
        self.assertEqual((row.amount, row.billed_minutes), (0, 8))

    def test_a_re_rated_call_has_its_new_price(self):
        call = self._call(call_ref="g-4", duration_seconds=121)  # 3 minutes: 0.0375
        self._report(call)
        self.plan.rate_ids.filtered(lambda rate: rate.prefix == "1415").price_per_minute = "0.02"
        rerate = self.env["call.usage.rerate"].create(
            {"reason": "Wrong price", "wallet_ids": self.wallet.ids, "date_from": utcnow() - timedelta(days=5),
             "date_to": utcnow()}
        )  # fmt: skip
        rerate.action_preview()
        rerate._cron_advance()
        rerate.action_post()
        rerate._cron_advance()
        [found] = self._get("g-4")
        self.assertEqual((found["state"], found["rate"], found["total_cost"]), ("corrected", "0.020000", "0.060000"))
        [step] = found["corrections"]
        self.assertEqual((step["kind"], step["old_cost"], step["difference"]), ("rerate", "0.037500", "0.022500"))

    def test_what_was_not_charged_says_why_or_is_unknown(self):
        [refused] = self._report(self._call(call_ref="g-5", number="+5511987654321"))
        self._report(self._call(call_ref="g-6"))
        rejected, charged, never = self._get("g-5", "g-6", "g-7")
        kept = self.env["call.usage.rejection"].search([("call_ref", "=", "g-5")])
        self.assertEqual(
            [rejected[name] for name in ("state", "code", "field", "reason", "rejection", "total_cost")],
            ["rejected", "destination_not_contracted", "number", refused["reason"], kept.id, None],
        )
        self.assertEqual((charged["state"], never["state"], never["corrections"]), ("charged", "unknown", []))
        kept.action_dismiss()
        self.assertEqual(self._get("g-5")[0]["state"], "rejected")
        self._report(self._call(call_ref="g-8", account="NOBODY"))
        self.assertEqual(self._get("g-8", account="NOBODY")[0]["code"], "unknown_account")

    def test_nothing_is_known_of_another_companys_calls(self):
        self.usage.record_calls(
            [self._call(account=self.foreign.account_ref, call_ref="g-9"),
             self._call(account=self.foreign.account_ref, call_ref="g-10", number="call me")]
        )  # fmt: skip
        states = [found["state"] for found in self._get("g-9", "g-10", account=self.foreign.account_ref)]
        self.assertEqual(states, ["unknown", "unknown"])

    def test_what_was_deleted_is_not_named(self):
        masked = self._call(call_ref="g-11", manager="Ana Lopez", application_ref="A-1")
        deleted = self._call(call_ref="g-12")
        results = self._report(masked, deleted)
        self._usage_of(masked).action_mask()
        self._usage_of(deleted).unlink()
        first, second = self._get("g-11", "g-12")
        self.assertEqual([first[name] for name in ("number", "manager", "application_ref")], ["Deleted"] * 3)
        self.assertEqual((first["total_cost"], second["total_cost"]), ("0.025000", "0.025000"))
        self.assertEqual(
            [second[name] for name in ("state", "number", "transaction", "billed_seconds", "started_at")],
            ["charged", "Deleted", results[1]["transaction"], 120, None],
        )

    def test_the_same_reference_twice_is_answered_twice(self):
        self._report(self._call(call_ref="g-13"))
        self.assertEqual([found["state"] for found in self._get("g-13", "g-14", "g-13")],
                         ["charged", "unknown", "charged"])  # fmt: skip

    def test_ten_thousand_are_answered(self):
        self._report(self._call(call_ref="g-15"))
        found = self._get(*(f"many-{number}" for number in range(9_999)), "g-15")
        self.assertEqual((len(found), found[-1]["state"]), (10_000, "charged"))

    def test_what_cannot_be_read_is_refused_by_name(self):
        for call_refs in ("g", None, [5], [None], ["a\0b"], ["a"] * 10_001):
            self.assertRefused("call_refs", "call.usage/get_calls", account="A", call_refs=call_refs)
        self.assertRefused("account", "call.usage/get_calls", account=5, call_refs=["a"])
        self.assertRefused("call_refs", "call.usage/get_calls", account="A")


@tagged("post_install", "-at_install", "standard")
class TestReadRejections(ApiCase):
    def _list(self, **arguments):
        return self.get("call.usage/list_rejections", **arguments)

    def _retry(self, *rejections):
        return self.get("call.usage/retry_rejections", rejections=list(rejections))

    def test_rejected_calls_are_read_and_sent_again(self):
        call = self._call(call_ref="j-1", number="+5511987654321", duration_seconds=61)
        [refused] = self._report(call)
        [kept] = self._list(account=self.wallet.account_ref)
        self.assertTrue(kept.pop("reported_at").endswith("+00:00"))
        number = kept.pop("rejection")
        self.assertEqual(
            kept,
            {"account": self.wallet.account_ref, "call_ref": "j-1", "kind": "charge",
             "code": "destination_not_contracted", "field": "number", "reason": refused["reason"], "payload": call},
        )  # fmt: skip
        [again] = self._retry(number)
        self.assertEqual((again["rejection"], again["result"], again["code"]), (number, "rejected", kept["code"]))
        self.plan.rate_ids = [(0, 0, {"prefix": "55", "price_per_minute": "0.08"})]
        [charged] = self._retry(number)
        # 2 minutes at 0.08
        self.assertEqual(
            [charged[name] for name in ("rejection", "call_ref", "result", "total_cost", "balance_after")],
            [number, "j-1", "charged", "0.160000", "9.840000"],
        )
        self.assertEqual(self._list(account=self.wallet.account_ref), [])
        [over] = self._retry(number)
        self.assertEqual((over["result"], over["code"], over["call_ref"]), ("rejected", "not_open", "j-1"))
        self.assertBalance(self.wallet, "9.84")

    def test_one_that_cannot_be_sent_again_stops_no_other(self):
        self.usage.record_calls([self._call(account=self.foreign.account_ref, call_ref="j-2", number="call me")])
        theirs = self.env["call.usage.rejection"].search([("call_ref", "=", "j-2")])
        late = self._call(call_ref="j-3", account="LATE")
        dismissed = self._call(call_ref="j-4", number="call me")
        self._report(late, dismissed)
        kept = {one["call_ref"]: one["rejection"] for one in self._list()}
        self.assertNotIn("j-2", kept)
        self.env["call.usage.rejection"].browse(kept["j-4"]).action_dismiss()
        wallet = self._make_wallet(account_ref="LATE")
        self._fund(wallet, "1")
        answers = self._retry(theirs.id, 2_000_000_000, kept["j-4"], kept["j-3"], kept["j-3"])
        self.assertEqual(
            [(one["result"], one.get("code")) for one in answers],
            [("rejected", "unknown_rejection"), ("rejected", "unknown_rejection"), ("rejected", "not_open"),
             ("charged", None), ("charged", None)],
        )  # fmt: skip
        self.assertBalance(wallet, "0.975")
        self.assertEqual(theirs.count, 1)

    def test_what_only_finance_may_decide_stays_rejected(self):
        self.company.call_wallet_correction_days = 2
        call = self._call(call_ref="j-5", started_at=(utcnow() - timedelta(days=3)).isoformat() + "Z")
        self._report(call)
        void = {"account": call["account"], "call_ref": "j-5", "reason": "A test call"}
        [late] = self.get("call.usage/void_calls", calls=[void])
        self.assertEqual((late["code"], late["field"]), ("too_late", "call_ref"))
        [kept] = self._list()
        self.assertEqual((kept["kind"], kept["code"], kept["payload"]), ("void", "too_late", void))
        [again] = self._retry(kept["rejection"])
        self.assertEqual((again["result"], again["code"]), ("rejected", "too_late"))
        self.assertBalance(self.wallet, "9.975")
        key = self._make_api_key(self._make_user("api-finance", "finance"))
        _status, [done] = self.ask("call.usage/retry_rejections", key=key, rejections=[kept["rejection"]])
        self.assertEqual((done["result"], done["balance_after"]), ("corrected", "10.000000"))

    def test_what_needs_a_second_person_is_not_the_platforms_to_carry_out(self):
        self._fund(self.wallet, "990")
        self._fund(self.wallet, "1000")
        call = self._call(call_ref="j-6", number="+442079460000", duration_seconds=2_592_000,
                          started_at=(utcnow() - timedelta(days=31)).isoformat() + "Z")  # fmt: skip
        self._report(call)  # 43,200 minutes at 0.0391 and 0.01: 1,689.13
        clerk = self._make_user("api-clerk", "finance")
        void = {"account": call["account"], "call_ref": "j-6", "reason": "A test call"}
        [refused] = self.usage.with_user(clerk).void_calls([void])
        self.assertEqual((refused["code"], refused["field"]), ("above_limit", "call_ref"))
        [kept] = self._list()
        [again] = self._retry(kept["rejection"])
        self.assertEqual((again["result"], again["code"], again["reason"]), ("rejected", "above_limit",
                         refused["reason"]))  # fmt: skip
        self.assertBalance(self.wallet, "310.87")  # 2,000 - 1,689.13

    def test_pages_follow_each_other(self):
        self._report(*(self._call(call_ref=f"j-{number}", number="call me") for number in range(5)))
        first = self._list(limit=3)
        rest = self._list(after=first[-1]["rejection"])
        self.assertEqual(sorted(one["call_ref"] for one in first + rest), [f"j-{number}" for number in range(5)])

    def test_whatever_was_reported_can_be_read(self):
        deep = []
        for _level in range(300):
            deep = [deep]
        self.usage.with_user(self.platform).record_calls(
            [self._call(duration_seconds=float("nan")), self._call(account="\ud800"), self._call(manager=deep), deep,
             None, "call", self._call(number="x" * 100_000), {"a\ud800": 10**400}]
        )  # fmt: skip
        self.assertEqual(len(self._list()), 8)

    def test_what_cannot_be_read_is_refused_by_name(self):
        for name, value in (
            ("account", 5), ("account", ""), ("after", "1"), ("after", -1), ("after", True), ("limit", 0),
            ("limit", 1_001), ("limit", None),
        ):  # fmt: skip
            with self.subTest(name=name, value=value):
                self.assertRefused(name, "call.usage/list_rejections", **{name: value})
        for rejections in (None, 5, "1", ["1"], [0], [True], [1] * 10_001):
            self.assertRefused("rejections", "call.usage/retry_rejections", rejections=rejections)
