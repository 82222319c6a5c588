from odoo import fields, models


class CallWalletPause(models.TransientModel):
    """Asks for the reason before wallets are paused."""

    _name = "call.wallet.pause"
    _description = "Pause Call Wallets"

    wallet_ids = fields.Many2many(
        "call.wallet", string="Wallets", required=True, default=lambda self: self._default_wallets()
    )
    reason = fields.Char(required=True, help="The customer sees it.")

    def _default_wallets(self):
        if self.env.context.get("active_model") == "call.wallet":
            return self.env.context.get("active_ids")
        return False

    def action_pause(self):
        """Pause the wallets; new calls are refused until somebody resumes them."""
        self.ensure_one()
        self.wallet_ids.action_pause(self.reason)
        return {"type": "ir.actions.act_window_close"}
