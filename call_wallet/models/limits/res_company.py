from odoo import fields, models


class ResCompany(models.Model):
    _inherit = "res.company"

    call_wallet_limit_share = fields.Integer(
        "Tell of a spending limit at (%)",
        required=True,
        default=80,
        help="A wallet's recipients are told when this much of its limit for a day or a month is spent.",
    )

    _call_wallet_limit_share_range = models.Constraint(
        "CHECK(call_wallet_limit_share BETWEEN 1 AND 100)",
        "Tell of a spending limit at: use 1 to 100 %.",
    )
