from odoo import fields, models


class CallWalletSettingsMixin(models.AbstractModel):
    _inherit = "call.wallet.settings.mixin"

    call_wallet_deposit_account_id = fields.Many2one(
        related="company_id.call_wallet_deposit_account_id", readonly=False
    )
    call_wallet_live_account_id = fields.Many2one(related="company_id.call_wallet_live_account_id", readonly=False)
    call_wallet_whatsapp_account_id = fields.Many2one(
        related="company_id.call_wallet_whatsapp_account_id", readonly=False
    )
    call_wallet_adjustment_account_id = fields.Many2one(
        related="company_id.call_wallet_adjustment_account_id", readonly=False
    )
    call_wallet_breakage_account_id = fields.Many2one(
        related="company_id.call_wallet_breakage_account_id", readonly=False
    )
    call_wallet_bad_debt_account_id = fields.Many2one(
        related="company_id.call_wallet_bad_debt_account_id", readonly=False
    )
    call_wallet_overdrawn_account_id = fields.Many2one(
        related="company_id.call_wallet_overdrawn_account_id", readonly=False
    )
    call_wallet_month_end_from = fields.Date(related="company_id.call_wallet_month_end_from", readonly=False)
    call_wallet_standard = fields.Selection(related="company_id.call_wallet_standard", readonly=False)
    call_wallet_standard_from = fields.Date(related="company_id.call_wallet_standard_from")
    call_wallet_posting_period = fields.Selection(related="company_id.call_wallet_posting_period", readonly=False)
    call_wallet_journal_id = fields.Many2one(related="company_id.call_wallet_journal_id", readonly=False)
