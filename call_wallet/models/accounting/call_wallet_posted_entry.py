from odoo import api, fields, models

from ...tools.fields import Amount


class CallWalletPostedEntry(models.Model):
    """What one journal entry took of one wallet and day of its ledger: exactly, and as it was rounded.

    Written by the posting together with the entry. Together an entry's rows say what its item on the
    deposit account should be, whatever that item says. An entry has several of a wallet where it took transactions
    of several days: of a month, or calls that were reported after their day. ``day`` is that of the
    ledger's rows, so that both ledgers can be compared on any day; the entry's date can lie before or after it.
    Amounts are in the wallet's currency and count what the wallet gave up.
    """

    _name = "call.wallet.posted.entry"
    _description = "Call Wallet Posted Entry"
    _order = "day desc, id desc"
    _log_access = False
    _rec_name = "move_id"

    wallet_id = fields.Many2one("call.wallet", required=True, readonly=True, ondelete="restrict")
    move_id = fields.Many2one("account.move", "Journal Entry", required=True, readonly=True, ondelete="restrict")
    day = fields.Date("Day of the Transactions", required=True, readonly=True, help="In the wallet's time zone.")
    date = fields.Date("Accounting Date", related="move_id.date")
    ledger_amount = Amount("Used", required=True, readonly=True, help="Exact total of the entry's transactions.")
    posted_amount = Amount("Posted", required=True, readonly=True, help="What the entry says, in whole cents.")
    remainder = Amount(compute="_compute_remainder", help="What the entry was rounded by.")
    currency_id = fields.Many2one(related="wallet_id.currency_id")
    company_id = fields.Many2one(related="wallet_id.company_id")

    _move_wallet = models.UniqueIndex("(move_id, wallet_id, day)", "An entry takes from a wallet's day once.")
    _wallet_day = models.Index("(wallet_id, day)")

    @api.depends("ledger_amount", "posted_amount")
    def _compute_remainder(self):
        for entry in self:
            entry.remainder = entry.ledger_amount - entry.posted_amount
