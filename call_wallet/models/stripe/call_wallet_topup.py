import logging

import stripe
from odoo import models

from .call_wallet_stripe_customer import CURRENCY

_logger = logging.getLogger(__name__)


class CallWalletTopupFunding(models.Model):
    _inherit = "call.wallet.topup"

    def _bank_instructions_stripe(self):
        """Return where to send a bank transfer for this top-up, through Stripe: rows of (label, value).

        Empty where the company has no Stripe provider with bank transfers, the top-up is in another
        currency, or is paid or cancelled. The account number is the customer's own: what arrives
        there is used for his open top-ups.
        """
        self.ensure_one()
        topup = self.sudo()
        invoice = topup.invoice_id
        is_open = invoice.state == "posted" and not invoice.currency_id.is_zero(invoice.amount_residual)
        if not is_open or topup.currency_id.name != CURRENCY:
            return []
        provider = topup._provider_of_transfers()
        if not provider:
            return []
        try:
            addresses = topup.env["call.wallet.stripe.customer"]._of(provider, topup.partner_id)._funding()
        except stripe.StripeError:  # the invoice can be paid in other ways
            _logger.warning("Stripe gave no bank details for %s.", topup.display_name, exc_info=True)
            return []
        return topup._funding_rows(addresses)

    def _provider_of_transfers(self):
        providers = self.env["payment.provider"].search(
            [
                ("code", "=", "stripe"),
                ("company_id", "=", self.company_id.id),
                ("state", "!=", "disabled"),
                ("call_wallet_bank_transfer", "=", True),
            ]
        )
        return providers.filtered(lambda provider: not provider._call_wallet_refusal())[:1]

    def _funding_rows(self, addresses):
        _ = self.env._
        address = next((item for item in addresses if item["type"] == "aba"), addresses[0])
        details = address[address["type"]]
        labels = [
            ("account_holder_name", _("Beneficiary")),
            ("bank_name", _("Bank")),
            ("routing_number", _("Routing number (ABA)")),
            ("account_number", _("Account number")),
            ("account_type", _("Account type")),
        ]
        rows = [(label, details[name]) for name, label in labels if details.get(name)]
        swift = next((item["swift"] for item in addresses if item["type"] == "swift"), None)
        if swift:
            rows.append((_("SWIFT code, from abroad"), swift["swift_code"]))
        return [*rows, (_("Payment reference"), self.invoice_id.payment_reference or self.invoice_id.name)]
