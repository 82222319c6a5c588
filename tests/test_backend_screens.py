"""The screens of finance staff and account managers, in a real browser."""

import json
from datetime import UTC, datetime

from odoo import Command
from odoo.exceptions import UserError

from .browser import HELPERS, PageCase
from .common import CallWalletCommon


class BackendCommon(PageCase, CallWalletCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.finance = cls._make_user("screens.finance", "finance")
        cls.manager = cls._make_user("screens.manager", "account_manager")
        # The scripts read the screens, so these are in English whatever the database's language is.
        (cls.finance + cls.manager + cls.env.ref("base.user_admin")).lang = "en_US"
        cls.campaign = "Spring Nurses"

    def _on(self, path, script, login="screens.finance"):
        """Open a page as somebody and run a script on it; it fails where something is not seen."""
        code = (
            f"{HELPERS} (async () => {{ {script} }})()"
            ".then(() => console.log('test successful'), (error) => console.error(error.message));"
        )
        self.browser_js(path, code, ready="odoo.isReady", login=login)

    def _spend(self):
        """100 of funds, 3 calls of 0.0250, 0.0882 and 0.0400."""
        self._fund(self.wallet, "100")
        return self._record(
            self._call(campaign=self.campaign),
            self._call(number="+442079460000"),
            self._call(call_type="whatsapp", campaign=self.campaign),
        )

    def _wallet_path(self, wallet=None):
        return f"/odoo/call-wallets/{(wallet or self.wallet).id}"


class TestLinesOfForms(BackendCommon):
    def test_a_line_can_be_added_to_each_list_of_a_form(self):
        """The web client then asks for the new line, and tells whose it is: what is saved, or what is typed so far."""
        source = self.env["call.source"].create({"name": "Exchange", "kind": "freeswitch"})
        for path, tab, name in (
            (self._wallet_path(), "Notifications & Owners", "recipient_ids"),
            (f"/odoo/call-sources/{source.id}", "Lines", "line_ids"),
            ("/odoo/call-sources/new", "Lines", "line_ids"),
        ):
            with self.subTest(path=path):
                self._on(
                    path,
                    f"""
                    await press({json.dumps(tab)});
                    await click("[name={name}] .o_field_x2many_list_row_add :is(a, button)");
                    await see("the new line", () => $("[name={name}] .o_data_row.o_selected_row"));
                    missing(".modal");
                    await click(".o_form_button_cancel");
                    await see("the form as it was", () => !$(".o_data_row.o_selected_row"));
                    """,
                    login="admin",
                )


class TestWalletScreen(BackendCommon):
    def test_the_wallet_shows_status_balance_runway_and_latest_transactions(self):
        self._spend()
        self._on(
            self._wallet_path(),
            """
            await seeText(".o_call_wallet_state", "Active");
            await seeText(".o_call_wallet_meaning", "Calls are live");
            await seeText("[data-figure=balance]", "$ 99.8");
            await seeText("[data-figure=used]", "$ 0.1");
            await see("the chart", () => $(".o_call_wallet_chart canvas"));
            await seeText(".o_call_wallet_dashboard", "Spring Nurses");
            await seeText(".o_call_wallet_transactions", "$ -0.025");
            if (!plain($("[data-figure=balance]").title).includes("$ 99.8468")) {
                throw new Error("The exact balance is not in the tooltip: " + $("[data-figure=balance]").title);
            }
            """,
        )

    def test_an_open_dashboard_shows_a_charge_without_a_reload(self):
        self._fund(self.wallet, "100")
        call = self._call(duration_seconds=600)
        self._on(
            self._wallet_path(),
            f"""
            await seeText("[data-figure=balance]", "$ 100.00");
            await new Promise((resolve) => setTimeout(resolve, 2500));
            window.notReloaded = true;
            await ask("call.usage", "record_calls", [[{json.dumps(call)}]]);
            await seeText("[data-figure=balance]", "$ 99.8");
            await seeText(".o_call_wallet_transactions", "Live Call to +1 415-555-0100");
            if (!window.notReloaded) {{ throw new Error("The page was reloaded"); }}
            """,
        )

    def test_a_wallet_that_is_not_set_up_leads_to_its_first_recipient(self):
        wallet = self._make_wallet(recipients=())
        self._on(
            self._wallet_path(wallet),
            """
            await seeText(".o_call_wallet_state", "Not Set Up");
            await seeText(".o_call_wallet_set_up", "Add a notification recipient");
            missing("[data-figure=balance]");
            missing("button[name=action_add_balance]");
            const input = ".o_call_wallet_recipients input[type=email]";
            enter(await type(input, "nonsense"));
            await seeText(".o_call_wallet_recipients [role=alert]", "nonsense is not a valid e-mail address");
            enter(await type(input, "Finance@Customer.example"));
            await seeText(".o_call_wallet_recipients", "finance@customer.example");
            enter(await type(input, "finance@customer.example"));
            await seeText(".o_call_wallet_recipients [role=alert]", "in the list already");
            await type(input, "");
            await click(".o_call_wallet_save_recipients");
            await seeText(".o_call_wallet_state", "Paused");
            await see("Add Balance", () => $("button[name=action_add_balance]"));
            """,
        )
        self.assertEqual(wallet.recipient_ids.mapped("email"), ["finance@customer.example"])

    def test_pausing_asks_for_the_reason_and_the_header_follows(self):
        self._fund(self.wallet, "5")
        self._on(
            self._wallet_path(),
            """
            await click("button[name=action_open_pause]");
            await type(".modal [name=reason] input", "Unusual traffic");
            await click(".modal button[name=action_pause]");
            await seeText(".o_call_wallet_meaning", "Unusual traffic");
            await click("button[name=action_resume]");
            await seeText(".o_call_wallet_state", "Active");
            await see("Pause", () => $("button[name=action_open_pause]"));
            """,
            login="screens.manager",
        )

    def test_the_buttons_open_their_dialogs_for_this_wallet(self):
        self._fund(self.wallet, "5")
        reference = json.dumps(self.wallet.account_ref)
        self._on(
            self._wallet_path(),
            f"""
            for (const name of ["action_add_balance", "action_open_refund", "action_open_usage_report"]) {{
                await click(`button[name=${{name}}]`);
                await see(`the dialog of ${{name}}`, () => $(".modal .o_form_view"));
                (await see("its way out", () => $(".modal .btn-close"))).click();
                await see("the dialog closed", () => !$(".modal"));
            }}
            await click("button[name=action_open_transactions]");
            await see("the ledger", () => text(".o_list_table").includes("$ 5.00"));
            await seeText(".breadcrumb, .o_breadcrumb", {reference});
            """,
        )

    def test_an_account_manager_neither_adds_balance_nor_refunds(self):
        self._fund(self.wallet, "5")
        self._on(
            self._wallet_path(),
            """
            await seeText("[data-figure=balance]", "$ 5.00");
            await see("Pause", () => $("button[name=action_open_pause]"));
            missing("button[name=action_add_balance]");
            missing("button[name=action_open_refund]");
            """,
            login="screens.manager",
        )


class TestBillingTab(BackendCommon):
    TAB = """await click(".nav-link[name=call_wallet_billing]");"""

    def _partner_path(self, partner):
        return f"/odoo/res.partner/{partner.id}"

    def test_finance_creates_a_wallet_from_the_customer(self):
        partner = self.env["res.partner"].create({"name": "Newcomer Inc.", "is_company": True})
        self._on(
            self._partner_path(partner),
            self.TAB
            + """
            await seeText(".tab-pane.active", "no call wallet");
            (await see("Create Wallet", () => $(".tab-pane.active .btn-primary"))).click();
            await see("the form of the new wallet", () => $("[name=account_ref] input"));
            await see("the customer", () => $("[name=partner_id] input")?.value === "Newcomer Inc.");
            await click(".o_form_button_save");
            await seeText(".o_call_wallet_state", "Not Set Up");
            """,
        )
        self.assertTrue(partner.call_wallet_ids)

    def test_the_tab_shows_dashboard_invoices_and_notifications(self):
        topup = self._fund(self.wallet, "150", by="topup")
        pending = self.wallet.create_topup(70)
        self._on(
            self._partner_path(self.partner),
            self.TAB
            + f"""
            await seeText("[data-figure=balance]", "$ 150.00");
            await seeText(".o_call_wallet_invoices", {json.dumps(topup.invoice_id.name)});
            await seeText(".o_call_wallet_invoices", {json.dumps(pending.invoice_id.name)});
            await seeText(".o_call_wallet_invoices", "Paid");
            await seeText(".o_call_wallet_invoices", "Pending");
            const input = ".o_call_wallet_recipients input[type=email]";
            enter(await type(input, "second@customer.example"));
            await type(".o_call_wallet_recipients input[inputmode=decimal]", "25.5");
            await click(".o_call_wallet_save_recipients");
            await seeText(".o_call_wallet_figures", "Warns below $ 25.50");
            await click(".o_call_wallet_add_balance");
            await seeText(".modal", "Add Balance");
            """,
        )
        self.assertIn("second@customer.example", self.wallet.recipient_ids.mapped("email"))
        self.assertEqual(str(self.wallet.low_balance_threshold), "25.500000")

    def test_a_threshold_is_typed_as_the_user_s_language_writes_it(self):
        self.env["res.lang"]._activate_lang("es_ES")
        self.finance.lang = "es_ES"
        self._on(
            self._partner_path(self.partner),
            """
            const tab = () => $(".o_notebook .nav-link[name=call_wallet_billing]");
            (await see("the tab", tab)).click();
            await type(".o_call_wallet_recipients input[inputmode=decimal]", "12.345.678,000001");
            await click(".o_call_wallet_save_recipients");
            await see("that it was saved", () => $(".o_notification"));
            """,
        )
        self.wallet.invalidate_recordset()
        self.assertEqual(str(self.wallet.low_balance_threshold), "12345678.000001")

    def test_removing_the_last_recipient_warns_first(self):
        self._on(
            self._partner_path(self.partner),
            self.TAB
            + """
            await click(".o_call_wallet_recipients .badge button");
            await click(".o_call_wallet_save_recipients");
            await seeText(".modal", "no call can start");
            await click(".modal .btn-primary");
            await seeText(".o_call_wallet_state", "Not Set Up");
            """,
            login="screens.manager",
        )
        self.assertEqual(self.wallet.state, "not_set_up")

    def test_an_account_manager_downloads_the_pdf_of_an_invoice(self):
        invoice = self._fund(self.wallet, "40", by="topup").invoice_id
        action = self.wallet.with_user(self.manager).download_invoice(invoice.id)
        self.authenticate("screens.manager", "screens.manager")
        answer = self.url_open(action["url"])
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(answer.headers["Content-Type"], "application/pdf")

    def test_the_invoice_of_another_wallet_is_not_handed_out(self):
        other = self._make_wallet()
        invoice = self._fund(other, "40", by="topup").invoice_id
        with self.assertRaisesRegex(UserError, "invoice of this wallet"):
            self.wallet.with_user(self.manager).download_invoice(invoice.id)


class TestLists(BackendCommon):
    def test_the_ledger_shows_every_place_of_an_amount_and_totals_with_their_currency(self):
        self._fund(self.wallet, "1")
        self._record(self._call(number="+815012345678", duration_seconds=30))
        self._on(
            "/odoo/call-wallet-transactions",
            """
            await seeText(".o_list_table tbody", "$ -0.000001");
            await seeText(".o_list_table tbody", "$ 0.999999");
            await see("a total in dollars", () => text(".o_list_table tfoot").includes("$ "));
            """,
        )

    def test_amounts_in_two_currencies_are_not_added_up(self):
        self.env.ref("base.EUR").active = True
        euro = self._make_wallet(currency_id=self.env.ref("base.EUR").id, rate_plan_id=False)
        self._fund(self.wallet, "1")
        self._fund(euro, "2")
        self._on(
            "/odoo/call-wallet-transactions",
            """
            await see("two euros", () => /2\\.00(0000)? €/.test(text(".o_list_table tbody")));
            const total = () => text(".o_list_table tfoot");
            await see("a total of each", () => /€/.test(total()) && /\\$/.test(total()));
            """,
        )

    def test_each_call_says_how_its_cost_came_about(self):
        self._fund(self.wallet, "1")
        # The newest of all calls comes first.
        now = datetime.now(UTC).replace(microsecond=0).isoformat()
        self._record(self._call(manager="Maria Lopez", campaign=self.campaign, started_at=now))
        self._on(
            "/odoo/call-usage",
            """
            for (const wanted of ["+14155550100", "Spring Nurses", "Maria Lopez", "$ 0.025", "Prefix 1415"]) {
                await seeText(".o_list_table tbody tr", wanted);
            }
            await click(".o_list_table tbody tr td[name=number]");
            await seeText(".o_form_view", "2 min × 0.0125 = 0.025 USD");
            """,
        )

    def test_a_rejected_call_is_retried_from_the_list_when_its_cause_is_mended(self):
        self.env["call.usage.rejection"].search([("state", "=", "open")]).with_user(self.finance).action_dismiss()
        self._fund(self.wallet, "1")
        call = self._call(number="+525512345678")
        self._record(call)
        self.plan.rate_ids = [Command.create({"prefix": "52", "price_per_minute": "0.011"})]
        self._on(
            "/odoo/rejected-calls",
            """
            await seeText(".o_list_table tbody", "no rate of the contract covers +525512345678");
            await click(".o_list_table tbody button[name=action_retry]");
            await see("the call gone from the open ones", () => !text(".o_content").includes("+525512345678"));
            """,
        )
        self.assertEqual(str(self._usage_of(call).total_cost), "0.022000")

    def test_a_plan_shows_its_rates_a_page_at_a_time(self):
        self.plan.rate_ids = [
            Command.create({"prefix": f"7{number}", "price_per_minute": "0.01"}) for number in range(100, 160)
        ]
        self._on(
            f"/odoo/call-rate-plans/{self.plan.id}",
            f"""
            await seeText(".o_call_wallet_rates .o_pager", "1-40 / {self.plan.rate_count}");
            if ($(".o_call_wallet_rates tbody").querySelectorAll(".o_data_row").length !== 40) {{
                throw new Error("Not 40 rates on the page");
            }}
            """,
        )

    def test_an_empty_list_says_what_will_appear_there(self):
        wallet = self._make_wallet()
        self._on(
            self._wallet_path(wallet),
            """
            await click("button[name=action_open_usage]");
            await seeText(".o_view_nocontent", "No calls reported yet");
            """,
        )

    def test_every_view_of_every_menu_opens(self):
        self._spend()
        screens = [
            [action.id, view]
            for action in self._menu_actions()
            for view in action.view_mode.split(",")
            if view != "form"
        ]
        self.assertGreaterEqual(len(screens), 30)
        self._on(
            "/odoo/call-wallets",
            f"""
            await see("the first screen", () => $(".o_list_view"));
            const {{ action }} = odoo.__WOWL_DEBUG__.root.env.services;
            for (const [id, viewType] of {json.dumps(screens)}) {{
                await action.doAction(id, {{ viewType, clearBreadcrumbs: true }});
                await see(`the ${{viewType}} of action ${{id}}`, () => $(`.o_${{viewType}}_view`));
                missing(".o_error_dialog");
            }}
            """,
            login="admin",
        )

    def _menu_actions(self):
        root = self.env.ref("call_wallet.menu_call_wallet_root")
        menus = self.env["ir.ui.menu"].search([("id", "child_of", root.id), ("action", "!=", False)])
        actions = (menu.action for menu in menus)
        return self.env["ir.actions.act_window"].union(
            *(action for action in actions if action._name == "ir.actions.act_window")
        )


class TestPhone(BackendCommon):
    browser_size = "390x844"
    touch_enabled = True

    def test_wallets_are_cards_on_a_phone(self):
        self._fund(self.wallet, "5")
        self._on(
            "/odoo/call-wallets",
            """
            await see("cards", () => $(".o_kanban_record"));
            await seeText(".o_kanban_renderer", "$ 5.00");
            """,
        )

    def test_the_dashboard_fits_a_phone(self):
        self._spend()
        self._on(
            self._wallet_path(),
            """
            await seeText("[data-figure=balance]", "$ 99.8");
            await see("the chart", () => $(".o_call_wallet_chart canvas"));
            for (const card of document.querySelectorAll(".o_call_wallet_card")) {
                const { left, right } = card.getBoundingClientRect();
                if (left < 0 || right > window.innerWidth) {
                    throw new Error("Wider than the phone: " + card.innerText);
                }
            }
            """,
        )


class TestTopupScreens(BackendCommon):
    def test_a_gap_is_seen_in_the_list_and_its_release_on_the_form(self):
        topup = self.wallet.create_topup("100")
        lost = self.env["account.account"].create({"name": "Lost", "code": "699902", "account_type": "expense"})
        pay = self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=topup.invoice_id.ids
        )
        values = {"amount": 95, "payment_difference_handling": "reconcile", "writeoff_account_id": lost.id}
        pay.create(values)._create_payments()
        self.assertEqual((topup.state, topup.unfunded_amount), ("paid", 5))
        seen = f"""
            await seeText(".o_data_row", "{topup.invoice_id.name}");
            await seeText(".o_data_row", "$ 5.00");
            await see("a badge that warns", () => $(".o_data_row .badge.text-bg-danger"));
        """
        self._on("/odoo/call-wallet-topups", seen)
        chief = self._make_user("screens.chief", "finance_manager")
        chief.lang = "en_US"
        entry = topup.with_user(chief).release_unfunded("The customer is insolvent")
        self._on(
            f"/odoo/call-wallet-topups/{topup.id}",
            f"""
            await press("Released");
            await seeText("[name=release_move_ids]", "{entry.name}");
            await seeText("[name=release_move_ids]", "The customer is insolvent");
            await seeText("[name=release_move_ids]", "$ 5.00");
            """,
        )
        order = self.wallet.create_topup("20")
        self._on(
            f"/odoo/call-wallet-topups/{order.id}",
            f"""
            await press("Cancel Order");
            await seeText(".modal-body", "Invoice {order.invoice_id.name} over 20.00 USD is cancelled.");
            await seeText(".modal-footer", "Keep Order");
            await click(".modal-footer .btn-primary");
            await seeText(".o_statusbar_status .o_arrow_button_current", "Cancelled");
            """,
        )
        # Who may not read the books sees the form without it.
        self._on(
            f"/odoo/call-wallet-topups/{topup.id}",
            'await seeText(".o_notebook_headers", "Ledger"); missing("[name=release_move_ids]");',
            login="screens.manager",
        )
