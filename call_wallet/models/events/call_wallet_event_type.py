from odoo import api, fields, models


class CallWalletEventType(models.Model):
    """A type of events that webhooks can choose; ``code`` is what the events say."""

    _name = "call.wallet.event.type"
    _description = "Call Wallet Event Type"
    _order = "id"
    _rec_name = "code"
    _log_access = False

    code = fields.Char(required=True, readonly=True)
    name = fields.Char("Meaning", required=True, translate=True, readonly=True)

    @api.depends("code", "name")
    @api.depends_context("with_meaning", "lang")
    def _compute_display_name(self):
        for kind in self:
            has_meaning = self.env.context.get("with_meaning")
            kind.display_name = f"{kind.code} \N{EN DASH} {kind.name}" if has_meaning else kind.code

    _code_unique = models.UniqueIndex("(code)", "An event type stands here once.")
