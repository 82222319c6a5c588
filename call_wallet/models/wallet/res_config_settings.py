from odoo import fields, models

from ...tools.fields import Amount


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    call_wallet_whatsapp_rate = Amount(
        related="company_id.call_wallet_whatsapp_rate", readonly=False, string="WhatsApp price per minute"
    )
    call_wallet_hold_seconds = fields.Integer(related="company_id.call_wallet_hold_seconds", readonly=False)
    call_wallet_refund_limit = Amount(
        related="company_id.call_wallet_refund_limit", readonly=False, string="Refunds that need a second person"
    )
    call_wallet_tz = fields.Selection(related="company_id.call_wallet_tz", readonly=False)
    call_wallet_breakage_months = fields.Integer(related="company_id.call_wallet_breakage_months", readonly=False)
    call_wallet_breakage_notice_days = fields.Integer(
        related="company_id.call_wallet_breakage_notice_days", readonly=False
    )
    call_wallet_topup_min = Amount(related="company_id.call_wallet_topup_min", readonly=False, string="Smallest top-up")
    call_wallet_topup_max = Amount(related="company_id.call_wallet_topup_max", readonly=False, string="Largest top-up")
