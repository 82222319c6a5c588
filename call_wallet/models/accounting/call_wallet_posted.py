from odoo import fields, models

from ...tools.fields import Amount

KINDS = [
    ("live", "Live Calls"),
    ("whatsapp", "WhatsApp calls"),
    ("adjustment", "Adjustments"),
    ("breakage", "Breakage"),
    ("bad_debt", "Written off"),
]


class CallWalletPosted(models.Model):
    """How much of a wallet's ledger is in the general ledger, by kind of transaction.

    Written by the posting alone, together with the entry it counts. The difference of the two
    amounts is what is below a cent and carried to the next entry.
    Amounts are in the wallet's currency and count what the wallet gave up.
    """

    _name = "call.wallet.posted"
    _description = "Call Wallet Posted Totals"
    _order = "wallet_id, kind"
    _log_access = False

    wallet_id = fields.Many2one("call.wallet", required=True, readonly=True, ondelete="restrict")
    kind = fields.Selection(KINDS, required=True, readonly=True)
    ledger_amount = Amount(
        required=True, readonly=True, default=0, help="Exact total of the transactions that have an entry."
    )
    posted_amount = Amount(required=True, readonly=True, default=0, help="What the entries say, in whole cents.")
    currency_id = fields.Many2one(related="wallet_id.currency_id")

    _wallet_kind = models.UniqueIndex("(wallet_id, kind)", "One total a wallet and kind.")
