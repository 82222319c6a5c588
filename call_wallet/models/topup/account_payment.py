from odoo import models


class AccountPayment(models.Model):
    _inherit = "account.payment"

    def write(self, vals):
        """Odoo's hook; bring top-ups to their level where a payment's state changed.

        A rejected payment keeps its entry and stays reconciled: nothing but its own state tells.
        """
        result = super().write(vals)
        if "state" in vals:
            self.sudo().move_id._call_wallet_affected()._sync()
        return result
