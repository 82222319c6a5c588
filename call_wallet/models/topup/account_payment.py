from odoo import models


class AccountPayment(models.Model):
    _inherit = "account.payment"

    def write(self, vals):
        """A rejected payment keeps its entry and stays reconciled: only its own state says so."""
        result = super().write(vals)
        if "state" in vals:
            self.sudo().move_id._call_wallet_affected()._sync()
        return result
