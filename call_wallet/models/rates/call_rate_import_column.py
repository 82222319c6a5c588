from odoo import fields, models

MEANINGS = [
    ("prefix", "Prefix"),
    ("country_code", "Country code, before the prefix"),
    ("destination", "Destination"),
    ("price_per_minute", "Price per minute"),
    ("connection_fee", "Connection fee"),
    ("increment_seconds", "Billing increment (60, or 60/6)"),
    ("first_block_seconds", "First block (seconds)"),
    ("minimum_seconds", "Minimum (seconds)"),
    ("free_seconds", "Free seconds"),
    ("grace_seconds", "Grace (seconds)"),
    ("valid_from", "Valid from"),
    ("valid_to", "Valid to"),
    ("currency", "Currency"),
]


class CallRateImportColumn(models.Model):
    """One column of a price list, and what the person who imports it says that it is."""

    _name = "call.rate.import.column"
    _description = "Rate Import: Column"
    _order = "position, id"
    _rec_name = "heading"

    import_id = fields.Many2one("call.rate.import", required=True, readonly=True, ondelete="cascade", index=True)
    position = fields.Integer(readonly=True, aggregator=None)
    heading = fields.Char("Column in the File", readonly=True)
    samples = fields.Char("First Lines", readonly=True)
    meaning = fields.Selection(MEANINGS, "What It Is", help="Empty: the column is left out.")

    def write(self, vals):
        """Say what a column is; a file that is imported has said it.

        :raise AccessError: anything else is not written by people
        """
        if not self.env.su and (vals.keys() - {"meaning"} or any(one.import_id.state != "columns" for one in self)):
            self.import_id._refuse_to_write()
        return super().write(vals)
