import logging
from datetime import datetime

from odoo import Command

from .told import told_at

_logger = logging.getLogger(__name__)

ACCOUNTS = ("HOOLI", "VANDELAY", "TYRELL", "SOYLENT", "WAYNE", "CYBERDYNE")
# Noon in UTC: one day wherever the customers are.
ORDERED, SETTLED, DECIDED = (datetime(2026, 10, day, 12) for day in (20, 22, 23))


class Cases:
    """One example of each special case of a customer's payment, on a customer of its own.

    Amounts are in US dollars, which the bank's lines and the write-offs need as the books' currency, too.
    """

    def __init__(self, env, moved):
        self._ordered, self._settled, self._decided = map(moved, (ORDERED, SETTLED, DECIDED))
        self.env, self.company = env, env.ref("base.main_company")
        self.wallets = {name: env.ref(f"call_wallet.demo_wallet_{name.lower()}") for name in ACCOUNTS}

    def tell(self):
        """Tell each case once; return whether they were told now."""
        wallets = self.env["call.wallet"].union(*self.wallets.values())
        if wallets.topup_ids:
            return False
        for wallet in wallets:
            wallet.set_recipients([wallet.partner_id.email])
        self._several_in_one_payment()
        self._note_pays_the_next()
        if wallets.currency_id != self.company.currency_id:
            _logger.info("The books are not in US dollars: the demo has no bank lines and no write-offs.")
            return True
        self._bank_fee()
        self._withheld_tax()
        self._written_off()
        return True

    # === THE CASES === #

    def _bank_fee(self):
        """The bank paid 241 of 250 and kept 9, which is the seller's cost: 250 are credited."""
        fees = self.company._call_wallet_fee_accounts()[:1]
        if not fees:
            _logger.info("The chart has no account of bank fees: the demo has no payment less a fee.")
            return
        invoice = self._order("HOOLI", "250")
        self._receive(invoice, 241, fees, "Fee of the bank")

    def _withheld_tax(self):
        """Of 200 the customer paid 180, and 20 to its tax office: its certificate is entered, and counts as received.

        With Odoo's module for withheld taxes (``l10n_account_withholding_tax``) this would count by itself.
        """
        account = self._make_account("Tax withheld by customers", "asset_current", "118000")
        invoice = self._order("VANDELAY", "200")
        self._receive(invoice, 180)
        self._enter(invoice, 20, account, "Certificate 0001-4711")
        with told_at(self.env, self._decided):
            invoice.call_wallet_topup_ids.count_settlement("Tax withheld, certificate 0001-4711")

    def _written_off(self):
        """Two invoices that nobody will pay. One is released; about the other one a finance manager has to decide."""
        bad_debt = self.company._call_wallet_setting("call_wallet_bad_debt_account_id")
        for account, amount in (("SOYLENT", 120), ("TYRELL", 500)):
            self._enter(self._order(account, str(amount)), amount, bad_debt, "Written off: insolvent")
        with told_at(self.env, self._decided):
            self.wallets["SOYLENT"].topup_ids.release_unfunded("Insolvent, nothing will come of it")

    def _several_in_one_payment(self):
        """One payment of 300 for three top-ups. Its contract has a first block and a grace; nobody has called."""
        invoices = self.env["account.move"].union(*(self._order("WAYNE", amount) for amount in ("50", "100", "150")))
        self._pay(invoices, group_payment=True)

    def _note_pays_the_next(self):
        """A paid top-up of 100 is credited in full, and the note pays another: the money is the customer's still."""
        first = self._order("CYBERDYNE", "100")
        self._pay(first)
        with told_at(self.env, self._decided):
            day = self.company._call_wallet_today()
            note = first._reverse_moves([{"invoice_date": day, "date": day, "ref": "Ordered for another campaign"}])
            note.action_post()
            second = self.wallets["CYBERDYNE"].create_topup("100", accept_terms=True).invoice_id
            self._settle(note | second)

    # === THE BOOKS === #

    def _order(self, account, amount):
        with told_at(self.env, self._ordered):
            return self.wallets[account].create_topup(amount, accept_terms=True).invoice_id

    def _pay(self, invoices, **values):
        context = {"active_model": "account.move", "active_ids": invoices.ids}
        with told_at(self.env, self._settled):
            day = self.company._call_wallet_today()
            wizard = self.env["account.payment.register"].with_context(**context)
            wizard.create({"payment_date": day, **values})._create_payments()

    def _receive(self, invoice, amount, account=None, label=None):
        """Enter the bank's line of ``amount`` and match it; what is missing of the invoice goes to ``account``."""
        journal = self._journal(("type", "=", "bank"))
        line = self.env["account.bank.statement.line"].create(
            {
                "journal_id": journal.id,
                "date": self._settled.date(),
                "payment_ref": f"Transfer {invoice.payment_reference}",
                "partner_id": invoice.commercial_partner_id.id,
                "amount": amount,
            }
        )
        _liquidity, suspense, _other = line._seek_for_lines()
        settled = invoice.amount_total if account else amount
        commands = [Command.update(suspense.id, {"account_id": self._receivable(invoice).id, "balance": -settled})]
        if account:
            commands.append(
                Command.create({"account_id": account.id, "name": label, "balance": invoice.amount_total - amount})
            )
        with told_at(self.env, self._settled):
            line.move_id.with_context(skip_readonly_check=True).line_ids = commands
            self._settle(line.move_id | invoice)

    def _enter(self, invoice, amount, account, label):
        """Settle ``amount`` of the invoice with an entry, which is no money."""
        partner = invoice.commercial_partner_id
        journal = self._journal(("type", "=", "general"), ("code", "=", "MISC"))
        lines = [
            {"account_id": self._receivable(invoice).id, "credit": amount, "partner_id": partner.id, "name": label},
            {"account_id": account.id, "debit": amount, "partner_id": partner.id, "name": label},
        ]
        with told_at(self.env, self._settled):
            entry = self.env["account.move"].create(
                {
                    "move_type": "entry",
                    "date": self.company._call_wallet_today(),
                    "journal_id": (journal or self.company._call_wallet_setting("call_wallet_journal_id")).id,
                    "ref": label,
                    "line_ids": [Command.create(line) for line in lines],
                }
            )
            entry.action_post()
            self._settle(entry | invoice)

    def _journal(self, *domain):
        return self.env["account.journal"].search([*domain, ("company_id", "=", self.company.id)], limit=1)

    def _settle(self, moves):
        self._open_items(moves).reconcile()

    def _open_items(self, moves):
        return moves.line_ids.filtered(
            lambda line: line.account_id.account_type == "asset_receivable" and not line.reconciled
        )

    def _receivable(self, invoice):
        return self._open_items(invoice).account_id

    def _make_account(self, name, kind, code):
        accounts = self.env["account.account"].with_company(self.company)
        code = accounts._search_new_account_code(code)
        return accounts.create({"name": name, "account_type": kind, "code": code})
