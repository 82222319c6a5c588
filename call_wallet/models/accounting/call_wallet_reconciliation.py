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

# Behind every entry, those dated ahead included.
END = date(9998, 12, 31)

UNSEEN = ("account.move", "account.move.line")


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
    def differing(self):
        return [wallet for wallet, figures in self.rows if figures.unexplained]


TYPES = {"added": "balance_added", "used": "usage", "refunded": "refund", "reversed": "reversal"}


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

    # === INVARIANT === #

    @api.model
    def _check_accounting(self, ids):
        """Return where the general ledger says something of a wallet that its own ledger does not explain.

        :param list ids: of the wallets; None: all
        :return: list of sentences, as ``check_invariants`` returns them
        """
        violations = []
        scope = self.sudo().with_context(active_test=False)
        checked = scope.browse(ids) if ids is not None else scope.search([("company_id", "!=", False)])
        for company, owned in checked.grouped("company_id").items():
            rows, _loose = self._reconcile(END, company, owned.ids)
            violations += [
                f"accounting: {wallet.account_ref}: unexplained {rows[wallet.id].unexplained}"
                for wallet in owned
                if rows[wallet.id].unexplained
            ]
        return violations

    # === ON THE SCREEN === #
    # The reconciliation as people see it: by currency, with totals.

    def _reconciliation_sections(self, date, company):
        """Return the ``Section`` of each currency, the one with most wallets first."""
        rows, loose = self._reconcile(date, company)
        sections = {}
        for wallet in self._reconciliation_wallets(company):
            section = sections.setdefault(wallet.currency_id, Section(wallet.currency_id))
            section.add(wallet, rows[wallet.id])
        for currency_id, (amount, count) in loose.items():
            currency = self.env["res.currency"].sudo().browse(currency_id)
            section = sections.setdefault(currency, Section(currency))
            section.loose, section.loose_items = amount, count
        return sorted(sections.values(), key=lambda section: (-len(section.rows), section.currency.name))

    @api.model
    @api.readonly
    def reconciliation_screen(self, date=None, company=None):
        """Return what the reconciliation's screen shows; rights and errors as ``reconciliation``.

        :param date: the end of last month unless given
        :param company: id; the current company unless given
        :return: dict; amounts are decimal strings
        """
        date = date or self._last_month_end()
        date, company = self._reconciliation_scope(date, company or self.env.company)
        sections = self._reconciliation_sections(date, company)
        return {
            "date": date.isoformat(),
            "company": company.id,
            "companies": [{"id": c.id, "name": c.name} for c in self._reconciliation_companies()],
            "may_post": self.env.user.has_group(FINANCE),
            "sees_entries": all(self.env[model].has_access("read") for model in UNSEEN),
            "wallets": sum(len(section.rows) for section in sections),
            "differing": sum(len(section.differing) for section in sections),
            "sections": [self._reconciliation_section_data(section) for section in sections],
        }

    def _reconciliation_companies(self):
        """Return the companies to choose from: the user's own that have wallets, and the current one."""
        user = self.env.user
        with_wallets = [c.id for (c,) in self.sudo().with_context(active_test=False)._read_group([], ["company_id"])]
        return (user.company_ids.filtered(lambda c: c.id in with_wallets) | self.env.company).sudo()

    def _reconciliation_section_data(self, section):
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
                    **self._reconciliation_amounts(figures),
                }
                for wallet, figures in section.rows
            ],
            "total": self._reconciliation_amounts(section.total),
            "differing": len(section.differing),
            "unassigned": plain(section.loose) if section.loose else "",
            "unassigned_items": section.loose_items,
        }

    def _reconciliation_amounts(self, figures):
        return {name: plain(getattr(figures, name)) for name in (*COLUMNS, "unposted", "posted_later")}

    # === ON PAPER === #
    # The reconciliation on paper: a workbook and a PDF, with every difference on a line of its own.

    def _reconciliation_xlsx(self, date, company):
        """Return the reconciliation as an open workbook file, at its beginning. Rights are checked already."""
        sections = self._reconciliation_sections(date, company)
        file = tempfile.TemporaryFile()
        book = Workbook(file, self._reconciliation_labels(date, company, sections), COLUMNS)
        for section in sections:
            rows = [
                (wallet.account_ref, wallet.partner_id.name or "", {name: getattr(figures, name) for name in COLUMNS})
                for wallet, figures in section.rows
            ]
            book.add_section(section.currency.name, rows, section.loose)
        book.add_explained(self._reconciliation_explained(date, company, sections))
        book.add_unexplained(self._reconciliation_unexplained(date, company, sections))
        book.close()
        file.seek(0)
        return file

    def _reconciliation_filename(self, date, company, extension):
        return f"reconciliation_{company.name}_{date}.{extension}".replace("/", "-").replace(" ", "_")

    # === LINE BY LINE === #

    def _reconciliation_explained(self, date, company, sections):
        """Return [(account, customer, currency, why, document, day, amount)], wallet by wallet."""
        _ = self.env._
        sources = [
            (_("Awaiting payment"), queries.AWAITING_LINES),
            (_("Not posted, since"), queries.UNPOSTED_LINES),
            (_("Posted on a later day"), queries.LATE_LINES),
        ]
        lines = self._reconciliation_lines(date, company, sections, sources)
        for section in sections:
            for wallet, figures in section.rows:
                if figures.remainder:
                    lines.append((*self._reconciliation_names(wallet), _("Remainder"), "", date, figures.remainder))
        return sorted(lines, key=lambda line: (line[2], line[0]))

    def _reconciliation_lines(self, date, company, sections, sources):
        self.env.flush_all()
        wallets = {wallet.id: wallet for section in sections for wallet, _figures in section.rows}
        parameters, lines = self._reconciliation_parameters(date, company), []
        for why, query in sources:
            self.env.cr.execute(query, parameters)
            for wallet_id, document, day, amount in self.env.cr.fetchall():
                names = self._reconciliation_names(wallets[wallet_id])
                lines.append((*names, why, document or "", day, Decimal(amount)))
        return lines

    def _reconciliation_unexplained(self, date, company, sections):
        """Return [(account, customer, currency, document, day, expected, found)]: entries that differ.

        What no entry accounts for is a line of its own.
        """
        lines = []
        for section in sections:
            for wallet, figures in section.rows:
                if figures.unexplained:
                    lines += self._reconciliation_unexplained_of(wallet, date, company, figures.unexplained)
        return lines

    def _reconciliation_unexplained_of(self, wallet, date, company, unexplained):
        self.env.cr.execute(queries.DIFFERENCES, self._reconciliation_parameters(date, company, wallet.ids))
        names, lines = self._reconciliation_names(wallet), []
        for _wallet, move_id, expected, found in self.env.cr.fetchall():
            move = self.env["account.move"].sudo().browse(move_id)
            lines.append((*names, move.name or "", move.date, Decimal(expected), Decimal(found)))
        rest = unexplained - sum((line[-1] - line[-2] for line in lines), ZERO)
        if rest:
            lines.append((*names, self.env._("In the wallet's own ledger"), date, ZERO, rest))
        return lines

    def _reconciliation_names(self, wallet):
        return wallet.account_ref, wallet.partner_id.name or "", wallet.currency_id.name

    # === TEXTS === #

    def _reconciliation_labels(self, date, company, sections):
        _ = self.env._
        return Labels(
            title=_(
                "Call wallet reconciliation, %(company)s, %(date)s",
                company=company.name,
                date=format_date(self.env, date),
            ),
            verdict=self._reconciliation_verdict(sections),
            wallet=_("Wallet"),
            customer=_("Customer"),
            currency=_("Currency"),
            figures=self._reconciliation_column_labels(),
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

    def _reconciliation_verdict(self, sections):
        count = sum(len(section.rows) for section in sections)
        differing = sum(len(section.differing) for section in sections)
        if differing:
            return self.env._(
                "%(differing)s of %(count)s wallets do not agree with the general ledger.",
                differing=differing,
                count=count,
            )
        return self.env._("All wallets (%s) agree with the general ledger.", count)

    def _reconciliation_column_labels(self):
        _ = self.env._
        return {
            "opening": _("Opening"),
            "added": _("Added"),
            "used": _("Used"),
            "refunded": _("Refunded"),
            "reversed": _("Reversed"),
            "closing": _("Closing"),
            "awaiting_payment": _("Awaiting payment"),
            "not_posted": _("Not posted"),
            "remainder": _("Remainder"),
            "general_ledger": _("General ledger"),
            "unexplained": _("Unexplained"),
        }

    # === THE ROWS BEHIND A FIGURE === #
    # From any figure of the reconciliation to the rows that it is the sum of.

    def open_reconciled(self, figure, date):
        """Open the rows behind one figure of the reconciliation of these wallets.

        :param str figure: a name in ``reconciliation``'s answer, such as ``"used"``
        :param date: the day of the reconciliation
        :return: a window action
        :raise UserError: unknown figure, a bad date, or wallets of several companies
        :raise AccessError: neither finance staff nor an account manager
        """
        self._as(ACCOUNT_MANAGER)
        companies = self.sudo().company_id
        if len(companies) != 1:
            raise UserError(self.env._("wallets: choose wallets of one company."))
        date, _company = self._reconciliation_scope(date, companies)
        openers = {
            **dict.fromkeys(("opening", "closing", *TYPES), self._open_reconciled_transactions),
            "awaiting_payment": self._open_reconciled_topups,
            "not_posted": self._open_reconciled_not_posted,
            "remainder": self._open_reconciled_entries,
            "general_ledger": self._open_reconciled_items,
            "unexplained": self._open_reconciled_differences,
        }
        if figure not in openers:
            raise UserError(self.env._("figure: there is none called %s.", repr(figure)[:60]))
        return openers[figure](figure, date)

    @api.model
    def open_unassigned(self, date, company, currency):
        """Open the items on the deposit account that belong to no wallet.

        :param currency: id of the items' currency
        :return: a window action
        :raise AccessError: neither finance staff nor an account manager of that company
        """
        date, company = self._reconciliation_scope(date, company)
        self.env.flush_all()
        self.env.cr.execute(
            queries.UNASSIGNED_ITEMS, {**self._reconciliation_parameters(date, company), "currency": currency}
        )
        ids = [row[0] for row in self.env.cr.fetchall()]
        return self._reconciled_items_action(
            self.env._("Not assigned, %s", format_date(self.env, date)), [("id", "in", ids)]
        )

    # === THE LEDGER'S ROWS === #

    def _open_reconciled_transactions(self, figure, date):
        domain = [("wallet_id", "in", self.ids), ("day", "<=", date)]
        if figure == "opening":
            domain = [("wallet_id", "in", self.ids), ("day", "<", date.replace(day=1))]
        elif figure in TYPES:
            domain += [("day", ">=", date.replace(day=1)), ("type", "=", TYPES[figure])]
        return self._reconciled_transactions(figure, date, domain)

    def _open_reconciled_not_posted(self, figure, date):
        domain = [("wallet_id", "in", self.ids), ("topup_id", "=", False), ("day", "<=", date)]
        late = [row[0] for row in self._reconciliation_rows(queries.LATE_ENTRIES, date)]
        domain += ["|", ("move_id", "=", False), ("move_id", "in", late)]
        return self._reconciled_transactions(figure, date, domain)

    def _reconciled_transactions(self, figure, date, domain):
        action = self.env["ir.actions.act_window"]._for_xml_id("call_wallet.action_call_wallet_transaction")
        if len(self) == 1:
            view = self.env.ref("call_wallet.call_wallet_transaction_list_of_wallet")
            action["views"] = [
                (view.id if view_type == "list" else view_id, view_type) for view_id, view_type in action["views"]
            ]
        return self._reconciled_action(action, figure, date, domain)

    def _open_reconciled_topups(self, figure, date):
        action = self.env["ir.actions.act_window"]._for_xml_id("call_wallet.action_call_wallet_topup")
        ids = [row[0] for row in self._reconciliation_rows(queries.AWAITING_TOPUPS, date)]
        return self._reconciled_action(action, figure, date, [("id", "in", ids)])

    # === ACCOUNTING'S ROWS === #

    def _open_reconciled_items(self, figure, date):
        wallets = self.sudo()
        company, currencies = wallets.company_id, wallets.currency_id
        # Those whose customers' items without a wallet count for them.
        heirs = self.browse(row[0] for row in self._reconciliation_rows(queries.HEIRS, date)).sudo()
        partners = heirs.partner_id.commercial_partner_id
        domain = [
            ("company_id", "=", company.id),
            ("account_id", "in", company._call_wallet_deposit_accounts().ids),
            ("parent_state", "=", "posted"),
            ("date", "<=", date),
            ("currency_id", "in", currencies.ids),
            "|",
            ("call_wallet_id", "in", self.ids),
            "&",
            "&",
            ("call_wallet_id", "=", False),
            ("tax_line_id", "=", False),
            ("partner_id.commercial_partner_id", "in", partners.ids),
        ]
        return self._reconciled_items_action(self._reconciled_name(figure, date), domain)

    def _open_reconciled_differences(self, figure, date):
        rows = self._reconciliation_rows(queries.DIFFERENCES, date)
        return self._reconciled_entries_action(figure, date, [move_id for _wallet, move_id, *_amounts in rows])

    def _open_reconciled_entries(self, figure, date):
        action = self.env["ir.actions.act_window"]._for_xml_id("call_wallet.action_call_wallet_posted_entry")
        domain = [
            ("wallet_id", "in", self.ids),
            ("move_id.state", "=", "posted"),
            ("move_id.date", "<=", date),
        ]
        return self._reconciled_action(action, figure, date, domain)

    def _reconciled_items_action(self, name, domain):
        return {
            "type": "ir.actions.act_window",
            "name": name,
            "res_model": "account.move.line",
            "views": [(self.env.ref("account.view_move_line_tree").id, "list"), (False, "pivot"), (False, "form")],
            "domain": domain,
            "context": {"create": False, "search_default_posted": 0},
        }

    def _reconciled_entries_action(self, figure, date, move_ids):
        return {
            "type": "ir.actions.act_window",
            "name": self._reconciled_name(figure, date),
            "res_model": "account.move",
            "views": [(self.env.ref("account.view_move_tree").id, "list"), (False, "form")],
            "domain": [("id", "in", move_ids)],
            "context": {"create": False},
        }

    def _reconciliation_rows(self, query, date):
        """Run a query for these wallets alone."""
        self.env.flush_all()
        parameters = self._reconciliation_parameters(date, self.sudo().company_id, self.ids)
        self.env.cr.execute(query, parameters)
        return self.env.cr.fetchall()

    # === TITLES === #

    def _reconciled_action(self, action, figure, date, domain):
        action.update(
            name=self._reconciled_name(figure, date),
            display_name=self._reconciled_name(figure, date),
            domain=domain,
            context={"create": False},
        )
        # An address of its own would open the whole list when the page is loaded again.
        action.pop("path", None)
        action.pop("xml_id", None)
        action["id"] = False
        return action

    def _reconciled_name(self, figure, date):
        return self.env._(
            "%(wallet)s: %(figure)s, %(date)s",
            wallet=self.sudo().account_ref if len(self) == 1 else self.env._("%s wallets", len(self)),
            figure=self._reconciled_label(figure),
            date=format_date(self.env, date),
        )

    def _reconciled_label(self, figure):
        return {
            "opening": self.env._("opening balance"),
            "added": self.env._("added"),
            "used": self.env._("used"),
            "refunded": self.env._("refunded"),
            "reversed": self.env._("reversed"),
            "closing": self.env._("closing balance"),
            "awaiting_payment": self.env._("awaiting payment"),
            "not_posted": self.env._("not posted"),
            "remainder": self.env._("journal entries"),
            "general_ledger": self.env._("deposit account"),
            "unexplained": self.env._("entries that differ"),
        }[figure]


CONTRACT = (
    "opening", "added", "used", "refunded", "reversed", "closing",
    "general_ledger", "awaiting_payment", "not_posted", "remainder", "unexplained",
)  # fmt: skip


def plain(amount):
    """Return ``amount`` as a decimal string with 6 places, zero without a sign."""
    return f"{amount + ZERO:f}" if amount else "0.000000"
