"""What a top-up's order and its invoice say: prices with tax included, terms of payment, the dialog."""

from datetime import UTC, datetime
from decimal import Decimal

from odoo.exceptions import UserError
from odoo.tests import Form, HttpCase, tagged

from .common import CallWalletCommon


@tagged("post_install", "-at_install", "standard")
class TestTopup(CallWalletCommon):
    def dialog(self, **values):
        return Form(self.env["call.wallet.topup.wizard"].with_context(default_wallet_id=self.wallet.id, **values))

    def test_true_is_not_an_amount(self):
        with self.assertRaisesRegex(UserError, "Amount"):
            self.wallet.create_topup(True)

    def test_the_wallet_receives_the_amount_where_prices_include_the_tax(self):
        tax = self.env["account.tax"].create(
            {"name": "VAT 21% incl", "amount": 21, "type_tax_use": "sale", "price_include_override": "tax_included"}
        )
        self.env.ref("call_wallet.product_topup").taxes_id = tax
        dialog = self.dialog()
        dialog.other_amount = 10.01
        self.assertEqual((dialog.amount, dialog.tax_amount, dialog.total_amount), (10.01, 2.10, 12.11))
        topup = self.wallet.create_topup("10.01")
        self.assertEqual((topup.tax_amount, topup.total_amount), (Decimal("2.10"), Decimal("12.11")))
        self._pay(topup.invoice_id)
        self.assertBalance(self.wallet, "10.01")

    def test_a_fiscal_position_decides_the_tax(self):
        tax = self.env["account.tax"].create({"name": "VAT 21%", "amount": 21, "type_tax_use": "sale"})
        self.env.ref("call_wallet.product_topup").taxes_id = tax
        position = self.env["account.fiscal.position"].create({"name": "Abroad"})
        self.partner.property_account_position_id = position
        topup = self.wallet.create_topup("10")
        self.assertEqual((topup.tax_amount, topup.total_amount), (0, 10))
        self.assertEqual(topup.invoice_id.fiscal_position_id, position)

    def test_a_discount_for_paying_early_is_not_offered(self):
        term = self.env["account.payment.term"].create(
            {"name": "2/7 net 30", "early_discount": True, "discount_percentage": 2, "discount_days": 7}
        )
        self.partner.property_payment_term_id = term
        topup = self.wallet.create_topup("100")
        self.assertEqual(self._pay(topup.invoice_id).amount, 100)
        self.assertBalance(self.wallet, 100)

    def test_other_terms_of_payment_are_the_customer_s(self):
        term = self.env["account.payment.term"].create({"name": "Net", "line_ids": [(0, 0, {"nb_days": 14})]})
        self.partner.property_payment_term_id = term
        self.assertEqual(self.wallet.create_topup("100").invoice_id.invoice_payment_term_id, term)

    def test_the_invoice_names_the_account_and_the_terms(self):
        topup = self.wallet.create_topup("100")
        invoice = topup.invoice_id
        self.assertEqual((invoice.move_type, invoice.state), ("out_invoice", "posted"))
        self.assertEqual(invoice.partner_id, self.partner)
        self.assertEqual((invoice.currency_id, invoice.company_id), (self.dollar, self.company))
        self.assertIn(self.wallet.account_ref, invoice.narration)
        self.assertIn(f"version {topup.terms_id.version}", invoice.narration)

    def test_a_branch_invoices_to_the_account_of_its_company(self):
        company = self.env["res.company"].create({"name": "Head office"})
        self.env["account.chart.template"].try_loading("generic_coa", company, install_demo=False)
        branch = self.env["res.company"].create({"name": "Branch", "parent_id": company.id})
        self.env.cr.precommit.run()  # where Odoo gives a branch its books
        wallet = self._make_wallet(company_id=branch.id)
        line = wallet.create_topup("100").invoice_id.invoice_line_ids
        self.assertEqual((line.company_id, line.account_id), (branch, company.call_wallet_deposit_account_id))

    def test_pressing_request_invoice_twice_orders_once(self):
        dialog = self.dialog()
        dialog.accept_terms = True
        wizard = dialog.save()
        first, second = wizard.action_request_invoice(), wizard.action_request_invoice()
        self.assertEqual(first["res_id"], second["res_id"])
        self.assertEqual(len(self.wallet.topup_ids), 1)

    def test_the_request_says_where_and_when_the_terms_were_accepted(self):
        before = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
        topup = self.wallet.create_topup("100")
        self.assertLessEqual(before, topup.accepted_at)
        self.assertFalse(topup.accepted_from)
        self.assertEqual(len(topup.terms_id.fingerprint), 64)
        self.assertIn("invoiced and non-refundable", topup.terms_id.body)


@tagged("post_install", "-at_install", "standard")
class TestTopupRequest(CallWalletCommon, HttpCase):
    def test_the_address_from_which_terms_were_accepted_is_kept(self):
        finance = self._make_user("topup-http", "finance")
        self.authenticate(finance.login, finance.login)
        answer = self.make_jsonrpc_request(
            "/web/dataset/call_kw/call.wallet/create_topup",
            {"model": "call.wallet", "method": "create_topup", "args": [[self.wallet.id], "20"], "kwargs": {}},
        )
        topup = self.env["call.wallet.topup"].browse(answer)
        self.assertEqual((topup.accepted_from, topup.requested_by_id), ("127.0.0.1", finance))
