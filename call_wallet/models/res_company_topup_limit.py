from odoo import models

from ..fields import Amount

ZERO_HELP = "In the wallet's currency and time zone. Zero: no limit."


class ResCompany(models.Model):
    _inherit = "res.company"

    call_wallet_topup_day_max = Amount("Owners may order in a day", required=True, default=0, help=ZERO_HELP)
    call_wallet_topup_month_max = Amount("Owners may order in a month", required=True, default=0, help=ZERO_HELP)

    _call_wallet_topup_limits = models.Constraint(
        "CHECK(call_wallet_topup_day_max BETWEEN 0 AND 9000000000"
        " AND call_wallet_topup_month_max BETWEEN 0 AND 9000000000)",
        "What owners may order: use zero, for no limit, or up to 9 billion.",
    )


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    call_wallet_topup_day_max = Amount(related="company_id.call_wallet_topup_day_max", readonly=False)
    call_wallet_topup_month_max = Amount(related="company_id.call_wallet_topup_month_max", readonly=False)
