"""Paying a top-up's invoice on the web: the server decides how much, for whom, and whether at all."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
import requests
from odoo.tests import HttpCase, new_test_user
from odoo.tools import mute_logger

from .common import CallWalletCommon


class Refused(Exception):
    """What the server answers instead of a result."""


class TestTopupPayment(CallWalletCommon, HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.call_wallet_accept_test_payments = True
        cls.provider = cls.env["payment.provider"].search(
            [("code", "=", "demo"), ("company_id", "=", cls.company.id)], limit=1
        )
        cls.provider.write({"state": "test", "is_published": True, "allow_tokenization": True})
        cls.method = cls.provider.payment_method_ids[:1]
        cls.owner = cls._portal_user("pay-owner", cls.partner)
        cls.wallet.owner_ids = cls.owner
        cls.topup = cls.wallet.create_topup("100")
        cls.invoice = cls.topup.invoice_id
        cls.invoice._portal_ensure_token()

    @classmethod
    def _portal_user(cls, login, company):
        user = new_test_user(cls.env, login=login, password=login, groups="base.group_portal")
        user.partner_id.parent_id = company
        return user

    # === WHAT A BROWSER DOES === #

    def _start(self, login="pay-owner", invoice=None, token=..., **changes):
        """Press Pay; return what the browser is told to do."""
        self.authenticate(login, login) if login else self.authenticate(None, None)
        invoice = invoice or self.invoice
        values = {
            "provider_id": self.provider.id,
            "payment_method_id": self.method.id,
            "token_id": None,
            "amount": invoice.amount_residual,
            "flow": "direct",
            "tokenization_requested": False,
            "landing_route": "/my/billing",
            "access_token": invoice.access_token if token is ... else token,
            **changes,
        }
        return self._call_route(f"/invoice/transaction/{invoice.id}", values)

    def _call_route(self, route, params):
        answer = self.url_open(route, json={"params": params}).json()
        if "error" in answer:
            raise Refused(answer["error"]["data"]["message"])
        return answer.get("result")

    def _answer(self, processing, state="done"):
        """The provider answers, and the status page looks."""
        params = {"reference": processing["reference"], "payment_details": "4242", "simulated_state": state}
        self._call_route("/payment/demo/simulate_payment", params)
        if state == "done":
            self._call_route("/payment/status/poll", {})
        self.env.invalidate_all()

    def _refused(self, message, **how):
        with mute_logger("odoo.http"), self.assertRaisesRegex(Refused, message):
            self._start(**how)

    def _overdue_page(self):
        """Odoo shows there only what is the user's own: of a customer who is a person."""
        person = self._portal_user("pay-person", False)
        person.partner_id.call_wallet_no_debits = True
        wallet = self._make_wallet(partner_id=person.partner_id.id, owner_ids=person.ids)
        invoice = wallet.create_topup("20").invoice_id
        invoice.invoice_date_due = "2020-01-31"
        self.authenticate("pay-person", "pay-person")
        page = self.url_open("/my/invoices/overdue").text
        self.assertIn('data-payment-method-code="demo"', page)
        return page

    def _transactions(self):
        return self.env["payment.transaction"].search([("invoice_ids", "in", self.invoice.ids)])

    # === TESTS === #

    def test_a_card_payment_becomes_balance(self):
        processing = self._start()
        self.assertBalance(self.wallet, 0)
        self._answer(processing)
        self.assertBalance(self.wallet, 100)
        self.assertEqual(self.topup.state, "paid")
        self.assertEqual(self._transactions().landing_route, "/my/billing")
        self.assertSound(self.wallet)

    def test_an_edited_amount_is_not_what_is_charged(self):
        for amount in (1, 5000, -50):
            processing = self._start(amount=amount)
            self.assertEqual(processing["amount"], 100)
        self._answer(processing)
        self.assertBalance(self.wallet, 100)

    def test_of_a_partly_paid_invoice_the_rest_is_charged(self):
        self._pay(self.invoice, 40)
        self.assertEqual(self._start(amount=100)["amount"], 60)

    def test_other_edited_values_are_refused_or_harmless(self):
        for name, value in (("partner_id", self.company.partner_id.id), ("reference_prefix", "FREE"), ("wallet", 1)):
            self._refused("", **{name: value})
        for route in ("https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example"):
            self._start(landing_route=route, tokenization_requested=True)
            self.assertNotIn("evil", self._transactions()[:1].landing_route)

    def test_a_link_to_the_invoice_does_not_charge_the_customers_saved_card(self):
        card = self.env["payment.token"].create(
            {
                "provider_id": self.provider.id,
                "payment_method_id": self.method.id,
                "partner_id": self.owner.partner_id.id,
                "provider_ref": "saved",
                "payment_details": "4242",
            }
        )
        self._portal_user("pay-colleague", self.partner)
        self._portal_user("pay-stranger", self.env["res.partner"].create({"name": "Stranger", "is_company": True}))
        how = {"flow": "token", "token_id": card.id}
        for login in ("pay-stranger", "pay-colleague", None):
            with self.subTest(login=login):
                self._refused("owners alone|logged in|refused|Access", login=login, **how)
        self.assertFalse(self._transactions())
        self._start(login="pay-owner", **how)
        self.assertEqual(self._transactions().token_id, card)

    def test_whoever_has_the_link_saves_no_card_for_the_customer(self):
        stranger = self._portal_user("pay-stranger", self.env["res.partner"].create({"name": "S", "is_company": True}))
        self._portal_user("pay-colleague", self.partner)
        page = f"/my/invoices/{self.invoice.id}?access_token={self.invoice.access_token}"
        link = self.env["payment.link.wizard"].create(
            {"res_model": "account.move", "res_id": self.invoice.id, "amount": 100, "currency_id": 1,
             "partner_id": self.partner.id}
        ).link  # fmt: skip
        for login in ("pay-stranger", "pay-colleague", None):
            with self.subTest(login=login):
                self._refused("nothing else", login=login, is_validation=True, tokenization_requested=True)
                self._start(login=login, tokenization_requested=True)
                self.assertFalse(self._transactions().filtered("tokenize"))
                for address in (page, link):
                    self.assertNotIn("o_payment_tokenize_checkbox", self.url_open(address).text)
        self.assertFalse(stranger.partner_id.payment_token_ids)
        self.authenticate("pay-owner", "pay-owner")
        self.assertIn("o_payment_tokenize_checkbox", self.url_open(page).text)
        for flow in ("offline", "x", None):
            self._refused("nothing else", flow=flow)

    def test_only_what_is_offered_is_accepted(self):
        other = self.env["payment.method"].search([("id", "not in", self.provider.payment_method_ids.ids)], limit=1)
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        theirs = self.provider.copy({"company_id": elsewhere.id, "state": "test", "is_published": True})
        none = self.env["payment.provider"].search([("code", "=", "none")], limit=1)
        for how in (
            {"payment_method_id": other.id},
            {"provider_id": theirs.id},
            {"provider_id": none.id},
            {"provider_id": None},
        ):
            with self.subTest(how=how):
                self._refused("not offered", **how)
        self.provider.state = "disabled"
        self._refused("not offered")
        self.assertFalse(self._transactions())

    def test_after_a_returned_debit_no_other_is_shown_or_accepted(self):
        debit = self.env.ref("payment.payment_method_ach_direct_debit")
        debit.write({"provider_ids": [(4, self.provider.id)], "supported_country_ids": [(5,)]})
        debit.write({"active": True, "supported_currency_ids": [(5,)]})
        page = f"/my/invoices/{self.invoice.id}?access_token={self.invoice.access_token}"
        shown = 'data-payment-method-code="ach_direct_debit"'
        self.authenticate("pay-owner", "pay-owner")
        self.assertIn(shown, self.url_open(page).text)
        self._start(payment_method_id=debit.id)
        self._transactions().unlink()
        self.partner.call_wallet_no_debits = True
        self.assertNotIn(shown, self.url_open(page).text)
        self._refused("not offered", payment_method_id=debit.id)
        self.assertFalse(self._transactions())
        self.assertNotIn(shown, self._overdue_page())
        methods = self.env["payment.method"]
        self.assertIn(debit, methods._get_compatible_payment_methods(self.provider.ids, self.partner.id))

    def test_a_double_click_and_a_second_tab_are_one_transaction(self):
        first = self._start()
        self.assertEqual(self._start()["reference"], first["reference"])
        self.assertEqual(len(self._transactions()), 1)

    def test_a_second_tab_is_refused_once_the_invoice_is_paid(self):
        self._answer(self._start())
        self._refused("paid already")
        self.assertEqual(len(self._transactions()), 1)

    def test_no_second_payment_while_one_is_being_processed(self):
        self._answer(self._start(), "pending")
        self._refused("being processed")

    def test_after_a_decline_another_attempt_is_free(self):
        self._answer(self._start(), "error")
        self.assertBalance(self.wallet, 0)
        self._answer(self._start())
        self.assertBalance(self.wallet, 100)

    def test_a_cancelled_invoice_is_not_paid(self):
        self.invoice.button_cancel()
        self._refused("cancelled")

    def test_the_link_opens_one_invoice_and_no_other(self):
        other = self._make_wallet()
        stranger = self._portal_user("pay-stranger", other.partner_id)
        self.assertTrue(stranger)
        for token in (None, "", "wrong", other.create_topup("5").invoice_id._portal_ensure_token()):
            self._refused("access token is invalid", login="pay-stranger", token=token)
            self._refused("access token is invalid", login=None, token=token)

    def test_finance_staff_pay_on_the_customer_s_behalf(self):
        finance = new_test_user(
            self.env, login="pay-finance", password="pay-finance", groups="call_wallet.group_finance"
        )
        self._answer(self._start(login=finance.login))
        self.assertBalance(self.wallet, 100)
        self.assertEqual(self._transactions().partner_id, self.partner)

    def test_a_card_saved_by_one_owner_is_offered_to_the_other_and_to_nobody_else(self):
        second = self._portal_user("pay-second", self.partner)
        colleague = self._portal_user("pay-colleague", self.partner)
        self.assertTrue(colleague)
        self.wallet.owner_ids += second
        processing = self._start(tokenization_requested=True)
        self._answer(processing)
        token = self._transactions().token_id
        self.assertEqual(token.partner_id.commercial_partner_id, self.partner)
        another = self.wallet.create_topup("50").invoice_id
        path = f"/my/invoices/{another.id}?access_token={another._portal_ensure_token()}&payment=True"
        for login, is_offered in (("pay-second", True), ("pay-colleague", False)):
            self.authenticate(login, login)
            self.assertEqual(f'data-payment-option-id="{token.id}"' in self.url_open(path).text, is_offered, login)
        self._start(login="pay-second", invoice=another, flow="token", token_id=token.id, payment_method_id=None)
        self._call_route("/payment/status/poll", {})
        self.assertBalance(self.wallet, 150)


@pytest.mark.real_commits
def test_eight_clicks_at_once_start_one_payment(odoo_server, private_registry):
    import odoo

    with private_registry.cursor() as cr:
        env = odoo.api.Environment(cr, odoo.SUPERUSER_ID, {})
        provider = env["payment.provider"].search([("code", "=", "demo")], limit=1)
        provider.write({"state": "test", "is_published": True})
        provider.company_id.call_wallet_accept_test_payments = True
        invoice = env["call.wallet"].search([("account_ref", "=", "GLOBEX")]).create_topup("100").invoice_id
        params = {
            "provider_id": provider.id,
            "payment_method_id": provider.payment_method_ids[:1].id,
            "token_id": None,
            "amount": 100,
            "flow": "direct",
            "tokenization_requested": False,
            "landing_route": "/my",
            "access_token": invoice._portal_ensure_token(),
        }
        invoice_id = invoice.id
        cr.commit()

    def click(_number):
        answer = requests.post(
            f"{odoo_server.url}/invoice/transaction/{invoice_id}", json={"params": params}, timeout=120
        )
        return answer.json().get("result", {}).get("reference") or answer.text

    with ThreadPoolExecutor(8) as pool:
        references = set(pool.map(click, range(8)))
    assert len(references) == 1, references
    with private_registry.cursor() as cr:
        env = odoo.api.Environment(cr, odoo.SUPERUSER_ID, {})
        [transaction] = env["payment.transaction"].search([("invoice_ids", "in", [invoice_id])])
        assert Decimal(str(transaction.amount)) == 100
