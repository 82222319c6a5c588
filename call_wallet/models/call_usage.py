from odoo import api, fields, models
from odoo.exceptions import UserError

from ..fields import Amount

CALL_TYPES = [("live", "Live Call"), ("whatsapp", "WhatsApp Call")]
DIRECTIONS = [("outbound", "Outbound"), ("inbound", "Inbound")]
CALL_STATUSES = [
    ("completed", "Completed"),
    ("no_answer", "No answer"),
    ("busy", "Busy"),
    ("failed", "Failed"),
    ("canceled", "Cancelled"),
]


class CallUsage(models.Model):
    """One call as the platform reported it, with what it was charged and why.

    Written once by ``record_calls``; the price stands here as it was applied, whatever
    happens to the rate afterwards. Amounts are in the wallet's currency, 6 places; times
    are UTC.
    """

    _name = "call.usage"
    _description = "Call"
    _order = "started_at desc, id desc"
    _rec_name = "call_ref"
    _log_access = False

    wallet_id = fields.Many2one("call.wallet", required=True, readonly=True, ondelete="restrict")
    call_ref = fields.Char("Call Reference", required=True, readonly=True)
    call_type = fields.Selection(CALL_TYPES, required=True, readonly=True)
    direction = fields.Selection(DIRECTIONS, required=True, readonly=True, default="outbound")
    number = fields.Char(required=True, readonly=True)
    started_at = fields.Datetime(required=True, readonly=True)
    duration_seconds = fields.Integer("Duration (s)", required=True, readonly=True)
    billed_seconds = fields.Integer("Billed (s)", readonly=True)
    billed_minutes = Amount(readonly=True)
    status = fields.Selection(CALL_STATUSES, required=True, readonly=True)
    rate = Amount("Rate per Minute", readonly=True, aggregator="avg")
    total_cost = Amount(readonly=True)
    rate_id = fields.Many2one("call.rate", readonly=True, ondelete="set null", index="btree_not_null")
    matched_prefix = fields.Char(readonly=True)
    increment_seconds = fields.Integer(readonly=True, aggregator=None)
    minimum_seconds = fields.Integer(readonly=True, aggregator=None)
    free_seconds = fields.Integer(readonly=True, aggregator=None)
    connection_fee = Amount(readonly=True, aggregator=None)
    campaign_id = fields.Many2one("utm.campaign", readonly=True, ondelete="restrict", index="btree_not_null")
    application_ref = fields.Char("Application ID", readonly=True)
    manager_id = fields.Many2one("res.partner", readonly=True, ondelete="restrict", index="btree_not_null")
    reported_at = fields.Datetime(readonly=True)
    transaction_ids = fields.One2many("call.wallet.transaction", "usage_id", readonly=True)
    explanation = fields.Char(compute="_compute_explanation", help="How the cost came about.")
    partner_id = fields.Many2one(related="wallet_id.partner_id")
    currency_id = fields.Many2one(related="wallet_id.currency_id")
    company_id = fields.Many2one(related="wallet_id.company_id")

    _call_ref_unique = models.UniqueIndex("(wallet_id, call_ref)", "This call was already reported.")
    _wallet_started = models.Index("(wallet_id, started_at)")

    @api.depends("rate", "billed_seconds", "matched_prefix", "connection_fee", "free_seconds")
    def _compute_explanation(self):
        for usage in self:
            usage.explanation = usage._explain()

    def _explain(self):
        """Say in one sentence which price applied and how it became the cost."""
        _ = self.env._
        if self.status != "completed":
            return _("Not connected: no charge.")
        if self.matched_prefix:
            matched = _("Prefix %s", self.matched_prefix)
        elif self.rate_id:
            matched = _("Any number")
        else:
            matched = _("Default price")
        parts = [
            matched,
            _("%(price)s a minute", price=f"{self.rate.normalize():f}"),
            _(
                "%(duration)s s billed as %(billed)s s",
                duration=self.duration_seconds,
                billed=self.billed_seconds,
            ),
        ]
        if self.free_seconds:
            parts.append(_("%s s free", self.free_seconds))
        seconds = max(self.billed_seconds - (self.free_seconds or 0), 0)
        arithmetic = f"{self.rate.normalize():f} × {seconds} / 60"
        if self.connection_fee and self.billed_seconds:
            arithmetic += f" + {self.connection_fee.normalize():f}"
        parts.append(f"{arithmetic} = {self.total_cost.normalize():f} {self.currency_id.name}")
        return "; ".join(parts)

    @api.model_create_multi
    def create(self, vals_list):
        raise UserError(self.env._("Calls come in through record_calls, which prices and charges them."))

    def write(self, vals):
        raise UserError(self.env._("A reported call is not changed. Correct its charge with a refund."))
