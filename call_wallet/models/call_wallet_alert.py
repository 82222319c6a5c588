from odoo import fields, models

from ..fields import Amount


class CallWalletAlert(models.Model):
    """One crossing of a wallet's balance, and the mail about it: the outbox of alerts.

    The ledger adds the row in the transaction of the debit that crossed the line, so a
    crossing is never lost; sending marks it, so it is never told twice.
    """

    _name = "call.wallet.alert"
    _description = "Call Wallet Alert"
    _order = "id desc"
    _rec_name = "kind"

    wallet_id = fields.Many2one("call.wallet", required=True, readonly=True, ondelete="cascade", index=True)
    kind = fields.Selection(
        [("low", "Low balance"), ("empty", "Calls stopped")], required=True, readonly=True
    )
    state = fields.Selection(
        [("pending", "To send"), ("sent", "Sent"), ("cancelled", "Not needed any more")],
        required=True,
        readonly=True,
        default="pending",
    )
    balance = Amount(readonly=True, aggregator=None)
    threshold = Amount(readonly=True, aggregator=None)
    sent_at = fields.Datetime(readonly=True)

    _pending = models.Index("(id) WHERE state = 'pending'")
