import logging
import re

from odoo import api, models
from odoo.exceptions import UserError

from ..fields import ZERO, Amount, parse_amount
from .call_wallet import FINANCE

_logger = logging.getLogger(__name__)


class CallWalletTransfer(models.Model):
    """Bank transfers: incoming ones are matched to the top-up whose payment reference they name.

    Only an exact reference of exactly one open invoice counts; everything else stays with the
    accountant. What arrives, less or more, is credited like any payment; a surplus stays the
    customer's.
    """

    _inherit = "call.wallet.topup"

    outstanding_credit = Amount(
        compute="_compute_outstanding_credit", help="What the customer has paid and not used for any invoice."
    )

    @api.depends("wallet_id")
    def _compute_outstanding_credit(self):
        for topup in self:
            is_open = topup.missing_amount > 0
            topup.outstanding_credit = topup.wallet_id._outstanding_credit() if is_open else ZERO

    @api.model
    def match_transfers(self):
        """Match bank statement lines that nobody has reconciled yet with open top-up invoices.

        :return: the ``account.bank.statement.line``s that were matched
        :raise AccessError: not finance staff
        """
        self.env["call.wallet"]._as(FINANCE)
        return self.sudo()._match_transfers(self.env.companies)

    @api.model
    def _cron_match_transfers(self):
        """Match what has come in since the last run."""
        self._match_transfers(self.search([("state", "in", ["pending", "partial"])]).company_id)

    def _match_transfers(self, companies):
        matched = self.env["account.bank.statement.line"]
        open_invoices = self._invoices_by_reference(companies)
        if not open_invoices:
            return matched
        lines = matched.search(
            [("company_id", "in", companies.ids), ("is_reconciled", "=", False), ("amount", ">", 0)], order="id"
        )
        for line in lines:
            invoices = self._invoices_named(line, open_invoices)
            if len(invoices) != 1:
                if invoices:
                    _logger.info("Statement line %s names several top-ups; it is left to the accountant.", line.id)
                continue
            try:
                with self.env.cr.savepoint():
                    self._match(line, invoices)
            except Exception:  # one transfer must not hold up the others
                _logger.exception("Statement line %s was not matched.", line.id)
                continue
            matched |= line
        return matched

    def _invoices_by_reference(self, companies):
        """Return {reference: invoice} of the top-ups that still wait for money."""
        topups = self.search(
            [
                ("company_id", "in", companies.ids),
                ("invoice_id.state", "=", "posted"),
                ("invoice_id.payment_state", "in", ["not_paid", "partial"]),
            ]
        )
        references = {}
        for invoice in topups.invoice_id:
            for text in (invoice.payment_reference, invoice.name):
                if text:
                    references[_plain(text)] = invoice
        return references

    def _invoices_named(self, line, references):
        """Return the open invoices whose reference stands in the line's text as a whole."""
        text = _plain(f"{line.payment_ref or ''} {line.narration or ''}")
        found = self.env["account.move"]
        for reference, invoice in references.items():
            if re.search(rf"(?<![A-Z0-9]){re.escape(reference)}(?![A-Z0-9])", text):
                found |= invoice
        currency = line.foreign_currency_id or line.currency_id
        return found.filtered(
            lambda invoice: (
                invoice.company_id == line.company_id
                and invoice.currency_id == currency
                and invoice.amount_residual > 0
            )
        )

    def _match(self, line, invoice):
        """Book the line to the customer's receivable, and reconcile it with the invoice."""
        # Before the items are changed: Odoo writes them anew with the line's partner.
        line.partner_id = invoice.commercial_partner_id
        _liquidity, suspense, other = line._seek_for_lines()
        if other or len(suspense) != 1:
            raise UserError(self.env._("The statement line is being reconciled by hand."))
        receivable = invoice.line_ids.filtered(lambda item: item.account_id.account_type == "asset_receivable")
        suspense.write({"account_id": receivable.account_id[:1].id, "partner_id": invoice.commercial_partner_id.id})
        (suspense + receivable).filtered(lambda item: not item.reconciled).reconcile()
        invoice.message_post(body=self.env._("Transfer received: %s", line.payment_ref or line.display_name))

    # === WIRES THAT ARE NOT AWAITED ANY MORE === #

    def _sync_one(self):
        difference = super()._sync_one()
        if difference > 0:
            self._close_wires()
        return difference

    def _close_wires(self):
        """End the bank transfers that a customer has announced, once the invoice is paid."""
        invoice = self.invoice_id
        if not invoice.currency_id.is_zero(invoice.amount_residual):
            return
        wires = invoice.transaction_ids.filtered(
            lambda transaction: transaction.provider_code == "custom" and transaction.state in ("draft", "pending")
        )
        if wires:
            wires._set_canceled(
                state_message=self.env._("Invoice %s is paid; this transfer is not awaited.", invoice.name)
            )

    # === FUNDS THAT THE CUSTOMER HAS LEFT === #

    def apply_outstanding_credit(self):
        """Pay the top-up with what the customer has paid too much before.

        :return: Decimal, what was applied, tax included, in the wallet's currency
        :raise AccessError: neither finance staff nor an owner of the wallet
        """
        self.ensure_one()
        self.wallet_id._as(FINANCE, owner=True)
        topup = self.sudo()
        with self.env["call.wallet.ledger"]._transaction():
            before = topup.missing_amount
            for item in topup.wallet_id._outstanding_items():
                if topup.invoice_id.amount_residual > 0:
                    topup.invoice_id.js_assign_outstanding_line(item.id)
            self.env.flush_all()
            self.env.invalidate_all()
            return before - topup.missing_amount

    def action_apply_outstanding_credit(self):
        """Apply, and stay on the form."""
        self.apply_outstanding_credit()
        return True


class CallWallet(models.Model):
    _inherit = "call.wallet"

    def _outstanding_credit(self):
        """Return what the customer has paid and not used for any invoice, in the wallet's currency."""
        items = self._outstanding_items()
        return sum((parse_amount(-item.amount_residual_currency) for item in items), ZERO)

    def _outstanding_items(self):
        """Return the customer's open payments: money received, no credit notes."""
        self.ensure_one()
        items = self.env["account.move.line"].sudo()
        return items.search(
            [
                ("company_id", "=", self.company_id.id),
                ("partner_id", "=", self.sudo().partner_id.commercial_partner_id.id),
                ("account_type", "=", "asset_receivable"),
                ("parent_state", "=", "posted"),
                ("reconciled", "=", False),
                ("amount_residual_currency", "<", 0),
                ("currency_id", "=", self.currency_id.id),
                "|",
                ("move_id.origin_payment_id", "!=", False),
                ("move_id.statement_line_id", "!=", False),
            ],
            order="date, id",
        )


def _plain(text):
    return re.sub(r"\s+", " ", text).strip().upper()
