from odoo import models


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
                    ("partner_id", "child_of", self.sudo().partner_id.commercial_partner_id.id),
                    ("company_id", "=", self.sudo().company_id.id),
                    ("provider_id.state", "!=", "disabled"),
                ]
            )
        )
