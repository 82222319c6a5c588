from odoo import api, fields, models

from ...tools.sql import set_index
from .call_source_file import KINDS_OF_LINES


class CallSourceFileLine(models.Model):
    """A line of a file that could not be used, or not yet, or of which something is to be known.

    Never what stands in it: that is in the file, and can be deleted there.
    """

    _name = "call.source.file.line"
    _description = "Line of a File of Call Records"
    _order = "file_id, line, id"
    _rec_name = "line"
    _log_access = False

    file_id = fields.Many2one("call.source.file", required=True, readonly=True, ondelete="cascade", index=True)
    line = fields.Integer(readonly=True, required=True, aggregator=None)
    kind = fields.Selection(KINDS_OF_LINES, required=True, readonly=True)
    problem = fields.Char(readonly=True)
    call_id = fields.Many2one("call.source.call", readonly=True, ondelete="set null", index="btree_not_null")
    reason = fields.Char(compute="_compute_reason", compute_sudo=True)

    def init(self):
        set_index(self.env.cr, self._table, "file_id", "(file_id, line)", f"{self._table}_of_file")

    @api.depends("problem", "call_id.problem", "call_id.state")
    def _compute_reason(self):
        """What is wrong with a call stands with the call, where it is forgotten when the call is."""
        states = dict(self.env["call.source.call"]._fields["state"]._description_selection(self.env))
        for line in self:
            line.reason = line.problem or line.call_id.problem or states.get(line.call_id.state)
