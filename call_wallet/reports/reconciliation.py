from odoo import api, models

from ..tools.fields import notation
from ..tools.reconciliation import WRONG, show


class ReconciliationReport(models.AbstractModel):
    """What the PDF shows. ``data`` names the day; the document is the company."""

    _name = "report.call_wallet.report_reconciliation"
    _description = "Call Wallet Reconciliation"

    @api.model
    def _get_report_values(self, docids, data=None):
        proof = self.env["call.wallet.reconciliation"]
        date, company = proof._scope((data or {}).get("date"), docids and docids[0])
        books = proof._books(date, company)
        lines, accounts = proof._trial_balance_lines(books)
        return {
            "docs": company,
            "company": company,
            "address": self._address(company),
            "printed": (data or {}).get("report_type") == "pdf",
            "date": date,
            "books": books,
            "sections": books.sections,
            "labels": proof._labels(date, company, books),
            "lines": lines,
            "accounts": accounts,
            "wrong": WRONG,
            "parts": proof._parts,
            "explained": proof._explained(date, company, books.sections),
            "unexplained": proof._unexplained(date, company, books.sections),
            "figure": getattr,
            "show": self._show,
            "places": proof._places,
        }

    def _address(self, company):
        lines = company.partner_id._display_address(without_company=True).splitlines()
        return ", ".join(line.strip() for line in lines if line.strip())

    def _show(self, amount, currency, places=0):
        """Return an amount with all the decimals it has, as the reader's language writes numbers."""
        ways = notation(self.env)
        # Adding nothing takes the sign off a zero.
        return show(amount + 0, currency, places).translate({ord(","): ways.separator, ord("."): ways.point})
