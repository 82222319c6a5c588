from odoo import fields, models

from ..fields import Amount


class ResCompany(models.Model):
    _inherit = "res.company"

    call_wallet_whatsapp_rate = Amount(
        "WhatsApp price per minute",
        required=True,
        default="0.02",
        help="Applies to WhatsApp calls anywhere, unless the wallet's rate plan prices them. "
        "In the wallet's currency.",
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
        help="In the wallet's currency. Zero: one person may refund any amount.",
    )

    _call_wallet_refund_limit_not_negative = models.Constraint(
        "CHECK(call_wallet_refund_limit >= 0)", "Refunds that need a second person: use zero or more."
    )
    _call_wallet_topup_range = models.Constraint(
        "CHECK(call_wallet_topup_min > 0 AND call_wallet_topup_max >= call_wallet_topup_min)",
        "Top-ups: the smallest must be more than zero and not above the largest.",
    )
    _call_wallet_hold_seconds_positive = models.Constraint(
        "CHECK(call_wallet_hold_seconds BETWEEN 1 AND 86400)",
        "Funds reserved per call: use 1 to 86400 seconds.",
    )
    _call_wallet_whatsapp_rate_not_negative = models.Constraint(
        "CHECK(call_wallet_whatsapp_rate >= 0)", "WhatsApp price per minute: use zero or more."
    )
