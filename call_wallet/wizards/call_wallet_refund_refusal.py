from odoo import fields, models


class CallWalletRefundRefusal(models.TransientModel):
    """Asks for the reason before a refund is refused."""

    _name = "call.wallet.refund.refusal"
    _description = "Refuse a Refund"

    request_id = fields.Many2one("call.wallet.refund.request", required=True, ondelete="cascade")
    reason = fields.Char(required=True, help="Kept with the request, for the person who asked.")

    def action_refuse(self):
        """Refuse, and close the dialog.

        :raise UserError: as ``call.wallet.refund.request.action_refuse``
        """
        self.ensure_one()
        self.request_id.action_refuse(self.reason)
        return {"type": "ir.actions.act_window_close"}
