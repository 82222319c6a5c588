from odoo import fields, models


class ResCompany(models.Model):
    _inherit = "res.company"

    call_wallet_reports_open_max = fields.Integer(
        "Reports that an owner may wait for",
        required=True,
        default=3,
        help="Usage reports in the background that one owner may have asked for at once. Zero: no limit.",
    )
    call_wallet_reports_day_max = fields.Integer(
        "Reports that an owner may ask for in 24 hours",
        required=True,
        default=20,
        help="Usage reports in the background. Zero: no limit.",
    )

    _call_wallet_report_limits = models.Constraint(
        "CHECK(call_wallet_reports_open_max >= 0 AND call_wallet_reports_day_max >= 0)",
        "Reports in the background: use zero, for no limit, or more.",
    )
