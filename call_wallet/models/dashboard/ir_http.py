from odoo import models
from odoo.http import request

from ...tools.headers import NO_STORE, is_private


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    @classmethod
    def _get_translation_frontend_modules_name(cls):
        return [*super()._get_translation_frontend_modules_name(), "call_wallet"]

    @classmethod
    def _post_dispatch(cls, response):
        """Keep what is about money and calls out of the caches of browsers and proxies; shared computers have both."""
        result = super()._post_dispatch(response)
        if is_private(request.httprequest.path):
            response.headers["Cache-Control"] = NO_STORE
        return result

    def session_info(self):
        """Add what the web client needs from its first moment, so that it need not ask.

        For internal users: the low-balance banners with the wallets that they follow, and for which of the user's
        companies there is a wallet that the call buttons charge.
        """
        info = super().session_info()
        if self.env.user._is_internal():
            info["call_wallet_banner"] = self.env["call.wallet"]._banner_values()
            info["call_wallet_house_wallets"] = self.env["call.button"]._house_wallet_ids()
        return info
