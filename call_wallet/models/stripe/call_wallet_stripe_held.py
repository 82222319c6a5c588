from odoo import fields, models

from ...tools.fields import Amount


class CallWalletStripeHeld(models.Model):
    """What an open dispute holds of one wallet: a payment may have brought funds to several.

    Written by ``call.wallet.stripe.return`` alone, together with what the wallet's balance holds. In the wallet's
    currency.
    """

    _name = "call.wallet.stripe.held"
    _description = "Disputed Funds of a Wallet"
    _order = "return_id desc, wallet_id"
    _rec_name = "wallet_id"
    _log_access = False

    return_id = fields.Many2one(
        "call.wallet.stripe.return", "Dispute", required=True, readonly=True, ondelete="cascade", index=True
    )
    wallet_id = fields.Many2one("call.wallet", required=True, readonly=True, ondelete="restrict", index=True)
    amount = Amount("Held", required=True, readonly=True, default=0)
    currency_id = fields.Many2one(related="wallet_id.currency_id")

    _once = models.UniqueIndex("(return_id, wallet_id)", "A dispute holds a wallet's funds once.")
