from urllib.parse import urlencode

from dateutil.relativedelta import relativedelta
from odoo import api, fields, models
from odoo.exceptions import UserError

from ..const import ACCOUNT_MANAGER
from ..models.usage.call_usage_report_job import LONG_ROWS
from ..tools.clock import day_in

PRESETS = [
    ("this_month", "This month"),
    ("last_month", "Last month"),
    ("last_30_days", "Last 30 days"),
    ("this_year", "This year"),
    ("all_time", "All time"),
    ("custom", "Custom"),
]


class CallUsageReportWizard(models.TransientModel):
    """Choose the days of a wallet's usage report, and download it.

    Days are those of the wallet's time zone.
    """

    _name = "call.usage.report.wizard"
    _inherit = "call.wallet.dialog"
    _description = "Usage Report"

    wallet_id = fields.Many2one(
        "call.wallet", required=True, ondelete="cascade", default=lambda self: self._default_wallet_id()
    )
    preset = fields.Selection(PRESETS, "Time Range", required=True, default="this_month")
    date_from = fields.Date("From", compute="_compute_dates", store=True, readonly=False)
    date_to = fields.Date("To", compute="_compute_dates", store=True, readonly=False)
    format = fields.Selection([("xlsx", "Excel (XLSX)"), ("csv", "CSV")], required=True, default="xlsx")
    tz = fields.Selection(related="wallet_id.tz")
    row_count = fields.Integer("Transactions", compute="_compute_row_count")
    is_long = fields.Boolean(compute="_compute_row_count")

    def _default_wallet_id(self):
        """The wallet, or the customer's wallet, from whose form the report is asked for."""
        record_id = self.env.context.get("active_id")
        model = self.env.context.get("active_model")
        if model == "call.wallet":
            return record_id
        return self.env["res.partner"].browse(record_id).call_wallet_id if model == "res.partner" else False

    @api.depends("preset", "wallet_id")
    def _compute_dates(self):
        for wizard in self:
            if wizard.preset != "custom":
                wizard.date_from, wizard.date_to = wizard._preset_range()

    def _preset_range(self):
        today = day_in(self.wallet_id.tz or "UTC")
        month = today.replace(day=1)
        last_month = month - relativedelta(months=1)
        return {
            "this_month": (month, today),
            "last_month": (last_month, month - relativedelta(days=1)),
            "last_30_days": (today - relativedelta(days=29), today),
            "this_year": (today.replace(month=1, day=1), today),
            "all_time": (False, False),
        }[self.preset]

    @api.depends("wallet_id", "date_from", "date_to")
    def _compute_row_count(self):
        for wizard in self:
            in_order = not (wizard.date_from and wizard.date_to) or wizard.date_from <= wizard.date_to
            wallet = wizard.wallet_id._permitted(ACCOUNT_MANAGER)
            report, days = wallet.env["call.usage.report"], (wizard.date_from, wizard.date_to)
            wizard.row_count = report._extent(wallet, *days).count if wallet and in_order else 0
            wizard.is_long = wizard.row_count > LONG_ROWS

    def action_prepare(self):
        """Have the report made in the background, and show how far it is.

        :raise UserError: the dates are the wrong way round
        """
        self.ensure_one()
        self.wallet_id.request_usage_report(self.date_from, self.date_to, self.format)
        return self.env["ir.actions.act_window"]._for_xml_id("call_wallet.action_call_usage_report_job")

    def action_download(self):
        """Return the action that downloads the report.

        :raise UserError: the dates are the wrong way round
        """
        self.wallet_id._permitted(ACCOUNT_MANAGER)
        self.ensure_one()
        if self.date_from and self.date_to and self.date_to < self.date_from:
            raise UserError(self.env._("To: choose a day that is not before From."))
        query = {"date_from": self.date_from or "", "date_to": self.date_to or "", "format": self.format}
        return {
            "type": "ir.actions.act_url",
            "url": f"/call_wallet/usage_report/{self.wallet_id.id}?{urlencode(query)}",
            "target": "download",
        }
