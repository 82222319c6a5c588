from odoo import models

from .call_wallet_auto_topup import OPEN


class CallWalletTopup(models.Model):
    _inherit = "call.wallet.topup"

    def _follow_auto_topup(self, difference):
        """Let automatic top-up follow what a payment brought, or what was taken back.

        :param Decimal difference: what was entered in the wallet's ledger just now
        """
        wallet = self.wallet_id
        attempts = self.env["call.wallet.auto.topup"].search([("topup_id", "=", self.id)])
        if difference > 0:
            attempts.filtered("has_open_invoice").has_open_invoice = False
            if attempts[:1].state not in OPEN:
                wallet._auto_topup_rearm()
        if difference < 0 and wallet.available_balance < max(wallet.auto_topup_level, 0):
            wallet._auto_topup_suspend("taken_back", message=self.display_name)

    def _auto_topup_asked(self):
        """Return why automatic top-up ordered this, in the reader's language; empty where a person did."""
        attempt = self.env["call.wallet.auto.topup"].search([("topup_id", "=", self.id)], order="id", limit=1)
        if not attempt:
            return ""
        money = self.wallet_id._format_amount
        return self.env._(
            "%(available)s was available, below the level of %(level)s",
            available=money(attempt.available),
            level=money(attempt.level),
        )
