from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ...const import CALL_TYPES, DIRECTIONS
from ...rating import billed_for_minimum
from ...tools.fields import Amount
from ...tools.rights import refuse_move_to_others


class CallRate(models.Model):
    """The price of calls to one number prefix, for a time.

    The longest matching prefix in force when the call started applies. Prices are in the
    plan's currency, 6 places; validity is stored in UTC, ``valid_to`` itself excluded, and shown
    and entered in the user's time zone, as Odoo does with every time. How the seconds of a call
    are billed is told in ``rating/engine.py``.
    """

    _name = "call.rate"
    _description = "Call Rate"
    _order = "plan_id, call_type, prefix, valid_from"
    _rec_name = "prefix"

    plan_id = fields.Many2one("call.rate.plan", required=True, ondelete="cascade", index=True)
    call_type = fields.Selection(CALL_TYPES, required=True, default="live")
    direction = fields.Selection(DIRECTIONS, required=True, default="outbound")
    prefix = fields.Char(help="Leading digits of the number, without +. Empty: every number.")
    destination = fields.Char()
    price_per_minute = Amount(required=True, aggregator="avg")
    increment_seconds = fields.Integer(
        required=True, default=60, aggregator=None, help="The talk time is rounded up to a multiple of this."
    )
    minimum_seconds = fields.Integer(
        aggregator=None, help="Talk time is billed for at least this long. Longer than the increment: a multiple of it."
    )
    first_block_seconds = fields.Integer(
        "First Block",
        aggregator=None,
        help="The first seconds are billed as one block, and the increment counts from its end: "
        "20 with an increment of 6 bills 20, 26, 32... Set it instead of a minimum. 0: none.",
    )
    connection_fee = Amount(
        aggregator=None,
        help="For every call that connects, one within the free seconds included; not for one of 0 seconds "
        "or within the grace.",
    )
    free_seconds = fields.Integer(
        aggregator=None,
        help="The first seconds of each call cost nothing: they come off its duration before that is rounded up. "
        "The connection fee stays.",
    )
    grace_seconds = fields.Integer(
        aggregator=None,
        help="A call of at most this long costs nothing, not even the connection fee; a longer one is "
        "billed from its first second. 0: none.",
    )
    valid_from = fields.Datetime(help="Empty: since ever.")
    valid_to = fields.Datetime(help="Not valid from this moment on. Empty: for good.")
    currency_id = fields.Many2one(related="plan_id.currency_id")

    # As in ``rate_deck``; not a number counts as more than any.
    _price_in_range = models.Constraint(
        "CHECK(price_per_minute >= 0 AND price_per_minute < 100000)", "Price per minute: use 0 to less than 100,000."
    )
    _fee_in_range = models.Constraint(
        "CHECK(connection_fee >= 0 AND connection_fee < 100000)", "Connection fee: use 0 to less than 100,000."
    )
    _increment_positive = models.Constraint(
        "CHECK(increment_seconds BETWEEN 1 AND 3600)", "Increment: use 1 to 3600 seconds."
    )
    _seconds_not_negative = models.Constraint(
        "CHECK(minimum_seconds BETWEEN 0 AND 86400 AND free_seconds BETWEEN 0 AND 86400)",
        "Minimum and free seconds: use 0 to 86400.",
    )
    _first_block_and_grace_in_range = models.Constraint(
        "CHECK(first_block_seconds BETWEEN 0 AND 86400 AND grace_seconds BETWEEN 0 AND 3600)",
        "First block: use 0 to 86400 seconds. Grace: use 0 to 3600 seconds.",
    )
    _first_block_or_minimum = models.Constraint(
        "CHECK(NOT (COALESCE(first_block_seconds, 0) > 0 AND COALESCE(minimum_seconds, 0) > 0))",
        "First block and minimum: set one of them and leave the other at 0; a first block is a minimum too.",
    )
    _validity = models.Constraint(
        "CHECK(valid_from IS NULL OR valid_to IS NULL OR valid_from <= valid_to)",
        "Valid to: must not be before valid from.",
    )
    _prefix_digits = models.Constraint(
        "CHECK(prefix ~ '^([1-9][0-9]{0,14})?$')",
        "Prefix: use up to 15 digits that do not start with 0, without +.",
    )
    _lookup = models.Index("(plan_id, call_type, direction, prefix)")

    @api.constrains("minimum_seconds", "increment_seconds")
    def _check_minimum(self):
        """Refuse a minimum that is longer than the increment and no multiple of it.

        No contract means it: "20/6" bills 20, 26, 32 and not 24. Rates of earlier versions that have such a
        minimum charge on as they did, and are refused when their minimum or increment is changed.
        """
        for rate in self:
            minimum, increment = rate.minimum_seconds, rate.increment_seconds
            billed = billed_for_minimum(minimum, increment)
            if billed != minimum:
                raise ValidationError(
                    self.env._(
                        "Minimum: %(minimum)s seconds are no multiple of the increment of %(increment)s, so a short "
                        "call would be billed %(billed)s seconds. For %(minimum)s, %(next)s, %(then)s... set the "
                        "minimum to 0 and the first block to %(minimum)s; else set the minimum to %(billed)s.",
                        minimum=minimum,
                        increment=increment,
                        billed=billed,
                        next=minimum + increment,
                        then=minimum + 2 * increment,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        rates = super().create(vals_list)
        rates.plan_id._touch()
        return rates

    def write(self, vals):
        """Change prices; running calls are rated by them from now on.

        :raise AccessError: into a plan of a company that is not among the user's
        """
        plans = self.plan_id
        result = super().write(vals)
        if "plan_id" in vals:
            refuse_move_to_others(self, self.sudo().plan_id.company_id)
        (plans | self.plan_id)._touch()
        return result

    def unlink(self):
        plans = self.plan_id
        result = super().unlink()
        plans._touch()
        return result
