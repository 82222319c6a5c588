from datetime import timedelta
from urllib.parse import urlencode

from dateutil.relativedelta import relativedelta
from odoo import http
from odoo.exceptions import UserError
from odoo.http import request
from odoo.tools import format_date

from ..tools.fields import ZERO, parse_day
from .portal import CallWalletPortal

# Days that can be chosen; older ones are in the usage report.
MOST_DAYS = 731
# So many charges are read for the page itself; more of them when they are asked for. On two cores that were busy with
# other work, 30,000 took 1.3 s and 300,000 4.5 s.
MOST_CHARGES_AT_ONCE = 50_000
# Lines that are seen before "more" is pressed.
LINES = 8


class CallWalletPortalUsage(CallWalletPortal):
    """What the calls cost in a range of days; and the page on which an owner chooses the days of a usage report."""

    # === SPEND === #

    @http.route("/my/billing/<int:wallet_id>/usage", type="http", auth="user", website=True)
    def my_billing_usage(self, wallet_id, preset="this_month", date_from="", date_to="", calls="", **_unknown):
        """Show what was spent in a range of days: beside the days before, by day, country, manager and campaign.

        Sums are in the wallet's currency as it is paid, days in its time zone.

        :param str preset: one of ``_call_wallet_usage_presets``, or ``custom`` with ``date_from`` and ``date_to``
        :param str date_from: first day, ``YYYY-MM-DD``; without both, the last 30 days
        :param str date_to: last day, included
        :param calls: anything, to have the calls read by country and manager although they are many
        :return: the page, with 422 and the problem where the days cannot be shown; 404 for whoever does not own this
            wallet
        """
        wallet = self._call_wallet_own_wallet(wallet_id, closed_too=True)
        presets = self._call_wallet_usage_presets(wallet)
        problem, values = "", {}
        try:
            if preset in presets:
                start, end = presets[preset][1:]
            else:
                preset = "custom"
                start, end = self._call_wallet_usage_days(wallet, date_from, date_to)
            values = self._call_wallet_usage_values(wallet, start, end, is_asked=bool(calls))
        except UserError as error:
            problem, start, end = str(error), None, None
        return self._call_wallet_render(
            "call_wallet.portal_billing_usage",
            wallet,
            "usage",
            422 if problem else 200,
            presets=presets,
            preset=preset,
            start=start,
            end=end,
            date_from=date_from if problem else str(start),
            date_to=date_to if problem else str(end),
            problem=problem,
            lines=LINES,
            **values,
        )

    def _call_wallet_usage_presets(self, wallet):
        """Return {preset: (label, first day, last day)} in the wallet's time zone."""
        _ = request.env._
        today = wallet._today()
        month = today.replace(day=1)
        return {
            "today": (_("Today"), today, today),
            "last_7_days": (_("7 days"), today - timedelta(days=6), today),
            "this_month": (_("This month"), month, today),
            "last_month": (_("Last month"), month - relativedelta(months=1), month - timedelta(days=1)),
        }

    def _call_wallet_usage_days(self, wallet, date_from, date_to):
        """Return the first and the last day that somebody chose; the last 30 days where nothing was.

        :raise UserError: no days, the wrong way round, or too many
        """
        _ = request.env._
        today = wallet._today()
        if not date_from and not date_to:
            return today - timedelta(days=29), today
        start = parse_day(date_from, _("From"), request.env)
        end = parse_day(date_to, _("To"), request.env) or today
        if not start:
            raise UserError(_("From: choose a day."))
        if end < start:
            raise UserError(_("To: choose a day that is not before From."))
        if (end - start).days >= MOST_DAYS:
            raise UserError(_("To: choose at most two years. For more there is the usage report."))
        return start, end

    def _call_wallet_usage_values(self, wallet, start, end, is_asked):
        spend = wallet.env["call.wallet.spend"]
        totals = spend._totals(wallet, start, end)
        is_read = is_asked or totals["charges"] <= MOST_CHARGES_AT_ONCE
        countries, managers = spend._by_country_and_manager(wallet, start, end) if is_read else ((), ())
        return {
            "totals": totals,
            "compared": self._call_wallet_compared_words(wallet, totals, spend._compared(wallet, start, end)),
            "bars": spend._bars(wallet, start, end),
            "types": wallet._call_type_labels(),
            "is_read": is_read,
            "countries": countries,
            "managers": managers,
            "campaigns": spend._by_campaign(wallet, start, end),
            "charges_text": self._call_wallet_charges_text,
            "bar_title_of": lambda bar: self._call_wallet_bar_title(wallet, bar),
            "days_query": lambda first, last: urlencode({"date_from": first, "date_to": last}),
        }

    def _call_wallet_charges_text(self, count):
        _ = request.env._
        return _("1 charge") if count == 1 else _("%(count)s charges", count=self._call_wallet_format_whole(count))

    def _call_wallet_bar_title(self, wallet, bar):
        """Return what a bar of the chart says: its days, what was spent in them, in how many charges."""
        return request.env._(
            "%(days)s: %(amount)s, %(charges)s",
            days=self._call_wallet_format_range(bar["first"], bar["last"]),
            amount=self._call_wallet_format_sum(wallet, bar["spent"]),
            charges=self._call_wallet_charges_text(bar["charges"]),
        )

    def _call_wallet_compared_words(self, wallet, totals, compared):
        """Return the sentence that sets what was spent beside what as many days before cost."""
        _ = request.env._
        more, is_one = compared["difference"] > 0, compared["days"] == 1
        words = {
            "day": format_date(request.env, compared["first"]),
            "first": format_date(request.env, compared["first"]),
            "last": format_date(request.env, compared["last"]),
            "days": compared["days"],
            "spent": self._call_wallet_format_sum(wallet, compared["spent"]),
            "amount": self._call_wallet_format_sum(wallet, abs(compared["difference"])),
            "percent": self._call_wallet_format_plain(abs(compared["percent"] or ZERO), 1),
        }
        if not compared["spent"] and not totals["spent"]:
            one = _("Nothing was spent on the day before, %(day)s, either.", **words)
            several = _("Nothing was spent in the %(days)s days before, %(first)s – %(last)s, either.", **words)
        elif not compared["spent"]:
            one = _("Nothing was spent on the day before, %(day)s.", **words)
            several = _("Nothing was spent in the %(days)s days before, %(first)s – %(last)s.", **words)
        elif not compared["difference"]:
            one = _("As much as on the day before, %(day)s.", **words)
            several = _("As much as in the %(days)s days before, %(first)s – %(last)s.", **words)
        elif more:
            one = _("%(amount)s more (+%(percent)s%%) than on the day before, %(day)s: %(spent)s.", **words)
            several = _(
                "%(amount)s more (+%(percent)s%%) than in the %(days)s days before, %(first)s – %(last)s: %(spent)s.",
                **words,
            )
        else:
            one = _("%(amount)s less (−%(percent)s%%) than on the day before, %(day)s: %(spent)s.", **words)
            several = _(
                "%(amount)s less (−%(percent)s%%) than in the %(days)s days before, %(first)s – %(last)s: %(spent)s.",
                **words,
            )
        return one if is_one else several

    # === USAGE REPORT === #

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
