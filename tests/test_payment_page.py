"""The page on which a top-up is paid: one way recommended, one chosen, one bank account; what a decline leads to."""

import json

from lxml import html
from odoo import Command
from odoo.addons.call_wallet.tools.transfer_message import own_words
from odoo.tests import new_test_user, tagged

from .auto_topup_case import AutoTopupCase
from .browser import DESKTOP, PHONE, BrowserCase
from .stripe_case import StripeFakeCase
from .test_portal_topup import TopupPageCommon
from .test_portal_tour import PAY_BY_CARD

# What Odoo's demo provider says of itself.
SIMULATED = "demo payment status"


class PaymentPageCommon(TopupPageCommon):
    """Cards, the demo provider, and bank transfers to a company with two bank accounts."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        card = cls.env.ref("payment.payment_method_card")
        cls.provider.payment_method_ids |= card
        card.active = True
        cls.card = card
        bank = cls.env["res.bank"].create({"name": "First Bank of Utica", "bic": "FBUTUS33"})
        cls.account, cls.second_account = (
            cls.env["res.partner.bank"].create(
                {"acc_number": number, "partner_id": cls.company.partner_id.id, "bank_id": bank.id, **values}
            )
            for number, values in (
                ("DE89 3704 0044 0532 0130 00", {"acc_holder_name": "Platform Inc."}),
                ("987654321", {}),
            )
        )
        for code, account in (("TBK1", cls.account), ("TBK2", cls.second_account)):
            cls.env["account.journal"].create(
                {
                    "name": code,
                    "code": code,
                    "type": "bank",
                    "company_id": cls.company.id,
                    "bank_account_id": account.id,
                }
            )
        cls.wire.action_recompute_pending_msg()

    def setUp(self):
        super().setUp()
        self.topup = self.wallet.create_topup("25")
        self.topup.invoice_id.partner_bank_id = self.account

    def _pay_page(self, topup=None):
        return html.fromstring(self.open_page("portal-owner", self.path(f"pay/{(topup or self.topup).id}")).text)

    def _text(self, part):
        return " ".join(part.text_content().replace("\N{NO-BREAK SPACE}", " ").split())

    def _rows(self, part):
        """What the details of a transfer say, by label, and what their buttons copy."""
        rows = part.xpath(".//dl[contains(@class, 'o_call_wallet_details')]/div")
        shown = {self._text(row.find("dt")): self._text(row.find("dd")) for row in rows}
        copied = {self._text(row.find("dt")): row.xpath(".//button/@data-copy")[0] for row in rows}
        return shown, copied


@tagged("post_install", "-at_install", "standard")
class TestPaymentPage(PaymentPageCommon):
    def test_one_way_is_recommended_and_chosen_and_the_button_says_the_amount(self):
        page = self._pay_page()
        options = page.xpath("//li[@name='o_payment_option']")
        self.assertGreaterEqual(len(options), 3, "card, demo and bank transfer")
        recommended = [option for option in options if "Recommended" in self._text(option)]
        chosen = page.xpath("//input[@name='o_payment_radio'][@checked]/@data-payment-method-code")
        self.assertEqual(len(recommended), 1)
        self.assertEqual(recommended[0].xpath(".//input/@data-payment-method-code")[:1], ["card"])
        self.assertEqual(chosen, ["card"])
        [button] = page.xpath("//button[@name='o_payment_submit_button']")
        self.assertEqual(self._text(button), "Pay $ 25.00")

    def test_a_way_to_pay_in_test_mode_says_so_in_words(self):
        page = self._pay_page()
        self.assertFalse(
            page.xpath("//*[contains(@class, 'o_call_wallet_pay')]//i[contains(@class, 'fa-exclamation')]")
        )
        [card] = [
            option for option in page.xpath("//li[@name='o_payment_option']") if "Recommended" in self._text(option)
        ]
        self.assertIn("Test mode: no money is charged.", self._text(card))

    def test_the_button_says_what_is_left_to_pay_in_the_reader_s_notation(self):
        self._pay(self.topup.invoice_id, 10.5)
        self.env["res.lang"]._activate_lang("es_ES")
        self.owner.lang = "es_ES"
        self.authenticate("portal-owner", "portal-owner")
        self.opener.cookies["frontend_lang"] = "es_ES"
        page = html.fromstring(self.url_open(self.path(f"pay/{self.topup.id}")).text)
        [button] = page.xpath("//button[@name='o_payment_submit_button']")
        # 25.00 - 10.50
        self.assertIn("14,50", self._text(button))

    def test_a_saved_card_is_chosen_as_odoo_does_it(self):
        self._save_for(self.wallet, self._token(self.owner.partner_id))
        chosen = self._pay_page().xpath("//input[@name='o_payment_radio'][@checked]/@data-payment-option-type")
        self.assertEqual(chosen, ["token"])

    def test_a_bank_transfer_is_there_once_with_one_account_in_full(self):
        page = self._pay_page()
        self.assertEqual(len(page.xpath("//input[@data-provider-code='custom']")), 1)
        self.assertEqual(len(page.xpath("//dl[contains(@class, 'o_call_wallet_details')]")), 1)
        shown, copied = self._rows(page)
        reference = self.topup.invoice_id.payment_reference
        self.assertEqual(
            shown,
            {
                "Beneficiary": "Platform Inc.",
                "Bank": "First Bank of Utica",
                "IBAN" if self.account.acc_type == "iban" else "Account number": self.account.acc_number,
                "SWIFT/BIC": "FBUTUS33",
                "Payment reference": reference,
                "Amount": "$ 25.00",
            },
        )
        self.assertEqual((copied["Payment reference"], copied["Amount"]), (reference, "25.00"))
        self.assertNotIn(self.second_account.acc_number, page.text_content())

    def test_without_an_account_on_the_invoice_the_bank_journal_s_is_used(self):
        self.topup.invoice_id.partner_bank_id = False
        rows = dict(self.topup._bank_instructions())
        self.assertTrue({"Beneficiary", "Payment reference"} <= rows.keys())

    def test_after_the_choice_of_a_transfer_its_details_are_shown_once(self):
        self._transaction(self.topup, self.wire, operation="online_redirect")._set_pending()
        result = html.fromstring(self.open_page("portal-owner", f"{self.path()}?topup={self.topup.id}").text)
        for page in (result, self._pay_page()):
            self.assertEqual(len(page.xpath("//dl[contains(@class, 'o_call_wallet_details')]")), 1)
            self.assertEqual(self._rows(page)[0]["SWIFT/BIC"], "FBUTUS33")
            self.assertFalse(page.xpath("//input[@data-provider-code='custom']"))
            self.assertNotIn(self.second_account.acc_number, page.text_content())

    def test_what_people_write_about_transfers_is_shown_and_odoo_s_list_of_accounts_is_not(self):
        self.assertIn(self.second_account.acc_number, str(self.wire.pending_msg))
        self.assertFalse(own_words(self.wire.pending_msg))
        self.wire.pending_msg += "<p>Transfers from abroad: charges are yours.</p>"
        kept = own_words(self.wire.pending_msg)
        self.assertIn("charges are yours", kept)
        self.assertNotIn(self.second_account.acc_number, kept)
        self.assertIn("charges are yours", self._pay_page().text_content())
        self.assertEqual(own_words(False), "")

    def test_other_invoices_are_paid_as_odoo_has_it(self):
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.owner.partner_id.id,
                "invoice_line_ids": [Command.create({"name": "Training", "price_unit": 25, "tax_ids": []})],
            }
        )
        invoice.action_post()
        self.authenticate("portal-owner", "portal-owner")
        page = html.fromstring(self.url_open(invoice._portal_ensure_token() and invoice.get_portal_url()).text)
        [button] = page.xpath("//button[@name='o_payment_submit_button']")
        self.assertEqual(self._text(button), "Pay")
        self.assertFalse(page.xpath("//input[@name='o_payment_radio'][@checked]"))
        self.assertNotIn("Recommended", page.text_content())
        self.assertFalse(page.xpath("//dl[contains(@class, 'o_call_wallet_details')]"))

    # === A PAYMENT THAT FAILED === #

    def _fail(self, state="error"):
        transaction = self._transaction(self.topup)
        transaction._process("demo", {"reference": transaction.reference, "simulated_state": state})
        return transaction

    def test_after_a_decline_the_owner_stays_with_the_top_up(self):
        self._fail()
        answer = self.open_page("portal-owner", f"{self.path()}?topup={self.topup.id}")
        self.assertEqual(answer.status_code, 303)
        self.assertTrue(answer.headers["Location"].endswith(self.path(f"pay/{self.topup.id}")))
        page = self._pay_page()
        [told] = page.xpath("//*[@data-result='declined']")
        for expected in ("did not go through", "nothing was charged", "The card was declined", "another way"):
            self.assertIn(expected, self._text(told))
        self.assertTrue(page.xpath("//form[@id='o_payment_form']"))

    def test_who_left_the_provider_s_page_is_told_without_alarm(self):
        self._fail("cancel")
        [told] = self._pay_page().xpath("//*[@data-result='declined']")
        self.assertIn("not completed", self._text(told))
        self.assertNotIn("danger", told.get("class"))

    def test_the_words_of_the_demo_provider_stay_away_from_top_ups(self):
        transaction = self._fail()
        self.assertEqual(transaction.state_message, "The card was declined.")
        history = self.topup.invoice_id.message_ids.mapped("body")
        self.assertFalse([body for body in history if SIMULATED in body])

    def test_other_payments_keep_the_demo_provider_s_words(self):
        transaction = self._transaction(self.topup, invoice_ids=False)
        transaction._process("demo", {"reference": transaction.reference, "simulated_state": "error"})
        self.assertIn(SIMULATED, transaction.state_message)


@tagged("post_install", "-at_install", "standard")
class TestDeclinedByItself(AutoTopupCase):
    def test_mails_about_a_declined_automatic_top_up_have_no_words_of_the_demo_provider(self):
        self.card.demo_simulated_state = "error"
        self._spend("15")
        self._run()
        self.env["call.wallet.alert"]._cron_send()
        mails = self.env["mail.mail"].search([("model", "=", "call.wallet"), ("res_id", "=", self.wallet.id)])
        mails |= self.env["mail.mail"].search([("model", "in", ["call.wallet.auto.topup", "call.wallet.alert"])])
        bodies = " ".join(str(mail.body_html) for mail in mails)
        self.assertIn("declined", bodies)
        self.assertNotIn(SIMULATED, bodies)
        self.assertEqual(self._attempts()[:1].message, "The card was declined.")


@tagged("post_install", "-at_install", "standard")
class TestOneAccount(StripeFakeCase):
    def test_where_stripe_has_an_account_for_the_customer_the_transfer_goes_there_alone(self):
        self.stripe.call_wallet_bank_transfer = True
        wire = self.env["payment.provider"].search(
            [("custom_mode", "=", "wire_transfer"), ("company_id", "=", self.company.id)], limit=1
        )
        wire.write({"state": "enabled", "is_published": True})
        own = self.env["res.partner.bank"].create({"acc_number": "987654321", "partner_id": self.company.partner_id.id})
        owner = new_test_user(self.env, login="one-owner", password="one-owner", groups="base.group_portal")
        owner.partner_id.parent_id = self.partner
        self.wallet.owner_ids = owner
        topup = self.wallet.create_topup("100")
        topup.invoice_id.partner_bank_id = own
        self.authenticate("one-owner", "one-owner")
        page = html.fromstring(self.url_open(f"/my/billing/{self.wallet.id}/pay/{topup.id}").text)
        self.assertEqual(len(page.xpath("//dl[contains(@class, 'o_call_wallet_details')]")), 1)
        self.assertIn("110000000", page.text_content())
        self.assertNotIn("987654321", page.text_content())


class PaymentWays:
    def test_details_are_copied_and_each_button_says_so(self):
        reference = self.topup.invoice_id.payment_reference
        self._on_portal(
            self.path(f"pay/{self.topup.id}"),
            f"""
            const copied = [];
            Object.defineProperty(shown.navigator, "clipboard", {{
                value: {{ writeText: async (text) => {{ copied.push(text); }} }},
            }});
            await seeText("[name=o_payment_submit_button]", "Pay $ 25.00");
            missing("[name=o_payment_submit_button]:disabled");
            await click("input[data-provider-code=custom]");
            await seeText("[name=o_payment_submit_button]", "Confirm");
            await seeText(".o_call_wallet_details", "FBUTUS33");
            const buttons = [...shown.document.querySelectorAll(".o_call_wallet_copy")];
            if (buttons.length !== 6) {{ throw new Error(`${{buttons.length}} buttons`); }}
            for (const button of buttons) {{
                if (!button.offsetParent) {{ throw new Error("A button that is not seen"); }}
                button.click();
                const said = button.parentElement.querySelector("[role=status]");
                await see("what is said", () => said.textContent === "Copied");
                if (!button.innerText.startsWith("Copied")) {{ throw new Error(button.innerText); }}
            }}
            for (const wanted of ["Platform Inc.", {json.dumps(reference)}, "25.00"]) {{
                if (!copied.includes(wanted)) {{ throw new Error(`Not copied: ${{wanted}} of ${{copied}}`); }}
            }}
            await see("the buttons as before", () => buttons.every((one) => one.innerText.startsWith("Copy")));
            narrow();
            await click("input[data-payment-method-code=card]");
            await seeText("[name=o_payment_submit_button]", "Pay $ 25.00");
            """,
            "portal-owner",
            size=self.size,
        )

    def test_a_declined_card_is_told_on_the_page_of_the_top_up_where_another_way_is_open(self):
        self._on_portal(
            self.path(f"pay/{self.topup.id}"),
            f"""
            {PAY_BY_CARD}
            await payByCard("error");
            await seeText("[data-result=declined]", "nothing was charged");
            await ready();
            if (shown.location.pathname !== "{self.path(f"pay/{self.topup.id}")}") {{
                throw new Error(`Led to ${{shown.location.pathname}}`);
            }}
            if (/demo payment status/i.test(shown.document.body.innerText)) {{ throw new Error("Demo words"); }}
            await payByCard("done");
            await seeText("[data-result=paid]", "$ 25.00 was added");
            await ready();
            """,
            "portal-owner",
            size=self.size,
        )
        self.assertBalance(self.wallet, 25)

    def test_the_dialog_chooses_and_names_the_amount_too(self):
        self._on_portal(
            self.path(),
            """
            await click(".o_call_wallet_add_balance");
            await seeText(".modal [data-summary=total]", "$ 100.00");
            await click("#o_accept_terms");
            await click(".o_call_wallet_request");
            await seeText(".modal [name=o_payment_submit_button]", "Pay $ 100.00");
            await see("the card chosen", () => $(".modal input[data-payment-method-code=card]:checked"));
            await see("a button to press", () => usable(".modal [name=o_payment_submit_button]"));
            narrow();
            """,
            "portal-owner",
            size=self.size,
        )


class PaymentWaysCase(BrowserCase, PaymentPageCommon):
    allow_inherited_tests_method = True
    size = None


@tagged("post_install", "-at_install", "standard")
class TestPaymentOnADesk(PaymentWaysCase, PaymentWays):
    size = DESKTOP


@tagged("post_install", "-at_install", "standard")
class TestPaymentOnAPhone(PaymentWaysCase, PaymentWays):
    size = PHONE


@tagged("post_install", "-at_install", "standard")
class TestPaymentForEverybody(BrowserCase, PaymentPageCommon):
    def test_the_details_of_a_transfer_are_accessible(self):
        self._transaction(self.topup, self.wire, operation="online_redirect")._set_pending()
        declined = self.wallet.create_topup("60")
        self._transaction(declined)._set_error("The card was declined.")
        paths = (
            f"{self.path()}?topup={self.topup.id}",
            self.path(f"pay/{self.topup.id}"),
            self.path(f"pay/{declined.id}"),
        )
        self.assertAccessible("portal-owner", *paths)
