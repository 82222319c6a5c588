from datetime import date, timedelta
from decimal import Decimal

from dateutil.relativedelta import relativedelta
from odoo import api, models
from odoo.exceptions import AccessError, UserError

from ...const import ACCOUNT_MANAGER, DEPOSIT_ACCOUNT, FINANCE
from ...tools.fields import ZERO
from ...tools.money import unit_of
from ...tools.reconciliation import COLUMNS, PARTS, VALUE_COLUMNS, Books, Figures, Loose, Section, plain
from . import reconciliation_sql as queries

# The years in which books are closed.
FIRST_BOOKS, LAST_BOOKS = 1990, 2199

# Behind every entry, those dated ahead included.
END = date(9998, 12, 31)


class CallWalletReconciliation(models.AbstractModel):
    """Proves, per wallet and day, that the wallets' ledger and the general ledger agree.

    Set-based, from daily totals and accounting's own tables; never from all of the ledger.
    """

    _name = "call.wallet.reconciliation"
    _description = "Call Wallet Reconciliation"

    # === WHAT IS ASKED === #

    def _scope(self, date, company):
        """Return the parameters as a ``date`` and a company (superuser) that the user may ask for."""
        self.env["call.wallet"]._permitted(ACCOUNT_MANAGER)
        if not isinstance(company, models.BaseModel):
            company = self.env["res.company"].browse(company if type(company) is int else 0)
        company = company.with_env(self.env).sudo().exists()
        if len(company) != 1:
            raise UserError(self.env._("company: there is no such company; send the id of one."))
        if not self.env.su and company not in self.env.user.company_ids:
            raise AccessError(self.env._("company: %s is not one of yours.", company.name))
        return self.env["call.wallet"]._parse_last_day(date, "date"), company

    def _wallets(self, company):
        """Return the company's wallets, closed ones too, by account reference."""
        wallets = self.env["call.wallet"].sudo().with_context(active_test=False)
        return wallets.search([("company_id", "=", company.id)], order="account_ref")

    # === THE FIGURES === #

    def _figures(self, date, company, wallet_ids=None):
        """Return the figures of the company's wallets, and what belongs to none.

        :param wallet_ids: only these
        :return: {wallet id: ``Figures``}, {currency id: ``Loose``}, and the value of year-end entries
        """
        self.env.flush_all()
        parameters = self._parameters(date, company, wallet_ids)
        self.env.cr.execute(queries.WALLETS, parameters)
        rows = {wallet_id: Figures() for (wallet_id,) in self.env.cr.fetchall()}
        self.env.cr.execute(queries.HAS_PAYING_NOTES, parameters)
        [has_paying_notes] = self.env.cr.fetchone()
        for query in (*queries.FIGURES, queries.SETTLED_WITHOUT_FUNDS[has_paying_notes]):
            self.env.cr.execute(query, parameters)
            names = [column.name for column in self.env.cr.description][1:]
            for wallet_id, *amounts in self.env.cr.fetchall():
                for name, amount in zip(names, amounts, strict=True):
                    setattr(rows[wallet_id], name, Decimal(amount))
        self.env.cr.execute(queries.LEDGER, parameters)
        loose, year_end = {}, ZERO
        for wallet_id, currency_id, is_year_end, amount, value, items in self.env.cr.fetchall():
            if wallet_id:
                rows[wallet_id].general_ledger, rows[wallet_id].ledger_value = Decimal(amount), Decimal(value)
            elif is_year_end:
                year_end += Decimal(value)
            else:
                loose[currency_id] = Loose(Decimal(amount), Decimal(value), items)
        return rows, loose, year_end

    def _parameters(self, date, company, wallet_ids=None):
        openings = self._year_starts(company, date)
        return {
            "company": company.id,
            "date": date,
            "month": date.replace(day=1),
            "accounts": company._call_wallet_deposit_accounts().ids,
            "fees": company._call_wallet_fee_accounts().ids,
            "product": self.env.ref("call_wallet.product_topup").id,
            "all": wallet_ids is None,
            "wallets": list(wallet_ids or []),
            "own": company.currency_id.id,
            "unit": unit_of(company.currency_id),
            "openings": openings,
            "turns": openings + [day - timedelta(days=1) for day in openings],
        }

    def _year_starts(self, company, day):
        """Return the first days of the company's fiscal years up to the one after ``day``."""
        month, last = int(company.fiscalyear_last_month), company.fiscalyear_last_day
        if month == 2 and last == 28:
            last = 29  # in leap years Odoo takes both for the last day
        years = range(FIRST_BOOKS, min(day.year, LAST_BOOKS) + 1)
        return [date(year, month, 1) + relativedelta(day=last) + timedelta(days=1) for year in years]

    @api.model
    def _last_month_end(self):
        return self.env.company._call_wallet_today().replace(day=1) - relativedelta(days=1)

    # === INVARIANT === #

    @api.model
    def _check(self, ids):
        """Return where the general ledger says something of a wallet that its own ledger does not explain.

        :param list ids: of the wallets; None: all
        :return: list of sentences, as ``check_invariants`` returns them
        """
        violations = []
        scope = self.env["call.wallet"].sudo().with_context(active_test=False)
        checked = scope.browse(ids) if ids is not None else scope.search([("company_id", "!=", False)])
        for company, owned in checked.grouped("company_id").items():
            rows, _loose, _year_end = self._figures(END, company, owned.ids)
            for wallet in owned:
                figures = rows[wallet.id]
                if figures.unexplained:
                    violations.append(f"accounting: {wallet.account_ref}: unexplained {figures.unexplained}")
                elif figures.unexplained_value:
                    value = f"{figures.unexplained_value} {company.currency_id.name}"
                    violations.append(f"accounting: {wallet.account_ref}: unexplained value {value}")
        return violations

    # === ON THE SCREEN === #
    # The reconciliation as people see it: by currency, with totals.

    def _books(self, date, company):
        """Return the ``Books``: a ``Section`` for each currency, the one with most wallets first."""
        rows, loose, year_end = self._figures(date, company)
        own, sections = company.currency_id, {}
        for wallet in self._wallets(company):
            section = sections.setdefault(wallet.currency_id, Section(wallet.currency_id, own))
            section.add(wallet, rows[wallet.id])
        for currency_id, of_none in loose.items():
            currency = self.env["res.currency"].sudo().browse(currency_id)
            sections.setdefault(currency, Section(currency, own)).loose = of_none
        ordered = sorted(sections.values(), key=lambda section: (-len(section.rows), section.currency.name))
        accounts = self._trial_balance(date, company)
        return Books(own, ordered, accounts, year_end, self._year_ends(date, company) if year_end else [])

    def _trial_balance(self, date, company):
        """Return [(account, credit balance in the company's currency)] of the deposit accounts, by code.

        The account in use is among them; former ones where anything was booked to them.
        """
        self.env.cr.execute(queries.TRIAL_BALANCE, self._parameters(date, company))
        balances = {account_id: Decimal(balance) for account_id, balance in self.env.cr.fetchall()}
        accounts = self.env["account.account"].sudo().with_company(company).browse(balances)
        accounts |= company._call_wallet_nearest(DEPOSIT_ACCOUNT).with_env(accounts.env)
        return [(account, balances.get(account.id, ZERO)) for account in accounts.sorted("code")]

    def _year_ends(self, date, company):
        self.env.cr.execute(queries.YEAR_ENDS, self._parameters(date, company))
        return [(*names_and_days, Decimal(value)) for *names_and_days, value in self.env.cr.fetchall()]

    def _is_due(self, date, company, sections):
        """Tell whether the user may post what was used up to that day, and there is something to post."""
        if not self.env.user.has_group(FINANCE) or not any(section.total.unposted for section in sections):
            return False
        return self.env["call.wallet.posting"].sudo()._is_due(company, None, date)

    def _is_over(self, date, company):
        """Tell whether the day is over for the company's books and all its wallets, each in its time zone."""
        last = self.env["call.wallet"]._last_days().get(company, date)
        return date <= last and date < company._call_wallet_today()

    def _companies(self):
        """Return the companies to choose from: the user's own that have wallets, and the current one."""
        user = self.env.user
        with_wallets = [
            c.id
            for (c,) in self.env["call.wallet"].sudo().with_context(active_test=False)._read_group([], ["company_id"])
        ]
        return (user.company_ids.filtered(lambda c: c.id in with_wallets) | self.env.company).sudo()

    def _section_data(self, section):
        return {
            "currency": self._currency_data(section.currency),
            "wallets": [
                {
                    "id": wallet.id,
                    "account": wallet.account_ref,
                    "customer": wallet.partner_id.name or "",
                    **self._amounts(figures),
                }
                for wallet, figures in section.rows
            ],
            "total": self._amounts(section.total),
            "overdrawn": plain(section.overdrawn) if section.overdrawn else "",
            "owed": plain(section.owed),
            "differing": len(section.differing),
            "unfunded": len(section.unfunded),
            "unassigned": plain(section.loose.amount) if section.loose.amount or section.loose.value else "",
            "unassigned_value": plain(section.loose.value),
            "unassigned_items": section.loose.items,
            "shows_values": section.shows_values,
        }

    def _currency_data(self, currency):
        return {
            "id": currency.id,
            "name": currency.name,
            "symbol": currency.symbol,
            "position": currency.position,
            "decimal_places": currency.decimal_places,
        }

    def _books_data(self, books):
        """Return the trial balance's part of the screen; all of it in the company's currency."""
        return {
            "currency": self._currency_data(books.currency),
            "accounts": [
                {"id": account.id, "code": account.code or "", "name": account.name, "balance": plain(balance)}
                for account, balance in books.accounts
            ],
            "total": plain(books.total),
            "unassigned": plain(books.loose_value),
            "unassigned_items": books.loose_items,
            "year_end": plain(books.year_end),
            "year_ends": [self._year_end_text(*year_end) for year_end in books.year_ends],
            "left_over": plain(books.left_over),
        }

    def _amounts(self, figures):
        return {name: plain(getattr(figures, name)) for name in (*COLUMNS, *VALUE_COLUMNS, *PARTS)}
