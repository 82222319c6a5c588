from odoo import api, models


class CallButton(models.AbstractModel):
    _inherit = "call.button"

    @api.model
    def end_call(self, call_ref, duration_seconds, status="completed"):
        """Note also that the softphone's call is over, so that nobody looks for its end."""
        result = super().end_call(call_ref, duration_seconds, status)
        self.env["voip.call"]._wallet_calls(call_ref).call_wallet_is_open = False
        return result
