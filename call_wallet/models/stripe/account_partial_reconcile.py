from odoo import models


class AccountPartialReconcileStripe(models.Model):
    _inherit = "account.partial.reconcile"

    def _call_wallet_payouts(self):
        """Return the payouts whose bank line has settled something by these: undone, they are not matched any more."""
        entries = (self.debit_move_id | self.credit_move_id).move_id
        return entries.statement_line_id._call_wallet_matched_payouts()
