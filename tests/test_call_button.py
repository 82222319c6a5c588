"""Calls that the company's own people make from the web client."""

import json
import uuid
from decimal import Decimal

from odoo.addons.call_wallet.rating import Rate, cost_of
from odoo.exceptions import AccessError, UserError

from .common import CallWalletCommon
from .test_backend_screens import BackendCommon


class HouseWallet(CallWalletCommon):
    """The company has a wallet for itself, and an employee with no rights on wallets."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.country_id = cls.env.ref("base.us")
        cls.house = cls._make_house_wallet(low_balance_threshold=0)
        cls.employee = cls._make_user("house.employee", "base.group_user")
        cls.employee.write({"lang": "en_US", "name": "Edda Employee", "email": "edda@house.example"})

    def setUp(self):
        super().setUp()
        self.calling = self.env["call.button"].with_user(self.employee)

    def _start(self, call_type="live", number="+14155550100", **kwargs):
        ref = kwargs.pop("ref", None) or str(uuid.uuid4())
        return self.calling.start_call(ref, call_type, number, **kwargs)


class TestCallFromTheWebClient(HouseWallet):
    def test_what_the_button_says_is_what_authorisation_says(self):
        self.assertEqual(self._types("+14155550100", "code"), {"live": "no_funds", "whatsapp": "no_funds"})
        self._fund(self.house, "5")
        self.assertEqual(self._types("+14155550100", "allowed"), {"live": True, "whatsapp": True})
        self.assertEqual(self._types("+358401234567", "code"), {"live": "destination_not_contracted", "whatsapp": "ok"})
        self.assertEqual(self._types("12", "code"), {"live": "invalid_number", "whatsapp": "invalid_number"})
        self.house.action_pause("Audit")
        self.assertIn("Audit", self._types("+14155550100", "message")["live"])
        self.house.set_recipients([])
        self.assertEqual(self._types("+14155550100", "code"), {"live": "not_set_up", "whatsapp": "not_set_up"})
        self.assertFalse(self.house.hold_ids, "looking reserves nothing")

    def _types(self, number, what):
        types = self.calling.check_call(number)["types"]
        return {call_type: verdict[what] for call_type, verdict in types.items()}

    def test_a_national_number_is_read_in_its_country(self):
        self.assertEqual(self.calling.check_call("(415) 555-0100")["number"], "+14155550100")
        france = self.env.ref("base.fr").id
        self.assertEqual(self.calling.check_call("01 42 68 53 00", france)["number"], "+33142685300")

    def test_a_call_reserves_funds_and_its_end_charges_what_it_took(self):
        self._fund(self.house, "5")
        started = self._start(number="(415) 555-0100")
        self.assertTrue(started["allowed"])
        self.assertEqual(started["uri"], "tel:+14155550100")
        self.assertGreater(self.house.held_amount, 0)
        hold = self.house.hold_ids
        self.env.cr.execute(
            "UPDATE call_wallet_hold SET authorized_at = authorized_at - interval '2 minutes' WHERE id = %s", hold.ids
        )
        result = self.calling.end_call(started["call_ref"], 61)
        self.assertEqual((result["result"], result["total_cost"]), ("charged", "0.025000"))
        self.assertBalance(self.house, "4.975")
        self.assertFalse(self.house.held_amount)
        usage = self.house.usage_ids
        self.assertEqual(usage.manager_id, self.employee.partner_id)
        self.assertEqual(self.calling.end_call(started["call_ref"], 61)["result"], "duplicate")
        self.assertBalance(self.house, "4.975")
        self.assertSound(self.house)

    def test_an_unanswered_call_costs_nothing_and_is_listed(self):
        self._fund(self.house, "5")
        started = self._start("whatsapp")
        self.assertEqual(started["uri"], "https://wa.me/14155550100")
        self.assertEqual(self.calling.end_call(started["call_ref"], 0, "no_answer")["total_cost"], "0.000000")
        self.assertBalance(self.house, "5")
        self.assertEqual(self.house.usage_ids.status, "no_answer")

    def test_no_longer_than_has_passed_is_charged(self):
        self._fund(self.house, "5")
        started = self._start()
        result = self.calling.end_call(started["call_ref"], 86400)
        self.assertEqual(Decimal(result["billed_minutes"]), 1)

    def test_asking_twice_is_one_call_and_a_long_one_reserves_more(self):
        self._fund(self.house, "5")
        ref = str(uuid.uuid4())
        first, second = self._start(ref=ref), self._start(ref=ref)
        self.assertEqual(first["hold"], second["hold"])
        for _time in range(2):
            longer = self.calling.extend_call(ref, first["held_seconds"] + 300)
            self.assertEqual(longer["held_seconds"], first["held_seconds"] + 300)

    def test_only_one_s_own_call_is_ended(self):
        self._fund(self.house, "5")
        started = self._start()
        other = self._make_user("house.other", "base.group_user")
        with self.assertRaisesRegex(UserError, "no call"):
            self.env["call.button"].with_user(other).end_call(started["call_ref"], 10)

    def test_a_customer_s_people_do_not_call_from_here_and_nothing_else_opens(self):
        portal = self._make_user("house.portal", "base.group_portal")
        for call in (
            lambda button: button.check_call("+14155550100"),
            lambda button: button.start_call("12345678", "live", "+14155550100"),
            lambda button: button.end_call("12345678", 1),
        ):
            with self.assertRaises(AccessError):
                call(self.env["call.button"].with_user(portal))
        with self.assertRaises(AccessError):
            self.house.with_user(self.employee).read(["account_ref"])

    def test_several_numbers_are_looked_at_together_and_changes_followed(self):
        self._fund(self.house, "5")
        calls = [["+14155550100", None], ["01 42 68 53 00", self.env.ref("base.fr").id], ["12", None]]
        answers = self.calling.check_calls(calls, watch=True)
        self.assertEqual(answers, [self.calling.check_call(number, country) for number, country in calls])
        self.assertEqual([answer["types"]["live"]["code"] for answer in answers][::2], ["ok", "invalid_number"])
        self.assertTrue(self.env["call.wallet.watch"]._watched(self.house.ids)[self.house.id])

    def test_the_page_knows_without_asking_which_companies_have_a_wallet(self):
        other = self.env["res.company"].create({"name": "No Wallet Inc"})
        self.employee.company_ids += other
        self.assertEqual(self.calling._house_wallet_ids(), {self.company.id: self.house.id})
        self._archive(self.house)
        self.assertEqual(self.calling._house_wallet_ids(), {})

    def test_a_company_without_a_wallet_has_no_button(self):
        self._archive(self.house)
        self.assertIs(self.calling.check_call("+14155550100"), False)
        with self.assertRaisesRegex(UserError, "no call wallet"):
            self._start()


class TestCallButton(BackendCommon, HouseWallet):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.employee.group_ids += cls.env.ref("base.group_partner_manager")
        cls.contact = cls.env["res.partner"].create({"name": "Jo Candidate", "phone": "+14155550100"})
        cls.path = f"/odoo/res.partner/{cls.contact.id}"

    def test_a_call_is_dialled_counted_and_charged(self):
        self._fund(self.house, "5")
        self._on(
            self.path,
            """
            await click("[data-call-type=live]");
            await seeText(".o_call_wallet_panel", "Jo Candidate");
            await seeText(".o_call_wallet_panel_time", "0:02");
            await seeText(".o_call_wallet_panel_cost", "$ 0.0125");
            if ($("[data-call-type=whatsapp]").getAttribute("aria-disabled") !== "true") {
                throw new Error("A second call could be started");
            }
            await click("[data-call-end=completed]");
            await seeText(".o_notification", "$ 0.0125");
            await see("no panel", () => !$(".o_call_wallet_panel"));
            """,
            login="house.employee",
        )
        self.assertBalance(self.house, "4.9875")
        self.assertEqual(self.house.usage_ids.mapped("status"), ["completed"])

    def test_the_reason_is_seen_by_mouse_keyboard_and_touch(self):
        self._on(
            self.path,
            """
            const button = await see("the button", () => $("[data-call-type=live]"));
            const reason = "Add balance under Billing";
            if (button.getAttribute("aria-disabled") !== "true") { throw new Error("Not disabled"); }
            button.focus();
            await seeText(".o_popover", reason);
            button.blur();
            await see("no tooltip", () => !$(".o_popover"));
            button.dispatchEvent(new MouseEvent("mouseenter"));
            await seeText(".o_popover", reason);
            button.dispatchEvent(new MouseEvent("mouseleave"));
            await see("no tooltip", () => !$(".o_popover"));
            button.click();
            await seeText(".o_popover", reason);
            missing(".o_call_wallet_panel");
            """,
            login="house.employee",
        )
        self.assertFalse(self.house.hold_ids)

    def test_an_open_form_follows_the_wallet(self):
        self._fund(self.house, "0.02")
        self._on(
            self.path,
            """
            const is = (disabled) => () => $("[data-call-type=live]").getAttribute("aria-disabled") === disabled;
            await see("the button", () => $("[data-call-type=live]"));
            await see("an enabled button", is("false"));
            await new Promise((resolve) => setTimeout(resolve, 2500));
            // As another tab of the same person would.
            await ask("call.button", "start_call", ["elsewhere-1", "live", "+14155550100"]);
            await see("a disabled button", is("true"));
            await ask("call.button", "end_call", ["elsewhere-1", 0, "no_answer"]);
            await see("an enabled button", is("false"));
            """,
            login="house.employee",
        )

    def test_a_form_with_two_phone_fields_asks_once(self):
        self._open_a_form_with_two_numbers(buttons=4, odoo_links=0, requests=["call.button/check_calls"])

    def test_without_a_wallet_a_form_asks_nothing_and_is_odoo_s_own(self):
        self._archive(self.house)
        self._open_a_form_with_two_numbers(buttons=0, odoo_links=2, requests=[])

    def _open_a_form_with_two_numbers(self, buttons, odoo_links, requests):
        """Open a contact's form with two phone fields; check what it shows, and which of our methods it calls."""
        self.contact.ref = "+14155550111"
        self.env["ir.ui.view"].create(
            {
                "name": "second phone",
                "model": "res.partner",
                "inherit_id": self.env.ref("base.view_partner_form").id,
                "arch": "<field name='phone' position='after'><field name='ref' widget='phone'/></field>",
            }
        )
        self._on(
            self.path,
            f"""
            const count = (selector) => document.querySelectorAll(selector).length;
            await see("two phone fields", () => count(".o_phone_content input") === 2);
            await see("{buttons} call buttons", () => count("[data-call-type]") === {buttons});
            await see("{odoo_links} links of Odoo's", () => count(".o_phone_form_link") === {odoo_links});
            // Long enough for whatever the form asks once it is there.
            await new Promise((resolve) => setTimeout(resolve, 2500));
            const urls = performance.getEntriesByType("resource").map(({{ name }}) => name);
            // The banner answers messages on the bus, here that of setting the wallet up; the form does not ask for it.
            const isOfForm = (url) => url.includes("call_kw/call.") && !url.endsWith("low_balance_banners");
            const ours = urls.filter(isOfForm).map((url) => url.split("call_kw/")[1]);
            if (JSON.stringify(ours) !== {json.dumps(json.dumps(requests, separators=(",", ":")))}) {{
                throw new Error("The form asked: " + JSON.stringify(ours));
            }}
            """,
            login="house.employee",
        )


class TestRunningCost(BackendCommon):
    """What the call panel shows while a call goes on is what the server will charge."""

    def test_the_panel_counts_as_the_rating_does(self):
        rules = (
            {"increment_seconds": 60},
            {"increment_seconds": 6, "minimum_seconds": 30},
            {"increment_seconds": 6, "first_block_seconds": 20},
            {"increment_seconds": 60, "free_seconds": 30, "connection_fee": Decimal("0.05")},
            {"increment_seconds": 6, "first_block_seconds": 20, "grace_seconds": 5, "connection_fee": Decimal("0.05")},
        )
        cases = [
            [
                {"rate": "0.6", **json.loads(json.dumps(rule, default=str))},
                seconds,
                str(cost_of(Rate("1", Decimal("0.6"), **rule), seconds)),
            ]
            for rule in rules
            for seconds in (0, 1, 5, 6, 10, 20, 21, 27, 30, 31, 60, 61, 91)
        ]
        self._on(
            "/odoo",
            f"""
            const {{ costSoFar }} = odoo.loader.modules.get("@call_wallet/backend/holds/call_cost");
            for (const [call, seconds, cost] of {json.dumps(cases)}) {{
                const shown = costSoFar(call, seconds).toFixed(6);
                if (shown !== cost) {{
                    throw new Error(`${{JSON.stringify(call)}}, ${{seconds}} s: ${{shown}} and not ${{cost}}`);
                }}
            }}
            """,
        )


class TestCallAndCompanies(HouseWallet):
    """A call is found by its own wallet, whichever company is selected when it ends."""

    def test_a_call_begun_in_one_company_is_extended_and_ended_with_another_selected(self):
        other = self.env["res.company"].create({"name": "Branch Office"})
        self.employee.company_ids |= other
        self._fund(self.house, "5")
        ref = self._start()["call_ref"]
        elsewhere = self.calling.with_company(other).with_context(allowed_company_ids=other.ids)
        self.assertTrue(elsewhere.extend_call(ref, 60)["allowed"])
        result = elsewhere.end_call(ref, 3)
        # 1 min at 0.0125
        self.assertEqual((result["result"], result["total_cost"]), ("charged", "0.012500"))
        self.assertFalse(self.house.held_amount)
        for unknown in (elsewhere.extend_call, elsewhere.end_call):
            with self.assertRaisesRegex(UserError, "call_ref"):
                unknown("no-such-call", 60)
