from odoo import fields, models

from ...tools.fields import Amount
from .call_wallet_transaction import TYPES


class CallWalletDay(models.Model):
    """Totals of one wallet's transactions by day, type, call type and campaign.

    Kept by the ledger in the transaction that appends the rows, so a dashboard or a
    roll-forward never scans the ledger. ``day`` is the date in the wallet's time zone;
    amounts are signed, in the wallet's currency, 6 places.
    """

    _name = "call.wallet.day"
    _description = "Call Wallet Daily Totals"
    _order = "day desc, id desc"
    _log_access = False

    wallet_id = fields.Many2one("call.wallet", required=True, readonly=True, ondelete="restrict")
    day = fields.Date(required=True, readonly=True)
    type = fields.Selection(TYPES, required=True, readonly=True)
    call_type = fields.Selection([("live", "Live Call"), ("whatsapp", "WhatsApp Call")], readonly=True)
    campaign_id = fields.Many2one("utm.campaign", readonly=True, ondelete="restrict", index="btree_not_null")
    transactions = fields.Integer(readonly=True)
    billed_minutes = Amount(readonly=True)
    amount = Amount(readonly=True)
    partner_id = fields.Many2one(related="wallet_id.partner_id")
    currency_id = fields.Many2one(related="wallet_id.currency_id")
    company_id = fields.Many2one(related="wallet_id.company_id")

    _key = models.UniqueIndex(
        "(wallet_id, day, type, COALESCE(call_type, ''), COALESCE(campaign_id, 0))",
        "One total a wallet, day, type, call type and campaign.",
    )
