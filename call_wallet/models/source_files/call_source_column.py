from odoo import api, fields, models
from odoo.exceptions import ValidationError

# In the order in which people look for them.
FACTS = [
    ("ref", "Call's own id"),
    ("number", "Number called"),
    ("caller", "Number calling"),
    ("started_at", "Began"),
    ("answered_at", "Answered"),
    ("ended_at", "Ended"),
    ("duration_seconds", "Duration (talking)"),
    ("status", "Status"),
    ("direction", "Direction"),
    ("call_type", "Type of call"),
    ("account", "Account of the wallet"),
    ("line", "Line"),
    ("campaign", "Campaign"),
    ("application_ref", "Application"),
    ("manager", "Manager"),
    ("cost", "Provider's cost"),
    ("cost_currency", "Currency of the cost"),
]


class CallSourceColumn(models.Model):
    """Which column of a source's files is which fact of a call."""

    _name = "call.source.column"
    _description = "Column of a Call Source's Files"
    _order = "id"
    _rec_name = "column"

    source_id = fields.Many2one("call.source", required=True, ondelete="cascade", readonly=True, index=True)
    company_id = fields.Many2one(related="source_id.company_id")
    fact = fields.Selection(FACTS, "What It Is", required=True)
    column = fields.Char(
        required=True, help="Its heading in the file; #1 for the first one of a file without headings; call.id in JSON."
    )
    words = fields.Char(
        help="What words in it mean, where it is not plain: ANSWERED = completed, CHANUNAVAIL = failed. For status "
        "(completed, no_answer, busy, failed, canceled), direction (outbound, inbound), type (live, whatsapp)."
    )

    _once = models.UniqueIndex("(source_id, fact)", "Each fact has one column.")

    @api.constrains("words")
    def _check_words(self):
        for column in self:
            if column.words and any("=" not in part for part in column.words.split(",")):
                raise ValidationError(self.env._("Words: write them as ANSWERED = completed, BUSY = busy."))

    def _meanings(self):
        """Return what words mean, by the words in lower case."""
        pairs = (part.rpartition("=") for part in (self.words or "").split(","))
        return {word.strip().lower(): meaning.strip().lower() for word, sign, meaning in pairs if sign}
