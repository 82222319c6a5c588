from odoo import api, fields, models
from odoo.exceptions import UserError


class CallSourceLine(models.Model):
    """Which wallet pays for the calls over a line: one of our numbers, an account of the provider's, a trunk."""

    _name = "call.source.line"
    _description = "Line of a Call Source"
    _order = "key, id"
    _rec_name = "key"
    _check_company_auto = True

    source_id = fields.Many2one("call.source", required=True, ondelete="cascade", readonly=True, index=True)
    key = fields.Char(
        "Line",
        required=True,
        help="As the source writes it: a phone number ID of WhatsApp, a number of yours, an account code.",
    )
    wallet_id = fields.Many2one("call.wallet", required=True, ondelete="cascade", check_company=True, index=True)
    company_id = fields.Many2one(related="source_id.company_id")

    # With and without the plus it is one number.
    _once = models.UniqueIndex(
        "(source_id, ltrim(key, '+'))", "A line belongs to one wallet; it is in the list already."
    )
    _not_blank = models.Constraint("CHECK (key <> '')", "A line is a number, a name or an account; it is not empty.")

    @api.model_create_multi
    def create(self, vals_list):
        """Add lines; calls that waited for one of them are looked at again."""
        lines = super().create([self._stripped(vals) for vals in vals_list])
        self.env["call.source.call"]._look_again(lines.source_id)
        return lines

    def write(self, vals):
        """Change lines; calls that waited for one of them are looked at again. What was charged stays.

        :raise UserError: another source
        """
        if "source_id" in vals and any(line.source_id.id != vals["source_id"] for line in self.sudo()):
            raise UserError(self.env._("A line stays with its source. Add it to the other one."))
        result = super().write(self._stripped(vals))
        self.env["call.source.call"]._look_again(self.source_id)
        return result

    def _stripped(self, vals):
        key = vals.get("key")
        return {**vals, "key": key.strip()} if isinstance(key, str) else vals
