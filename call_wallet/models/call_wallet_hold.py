from odoo import fields, models

from ..fields import Amount

HOLD_STATES = [
    ("held", "Held"),
    ("settled", "Settled"),
    ("released", "Released"),
    ("expired", "Expired"),
]


class CallWalletHold(models.Model):
    """Funds reserved for one call in progress: held -> settled, released or expired.

    Written by ``call.wallet`` (authorise, extend, release) and by the ledger when the call
    is charged. Amounts are in the wallet's currency, 6 places; times are UTC.
    """

    _name = "call.wallet.hold"
    _description = "Call Wallet Hold"
    _order = "id desc"
    _rec_name = "call_ref"
    _log_access = False

    wallet_id = fields.Many2one("call.wallet", required=True, readonly=True, ondelete="restrict")
    call_ref = fields.Char("Call Reference", required=True, readonly=True)
    call_type = fields.Selection(
        [("live", "Live Call"), ("whatsapp", "WhatsApp Call")], required=True, readonly=True
    )
    number = fields.Char(required=True, readonly=True)
    state = fields.Selection(HOLD_STATES, required=True, readonly=True, default="held")
    amount = Amount(required=True, readonly=True)
    reserved_seconds = fields.Integer(readonly=True, aggregator=None)
    rate = Amount("Rate per Minute", readonly=True, aggregator=None)
    rate_id = fields.Many2one("call.rate", readonly=True, ondelete="set null", index="btree_not_null")
    authorized_at = fields.Datetime(readonly=True)
    expires_at = fields.Datetime(readonly=True)
    partner_id = fields.Many2one(related="wallet_id.partner_id")
    currency_id = fields.Many2one(related="wallet_id.currency_id")
    company_id = fields.Many2one(related="wallet_id.company_id")

    _call_ref_unique = models.UniqueIndex("(wallet_id, call_ref)", "A call has one hold.")
    _expiry = models.Index("(expires_at) WHERE state = 'held'")
    _live = models.Index("(wallet_id) WHERE state = 'held'")
