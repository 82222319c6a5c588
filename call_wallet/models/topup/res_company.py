from odoo import fields, models

from ...tools.fields import Amount

ZERO_HELP = "In the wallet's currency and time zone. Zero: no limit."


class ResCompany(models.Model):
    _inherit = "res.company"

    call_wallet_topup_day_max = Amount("Owners may order in a day", required=True, default=0, help=ZERO_HELP)
    call_wallet_topup_month_max = Amount("Owners may order in a month", required=True, default=0, help=ZERO_HELP)
    call_wallet_accept_test_payments = fields.Boolean(
        "Accept test payments",
        help="Payments of providers in test mode bring no money. Where this is off, they are refused for top-ups, "
        "and one that was made all the same is not credited. For demonstrations and trials only.",
    )

    _call_wallet_topup_limits = models.Constraint(
        "CHECK(call_wallet_topup_day_max BETWEEN 0 AND 9000000000"
        " AND call_wallet_topup_month_max BETWEEN 0 AND 9000000000)",
        "What owners may order: use zero, for no limit, or up to 9 billion.",
    )
