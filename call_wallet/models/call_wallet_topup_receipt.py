from odoo import fields, models


class CallWalletTopupReceipt(models.Model):
    """What shows that a top-up was paid, and what is left of it to pay."""

    _inherit = "call.wallet.topup"

    receipt_url = fields.Char(
        "Receipt",
        compute="_compute_receipt_url",
        help="The payment provider's own receipt, else the address of Odoo's payment receipt; empty while nothing "
        "was received, or where a bank statement alone shows it.",
    )

    def _compute_receipt_url(self):
        for topup in self:
            own = topup._provider_receipt()
            path = f"/my/billing/{topup.wallet_id.id}/receipt/{topup.id}"
            topup.receipt_url = own or (topup._receipt_payments() and path) or False

    def _provider_receipt(self):
        """Return the address of the provider's receipt of the last payment that it received."""
        done = self.sudo().invoice_id.transaction_ids.filtered(
            lambda transaction: transaction.state == "done" and transaction.operation != "refund"
        )
        last = done.sorted("id")[-1:]
        return last["call_wallet_receipt_url"] if "call_wallet_receipt_url" in last._fields else False

    def _receipt_payments(self):
        """Return the payments of which Odoo prints a receipt."""
        payments = self.sudo().invoice_id.reconciled_payment_ids
        return payments.filtered(lambda payment: payment.state in ("in_process", "paid"))
