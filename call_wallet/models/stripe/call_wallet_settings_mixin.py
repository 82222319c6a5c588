from odoo import fields, models


class CallWalletSettingsMixinStripe(models.AbstractModel):
    _inherit = "call.wallet.settings.mixin"

    call_wallet_book_fees = fields.Boolean(related="company_id.call_wallet_book_fees", readonly=False)
    call_wallet_fee_tax_account_id = fields.Many2one(
        related="company_id.call_wallet_fee_tax_account_id", readonly=False
    )
    call_wallet_fee_tax_id = fields.Many2one(related="company_id.call_wallet_fee_tax_id", readonly=False)
