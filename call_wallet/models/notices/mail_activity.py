from odoo import api, fields, models

from ...tools.rights import made_by_hand, refuse_typed


class MailActivity(models.Model):
    """A task that stands on a wallet, where all that concerns its money is, and is about another record."""

    _inherit = "mail.activity"

    call_wallet_words = fields.Json(
        readonly=True, help="How summary and note were made, by which they are read in other languages."
    )
    call_wallet_about_model = fields.Char("Model of What It Is About", readonly=True)
    call_wallet_about_id = fields.Many2oneReference(
        "What It Is About",
        model_field="call_wallet_about_model",
        readonly=True,
        help="Such as the top-up or the payment; empty: the record that the task stands on.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        """Create tasks; how a task's text was made, and what it is about, is typed in by nobody.

        :raise AccessError: as ``refuse_typed``
        """
        return super().create(made_by_hand(self, vals_list))

    def write(self, vals):
        """Write on tasks, but not what the addon keeps on them.

        :raise AccessError: as ``refuse_typed``
        """
        refuse_typed(self, vals)
        return super().write(vals)
