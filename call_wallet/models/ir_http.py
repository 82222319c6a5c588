from odoo import models


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    @classmethod
    def _get_translation_frontend_modules_name(cls):
        return [*super()._get_translation_frontend_modules_name(), "call_wallet"]

    def session_info(self):
        """Bring along what the web client's low-balance banner says, and which wallets it follows."""
        info = super().session_info()
        if self.env.user._is_internal():
            info["call_wallet_banner"] = self.env["call.wallet"]._banner_values()
        return info
