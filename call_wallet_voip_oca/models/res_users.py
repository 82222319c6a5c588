from odoo import models


class ResUsers(models.Model):
    _inherit = "res.users"

    def _voip_get_info(self):
        """Tell the softphone also which numbers are internal extensions."""
        return {
            **super()._voip_get_info(),
            "call_wallet_extension_digits": self.voip_pbx_id.call_wallet_extension_digits,
        }
