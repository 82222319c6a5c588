from odoo import fields, models


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    call_wallet_id = fields.Many2one(
        "call.wallet",
        readonly=True,
        copy=False,
        ondelete="restrict",
        index="btree_not_null",
        help="The wallet whose funds this item adds to, takes from or turns into income.",
    )
