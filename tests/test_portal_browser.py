"""The owners' Billing in a real browser: what changes by itself, and whether everybody can use it."""

import json

from odoo import Command
from odoo.tests import new_test_user, tagged

from .browser import DESKTOP, PHONE, BrowserCase
from .test_portal import PortalCommon
from .test_portal_topup import TopupPageCommon


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
class TestSeveralLowWallets(LivePages):
    def test_their_one_line_unfolds_and_stays_so_when_it_is_renewed(self):
        self.other.owner_ids |= self.owner
        for wallet in (self.wallet, self.other):
            self._fund(wallet, "5")
        self._on(
            self.path("limits"),
            f"""
            const bus = (await see("the bus", () => odoo.__WOWL_DEBUG__)).root.env.services.bus_service;
            await see("the connection", () => bus.workerState === "CONNECTED");
            await seeText(".o_call_wallet_banners", "2 wallets need funds");
            const {{ height }} = $(".o_call_wallet_banners").getBoundingClientRect();
            if (height > 60) {{ throw new Error(`Two low wallets take ${{height}} points of a phone`); }}
            await click(".o_call_wallet_banners summary");
            await seeText(".o_call_wallet_banners", "{self.other.account_ref}");
            $(".o_call_wallet_banner").dataset.isOld = true;
            await ask("call.usage", "record_calls", [[{json.dumps(self._call(duration_seconds=60_000))}]]);
            await see("the new lines", () => !$("[data-is-old]") && $(".o_call_wallet_banner_empty"));
            await seeText(".o_call_wallet_banners", "is used up");
            """,
            "portal-owner",
            size=PHONE,
        )


@tagged("post_install", "-at_install", "standard")
class TestAccessibleBilling(BrowserCase, PortalCommon):
    def test_every_page_is_accessible_on_a_desk_and_on_a_phone(self):
        self._fund(self.wallet, "50", by="topup")
        self.wallet.create_topup("75")
        self._record(self._call(campaign="Nurses"), self._call(call_type="whatsapp"))
        self.wallet.low_balance_threshold = 60
        self.other.set_recipients([])
        self.other.owner_ids |= self.owner
        pages = ("", "usage", "transactions", "report", "notifications", "limits", "information", "people")
        # A wallet in each state has an overview of its own: not set up, without funds, paused by hand, closed.
        new, paused, closed = (self._make_wallet() for _number in range(3))
        (new | paused | closed).owner_ids |= self.owner
        self._fund(paused, "5", by="topup")
        paused.action_pause("An unpaid bill")
        self._fund(closed, "5", by="topup")
        self._archive(closed)
        states = [self.path(wallet=wallet) for wallet in (self.other, new, paused, closed)]
        closed_pages = [self.path(page, closed) for page in ("invoices", "usage")]
        self.assertAccessible("portal-owner", *map(self.path, pages), *states, *closed_pages)


@tagged("post_install", "-at_install", "standard")
class TestOnASmallPhoneInSpanish(BrowserCase, TopupPageCommon):
    def test_invoices_of_every_kind_fit_on_the_smallest_screen(self):
        self.env["res.lang"]._activate_lang("es_ES")
        self.env["ir.module.module"].search([("name", "=", "call_wallet")])._update_translations(["es_ES"])
        self.owner.lang = "es_ES"
        self._fund(self.wallet, "5000", by="topup")
        self.wallet.create_topup("4000")
        self._pay(self.wallet.create_topup("3000").invoice_id, 40)
        self._transaction(self.wallet.create_topup("2000"))._set_pending()
        self.wallet.create_topup("1000").cancel_order()
        paths = json.dumps([self.path("invoices"), self.path()])
        self._on(
            "/my",
            f"""
            document.cookie = "frontend_lang=es_ES; path=/";
            for (const path of {paths}) {{
                // "load" fails where the page is wider than the screen.
                await load(path, "320x700");
                await seeText(".o_call_wallet_invoices", "En proceso");
                await seeText(".o_call_wallet_invoices", "Pagar ahora");
                for (const row of shown.document.querySelectorAll(".o_call_wallet_invoices tbody tr")) {{
                    const {{ left, right }} = row.getBoundingClientRect();
                    for (const part of row.querySelectorAll("a, span, div")) {{
                        const box = part.getBoundingClientRect();
                        if (box.width && (box.left < left - 1 || box.right > right + 1)) {{
                            throw new Error(`Out of its row: ${{part.innerText}}`);
                        }}
                    }}
                }}
            }}
            """,
            "portal-owner",
        )


class BannerOfAnotherWallet(BrowserCase, TopupPageCommon):
    """An owner of two wallets looks at one of them while the other one is low."""

    allow_inherited_tests_method = True
    size = None

    def setUp(self):
        super().setUp()
        self.other.owner_ids |= self.owner
        self._fund(self.wallet, "50")
        self._fund(self.other, "5")


class ForItsOwnWallet:
    def test_the_banner_s_dialog_is_for_the_banner_s_wallet(self):
        self._on_portal(
            self.path(),
            f"""
            await seeText(".o_call_wallet_banner", "{self.other.account_ref}");
            await click(".o_call_wallet_banner .o_call_wallet_add_balance");
            await seeText(".modal [data-topup=wallet]", "{self.other.account_ref}");
            await click("#o_package_other");
            await type("#o_other_amount", "35");
            await seeText(".modal [data-summary=total]", "$ 35.00");
            await click("#o_accept_terms");
            await click(".o_call_wallet_request");
            await seeText(".modal [data-pay=due]", "$ 35.00");
            """,
            "portal-owner",
            size=self.size,
        )
        self.env.invalidate_all()
        self.assertEqual((self.other.topup_ids.mapped("amount"), self.wallet.topup_ids.ids), ([35], []))

    def test_beside_another_wallet_s_form_it_leads_to_a_page_of_its_own(self):
        self._on_portal(
            self.path("add"),
            f"""
            await next(() => click(".o_call_wallet_banner .o_call_wallet_add_balance"));
            await seeText("[data-topup=wallet]", "{self.other.account_ref}");
            if (shown.location.pathname !== "{self.path("add", self.other)}") {{
                throw new Error(shown.location.pathname);
            }}
            missing(".modal");
            """,
            "portal-owner",
            size=self.size,
        )

    def test_a_banner_that_came_by_itself_opens_the_dialog_too(self):
        self.other.low_balance_threshold = 2
        self._on(
            self.path(),
            f"""
            const bus = (await see("the bus", () => odoo.__WOWL_DEBUG__)).root.env.services.bus_service;
            await see("the connection", () => bus.workerState === "CONNECTED");
            missing(".o_call_wallet_banner");
            await ask("call.wallet", "set_low_balance_threshold", [[{self.other.id}], "8"]);
            await seeText(".o_call_wallet_banner", "{self.other.account_ref}");
            await click(".o_call_wallet_banner .o_call_wallet_add_balance");
            await seeText(".modal [data-topup=wallet]", "{self.other.account_ref}");
            """,
            "portal-owner",
            size=self.size,
        )


@tagged("post_install", "-at_install", "standard")
class TestBannerOnADesk(BannerOfAnotherWallet, ForItsOwnWallet):
    size = DESKTOP


@tagged("post_install", "-at_install", "standard")
class TestBannerOnAPhone(BannerOfAnotherWallet, ForItsOwnWallet):
    size = PHONE
