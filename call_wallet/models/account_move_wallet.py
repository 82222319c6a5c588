from odoo import fields, models

from .call_wallet import FINANCE


class AccountMoveWallet(models.Model):
    """From an invoice, a credit note or a payment's entry back to the top-up it is about."""

    _inherit = "account.move"

    call_wallet_is_topup = fields.Boolean(compute="_compute_call_wallet_is_topup")

    def _compute_call_wallet_is_topup(self):
        for move in self:
            move.call_wallet_is_topup = bool(move._call_wallet_related_topups())

    def _call_wallet_related_topups(self):
        """Return the top-ups that this is the invoice, a credit note or a payment of."""
        move = self.sudo()
        paid = move.line_ids.matched_debit_ids.debit_move_id.move_id
        return (move | move.reversed_entry_id | paid).call_wallet_topup_ids

    def action_open_call_wallet_topups(self):
        """Open the top-up of this document: one on its form, several in a list."""
        self.check_access("read")
        self.ensure_one()
        topups = self._call_wallet_related_topups()
        action = self.env["ir.actions.act_window"]._for_xml_id("call_wallet.action_call_wallet_topup")
        action.update(domain=[("id", "in", topups.ids)], context={"create": False})
        if len(topups) == 1:
            action.update(res_id=topups.id, views=[(False, "form")], view_mode="form")
        return action


class CallWalletTopupPayments(models.Model):
    _inherit = "call.wallet.topup"

    def action_open_payments(self):
        """Open the payments received on the top-up's invoice, those taken back included.

        :raise AccessError: not finance staff
        """
        self.ensure_one()
        self.wallet_id._as(FINANCE)
        payments = self.invoice_id._get_reconciled_payments() | self.invoice_id.matched_payment_ids
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Payments of %s", self.display_name),
            "res_model": "account.payment",
            "views": [(False, "list"), (False, "form")],
            "domain": [("id", "in", payments.ids)],
            "context": {"create": False},
        }

    def action_open_items(self):
        """Open the journal items of the top-up's invoice and of its credit notes.

        :raise AccessError: not finance staff
        """
        self.ensure_one()
        self.wallet_id._as(FINANCE)
        moves = self.invoice_id | self.invoice_id.reversal_move_ids
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Journal Items of %s", self.display_name),
            "res_model": "account.move.line",
            "views": [(self.env.ref("account.view_move_line_tree").id, "list"), (False, "form")],
            "domain": [("move_id", "in", moves.ids)],
            "context": {"create": False},
        }

    def action_send_invoice(self):
        """Open Odoo's dialog that mails the invoice; the mail leads to the page where what is missing is paid.

        :raise AccessError: not finance staff
        :raise UserError: the invoice cannot be sent; says why
        """
        self.ensure_one()
        self.wallet_id._as(FINANCE)
        return self.invoice_id.action_send_and_print()
