from odoo import fields, models


class CallRateImportError(models.Model):
    """What is wrong with one cell of an imported price list, and how to mend it."""

    _name = "call.rate.import.error"
    _description = "Rate Import: Error"
    _order = "line, id"
    _rec_name = "message"

    import_id = fields.Many2one("call.rate.import", required=True, readonly=True, ondelete="cascade", index=True)
    line = fields.Integer(readonly=True, aggregator=None, help="As a text editor or a spreadsheet numbers it.")
    column = fields.Char(readonly=True)
    value = fields.Char(readonly=True)
    message = fields.Char(readonly=True)
