from odoo import models

from ...tools.fields import Amount


class CallWalletSettingsMixin(models.AbstractModel):
    _inherit = "call.wallet.settings.mixin"

    call_wallet_auto_topup_max = Amount(
        related="company_id.call_wallet_auto_topup_max", readonly=False, string="Largest monthly cap"
    )
