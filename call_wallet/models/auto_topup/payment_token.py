from odoo import models

from ...tools.door import door, worker


class PaymentToken(models.Model):
    _inherit = "payment.token"

    @worker
    def _call_wallet_refresh_apart(self):
        """Ask Stripe until when the card is valid while nothing is locked; then write it."""
        last_day = self._call_wallet_ask_expiry()
        if last_day is not None:
            with door(self.env):
                self.call_wallet_expires_on = last_day

    def _handle_archiving(self):
        """Odoo's hook; stop automatic top-up by a card that is removed, and say why."""
        result = super()._handle_archiving()
        wallets = (
            self.env["call.wallet"]
            .sudo()
            .search([("auto_topup_token_id", "in", self.ids), ("auto_topup_state", "=", "on")])
        )
        for wallet in wallets:
            wallet._auto_topup_suspend("card_removed")
        return result
