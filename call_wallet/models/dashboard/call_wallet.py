from collections import defaultdict
from datetime import timedelta
from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ...const import ACCOUNT_MANAGER
from ...tools.clock import utcnow
from ...tools.door import door
from ...tools.fields import ZERO, Amount, parse_amount
from ..wallet.call_wallet_balance import EMPTY
from .figures_sql import RUNWAYS, WALLET_KEYS, WALLETS

CHART_DAYS, SPARK_DAYS = 30, 14
LAST_TRANSACTIONS, LAST_INVOICES = 8, 8
TOP_CAMPAIGNS = 6
# Seven days' calls say little of a day further off than so many days: from there on it is said roughly.
IN_SIGHT, A_YEAR = 90, 365

CHANGED, ALERT = "call_wallet/changed", "call_wallet/alert"

BEFORE = ("<", "<=", ">", ">=")


class CallWalletDashboard(models.Model):
    """The live dashboard's figures, also for a program; how long the balance lasts; how open dashboards learn of it."""

    _inherit = "call.wallet"

    daily_spend = Amount(compute="_compute_runway", help="Average of the last 7 days.")
    runs_out_on = fields.Date(compute="_compute_runway", search="_search_runs_out_on")
    lasts_roughly = fields.Char(compute="_compute_runway", help="Instead of the day, where that is far off.")
    live_minutes_left = fields.Integer(compute="_compute_minutes_left")
    whatsapp_minutes_left = fields.Integer(compute="_compute_minutes_left")
    usage_count = fields.Integer("Number of Calls", compute="_compute_usage_count")
    recent_spend = fields.Json(compute="_compute_recent_spend", help="Of the last 14 days, oldest first, as text.")

    # === REAL TIME === #

    @api.model
    def _notify_changed(self, wallet_ids):
        """Tell open dashboards, after commit, that these wallets changed.

        One message a transaction, however many wallets and calls it had, on the account
        managers' group: employees are subscribed to their groups' channels. Owners, and the employees
        of a company with a wallet of its own, are on the wallet's channel (see ``ir.websocket``), which
        gets one where one of them looks. It names the wallets and nothing of their content; a dashboard
        asks for that with its own rights. Wallets nobody is looking at cost one look at an index.
        """
        watched = self.env["call.wallet.watch"]._watched(wallet_ids)
        if watched.pop(None, None) is not None:
            self.env["call.wallet.overview"]._notify()
        if not watched:
            return
        data = self.env.cr.precommit.data
        waiting = data.get(CHANGED)
        if waiting is None:
            waiting = data[CHANGED] = {}

            @self.env.cr.precommit.add
            def send():
                group_id = self.env["ir.model.data"]._xmlid_to_res_id(ACCOUNT_MANAGER)
                group = self.env["res.groups"].sudo().browse(group_id)
                changed = data.pop(CHANGED)
                group._bus_send(CHANGED, {"ids": sorted(changed)})
                for wallet in self.sudo().browse(wallet_id for wallet_id, by_owner in changed.items() if by_owner):
                    wallet._bus_send(CHANGED, {"ids": wallet.ids})

        waiting.update(watched)

    def watch(self):
        """Ask for the bus message ``call_wallet/changed`` about these wallets for two minutes.

        An open dashboard asks again every minute.

        :raise AccessError: neither an owner of the wallets nor an account manager
        """
        wallets = self._permitted(ACCOUNT_MANAGER, owner=True)
        by_owner = not self.env.user.has_group(ACCOUNT_MANAGER)
        with door(self.env):
            self.env["call.wallet.watch"]._renew(wallets.ids, by_owner)
        return True

    # === READ BY THE PLATFORM === #

    @api.model
    @api.readonly
    def get_wallets(self, accounts=None):
        """Read the state and the funds of wallets, closed ones too.

        :param list[str] accounts: account references, up to 10,000; None: all wallets of the user's companies
        :return: one dict an account, in the order asked; without ``accounts`` by account: ``account``; ``code``
            (``ok``, ``closed``, ``unknown_account``: all else is None then); ``name`` of the customer; ``state``
            (``not_set_up``, ``active``, ``paused``); ``pause_reason`` where somebody paused it; ``currency``;
            ``balance``, ``held`` (for calls in progress, and while a payment is disputed), ``available`` (the balance
            less what is held) and ``low_balance_threshold``, decimal strings; ``is_low``, whether the balance is
            below it; ``tz``, the wallet's time zone; ``rate_plan``, its name
        :raise UserError: not a list of texts, or too many
        :raise AccessError: neither the calling platform nor finance staff
        """
        self.env["call.usage"]._check_platform()
        if accounts is not None:
            accounts = self._read_list("accounts", accounts)
        self.env.flush_all()
        self.env.cr.execute(WALLETS, {"accounts": accounts, **self._companies_to_read()})
        found = {row[0]: dict(zip(WALLET_KEYS, row, strict=True)) for row in self.env.cr.fetchall()}
        unknown = {**dict.fromkeys(WALLET_KEYS), "code": "unknown_account"}
        asked = found if accounts is None else accounts
        return [found.get(account) or {**unknown, "account": account} for account in asked]

    # === HOW LONG THE BALANCE LASTS === #
    # By what its calls have cost.

    @api.depends_context("lang")
    def _compute_runway(self):
        days = self.env["call.wallet.day"].sudo()
        spent = {}
        for wallets in self.grouped("tz").values():
            since = wallets[0]._today() - timedelta(days=7)
            domain = [("wallet_id", "in", wallets.ids), ("type", "=", "usage"), ("day", ">", since)]
            spent.update(days._read_group(domain, ["wallet_id"], ["amount:sum"]))
        for wallet in self:
            today = wallet._today()
            total = parse_amount(-(spent.get(wallet) or 0))
            wallet.daily_spend = total / 7
            days = wallet.available_balance / wallet.daily_spend if wallet.daily_spend else ZERO
            wallet.runs_out_on = today + timedelta(days=int(days)) if 0 < days < 3650 else False
            wallet.lasts_roughly = int(days) > IN_SIGHT and wallet._runway_roughly(days)

    def _runway_roughly(self, days):
        return self.env._("more than a year") if days > A_YEAR else self.env._("more than three months")

    def _search_runs_out_on(self, operator, value):
        """Find wallets by the day on which their balance runs out; those without usage have no such day."""
        if operator not in BEFORE:
            return NotImplemented
        self.env["call.wallet.day"].flush_model()
        self.env["call.wallet.balance"].flush_model()
        query = f"SELECT wallet_id FROM ({RUNWAYS}) runway WHERE runs_out_on {operator} %(day)s"
        return [("id", "in", SQL(query, now=utcnow(), week=utcnow() - timedelta(days=8), day=value))]

    def _compute_minutes_left(self):
        for wallet in self:
            available = max(wallet.available_balance, ZERO)
            minutes = wallet._estimate_minutes(available)
            wallet.live_minutes_left = minutes["live"]
            wallet.whatsapp_minutes_left = minutes["whatsapp"]

    def _estimate_minutes(self, amount):
        """Return how many whole minutes ``amount`` buys: ``{"live": 120, "whatsapp": 500}``.

        By the average price of the last 30 days' calls, else by the plan's average price.
        """
        self.ensure_one()
        minutes = {}
        for call_type in ("live", "whatsapp"):
            price = self._average_price(call_type)
            minutes[call_type] = int(Decimal(amount) / price) if price else 0
        return minutes

    def _average_price(self, call_type):
        since = self._today() - timedelta(days=30)
        [(amount, billed)] = (
            self.env["call.wallet.day"]
            .sudo()
            ._read_group(
                [
                    ("wallet_id", "=", self.id),
                    ("type", "=", "usage"),
                    ("call_type", "=", call_type),
                    ("day", ">", since),
                ],
                [],
                ["amount:sum", "billed_minutes:sum"],
            )
        )
        if amount and billed:
            return parse_amount(-amount) / parse_amount(billed)
        return self._contract_price(call_type)

    def _contract_price(self, call_type):
        plan_price = self.rate_plan_id.sudo()._average_price(call_type) if self.rate_plan_id else ZERO
        if not plan_price and call_type == "whatsapp":
            return self.env["call.wallet.price"]._whatsapp_rate(self.company_id, self.currency_id) or ZERO
        return plan_price

    def _compute_usage_count(self):
        # From the daily totals: counting a busy wallet's calls would read them all.
        counts = dict(
            self.env["call.wallet.day"]
            .sudo()
            ._read_group(
                [("wallet_id", "in", self.ids), ("type", "=", "usage")],
                ["wallet_id"],
                ["transactions:sum"],
            )
        )
        for wallet in self:
            wallet.usage_count = counts.get(wallet, 0)

    def _compute_recent_spend(self):
        spent = self.env["call.wallet.day"].sudo()._recent_spend(self, SPARK_DAYS)
        for wallet in self:
            wallet.recent_spend = [str(amount) for amount in spent[wallet]]

    # === DASHBOARD === #

    @api.readonly
    def dashboard_data(self):
        """Return what the wallet's dashboard shows, in one answer.

        Read from the balance row, the daily totals and the ends of two lists, so that it
        costs the same however long the ledger is. Amounts are decimal strings in
        ``currency``; days are dates of the wallet's time zone ``tz``, moments are UTC.

        :return: dict: ``wallet``, ``others`` (the customer's other wallets), ``currency``,
            ``status``, ``amounts``, ``runway``, ``minutes``, ``spend`` (the last 30 days, or
            the last 30 that end with a call), ``campaigns`` (of the same days),
            ``transactions``, ``invoices``, ``recipients``
        :raise AccessError: neither an owner of the wallet nor an account manager
        """
        wallet = self._permitted(ACCOUNT_MANAGER, owner=True)
        wallet.ensure_one()
        wallet = wallet.with_context(tz=wallet.tz)
        days = wallet._dashboard_days()
        return {
            "wallet": {"id": wallet.id, "account": wallet.account_ref, "tz": wallet.tz},
            "others": self._dashboard_others(),
            "currency": wallet._dashboard_currency(),
            "status": wallet._dashboard_status(),
            "amounts": wallet._dashboard_amounts(),
            "runway": {
                "daily_spend": str(wallet.daily_spend),
                "runs_out_on": str(wallet.runs_out_on or "") or False,
                "lasts_roughly": wallet.lasts_roughly,
            },
            "minutes": wallet._dashboard_minutes(),
            "spend": wallet._dashboard_spend(days),
            "campaigns": wallet._dashboard_campaigns(days),
            "transactions": wallet._dashboard_transactions(),
            "invoices": wallet._dashboard_invoices(),
            "recipients": wallet.recipient_ids.mapped("email"),
        }

    def _dashboard_others(self):
        # With the user's own rights: an owner need not own every wallet of the company.
        domain = [("partner_id", "=", self.partner_id.id), ("id", "!=", self.id)]
        may_search = self.browse().has_access("read")
        others = self.search(domain) if may_search else self._owned_by(self.env.user).filtered_domain(domain)
        return [{"id": wallet.id, "name": f"{wallet.account_ref} ({wallet.currency_id.name})"} for wallet in others]

    def _dashboard_currency(self):
        currency = self.currency_id
        return {
            "id": currency.id,
            "name": currency.name,
            "symbol": currency.symbol or currency.name,
            "position": currency.position,
            "decimal_places": currency.decimal_places,
        }

    def _dashboard_status(self):
        labels = dict(self.balance_id._fields["state"]._description_selection(self.env))
        return {
            "state": self.state,
            "label": labels[self.state],
            "meaning": self.status_meaning,
            "is_paused_by_hand": self.is_paused_by_hand,
            "is_low": self.is_set_up and self.alert_level > 0 and not self.awaits_first_funds,
            "awaits_first_funds": self.awaits_first_funds,
        }

    def _dashboard_amounts(self):
        names = {
            "balance": "balance",
            "available": "available_balance",
            "held": "held_amount",
            "disputed": "disputed_amount",
            "added": "total_added",
            "used": "total_used",
            "refunded": "total_refunded",
            "reversed": "total_reversed",
            "threshold": "low_balance_threshold",
        }
        return {key: str(self[name]) for key, name in names.items()}

    def _call_type_labels(self):
        return dict(self.env["call.usage"]._fields["call_type"]._description_selection(self.env))

    def _dashboard_minutes(self):
        left = {"live": self.live_minutes_left, "whatsapp": self.whatsapp_minutes_left}
        return [
            {"type": call_type, "label": label, "minutes": left[call_type]}
            for call_type, label in self._call_type_labels().items()
        ]

    # === SPEND === #

    def _dashboard_days(self):
        """Return the days of the chart: the last 30, or those up to the last day with usage."""
        today = self._today()
        last = self.env["call.wallet.day"].search(
            [("wallet_id", "=", self.id), ("type", "=", "usage")], order="day desc", limit=1
        )
        end = last.day if last and last.day <= today - timedelta(days=CHART_DAYS) else today
        return [end - timedelta(days=back) for back in range(CHART_DAYS - 1, -1, -1)]

    def _usage_in(self, days, *groupby):
        """Return [(*groupby, spent, calls, billed minutes)] of these days; spent is positive."""
        totals = self.env["call.wallet.day"]._read_group(
            [
                ("wallet_id", "=", self.id),
                ("type", "=", "usage"),
                ("day", ">=", days[0]),
                ("day", "<=", days[-1]),
            ],
            groupby,
            ["amount:sum", "transactions:sum", "billed_minutes:sum"],
        )
        return [
            (*keys, -parse_amount(amount), calls, parse_amount(minutes)) for *keys, amount, calls, minutes in totals
        ]

    def _dashboard_spend(self, days):
        spent, calls, minutes = defaultdict(lambda: ZERO), defaultdict(int), defaultdict(lambda: ZERO)
        for day, call_type, amount, count, billed in self._usage_in(days, "day:day", "call_type"):
            spent[call_type, day] += amount
            calls[call_type] += count
            minutes[call_type] += billed
        return {
            "days": [str(day) for day in days],
            "is_recent": days[-1] == self._today(),
            "total": str(sum(spent.values(), ZERO)),
            "series": [
                {
                    "type": call_type,
                    "label": label,
                    "amounts": [str(spent[call_type, day]) for day in days],
                    "total": str(sum((spent[call_type, day] for day in days), ZERO)),
                    "calls": calls[call_type],
                    "minutes": str(minutes[call_type]),
                }
                for call_type, label in self._call_type_labels().items()
            ],
        }

    def _dashboard_campaigns(self, days):
        """Return the campaigns that spent most, the rest added up in one line."""
        spent = sorted(self._usage_in(days, "campaign_id"), key=lambda total: (-total[1], -total[2]))
        top = [
            {
                "id": campaign.id,
                "name": campaign.name or self.env._("No campaign"),
                "amount": str(amount),
                "calls": calls,
            }
            for campaign, amount, calls, _minutes in spent[:TOP_CAMPAIGNS]
        ]
        rest = spent[TOP_CAMPAIGNS:]
        if rest:
            top.append(
                {
                    "id": False,
                    "name": self._more_campaigns(len(rest)),
                    "amount": str(sum((amount for _campaign, amount, _calls, _minutes in rest), ZERO)),
                    "calls": sum(calls for _campaign, _amount, calls, _minutes in rest),
                }
            )
        return top

    def _more_campaigns(self, count):
        return self.env._("1 more campaign") if count == 1 else self.env._("%s more campaigns", count)

    # === LATEST === #

    def _dashboard_transactions(self):
        labels = dict(self.env["call.wallet.transaction"]._fields["type"]._description_selection(self.env))
        latest = self.env["call.wallet.transaction"].search(
            [("wallet_id", "=", self.id)], order="sequence desc", limit=LAST_TRANSACTIONS
        )
        return [
            {
                "id": transaction.id,
                "date": str(transaction.date),
                "type": transaction.type,
                "label": labels[transaction.type],
                "description": transaction.summary,
                "amount": str(transaction.amount),
                "balance_after": str(transaction.balance_after),
            }
            for transaction in latest
        ]

    def _dashboard_invoices(self):
        """Return the latest invoices of the wallet's top-ups that are not drafts."""
        topups = self.env["call.wallet.topup"].search(
            [("wallet_id", "=", self.id), ("invoice_id.state", "!=", "draft")],
            order="accepted_at desc, id desc",
            limit=LAST_INVOICES,
        )
        status = self.env["account.move"]._fields["call_wallet_status"]
        labels = dict(status._description_selection(self.env))
        if self.env.user.has_group(ACCOUNT_MANAGER):
            # What closed an invoice is no business of the owners.
            states = dict(topups._fields["state"]._description_selection(self.env))
            why = {topup.invoice_id: states[topup.state] for topup in topups if topup.invoice_status == "closed"}
        else:
            why = {}
        return [
            {
                "id": move.id,
                "name": move.name or move.ref or "",
                "date": str(move.invoice_date or "") or False,
                "total": str(parse_amount(move.amount_total)),
                "status": move.call_wallet_status,
                "label": why.get(move) or labels.get(move.call_wallet_status, ""),
            }
            for move in topups.invoice_id
        ]

    def download_invoice(self, invoice_id):
        """Return the action that downloads one of the wallet's invoices as PDF.

        An account manager need not be allowed to read accounting for it.

        :param int invoice_id: the ``account.move`` of one of the wallet's top-ups
        :raise UserError: not an invoice of this wallet, or still a draft
        :raise AccessError: neither an owner of the wallet nor an account manager
        """
        wallet = self._permitted(ACCOUNT_MANAGER, owner=True)
        wallet.ensure_one()
        invoice = wallet.topup_ids.invoice_id.filtered(lambda move: move.id == invoice_id)
        if not invoice or invoice.state == "draft":
            raise UserError(self.env._("Invoice: choose a posted invoice of this wallet."))
        return {
            "type": "ir.actions.act_url",
            "url": invoice.get_portal_url(report_type="pdf", download=True),
            "target": "download",
        }

    # === THE LOW-BALANCE BANNER === #
    # The banner that asks owners to add funds while a balance is low.
    #
    # Every wallet is a channel of the bus, for its owners alone (see ``ir.websocket``).

    @api.model
    def _notify_alert(self, wallet_ids):
        """Tell the owners' open pages, after commit, that the banner comes or goes.

        Rare, unlike changes of the balance: sent whether or not anybody looks.
        """
        for wallet in self.sudo().browse(wallet_ids):
            wallet._bus_send(ALERT, {"ids": wallet.ids})

    @api.model
    def low_balance_banners(self):
        """Return what the banner says to the current user, one entry a wallet they own that is low.

        :return: list of ``{"id", "is_first", "is_empty", "message", "may_top_up_here"}``: whether no money has ever
            been added, whether it is used up, and whether the user is finance staff, who add balance in the web client
        """
        return self._low_balance_banners(self._owned_by(self.env.user))

    @api.model
    def _low_balance_banners(self, wallets):
        is_finance = self.env.user.has_group("call_wallet.group_finance")
        return [
            {
                "id": wallet.id,
                "is_first": wallet.awaits_first_funds,
                "is_empty": wallet.alert_level >= EMPTY and not wallet.awaits_first_funds,
                "message": wallet._banner_message(),
                "may_top_up_here": is_finance,
            }
            for wallet in wallets
            if wallet.is_set_up and wallet.alert_level
        ]

    def _banner_message(self):
        if self.awaits_first_funds:
            message = self.env._("Add your first funds to %s. Calls can start as soon as they arrive.")
        elif self.alert_level >= EMPTY:
            message = self.env._("Calls have stopped: the balance of %s is used up. Add funds to resume.")
        else:
            message = self.env._("The balance of %s is low: check the wallet and add funds.")
        return message % self.display_name

    @api.model
    def _banner_values(self):
        """Return the wallets that the current user's page listens to, and what it says now.

        :return: dict for a template or the session, None for somebody who owns no wallet
        """
        user = self.env.user
        wallets = self._owned_by(user) if user and not user._is_public() else None
        if not wallets:
            return None
        return {"wallet_ids": wallets.ids, "banners": self._low_balance_banners(wallets)}
