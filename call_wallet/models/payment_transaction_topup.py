from odoo import api, models
from odoo.exceptions import ValidationError


class PaymentTransactionTopup(models.Model):
    """Payments of top-ups are made with providers that may take them, whoever asks."""

    _inherit = "payment.transaction"

    @api.model_create_multi
    def create(self, vals_list):
        transactions = super().create(vals_list)
        transactions._call_wallet_tie_to_note()
        transactions._call_wallet_refuse_provider()
        return transactions

    def _call_wallet_refuse_provider(self):
        for transaction in self:
            if transaction.operation != "refund" and transaction._call_wallet_topups():
                refusal = transaction.provider_id._call_wallet_refusal()
                if refusal:
                    raise ValidationError(refusal)

    def _call_wallet_topups(self):
        """Return the top-ups (as superuser) that these transactions pay, or pay back."""
        transactions = self.sudo()
        invoices = transactions.invoice_ids | transactions.source_transaction_id.invoice_ids
        return (invoices | invoices.reversed_entry_id).call_wallet_topup_ids
