from odoo import fields, models


class CallWalletSettingsMixinStripe(models.AbstractModel):
    _inherit = "call.wallet.settings.mixin"

    call_wallet_book_fees = fields.Boolean(related="company_id.call_wallet_book_fees", readonly=False)
