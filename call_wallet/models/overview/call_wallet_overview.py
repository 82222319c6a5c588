from collections import defaultdict
from datetime import timedelta

from odoo import api, models

from ...const import ACCOUNT_MANAGER, FINANCE
from ...tools.clock import day_in, utcnow
from ...tools.door import door
from ...tools.fields import ZERO, parse_amount
from ..stripe.call_wallet_stripe_return import OPEN
from . import overview_sql as queries

CHANGED = "call_wallet/overview"

CHART_DAYS = 30

# A balance that lasts no longer is about to run out.
SOON_DAYS = 7

RISKS_SHOWN = 8

# More work than this is counted as "that many and more".
MOST_COUNTED = 1000

# Name, model, what of it waits, the menu and the action that list it, and the search filters to list it by: those by
# which the menu lists it, too, so that the number beside a menu is how many rows it opens.
QUEUES = [
    ("waiting", "call.wallet.waiting", [], "call_wallet_waiting", []),
    ("rejected", "call.usage.rejection", [("state", "=", "open")], "call_usage_rejection", ["open"]),
    (
        "sources",
        "call.source.call",
        [("state", "in", ("unassigned", "unusable"))],
        "call_source_call",
        ["unassigned", "unusable"],
    ),
    (
        "refunds",
        "call.wallet.refund.request",
        [("state", "=", "waiting")],
        "call_wallet_refund_request",
        ["waiting"],
    ),
    (
        "disputes",
        "call.wallet.stripe.return",
        [("kind", "=", "dispute"), ("status", "in", OPEN)],
        "call_wallet_stripe_return",
        ["open"],
    ),
    (
        "transfers",
        "account.bank.statement.line",
        [("amount", ">", 0), ("call_wallet_is_of_interest", "=", True), ("is_reconciled", "=", False)],
        "call_wallet_transfer",
        ["open"],
    ),
]

# Of the wallets at risk, in the order of the ranks in ``RISKS``; each is a filter of the wallets' list.
RISKS = ("used_up", "running_low", "runs_out_soon")


class CallWalletOverview(models.AbstractModel):
    """The figures of the seller's first page, of the companies that are chosen in the web client."""

    _name = "call.wallet.overview"
    _description = "Call Wallet Overview"

    # === DOORS === #

    @api.model
    @api.readonly
    def overview(self):
        """Return what the overview shows of the chosen companies' wallets, each on its own day.

        :return: dict; amounts are decimal strings, never added up over currencies: ``wallets``, how many are open;
            ``is_finance``; ``money``, one dict a currency; ``soon_days`` and ``risks``, the wallets that run low or
            out; ``work``, what waits, where the user may see it; ``set_up``, the steps of the checklist, empty once
            all are done. What belongs to finance is not in the answer for account managers
        :raise AccessError: neither finance staff nor an account manager
        """
        self.env["call.wallet"]._permitted(ACCOUNT_MANAGER)
        self.env.flush_all()
        is_finance = self.env.user.has_group(FINANCE)
        money, wallets = self._money(is_finance)
        return {
            "wallets": wallets,
            "is_finance": is_finance,
            "money": money,
            "soon_days": SOON_DAYS,
            "risks": self._risks(is_finance),
            "work": self._waiting_work(),
            "set_up": self.env["call.wallet.set.up"]._steps() if is_finance else [],
        }

    @api.model
    @api.readonly
    def books(self):
        """Return whether the books are up to date, and whether they agree with the wallets; one dict a company.

        It is apart from ``overview`` because the proof reads the journal items of all wallets, which takes longer.

        :return: list of dicts: ``company`` (id), ``name``; ``posting``: ``state`` (``done``, ``due``, ``behind``,
            ``stopped``) and ``day``, up to which all is posted, or False; ``reconciliation``: ``day``, how many
            ``wallets``, and how many of them are ``differing`` or ``unfunded``
        :raise AccessError: not finance staff
        """
        self.env["call.wallet"]._permitted(FINANCE)
        last_days = self.env["call.wallet"]._last_days()
        return [
            {
                "company": company.id,
                "name": company.name,
                "posting": self._posting(company, last_days[company]),
                "reconciliation": self._reconciliation(company, last_days[company]),
            }
            for company in self.env.companies.sudo()
            if company in last_days
        ]

    @api.model
    @api.readonly
    def work(self):
        """Return what waits for somebody in the chosen companies: what the menus show beside their names.

        :return: list of dicts: ``name``; ``count``, up to ``most``; ``menu`` and ``action`` (XML ids); ``filters`` of
            that list. Of what the user may not see there is none
        :raise AccessError: neither finance staff nor an account manager
        """
        self.env["call.wallet"]._permitted(ACCOUNT_MANAGER)
        return self._waiting_work()

    @api.model
    def watch(self):
        """Ask for the bus message ``call_wallet/overview`` for two minutes: something has changed, look again.

        An open overview asks again every minute.

        :raise AccessError: neither finance staff nor an account manager
        """
        self.env["call.wallet"]._permitted(ACCOUNT_MANAGER)
        with door(self.env):
            self.env["call.wallet.watch"]._renew([0])
        return True

    @api.model
    def _notify(self):
        """Tell open overviews, after commit, that something changed, and no more than that; once in some seconds."""

        def send():
            if self.env["call.wallet.watch"]._is_overview_due():
                group_id = self.env["ir.model.data"]._xmlid_to_res_id(ACCOUNT_MANAGER)
                self.env["res.groups"].sudo().browse(group_id)._bus_send(CHANGED, {})

        precommit = self.env.cr.precommit
        if CHANGED not in precommit.data:
            precommit.data[CHANGED] = True
            precommit.add(send)

    # === MONEY === #

    def _query(self, query, **parameters):
        now = utcnow()
        common = {
            "companies": self.env.companies.ids,
            "now": now,
            "week": now.date() - timedelta(days=8),
            # Before the first of last month, and before the chart begins, wherever the wallets are.
            "since": (now.date() - timedelta(days=1)).replace(day=1) - timedelta(days=32),
        }
        self.env.cr.execute(query, {**common, **parameters})
        return self.env.cr.fetchall()

    def _money(self, is_finance):
        """Return a dict a currency, that with most wallets first, and how many wallets are open."""
        owed = self._query(queries.OWED)
        awaited = {currency_id: figures for currency_id, *figures in self._query(queries.AWAITED)}
        days = defaultdict(list)
        for currency_id, *row in self._query(queries.DAYS):
            days[currency_id].append(row)
        currencies = self.env["res.currency"].sudo().browse(currency_id for currency_id, *_rest in owed)
        names = dict(zip(currencies.ids, currencies.mapped("name"), strict=True))
        money = []
        for currency_id, count, balance, overdrawn in sorted(owed, key=lambda row: (-row[1], names[row[0]])):
            number, amount = awaited.get(currency_id, (0, ZERO))
            entry = {
                "currency": self._currency_data(currencies.browse(currency_id)),
                "wallets": count,
                "used": self._compared(days[currency_id], "usage", sign=-1),
                "received": self._compared(days[currency_id], "balance_added"),
                "awaited": {"amount": str(parse_amount(amount)), "count": number},
                "spend": self._spend(days[currency_id]),
            }
            if is_finance:
                entry["owed"] = str(parse_amount(balance))
                entry["overdrawn"] = str(parse_amount(overdrawn))
                entry["income"] = self._compared(days[currency_id], "usage", "refund", sign=-1)
            money.append(entry)
        return money, sum(entry["wallets"] for entry in money)

    def _currency_data(self, currency):
        return {
            "id": currency.id,
            "name": currency.name,
            "symbol": currency.symbol or currency.name,
            "position": currency.position,
            "decimal_places": currency.decimal_places,
        }

    def _compared(self, rows, *types, sign=1):
        """Return the sum of these types this month so far, and in the same days of the month before."""
        sums = {"now": ZERO, "before": ZERO}
        for kind, _call_type, _day, period, amount in rows:
            if kind in types and period:
                sums[period] += sign * parse_amount(amount)
        return {period: str(amount) for period, amount in sums.items()}

    def _spend(self, rows):
        """Return the usage of the last 30 days by day and call type, as the chart takes it."""
        spent = defaultdict(lambda: ZERO)
        for kind, call_type, day, _period, amount in rows:
            if kind == "usage":
                spent[call_type, day] -= parse_amount(amount)
        end = max([self.env.company._call_wallet_today(), *(day for _call_type, day in spent)])
        days = [end - timedelta(days=back) for back in range(CHART_DAYS - 1, -1, -1)]
        labels = self.env["call.usage"]._fields["call_type"]._description_selection(self.env)
        return {
            "days": [str(day) for day in days],
            "series": [
                {"type": kind, "label": label, "amounts": [str(spent[kind, day]) for day in days]}
                for kind, label in labels
            ],
        }

    # === WALLETS AT RISK === #

    def _risks(self, is_finance):
        """Return how many wallets run low or out, and those that need somebody most."""
        # The reader's day, as in the list's filter; each wallet's balance runs out on a day of its own.
        tz = self.env.context.get("tz") or self.env.user.tz or "UTC"
        soon = day_in(tz) + timedelta(days=SOON_DAYS)
        rows = self._query(queries.RISKS, soon=soon, shown=RISKS_SHOWN)
        counts = rows[0][4:] if rows else (0, 0, 0, 0)
        return {
            "counts": dict(zip((*RISKS, "auto_topup_stopped"), counts, strict=True)),
            "wallets": self._wallets_at_risk(rows, is_finance),
        }

    def _wallets_at_risk(self, rows, is_finance):
        wallets = self.env["call.wallet"].sudo().browse(row[0] for row in rows)
        awaited = self._awaited_topups(wallets) if is_finance else {}
        return [
            {
                "id": wallet.id,
                "account": wallet.account_ref,
                "customer": wallet.partner_id.name or "",
                "currency": self._currency_data(wallet.currency_id),
                "available": str(wallet.available_balance),
                "threshold": str(wallet.low_balance_threshold),
                "risk": RISKS[rank - 1] if rank else False,
                "is_stopped": is_stopped,
                "runs_out_on": str(runs_out_on or "") or False,
                "topup": awaited.get(wallet, False),
            }
            for wallet, (_id, rank, is_stopped, runs_out_on, *_counts) in zip(wallets, rows, strict=True)
        ]

    def _awaited_topups(self, wallets):
        """Return {wallet: the id of its latest top-up that waits for its payment}."""
        domain = [("wallet_id", "in", wallets.ids), ("state", "in", ("pending", "partial"))]
        return {topup.wallet_id: topup.id for topup in self.env["call.wallet.topup"].sudo().search(domain, order="id")}

    # === WORK THAT WAITS === #

    def _waiting_work(self):
        """Return what waits for somebody, of what the user may see: name, count, and the menu and list to open."""
        return [
            {
                "name": name,
                "count": self.env[model].search_count(domain, limit=MOST_COUNTED),
                "most": MOST_COUNTED,
                "menu": f"call_wallet.menu_{listed}",
                "action": f"call_wallet.action_{listed}",
                "filters": filters,
            }
            for name, model, domain, listed, filters in QUEUES
            if self.env[model].has_access("read")
        ]

    # === BOOKS === #

    def _posting(self, company, last):
        """Return how far the company's usage is posted, ``last`` being the last day that is over for its wallets."""
        postings = self.env["call.wallet.posting"].sudo()
        latest = postings.search([("company_id", "=", company.id)], limit=1)
        if postings._is_due(company, None, last, is_scheduled=True):
            [[oldest]] = self._query(queries.OLDEST_NOT_POSTED, company=company.id) or [[last]]
            over, day = self._over(company, last), oldest - timedelta(days=1)
            # The schedule posts a day in the night after it.
            is_late = oldest < over if over == last else last > over + timedelta(days=1)
            state = "behind" if is_late else "due"
        else:
            state, day = "done", self._over(company, last)
        return {"state": "stopped" if latest.state == "failed" else state, "day": str(day)}

    def _over(self, company, last):
        """Return the last day of the periods that the schedule posts."""
        return self.env["call.wallet.posting"]._due_parameters(company, None, last, is_scheduled=True)["over"]

    def _reconciliation(self, company, last):
        rows, _loose, _year_end = self.env["call.wallet.reconciliation"].sudo()._figures(last, company)
        return {
            "day": str(last),
            "wallets": len(rows),
            "differing": sum(figures.differs for figures in rows.values()),
            "unfunded": sum(bool(figures.settled_without_funds) for figures in rows.values()),
        }
