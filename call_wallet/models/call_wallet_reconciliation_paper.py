import tempfile
from decimal import Decimal

from odoo import models
from odoo.tools import format_date

from ..fields import ZERO
from ..reports.reconciliation_file import Labels, Workbook
from . import call_wallet_reconciliation_sql as queries
from .call_wallet_reconciliation import COLUMNS


class CallWallet(models.Model):
    """The reconciliation on paper: a workbook and a PDF, with every difference on a line of its own."""

    _inherit = "call.wallet"

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
