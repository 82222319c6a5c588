from odoo import api, fields, models

# What an item of a posting says; its label and its analytic distribution are the accountant's.
FIXED = {
    "account_id", "partner_id", "currency_id", "amount_currency", "balance", "debit", "credit", "move_id",
    "call_wallet_id", "date",
}  # fmt: skip


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

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines._call_wallet_refuse_change()
        return lines

    def write(self, vals):
        if FIXED & vals.keys():
            self._call_wallet_refuse_change()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _call_wallet_refuse_unlink(self):
        self._call_wallet_refuse_change()

    def _call_wallet_refuse_change(self):
        self.move_id.filtered(lambda move: move.state == "posted")._call_wallet_refuse_change()
