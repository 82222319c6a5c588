from odoo import models


class PaymentTransactionUnused(models.Model):
    """Money that came for a top-up whose invoice does not want it any more: cancelled, or paid meanwhile."""

    _inherit = "payment.transaction"

    def _post_process(self):
        """Odoo's hook for what follows a payment's result; it may come more than once."""
        without_payment = self.filtered(lambda one: one.operation != "refund" and not one.payment_id)
        result = super()._post_process()
        self.sudo()._call_wallet_follow_refunds()
        without_payment.sudo()._call_wallet_report_unused()
        self._call_wallet_follow_auto_topups()
        self._call_wallet_close_pages_of_paid()
        return result

    def _call_wallet_report_unused(self):
        """Tell finance of payments that nothing was left to be paid with."""
        for transaction in self.filtered(lambda one: one.state == "done" and one._call_wallet_topups()):
            transaction._call_wallet_report_rest()

    def _call_wallet_report_rest(self):
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
