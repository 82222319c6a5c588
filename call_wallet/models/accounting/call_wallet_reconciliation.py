import tempfile
from dataclasses import dataclass, field, fields
from datetime import date, timedelta
from decimal import Decimal

from dateutil.relativedelta import relativedelta
from odoo import api, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import format_date, formatLang

from ...const import ACCOUNT_MANAGER, DEPOSIT_ACCOUNT, FINANCE
from ...tools.fields import ZERO
from ...tools.money import rounded, unit_of
from ...tools.paper import made
from ...tools.reconciliation_file import Labels, Workbook
from . import reconciliation_sql as queries


@dataclass
class Figures:
    """What is known of one wallet at the end of a day: Decimals.

    Amounts are in the wallet's currency, values in the company's. Each figure has its own
    source rows. None is worked out from the difference, or a wrong journal item would explain itself.
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
    # From what settled the invoices and is no money.
    settled_without_funds: Decimal = ZERO
    # From the ledger's rows, by the entry they are noted to be in.
    unposted: Decimal = ZERO
    # From what the posting noted for each entry: what was used up to the day and is in an entry of a later one, and
    # what is in an entry of the day or before and was charged later, because its call was reported late.
    posted_later: Decimal = ZERO
    posted_earlier: Decimal = ZERO
    remainder: Decimal = ZERO
    # Of what was used in the month: calls of months before, and what of them is revenue of this month.
    earlier_periods: Decimal = ZERO
    earlier_periods_booked: Decimal = ZERO
    posted_value: Decimal = ZERO
    # From the heads of the documents, at their rates.
    invoiced_value: Decimal = ZERO
    # From the journal items.
    ledger_value: Decimal = ZERO

    @property
    def closing(self):
        return self.opening + self.added - self.used + self.refunded - self.reversed

    @property
    def awaiting_payment(self):
        return self.invoiced - self.credited - self.settled_without_funds

    @property
    def not_posted(self):
        return self.unposted + self.posted_later - self.posted_earlier

    @property
    def explained(self):
        """What the general ledger should say."""
        open_funds = self.awaiting_payment + self.settled_without_funds
        return self.closing + open_funds + self.not_posted + self.remainder

    @property
    def unexplained(self):
        return self.general_ledger - self.explained

    @property
    def expected_value(self):
        """What the wallet's documents and entries should be worth on the deposits, in the company's currency."""
        return self.invoiced_value - self.posted_value

    @property
    def unexplained_value(self):
        return self.ledger_value - self.expected_value

    @property
    def differs(self):
        return bool(self.unexplained or self.unexplained_value)


FIGURES = tuple(field.name for field in fields(Figures))

# The order in which they are shown: the roll-forward, and then the proof.
COLUMNS = (
    "opening", "added", "used", "refunded", "reversed", "closing",
    "awaiting_payment", "settled_without_funds", "not_posted", "remainder", "general_ledger", "unexplained",
)  # fmt: skip

# What the columns are made of: of what was not posted, and of what was used.
PARTS = ("unposted", "posted_later", "posted_earlier", "earlier_periods", "earlier_periods_booked")

# The same in the company's currency, by documents and entries.
VALUE_COLUMNS = ("ledger_value", "expected_value", "unexplained_value")

# What should be zero.
WRONG = ("unexplained", "unexplained_value", "settled_without_funds")

# The years in which books are closed.
FIRST_BOOKS, LAST_BOOKS = 1990, 2199

# Behind every entry, those dated ahead included.
END = date(9998, 12, 31)


@dataclass
class Loose:
    """Items on the deposit accounts that belong to no wallet: Decimals, in their currency and in the company's."""

    amount: Decimal = ZERO
    value: Decimal = ZERO
    items: int = 0


@dataclass
class Section:
    """The wallets of one currency: their figures, the totals, and what belongs to none of them."""

    currency: object
    own_currency: object
    rows: list = field(default_factory=list)
    total: Figures = field(default_factory=Figures)
    loose: Loose = field(default_factory=Loose)

    def add(self, wallet, figures):
        self.rows.append((wallet, figures))
        for name in FIGURES:
            setattr(self.total, name, getattr(self.total, name) + getattr(figures, name))

    @property
    def overdrawn(self):
        """What customers owe by the books: deposits below zero, which at a month's end stand on their own account."""
        return -sum((min(figures.general_ledger, ZERO) for _wallet, figures in self.rows), ZERO)

    @property
    def owed(self):
        """What is owed to customers by the books, without those who are overdrawn."""
        return self.total.general_ledger + self.overdrawn

    @property
    def differing(self):
        return [wallet for wallet, figures in self.rows if figures.differs]

    @property
    def unfunded(self):
        return [wallet for wallet, figures in self.rows if figures.settled_without_funds]

    @property
    def shows_values(self):
        """Whether values say something that amounts do not."""
        return self.currency != self.own_currency or any(
            figures.unexplained_value != figures.unexplained for _wallet, figures in self.rows
        )

    @property
    def columns(self):
        return COLUMNS + VALUE_COLUMNS if self.shows_values else COLUMNS


@dataclass
class Books:
    """The deposit accounts of a company on a day, and what stands on them: by currency, and in the company's own."""

    currency: object
    sections: list
    accounts: list  # (account, credit balance in the company's currency)
    year_end: Decimal  # of entries that closed a year and are opened again after the day
    year_ends: list  # (entry, its day, entry that opens again, its day, value)

    @property
    def total(self):
        return sum((balance for _account, balance in self.accounts), ZERO)

    @property
    def loose_value(self):
        return sum((section.loose.value for section in self.sections), ZERO)

    @property
    def loose_items(self):
        return sum(section.loose.items for section in self.sections if section.loose.amount or section.loose.value)

    @property
    def left_over(self):
        """What the accounts say beyond wallets, unassigned items and year-end entries; zero, or this is wrong."""
        wallets = sum((section.total.ledger_value for section in self.sections), ZERO)
        return self.total - wallets - self.loose_value - self.year_end

    def count(self, name):
        """Return how many wallets are in the ``Section``'s list of this name."""
        return sum(len(getattr(section, name)) for section in self.sections)


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
        for query in queries.FIGURES:
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

    # === ON PAPER === #
    # The reconciliation on paper: a workbook and a PDF, with every difference on a line of its own.

    def _xlsx(self, date, company):
        """Return the reconciliation as an open workbook file, at its beginning. Rights are checked already."""
        books = self._books(date, company)
        file = tempfile.TemporaryFile()
        book = Workbook(file, self._labels(date, company, books))
        for section in books.sections:
            names = section.columns
            rows = [
                (wallet.account_ref, wallet.partner_id.name or "", {name: getattr(figures, name) for name in names})
                for wallet, figures in section.rows
            ]
            book.add_section(section.currency.name, names, rows, section.loose, self._parts(section))
        book.add_trial_balance(*self._trial_balance_lines(books))
        book.add_explained(self._explained(date, company, books.sections))
        book.add_unexplained(self._unexplained(date, company, books.sections))
        book.close()
        file.seek(0)
        return file

    def _parts(self, section):
        """Return [(figure, label, amount)]: what the totals of a section are made up of, where that is worth a line."""
        total, parts, _ = section.total, [], self.env._
        if section.overdrawn:
            parts += [
                ("general_ledger", _("Wallets above zero: owed to customers"), section.owed),
                ("general_ledger", _("Wallets below zero: owed by customers"), -section.overdrawn),
            ]
        if total.earlier_periods or total.earlier_periods_booked:
            booked = _("Of these, booked this month because their period was closed")
            parts += [
                ("used", _("Of which calls of earlier periods"), total.earlier_periods),
                ("used", booked, total.earlier_periods_booked),
            ]
        return parts

    def _filename(self, date, company, extension):
        return f"reconciliation_{company.name}_{date}.{extension}".replace("/", "-").replace(" ", "_")

    # === LINE BY LINE === #

    def _explained(self, date, company, sections):
        """Return [(account, customer, currency, why, document, day, amount)], wallet by wallet."""
        _ = self.env._
        sources = [
            (_("Awaiting payment"), queries.AWAITING_LINES),
            (_("Settled without funds"), queries.UNFUNDED_LINES),
            (_("Not posted, since"), queries.UNPOSTED_LINES),
            (_("Posted on a later day"), queries.LATE_LINES),
            (_("Posted on the day of the call, charged later"), queries.EARLY_LINES),
        ]
        lines = self._lines(date, company, sections, sources)
        for section in sections:
            for wallet, figures in section.rows:
                if figures.remainder:
                    lines.append((*self._names(wallet), _("Remainder"), "", date, figures.remainder))
        return sorted(lines, key=lambda line: (line[2], line[0]))

    def _lines(self, date, company, sections, sources):
        self.env.flush_all()
        wallets = {wallet.id: wallet for section in sections for wallet, _figures in section.rows}
        parameters, lines = self._parameters(date, company), []
        for why, query in sources:
            self.env.cr.execute(query, parameters)
            for wallet_id, document, day, amount in self.env.cr.fetchall():
                names = self._names(wallets[wallet_id])
                lines.append((*names, why, document or "", day, Decimal(amount)))
        return lines

    def _unexplained(self, date, company, sections):
        """Return [(account, customer, currency, document, day, expected, found, and both as values)]: what differs.

        Values are in the company's currency. What no entry accounts for is a line of its own.
        """
        lines = []
        for section in sections:
            for wallet, figures in section.rows:
                if figures.differs:
                    lines += self._unexplained_of(wallet, date, company, figures)
        return lines

    def _unexplained_of(self, wallet, date, company, figures):
        self.env.cr.execute(queries.DIFFERENCES, self._parameters(date, company, wallet.ids))
        names, lines = self._names(wallet), []
        for _wallet, move_id, *amounts in self.env.cr.fetchall():
            move = self.env["account.move"].sudo().browse(move_id)
            lines.append((*names, move.name or "", move.date, *map(Decimal, amounts)))
        rest = figures.unexplained - sum((line[-3] - line[-4] for line in lines), ZERO)
        rest_value = figures.unexplained_value - sum((line[-1] - line[-2] for line in lines), ZERO)
        if rest or rest_value:
            own = self.env._("In the wallet's own ledger")
            lines.append((*names, own, date, ZERO, rest, ZERO, rest_value))
        return lines

    def _trial_balance_lines(self, books):
        """Return [(what, value, expected, difference)] of what stands on the accounts, and [(account, balance)].

        Values are in the company's currency; None where there is nothing to expect.
        """
        _ = self.env._
        lines = []
        for section in books.sections:
            total = section.total
            if section.rows:
                name = _("Wallets in %s", section.currency.name)
                lines.append((name, total.ledger_value, total.expected_value, total.unexplained_value))
        for section in books.sections:
            if section.loose.amount or section.loose.value:
                name = _("Not assigned to a wallet: %s", self._written(section.loose.amount, section.currency))
                lines.append((name, section.loose.value, None, None))
        lines += [(self._year_end_text(*year_end), year_end[-1], None, None) for year_end in books.year_ends]
        if books.left_over:
            lines.append((_("Not accounted for"), books.left_over, None, None))
        accounts = [
            (_("Trial balance, %s", self._account_name(account)), balance) for account, balance in books.accounts
        ]
        return lines, accounts

    def _year_end_text(self, entry, shut_on, opening, opened_on, _value):
        return self.env._(
            "Year-end closing entry %(entry)s of %(day)s, opened again on %(opened_on)s by %(opening)s",
            entry=entry,
            day=format_date(self.env, shut_on),
            opened_on=format_date(self.env, opened_on),
            opening=opening,
        )

    def _written(self, amount, currency):
        amount = rounded(amount, currency.decimal_places)
        return f"{formatLang(self.env, float(amount), digits=currency.decimal_places)} {currency.name}"

    def _account_name(self, account):
        return " ".join(filter(None, (account.code, account.name)))

    def _names(self, wallet):
        return wallet.account_ref, wallet.partner_id.name or "", wallet.currency_id.name

    # === TEXTS === #

    def _labels(self, date, company, books):
        _ = self.env._
        own = company.currency_id.name
        return Labels(
            title=_(
                "Call wallet reconciliation, %(company)s, %(date)s",
                company=company.name,
                date=format_date(self.env, date),
            ),
            verdict=self._verdict(books),
            made=made(self.env, self.env.user.name, company._call_wallet_tz()),
            accounts=_(
                "Deposit accounts: %s", ", ".join(self._account_name(account) for account, _b in books.accounts)
            ),
            wallet=_("Wallet"),
            customer=_("Customer"),
            currency=_("Currency"),
            figures=self._column_labels(own),
            total=_("Total"),
            unassigned=_("Not assigned to a wallet"),
            explained=_("Explained differences"),
            unexplained=_("Unexplained differences"),
            explanation=_("Explanation"),
            document=_("Document"),
            date=_("Date"),
            amount=_("Amount"),
            expected=_("Expected"),
            found=_("Found"),
            expected_value=_("Expected, %s", own),
            found_value=_("Found, %s", own),
            trial_balance=_("Trial balance"),
            value=_("Credit balance, %s", own),
            difference=_("Difference, %s", own),
        )

    def _verdict(self, books):
        verdict = self._verdict_on_wallets(books)
        if not books.loose_items:
            return verdict
        return self.env._(
            "%(verdict)s Items on the deposit accounts that belong to no wallet: %(items)s, worth %(value)s.",
            verdict=verdict,
            items=books.loose_items,
            value=self._written(books.loose_value, books.currency),
        )

    def _verdict_on_wallets(self, books):
        count, differing, unfunded = books.count("rows"), books.count("differing"), books.count("unfunded")
        if unfunded and not differing:
            return self.env._(
                "Wallets with top-ups that were settled without funds: %(unfunded)s of %(count)s; otherwise all agree "
                "with the general ledger.",
                count=count,
                unfunded=unfunded,
            )
        if differing:
            return self.env._(
                "%(differing)s of %(count)s wallets do not agree with the general ledger.",
                differing=differing,
                count=count,
            )
        return self.env._("All wallets (%s) agree with the general ledger.", count)

    def _column_labels(self, own):
        """Return the columns' names; ``own`` is the name of the company's currency."""
        _ = self.env._
        return {
            "opening": _("Opening"),
            "added": _("Added"),
            "used": _("Used"),
            "refunded": _("Refunded"),
            "reversed": _("Reversed"),
            "closing": _("Closing"),
            "awaiting_payment": _("Awaiting payment"),
            "settled_without_funds": _("Settled without funds"),
            "not_posted": _("Not posted"),
            "remainder": _("Remainder"),
            "general_ledger": _("General ledger"),
            "unexplained": _("Unexplained"),
            "ledger_value": _("General ledger, %s", own),
            "expected_value": _("Expected, %s", own),
            "unexplained_value": _("Unexplained, %s", own),
        }


CONTRACT = (
    "opening", "added", "used", "refunded", "reversed", "closing",
    "general_ledger", "awaiting_payment", "settled_without_funds", "not_posted", "remainder", "unexplained",
    "earlier_periods", "earlier_periods_booked",
    *VALUE_COLUMNS,
)  # fmt: skip


def plain(amount):
    """Return ``amount`` as a decimal string with 6 places, zero without a sign."""
    return f"{amount + ZERO:f}" if amount else "0.000000"


def show(amount, currency):
    """Return ``amount`` with at least the currency's places, and no zeros after those."""
    places = currency.decimal_places
    text = f"{amount:,.6f}"
    whole, fraction = text.split(".")
    kept = fraction[:places] + fraction[places:].rstrip("0")
    return f"{whole}.{kept}" if kept else whole
