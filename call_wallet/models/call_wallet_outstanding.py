from odoo import api, models
from odoo.exceptions import UserError

from ..door import door
from ..fields import ZERO, Amount, parse_amount
from .call_wallet import FINANCE


class CallWalletTopupOutstanding(models.Model):
    """What a customer has paid too much pays for the next top-up."""

    _inherit = "call.wallet.topup"

    outstanding_credit = Amount(
        compute="_compute_outstanding_credit", help="What the customer has paid and not used for any invoice."
    )

    @api.depends("wallet_id")
    def _compute_outstanding_credit(self):
        for topup in self:
            is_open = topup.missing_amount > 0
            topup.outstanding_credit = topup.wallet_id._outstanding_credit() if is_open else ZERO

    def apply_outstanding_credit(self):
        """Pay the top-up with what the customer has paid too much before.

        :return: Decimal, what was applied, tax included, in the wallet's currency
        :raise UserError: a payment of the invoice is being processed
        :raise AccessError: neither finance staff nor an owner of the wallet
        """
        self.ensure_one()
        self.wallet_id._as(FINANCE, owner=True)
        topup = self.sudo()
        with door(self.env):
            topup._lock_outstanding()
            before = topup.missing_amount
            if before and topup.invoice_id.transaction_ids.filtered("call_wallet_is_under_way"):
                raise UserError(topup.invoice_id._call_wallet_not_payable())
            for item in topup.wallet_id._outstanding_items():
                if topup.missing_amount > 0:
                    topup.invoice_id.js_assign_outstanding_line(item.id)
            self.env.flush_all()
            self.env.invalidate_all()
            return before - topup.missing_amount

    def _lock_outstanding(self):
        """Keep others off the credit and the invoice: of two top-ups at once, the second sees what is left."""
        items = self.wallet_id._outstanding_items() | self.invoice_id.line_ids
        self.env.cr.execute("SELECT FROM account_move_line WHERE id = ANY(%s) ORDER BY id FOR UPDATE", [items.ids])
        self.env.invalidate_all()

    def action_apply_outstanding_credit(self):
        """Apply, and stay on the form."""
        self.apply_outstanding_credit()
        return True


class CallWalletOutstanding(models.Model):
    _inherit = "call.wallet"

    def _outstanding_credit(self):
        """Return what the customer has paid and not used for any invoice, in the wallet's currency."""
        items = self._outstanding_items()
        return sum((parse_amount(-item.amount_residual_currency) for item in items), ZERO)

    def _outstanding_items(self):
        """Return the customer's open payments: money received, no credit notes, nothing that has bounced."""
        self.ensure_one()
        wallet = self.sudo()
        domain = [
            ("company_id", "=", wallet.company_id.id),
            ("partner_id", "=", wallet.partner_id.commercial_partner_id.id),
            ("account_type", "=", "asset_receivable"),
            ("parent_state", "=", "posted"),
            ("reconciled", "=", False),
            ("amount_residual_currency", "<", 0),
            ("currency_id", "=", wallet.currency_id.id),
            "|",
            ("move_id.origin_payment_id.state", "in", ("in_process", "paid")),
            ("move_id.statement_line_id", "!=", False),
        ]
        items = wallet.env["account.move.line"].search(domain, order="date, id")
        if wallet.company_id.call_wallet_accept_test_payments:
            return items
        # A payment in a provider's test mode is no money: the top-up would be settled, and bring nothing.
        return items.filtered(
            lambda item: (
                not item.move_id.origin_payment_id.payment_transaction_id
                or item.move_id.origin_payment_id.payment_transaction_id.is_live
            )
        )
