from odoo import models


class PaymentTransactionUnused(models.Model):
    """Money that came for a top-up whose invoice does not want it any more: cancelled, or paid meanwhile."""

    _inherit = "payment.transaction"

    def _post_process(self):
        """Tell finance of a payment that is left over; Odoo's hook for what follows a payment's result."""
        unpaid = self.filtered(lambda transaction: transaction.operation != "refund" and not transaction.payment_id)
        result = super()._post_process()
        for transaction in unpaid.sudo().filtered(lambda one: one.state == "done" and one._call_wallet_topups()):
            transaction._call_wallet_report_unused()
        return result

    def _call_wallet_report_unused(self):
        lines = self.payment_id.move_id.line_ids.filtered(
            lambda line: line.account_id.account_type == "asset_receivable" and not line.reconciled
        )
        left = -sum(lines.mapped("amount_residual_currency"))
        if self.currency_id.compare_amounts(left, 0) <= 0:
            return
        invoices = self.invoice_ids
        self._call_wallet_topups().wallet_id[:1]._tell_finance(
            self.env._("Payment %s is left over", self.reference),
            self.env._(
                "%(amount)s was received for %(invoices)s, which was cancelled or paid before. It is the customer's "
                "outstanding credit: use it for the next top-up, or refund the payment.",
                amount=self.currency_id.format(left),
                invoices=", ".join(invoices.mapped("name")),
            ),
        )
