from odoo import api, models

from ...const import FINANCE
from ...tools.door import each, in_books, worker
from ...tools.rights import as_superuser


class CallWalletTransfer(models.Model):
    """Bank transfers: incoming ones are matched to the top-up whose payment reference they name.

    Only a whole reference counts, whatever stands between its parts; a transfer that names none, or whose
    customer or currency is in doubt, stays with the accountant, with a note why. So does one whose match somebody has
    undone, until a person asks for a match again. What arrives, less or more, is credited like any payment; a surplus
    stays the customer's.
    """

    _inherit = "call.wallet.topup"

    @api.model
    def match_transfers(self):
        """Match bank statement lines that nobody has reconciled yet with top-up invoices.

        :return: the ``account.bank.statement.line`` records that were matched
        :raise AccessError: not finance staff
        """
        self.env["call.wallet"]._permitted(FINANCE)
        return as_superuser(self)._match_transfers(self.env.companies, again=True)

    @api.model
    def action_match_transfers(self):
        """Match, and say how many.

        :raise AccessError: not finance staff
        """
        count = len(self.match_transfers())
        _ = self.env._
        message = _("Transfers matched: %s", count) if count else _("No open transfer names a top-up's invoice.")
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success" if count else "info",
                "message": message,
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    @api.model
    def _cron_match_transfers(self):
        """Match what has come in since the last run, and what was left."""
        groups = self.env["call.wallet"].with_context(active_test=False)._read_group([], ["company_id"])
        self._match_transfers(self.env["res.company"].union(*(company for (company,) in groups)))

    @worker
    def _match_transfers(self, companies, again=False):
        """Match open lines, each in a transaction of its own in Odoo's books; return those that were matched.

        :param bool again: also those whose match somebody has undone
        """
        domain = [("company_id", "in", companies.ids), ("is_reconciled", "=", False), ("amount", ">", 0)]
        if not again:
            domain.append(("call_wallet_match", "!=", "undone"))
        lines = self.env["account.bank.statement.line"].search(domain, order="id")
        keys = {line: line._call_wallet_keys() for line in lines}
        named = self._invoices_by_reference(companies, set().union(*keys.values()))
        invoices = {}
        for line in lines:
            found = [named[line.company_id.id, key] for key in keys[line] if (line.company_id.id, key) in named]
            if found:
                invoices[line.id] = self.env["account.move"].union(*found).ids
        matched = []

        def match(line):
            theirs = self.env["account.move"].browse(invoices[line.id])
            matched.extend(in_books(self.env, lambda: line._call_wallet_match(theirs)).ids)

        each(self.env, lines.browse(invoices), match, part="transfers")
        return lines.browse(matched)

    def _invoices_by_reference(self, companies, keys):
        """Return {(company id, reference): invoices} of the top-ups that these references name."""
        self.env.flush_all()
        self.env.cr.execute(NAMED, {"companies": companies.ids, "keys": list(keys)})
        named = {}
        for company_id, key, move_ids in self.env.cr.fetchall():
            named[company_id, key] = self.env["account.move"].browse(move_ids)
        return named

    # === WHERE TO SEND ONE === #

    def _bank_instructions(self):
        """Return where to send a bank transfer for this top-up, to the seller's own account: rows of (label, value).

        The account is the one that the invoice names, else that of one of the company's bank journals, one in the
        top-up's currency first. Empty where no account is known.
        """
        self.ensure_one()
        invoice = self.sudo().invoice_id
        account = invoice.partner_bank_id or self._account_of_journals()
        if not account:
            return []
        _ = self.env._
        rows = [
            (_("Beneficiary"), account.acc_holder_name or account.partner_id.name),
            (_("Bank"), account.bank_name),
            (_("IBAN") if account.acc_type == "iban" else _("Account number"), account.acc_number),
            (_("Clearing number"), account.clearing_number),
            (_("SWIFT/BIC"), account.bank_bic),
            (_("Payment reference"), invoice.payment_reference or invoice.name),
        ]
        return [(label, value) for label, value in rows if value]

    def _account_of_journals(self):
        topup = self.sudo()
        journals = topup.env["account.journal"].search(
            [("company_id", "=", topup.company_id.id), ("type", "=", "bank"), ("bank_account_id", "!=", False)]
        )
        theirs = journals.filtered(
            lambda journal: (journal.currency_id or topup.company_id.currency_id) == topup.currency_id
        )
        return (theirs or journals)[:1].bank_account_id

    # === ANNOUNCED TRANSFERS === #
    # Transfers that customers have announced: they are awaited until their invoice is settled.

    def _close_wires(self):
        """End the announced transfers of an invoice that is settled or cancelled.

        The last one is done where a transfer has paid the invoice; nobody awaits the others.
        """
        invoice = self.invoice_id
        is_settled = invoice.state == "posted" and invoice.currency_id.is_zero(invoice.amount_residual)
        if not is_settled and invoice.state != "cancel":
            self._await_again()
            return
        wires = invoice.transaction_ids.filtered(
            lambda wire: wire.provider_code == "custom" and wire.state in ("draft", "pending")
        ).sorted("id")
        came = invoice.line_ids.matched_credit_ids.credit_move_id.move_id.filtered("statement_line_id")
        if wires and came:
            done, wires = wires[-1:], wires[:-1]
            done._set_done()
            # The money is on the bank statement: a payment beside it would be there twice.
            done.is_post_processed = True
        if wires:
            _ = self.with_context(lang=self.partner_id._call_wallet_lang(self.company_id)).env._
            wires._set_canceled(state_message=_("Invoice %s is settled; this transfer is not awaited.", invoice.name))

    def _await_again(self):
        """The bank's line that had ended an announced transfer was opened again: the transfer is awaited still."""
        invoice = self.invoice_id
        if invoice.line_ids.matched_credit_ids.credit_move_id.move_id.filtered("statement_line_id"):
            return
        invoice.transaction_ids.filtered(
            lambda wire: (
                (wire.provider_code, wire.state, wire.is_post_processed) == ("custom", "done", True)
                and not wire.payment_id
            )
        ).state = "pending"


# Upper case, letters and digits only: what banks leave of a reference.
PLAIN = "regexp_replace(upper({}), '[^A-Z0-9]', '', 'g')"


NAMED = f"""
    SELECT r.company_id, r.key, array_agg(DISTINCT r.move_id ORDER BY r.move_id)
      FROM (SELECT t.company_id, m.id AS move_id, unnest(ARRAY[{PLAIN.format("m.payment_reference")},
                                                               {PLAIN.format("m.name")}]) AS key
              FROM call_wallet_topup t
              JOIN account_move m ON m.id = t.invoice_id
             WHERE t.company_id = ANY(%(companies)s) AND m.state IN ('posted', 'cancel')) r
     WHERE r.key = ANY(%(keys)s)
     GROUP BY r.company_id, r.key
"""
