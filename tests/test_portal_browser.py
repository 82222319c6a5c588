"""The owners' Billing in a real browser: what changes by itself, and whether everybody can use it."""

import json

from odoo import Command
from odoo.tests import new_test_user, tagged

from .browser import DESKTOP, PHONE, BrowserCase
from .test_portal import PortalCommon


class LivePages(BrowserCase, PortalCommon):
    """What an open page does by itself; the classes below say on what."""

    allow_inherited_tests_method = True
    size = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Calls are reported from the page by a user who may, to see what the page makes of it.
        cls.owner.group_ids |= cls.env.ref("call_wallet.group_platform")


class ByItself:
    def test_an_open_overview_shows_a_charge_without_a_reload(self):
        self._fund(self.wallet, "100")
        call = self._call(duration_seconds=600, campaign="Live on the portal")
        self._on(
            "/my/billing",
            f"""
            await seeText("[data-figure=balance]", "$ 100.00");
            await seeText(".o_call_wallet_no_spend", "No calls yet");
            await see("the watch", () =>
                performance.getEntriesByType("resource").some((one) => one.name.endsWith("/live"))
            );
            window.notReloaded = true;
            await ask("call.usage", "record_calls", [[{json.dumps(call)}]]);
            await seeText("[data-figure=balance]", "$ 99.8");
            await seeText("[data-live=campaigns]", "Live on the portal");
            await seeText(".o_call_wallet_transactions", "Live on the portal");
            await see("the chart", () => $(".o_call_wallet_chart canvas"));
            if (!window.notReloaded) {{ throw new Error("The page was reloaded"); }}
            """,
            "portal-owner",
            size=self.size,
        )

    def test_an_owner_of_a_new_wallet_has_the_time_to_set_it_up(self):
        self.wallet.set_recipients([])
        self._on(
            "/my/billing",
            """
            await see("the watch", () =>
                performance.getEntriesByType("resource").some((one) => one.name.endsWith("/live"))
            );
            window.notReloaded = true;
            const field = await type("input[type=email]", "first@initrode.example");
            // Longer than any reload by itself has ever taken.
            await new Promise((resolve) => setTimeout(resolve, 5000));
            if (!window.notReloaded) { throw new Error("The page was reloaded"); }
            if (field.value !== "first@initrode.example") { throw new Error("What was typed is gone"); }
            """,
            "portal-owner",
            size=self.size,
        )

    def test_a_page_of_a_wallet_that_somebody_else_sets_up_becomes_the_overview(self):
        self.wallet.set_recipients([])
        self._on_portal(
            "/my/billing",
            f"""
            await see("the field", () => $("input[type=email]"));
            await ask("call.wallet", "set_recipients", [[{self.wallet.id}], ["first@initrode.example"]]);
            await next(() => shown.document.dispatchEvent(new Event("visibilitychange")));
            await see("the balance", () => $("[data-figure=balance]"));
            """,
            "portal-owner",
            size=self.size,
        )

    def test_an_expired_session_leads_back_to_the_log_in(self):
        self._fund(self.wallet, "50")
        self._on_portal(
            "/my/billing",
            """
            await fetch("/web/session/logout");
            shown.document.dispatchEvent(new Event("visibilitychange"));
            await seeText(".o_call_wallet_expired", "Sign in again");
            """,
            "portal-owner",
            size=self.size,
        )

    def test_the_banner_comes_and_goes_by_itself(self):
        self._fund(self.wallet, "10.01")
        self._on(
            "/my",
            f"""
            const isOpen = async () => (await see("the bus", () => odoo.__WOWL_DEBUG__)).root.env.services.bus_service;
            const bus = await isOpen();
            await see("the connection", () => bus.workerState === "CONNECTED");
            missing(".o_call_wallet_banner");
            await ask("call.usage", "record_calls", [[{json.dumps(self._call(duration_seconds=600))}]]);
            await seeText(".o_call_wallet_banner", "is low");
            await ask("call.wallet", "set_low_balance_threshold", [[{self.wallet.id}], "5"]);
            await see("no banner", () => !$(".o_call_wallet_banner"));
            """,
            "portal-owner",
            size=self.size,
        )

    def test_employees_see_the_banner_of_their_company_s_own_wallet(self):
        company = self.env["res.company"].create({"name": "Platform West"})
        wallet = self._make_wallet(partner_id=company.partner_id.id, company_id=company.id)
        wallet.refund("10.01", "Opening credit")
        employee = new_test_user(
            self.env,
            login="banner.employee",
            groups="base.group_user,call_wallet.group_account_manager",
            company_id=company.id,
            company_ids=[Command.set(company.ids)],
            lang="en_US",
        )
        self._on(
            "/odoo",
            f"""
            await see("the web client", () => $(".o_main_navbar"));
            missing(".o_call_wallet_banner");
            const bus = odoo.__WOWL_DEBUG__.root.env.services.bus_service;
            await see("the connection", () => bus.workerState === "CONNECTED");
            await ask("call.wallet", "set_low_balance_threshold", [[{wallet.id}], "20"]);
            await seeText(".o_call_wallet_banner", "is low");
            await see("its link", () => $(".o_call_wallet_banner a[href='/my/billing/{wallet.id}/add']"));
            await ask("call.wallet", "set_low_balance_threshold", [[{wallet.id}], "5"]);
            await see("no banner", () => !$(".o_call_wallet_banner"));
            """,
            employee.login,
            size=self.size,
        )


@tagged("post_install", "-at_install", "standard")
class TestLiveOnADesk(LivePages, ByItself):
    size = DESKTOP


@tagged("post_install", "-at_install", "standard")
class TestLiveOnAPhone(LivePages, ByItself):
    size = PHONE


@tagged("post_install", "-at_install", "standard")
class TestAccessibleBilling(BrowserCase, PortalCommon):
    def test_every_page_is_accessible_on_a_desk_and_on_a_phone(self):
        self._fund(self.wallet, "50", by="topup")
        self.wallet.create_topup("75")
        self._record(self._call(campaign="Nurses"), self._call(call_type="whatsapp"))
        self.wallet.low_balance_threshold = 60
        self.other.set_recipients([])
        self.other.owner_ids |= self.owner
        pages = ("", "transactions", "report", "notifications", "information", "people")
        self.assertAccessible("portal-owner", *(self.path(page) for page in pages), self.path(wallet=self.other))
