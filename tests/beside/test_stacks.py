"""Beside shop, sales, CRM, staff, stock, loyalty and mailings: what is theirs stays theirs, on the website as well.

Run by `make peers ARGS=stacks`, on a database in which those addons are installed.
"""

from decimal import Decimal

from odoo import Command
from odoo.tests import tagged

from ..browser import BrowserCase
from ..common import CallWalletCommon
from ..test_portal_topup import TopupPageCommon
from ..test_portal_tour import PAY_BY_CARD


@tagged("post_install", "-at_install", "standard")
class TestLoyalty(CallWalletCommon):
    """Loyalty has wallets of its own, eWallets: they pay orders, and neither knows the other."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.fifty = cls.env.ref("loyalty.ewallet_product_50")
        values = cls.env["loyalty.program"]._get_template_values()["ewallet"]
        cls.program = cls.env["loyalty.program"].create({"name": "eWallet", **values})
        cls.program.trigger_product_ids = cls.fifty
        cls.card = cls.env["loyalty.card"].create(
            {"program_id": cls.program.id, "partner_id": cls.partner.id, "points": 70}
        )

    def _sell(self, product):
        order = self.env["sale.order"].create(
            {"partner_id": self.partner.id, "order_line": [Command.create({"product_id": product.id})]}
        )
        order._update_programs_and_rewards()
        order.action_confirm()
        invoice = order._create_invoices()
        invoice.action_post()
        self._pay(invoice)
        self.env.invalidate_all()
        return invoice

    def test_a_top_up_takes_and_earns_nothing_of_an_ewallet(self):
        topup = self._fund(self.wallet, "100", by="topup")
        self.env.invalidate_all()
        self.assertEqual((topup.invoice_id.amount_total, self.wallet.balance), (100, 100))
        self.assertEqual(self.env["loyalty.card"].search([("partner_id", "=", self.partner.id)]).points, 70)

    def test_an_ewallet_that_is_filled_credits_no_call_wallet(self):
        invoice = self._sell(self.fifty)
        self.assertEqual((invoice.payment_state, self.wallet.balance), ("paid", 0))
        deposits = self.company.call_wallet_deposit_account_id
        self.assertNotIn(deposits, invoice.line_ids.account_id)
        self.assertEqual(self.card.points, 120)
        self.assertEqual(self.env["call.wallet"].check_invariants(self.wallet), [])

    def test_no_program_offers_or_sells_the_product_of_top_ups(self):
        product = self.env.ref("call_wallet.product_topup")
        self.assertFalse(product.sale_ok)
        reward = self.program.reward_ids
        self.assertNotEqual(reward.discount_line_product_id, product)
        self.assertNotIn(product, self.env["product.product"].search([("is_published", "=", True)]))


@tagged("post_install", "-at_install", "standard")
class TestWebsite(BrowserCase, TopupPageCommon):
    """The portal is part of the website: header, footer, and several of them."""

    def test_billing_has_the_websites_header_and_works_in_it(self):
        self._on_portal(
            "/my/billing",
            PAY_BY_CARD
            + """
            await see("the website's header", () => $("header#top"));
            await click(".o_call_wallet_add_balance");
            await click("#o_accept_terms");
            await click(".o_call_wallet_request");
            await seeText(".modal [data-pay=due]", "$ 100.00");
            await payByCard("done");
            await seeText("[data-result=paid]", "$ 100.00 was added");
            await seeText("[data-figure=balance]", "$ 100.00");
            """,
            "portal-owner",
        )
        self.env.invalidate_all()
        self.assertEqual(self.wallet.balance, Decimal(100))
        self.assertEqual(self.env["call.wallet"].check_invariants(self.wallet), [])

    def test_the_pages_are_for_everybody_in_the_websites_layout(self):
        self._fund(self.wallet, "50", by="topup")
        self.assertAccessible("portal-owner", "/my/billing", self.path("add"), self.path("transactions"))

    def test_on_a_second_website_of_another_company_the_wallet_is_the_same(self):
        """A website has a company of its own; a wallet keeps its company's money, packages and providers."""
        self._fund(self.wallet, "50", by="topup")
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        site = self.env["website"].create({"name": "Second", "company_id": elsewhere.id, "domain": self.base_url()})
        self.authenticate("portal-owner", "portal-owner")
        page = self.url_open("/my/billing")
        self.assertEqual(page.status_code, 200)
        self.assertIn(f'data-website-id="{site.id}"', page.text)
        self.assertIn("50.00", page.text)
        answer = self.post("portal-owner", self.path("add"), self._form())
        topup = self.wallet.topup_ids.sorted("id")[-1]
        self.assertEqual((answer.status_code, topup.invoice_id.company_id), (303, self.company))
        paid = self.url_open(answer.headers["Location"])
        self.assertIn('data-provider-code="demo"', paid.text)
