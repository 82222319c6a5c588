from uuid import uuid4

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..tools.fields import ZERO, Amount


class CallWalletRefundWizard(models.TransientModel):
    """Returns funds to a wallet, for a call or in general; above the company's limit it asks for approval.

    Amounts are in the wallet's currency.
    """

    _name = "call.wallet.refund.wizard"
    _inherit = "call.wallet.dialog"
    _description = "Refund to the Wallet"

    wallet_id = fields.Many2one("call.wallet", required=True, ondelete="cascade")
    currency_id = fields.Many2one(related="wallet_id.currency_id")
    usage_id = fields.Many2one("call.usage", "Call", domain="[('wallet_id', '=', wallet_id)]")
    refundable = Amount("Refundable for this call", compute="_compute_refundable")
    amount = Amount(compute="_compute_amount", store=True, readonly=False)
    reason = fields.Char()
    needs_approval = fields.Boolean(compute="_compute_needs_approval")
    limit = Amount(compute="_compute_needs_approval")
    # Made when the dialog opens: pressing the button twice refunds once.
    request_key = fields.Char(default=lambda self: uuid4().hex, readonly=True)

    @api.depends("usage_id")
    def _compute_refundable(self):
        for wizard in self:
            wizard.refundable = (
                self.env["call.wallet.ledger"].sudo()._refundable(wizard.usage_id)[0] if wizard.usage_id else ZERO
            )

    @api.depends("usage_id")
    def _compute_amount(self):
        for wizard in self:
            wizard.amount = wizard.refundable

    @api.depends("amount", "wallet_id")
    def _compute_needs_approval(self):
        for wizard in self:
            wizard.needs_approval = wizard.wallet_id._needs_approval(wizard.amount)
            wizard.limit = wizard.wallet_id._refund_limit()

    def action_refund(self):
        """Refund and close the dialog; or ask for approval and open the request.

        :raise UserError: as ``call.wallet.refund``
        """
        self.ensure_one()
        if not self.amount:
            raise UserError(self.env._("Amount: enter more than zero."))
        asked = (self.amount, self.reason, self.usage_id or None, self.request_key)
        if not self.needs_approval:
            self.wallet_id.refund(*asked)
            return {"type": "ir.actions.act_window_close"}
        request = self.wallet_id.request_refund(*asked)
        return {
            "type": "ir.actions.act_window",
            "res_model": request._name,
            "res_id": request.id,
            "views": [(False, "form")],
        }
