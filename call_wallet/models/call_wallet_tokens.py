from odoo import models
from odoo.exceptions import UserError

from .call_wallet import FINANCE


class CallWalletTokens(models.Model):
    _inherit = "call.wallet"

    def _payment_tokens(self):
        """Return the customer's saved cards that can be charged: those of the company and of its people."""
        self.ensure_one()
        return (
            self.env["payment.token"]
            .sudo()
            .search(
                [
                    ("partner_id.commercial_partner_id", "=", self.sudo().partner_id.commercial_partner_id.id),
                    ("company_id", "=", self.sudo().company_id.id),
                    ("provider_id.state", "!=", "disabled"),
                ]
            )
        )

    def remove_payment_token(self, token_id):
        """Remove one of the customer's saved cards: it is not offered or charged any more.

        Automatic top-up that charges it stops, and says why.

        :param int token_id: one of the cards that this customer has saved
        :raise UserError: not a saved card of this customer
        :raise AccessError: neither an owner of the wallet nor finance staff
        """
        wallet = self._as(FINANCE, owner=True)
        wallet.ensure_one()
        token = wallet._payment_tokens().filtered(lambda token: token.id == token_id)
        if not token:
            raise UserError(self.env._("Card: this one is not saved any more."))
        token.active = False
        wallet.message_post(body=self.env._("Saved card removed: %s", token.display_name))
        return True
