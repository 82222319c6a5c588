from odoo import models

from ...tools.fields import parse_amount
from ..topup.call_wallet_topup_story import Event


class CallWalletTopupFunding(models.Model):
    _inherit = "call.wallet.topup"

    def _bank_instructions_stripe(self):
        """Return where to send a bank transfer for this top-up, through Stripe: rows of (label, value).

        Empty where the company has no Stripe provider with bank transfers, the top-up is in another
        currency, or is paid or cancelled. The account number is the customer's own: what arrives
        there is used for the customer's open top-ups.
        """
        self.ensure_one()
        topup = self.sudo()
        invoice = topup.invoice_id
        if invoice.state != "posted" or invoice.currency_id.is_zero(invoice.amount_residual):
            return []
        addresses = self.env["call.wallet.stripe.customer"].sudo()._bank_details(topup.wallet_id)
        return topup._funding_rows(addresses) if addresses else []

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

    def _stripe_story(self):
        """Return the events of the top-up's story that banks have caused: disputes and returned debits."""
        _ = self.env._
        payments = self.invoice_id.transaction_ids
        taken = self.env["call.wallet.stripe.return"].search([("transaction_id", "in", payments.ids)], order="id")
        events = []
        for one in taken:
            status = f"{one.reason or ''} ({one.status or ''})".strip()
            is_dispute = one.kind == "dispute"
            title = _("Disputed by the customer") if is_dispute else _("Debit returned by the customer's bank")
            amount = parse_amount(one.amount)
            events.append(
                Event("disputed", title, at=self._at(one.create_date), amount=amount, detail=status, about=one)
            )
        return events
