from odoo import api, fields, models

from .call_wallet_topup import INVOICE_STATUSES


class AccountMove(models.Model):
    _inherit = "account.move"

    call_wallet_topup_ids = fields.One2many("call.wallet.topup", "invoice_id", "Call Wallet Top-ups", readonly=True)
    call_wallet_status = fields.Selection(
        INVOICE_STATUSES,
        "Top-up Status",
        compute="_compute_call_wallet_status",
        help="How a top-up's invoice is shown to the customer; empty for a draft.",
    )

    @api.depends("state", "payment_state")
    def _compute_call_wallet_status(self):
        for move in self:
            if move.state == "cancel" or move.payment_state == "reversed":
                move.call_wallet_status = "cancelled"
            elif move.state == "draft":
                move.call_wallet_status = False
            else:
                is_paid = move.payment_state in ("paid", "in_payment")
                move.call_wallet_status = "paid" if is_paid else "pending"

    def write(self, vals):
        """A change of state can pay or un-pay a top-up without any reconciliation changing:
        a payment reset to draft, an invoice cancelled, a credit note posted."""
        result = super().write(vals)
        if "state" in vals:
            self._call_wallet_affected()._sync()
        return result

    def _call_wallet_affected(self):
        """Return the top-ups whose invoice, credit note or payment is among these moves."""
        moves = self.sudo()
        paid = moves.line_ids.matched_debit_ids.debit_move_id.move_id
        return (moves | moves.reversed_entry_id | paid).call_wallet_topup_ids
