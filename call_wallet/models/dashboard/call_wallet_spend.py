from collections import defaultdict
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from odoo import api, models

from ...tools.called import WITHHELD
from ...tools.country import INTERNATIONAL, country_of
from ...tools.fields import ZERO, parse_amount
from .spend_sql import BREAKDOWN

# A longer range is charted by month.
MOST_DAYS_CHARTED = 62
# So many names stand below the bars at most, and a name takes as much room as so large a part of the bars: what the
# width of a phone allows. Those of months are longer than those of days.
DAY_NAMES, MONTH_NAMES = (5, Decimal("6.5")), (4, Decimal("4.5"))
TENTH = Decimal("0.1")


class Share(NamedTuple):
    """What part of the spend something had: its name, what it cost in the wallet's currency, how many charges."""

    name: str
    amount: object
    charges: int
    is_rest: bool = False


class CallWalletSpend(models.AbstractModel):
    """What a wallet's calls cost in a range of days, for its owners.

    Spend is what the ledger's charges (``usage``) add up to; what was given back is told apart. Days are those on
    which the wallet was charged, in its time zone; amounts are positive, ``Decimal`` in its currency, all decimals.
    Whoever calls these methods has checked who asks.
    """

    _name = "call.wallet.spend"
    _description = "Spend of a Wallet"

    # === FROM DAILY TOTALS === #
    # They cost the same for ten calls a day and for a million.

    @api.model
    def _totals(self, wallet, first, last):
        """Return what was spent from day ``first`` to ``last``, both included.

        :return: ``spent``, ``charges``, ``minutes`` as billed, ``given_back`` (refunds), and ``types``: {call type:
            spent}
        """
        rows = self.env["call.wallet.day"]._read_group(
            [("wallet_id", "=", wallet.id), ("type", "in", ("usage", "refund")), *between(first, last)],
            ["type", "call_type"],
            ["amount:sum", "transactions:sum", "billed_minutes:sum"],
        )
        totals = {"spent": ZERO, "charges": 0, "minutes": ZERO, "given_back": ZERO, "types": defaultdict(lambda: ZERO)}
        for kind, call_type, amount, charges, minutes in rows:
            if kind == "refund":
                totals["given_back"] += parse_amount(amount)
            else:
                totals["spent"] -= parse_amount(amount)
                totals["types"][call_type] -= parse_amount(amount)
                totals["charges"] += charges
                totals["minutes"] += parse_amount(minutes)
        return totals

    @api.model
    def _compared(self, wallet, first, last):
        """Return what the same number of days before these cost, and how the two differ.

        :return: ``first`` and ``last`` of the days before, ``days``, ``spent`` in them, ``difference`` (positive
            where more was spent since) and ``percent`` of it (one decimal; None where nothing was spent before)
        """
        length = (last - first).days + 1
        before = first - timedelta(days=length), first - timedelta(days=1)
        spent = self._totals(wallet, *before)["spent"]
        difference = self._totals(wallet, first, last)["spent"] - spent
        return {
            "first": before[0],
            "last": before[1],
            "days": length,
            "spent": spent,
            "difference": difference,
            "percent": (100 * difference / spent).quantize(TENTH, ROUND_HALF_UP) if spent else None,
        }

    @api.model
    def _bars(self, wallet, first, last):
        """Return the bars of the chart, the earliest first: each a day, or a month where the days are many.

        A month is cut to the range. The highest bar has a height of 100.

        :return: list of ``first``, ``last``, ``spent``, ``charges``, ``types`` {call type: (spent, height)}, and
            ``is_named``: whether its day or month stands below it, as those of the first and the last bar always do
        """
        by_month = (last - first).days >= MOST_DAYS_CHARTED
        spent, charges = defaultdict(lambda: ZERO), defaultdict(int)
        rows = self.env["call.wallet.day"]._read_group(
            [("wallet_id", "=", wallet.id), ("type", "=", "usage"), *between(first, last)],
            ["day:day", "call_type"],
            ["amount:sum", "transactions:sum"],
        )
        for day, call_type, amount, count in rows:
            start = max(first, day.replace(day=1)) if by_month else day
            spent[start, call_type] -= parse_amount(amount)
            charges[start] += count
        types = wallet._call_type_labels()
        bars = [
            {
                "first": start,
                "last": end,
                "spent": sum((spent[start, kind] for kind in types), ZERO),
                "charges": charges[start],
                "types": {kind: spent[start, kind] for kind in types},
            }
            for start, end in parts(first, last, by_month)
        ]
        most = max((bar["spent"] for bar in bars), default=ZERO)
        named = named_bars(len(bars), *(MONTH_NAMES if by_month else DAY_NAMES))
        for index, bar in enumerate(bars):
            bar["is_named"] = index in named
            heights = {kind: round(100 * amount / most, 2) if most else 0 for kind, amount in bar["types"].items()}
            bar["types"] = {kind: (amount, heights[kind]) for kind, amount in bar["types"].items()}
        return bars

    @api.model
    def _by_campaign(self, wallet, first, last):
        """Return a ``Share`` for each campaign that spent something, the largest first."""
        rows = self.env["call.wallet.day"]._read_group(
            [("wallet_id", "=", wallet.id), ("type", "=", "usage"), *between(first, last)],
            ["campaign_id"],
            ["amount:sum", "transactions:sum"],
        )
        return ranked(
            Share(campaign.name or self.env._("No campaign"), -parse_amount(amount), charges, not campaign)
            for campaign, amount, charges in rows
        )

    # === FROM THE LEDGER === #

    @api.model
    def _by_country_and_manager(self, wallet, first, last):
        """Return two lists of ``Share``, the largest first, what has no name last: by country and by manager.

        The country is that of the number called (or calling, inbound). Both lists add up to the spend of these days.
        It reads each charge of the range once; ``_totals`` tells in advance how many there are.
        """
        self.env.flush_all()
        self.env.cr.execute(BREAKDOWN, {"wallet": wallet.id, "first": first, "last": last})
        places, managers = defaultdict(lambda: [ZERO, 0]), {}
        for is_manager, place, number, manager, amount, charges in self.env.cr.fetchall():
            if is_manager:
                managers[manager] = [parse_amount(amount), charges]
            else:
                total = places[self._country_key(place, number)]
                total[0] += parse_amount(amount)
                total[1] += charges
        return self._name_countries(places), self._name_managers(managers)

    def _country_key(self, place, number):
        """Return a country's code, or which of the lines without a country a group of calls belongs to."""
        if place is None:
            return "gone"
        if place == WITHHELD:
            return "withheld"
        if place[0].isdigit():
            return "short"
        code = country_of(number) if place[0] == "+" else place
        return "other" if code in (None, INTERNATIONAL) else code

    def _name_countries(self, totals):
        _ = self.env._
        rest = {
            "gone": _("Unknown"),
            "withheld": _("Withheld"),
            "short": _("Short numbers"),
            "other": _("International numbers"),
        }
        countries = self.env["res.country"].search([("code", "in", list(totals))])
        names = {country.code: country.name for country in countries}
        return ranked(
            Share(rest.get(key) or names.get(key, key), *total, is_rest=key in rest) for key, total in totals.items()
        )

    def _name_managers(self, totals):
        rest = {-1: self.env._("Unknown"), None: self.env._("No manager")}
        people = self.env["res.partner"].browse(key for key in totals if key not in rest)
        names = {person.id: person.name for person in people.exists()}
        return ranked(
            Share(rest.get(key) or names.get(key) or rest[-1], *total, is_rest=key in rest)
            for key, total in totals.items()
        )


def between(first, last):
    return [("day", ">=", first), ("day", "<=", last)]


def parts(first, last, by_month):
    """Yield first and last day of each bar: the days, or the months as far as they are in the range."""
    while first <= last:
        end = min(last, (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1))
        end = end if by_month else first
        yield first, end
        first = end + timedelta(days=1)


def named_bars(count, most, room):
    """Return which of ``count`` bars have their name below them: the first, the last, and some evenly between.

    :param int most: how many names there are at most
    :param room: how many names would fill the width of all bars; names stay apart by that
    """
    for names in range(most, 1, -1):
        if names <= count and (count - 1) // (names - 1) * room >= count:
            return {round(Decimal(index * (count - 1)) / (names - 1)) for index in range(names)}
    return {0, count - 1}


def ranked(shares):
    return sorted(shares, key=lambda share: (share.is_rest, -share.amount, -share.charges, share.name))
