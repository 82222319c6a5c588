from odoo import models

from ...tools.fields import Amount


class ResCompany(models.Model):
    _inherit = "res.company"

    call_wallet_auto_topup_max = Amount(
        "Largest monthly cap of automatic top-ups",
        required=True,
        default=10_000,
        help="No customer's card is charged for more in a calendar month. In the company's currency, and for a wallet "
        "in another one about as much at the day's rate.",
    )

    _call_wallet_auto_topup_max_positive = models.Constraint(
        "CHECK(call_wallet_auto_topup_max > 0 AND call_wallet_auto_topup_max <= 9000000000)",
        "Largest monthly cap of automatic top-ups: use more than zero, and 9 billion at most.",
    )

    def _call_wallet_wake_auto_topups(self, vals):
        """After another cap was set: look again at once at the wallets that wait for the next month."""
        if "call_wallet_auto_topup_max" in vals:
            wallets = self.env["call.wallet"].sudo()
            wallets.search(
                [("company_id", "in", self.ids), ("auto_topup_wait_code", "=", "cap_reached")]
            ).auto_topup_wait_until = False
