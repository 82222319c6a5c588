from odoo import api, fields, models

from ...tools.fields import Amount


class CallUsageRerateWallet(models.Model):
    """One wallet of a re-rating: what was compared there, what comes of it, how far it got.

    Amounts are in the wallet's currency, 6 places. Written by the preview alone.
    """

    _name = "call.usage.rerate.wallet"
    _description = "Re-rating: Totals of a Wallet"
    _order = "wallet_id"
    _rec_name = "wallet_id"
    _log_access = False

    rerate_id = fields.Many2one(
        "call.usage.rerate", "Re-rating", required=True, readonly=True, ondelete="cascade", index=True
    )
    wallet_id = fields.Many2one("call.wallet", required=True, readonly=True, ondelete="restrict", index=True)
    calls = fields.Integer(readonly=True)
    changes = fields.Integer("To Correct", readonly=True)
    no_rate = fields.Integer("Without a Rate", readonly=True)
    old_cost = Amount("Cost so Far", readonly=True, help="Of all calls of the period.")
    new_cost = Amount(
        readonly=True, help="Of all calls of the period, at today's prices; calls without a rate at what they cost."
    )
    to_refund = Amount(readonly=True, help="Too much was charged; goes back to the wallet.")
    to_charge = Amount("To Charge", readonly=True, help="Too little was charged; is taken from the wallet.")
    balance = Amount("Balance Now", related="wallet_id.balance")
    balance_after = Amount("Balance With It", compute="_compute_balance_after")
    currency_id = fields.Many2one(related="wallet_id.currency_id")
    is_done = fields.Boolean(readonly=True, default=False)
    last_started_at = fields.Datetime(readonly=True, help="The last call compared so far.")
    last_usage_id = fields.Integer(readonly=True, default=0)

    _once = models.UniqueIndex("(rerate_id, wallet_id)", "A wallet is re-rated once by a document.")

    @api.depends("balance", "to_refund", "to_charge")
    def _compute_balance_after(self):
        for scope in self:
            ahead = scope.rerate_id.state == "previewed"
            scope.balance_after = scope.balance + (scope.to_refund - scope.to_charge if ahead else 0)

    def action_view_lines(self):
        """Return the action that lists the wallet's differences."""
        self.check_access("read")
        self.ensure_one()
        action = self.rerate_id.action_view_lines()
        action["domain"] += [("wallet_id", "=", self.wallet_id.id)]
        return action
