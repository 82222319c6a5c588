from odoo import fields, models


class ResCompany(models.Model):
    _inherit = "res.company"

    call_wallet_correction_days = fields.Integer(
        "Calls can be corrected for (days)",
        required=True,
        default=60,
        help="How long after its start the calling platform may correct a call by itself. Later corrections wait for "
        "finance among the rejected calls.",
    )

    _call_wallet_correction_days_range = models.Constraint(
        "CHECK(call_wallet_correction_days BETWEEN 0 AND 3660)",
        "Calls can be corrected for: use 0 to 3660 days.",
    )
