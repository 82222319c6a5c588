from odoo import fields, models

from ...tools.fields import Amount


class CallWalletPostedValue(models.Model):
    """What one entry of the posting took of one wallet's deposits in the company's currency.

    Written by the posting together with the entry, exchange differences included. It says what the entry's items on
    the deposit account should be worth, whatever those items say.
    """

    _name = "call.wallet.posted.value"
    _description = "Call Wallet Posted Value"
    _order = "id desc"
    _log_access = False
    _rec_name = "move_id"

    wallet_id = fields.Many2one("call.wallet", required=True, readonly=True, ondelete="restrict", index=True)
    move_id = fields.Many2one("account.move", "Journal Entry", required=True, readonly=True, ondelete="restrict")
    value = Amount(required=True, readonly=True, help="In the company's currency; positive: taken from the wallet.")
    company_id = fields.Many2one(related="wallet_id.company_id")

    _move_wallet = models.UniqueIndex("(move_id, wallet_id)", "An entry takes from a wallet once.")
