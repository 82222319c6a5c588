from odoo import api, fields, models
from odoo.exceptions import UserError

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
        a payment reset to draft, an invoice cancelled, a credit note posted.

        :raise UserError: a top-up's invoice would get another customer or currency
        """
        self._call_wallet_refuse_other(vals)
        result = super().write(vals)
        if "state" in vals:
            self._call_wallet_affected()._sync()
        return result

    def _call_wallet_refuse_other(self, vals):
        fixed = {"partner_id", "currency_id"} & vals.keys()
        if not fixed:
            return
        for move in self.sudo():
            if move.call_wallet_topup_ids and any(move[name].id != vals[name] for name in fixed):
                raise UserError(
                    self.env._(
                        "%s is the invoice of a call wallet top-up: its customer and currency are the wallet's. "
                        "Cancel it and add the balance to another wallet instead.",
                        move.display_name,
                    )
                )

    @api.ondelete(at_uninstall=False)
    def _call_wallet_refuse_topup(self):
        if self.sudo().call_wallet_topup_ids:
            raise UserError(self.env._("The invoice of a call wallet top-up is not deleted. Cancel it instead."))

    def _call_wallet_affected(self):
        """Return the top-ups whose invoice, credit note or payment is among these moves."""
        moves = self.sudo()
        paid = moves.line_ids.matched_debit_ids.debit_move_id.move_id
        return (moves | moves.reversed_entry_id | paid).call_wallet_topup_ids
