from odoo import fields, models


class CallWalletSettingsMixin(models.AbstractModel):
    _inherit = "call.wallet.settings.mixin"

    call_wallet_limit_share = fields.Integer(related="company_id.call_wallet_limit_share", readonly=False)
