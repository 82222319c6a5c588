from odoo import fields, models

from ...tools.fields import Amount
from .call_rate_import import KINDS


class CallRateImportLine(models.Model):
    """What an imported price list changes: one of its lines, or a rate that it does not have.

    Read by the apply and the undo in bulk: the rate is an id and not a reference.
    """

    _name = "call.rate.import.line"
    _description = "Rate Import: Line"
    _order = "id"
    _rec_name = "prefix"

    import_id = fields.Many2one("call.rate.import", required=True, readonly=True, ondelete="cascade")
    line = fields.Integer(readonly=True, aggregator=None)
    kind = fields.Selection(KINDS, "What Happens", readonly=True)
    rate_number = fields.Integer("Rate", readonly=True, aggregator=None, help="Id of the rate it concerns.")
    prefix = fields.Char(readonly=True)
    destination = fields.Char(readonly=True)
    old_price = Amount(readonly=True, aggregator=None, help="A minute, at the moment the new rate begins.")
    price_per_minute = Amount("New Price", readonly=True, aggregator=None)
    increment_seconds = fields.Integer(readonly=True, aggregator=None)
    minimum_seconds = fields.Integer(readonly=True, aggregator=None)
    connection_fee = Amount(readonly=True, aggregator=None)
    free_seconds = fields.Integer(readonly=True, aggregator=None)
    first_block_seconds = fields.Integer("First Block", readonly=True, aggregator=None)
    grace_seconds = fields.Integer(readonly=True, aggregator=None)
    valid_from = fields.Datetime(readonly=True)
    valid_to = fields.Datetime(readonly=True)

    _lookup = models.Index("(import_id, kind)")
