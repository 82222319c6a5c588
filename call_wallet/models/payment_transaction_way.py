from datetime import timedelta

from odoo import api, fields, models


class PaymentTransactionWay(models.Model):
    """How far the payment of a top-up has come."""

    _inherit = "payment.transaction"

    call_wallet_is_under_way = fields.Boolean(compute="_compute_call_wallet_is_under_way")

    @api.depends("state", "is_post_processed", "operation", "provider_code")
    def _compute_call_wallet_is_under_way(self):
        """Money may be on its way: a second payment has to wait. A bank transfer is nobody's debit yet."""
        for transaction in self:
            is_open = transaction.state in ("pending", "authorized") and transaction.provider_code not in (
                "none",
                "custom",
            )
            is_unprocessed = transaction.state == "done" and not transaction.is_post_processed
            transaction.call_wallet_is_under_way = transaction.operation != "refund" and (is_open or is_unprocessed)

    def _call_wallet_is_recent(self, minutes):
        return self.create_date > fields.Datetime.now() - timedelta(minutes=minutes)
