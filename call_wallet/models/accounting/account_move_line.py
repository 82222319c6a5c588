from odoo import api, fields, models

from ...tools.fields import changes
from ...tools.rights import made_by_hand, refuse_typed

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
        lines = super().create(made_by_hand(self, vals_list))
        lines._call_wallet_refuse_change()
        return lines

    def write(self, vals):
        """Refuse to change what items of the posting say.

        A customer who gets a parent company keeps its items, under the parent: Odoo then writes the customer's new
        commercial partner on all of its items.

        :raise UserError: as ``account.move._call_wallet_refuse_change``
        :raise AccessError: the wallet of an item was typed in
        """
        fixed = FIXED & vals.keys()
        if fixed:
            ours = self.sudo().filtered(lambda line: line.move_id._call_wallet_of_posting())
            ours.filtered(lambda line: line._call_wallet_changes(vals, fixed))._call_wallet_refuse_change()
        refuse_typed(self, vals)
        return super().write(vals)

    def _call_wallet_changes(self, vals, fixed):
        """Tell whether a write would change what the item says; its customer's commercial partner says the same."""
        if "partner_id" in fixed and vals["partner_id"] == self.partner_id.commercial_partner_id.id:
            fixed = fixed - {"partner_id"}
        return changes(self, vals, fixed)

    @api.ondelete(at_uninstall=False)
    def _call_wallet_refuse_unlink(self):
        self._call_wallet_refuse_change()

    def _call_wallet_refuse_change(self):
        self.move_id.filtered(lambda move: move.state == "posted")._call_wallet_refuse_change()
