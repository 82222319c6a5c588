"""Adding balance in a real browser: the dialog, the wrong turns, card, bank transfer, and back to the balance."""

from odoo.tests import tagged

from .browser import PHONE, BrowserCase
from .test_portal_topup import TopupPageCommon

# In the payment form: the demo provider's card, and what is to come of it.
PAY_BY_CARD = """
const payByCard = async (state, save = false) => {
    await click("input[data-provider-code=demo]");
    await type("#customer_input", "4242424242424242");
    await type("#simulated_payment_state", state);
    if (save) { await click("[name=o_payment_tokenize_checkbox]"); }
    await click("[name=o_payment_submit_button]");
};
"""


@tagged("post_install", "-at_install", "standard")
class TestAddBalanceInTheBrowser(BrowserCase, TopupPageCommon):
    def test_from_the_dialog_through_a_declined_card_to_the_new_balance(self):
        self._on_portal(
            self.path(),
            f"""
            {PAY_BY_CARD}
            await seeText("[data-figure=balance]", "$ 0.00");
            await click(".o_call_wallet_add_balance");
            await seeText(".modal [data-summary=total]", "$ 100.00");
            await click("#o_package_other");
            await type("#o_other_amount", "0.5");
            await seeText("[data-problem=amount]", "choose between");
            await type("#o_other_amount", "80");
            await seeText("[data-summary=total]", "$ 80.00");
            await click(".o_call_wallet_request");
            await seeText("[data-problem=accept_terms]", "acknowledge");
            await click("#o_accept_terms");
            await click(".o_call_wallet_request");
            await seeText(".modal [data-pay=due]", "$ 80.00");
            await payByCard("error");
            await seeText("[data-result=declined]", "nothing was charged");
            await ready();
            (await see("the way back", () => $("[data-result] a"))).click();
            await seeText("h2", "payment");
            await ready();
            await payByCard("done", true);
            await seeText("[data-result=paid]", "$ 80.00 was added");
            await seeText("[data-figure=balance]", "$ 80.00");
            await load("{self.path("cards")}", "{PHONE}");
            await seeText(".list-group", "4242");
            await click(".o_call_wallet_remove_card button");
            await click(".modal-footer .btn-primary");
            await seeText(".alert-success", "removed");
            """,
            "portal-owner",
        )
        self.assertBalance(self.wallet, 80)
        [topup] = self.wallet.topup_ids
        self.assertEqual(topup.state, "paid")
        self.assertSound(self.wallet)

    def test_by_bank_transfer_on_a_phone_and_after_the_session_has_expired(self):
        topup = self.wallet.create_topup("70")
        self._on_portal(
            self.path("invoices"),
            f"""
            await click(".o_call_wallet_invoices .btn-primary");
            await seeText("[data-pay=due]", "$ 70.00");
            await ready();
            await click("input[data-provider-code=custom]");
            // Odoo sends this form to the whole window, which would end the script.
            const {{ submit }} = shown.HTMLFormElement.prototype;
            shown.HTMLFormElement.prototype.submit = function () {{
                this.target = "_self";
                submit.call(this);
            }};
            await click("[name=o_payment_submit_button]");
            await seeText("[data-result=transfer]", "1–5 business days");
            await seeText("[data-transfer=reference]", "{topup.invoice_id.payment_reference}");
            const page = shown.document.documentElement;
            if (page.scrollWidth > page.clientWidth) {{ throw new Error("Wider than the screen"); }}
            await ready();
            await fetch("/web/session/logout");
            await click(".o_call_wallet_add_balance");
            await see("the login", () => shown.location.pathname === "/web/login");
            if (!decodeURIComponent(shown.location.search).includes("{self.path("add")}")) {{
                throw new Error(`It does not lead back: ${{shown.location.search}}`);
            }}
            """,
            "portal-owner",
            size=PHONE,
        )
        self.assertBalance(self.wallet, 0)

    def test_everybody_can_use_the_pages(self):
        self._fund(self.wallet, "30", by="topup")
        self._token(self.owner.partner_id)
        topup = self.wallet.create_topup("70")
        pages = ("add", f"pay/{topup.id}", "invoices", "cards")
        self.assertAccessible("portal-owner", *map(self.path, pages), f"{self.path()}?topup={topup.id}")
