from odoo import fields, models
from odoo.exceptions import UserError

from ...const import FINANCE
from ...tools.door import door
from ...tools.fields import Amount
from ...tools.sql import set_index

STATES = [
    ("change", "To correct"),
    ("no_rate", "No rate"),
    ("left_alone", "Left alone"),
    ("posted", "Corrected"),
    ("refused", "Refused"),
]


class CallUsageRerateLine(models.Model):
    """One call of a re-rating that costs something else today, or has no rate any more.

    Written in bulk by the preview; the posting notes the transaction. Amounts are in the
    wallet's currency, 6 places.
    """

    _name = "call.usage.rerate.line"
    _description = "Re-rating: Difference of a Call"
    _order = "rerate_id desc, id"
    _rec_name = "call_ref"
    _log_access = False

    rerate_id = fields.Many2one(
        "call.usage.rerate", "Re-rating", required=True, readonly=True, ondelete="cascade", index=True
    )
    wallet_id = fields.Many2one("call.wallet", required=True, readonly=True, ondelete="restrict", index=True)
    usage_id = fields.Many2one("call.usage", "Call", readonly=True, ondelete="set null", index="btree_not_null")
    call_ref = fields.Char("Call Reference", required=True, readonly=True)
    call_type = fields.Selection(related="usage_id.call_type")
    number = fields.Char(related="usage_id.number")
    started_at = fields.Datetime(related="usage_id.started_at")
    duration_seconds = fields.Integer(related="usage_id.duration_seconds", aggregator=None)
    old_price = Amount(readonly=True, aggregator=None, help="A minute, as charged so far.")
    new_price = Amount(readonly=True, aggregator=None, help="A minute, as in the contract today.")
    old_cost = Amount(
        "Cost so Far", readonly=True, help="The charge and all corrections so far, by re-rating or by the platform."
    )
    new_cost = Amount(readonly=True)
    refunded = Amount("Refunded by Hand", readonly=True, help="Stands; the correction gives back the rest at most.")
    difference = Amount(
        readonly=True, help="What posting enters: more than zero is charged, less than zero goes back to the wallet."
    )
    minutes_difference = Amount("Billed Minutes Difference", readonly=True)
    state = fields.Selection(STATES, readonly=True, required=True)
    note = fields.Char(readonly=True)
    transaction_id = fields.Many2one(
        "call.wallet.transaction", "Correction", readonly=True, ondelete="restrict", index="btree_not_null"
    )
    currency_id = fields.Many2one(related="wallet_id.currency_id")

    _once = models.UniqueIndex("(rerate_id, usage_id)", "A call is re-rated once by a document.")

    def init(self):
        set_index(self.env.cr, self._table, "rerate_id", "(rerate_id, state, id)", f"{self._table}_to_do")

    def action_leave_alone(self):
        """Keep these calls as they are when the re-rating is posted.

        :raise UserError: the re-rating is not under review
        :raise AccessError: not finance staff
        """
        with door(self.env):
            return self._choose("change", "left_alone", self.env._("Left alone by %s.", self.env.user.name))

    def action_correct(self):
        """Correct these calls after all. Raises as ``action_leave_alone`` does."""
        with door(self.env):
            return self._choose("left_alone", "change", None)

    def _choose(self, state, new_state, note):
        for rerate in self.rerate_id:
            rerate = rerate._permitted(FINANCE)
            if rerate._lock_state() != "previewed":
                raise UserError(self.env._("Calls can be chosen between preview and posting."))
            # The totals keep telling what posting will do.
            self.env.cr.execute(
                CHOOSE,
                {"ids": self.ids, "rerate": rerate.id, "old": state, "new": new_state, "note": note},
            )
            self.env.invalidate_all()
        return True


CHOOSE = """
    WITH chosen AS (
        UPDATE call_usage_rerate_line SET state = %(new)s, note = %(note)s
         WHERE id = ANY(%(ids)s) AND rerate_id = %(rerate)s AND state = %(old)s AND difference <> 0
     RETURNING wallet_id, CASE WHEN state = 'change' THEN difference ELSE -difference END AS moved,
               difference, CASE WHEN state = 'change' THEN 1 ELSE -1 END AS n
    ), total AS (
        SELECT wallet_id, sum(n) AS n, COALESCE(sum(moved) FILTER (WHERE difference > 0), 0) AS charge,
               COALESCE(-sum(moved) FILTER (WHERE difference < 0), 0) AS refund
          FROM chosen GROUP BY wallet_id
    )
    UPDATE call_usage_rerate_wallet w
       SET changes = w.changes + t.n, to_charge = w.to_charge + t.charge, to_refund = w.to_refund + t.refund
      FROM total t WHERE w.rerate_id = %(rerate)s AND w.wallet_id = t.wallet_id
"""
