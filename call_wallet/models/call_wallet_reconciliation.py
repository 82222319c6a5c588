from dataclasses import dataclass, fields
from decimal import Decimal

from dateutil.relativedelta import relativedelta
from odoo import api, models
from odoo.exceptions import AccessError, UserError

from ..fields import ZERO
from . import call_wallet_reconciliation_sql as queries
from .call_wallet import ACCOUNT_MANAGER


@dataclass
class Figures:
    """What is known of one wallet at the end of a day; Decimals, in the wallet's currency.

    Each figure has its own source rows. None is worked out from the difference, or a wrong
    journal item would explain itself.
    """

    # From the ledger's daily totals.
    opening: Decimal = ZERO
    added: Decimal = ZERO
    used: Decimal = ZERO
    refunded: Decimal = ZERO
    reversed: Decimal = ZERO
    # From the journal items on the deposit account.
    general_ledger: Decimal = ZERO
    # From the heads of the top-ups' invoices and credit notes, and the ledger's rows of top-ups.
    invoiced: Decimal = ZERO
    credited: Decimal = ZERO
    # From the ledger's rows, by the entry they are noted to be in.
    unposted: Decimal = ZERO
    posted_later: Decimal = ZERO
    # From what the posting noted for each entry.
    remainder: Decimal = ZERO

    @property
    def closing(self):
        return self.opening + self.added - self.used + self.refunded - self.reversed

    @property
    def awaiting_payment(self):
        return self.invoiced - self.credited

    @property
    def not_posted(self):
        return self.unposted + self.posted_later

    @property
    def explained(self):
        """What the general ledger should say."""
        return self.closing + self.awaiting_payment + self.not_posted + self.remainder

    @property
    def unexplained(self):
        return self.general_ledger - self.explained


FIGURES = tuple(field.name for field in fields(Figures))
# The order in which they are shown: the roll-forward, and then the proof.
COLUMNS = (
    "opening", "added", "used", "refunded", "reversed", "closing",
    "awaiting_payment", "not_posted", "remainder", "general_ledger", "unexplained",
)  # fmt: skip


class CallWalletReconciliation(models.Model):
    """Proves, per wallet and day, that the wallets' ledger and the general ledger agree.

    Set-based, from daily totals and accounting's own tables; never from all of the ledger.
    """

    _inherit = "call.wallet"

    @api.model
    @api.readonly
    def reconciliation(self, date, company):
        """Compare the wallets of ``company`` with its general ledger at the end of ``date``.

        ``opening + added - used + refunded - reversed = closing``, of the month up to that day;
        ``closing + awaiting_payment + not_posted + remainder + unexplained = general_ledger``.

        :param date: ``date`` or ``"YYYY-MM-DD"``, included; days are those of each wallet's
            time zone, which are also the accounting dates of its entries
        :param company: ``res.company``, record or id
        :return: one dict a wallet, by account reference: ``wallet`` (id), and as decimal strings
            in the wallet's currency ``opening`` (start of that month), ``added``, ``used``,
            ``refunded``, ``reversed`` (all four positive), ``closing``; ``general_ledger``, the
            credit balance on the deposit account; ``awaiting_payment``, invoiced and not
            credited, net of tax (negative: credited and not invoiced); ``not_posted``, used and
            not in a posted entry of that day or before; ``remainder``, what the entries were
            rounded by; and ``unexplained``, which should be zero
        :raise UserError: ``date`` is not a date, or there is no such company
        :raise AccessError: neither finance staff nor an account manager of that company
        """
        date, company = self._reconciliation_scope(date, company)
        wallets = self._reconciliation_wallets(company)
        rows, _loose = self._reconcile(date, company)
        return [
            {"wallet": wallet.id, **{name: plain(getattr(rows[wallet.id], name)) for name in CONTRACT}}
            for wallet in wallets
        ]

    @api.model
    @api.readonly
    def reconciliation_unassigned(self, date, company):
        """Return what stands on the deposit account and belongs to no wallet.

        Items without a wallet count for the customer's wallet in their currency; these are
        the ones without such a wallet. Same parameters, rights and errors as ``reconciliation``.

        :return: one dict a currency with a difference: ``currency`` (id), ``general_ledger``
            (decimal string; a credit is positive) and ``items``, how many
        """
        date, company = self._reconciliation_scope(date, company)
        _rows, loose = self._reconcile(date, company)
        return [
            {"currency": currency_id, "general_ledger": plain(amount), "items": count}
            for currency_id, (amount, count) in sorted(loose.items())
            if amount
        ]

    # === WHAT IS ASKED === #

    def _reconciliation_scope(self, date, company):
        """Return the parameters as a ``date`` and a company (superuser) that the user may ask for."""
        self.browse()._as(ACCOUNT_MANAGER)
        if not isinstance(company, models.BaseModel):
            company = self.env["res.company"].browse(company if type(company) is int else 0)
        company = company.with_env(self.env).sudo().exists()
        if len(company) != 1:
            raise UserError(self.env._("company: there is no such company; send the id of one."))
        if not self.env.su and company not in self.env.user.company_ids:
            raise AccessError(self.env._("company: %s is not one of yours.", company.name))
        return self._parse_last_day(date, "date"), company

    def _reconciliation_wallets(self, company):
        """Return the company's wallets, closed ones too, by account reference."""
        wallets = self.sudo().with_context(active_test=False)
        return wallets.search([("company_id", "=", company.id)], order="account_ref")

    # === THE FIGURES === #

    def _reconcile(self, date, company, wallet_ids=None):
        """Return the figures of the company's wallets, and what belongs to none.

        :param wallet_ids: only these
        :return: {wallet id: ``Figures``}, {currency id: (amount, number of items)}
        """
        self.env.flush_all()
        parameters = self._reconciliation_parameters(date, company, wallet_ids)
        self.env.cr.execute(queries.WALLETS, parameters)
        rows = {wallet_id: Figures() for (wallet_id,) in self.env.cr.fetchall()}
        for query in queries.FIGURES:
            self.env.cr.execute(query, parameters)
            names = [column.name for column in self.env.cr.description][1:]
            for wallet_id, *amounts in self.env.cr.fetchall():
                for name, amount in zip(names, amounts, strict=True):
                    setattr(rows[wallet_id], name, Decimal(amount))
        self.env.cr.execute(queries.UNASSIGNED, parameters)
        loose = {currency: (Decimal(amount), count) for currency, amount, count in self.env.cr.fetchall()}
        return rows, loose

    def _reconciliation_parameters(self, date, company, wallet_ids=None):
        return {
            "company": company.id,
            "date": date,
            "month": date.replace(day=1),
            "accounts": company._call_wallet_deposit_accounts().ids,
            "product": self.env.ref("call_wallet.product_topup").id,
            "all": wallet_ids is None,
            "wallets": list(wallet_ids or []),
        }

    @api.model
    def _last_month_end(self):
        return self.env.company._call_wallet_today().replace(day=1) - relativedelta(days=1)


CONTRACT = (
    "opening", "added", "used", "refunded", "reversed", "closing",
    "general_ledger", "awaiting_payment", "not_posted", "remainder", "unexplained",
)  # fmt: skip


def plain(amount):
    """Return ``amount`` as a decimal string with 6 places, zero without a sign."""
    return f"{amount + ZERO:f}" if amount else "0.000000"
