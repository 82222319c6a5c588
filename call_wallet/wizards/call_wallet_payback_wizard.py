from decimal import ROUND_DOWN
from uuid import uuid4

from odoo import api, fields, models

from ..tools.fields import ZERO, Amount, parse_amount
from ..tools.money import to_coins


class CallWalletPaybackWizard(models.TransientModel):
    """Asks how much of a top-up is paid back, and shows what follows. Amounts are in the wallet's currency."""

    _name = "call.wallet.payback.wizard"
    _inherit = "call.wallet.dialog"
    _description = "Pay Back a Top-up"

    topup_id = fields.Many2one("call.wallet.topup", required=True, readonly=True, ondelete="cascade")
    wallet_id = fields.Many2one(related="topup_id.wallet_id")
    currency_id = fields.Many2one(related="topup_id.currency_id")
    left_amount = Amount("Left of the Top-up", related="topup_id.credited_amount")
    available_balance = Amount("Available Balance", related="wallet_id.available_balance")
    amount = Amount(compute="_compute_amount", store=True, readonly=False, help="Net of tax.")
    allow_negative = fields.Boolean("Pay back funds that were used", help="The balance may go below zero.")
    total_amount = Amount("Tax included", compute="_compute_summary")
    balance_after = Amount("Balance Afterwards", compute="_compute_summary")
    by_provider = fields.Char("Sent Back By", compute="_compute_summary")
    reason = fields.Char()
    # Made when the dialog opens: pressing the button twice pays back once.
    request_key = fields.Char(default=lambda self: uuid4().hex, readonly=True)

    @api.depends("topup_id")
    def _compute_amount(self):
        for wizard in self:
            available = max(min(wizard.left_amount, wizard.available_balance), ZERO)
            # Fractions of a coin cannot be paid.
            wizard.amount = to_coins(available, wizard.currency_id, ROUND_DOWN)

    @api.depends("amount", "topup_id")
    def _compute_summary(self):
        for wizard in self:
            topup = wizard.topup_id.sudo()
            invoice = topup.invoice_id
            net = parse_amount(invoice.amount_untaxed)
            total = wizard.amount * parse_amount(invoice.amount_total) / net if net else wizard.amount
            wizard.total_amount = to_coins(total, wizard.currency_id)
            wizard.balance_after = wizard.wallet_id.balance - wizard.amount
            source = topup._refundable_transaction(float(wizard.total_amount))
            wizard.by_provider = source.provider_id.name or self.env._("Bank transfer by finance")

    def action_pay_back(self):
        """Pay back and open the credit note.

        :raise UserError: as ``call.wallet.topup.pay_back``
        """
        self.ensure_one()
        note = self.topup_id.pay_back(self.amount, self.reason, self.request_key, allow_negative=self.allow_negative)
        if note.state == "cancel":
            return self._tell_refused(note)
        return {
            "type": "ir.actions.act_window",
            "res_model": "account.move",
            "res_id": note.id,
            "views": [(self.env.ref("account.view_move_form").id, "form")],
        }

    def _tell_refused(self, note):
        reason = note.sudo().call_wallet_refund_ids[:1].state_message
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "danger",
                "sticky": True,
                "title": self.env._("The provider did not send the money back"),
                "message": self.env._("%s The funds are in the wallet again.", reason or ""),
                "next": {"type": "ir.actions.act_window_close"},
            },
        }
