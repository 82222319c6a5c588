from odoo import fields, models


class CallWalletEventType(models.Model):
    """A type of events that webhooks can choose; ``code`` is what the events say."""

    _name = "call.wallet.event.type"
    _description = "Call Wallet Event Type"
    _order = "id"
    _rec_name = "code"
    _log_access = False

    code = fields.Char(required=True, readonly=True)
    name = fields.Char("Meaning", required=True, translate=True, readonly=True)

    _code_unique = models.UniqueIndex("(code)", "An event type stands here once.")
