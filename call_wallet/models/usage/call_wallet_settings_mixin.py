from odoo import fields, models


class CallWalletSettingsMixin(models.AbstractModel):
    _inherit = "call.wallet.settings.mixin"

    call_wallet_reports_open_max = fields.Integer(related="company_id.call_wallet_reports_open_max", readonly=False)
    call_wallet_reports_day_max = fields.Integer(related="company_id.call_wallet_reports_day_max", readonly=False)
