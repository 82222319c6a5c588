"""What a link to an invoice, a colleague and a cache get of a wallet's payments, cards and figures: nothing."""

import json

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .stripe_case import StripeFakeCase


@tagged("post_install", "-at_install", "standard")
class TestKeptFromOthers(StripeFakeCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = cls._make_user("kept-manager", "account_manager")
        cls.clerk = cls._make_user("kept-clerk", "finance")

    # === WHOEVER HAS AN INVOICE'S LINK === #

    @mute_logger("odoo.http")
    def test_a_link_ends_no_payment_that_an_owner_has_begun(self):
        self._log_in_as_owner()
        topup = self.wallet.create_topup("100")
        owner_s, session = self._pay_by_page(topup)
        self.authenticate(None, None)
        answer = self._ask_to_pay(topup)
        self.assertIn("Somebody else is paying", answer["error"]["data"]["message"])
        self.assertEqual(owner_s.state, "draft")
        self.assertEqual(self.fake.store.get("checkout.session", session)["status"], "open")
        # A page left lying keeps nobody from paying for long: it was opened an hour ago.
        self.env.cr.execute(
            "UPDATE payment_transaction SET create_date = create_date - interval '61 minutes' WHERE id = %s",
            [owner_s.id],
        )
        self.env.invalidate_all()
        self.assertNotIn("error", self._ask_to_pay(topup))

    def test_an_owner_ends_what_was_begun_by_a_link(self):
        topup = self.wallet.create_topup("100")
        stranger_s, _session = self._pay_by_page(topup)
        self._log_in_as_owner()
        self._pay_by_page(topup)
        self.assertEqual(stranger_s.state, "cancel")

    @mute_logger("odoo.http")
    def test_a_link_lets_finance_of_another_company_charge_no_saved_card(self):
        topup, card = self.wallet.create_topup("100"), self._save_card()
        other = self.env["res.company"].create({"name": "Elsewhere"})
        self.clerk.write({"company_ids": [(6, 0, other.ids)], "company_id": other.id})
        self.authenticate("kept-clerk", "kept-clerk")
        answer = self._ask_to_pay(topup, flow="token", token_id=card.id)
        self.assertIn("charged by the wallet's owners alone", answer["error"]["data"]["message"])
        self.assertFalse(topup.invoice_id.transaction_ids)

    def _ask_to_pay(self, topup, **values):
        params = {
            "access_token": topup.invoice_id._portal_ensure_token(),
            "provider_id": self.stripe.id,
            "payment_method_id": self.card.id,
            "token_id": None,
            "amount": topup.invoice_id.amount_residual,
            "flow": "redirect",
            "tokenization_requested": False,
            "landing_route": topup.invoice_id.get_portal_url(),
            **values,
        }
        body = json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}).encode()
        headers = {"Content-Type": "application/json"}
        return self.url_open(f"/invoice/transaction/{topup.invoice_id.id}", data=body, headers=headers).json()

    # === COLLEAGUES === #

    def test_a_card_that_a_colleague_saved_elsewhere_is_that_person_s_alone(self):
        self._log_in_as_owner()
        owner = self.wallet.owner_ids
        colleague = self.env["res.partner"].create({"name": "Cole Colleague", "parent_id": self.partner.id})
        company_s, own, private = (self._save_card(partner=one) for one in (self.partner, owner.partner_id, colleague))
        wallet = self.wallet.with_user(owner)
        self.assertEqual(wallet._payment_tokens(), company_s | own)
        self.assertEqual(self.wallet.with_user(self.clerk)._payment_tokens(), company_s)
        with self.assertRaisesRegex(UserError, "Card: choose one of the saved cards"):
            wallet.set_auto_topup(
                True, level="10", amount="50", monthly_cap="500", token_id=private.id, accept_mandate=True
            )
        with self.assertRaisesRegex(UserError, "not saved any more"):
            wallet.remove_payment_token(private.id)
        # One saved with a top-up's payment is for the wallet; the first payment of a card is what it was saved with.
        self._save_for(self.wallet, private)
        self.assertIn(private, wallet._payment_tokens())
        elsewhere = self._save_card(partner=colleague)
        self.env["payment.transaction"].create(
            {
                "provider_id": self.stripe.id,
                "payment_method_id": self.card.id,
                "amount": 5,
                "currency_id": self.dollar.id,
                "partner_id": colleague.id,
                "token_id": elsewhere.id,
            }
        )
        self._save_for(self.wallet, elsewhere)
        self.assertNotIn(elsewhere, wallet._payment_tokens())

    def test_account_managers_move_no_recipient_to_another_wallet(self):
        other = self._make_wallet()
        recipient = self.wallet.recipient_ids.with_user(self.manager)
        with self.assertRaisesRegex(UserError, "stays with its wallet"):
            recipient.wallet_id = other
        recipient.write({"wallet_id": self.wallet.id, "email": "new@initrode.example"})
        self.assertEqual(self.wallet.recipient_ids.mapped("email"), ["new@initrode.example"])
        self.assertEqual((len(self.wallet.recipient_ids), len(other.recipient_ids)), (1, 1))

    def test_owners_and_account_managers_see_no_network_address(self):
        self._log_in_as_owner()
        topup = self.wallet.create_topup("100")
        topup.write({"accepted_from": "192.0.2.7", "accepted_with": "Browser"})
        for user in (self.wallet.owner_ids, self.manager):
            for name in ("accepted_from", "accepted_with"):
                with self.subTest(user=user.login, name=name), self.assertRaises(AccessError):
                    topup.with_user(user).read([name])
                with self.assertRaises(AccessError):
                    topup.with_user(user).search([(name, "=", "192.0.2.7")])
        self.assertEqual(topup.with_user(self.clerk).accepted_from, "192.0.2.7")

    def test_what_a_payment_costs_the_seller_is_no_business_of_the_owners(self):
        self._log_in_as_owner()
        topup = self.wallet.create_topup("100")
        with self.assertRaises(AccessError):
            topup.with_user(self.wallet.owner_ids).read(["fee_amount"])
        self.assertEqual(topup.with_user(self.manager).fee_amount, 0)

    # === CACHES === #

    def test_no_cache_keeps_what_is_about_money(self):
        self._log_in_as_owner()
        topup = self._fund(self.wallet, "50", by="topup")
        link = topup.invoice_id.get_portal_url()
        wallet = self.wallet.id
        for path in (
            "/my",
            "/my/billing",
            f"/my/billing/{wallet}/transactions",
            f"/my/billing/{wallet}/add",
            f"/my/billing/{wallet}/receipt/{topup.id}",
            f"/my/billing/{wallet}/receipt/0",
            f"/call_wallet/usage_report/{wallet}?format=csv",
            f"/call_wallet/usage_report/{wallet}?format=xlsx",
            link,
            f"{link}&report_type=html",
            f"{link}&report_type=pdf&download=true",
            "/my/invoices",
            "/my/invoices/page/2",
            "/my/payment_method",
        ):
            with self.subTest(path=path):
                answer = self.url_open(path)
                expected = 404 if path.endswith("/0") else 200
                self.assertEqual(answer.status_code, expected)
                if expected == 200:
                    self.assertEqual(answer.headers.get("Cache-Control"), "no-store")
        for path in (f"/my/billing/{wallet}/live", "/my/billing/banner", f"/my/billing/{wallet}/add/quote"):
            with self.subTest(path=path):
                answer = self.url_open(path, data="{}", headers={"Content-Type": "application/json"})
                self.assertEqual(answer.headers.get("Cache-Control"), "no-store")
        # What is not ours is left as Odoo has it.
        other = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.partner.id,
                "invoice_line_ids": [(0, 0, {"name": "Advert", "price_unit": 10})],
            }
        )
        other.action_post()
        self.assertNotEqual(self.url_open(other.get_portal_url()).headers.get("Cache-Control"), "no-store")
