from datetime import datetime, time

from dateutil.relativedelta import relativedelta
from odoo import fields, models


class ResCompany(models.Model):
    _inherit = "res.company"

    call_wallet_retention_months = fields.Integer(
        "Numbers called are deleted after (months)",
        required=True,
        default=0,
        help="Months after a call until its number, application and manager are deleted. Amounts stay. Zero: never.",
    )
    call_wallet_masked_before = fields.Datetime(
        "Numbers Deleted Before", readonly=True, help="Of calls that started before this moment no number is left."
    )

    _call_wallet_retention_range = models.Constraint(
        "CHECK(call_wallet_retention_months BETWEEN 0 AND 240)",
        "Numbers called: keep them for 1 to 240 months, or use zero to keep them for good.",
    )

    def _call_wallet_kept_from(self):
        """Return the moment (naive UTC) since which the company keeps numbers called, by its setting."""
        day = self._call_wallet_today() - relativedelta(months=self.call_wallet_retention_months)
        return datetime.combine(day, time())
