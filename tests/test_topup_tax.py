"""VAT on top-ups: invoiced by the product's taxes and the fiscal position; the wallet receives the net amount."""

from decimal import Decimal
from itertools import count

from odoo.tests import tagged

from .common import CallWalletCommon

NUMBERS = count(1)


@tagged("post_install", "-at_install", "standard")
class TestTopupTax(CallWalletCommon):
    def tax(self, amount=21, include="tax_excluded"):
        return self.env["account.tax"].create(
            {
                "name": f"VAT {amount} {include} {next(NUMBERS)}",
                "amount": amount,
                "type_tax_use": "sale",
                "price_include_override": include,
            }
        )

    def order(self, tax, amount="100"):
        self.env.ref("call_wallet.product_topup").taxes_id = tax
        return self.wallet.create_topup(amount)

    def assertTaxed(self, topup, net, tax):
        """The order, its invoice and, when it is paid, the wallet say the same."""
        invoice = topup.invoice_id
        self.assertEqual((topup.amount, topup.tax_amount, topup.total_amount), (net, tax, net + tax))
        self.assertEqual((invoice.amount_untaxed, invoice.amount_tax), (float(net), float(tax)))
        deposit = self.company.call_wallet_deposit_account_id
        # A tax without an account of its own is booked beside what it is on.
        deposits = invoice.line_ids.filtered(lambda line: line.account_id == deposit and not line.tax_line_id)
        self.assertEqual(sum(deposits.mapped("credit")), float(net))
        before = self.wallet.balance
        self._pay(invoice)
        self.assertBalance(self.wallet, before + net)
        self.assertEqual(self.wallet.transaction_ids[0].amount, net)

    def test_tax_on_top_and_tax_included_credit_the_net_amount(self):
        self.assertTaxed(self.order(self.tax()), Decimal(100), Decimal(21))
        self.assertTaxed(self.order(self.tax(include="tax_included")), Decimal(100), Decimal(21))
        self.assertTaxed(self.order(self.tax() | self.tax(5)), Decimal(100), Decimal(26))

    def test_the_fiscal_position_maps_the_tax(self):
        domestic = self.tax()
        position = self.env["account.fiscal.position"].create({"name": "Reduced"})
        reduced = self.tax(9)
        reduced.write({"fiscal_position_ids": position.ids, "original_tax_ids": domestic.ids})
        self.partner.property_account_position_id = position
        topup = self.order(domestic)
        self.assertEqual(topup.invoice_id.invoice_line_ids.tax_ids, reduced)
        self.assertTaxed(topup, Decimal(100), Decimal(9))

    def test_without_taxes_the_whole_amount_is_credited(self):
        self.assertTaxed(self.order(self.env["account.tax"]), Decimal(100), Decimal(0))

    def test_part_of_the_total_credits_its_net_part(self):
        topup = self.order(self.tax())
        self._pay(topup.invoice_id, amount=60.5)
        self.assertBalance(self.wallet, 50)

    def test_usage_is_charged_and_refunded_without_tax(self):
        self._pay(self.order(self.tax()).invoice_id)
        call = self._call(duration_seconds=6000)
        self.assertEqual(self._record(call)["total_cost"], "1.250000")
        self.wallet.refund("1.25", "Bad line", usage=self._usage_of(call))
        self.assertBalance(self.wallet, 100)
