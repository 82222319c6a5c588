import tempfile
from decimal import Decimal

from odoo import models
from odoo.tools import format_date, formatLang

from ...tools.fields import ZERO
from ...tools.money import rounded
from ...tools.paper import made
from ...tools.reconciliation_file import Labels, Workbook
from . import reconciliation_sql as queries


class CallWalletReconciliationPaper(models.AbstractModel):
    """The reconciliation on paper: a workbook and a PDF, with every difference on a line of its own."""

    _inherit = "call.wallet.reconciliation"

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

    def _places(self, section, name):
        """Return how many decimal places a column needs, for all its figures to stand in line."""
        figures = [getattr(row, name) for row in (*(figures for _wallet, figures in section.rows), section.total)]
        if name == "general_ledger":
            figures.append(section.loose.amount)
        return max(len(f"{figure:.6f}".rstrip("0").partition(".")[2]) for figure in figures)

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
            verdict=self._verdict(date, company, books),
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

    def _verdict(self, date, company, books):
        verdict = self._verdict_on_wallets(books)
        if not self._is_over(date, company):
            verdict = self.env._("%s The day is not over yet: calls, payments and entries will change this.", verdict)
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
