from odoo import fields, models

from ..tools.fields import Amount


class CallWalletSettlementWizard(models.TransientModel):
    """Asks what becomes of what was settled without funds on a top-up's invoice. Amounts are in its currency."""

    _name = "call.wallet.settlement.wizard"
    _inherit = "call.wallet.dialog"
    _description = "Settled Without Funds"

    topup_id = fields.Many2one("call.wallet.topup", "Top-up", required=True, readonly=True, ondelete="cascade")
    currency_id = fields.Many2one(related="topup_id.currency_id")
    unfunded_amount = Amount("Settled Without Funds", related="topup_id.unfunded_amount")
    reason = fields.Char()

    def action_count(self):
        """Count it as received.

        :raise UserError: as ``call.wallet.topup.count_settlement``
        """
        self.ensure_one()
        self.topup_id.count_settlement(self.reason)
        return {"type": "ir.actions.act_window_close"}

    def action_release(self):
        """Release it.

        :raise UserError: as ``call.wallet.topup.release_unfunded``
        """
        self.ensure_one()
        self.topup_id.release_unfunded(self.reason)
        return {"type": "ir.actions.act_window_close"}
