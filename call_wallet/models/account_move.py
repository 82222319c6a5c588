from odoo import api, fields, models
from odoo.exceptions import UserError

from ..fields import ZERO
from .call_wallet import FINANCE_MANAGER
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
                is_paid = move.payment_state in ("paid", "in_payment") and not move._call_wallet_lost_payment()
                move.call_wallet_status = "paid" if is_paid else "pending"

    def write(self, vals):
        """Keep what the wallets rest on, and bring top-ups to their level.

        A change of state can pay or un-pay a top-up without any reconciliation changing:
        a payment reset to draft, an invoice cancelled, a credit note posted.

        :raise UserError: a top-up's invoice would get another customer or currency, or be reset under a payment or a
            credit note; an entry of the posting would change
        """
        self._call_wallet_refuse_entry_change(vals)
        self._call_wallet_refuse_other(vals)
        if vals.get("state") in ("draft", "cancel"):
            self._call_wallet_refuse_while_paying()
            self._call_wallet_refuse_credited()
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

    def _call_wallet_lost_payment(self):
        """Tell whether a payment of this invoice has bounced: Odoo calls the invoice paid all the same."""
        topup = self.sudo().call_wallet_topup_ids
        if all(topup.mapped(lambda order: order.credited_amount >= order.amount)):
            return False
        payments = self.sudo()._get_reconciled_payments()
        return any(payment.state in ("draft", "rejected", "canceled") for payment in payments)

    def _call_wallet_refuse_while_paying(self):
        for move in self.sudo().filtered("call_wallet_topup_ids"):
            if move.transaction_ids.filtered("call_wallet_is_under_way"):
                raise UserError(
                    self.env._(
                        "A payment of %s is being processed. Wait for its result, then cancel; "
                        "what arrives is credited.",
                        move.display_name,
                    )
                )

    def _post(self, soft=True):
        """Odoo's hook for posting: check what documents do to wallets' funds, and note what they say of them.

        :raise UserError: a credit note would take back funds of a top-up that are used already, or more than are
            left; funds that no top-up would be credited with or lose
        """
        documents = self.sudo()
        documents._call_wallet_note_wallets()
        documents._call_wallet_refuse_stray()
        documents._call_wallet_refuse_excess()
        if not (self.env.su or self.env.user.has_group(FINANCE_MANAGER)):
            self._call_wallet_refuse_spent()
        posted = super()._post(soft)
        posted.sudo()._call_wallet_keep_billed_to()
        return posted

    def _call_wallet_refuse_spent(self):
        for note in self.sudo().filtered(lambda move: move.move_type == "out_refund"):
            for topup in note.reversed_entry_id.call_wallet_topup_ids:
                left = topup.amount - topup._credit_notes() - note._call_wallet_net()
                debit = topup.credited_amount - max(left, ZERO)
                if debit > topup.wallet_id.available_balance:
                    raise UserError(
                        self.env._(
                            "%(note)s takes back funds that are used already: %(left)s of the balance is available. "
                            "A finance manager may post it all the same.",
                            note=note.display_name,
                            left=topup.wallet_id._exactly(topup.wallet_id.available_balance),
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
