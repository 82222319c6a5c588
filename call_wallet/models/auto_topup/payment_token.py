from odoo import models


class PaymentToken(models.Model):
    _inherit = "payment.token"

    def _handle_archiving(self):
        """A card that is removed is not charged any more: automatic top-up stops, and says why."""
        result = super()._handle_archiving()
        wallets = (
            self.env["call.wallet"]
            .sudo()
            .search([("auto_topup_token_id", "in", self.ids), ("auto_topup_state", "=", "on")])
        )
        for wallet in wallets:
            wallet._auto_topup_suspend("card_removed")
        return result
