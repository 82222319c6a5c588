from datetime import timedelta
from urllib.parse import urlencode

from dateutil.relativedelta import relativedelta
from odoo import http
from odoo.exceptions import UserError
from odoo.http import request

from ..tools.fields import parse_day, parse_id
from .portal import PER_PAGE, CallWalletPortal

# How many months can be chosen here. For older ones there is the usage report.
MONTHS = 24
KINDS = {
    "calls": ("usage",),
    "added": ("balance_added",),
    "corrections": ("refund", "reversal"),
}


class CallWalletPortalLedger(CallWalletPortal):
    """The wallet's ledger, as its owners read it.

    Pages are found by transaction number, without an offset and without counting, so that the last page of a long
    ledger costs no more than the first.
    """

    @http.route("/my/billing/<int:wallet_id>/transactions", type="http", auth="user", website=True)
    def my_billing_transactions(
        self, wallet_id, kind="", month="", date_from="", date_to="", before="", after="", **_unknown
    ):
        """Show the transactions of an owner's wallet, the newest first, a page at a time.

        :param str kind: ``calls``, ``added`` or ``corrections``; all by default
        :param str month: ``YYYY-MM`` in the wallet's time zone; any by default
        :param str date_from: with ``date_to``, instead of a month: the first and the last day, ``YYYY-MM-DD`` in the
            wallet's time zone
        :param before: only transactions with a smaller number: the page of older ones
        :param after: only transactions with a greater number: the page of newer ones
        """
        wallet = self._call_wallet_own_wallet(wallet_id, closed_too=True)
        kind = kind if kind in KINDS else ""
        months = self._call_wallet_months(wallet)
        days = self._call_wallet_chosen_days(date_from, date_to)
        month = month if month in months and not days else ""
        if month:
            days = months[month], last_day(months[month])
        chosen = {"month": month} if month else {"date_from": days[0], "date_to": days[1]} if days else {}
        domain = self._call_wallet_transactions_domain(wallet, kind, days)
        rows, has_newer, has_older = self._call_wallet_transactions_page(
            wallet, domain, parse_id(before), parse_id(after)
        )
        return self._call_wallet_render(
            "call_wallet.portal_billing_all_transactions",
            wallet,
            "transactions",
            transactions=rows,
            kinds=self._call_wallet_kind_labels(),
            kind=kind,
            months=months,
            month=month,
            days=days,
            newer=has_newer and {"after": rows[0].sequence},
            older=has_older and {"before": rows[-1].sequence},
            address=lambda **changes: self._call_wallet_transactions_address(
                wallet, {"kind": kind, **chosen, **changes}
            ),
            report=self._call_wallet_report_address(wallet, days),
        )

    def _call_wallet_chosen_days(self, date_from, date_to):
        """Return the first and the last day in the address; None where they are none, or the wrong way round."""
        try:
            start = parse_day(date_from, "date_from", request.env)
            end = parse_day(date_to, "date_to", request.env)
        except UserError:
            return None
        return (start, end) if start and end and start <= end else None

    def _call_wallet_transactions_domain(self, wallet, kind, days):
        domain = [("wallet_id", "=", wallet.id)]
        if kind:
            domain.append(("type", "in", KINDS[kind]))
        if days:
            extent = wallet.env["call.usage.report"]._extent(wallet, *days)
            domain += [("sequence", ">=", extent.first), ("sequence", "<=", extent.last)]
        return domain

    def _call_wallet_transactions_page(self, wallet, domain, before, after):
        """Return a page of transactions, and whether there are newer and older ones."""
        transactions = wallet.env["call.wallet.transaction"]
        if after:
            newer = transactions.search([*domain, ("sequence", ">", after)], order="sequence", limit=PER_PAGE + 1)
            if len(newer) >= PER_PAGE:
                return newer[:PER_PAGE].sorted("sequence", reverse=True), len(newer) > PER_PAGE, True
            before = 0  # too few for a page: show the first page instead
        older = [("sequence", "<", before)] if before else []
        rows = transactions.search([*domain, *older], order="sequence desc", limit=PER_PAGE + 1)
        return rows[:PER_PAGE], bool(before and rows), len(rows) > PER_PAGE

    def _call_wallet_months(self, wallet):
        """Return {``YYYY-MM``: its first day} of the months with transactions, the latest first."""
        first = wallet.env["call.wallet.transaction"].search([("wallet_id", "=", wallet.id)], order="sequence", limit=1)
        month, months = wallet._today().replace(day=1), {}
        while first and month >= first.day.replace(day=1) and len(months) < MONTHS:
            months[f"{month:%Y-%m}"] = month
            month -= relativedelta(months=1)
        return months

    def _call_wallet_kind_labels(self):
        _ = request.env._
        return {
            "": _("All"),
            "calls": _("Calls"),
            "added": _("Balance added"),
            "corrections": _("Refunds and corrections"),
        }

    def _call_wallet_transactions_address(self, wallet, parameters):
        query = urlencode({name: value for name, value in parameters.items() if value})
        return f"/my/billing/{wallet.id}/transactions{'?' if query else ''}{query}"

    def _call_wallet_report_address(self, wallet, days):
        query = {"preset": "custom", "date_from": days[0], "date_to": days[1]} if days else {}
        return f"/my/billing/{wallet.id}/report{'?' if days else ''}{urlencode(query)}"


def last_day(first):
    return first + relativedelta(months=1) - timedelta(days=1)
