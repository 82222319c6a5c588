"""An owner's ways through Billing, right and wrong turns, from the log in on: on a desk and on a phone."""

from odoo.tests import tagged

from .browser import DESKTOP, PHONE, BrowserCase
from .test_portal_topup import TopupPageCommon

# In the payment form: the demo provider's card, and what is to come of it.
PAY_BY_CARD = """
const payByCard = async (state, save = false) => {
    await click("input[data-provider-code=demo][data-payment-option-type=payment_method]");
    await type("#customer_input", "4242424242424242");
    await type("#simulated_payment_state", state);
    if (save) { await click("[name=o_payment_tokenize_checkbox]"); }
    await click("[name=o_payment_submit_button]");
};
"""

LOG_IN = """
const logIn = async (login) => {
    await seeText(".oe_login_form", "Password");
    await type("#login", login);
    await type("#password", login);
    await next(() => click(".oe_login_form button[type=submit]"));
};
"""


class OwnersTour(BrowserCase, TopupPageCommon):
    """The tours; the classes below say on what."""

    allow_inherited_tests_method = True
    size = None

    def _tour(self, path, script, login="portal-owner"):
        self._on_portal(path, f"{LOG_IN} {self._sign_in()} {PAY_BY_CARD} {script}", login, size=self.size)

    def _sign_in(self):
        """What a page's script needs to sign somebody in elsewhere, as in another tab."""
        return f"""
            const signIn = async (login) => {{
                const params = {{ db: "{self.env.cr.dbname}", login, password: login }};
                const body = JSON.stringify({{ jsonrpc: "2.0", method: "call", params }});
                const headers = {{ "Content-Type": "application/json" }};
                await fetch("/web/session/authenticate", {{ method: "POST", headers, body }});
            }};
        """

    def _staff(self):
        """What a page's script needs to do something as an account manager meanwhile."""
        login = self._make_user("tour.manager", "account_manager").login
        return f"""
            const staff = async (method, ...args) => {{
                await signIn("{login}");
                await ask("call.wallet", method, [[{self.wallet.id}], ...args]);
                await signIn("portal-owner");
            }};
        """


class FirstBalance:
    def test_from_the_log_in_to_the_first_balance(self):
        self.wallet.set_recipients([])
        self._tour(
            "/my/billing",
            """
            await logIn("portal-owner");
            await seeText(".o_call_wallet_state", "Not Set Up");
            const input = "[name=new_email]";
            await click(".o_call_wallet_save");
            await seeText("#o_call_wallet_recipients_problem", "Enter at least one");
            enter(await type(input, "nonsense"));
            await seeText("#o_call_wallet_recipients_problem", "nonsense is not a valid e-mail address");
            enter(await type(input, "Finance@Customer.example"));
            await seeText(".o_call_wallet_chips", "finance@customer.example");
            enter(await type(input, "finance@customer.example"));
            await seeText("#o_call_wallet_recipients_problem", "in the list already");
            await type(input, "second@customer.example");
            await next(() => click(".o_call_wallet_save"));
            await seeText(".alert-success", "Notifications saved");
            await seeText(".o_call_wallet_steps", "One step left: add your first funds");

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
            narrow();
            await payByCard("error");
            await seeText("[data-result=declined]", "nothing was charged");
            await ready();
            await seeText("h2", "payment");
            await payByCard("done", true);
            await seeText("[data-result=paid]", "$ 80.00 was added");
            await seeText("[data-figure=balance]", "$ 80.00");
            await ready();

            await load("/my", size);
            await seeText("a[href='/my/billing']", "Active, balance $ 80.00");
            """,
            login=None,
        )
        self.assertEqual(
            self.wallet.recipient_ids.mapped("email"), ["finance@customer.example", "second@customer.example"]
        )
        self.assertBalance(self.wallet, 80)
        self.assertEqual(self.wallet.topup_ids.state, "paid")
        self.assertSound(self.wallet)


class LaterTurns:
    def test_a_bank_transfer_from_the_invoice_and_a_session_that_has_expired(self):
        topup = self.wallet.create_topup("70")
        self._tour(
            self.path("invoices"),
            f"""
            await seeText(".o_call_wallet_invoices", "Pending");
            const pdf = await fetch($(".o_call_wallet_invoices a[href*=pdf]").href);
            if (pdf.headers.get("Content-Type") !== "application/pdf") {{ throw new Error("Not a PDF"); }}
            await next(() => click(".o_call_wallet_invoices .btn-primary"));
            await seeText("[data-pay=due]", "$ 70.00");
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
            await ready();
            await fetch("/web/session/logout");
            await click(".o_call_wallet_add_balance");
            await see("the login", () => shown.location.pathname === "/web/login");
            if (!decodeURIComponent(shown.location.search).includes("{self.path("add")}")) {{
                throw new Error(`It does not lead back: ${{shown.location.search}}`);
            }}
            """,
        )
        self.assertBalance(self.wallet, 0)

    def test_the_wallet_is_paused_meanwhile(self):
        self._fund(self.wallet, "20")
        self._tour(
            self.path(),
            f"""
            {self._staff()}
            await seeText(".o_call_wallet_state", "Active");
            await click(".o_call_wallet_add_balance");
            await seeText(".modal [data-summary=total]", "$ 100.00");
            await staff("action_pause", "Contract under review");
            await click("#o_accept_terms");
            await click(".o_call_wallet_request");
            await payByCard("done");
            await seeText("[data-result=paid]", "$ 100.00 was added");
            await seeText("[data-figure=balance]", "$ 120.00");
            await seeText(".o_call_wallet_state", "Paused");
            await seeText("[data-live=status]", "Contract under review");
            await ready();
            """,
        )
        self.assertBalance(self.wallet, 120)

    def test_recipients_are_removed_and_the_last_one_with_a_warning(self):
        self._tour(
            self.path("notifications"),
            """
            await click(".o_call_wallet_chips button");
            await see("the focus on the input", () => shown.document.activeElement === $("[name=new_email]"));
            await click(".o_call_wallet_save");
            await seeText(".modal", "no call can start");
            await next(() => click(".modal .btn-primary"));
            await seeText(".o_call_wallet_state", "Not Set Up");
            """,
        )
        self.assertEqual(self.wallet.state, "not_set_up")

    def test_billing_information_is_corrected_and_saved(self):
        texas = self.env.ref("base.state_us_44")
        self._tour(
            self.path("information"),
            f"""
            const values = {{ name: "Initrode Ltd", email: "wrong", street: "1 Main Street", city: "Dallas" }};
            values.zip = "75001";
            for (const [name, value] of Object.entries(values)) {{ await type(`[name=${{name}}]`, value); }}
            await type("[name=country_id]", "{texas.country_id.id}");
            await see("its states", () => [...$("[name=state_id]").options].some((one) => one.value === "{texas.id}"));
            await type("[name=state_id]", "{texas.id}");
            await next(() => click(".o_call_wallet_information .btn-primary"));
            await seeText("#email_problem", "wrong is not a valid address");
            await type("[name=email]", "accounts@initrode.example");
            await next(() => click(".o_call_wallet_information .btn-primary"));
            await seeText(".alert-success", "Billing information saved");
            """,
        )
        self.assertEqual((self.partner.state_id, self.wallet.billing_email), (texas, "accounts@initrode.example"))

    def test_the_report_is_downloaded_for_the_chosen_days(self):
        self._fund(self.wallet, "50")
        self._tour(
            self.path("report"),
            """
            await type("[name=date_from]", "2026-10-02");
            await type("[name=date_to]", "2026-10-01");
            await next(() => click("form .btn"));
            await seeText("#o_call_wallet_range_problem", "not before From");
            await next(() => $("nav a[href*=last_7_days]").click());
            await seeText(".o_call_wallet_count", "1 transaction");
            const report = await fetch($(".o_call_wallet_xlsx").href);
            if (!report.headers.get("Content-Type").includes("spreadsheetml")) { throw new Error("Not a spreadsheet"); }
            """,
        )

    def test_automatic_top_up_is_switched_on_used_and_its_card_removed(self):
        self._token(self.owner.partner_id)
        self._tour(
            self.path("auto"),
            f"""
            await type("[name=amount]", "60");
            await next(() => click(".o_call_wallet_auto_topup .btn-primary"));
            await seeText(".o_call_wallet_auto_topup", "agree");
            await click("#auto_accept");
            await next(() => click(".o_call_wallet_auto_topup .btn-primary"));
            await seeText(".alert-success", "is on");
            await press("Top up $ 60.00 now");
            await seeText(".modal", "is charged $ 60.00 now");
            await next(() => click(".modal-footer .btn-primary"));
            await seeText(".alert-success", "$ 60.00 was charged");
            await load("{self.path("cards")}", size);
            await seeText(".list-group", "4242");
            await click(".o_call_wallet_remove_card button");
            await next(() => click(".modal-footer .btn-primary"));
            await seeText(".alert-success", "removed");
            await load("{self.path("auto")}", size);
            await seeText(".alert-info", "Save a card first");
            """,
        )
        self.assertBalance(self.wallet, 60)
        self.assertEqual(self.wallet.auto_topup_state, "suspended")

    def test_what_was_declined_is_paid_by_hand(self):
        card = self._token(self.owner.partner_id)
        card.demo_simulated_state = "error"
        self.wallet.with_user(self.owner).set_auto_topup(
            True, level="20", amount="50", monthly_cap="400", token_id=card.id, accept_mandate=True
        )
        self.env["call.wallet"]._cron_auto_topup()
        self._tour(
            self.path("auto"),
            """
            await next(() => press("Pay by hand"));
            await seeText("[data-pay=due]", "$ 50.00");
            await payByCard("done");
            await seeText("[data-result=paid]", "$ 50.00 was added");
            await ready();
            """,
        )
        self.assertBalance(self.wallet, 50)

    def test_a_colleague_is_made_an_owner(self):
        self._tour(
            self.path("people"),
            """
            await next(() => click("[name=add]"));
            await seeText(".list-group", "Portal-Colleague");
            await see("two owners", () => shown.document.querySelectorAll("[name=remove]").length === 2);
            """,
        )
        self.assertEqual(self.wallet.owner_ids, self.owner | self.colleague)

    def test_what_was_typed_outlasts_the_session(self):
        self._fund(self.wallet, "50")
        self._tour(
            self.path("notifications"),
            """
            const token = () => $(".o_call_wallet_notifications [name=csrf_token]").value;
            const old = token();
            await fetch("/web/session/logout");
            enter(await type("[name=new_email]", "later@customer.example"));
            await click(".o_call_wallet_save");
            await seeText(".o_call_wallet_expired", "still here");
            const link = $(".o_call_wallet_expired a");
            if (link.target !== "_blank") { throw new Error("Signing in there would lose the form"); }
            await signIn("portal-owner");
            await next(() => click(".o_call_wallet_save"));
            await seeText(".o_call_wallet_chips", "later@customer.example");
            if (token() === old) { throw new Error("It is the token of the session that is gone"); }
            """,
        )
        self.assertIn("later@customer.example", self.wallet.recipient_ids.mapped("email"))

    def test_a_server_that_cannot_be_reached_loses_nothing(self):
        self._fund(self.wallet, "50")
        self._tour(
            self.path("notifications"),
            """
            enter(await type("[name=new_email]", "offline@customer.example"));
            const { fetch: reach } = shown;
            shown.fetch = () => Promise.reject(new TypeError("Failed to fetch"));
            shown.XMLHttpRequest.prototype.send = function () { this.dispatchEvent(new Event("error")); };
            await click(".o_call_wallet_save");
            await seeText(".o_call_wallet_expired", "cannot be reached");
            await seeText(".o_call_wallet_chips", "offline@customer.example");
            """,
        )
        self.assertNotIn("offline@customer.example", self.wallet.recipient_ids.mapped("email"))


@tagged("post_install", "-at_install", "standard")
class TestOnADesk(OwnersTour, FirstBalance, LaterTurns):
    size = DESKTOP


@tagged("post_install", "-at_install", "standard")
class TestOnAPhone(OwnersTour, FirstBalance, LaterTurns):
    size = PHONE


@tagged("post_install", "-at_install", "standard")
class TestAccessible(BrowserCase, TopupPageCommon):
    def test_everybody_can_use_the_pages_of_payments(self):
        self._fund(self.wallet, "30", by="topup")
        card = self._token(self.owner.partner_id)
        declined = self.wallet.create_topup("60")
        self._transaction(declined)._set_error("Your card was declined.")
        processing = self.wallet.create_topup("65")
        self._transaction(processing)._set_pending()
        topup = self.wallet.create_topup("70")
        settings = {"level": "20", "amount": "50", "monthly_cap": "400", "token_id": card.id}
        self.wallet.with_user(self.owner).set_auto_topup(True, **settings, accept_mandate=True)
        results = (f"{self.path()}?topup={one.id}" for one in (topup, declined, processing))
        pages = ("add", f"pay/{topup.id}", "invoices", "cards", "auto")
        self.assertAccessible("portal-owner", *map(self.path, pages), *results)
