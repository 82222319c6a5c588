from odoo import api, fields, models
from odoo.exceptions import UserError

from ...const import CALL_TYPES, DIRECTIONS
from ...tools.fields import Amount
from ..usage.call_usage import CALL_STATUSES

KINDS = [("amend", "Amended"), ("void", "Voided")]


class CallUsageCorrection(models.Model):
    """What the calling platform said of a call later, and what that changed.

    Rows are added by ``amend_calls`` and ``void_calls`` and never changed; the one with the highest number holds.
    They go with their call when it is deleted, and its transactions stay; what they name is deleted with what the
    call names. Amounts are in the wallet's currency, 6 places; times are UTC.
    """

    _name = "call.usage.correction"
    _description = "Correction of a Call"
    _order = "usage_id, sequence desc"
    _rec_name = "call_ref"
    _log_access = False

    usage_id = fields.Many2one("call.usage", "Call", required=True, readonly=True, ondelete="cascade", index=True)
    wallet_id = fields.Many2one("call.wallet", required=True, readonly=True, ondelete="restrict", index=True)
    call_ref = fields.Char(related="usage_id.call_ref")
    sequence = fields.Integer(required=True, readonly=True, aggregator=None, help="1, 2, 3, ... of one call.")
    kind = fields.Selection(KINDS, required=True, readonly=True)
    reason = fields.Char(readonly=True)
    fingerprint = fields.Char(
        required=True,
        readonly=True,
        # Whoever knows the rest of a call's content can try numbers on it.
        groups="base.group_system",
        help="Digest of what was said; the same again is no more.",
    )
    corrected_at = fields.Datetime(required=True, readonly=True)
    user_id = fields.Many2one("res.users", "Corrected By", readonly=True, ondelete="set null", index="btree_not_null")

    call_type = fields.Selection(CALL_TYPES, required=True, readonly=True)
    direction = fields.Selection(DIRECTIONS, required=True, readonly=True)
    number = fields.Char(required=True, readonly=True)
    started_at = fields.Datetime(required=True, readonly=True)
    duration_seconds = fields.Integer("Duration (s)", required=True, readonly=True, aggregator=None)
    status = fields.Selection(CALL_STATUSES, required=True, readonly=True)
    campaign_id = fields.Many2one("utm.campaign", readonly=True, ondelete="restrict", index="btree_not_null")
    application_ref = fields.Char("Application ID", readonly=True)
    manager_id = fields.Many2one("res.partner", readonly=True, ondelete="restrict", index="btree_not_null")

    is_rerated = fields.Boolean(
        readonly=True, help="Voided after a re-rating, whose price stands in no row: amended again, it is priced anew."
    )
    rate_id = fields.Many2one("call.rate", readonly=True, ondelete="set null", index="btree_not_null")
    rate = Amount("Rate per Minute", readonly=True, aggregator=None)
    matched_prefix = fields.Char(readonly=True)
    increment_seconds = fields.Integer(readonly=True, aggregator=None)
    minimum_seconds = fields.Integer(readonly=True, aggregator=None)
    first_block_seconds = fields.Integer(readonly=True, aggregator=None)
    free_seconds = fields.Integer(readonly=True, aggregator=None)
    grace_seconds = fields.Integer(readonly=True, aggregator=None)
    connection_fee = Amount(readonly=True, aggregator=None)
    billed_minutes = Amount(readonly=True, help="As corrected.")
    old_cost = Amount("Cost Before", readonly=True)
    total_cost = Amount("Cost", readonly=True, help="As corrected.")
    difference = Amount(
        readonly=True,
        help="What was entered: more than zero was charged, less than zero went back to the wallet.",
    )
    transaction_id = fields.Many2one(
        "call.wallet.transaction", readonly=True, ondelete="restrict", index="btree_not_null",
        help="Empty: the correction changed no amount.",
    )  # fmt: skip
    currency_id = fields.Many2one(related="wallet_id.currency_id")
    tz = fields.Selection(related="wallet_id.tz")

    _once = models.UniqueIndex("(usage_id, sequence)", "A call's corrections are numbered once.")

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su:
            raise UserError(self.env._("Calls are corrected through amend_calls and void_calls."))
        return super().create(vals_list)

    @api.ondelete(at_uninstall=False)
    def _refuse_unlink(self):
        raise UserError(self.env._("A correction goes with its call: delete the call, or its numbers."))

    def write(self, vals):
        raise UserError(self.env._("A correction is not changed; correct the call again."))
