from odoo import models


class AccountMoveStripe(models.Model):
    _inherit = "account.move"

    def _call_wallet_reopen_payouts(self):
        """Open the payouts whose bank line is among these entries, or has settled something of them.

        An entry that is reset stays reconciled; only its own state says that a payout is not matched any more.
        """
        items = self.line_ids
        settled_by = items.matched_debit_ids.debit_move_id | items.matched_credit_ids.credit_move_id
        (self | settled_by.move_id).statement_line_id._call_wallet_matched_payouts()._reopen()
