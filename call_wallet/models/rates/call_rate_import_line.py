from odoo import api, fields, models
from odoo.tools import format_datetime

from ...tools.fields import Amount
from .call_rate_import import KINDS

TERMS = ("increment_seconds", "minimum_seconds", "first_block_seconds", "free_seconds", "grace_seconds")


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
    old_connection_fee = Amount("Old Fee", readonly=True, aggregator=None, help="For a call that connects, likewise.")
    connection_fee = Amount("New Fee", readonly=True, aggregator=None, help="For a call that connects.")
    increment_seconds = fields.Integer("Step (s)", readonly=True, aggregator=None)
    minimum_seconds = fields.Integer("Minimum (s)", readonly=True, aggregator=None)
    first_block_seconds = fields.Integer("First block (s)", readonly=True, aggregator=None)
    free_seconds = fields.Integer("Free (s)", readonly=True, aggregator=None)
    grace_seconds = fields.Integer("Grace (s)", readonly=True, aggregator=None)
    valid_from = fields.Datetime(readonly=True)
    valid_to = fields.Datetime(readonly=True)
    old_terms = fields.Json(readonly=True, prefetch=False)
    terms = fields.Char(
        "Other Terms", compute="_compute_terms", help="Of a new rate what it says; of a changed one what changes."
    )
    close_missing = fields.Boolean(related="import_id.close_missing")

    _lookup = models.Index("(import_id, kind)")

    @api.depends("kind", "old_terms", "valid_to", *TERMS)
    @api.depends_context("lang", "tz")
    def _compute_terms(self):
        for line in self:
            line.terms = "  ·  ".join(line._told_terms())

    def _told_terms(self):
        """Yield what a line says besides its prices: all of a new rate, of a changed one what changes."""
        old, labels = self.old_terms or {}, {name: self._fields[name]._description_string(self.env) for name in TERMS}
        for name, label in labels.items():
            if self.kind == "new" and self[name]:
                yield f"{label}: {self[name]}"
            elif self.kind == "changed" and old.get(name) != self[name]:
                yield f"{label}: {old.get(name)} → {self[name]}"
        ended = fields.Datetime.to_datetime((old.get("valid_to") or "").replace("T", " ") or False)
        if self.valid_to and self.kind in ("new", "changed") and self.valid_to != ended:
            label = self._fields["valid_to"]._description_string(self.env)
            was, becomes = (format_datetime(self.env, end) if end else "–" for end in (ended, self.valid_to))
            yield f"{label}: {was} → {becomes}" if self.kind == "changed" else f"{label}: {becomes}"
