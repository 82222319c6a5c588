"""No page of an owner's Billing leaves by itself or loses what is being typed, in any state of the wallet."""

import json

from odoo.tests import tagged

from .browser import BrowserCase
from .test_portal_topup import TopupPageCommon

# Pages that an owner finds by the tabs, whatever the wallet's state; "" is the overview.
READ_ONLY = ["", "usage", "transactions", "report", "invoices"]
SETTINGS = ["notifications", "information", "people", "limits", "auto", "cards"]

# Opens all pages at once, types wherever something can be typed, waits, and looks whether all of it is still there.
STAY = """
    const kinds = { email: "typed@initrode.example", date: "2026-10-02", number: "7" };
    const kept = [];
    for (const path of paths) {
        const frame = document.createElement("iframe");
        frame.style = "width: 1200px; height: 800px";
        frame.src = path;
        const loaded = new Promise((resolve) => (frame.onload = resolve));
        document.body.append(frame);
        await loaded;
        shown = frame.contentWindow;
        const { responseStatus } = shown.performance.getEntriesByType("navigation")[0];
        if (responseStatus !== 200) { throw new Error(`${path}: ${responseStatus}`); }
        await see(`${path} ready`, () => $("body[is-ready]"));
        shown.notReloaded = true;
        const fields = [...shown.document.querySelectorAll(".o_call_wallet_billing :is(input, textarea)")].filter(
            (field) => field.offsetParent && !field.readOnly && !["radio", "checkbox", "file"].includes(field.type)
        );
        for (const field of fields) {
            field.value = kinds[field.type] || "7";
            field.dispatchEvent(new Event("input", { bubbles: true }));
        }
        kept.push({ path, frame, page: shown, fields: fields.map((field) => [field, field.value]) });
    }
    await new Promise((resolve) => setTimeout(resolve, 5000));
    for (const { path, frame, page, fields } of kept) {
        const now = frame.contentWindow;
        if (now !== page || !now.notReloaded) { throw new Error(`${path} was opened again`); }
        if (now.location.pathname !== path) { throw new Error(`${path} became ${now.location.pathname}`); }
        for (const [field, value] of fields) {
            if (!field.isConnected || field.value !== value) { throw new Error(`${path} lost ${field.name}`); }
        }
    }
    const typed = kept.filter(({ fields }) => fields.length).map(({ path }) => path);
    for (const path of inputs) {
        if (!typed.includes(path)) { throw new Error(`Nothing could be typed on ${path}`); }
    }
"""


@tagged("post_install", "-at_install", "standard")
class TestPagesStay(BrowserCase, TopupPageCommon):
    def _stay(self, pages, inputs):
        """Open these pages of the wallet, and wait five seconds.

        :param inputs: those on which something can be typed, at least
        """
        script = f"const paths = {json.dumps([self.path(page) for page in pages])};"
        script += f"const inputs = {json.dumps([self.path(page) for page in inputs])};"
        self._on("/my", script + STAY, "portal-owner", timeout=150)

    def _pages(self):
        """All pages of a wallet that is set up, with the payment of a top-up."""
        topup = self.wallet.create_topup("25")
        return [*READ_ONLY, *SETTINGS, "add", f"pay/{topup.id}"], ["report", "notifications", "information", "limits"]

    def test_not_set_up(self):
        self.wallet.set_recipients([])
        self._stay([*READ_ONLY, *SETTINGS], ["", "notifications", "information"])

    def test_set_up_without_money(self):
        self._stay(*self._pages())

    def test_active_with_a_saved_card(self):
        self._fund(self.wallet, "50", by="topup")
        self._token(self.owner.partner_id)
        pages, inputs = self._pages()
        self._stay(pages, [*inputs, "auto"])

    def test_low(self):
        self._fund(self.wallet, "5")
        self._stay(*self._pages())

    def test_used_up(self):
        self._fund(self.wallet, "0.01")
        self._record(self._call())
        self._stay(*self._pages())

    def test_paused(self):
        self._fund(self.wallet, "50")
        self.wallet.action_pause("Contract under review")
        self._stay(*self._pages())

    def test_closed(self):
        self._fund(self.wallet, "50", by="topup")
        self._archive(self.wallet)
        self._stay(READ_ONLY, ["report"])

    def test_every_tab_and_section_is_among_the_pages(self):
        tabs = self._leads("o_call_wallet_tabs")
        self.assertEqual(len(tabs), 4)
        sections = set().union(*(self._leads("o_call_wallet_sections", tab) for tab in tabs - {""}))
        self.assertEqual(tabs | sections, {*READ_ONLY, *SETTINGS})

    def _leads(self, navigation, page=""):
        """Return the pages of the wallet that the links of a navigation lead to."""
        text = self.open_page("portal-owner", self.path(page)).text
        links = text.split(navigation)[1].split("</nav>")[0].split(f'href="{self.path()}')[1:]
        return {link.split('"')[0].strip("/") for link in links}

    def test_what_a_new_owner_types_and_saves_sets_the_wallet_up(self):
        self.wallet.set_recipients([])
        self._on_portal(
            "/my/billing",
            """
            shown.notReloaded = true;
            const field = await type("input[type=email]", "first@initrode.example");
            await new Promise((resolve) => setTimeout(resolve, 5000));
            if (!shown.notReloaded || field.value !== "first@initrode.example") { throw new Error("It is gone"); }
            await next(() => click(".o_call_wallet_save"));
            await seeText("[data-live=status]", "Add your first funds");
            """,
            "portal-owner",
        )
        self.env.invalidate_all()
        self.assertEqual(self.wallet.recipient_ids.mapped("email"), ["first@initrode.example"])
        self.assertTrue(self.wallet.is_set_up)
