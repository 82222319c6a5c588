from odoo import fields, models


class ResConfigSettingsAccounts(models.TransientModel):
    _inherit = "res.config.settings"

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
    call_wallet_journal_id = fields.Many2one(related="company_id.call_wallet_journal_id", readonly=False)
