from odoo import api, fields, models

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

    file_id = fields.Many2one("call.source.file", required=True, readonly=True, ondelete="cascade")
    line = fields.Integer(readonly=True, required=True, aggregator=None)
    kind = fields.Selection(KINDS_OF_LINES, required=True, readonly=True)
    problem = fields.Char(readonly=True)
    call_id = fields.Many2one("call.source.call", readonly=True, ondelete="set null", index="btree_not_null")
    reason = fields.Char(compute="_compute_reason", compute_sudo=True)

    _of_file = models.Index("(file_id, line)")

    @api.depends("problem", "call_id.problem", "call_id.state")
    def _compute_reason(self):
        """What is wrong with a call stands with the call, where it is forgotten when the call is."""
        states = dict(self.env["call.source.call"]._fields["state"]._description_selection(self.env))
        for line in self:
            line.reason = line.problem or line.call_id.problem or states.get(line.call_id.state)
