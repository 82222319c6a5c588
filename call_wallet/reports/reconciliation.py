from odoo import api, models

from ..models.accounting.call_wallet_reconciliation import COLUMNS


class ReconciliationReport(models.AbstractModel):
    """What the PDF shows. ``data`` names the day; the document is the company."""

    _name = "report.call_wallet.report_reconciliation"
    _description = "Call Wallet Reconciliation"

    @api.model
    def _get_report_values(self, docids, data=None):
        proof = self.env["call.wallet.reconciliation"]
        date, company = proof._scope((data or {}).get("date"), docids and docids[0])
        sections = proof._sections(date, company)
        return {
            "docs": company,
            "company": company,
            "date": date,
            "sections": sections,
            "columns": COLUMNS,
            "labels": proof._labels(date, company, sections),
            "differing": sum(len(section.differing) for section in sections),
            "of_used": proof._of_what_was_used,
            "explained": proof._explained(date, company, sections),
            "unexplained": proof._unexplained(date, company, sections),
            "figure": getattr,
            "show": show,
        }


def show(amount, currency):
    """Return ``amount`` with at least the currency's places, and no zeros after those."""
    places = currency.decimal_places
    text = f"{amount:,.6f}"
    whole, fraction = text.split(".")
    kept = fraction[:places] + fraction[places:].rstrip("0")
    return f"{whole}.{kept}" if kept else whole
