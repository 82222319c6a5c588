from odoo import fields, models

from ...const import PLATFORM
from ...tools.fields import Amount


class CallWalletSettingsMixin(models.AbstractModel):
    """The addon's settings of a company, for the two pages that show them; each room adds its own."""

    _name = "call.wallet.settings.mixin"
    _description = "Call Wallet Settings of a Company"

    def _company_settings(self):
        """Return the names of the fields of ``res.company`` that are set here, lists apart."""
        return {name for name, kind in self._company_fields() if kind not in ("one2many", "many2many")}

    def _company_choices(self):
        """Return the names of the fields of ``res.company`` that choose several records here."""
        return {name for name, kind in self._company_fields() if kind == "many2many"}

    def _company_fields(self):
        # What is shown and not set, such as a date that the company notes itself, is nobody's to write.
        paths = [(field.related, field.type) for field in self._fields.values() if not field.readonly]
        return [(path.partition(".")[2], kind) for path, kind in paths if path and path.startswith("company_id.")]

    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company)
    call_wallet_currency_id = fields.Many2one(related="company_id.currency_id", string="Currency of These Settings")
    call_wallet_whatsapp_rate = Amount(
        related="company_id.call_wallet_whatsapp_rate",
        readonly=False,
        string="WhatsApp price per minute",
        may_be_empty=True,
    )
    call_wallet_hold_seconds = fields.Integer(related="company_id.call_wallet_hold_seconds", readonly=False)
    call_wallet_emergency_numbers = fields.Char(related="company_id.call_wallet_emergency_numbers", readonly=False)
    call_wallet_platform_warning = fields.Text(compute="_compute_call_wallet_platform_warning")
    call_wallet_call_days = fields.Integer(related="company_id.call_wallet_call_days", readonly=False)
    call_wallet_refund_limit = Amount(
        related="company_id.call_wallet_refund_limit", readonly=False, string="Refunds that need a second person"
    )
    call_wallet_refund_day_limit = Amount(related="company_id.call_wallet_refund_day_limit", readonly=False)
    call_wallet_tz = fields.Selection(related="company_id.call_wallet_tz", readonly=False)
    call_wallet_breakage_months = fields.Integer(related="company_id.call_wallet_breakage_months", readonly=False)
    call_wallet_breakage_notice_days = fields.Integer(
        related="company_id.call_wallet_breakage_notice_days", readonly=False
    )
    call_wallet_threshold = Amount(related="company_id.call_wallet_threshold", readonly=False)
    call_wallet_topup_min = Amount(related="company_id.call_wallet_topup_min", readonly=False, string="Smallest top-up")
    call_wallet_topup_max = Amount(related="company_id.call_wallet_topup_max", readonly=False, string="Largest top-up")

    # === THE PLATFORM'S USER === #

    def _compute_call_wallet_platform_warning(self):
        users = self.env["res.users"].sudo().search([("all_group_ids", "in", self.env.ref(PLATFORM).ids)])
        for settings in self:
            settings.call_wallet_platform_warning = users.with_env(self.env)._call_wallet_platform_warning()
