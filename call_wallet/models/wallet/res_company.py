from odoo import api, fields, models
from odoo.exceptions import AccessError

from ...const import FINANCE_MANAGER
from ...tools.clock import day_in
from ...tools.fields import Amount

OWN = "call_wallet_"


class ResCompany(models.Model):
    _inherit = "res.company"

    call_wallet_whatsapp_rate = Amount(
        "WhatsApp price per minute",
        required=True,
        default="0.02",
        help="Applies to WhatsApp calls anywhere, unless the wallet's rate plan prices them. In the wallet's currency.",
    )
    call_wallet_hold_seconds = fields.Integer(
        "Funds reserved per call (seconds)",
        required=True,
        default=600,
        help="How much talking time is reserved when a call starts and the platform does not say.",
    )
    call_wallet_topup_min = Amount("Smallest top-up", required=True, default=1)
    call_wallet_topup_max = Amount("Largest top-up", required=True, default=100_000)
    call_wallet_refund_limit = Amount(
        "Refunds above this amount need a second person",
        required=True,
        default=1000,
        help="In the company's currency, converted for wallets in another one. Zero: one person may refund any amount.",
    )
    call_wallet_breakage_months = fields.Integer(
        "Idle funds expire after (months)",
        required=True,
        default=0,
        help="Months without a call or a top-up. Zero: funds never expire.",
    )
    call_wallet_breakage_notice_days = fields.Integer(
        "Notice before idle funds expire (days)",
        required=True,
        default=30,
        help="How long before, recipients and owners are told by mail.",
    )

    call_wallet_tz = fields.Selection(
        related="partner_id.tz", readonly=False, string="Time zone of the books", help="Empty: UTC, or the parent's."
    )

    _call_wallet_breakage_range = models.Constraint(
        "CHECK(call_wallet_breakage_months BETWEEN 0 AND 120 AND call_wallet_breakage_notice_days > 0"
        " AND (call_wallet_breakage_months = 0"
        "      OR call_wallet_breakage_notice_days <= call_wallet_breakage_months * 28))",
        "Idle funds: use 0 to 120 months, and give notice at least a day and at most that time before.",
    )
    _call_wallet_refund_limit_not_negative = models.Constraint(
        "CHECK(call_wallet_refund_limit BETWEEN 0 AND 9000000000)",
        "Refunds that need a second person: use 0 to 9 billion.",
    )
    _call_wallet_topup_range = models.Constraint(
        "CHECK(call_wallet_topup_min > 0 AND call_wallet_topup_max BETWEEN call_wallet_topup_min AND 9000000000)",
        "Top-ups: the smallest must be more than zero and not above the largest, which is 9 billion at most.",
    )
    _call_wallet_hold_seconds_positive = models.Constraint(
        "CHECK(call_wallet_hold_seconds BETWEEN 1 AND 86400)",
        "Funds reserved per call: use 1 to 86400 seconds.",
    )
    _call_wallet_whatsapp_rate_not_negative = models.Constraint(
        "CHECK(call_wallet_whatsapp_rate >= 0 AND call_wallet_whatsapp_rate < 100000)",
        "WhatsApp price per minute: use 0 to less than 100,000.",
    )

    def _call_wallet_tz(self):
        """Return the name of the time zone in which the company keeps its books; UTC where none is set.

        A company has none in Odoo: its contact has, or that of the company of which it is a branch.
        """
        self.ensure_one()
        company = self.sudo()
        return company.partner_id.tz or company.root_id.partner_id.tz or "UTC"

    def _call_wallet_today(self):
        """Return the day that documents get now: invoices, credit notes, payments, deadlines."""
        return day_in(self._call_wallet_tz())

    # === FINANCE MANAGERS' SETTINGS === #
    # The addon's settings for finance managers, who are not administrators of the database.
    #
    # Odoo's settings are for administrators alone. Finance managers get the same settings on a form of the
    # company, made from the same view, and may write these fields of the company and no others.

    def write(self, vals):
        """Change a company, and let what follows from its call wallet settings follow.

        :raise AccessError: a finance manager, who is no administrator, changes other fields than this addon's
        """
        self._call_wallet_refuse_others(vals)
        self._call_wallet_keep_former_deposits(vals)
        result = super().write(vals)
        self._call_wallet_wake_auto_topups(vals)
        return result

    def _call_wallet_refuse_others(self, vals):
        if not self.env.su:
            user = self.env.user
            others = [name for name in vals if not name.startswith(OWN)]
            if others and user.has_group(FINANCE_MANAGER) and not user.has_group("base.group_erp_manager"):
                raise AccessError(
                    self.env._("Finance managers change the call wallet settings of a company and nothing else of it.")
                )

    @api.model
    def action_call_wallet_settings(self):
        """Open the addon's settings: Odoo's own for administrators, the company's form for finance managers.

        :raise AccessError: not a finance manager
        """
        user = self.env.user
        if not (self.env.su or user.has_group(FINANCE_MANAGER)):
            raise AccessError(self.env._("Only finance managers change the settings of call wallets."))
        if self.env.su or user.has_group("base.group_system"):
            return self.env["ir.actions.act_window"]._for_xml_id("call_wallet.action_call_wallet_settings")
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Settings"),
            "res_model": "res.company",
            "res_id": self.env.company.id,
            "views": [(self.env.ref("call_wallet.res_company_view_form_call_wallet").id, "form")],
        }

    @api.model
    def _get_view(self, view_id=None, view_type="form", **options):
        arch, view = super()._get_view(view_id, view_type, **options)
        place = arch.find(".//div[@name='call_wallet_settings']")
        if place is not None:
            self._call_wallet_add_settings(place)
        return arch, view

    def _call_wallet_add_settings(self, place):
        """Put the blocks of the addon's page of the settings, whoever extends it, into a company's form."""
        settings = self.env.ref("base.res_config_settings_view_form").sudo()._get_combined_arch()
        for block in settings.findall(".//app[@name='call_wallet']//block"):
            title = place.makeelement("h2", {"class": "mt-4"})
            title.text = block.get("title")
            row = place.makeelement("div", {"class": "row o_settings_container"})
            for setting in block.findall("setting"):
                if all(field.get("name") in self._fields for field in setting.findall(".//field")):
                    row.append(setting)
            if len(row):
                place.extend([title, row])
