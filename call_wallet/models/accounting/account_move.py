from odoo import api, fields, models
from odoo.exceptions import UserError

from ...tools.fields import changes

# Odoo refuses a change of ``name`` only under a hash; its wizard that renumbers entries writes names too.
FIXED = {
    "name", "ref", "date", "journal_id", "company_id", "currency_id", "line_ids", "call_wallet_posting_id",
    "call_wallet_day", "call_wallet_month_end_id",
}  # fmt: skip


class AccountMoveEntry(models.Model):
    """Journal entries know the wallets whose funds they change."""

    _inherit = "account.move"

    call_wallet_posting_id = fields.Many2one(
        "call.wallet.posting",
        readonly=True,
        copy=False,
        ondelete="restrict",
        index="btree_not_null",
        help="The run that turned usage of call wallets into this entry.",
    )
    call_wallet_month_end_id = fields.Many2one(
        "call.wallet.month.end",
        readonly=True,
        copy=False,
        ondelete="restrict",
        index="btree_not_null",
        help="What this entry, or its counter-entry of the next day, shows of call wallets at a month's end.",
    )
    call_wallet_day = fields.Date(
        "Day of Usage",
        readonly=True,
        copy=False,
        help="In the wallets' time zones: the day of the calls in this entry, or the last one of their month.",
    )
    # Odoo shows an entry's items to accountants only; finance staff see those of a posting. Not stored:
    # a second list of items would be entered twice where an invoice is edited.
    call_wallet_item_ids = fields.Many2many(
        "account.move.line", string="Items", compute="_compute_call_wallet_item_ids"
    )
    call_wallet_transaction_ids = fields.One2many("call.wallet.transaction", "move_id", readonly=True)

    @api.depends("call_wallet_posting_id", "call_wallet_month_end_id")
    def _compute_call_wallet_item_ids(self):
        for move in self:
            move.call_wallet_item_ids = move.line_ids if move._call_wallet_of_posting() else False

    def _call_wallet_of_posting(self):
        """Return those of the entries that the posting or a month's end has made."""
        return self.filtered(lambda move: move.call_wallet_posting_id or move.call_wallet_month_end_id)

    # === ENTRIES OF THE POSTING STAND === #

    def _compute_show_reset_to_draft_button(self):
        result = super()._compute_show_reset_to_draft_button()
        self._call_wallet_of_posting().show_reset_to_draft_button = False
        return result

    def _call_wallet_refuse_entry_change(self, vals):
        """Refuse to change what posted entries of the posting say. Writing what is there already is no change.

        :raise UserError: as ``_call_wallet_refuse_change``
        """
        fixed = FIXED & vals.keys()
        if not fixed and vals.get("state") not in ("draft", "cancel"):
            return
        posted = self.sudo()._call_wallet_of_posting().filtered(lambda move: move.state == "posted")
        if vals.get("state") not in ("draft", "cancel"):
            posted = posted.filtered(lambda move: changes(move, vals, fixed))
        posted._call_wallet_refuse_change()

    @api.ondelete(at_uninstall=False)
    def _call_wallet_refuse_unlink(self):
        self._call_wallet_refuse_change()

    def _reverse_moves(self, default_values_list=None, cancel=False):
        self._call_wallet_refuse_change()
        return super()._reverse_moves(default_values_list, cancel)

    def _call_wallet_refuse_change(self):
        """Their transactions cannot be taken back, so what they say in the books stands too.

        :raise UserError: one of these entries was posted from wallets
        """
        for move in self.sudo().filtered("call_wallet_month_end_id"):
            raise UserError(
                self.env._(
                    "%s is a month-end entry of call wallets or its counter-entry, which undo each other. It cannot be "
                    "reset, changed, reversed or deleted. Where the books of that day have changed, post the month "
                    "end again: the difference is entered.",
                    move.name or move.ref,
                )
            )
        for move in self.sudo().filtered("call_wallet_posting_id"):
            raise UserError(
                self.env._(
                    "%s posts what call wallets used; wallet and books would disagree without it. It cannot be "
                    "reset, changed, reversed or deleted. Correct a charge with a refund or a re-rating: that is "
                    "posted in turn.",
                    move.name or move.ref,
                )
            )

    def action_call_wallet_transactions(self):
        """Return the action that lists the wallet transactions in this entry."""
        self.check_access("read")
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("call_wallet.action_call_wallet_transaction")
        return {**action, "domain": [("move_id", "=", self.id)], "context": {"create": False}}
