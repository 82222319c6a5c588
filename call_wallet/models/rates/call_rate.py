from odoo import api, fields, models

from ...const import CALL_TYPES, DIRECTIONS
from ...tools.fields import Amount


class CallRate(models.Model):
    """The price of calls to one number prefix, for a time.

    The longest matching prefix in force when the call started applies. Prices are in the
    plan's currency, 6 places; validity is in UTC, ``valid_to`` itself excluded.
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
        required=True, default=60, aggregator=None, help="The duration is rounded up to a multiple of this."
    )
    minimum_seconds = fields.Integer(aggregator=None, help="A call that connected is billed for at least this.")
    connection_fee = Amount(aggregator=None)
    free_seconds = fields.Integer(aggregator=None, help="The first seconds of each call cost nothing.")
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
    _validity = models.Constraint(
        "CHECK(valid_from IS NULL OR valid_to IS NULL OR valid_from <= valid_to)",
        "Valid to: must not be before valid from.",
    )
    _prefix_digits = models.Constraint(
        "CHECK(prefix ~ '^([1-9][0-9]{0,14})?$')",
        "Prefix: use up to 15 digits that do not start with 0, without +.",
    )
    _lookup = models.Index("(plan_id, call_type, direction, prefix)")

    @api.model_create_multi
    def create(self, vals_list):
        rates = super().create(vals_list)
        rates.plan_id._touch()
        return rates

    def write(self, vals):
        plans = self.plan_id
        result = super().write(vals)
        (plans | self.plan_id)._touch()
        return result

    def unlink(self):
        plans = self.plan_id
        result = super().unlink()
        plans._touch()
        return result
