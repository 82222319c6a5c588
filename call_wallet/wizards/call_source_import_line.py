from odoo import fields, models

from ..tools.fields import Amount
from .call_source_import import OUTCOMES


class CallSourceImportLine(models.TransientModel):
    """What importing one line of a file of call records would do. Short-lived."""

    _name = "call.source.import.line"
    _description = "Import of Call Records: Line"
    _order = "line, id"
    _rec_name = "line"

    import_id = fields.Many2one("call.source.import", required=True, readonly=True, ondelete="cascade", index=True)
    line = fields.Integer(readonly=True, aggregator=None)
    outcome = fields.Selection(OUTCOMES, "What Happens", readonly=True)
    call_ref = fields.Char("Call Reference", readonly=True)
    number = fields.Char(readonly=True)
    started_at = fields.Datetime("Began", readonly=True)
    duration_seconds = fields.Integer("Duration (s)", readonly=True, aggregator=None)
    status = fields.Char(readonly=True)
    account = fields.Char(readonly=True)
    cost = Amount(readonly=True, aggregator=None)
    currency = fields.Char(readonly=True)
    reason = fields.Char(readonly=True)
