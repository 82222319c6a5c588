from datetime import timedelta
from urllib.parse import urlencode

from dateutil.relativedelta import relativedelta
from odoo import http
from odoo.exceptions import UserError
from odoo.http import request

from ..tools.fields import parse_day
from .portal import CallWalletPortal


class CallWalletPortalUsage(CallWalletPortal):
    """The page on which an owner chooses the days of a usage report."""

    @http.route("/my/billing/<int:wallet_id>/report", type="http", auth="user", website=True)
    def my_billing_report(self, wallet_id, preset="this_month", date_from="", date_to="", **_unknown):
        """Choose the days of the usage report, and download it.

        :param str preset: one of ``_call_wallet_report_presets``, or ``custom`` with ``date_from`` and ``date_to``
        :param str date_from: first day, ``YYYY-MM-DD`` in the wallet's time zone; empty for no limit
        :param str date_to: last day, included; likewise
        """
        wallet = self._call_wallet_own_wallet(wallet_id, closed_too=True)
        presets = self._call_wallet_report_presets(wallet)
        problem, extent = "", None
        try:
            if preset in presets:
                start, end = presets[preset][1:]
            else:
                preset = "custom"
                start = parse_day(date_from, request.env._("From"), request.env)
                end = parse_day(date_to, request.env._("To"), request.env)
            if start and end and end < start:
                raise UserError(request.env._("To: choose a day that is not before From."))
            extent = request.env["call.usage.report"]._extent(wallet, start, end)
        except UserError as error:
            problem, start, end = str(error), None, None
        query = urlencode({"date_from": start or "", "date_to": end or ""})
        return self._call_wallet_render(
            "call_wallet.portal_billing_report",
            wallet,
            "report",
            422 if problem else 200,
            presets=presets,
            preset=preset,
            start=start,
            end=end,
            date_from=date_from if preset == "custom" else str(start or ""),
            date_to=date_to if preset == "custom" else str(end or ""),
            problem=problem,
            count=extent.count if extent else 0,
            download=f"/call_wallet/usage_report/{wallet.id}?{query}",
        )

    def _call_wallet_report_presets(self, wallet):
        """Return {preset: (label, first day, last day)} in the wallet's time zone."""
        _ = request.env._
        today = wallet._today()
        month = today.replace(day=1)
        return {
            "this_month": (_("This month"), month, today),
            "last_month": (_("Last month"), month - relativedelta(months=1), month - timedelta(days=1)),
            "last_7_days": (_("Last 7 days"), today - timedelta(days=6), today),
            "last_30_days": (_("Last 30 days"), today - timedelta(days=29), today),
            "last_90_days": (_("Last 90 days"), today - timedelta(days=89), today),
        }
