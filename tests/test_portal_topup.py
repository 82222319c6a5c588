"""Adding balance on the portal, its invoices and receipts, and saved cards."""

from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .stripe_case import StripeFakeCase
from .test_portal import PortalCommon


class TopupPageCommon(PortalCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.call_wallet_accept_test_payments = True
        cls.provider = cls._provider("code", "demo", state="test", allow_tokenization=True)
        cls.wire = cls._provider("custom_mode", "wire_transfer", state="enabled")
        cls.terms = cls.env["call.wallet.terms"]._current()

    @classmethod
    def _provider(cls, field, value, **values):
        domain = [(field, "=", value), ("company_id", "=", cls.company.id)]
        provider = cls.env["payment.provider"].search(domain, limit=1)
        provider.write({"is_published": True, **values})
        return provider

    def _form(self, **changes):
        form = {"package": "100", "accept_terms": "on", "terms_id": self.terms.id, "request_key": "key-1", **changes}
        return [(name, value) for name, value in form.items() if value is not None]

    def _transaction(self, topup, provider=None, **values):
        """What the payment form starts."""
        provider = provider or self.provider
        return self.env["payment.transaction"].create(
            {
                "provider_id": provider.id,
                "payment_method_id": provider.payment_method_ids[:1].id,
                "amount": topup.invoice_id.amount_residual,
                "currency_id": topup.currency_id.id,
                "partner_id": topup.partner_id.id,
                "invoice_ids": topup.invoice_id.ids,
                "operation": "online_direct",
                **values,
            }
        )

    def _token(self, partner, name="4242"):
        return self.env["payment.token"].create(
            {
                "provider_id": self.provider.id,
                "payment_method_id": self.provider.payment_method_ids[:1].id,
                "payment_details": name,
                "partner_id": partner.id,
                "provider_ref": name,
                "demo_simulated_state": "done",
            }
        )

    def _rpc(self, login, path, **params):
        self.authenticate(login, login)
        return self.url_open(path, json={"params": params}).json()


@tagged("post_install", "-at_install", "standard")
class TestAddBalance(TopupPageCommon):
    def test_ordering_leads_to_the_payment_of_a_posted_invoice(self):
        answer = self.post("portal-owner", self.path("add"), self._form())
        topup = self.wallet.topup_ids
        self.assertEqual(answer.status_code, 303)
        self.assertTrue(answer.headers["Location"].endswith(f"/pay/{topup.id}"))
        self.assertEqual((topup.amount, topup.invoice_id.state), (100, "posted"))
        self.assertEqual((topup.requested_by_id, topup.terms_id), (self.owner, self.terms))
        self.assertEqual(topup.accepted_from, "127.0.0.1")
        self.assertIn("python-requests", topup.accepted_with)
        page = self.open_page("portal-owner", self.path(f"pay/{topup.id}")).text
        for expected in (topup.invoice_id.name, "o_payment_form", "1–5 business days", "interrupted", "Recommended"):
            self.assertIn(expected, page)
        self.assertIn(f'data-landing-route="{self.path()}?topup={topup.id}"', page)

    def test_the_same_request_orders_once(self):
        first = self.post("portal-owner", self.path("add"), self._form()).headers["Location"]
        self.assertEqual(self.post("portal-owner", self.path("add"), self._form()).headers["Location"], first)
        again = self._rpc("portal-owner", self.path("add/order"), **dict(self._form()))
        self.assertTrue(again["result"]["redirect"] in first)
        self.assertEqual(len(self.wallet.topup_ids), 1)

    def test_an_order_that_waits_is_named_before_another_is_made(self):
        topup = self.wallet.create_topup("100")
        page = self.open_page("portal-owner", self.path("add")).text
        self.assertIn(topup.invoice_id.name, page)
        self.assertIn(f'href="{self.path("pay")}/{topup.id}"', page)
        self._pay(topup.invoice_id)
        self.assertNotIn(topup.invoice_id.name, self.open_page("portal-owner", self.path("add")).text)

    def test_looking_at_the_page_in_other_ways_orders_nothing(self):
        self.authenticate("portal-owner", "portal-owner")
        query = f"?package=50&accept_terms=on&terms_id={self.env['call.wallet.terms']._current().id}"
        for method in ("HEAD", "OPTIONS", "GET"):
            with self.subTest(method=method):
                self.opener.request(method, f"{self.base_url()}{self.path('add')}{query}", allow_redirects=False)
                self.assertFalse(self.wallet.topup_ids)

    def test_what_cannot_be_ordered_is_said_beside_its_field(self):
        wrong = [
            ({"accept_terms": None}, "acknowledge that funds"),
            ({"terms_id": self.terms.id + 1}, "new version"),
            ({"package": "other", "other_amount": "0.5"}, "choose between"),
            ({"package": "other", "other_amount": "10000000"}, "choose between"),
            ({"package": "-50"}, "choose between"),
            ({"package": "other", "other_amount": "much"}, "Amount"),
            ({"package": "other", "other_amount": ""}, "choose a package"),
            ({"package": "10.001"}, "decimal places"),
        ]
        for changes, message in wrong:
            answer = self.post("portal-owner", self.path("add"), self._form(**changes))
            self.assertEqual(answer.status_code, 422, changes)
            self.assertIn(message, answer.text)
        self.assertFalse(self.wallet.topup_ids)

    def test_other_values_than_an_amount_and_a_choice_are_not_looked_at(self):
        form = self._form(wallet_id=self.other.id, partner_id=self.other.partner_id.id, currency_id=1, total="1")
        self.post("portal-owner", self.path("add"), form)
        self.assertFalse(self.other.topup_ids)
        self.assertEqual(self.wallet.topup_ids.invoice_id.partner_id, self.partner)
        self.assertEqual(self.wallet.topup_ids.total_amount, 100)

    def test_the_quote_is_what_will_be_invoiced(self):
        tax = self.env["account.tax"].create({"name": "9 %", "amount": 9, "company_id": self.company.id})
        self.env.ref("call_wallet.product_topup").taxes_id = tax
        answer = self._rpc("portal-owner", self.path("add/quote"), amount="50")["result"]
        for expected in ("50.00", "4.50", "54.50", "2,500"):
            self.assertIn(expected, answer["html"])
        self.assertEqual(answer["problem"], "")
        self.assertIn(
            "choose between", self._rpc("portal-owner", self.path("add/quote"), amount="0")["result"]["problem"]
        )
        self.post("portal-owner", self.path("add"), self._form(package="50"))
        self.assertEqual(self.wallet.topup_ids.invoice_id.amount_total, 54.5)

    def test_a_wallet_that_is_not_set_up_leads_to_what_is_missing(self):
        self.wallet.set_recipients([])
        for answer in (
            self.open_page("portal-owner", self.path("add")),
            self.post("portal-owner", self.path("add"), self._form()),
        ):
            self.assertTrue(answer.headers["Location"].endswith(self.path("notifications")))
        self.assertFalse(self.wallet.topup_ids)

    def test_a_paused_wallet_is_topped_up(self):
        self.wallet.action_pause("Contract under review")
        self.post("portal-owner", self.path("add"), self._form())
        self.assertEqual(len(self.wallet.topup_ids), 1)

    @mute_logger("odoo.http")
    def test_nobody_but_the_owner(self):
        topup = self.wallet.create_topup("100")
        self._pay(topup.invoice_id)
        pages = ("add", "cards", "invoices", f"pay/{topup.id}", f"receipt/{topup.id}")
        for login in ("portal-colleague", "portal-stranger"):
            for page in pages:
                self.assertEqual(self.open_page(login, self.path(page)).status_code, 404, (login, page))
            for page in ("add/form", "add/quote", "add/order"):
                answer = self._rpc(login, self.path(page), **dict(self._form()))
                self.assertNotIn("result", answer, (login, page))
        for page in (f"pay/{topup.id}", f"receipt/{topup.id}"):
            self.assertEqual(self.open_page("portal-stranger", self.path(page, self.other)).status_code, 404)
        self.assertEqual(len(self.wallet.topup_ids), 1)

    # === WHAT CAME OF IT === #

    def _result(self, topup):
        return self.open_page("portal-owner", f"{self.path()}?topup={topup.id}").text

    def test_back_from_the_payment_the_page_says_what_came_of_it(self):
        topup = self.wallet.create_topup("100")
        self.assertIn('data-result="pending"', self._result(topup))
        self._transaction(topup)._set_error("Your card was declined.")
        page = self.open_page("portal-owner", self.path(f"pay/{topup.id}")).text
        for expected in ('data-result="declined"', "Your card was declined.", "nothing was charged", "Try again"):
            self.assertIn(expected, page)
        transaction = self._transaction(topup)
        transaction._set_pending()
        self.assertIn('data-result="processing"', self._result(topup))
        self.assertNotIn("o_payment_form", self.open_page("portal-owner", self.path(f"pay/{topup.id}")).text)
        # The session may have lost the payment, so that Odoo's status page did not process it.
        transaction._set_done()
        page = self._result(topup)
        self.assertIn('data-result="paid"', page)
        self.assertIn("100.00", page)
        self.assertTrue(transaction.is_post_processed)
        self.assertNotIn("data-result", self._result(self.other.create_topup("5")))
        paid = self.open_page("portal-owner", self.path(f"pay/{topup.id}"))
        self.assertTrue(paid.headers["Location"].endswith(f"?topup={topup.id}"))

    def test_a_bank_transfer_shows_its_details_and_leaves_other_ways_open(self):
        topup = self.wallet.create_topup("100")
        self._transaction(topup, self.wire, operation="online_redirect")._set_pending()
        page = self._result(topup)
        for expected in (
            'data-result="transfer"',
            topup.invoice_id.payment_reference,
            "1–5 business days",
            "interrupted",
        ):
            self.assertIn(expected, page)
        self.assertIn("o_payment_form", self.open_page("portal-owner", self.path(f"pay/{topup.id}")).text)

    def test_of_a_partial_payment_the_missing_part_is_shown(self):
        topup = self.wallet.create_topup("100")
        self._pay(topup.invoice_id, 40)
        page = self._result(topup)
        self.assertIn('data-result="partial"', page)
        self.assertIn("60.00", page)
        invoices = self.open_page("portal-owner", self.path("invoices")).text
        self.assertIn("Partly paid", invoices)
        self.assertIn("60.00", invoices)


@tagged("post_install", "-at_install", "standard")
class TestInvoicesAndCards(TopupPageCommon):
    def test_each_invoice_has_its_status_and_what_can_be_done(self):
        pending, paid, cancelled = (self.wallet.create_topup(amount) for amount in ("11", "22", "33"))
        draft = self.wallet.create_topup("44").invoice_id
        draft.button_draft()
        self._pay(paid.invoice_id)
        cancelled.invoice_id.button_cancel()
        page = self.open_page("portal-owner", self.path("invoices")).text
        rows = {
            topup: page.split(f'data-invoice="{topup.invoice_id.id}"')[1].split("</tr>")[0]
            for topup in (pending, paid, cancelled)
        }
        self.assertIn(self.path(f"pay/{pending.id}"), rows[pending])
        self.assertIn("Pending", rows[pending])
        self.assertIn(self.path(f"receipt/{paid.id}"), rows[paid])
        self.assertIn("Paid", rows[paid])
        self.assertIn("Cancelled", rows[cancelled])
        for row in (rows[paid], rows[cancelled]):
            self.assertNotIn("Pay now", row)
        for row in (rows[pending], rows[cancelled]):
            self.assertNotIn("o_call_wallet_receipt", row)
        self.assertNotIn(f'data-invoice="{draft.id}"', page)

    def test_a_long_list_has_pages(self):
        with patch("odoo.addons.call_wallet.controllers.portal_topup_invoices.PER_PAGE", 1):
            first, last = self.wallet.create_topup("11"), self.wallet.create_topup("22")
            page = self.open_page("portal-owner", self.path("invoices")).text
            self.assertIn(last.invoice_id.name, page)
            self.assertNotIn(first.invoice_id.name, page)
            self.assertIn(first.invoice_id.name, self.open_page("portal-owner", self.path("invoices/page/2")).text)

    def test_the_receipt_is_the_providers_own_where_there_is_one(self):
        topup = self.wallet.create_topup("100")
        self.assertFalse(topup.receipt_url)
        transaction = self._transaction(topup)
        transaction._set_done()
        transaction._post_process()
        self.env.invalidate_all()
        self.assertEqual(topup.receipt_url, self.path(f"receipt/{topup.id}"))
        transaction.call_wallet_receipt_url = "https://pay.example/receipt"
        self.env.invalidate_all()
        self.assertEqual(topup.receipt_url, "https://pay.example/receipt")

    def test_an_invoice_is_no_proforma_for_not_having_been_mailed(self):
        topup = self.wallet.create_topup("50")
        page = self.open_page("portal-owner", topup.invoice_id.get_portal_url(report_type="html")).text
        self.assertIn(topup.invoice_id.name, page)
        self.assertNotIn("Proforma", page)

    def test_the_receipt_is_a_pdf(self):
        topup = self._fund(self.wallet, "100", by="topup")
        answer = self.open_page("portal-owner", self.path(f"receipt/{topup.id}"))
        self.assertEqual(answer.headers["Content-Type"], "application/pdf")
        self.assertTrue(answer.content)
        unpaid = self.wallet.create_topup("5")
        with mute_logger("odoo.http"):
            self.assertEqual(self.open_page("portal-owner", self.path(f"receipt/{unpaid.id}")).status_code, 404)

    def test_cards_are_listed_for_the_company_and_removed_by_an_owner(self):
        self.assertIn("No card is saved", self.open_page("portal-owner", self.path("cards")).text)
        own, other = self._token(self.colleague.partner_id, "1111"), self._token(self.stranger.partner_id, "9999")
        self._save_for(self.wallet, own)
        self._token(self.colleague.partner_id, "7777")
        page = self.open_page("portal-owner", self.path("cards")).text
        self.assertIn("1111", page)
        for theirs in ("7777", "9999"):
            self.assertNotIn(theirs, page)
        self.assertEqual(self.post("portal-owner", self.path("cards"), [("remove", other.id)]).status_code, 422)
        self.assertTrue(other.active)
        self.post("portal-owner", self.path("cards"), [("remove", own.id)])
        self.assertFalse(own.active)
        with self.assertRaises(UserError):
            self.wallet.remove_payment_token(own.id)

    def test_a_subsidiarys_cards_are_its_own(self):
        subsidiary = self.env["res.partner"].create({"name": "Sub", "is_company": True, "parent_id": self.partner.id})
        card = self._token(subsidiary)
        self.assertNotIn(card, self.wallet._payment_tokens())
        with self.assertRaisesRegex(UserError, "not saved"):
            self.wallet.with_user(self.owner).remove_payment_token(card.id)

    def test_odoos_own_page_removes_the_companys_card_for_owners_alone(self):
        card, mine = self._token(self.partner, "1111"), self._token(self.colleague.partner_id, "2222")
        for token in (card, mine):
            self._rpc("portal-colleague", "/payment/archive_token", token_id=token.id)
        self.assertEqual((card.active, mine.active), (True, False))
        self._rpc("portal-owner", "/payment/archive_token", token_id=card.id)
        self.assertFalse(card.active)

    def test_only_owners_and_finance_remove_a_card(self):
        token = self._token(self.colleague.partner_id)
        self._save_for(self.wallet, token)
        for user in (self.colleague, self.stranger, self._make_user("card-manager", "account_manager")):
            with self.assertRaises(AccessError):
                self.wallet.with_user(user).remove_payment_token(token.id)
        self.assertTrue(token.active)
        self.wallet.with_user(self._make_user("card-finance", "finance")).remove_payment_token(token.id)
        self.assertFalse(token.active)


@tagged("post_install", "-at_install", "standard")
class TestBankDetailsOfStripe(StripeFakeCase):
    def test_the_payment_shows_where_to_send_the_money(self):
        self.stripe.call_wallet_bank_transfer = True
        owner = new_test_user(self.env, login="bank-owner", password="bank-owner", groups="base.group_portal")
        owner.partner_id.parent_id = self.partner
        self.wallet.owner_ids = owner
        topup = self.wallet.create_topup("100")
        self.authenticate("bank-owner", "bank-owner")
        wires = self.env["payment.provider"].search([("custom_mode", "=", "wire_transfer")])
        for state, place in (("disabled", "o_call_wallet_bank"), ("enabled", 'data-provider-code="custom"')):
            wires.write({"state": state, "is_published": state == "enabled"})
            page = self.url_open(f"/my/billing/{self.wallet.id}/pay/{topup.id}").text
            for expected in (place, "110000000", topup.invoice_id.payment_reference, "1–5 business days"):
                self.assertIn(expected, page, state)
