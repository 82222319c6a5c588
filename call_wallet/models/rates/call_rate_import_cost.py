from datetime import UTC, datetime, time
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta
from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import format_date
from odoo.tools.misc import formatLang

from ...rating import charge
from ...tools.clock import day_in
from ...tools.fields import ZERO
from ...tools.money import rounded

# A browser waits for as many; beyond that a re-rating previews them in the background.
MOST_CALLS = 1_000_000
BATCH = 10_000


class Month(NamedTuple):
    """Last month in the reader's time zone: its first day, when it began and when it was over, naive UTC."""

    day: object
    begins: datetime
    ends: datetime


class CallRateImport(models.Model):
    """What last month's calls would have cost by the prices of a file, beside what they were charged.

    With the addon's own import and its own rating: the rates are changed as they would be, the deck is loaded, and the
    change is taken back before anybody sees it.
    """

    _inherit = "call.rate.import"

    def action_compare_last_month(self):
        """Find out what last month's calls would have cost by the prices of this file; the plan does not change.

        Of the plan's customers, of the import's call type and direction, as they were first charged: without
        corrections and refunds. Calls whose numbers were deleted are left out.

        :raise UserError: not previewed, lines with errors, the plan changed since, or too many calls
        :raise AccessError: not finance staff
        """
        self._check_allowed()
        self._check_previewed()
        month = self._last_month()
        wallets = (
            self.env["call.wallet"].with_context(active_test=False).search([("rate_plan_id", "=", self.plan_id.id)])
        )
        asked = {
            "wallets": wallets.ids,
            "call_type": self.call_type,
            "direction": self.direction,
            "begins": month.begins,
            "ends": month.ends,
        }
        self.env.cr.execute(CHARGED, asked)
        calls, charged = self.env.cr.fetchone()
        if calls > MOST_CALLS:
            raise UserError(
                self.env._(
                    "Last month has more than %s calls by this plan. Import the prices, and preview a re-rating of the "
                    "month.",
                    MOST_CALLS,
                )
            )
        cost, unpriced = self._price(asked, self._decks_once_imported(), wallets)
        found = {"day": month.day.isoformat(), "calls": calls, "charged": charged, "unpriced": unpriced}
        found["companies"] = self.env.companies.ids
        self._note({"last_month": {**found, "cost": str(cost)}})
        return True

    def _last_month(self):
        tz = ZoneInfo(self.tz)
        following = day_in(self.tz).replace(day=1)
        day = following - relativedelta(months=1)
        begins, ends = (
            datetime.combine(one, time(), tz).astimezone(UTC).replace(tzinfo=None) for one in (day, following)
        )
        return Month(day, begins, ends)

    def _decks_once_imported(self):
        """Return the plan's decks as they would be after the import."""
        self.env.flush_all()
        with self.env.cr.savepoint() as savepoint:
            self._change_rates()
            decks = self.plan_id._load_decks(self.plan_id.id)
            savepoint.rollback()
        self.env.invalidate_all()
        return decks

    def _price(self, asked, decks, wallets):
        """Return what the calls cost by these decks once the whole file is in force, and how many have no price."""
        cr, cost, unpriced = self.env.cr, ZERO, 0
        cr.execute(IN_FORCE_FROM, {"import": self.id, "valid_from": self.valid_from})
        [at] = cr.fetchone()
        rated = self.env["call.rate.plan"]._load_rated_wallets(wallets.mapped("account_ref"))
        by_wallet = {one.wallet_id: one._replace(decks=decks) for one in rated.values()}
        cr.execute(OPEN_CALLS, asked)
        while True:
            cr.execute(NEXT_CALLS)
            calls = cr.fetchall()
            if not calls:
                break
            for wallet_id, number, seconds in calls:
                rate = by_wallet[wallet_id].match(self.call_type, self.direction, number, at)
                if rate is None:
                    unpriced += 1
                else:
                    cost += charge(rate, seconds).cost
        cr.execute("CLOSE call_rate_import_calls")
        return cost, unpriced

    @api.depends("last_month")
    @api.depends_context("lang", "allowed_company_ids")
    def _compute_last_month_told(self):
        """Tell it to who has chosen the companies whose calls these were: several may share the plan."""
        for one in self:
            found = one.sudo().last_month
            is_theirs = found and set(found["companies"]) <= set(self.env.companies.ids)
            one.last_month_told = one._tell_last_month(found) if is_theirs else False

    def _tell_last_month(self, found):
        _ = self.env._
        charged, cost = Decimal(found["charged"]), Decimal(found["cost"])
        told = _(
            "%(month)s: %(calls)s calls, charged %(charged)s %(currency)s. By these prices: %(cost)s (%(difference)s).",
            month=format_date(self.env, found["day"], date_format="LLLL yyyy"),
            calls=self._written(found["calls"], 0),
            charged=self._written(charged),
            cost=self._written(cost),
            difference=self._written(cost - charged, signed=True),
            currency=self.plan_id.currency_id.name,
        )
        if found["unpriced"]:
            unpriced = self._written(found["unpriced"], 0)
            told += "\n" + _("%s of these calls would have no price, and count as 0.", unpriced)
        return told

    def _written(self, number, places=None, signed=False):
        """Return a number with so many decimals, or an amount with those of the plan's currency, in one's language."""
        number = rounded(Decimal(number), self.plan_id.currency_id.decimal_places if places is None else places)
        text = formatLang(self.env, float(number), digits=-number.as_tuple().exponent)
        return f"+{text}" if signed and number > 0 else text


OF_MONTH = """
      FROM call_usage
     WHERE wallet_id = ANY(%(wallets)s) AND call_type = %(call_type)s AND direction = %(direction)s
       AND started_at >= %(begins)s AND started_at < %(ends)s AND status = 'completed' AND masked_at IS NULL
"""
CHARGED = f"SELECT count(*), COALESCE(sum(total_cost), 0)::text {OF_MONTH}"
OPEN_CALLS = f"""
    DECLARE call_rate_import_calls NO SCROLL CURSOR FOR SELECT wallet_id, number, duration_seconds {OF_MONTH}
"""
NEXT_CALLS = f"FETCH {BATCH} FROM call_rate_import_calls"
# When the last line of the file is in force.
IN_FORCE_FROM = """
    SELECT GREATEST(max(valid_from), %(valid_from)s)
      FROM call_rate_import_line WHERE import_id = %(import)s AND kind IN ('new', 'changed')
"""
