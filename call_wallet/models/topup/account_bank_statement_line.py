import re

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ...tools.sentence import telling
from ...tools.task import in_company_language

# A reference has a number in it, and as many parts as this at most (INV/2026/00012 has three).
PARTS = 6

SHORTEST, LONGEST = 5, 64


class AccountBankStatementLine(models.Model):
    _inherit = "account.bank.statement.line"

    call_wallet_note = fields.Char(
        readonly=True, copy=False, help="Why a transfer that names a top-up was not matched with it."
    )

    call_wallet_match = fields.Selection(
        [("matched", "Matched"), ("undone", "Undone")],
        readonly=True,
        copy=False,
        help="Whether a top-up's invoice that the transfer names was found, and somebody has undone it since.",
    )

    call_wallet_is_of_interest = fields.Boolean(
        "May Concern a Wallet",
        compute="_compute_call_wallet_reason",
        search="_search_call_wallet_is_of_interest",
        help="It names a top-up, comes from a customer with a wallet, or is open and nobody knows from whom it comes.",
    )
    call_wallet_reason = fields.Char("Why It Is Here", compute="_compute_call_wallet_reason")

    @api.depends("call_wallet_note", "call_wallet_match", "is_reconciled", "partner_id")
    @api.depends_context("lang", "allowed_company_ids")
    def _compute_call_wallet_reason(self):
        accounts = self._call_wallet_accounts()
        for line in self:
            line.call_wallet_reason = line._call_wallet_why(accounts.get(line.partner_id.commercial_partner_id))
            line.call_wallet_is_of_interest = bool(line.call_wallet_reason)

    def _call_wallet_why(self, accounts):
        """Return why the line may concern a wallet, in the reader's language; False where it does not.

        :param accounts: the accounts of its sender's wallets, as text, or None
        """
        _ = self.env._
        if self.call_wallet_note:
            return self.call_wallet_note
        if self.call_wallet_match == "matched" and self.is_reconciled:
            return _("It names a top-up, and was matched with it.")
        if accounts and self.is_reconciled:
            return _("It comes from a customer with a wallet (%s), and was reconciled by hand.", accounts)
        if accounts:
            return _("It names no top-up; its sender has a wallet (%s).", accounts)
        if not self.partner_id and not self.is_reconciled:
            return _("It names no top-up, and its sender is not known.")
        return False

    def _call_wallet_accounts(self):
        """Return {customer: the accounts of its wallets in the chosen companies}, of the lines' senders."""
        wallets = self.env["call.wallet"].with_context(active_test=False)
        if not wallets.has_access("read"):
            return {}
        found = wallets.search(
            [
                ("partner_id.commercial_partner_id", "in", self.partner_id.commercial_partner_id.ids),
                ("company_id", "in", self.env.companies.ids),
            ]
        )
        groups = found.grouped(lambda wallet: wallet.partner_id.commercial_partner_id)
        return {customer: ", ".join(theirs.mapped("account_ref")) for customer, theirs in groups.items()}

    @api.model
    def _search_call_wallet_is_of_interest(self, operator, value):
        if operator != "in":
            return NotImplemented
        wallets = self.env["call.wallet"].with_context(active_test=False)
        if not wallets.has_access("read"):
            return Domain.FALSE
        found = wallets._search([("company_id", "in", self.env.companies.ids)])
        owners = found.subselect(SQL.identifier(wallets._table, "partner_id"))
        partners = self.env["res.partner"].with_context(active_test=False)
        customers = partners._search([("id", "in", owners)])
        return (
            Domain("call_wallet_note", "!=", False)
            | Domain("call_wallet_match", "!=", False)
            | Domain(
                "partner_id.commercial_partner_id",
                "in",
                customers.subselect(SQL.identifier(partners._table, "commercial_partner_id")),
            )
            | Domain("partner_id", "=", False) & Domain("is_reconciled", "=", False)
        )

    def action_undo_reconciliation(self):
        """Open lines again; one that was matched with a top-up is left to whoever undid that."""
        matched = self.filtered(lambda line: line.call_wallet_match == "matched")
        result = super().action_undo_reconciliation()
        for line in matched:
            note = in_company_language(line).env._(
                "The match was undone: reconcile the transfer by hand, or match transfers again."
            )
            line.write({"call_wallet_match": "undone", "call_wallet_note": note})
        return result

    def _call_wallet_keys(self):
        """Return everything in the line's text that may be a payment reference, without separators."""
        parts = re.findall(r"[A-Z0-9]+", f"{self.payment_ref or ''} {self.narration or ''} {self.ref or ''}".upper())
        joined = {
            "".join(parts[start:end])
            for start in range(len(parts))
            for end in range(start + 1, min(start + PARTS, len(parts)) + 1)
        }
        return {key for key in joined if SHORTEST <= len(key) <= LONGEST and re.search(r"\d", key)}

    def _call_wallet_match(self, invoices):
        """Book the line to the customer whose invoices it names, if there is no doubt; return it if it was."""
        _liquidity, suspense, other = self._seek_for_lines()
        if other or len(suspense) != 1:
            return self.browse()  # somebody has begun to reconcile it by hand
        reader = invoices.call_wallet_topup_ids.wallet_id[:1]._for_finance().env
        doubt = self.with_context(lang=reader.lang)._call_wallet_doubt(invoices)
        if doubt:
            self._call_wallet_leave(invoices, doubt)
            return self.browse()
        self._call_wallet_book(invoices)
        return self

    def _call_wallet_doubt(self, invoices):
        """Return why the line cannot be matched with the invoices that it names, or False."""
        _ = telling(self.env)
        names = ", ".join(invoices.mapped("name"))
        currency = self.foreign_currency_id or self.currency_id
        amount = self.amount_currency if self.foreign_currency_id else self.amount
        if len(invoices.commercial_partner_id) > 1:
            return _("The transfer names invoices of several customers: %s.", names)
        if invoices.currency_id != currency:
            return _(
                "The transfer is in %(currency)s, other than the invoice it names: %(names)s.",
                currency=currency.name,
                names=names,
            )
        if len(invoices) > 1 and currency.compare_amounts(amount, sum(invoices.mapped("amount_residual"))):
            return _("The transfer names several invoices, whose sum is another: %s.", names)
        if self._call_wallet_registered(invoices):
            return _("A payment of %s was registered by hand; it may be this transfer.", names)
        if self._call_wallet_twins():
            return _("A transfer with this text, day and amount was matched before: was the statement imported twice?")
        return False

    def _call_wallet_registered(self, invoices):
        """Return payments in this bank that somebody has registered and that wait for their line here."""
        payments = invoices._get_reconciled_payments()
        return payments.filtered(
            lambda payment: (
                payment.journal_id == self.journal_id and not payment.is_matched and not payment.payment_transaction_id
            )
        )

    def _call_wallet_twins(self):
        return self.search(
            [
                ("id", "!=", self.id),
                ("journal_id", "=", self.journal_id.id),
                ("is_reconciled", "=", True),
                *((name, "=", self[name]) for name in ("date", "amount", "payment_ref")),
            ],
            limit=1,
        )

    def _call_wallet_leave(self, invoices, doubt):
        """Leave the line to the accountant; tell finance once."""
        if self.call_wallet_note == doubt:
            return
        self.call_wallet_note = str(doubt)
        self.move_id.message_post(body=str(doubt))
        told = invoices.call_wallet_topup_ids.wallet_id[:1]._for_finance()
        _ = telling(told.env)
        told._tell_finance(
            _("A bank transfer was not matched: %s", self.payment_ref or self.display_name),
            _("%s Reconcile it by hand.", doubt),
            about=self.move_id,
        )

    def _call_wallet_book(self, invoices):
        """Book the line to the customer's receivable, and reconcile it with what is open of the invoices."""
        customer = invoices.commercial_partner_id
        # Before the items are changed: Odoo writes them anew with the line's partner.
        self.write({"partner_id": customer.id, "call_wallet_note": False, "call_wallet_match": "matched"})
        _liquidity, suspense, _other = self._seek_for_lines()
        receivable = invoices.line_ids.filtered(lambda item: item.account_id.account_type == "asset_receivable")
        suspense.write({"account_id": receivable.account_id[:1].id, "partner_id": customer.id})
        posted = receivable.filtered(lambda item: item.parent_state == "posted" and not item.reconciled)
        if posted:
            (suspense + posted.sorted("date_maturity")).reconcile()
        for invoice in invoices:
            kept = in_company_language(invoice).env
            invoice.message_post(body=kept._("Transfer received: %s", self.payment_ref or self.display_name))
        left = -suspense.amount_residual_currency
        if suspense.currency_id.compare_amounts(left, 0) > 0:
            told = invoices.call_wallet_topup_ids.wallet_id[:1]._for_finance()
            _ = telling(told.env)
            told._tell_finance(
                _("A transfer for %s was more than was to be paid", ", ".join(invoices.mapped("name"))),
                _(
                    "%(amount)s is the customer's outstanding credit now: use it for the next top-up, or send it back.",
                    amount=suspense.currency_id.with_env(told.env).format(left),
                ),
                about=invoices.call_wallet_topup_ids[:1],
            )
