from odoo import models


class AccountMoveEntry(models.Model):
    """Journal entries know the wallets whose funds they change."""

    _inherit = "account.move"

    def _post(self, soft=True):
        """Note the wallet on what credit notes of top-ups take off the deposits."""
        for move in self.sudo():
            wallet = move.reversed_entry_id.call_wallet_topup_ids.wallet_id
            if wallet:
                move._call_wallet_tag_deposits(wallet)
        return super()._post(soft)

    def _call_wallet_tag_deposits(self, wallet):
        deposits = self.reversed_entry_id.line_ids.filtered("call_wallet_id").account_id
        deposits |= self.company_id._call_wallet_deposit_account()
        lines = self.invoice_line_ids.filtered(lambda line: line.account_id in deposits)
        lines.call_wallet_id = wallet
