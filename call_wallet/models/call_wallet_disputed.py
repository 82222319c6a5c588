from decimal import ROUND_HALF_UP, Decimal

from odoo import models

from ..fields import ZERO, Amount, parse_amount

# From Stripe's list of a dispute's statuses: not decided yet, an inquiry before a dispute included.
OPEN = ("warning_needs_response", "warning_under_review", "needs_response", "under_review")


class CallWalletDisputed(models.Model):
    """Funds of a payment that is disputed: held while the dispute is open and the money still here.

    Once the money is taken, the ``reversal`` takes their place; once the dispute is decided for us, they are
    free. Like the rest of it a level, which ``_bring`` restores from whatever state.
    """

    _inherit = "call.wallet.stripe.return"

    held_amount = Amount(
        "Held", required=True, default=0, readonly=True, help="Not available to calls while the dispute is open."
    )

    def _follow_dispute(self):
        is_open = self.kind == "dispute" and self.status in OPEN and not self.is_taken
        self._hold_disputed(self._disputed_funds() if is_open else ZERO)

    def _disputed_funds(self):
        """Return how much of the wallet's funds the disputed payment brought: net of tax, in its currency."""
        topups = self.transaction_id._call_wallet_topups().filtered(lambda topup: topup.wallet_id == self.wallet_id)
        invoice = topups.invoice_id[:1]
        if not invoice.amount_total:
            return ZERO
        net = parse_amount(self.amount) * parse_amount(invoice.amount_untaxed) / parse_amount(invoice.amount_total)
        cent = Decimal(1).scaleb(-self.currency_id.decimal_places)
        return min(net.quantize(cent, rounding=ROUND_HALF_UP), sum(topups.mapped("credited_amount"), ZERO))

    def _hold_disputed(self, amount):
        change = amount - self.held_amount
        if change:
            self.held_amount = amount
            self.env.flush_all()
            self.env["call.wallet.hold"]._hold_otherwise(self.wallet_id.id, change)


class CallWallet(models.Model):
    _inherit = "call.wallet"

    disputed_amount = Amount(
        "Disputed", compute="_compute_disputed_amount", help="Held because a payment is disputed; part of what is held."
    )

    def _compute_disputed_amount(self):
        disputes = self.env["call.wallet.stripe.return"].sudo()
        held = disputes.search([("wallet_id", "in", self.ids), ("held_amount", ">", 0)]).grouped("wallet_id")
        for wallet in self:
            wallet.disputed_amount = sum(held.get(wallet, disputes).mapped("held_amount"), ZERO)
