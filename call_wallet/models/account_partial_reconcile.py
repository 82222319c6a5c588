from odoo import api, models


class AccountPartialReconcile(models.Model):
    """Every way of paying an invoice, and of un-paying it, goes through here."""

    _inherit = "account.partial.reconcile"

    @api.model_create_multi
    def create(self, vals_list):
        partials = super().create(vals_list)
        partials._call_wallet_topups()._sync()
        return partials

    def unlink(self):
        if not self:  # as for each line of a new entry, thousands of times
            return super().unlink()
        topups = self._call_wallet_topups()
        result = super().unlink()
        topups._sync()
        return result

    def _call_wallet_topups(self):
        return self.sudo().debit_move_id.move_id.call_wallet_topup_ids
