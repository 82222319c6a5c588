import tempfile
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal

from dateutil.relativedelta import relativedelta
from odoo import api, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import format_date

from ...const import ACCOUNT_MANAGER, FINANCE
from ...tools.fields import ZERO
from ...tools.reconciliation_file import Labels, Workbook
from . import reconciliation_sql as queries


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


FIGURES = tuple(field.name for field in fields(Figures))

# The order in which they are shown: the roll-forward, and then the proof.
COLUMNS = (
    "opening", "added", "used", "refunded", "reversed", "closing",
    "awaiting_payment", "settled_without_funds", "not_posted", "remainder", "general_ledger", "unexplained",
)  # fmt: skip

# What the columns are made of: of what was not posted, and of what was used.
PARTS = ("unposted", "posted_later", "posted_earlier", "earlier_periods", "earlier_periods_booked")

# Behind every entry, those dated ahead included.
END = date(9998, 12, 31)


@dataclass
class Section:
    """The wallets of one currency: their figures, the totals, and what belongs to none of them."""

    currency: object
    rows: list = field(default_factory=list)
    total: Figures = field(default_factory=Figures)
    loose: object = 0
    loose_items: int = 0

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
        return [wallet for wallet, figures in self.rows if figures.unexplained]

    @property
    def unfunded(self):
        return [wallet for wallet, figures in self.rows if figures.settled_without_funds]


class CallWalletReconciliation(models.AbstractModel):
    """Proves, per wallet and day, that the wallets' ledger and the general ledger agree.

    Set-based, from daily totals and accounting's own tables; never from all of the ledger.
    """

    _name = "call.wallet.reconciliation"
    _description = "Call Wallet Reconciliation"

    # === WHAT IS ASKED === #

    def _scope(self, date, company):
        """Return the parameters as a ``date`` and a company (superuser) that the user may ask for."""
        self.env["call.wallet"]._as(ACCOUNT_MANAGER)
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
        :return: {wallet id: ``Figures``}, {currency id: (amount, number of items)}
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
        self.env.cr.execute(queries.UNASSIGNED, parameters)
        loose = {currency: (Decimal(amount), count) for currency, amount, count in self.env.cr.fetchall()}
        return rows, loose

    def _parameters(self, date, company, wallet_ids=None):
        return {
            "company": company.id,
            "date": date,
            "month": date.replace(day=1),
            "accounts": company._call_wallet_deposit_accounts().ids,
            "fees": company._call_wallet_fee_accounts().ids,
            "product": self.env.ref("call_wallet.product_topup").id,
            "all": wallet_ids is None,
            "wallets": list(wallet_ids or []),
        }

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
            rows, _loose = self._figures(END, company, owned.ids)
            violations += [
                f"accounting: {wallet.account_ref}: unexplained {rows[wallet.id].unexplained}"
                for wallet in owned
                if rows[wallet.id].unexplained
            ]
        return violations

    # === ON THE SCREEN === #
    # The reconciliation as people see it: by currency, with totals.

    def _sections(self, date, company):
        """Return the ``Section`` of each currency, the one with most wallets first."""
        rows, loose = self._figures(date, company)
        sections = {}
        for wallet in self._wallets(company):
            section = sections.setdefault(wallet.currency_id, Section(wallet.currency_id))
            section.add(wallet, rows[wallet.id])
        for currency_id, (amount, count) in loose.items():
            currency = self.env["res.currency"].sudo().browse(currency_id)
            section = sections.setdefault(currency, Section(currency))
            section.loose, section.loose_items = amount, count
        return sorted(sections.values(), key=lambda section: (-len(section.rows), section.currency.name))

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
        currency = section.currency
        return {
            "currency": {
                "id": currency.id,
                "name": currency.name,
                "symbol": currency.symbol,
                "position": currency.position,
                "decimal_places": currency.decimal_places,
            },
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
            "unassigned": plain(section.loose) if section.loose else "",
            "unassigned_items": section.loose_items,
        }

    def _amounts(self, figures):
        return {name: plain(getattr(figures, name)) for name in (*COLUMNS, *PARTS)}

    # === ON PAPER === #
    # The reconciliation on paper: a workbook and a PDF, with every difference on a line of its own.

    def _xlsx(self, date, company):
        """Return the reconciliation as an open workbook file, at its beginning. Rights are checked already."""
        sections = self._sections(date, company)
        file = tempfile.TemporaryFile()
        book = Workbook(file, self._labels(date, company, sections), COLUMNS)
        for section in sections:
            rows = [
                (wallet.account_ref, wallet.partner_id.name or "", {name: getattr(figures, name) for name in COLUMNS})
                for wallet, figures in section.rows
            ]
            book.add_section(section.currency.name, rows, section.loose, self._parts(section))
        book.add_explained(self._explained(date, company, sections))
        book.add_unexplained(self._unexplained(date, company, sections))
        book.close()
        file.seek(0)
        return file

    def _parts(self, section):
        """Return [(figure, label, amount)]: what the totals of a section are made up of, where that is worth a line."""
        total, parts, _ = section.total, [], self.env._
        if section.overdrawn:
            parts += [
                ("general_ledger", _("Of the general ledger: owed to customers"), section.owed),
                ("general_ledger", _("Of the general ledger: owed by customers (overdrawn)"), -section.overdrawn),
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
        """Return [(account, customer, currency, document, day, expected, found)]: entries that differ.

        What no entry accounts for is a line of its own.
        """
        lines = []
        for section in sections:
            for wallet, figures in section.rows:
                if figures.unexplained:
                    lines += self._unexplained_of(wallet, date, company, figures.unexplained)
        return lines

    def _unexplained_of(self, wallet, date, company, unexplained):
        self.env.cr.execute(queries.DIFFERENCES, self._parameters(date, company, wallet.ids))
        names, lines = self._names(wallet), []
        for _wallet, move_id, expected, found in self.env.cr.fetchall():
            move = self.env["account.move"].sudo().browse(move_id)
            lines.append((*names, move.name or "", move.date, Decimal(expected), Decimal(found)))
        rest = unexplained - sum((line[-1] - line[-2] for line in lines), ZERO)
        if rest:
            lines.append((*names, self.env._("In the wallet's own ledger"), date, ZERO, rest))
        return lines

    def _names(self, wallet):
        return wallet.account_ref, wallet.partner_id.name or "", wallet.currency_id.name

    # === TEXTS === #

    def _labels(self, date, company, sections):
        _ = self.env._
        return Labels(
            title=_(
                "Call wallet reconciliation, %(company)s, %(date)s",
                company=company.name,
                date=format_date(self.env, date),
            ),
            verdict=self._verdict(sections),
            wallet=_("Wallet"),
            customer=_("Customer"),
            currency=_("Currency"),
            figures=self._column_labels(),
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
        )

    def _verdict(self, sections):
        count = sum(len(section.rows) for section in sections)
        differing = sum(len(section.differing) for section in sections)
        unfunded = sum(len(section.unfunded) for section in sections)
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

    def _column_labels(self):
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
        }


CONTRACT = (
    "opening", "added", "used", "refunded", "reversed", "closing",
    "general_ledger", "awaiting_payment", "settled_without_funds", "not_posted", "remainder", "unexplained",
    "earlier_periods", "earlier_periods_booked",
)  # fmt: skip


def plain(amount):
    """Return ``amount`` as a decimal string with 6 places, zero without a sign."""
    return f"{amount + ZERO:f}" if amount else "0.000000"
