from dataclasses import dataclass, field

from odoo import api, models

from .call_wallet import FINANCE
from .call_wallet_reconciliation import COLUMNS, FIGURES, Figures, plain

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


class CallWalletReconciliationScreen(models.Model):
    """The reconciliation as people see it: by currency, with totals."""

    _inherit = "call.wallet"

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
