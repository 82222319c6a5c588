"""The back office's lists and dialogs, as those read them who work with them all day, in a real browser."""

import json
from datetime import datetime

from odoo.addons.call_wallet.tools.clock import recorded_at

from .browser import INSPECT, axe_source
from .test_backend_screens import BackendCommon

# After whatever the demo brings. 14 October 2035 in New York (UTC-4) and Madrid (UTC+2).
NOON = datetime(2035, 10, 14, 16, 5)
IN_NEW_YORK, IN_MADRID = "10/14/2035 12:05 PM", "10/14/2035 06:05 PM"

# What axe looks at on a page of the portal.
WHOLE_PAGE = 'exclude: [["#wrapwrap > header"], ["#wrapwrap > footer"]]'


class ListCommon(BackendCommon):
    def _at(self, moment, wallet, amount, reason):
        with recorded_at(moment):
            return wallet.refund(amount, reason)

    def _euro(self, **values):
        self.env.ref("base.EUR").active = True
        return self._make_wallet(currency_id=self.env.ref("base.EUR").id, rate_plan_id=False, **values)

    def _in_spanish(self):
        self.env["res.lang"]._activate_lang("es_ES")
        self.env["ir.module.module"].search([("name", "=", "call_wallet")])._update_translations(["es_ES"])
        self.finance.lang = "es_ES"


class TestOrder(ListCommon):
    def test_transactions_come_by_their_date_in_the_list_and_in_what_is_exported(self):
        """Sample data, and what is entered at once on several machines, have ids in another order than dates."""
        wallet, other = self._make_wallet(), self._make_wallet()
        late = self._at(datetime(2035, 10, 14, 12), wallet, "2", "The later one")
        early = self._at(datetime(2035, 10, 13, 12), other, "1", "The earlier one")
        self.assertLess(late.id, early.id)
        of_both = [("wallet_id", "in", (wallet + other).ids)]
        # Odoo exports what is found by the model's own order.
        self.assertEqual(self.env["call.wallet.transaction"].search(of_both), late + early)
        rows = 'const rows = () => [...document.querySelectorAll(".o_data_row")].map((row) => row.innerText);'
        self._on(
            "/odoo/call-wallet-transactions",
            f"""
            {rows}
            const at = (words) => rows().findIndex((row) => row.includes(words));
            await see("both", () => at("The later one") >= 0 && at("The earlier one") >= 0);
            if (at("The later one") > at("The earlier one")) {{ throw new Error("Not by date: " + rows().join("|")); }}
            """,
        )

    def test_top_ups_come_by_their_date(self):
        with recorded_at(datetime(2035, 10, 14, 12)):
            late = self.wallet.create_topup("30", accept_terms=True)
        with recorded_at(datetime(2035, 10, 13, 12)):
            early = self.wallet.create_topup("20", accept_terms=True)
        self.assertEqual(self.env["call.wallet.topup"].search([("wallet_id", "=", self.wallet.id)]), late + early)
        self.env.invalidate_all()
        self.assertEqual(self.wallet.topup_ids, late + early)


class TestMoments(ListCommon):
    def setUp(self):
        super().setUp()
        self.finance.tz = "Asia/Tokyo"

    def test_a_wallet_s_moments_are_in_its_own_time_zone_whoever_looks(self):
        wallet = self._make_wallet(tz="America/New_York")
        credit = self._at(NOON, wallet, "5", "At noon")
        self._on(
            self._wallet_path(wallet),
            f"""
            await seeText(".o_call_wallet_transactions", "{IN_NEW_YORK}");
            await seeText(".o_call_wallet_transactions th", "Date (New York)");
            await click("button[name=action_open_transactions]");
            await seeText(".o_list_table tbody", "{IN_NEW_YORK}");
            await seeText(".o_list_table th[data-name=date]", "Date (New York)");
            await click(".o_data_row td[name=date]");
            await seeText(".o_form_view [name=date]", "{IN_NEW_YORK}");
            await seeText(".o_form_view [name=date]", "America/New_York");
            await see("the amount once", () => text(".o_form_view [name=amount]").trim() === "$ 5.00");
            """,
        )
        owner = self._make_user("lists.owner", "base.group_portal")
        owner.partner_id.parent_id = wallet.partner_id
        owner.lang = "en_US"
        wallet.owner_ids = owner
        self.authenticate("lists.owner", "lists.owner")
        page = self.url_open(f"/my/billing/{wallet.id}/transactions").text
        self.assertIn(IN_NEW_YORK, page)
        # What is exported stays a moment, without a zone in its text.
        self.assertEqual(
            credit.with_context(tz="UTC").export_data(["date"])["datas"], [[datetime(2035, 10, 14, 16, 5)]]
        )

    def test_wallets_of_several_zones_have_each_their_own(self):
        self._at(NOON, self._make_wallet(tz="America/New_York"), "5", "In America")
        self._at(NOON, self._make_wallet(tz="Europe/Madrid"), "6", "In Spain")
        self._on(
            "/odoo/call-wallet-transactions",
            f"""
            await seeText(".o_list_table tbody", "{IN_NEW_YORK}");
            await seeText(".o_list_table tbody", "{IN_MADRID}");
            await seeText(".o_list_table th[data-name=date]", "Date (wallet's time)");
            const rows = () => [...document.querySelectorAll(".o_data_row")];
            const row = (label) => rows().find((one) => one.innerText.includes(label));
            for (const [label, zone] of [["In America", "New York"], ["In Spain", "Madrid"]]) {{
                await see(zone, () => row(label)?.querySelector("[name=date]").innerText.includes(zone));
            }}
            """,
        )

    def test_an_amount_below_zero_looks_alike_for_its_owner_and_for_finance(self):
        self._fund(self.wallet, "1")
        self._record(self._call())
        charge = self.wallet.transaction_ids[:1]
        # 2 minutes at 0.0125
        self.assertEqual(self.wallet._format_amount(charge.amount, exact=True), "$\N{NO-BREAK SPACE}-0.025")
        owner = self._make_user("lists.owner", "base.group_portal")
        owner.partner_id.parent_id = self.partner
        owner.lang = "en_US"
        self.wallet.owner_ids = owner
        self.authenticate("lists.owner", "lists.owner")
        page = self.url_open(f"/my/billing/{self.wallet.id}/transactions").text
        self.assertIn("$\N{NO-BREAK SPACE}-0.025", page)
        self.assertNotIn("-$", page)


class TestWhat(ListCommon):
    def test_a_call_s_charge_names_whom_which_campaign_and_why_in_the_reader_s_language(self):
        self._fund(self.wallet, "150", by="topup")
        call = self._call(manager="Maria Lopez", campaign=self.campaign)
        self._record(call)
        self.env.invalidate_all()
        charge, topup = self.wallet.transaction_ids.with_user(self.finance).with_context(lang="en_US")
        self.assertEqual(
            charge.summary.replace("\N{NO-BREAK SPACE}", " "),
            "Live Call to +1 415-555-0100 · Spring Nurses · Maria Lopez · 2 min at $ 0.0125",
        )
        # The ledger's own text stays what it was.
        self.assertEqual(charge.description, f"Live Call {call['call_ref']}")
        self._in_spanish()
        spanish = (charge + topup).with_context(lang="es_ES")
        self.assertEqual(spanish[1].summary, f"Saldo añadido, factura {topup.topup_id.invoice_id.name}")
        self._on(
            "/odoo/call-wallet-transactions",
            f"""
            await seeText(".o_list_table tbody", {json.dumps(spanish[0].summary.replace(chr(160), " "))});
            await seeText(".o_list_table tbody", "Spring Nurses · Maria Lopez");
            await seeText(".o_list_table tbody", {json.dumps(spanish[1].summary)});
            """,
        )


class TestDialogs(ListCommon):
    """A mistake is said in the dialog, and its field is marked; no other dialog opens over it."""

    MISTAKE = """
        const told = async (words, field) => {
            await seeText(".modal .o_call_wallet_mistake", words);
            await see(`${field} marked`, () => $(`.modal .o_field_widget[name=${field}].o_field_invalid`));
            if (document.querySelectorAll(".modal").length !== 1) { throw new Error("A dialog over the dialog"); }
        };
        const discard = async () => {
            await click(".modal .btn-close");
            await see("the dialog closed", () => !$(".modal"));
        };
    """

    def test_a_refund_without_amount_or_reason(self):
        self._fund(self.wallet, "5")
        self._on(
            self._wallet_path(),
            self.MISTAKE
            + """
            await click("button[name=action_open_refund]");
            await click(".modal button[name=action_refund]");
            await told("Amount: enter more than zero.", "amount");
            await type(".modal [name=amount] input", "2");
            await click(".modal button[name=action_refund]");
            await told("Reason: say why the funds are returned.", "reason");
            if ($(".modal [name=amount].o_field_invalid")) { throw new Error("The amount was right"); }
            await type(".modal [name=reason] input", "Bad line");
            await click(".modal button[name=action_refund]");
            await see("the dialog closed", () => !$(".modal"));
            """,
        )
        self.assertBalance(self.wallet, 7)

    def test_a_top_up_of_too_much_or_without_the_terms(self):
        self._fund(self.wallet, "5")
        self._on(
            self._wallet_path(),
            self.MISTAKE
            + """
            await click("button[name=action_add_balance]");
            await click(".modal button[name=action_request_invoice]");
            await seeText(".modal .o_call_wallet_mistake", "Terms: acknowledge");
            await click(".modal [name=accept_terms] input");
            await type(".modal [name=other_amount] input", "8000000");
            await see("the summary", () => text(".modal [name=total_amount]").includes("8,000,000.00"));
            await click(".modal button[name=action_request_invoice]");
            await told("Amount: choose between", "other_amount");
            await discard();
            """,
        )
        self.assertFalse(self.wallet.topup_ids)

    def test_a_pay_back_without_a_reason(self):
        topup = self._fund(self.wallet, "50", by="topup")
        chief = self._make_user("lists.chief", "finance_manager")
        chief.lang = "en_US"
        self._on(
            f"/odoo/call-wallet-topups/{topup.id}",
            self.MISTAKE
            + """
            await click("button[name=action_open_pay_back]");
            await click(".modal button[name=action_pay_back]");
            await told("Reason: say why the funds are paid back", "reason");
            await type(".modal [name=amount] input", "0");
            await type(".modal [name=reason] input", "They asked");
            await click(".modal button[name=action_pay_back]");
            await told("Amount: enter more than zero.", "amount");
            await discard();
            """,
            login="lists.chief",
        )
        self.assertBalance(self.wallet, 50)

    def test_a_pause_without_a_reason_is_marked(self):
        self._fund(self.wallet, "5")
        self._on(
            self._wallet_path(),
            self.MISTAKE
            + """
            await click("button[name=action_open_pause]");
            await click(".modal button[name=action_pause]");
            await see("the reason marked", () => $(".modal [name=reason].o_field_invalid"));
            if (document.querySelectorAll(".modal").length !== 1) { throw new Error("A dialog over the dialog"); }
            await discard();
            """,
        )
        self.assertEqual(self.wallet.state, "active")


class TestRateImportButton(ListCommon):
    def test_import_rates_is_a_button_of_the_rates_and_of_their_plan(self):
        self._on(
            "/odoo/call-rates",
            """
            await press("Import Rates");
            await see("no plan chosen", () => $(".o_form_view [name=plan_id] input")?.value === "");
            """,
        )
        self._on(
            f"/odoo/call-rate-plans/{self.plan.id}",
            f"""
            await press("Import Rates");
            const plan = () => $(".o_call_wallet_rate_import [name=plan_id] input")?.value;
            await see("its plan", () => plan() === {json.dumps(self.plan.name)});
            """,
        )


class TestSeveralCurrencies(ListCommon):
    def setUp(self):
        super().setUp()
        self.euro_wallet = self._euro()
        self._fund(self.wallet, "1")
        self._fund(self.euro_wallet, "2")
        self.euro = self.env.ref("base.EUR")

    def test_a_pivot_adds_no_euros_to_dollars(self):
        self._on(
            "/odoo/call-wallet-transactions",
            """
            await click(".o_switch_view.o_pivot");
            await see("the pivot", () => $(".o_pivot table"));
            const row = (label) => [...document.querySelectorAll(".o_pivot tbody tr")].find(
                (one) => one.querySelector("th")?.innerText.trim() === label
            );
            await see("the euros", () => row("EUR")?.innerText.includes("2.00"));
            const sums = () => [...row("Total").querySelectorAll("td")].map((cell) => cell.innerText.trim());
            await see("no total", () => sums().at(-1) === "–");
            """,
            login="admin",
        )

    def test_a_pivot_shows_minutes_as_lists_do_and_yen_without_decimals(self):
        """Two calls of 61 s are 4 minutes; one of 100 s by the second to +33 is a minute and 40 seconds."""
        yen = self._set_rate("JPY", 150)
        in_yen = self._make_wallet(currency_id=yen.id, rate_plan_id=False)
        self._fund(in_yen, "3450")
        self._record(self._call(), self._call(), self._call(number="+33142345678", duration_seconds=100))
        rows = json.dumps([in_yen.display_name, self.wallet.display_name])
        self._on(
            "/odoo/call-wallet-analysis",
            f"const [inYen, inDollars] = {rows};"
            + """
            const row = (label) => [...document.querySelectorAll(".o_pivot tbody tr")].find(
                (one) => one.querySelector("th")?.innerText.trim() === label
            );
            await see("the calls", () => row(inDollars));
            await click(".o_searchview_facet .o_facet_remove");
            // Odoo opens the groups of its first answer; one that comes later is opened by the reader.
            (await see("the yen", () => row("JPY")?.querySelector("th.o_pivot_header_cell_closed"))).click();
            await see("yen as they are paid", () => /(^|\\s)3,450(\\s|$)/.test(row(inYen)?.innerText));
            const usd = await see("the dollars", () => row(inDollars));
            await see("minutes and seconds", () => usd.innerText.includes("5:40"));
            """,
            login="admin",
        )

    def test_a_grouped_list_adds_no_euros_to_dollars(self):
        self._on(
            "/odoo/call-wallet-transactions",
            """
            await see("the list", () => $(".o_list_view"));
            await click(".o_searchview_dropdown_toggler");
            const choice = () =>
                [...document.querySelectorAll(".o_group_by_menu .o_menu_item")].find((one) => one.innerText === "Type");
            (await see("the choice", choice)).click();
            const group = await see("the group", () =>
                [...document.querySelectorAll(".o_group_header")].find((one) => one.innerText.includes("Refund"))
            );
            const lines = (cells) => cells.map((cell) => plain(cell.innerText).trim()).filter((one) => one);
            const cells = [...group.querySelectorAll("td")];
            await see("a total of each currency", () => lines(cells).includes("2.00 €\\n$ 1.00"));
            """,
            login="admin",
        )


class TestPlacesOfCurrencies(ListCommon):
    def test_yen_have_no_decimals_and_dinars_have_three(self):
        for name, amount, shown in (("JPY", "80000", "¥ 80,000"), ("KWD", "1.25", "KD 1.250")):
            with self.subTest(currency=name):
                currency = self._set_rate(name, "0.5")
                currency.write({"position": "before", "symbol": shown.split()[0]})
                wallet = self._make_wallet(currency_id=currency.id, rate_plan_id=False, low_balance_threshold=5)
                wallet.refund(amount, "Opening credit")
                self._on(
                    f"/odoo/call-wallet-transactions/{wallet.transaction_ids.id}",
                    f"await see('the amount', () => text('[name=amount] span') === {json.dumps(shown)});",
                )
                threshold = {"JPY": "5", "KWD": "5.000"}[name]
                typed = "$('[name=low_balance_threshold] input')?.value"
                self._on(self._wallet_path(wallet), f"await see('the threshold', () => {typed} === '{threshold}');")

    def test_a_form_shows_every_decimal_that_an_amount_has(self):
        self._fund(self.wallet, "1")
        # 1 minute at 0.0125.
        charged = self._record(self._call(duration_seconds=60))
        self._on(
            f"/odoo/call-wallet-transactions/{charged['transaction']}",
            "await see('the amount', () => text('[name=amount] span') === '$ -0.0125');",
        )


class TestLimitsPage(ListCommon):
    def test_a_limit_that_is_not_set_says_so_and_shows_no_currency(self):
        self.wallet.limit_month = "250"
        self._on(
            self._wallet_path(),
            """
            await press("Limits");
            await see("the month's limit", () => $("[name=limit_month] input")?.value === "250.00");
            await see("its currency", () => text("[name=limit_month]").includes("$"));
            const empty = $("[name=limit_day]");
            if (plain(empty.innerText).includes("$")) { throw new Error("A lone sign: " + empty.innerText); }
            if ($("[name=limit_day] input").placeholder !== "No limit") { throw new Error("It does not say so"); }
            """,
        )


class TestAccessible(ListCommon):
    def test_axe_finds_nothing_serious_in_what_is_ours(self):
        """The web client's own bars, tabs and check boxes are not ours to judge."""
        self._fund(self.wallet, "150", by="topup")
        self._record(self._call(campaign=self.campaign))
        for path, ours in (
            (self._wallet_path(), ".o_call_wallet_dashboard"),
            ("/odoo/call-wallet-reconciliation", ".o_call_wallet_reconciliation_page"),
        ):
            context = f'include: [["{ours}"]]'
            with self.subTest(path=path):
                self._on(
                    path,
                    f"""
                    const axeSource = {json.dumps(axe_source())};
                    {INSPECT.replace(WHOLE_PAGE, context)}
                    await see("the page", () => $("{ours} td"));
                    const lines = await inspect();
                    if (lines.length) {{ throw new Error("Not accessible: " + lines.join(" | ")); }}
                    """,
                )
