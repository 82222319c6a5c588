from odoo import fields, models


class VoipPbx(models.Model):
    _inherit = "voip.pbx"

    call_wallet_extension_digits = fields.Integer(
        "Longest Internal Extension",
        help="Numbers of so many digits or fewer are colleagues on this telephone system: they are dialled without"
        " asking the company's call wallet. 0: every number is asked for.",
    )

    _call_wallet_extension_digits_range = models.Constraint(
        "CHECK(call_wallet_extension_digits BETWEEN 0 AND 6)",
        "The longest internal extension has 0 to 6 digits: longer numbers may lead outside.",
    )
