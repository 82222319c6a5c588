from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date, split_every
from psycopg2 import OperationalError

from ...const import FINANCE, JOURNAL
from ...tools.door import door, each, worker
from ...tools.fields import Amount, parse_day
from ...tools.money import unit_of
from ...tools.posting import ZERO, half_up
from ...tools.rights import as_superuser
from .call_wallet_posting_entry import WALLETS, Item
from .reconciliation_sql import ITEMS, SCOPE
from .res_company import OVERDRAWN_ACCOUNT

REVALUATION, OVERDRAWN = "revaluation", "overdrawn"

# In the order in which they are entered.
KINDS = [
    (REVALUATION, "Revaluation at the closing rate"),
    (OVERDRAWN, "Overdrawn wallets"),
]


class Figure(NamedTuple):
    """What month-end entries add to a wallet's liability: credits in its and in the company's currency."""

    amount: Decimal = ZERO
    value: Decimal = ZERO


class CallWalletMonthEnd(models.Model):
    """A month-end entry and its counter-entry: what holds on the last day of a month and not on the next.

    One shows overdrawn wallets apart: what their customers owe is an asset, and netted in the liability it would make
    that too small (IAS 1.32). One brings what is monetary in a foreign currency to the closing rate (IAS 21.23a, 28).

    Both follow from the books of the day, as the reconciliation reads them, without the month-end entries. What is
    entered is the difference between what should stand there and what earlier entries of the same day have brought.
    So it can be run again after late transactions: posted entries stand, and nothing is entered twice. A month that is
    locked is finished: nothing is entered in it, nor in the next one in its place.

    The schedule compares all months since the first, not only the last: a call can be reported, or an entry made, for
    any month that is open, and months can be missing because no schedule was running.
    """

    _name = "call.wallet.month.end"
    _description = "Call Wallet Month-End Entry"
    _order = "date desc, id desc"

    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="cascade")
    date = fields.Date("Last Day", required=True, readonly=True, index=True, help="The counter-entry is of the next.")
    kind = fields.Selection(KINDS, required=True, readonly=True)
    currency_id = fields.Many2one("res.currency", "Wallets' Currency", required=True, readonly=True)
    company_currency_id = fields.Many2one(related="company_id.currency_id")
    value = Amount(
        "Amount", required=True, readonly=True, help="Added to the deposits' liability, in the company's currency."
    )
    move_ids = fields.One2many("account.move", "call_wallet_month_end_id", "Journal Entries", readonly=True)

    @api.depends("kind", "date")
    def _compute_display_name(self):
        kinds = dict(self._fields["kind"]._description_selection(self.env))
        for entry in self:
            entry.display_name = f"{kinds.get(entry.kind)}, {format_date(self.env, entry.date)}"

    # === BY A PERSON === #

    @api.model
    def post_month_end(self, date=None, companies=None):
        """Post what is due at the end of a month, and its counter-entry of the next day.

        Again for the same month, it posts what has changed since. Each entry is committed with its counter-entry.

        :param date: the last day of the month, a date or ``YYYY-MM-DD``; that of last month unless given
        :param companies: ``res.company`` records or ids; the user's companies by default
        :return: the ``account.move`` records that were posted, entries before counter-entries
        :raise UserError: no last day of a month, one to come, or a month that is locked and lacks an entry, or a
            company without account, journal or exchange rate; other companies' entries are posted all the same
        :raise AccessError: not finance staff, or of another company
        """
        wallets = self.env["call.wallet"].browse()
        wallets._permitted(FINANCE)
        date = self._parse_last_day(date)
        own, entered, errors = as_superuser(self), self.sudo().browse(), {}
        for company in wallets._posting_companies(companies):
            try:
                entered |= own._enter(company, date or own._last_day_of(company))
            except UserError as error:
                errors.setdefault(str(error), company)
        if errors:
            raise UserError("\n".join(errors))
        return self.env["account.move"].browse(entered.move_ids.sorted(lambda move: (move.date, move.id)).ids)

    def action_post_last_month(self):
        """Post what is due at the end of last month in the companies at the top of the page.

        :raise UserError: as ``post_month_end``
        :raise AccessError: not finance staff
        """
        count = len(self.post_month_end(companies=self.env.companies))
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "message": self.env._("Month-end entries posted, counter-entries included: %s", count),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def action_view_moves(self):
        """Return the action that lists the entry and its counter-entry."""
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id("account.action_move_journal_line")
        return {
            **action,
            "domain": [("call_wallet_month_end_id", "in", self.ids)],
            "context": {"search_default_posted": 0, "create": False},
        }

    def _parse_last_day(self, date):
        day = parse_day(date, "date", self.env)
        if day and (day + timedelta(days=1)).day != 1:
            raise UserError(self.env._("date: choose the last day of a month, such as 2026-10-31."))
        return day

    def _last_day_of(self, company):
        return company._call_wallet_today().replace(day=1) - timedelta(days=1)

    # === BY ITSELF === #

    @api.model
    def _cron_post(self):
        """Post every company's month end once the month is over for all its wallets; later, what has changed since.

        Months before the last one too: those that are missing, and those whose books have changed.
        """
        last_days = self.env["call.wallet"]._last_days()
        companies = self.env["res.company"].browse([company.id for company in last_days])
        each(self.env, companies, partial(self._enter_months, last_days))

    @worker
    def _enter_months(self, last_days, company):
        """Enter what differs at the end of each month; one that fails stops no other.

        :raise UserError: what is missing in a month, such as because it is locked
        """
        days = self._month_ends(company, last_days[company])
        with door(self.env):
            differing, errors = self._differing(company, days)
        for date in differing:
            try:
                self._enter(company, date)
            except UserError as error:
                errors.setdefault(str(error), date)
        if errors:
            raise UserError("\n".join(errors))

    def _month_ends(self, company, last):
        """Return the last days of the company's months up to ``last``, from the first that is entered by itself."""
        first = company.call_wallet_month_end_from
        day = (last + timedelta(days=1)).replace(day=1) - timedelta(days=1)
        days = []
        while first and day >= first:
            days.insert(0, day)
            day = day.replace(day=1) - timedelta(days=1)
        return days

    def _differing(self, company, days):
        """Return those of the months' last days at which something is to be entered, and {error: currency}.

        Left out are months before the last one that were locked before anything was entered: they are finished.
        """
        differing, errors = set(), {}
        for currency in self._currencies(company) if days else ():
            try:
                books = self._read_books(company, days, currency)
                for kind, _label in KINDS:
                    found = self._differences(company, days, currency, kind, books)
                    differing |= {day for day, figures in found.items() if figures}
            except UserError as error:
                errors.setdefault(str(error), currency)
        entries = self.search([("company_id", "=", company.id), ("date", "in", sorted(differing))])
        wanted = {*entries.mapped("date"), *days[-1:]}
        return [day for day in sorted(differing) if day in wanted or not self._locks(company, day)], errors

    def _locks(self, company, day):
        """Return the lock dates that are in the way of a month-end entry or of its counter-entry."""
        journal, days = company._call_wallet_nearest(JOURNAL), (day, day + timedelta(days=1))
        return [lock for date in days for lock in company._get_violated_lock_dates(date, False, journal)]

    # === ENTERING === #

    @worker
    def _enter(self, company, date):
        """Enter what differs at the end of ``date``; return the entries. A currency that fails stops no other."""
        if date > company._call_wallet_today():
            raise UserError(self.env._("%s: the month is not over yet.", format_date(self.env, date)))
        errors, entered, unforeseen = {}, self.browse(), None
        for currency in self._currencies(company):
            try:
                entered |= self._enter_in(company, date, currency)
            except UserError as error:
                errors.setdefault(str(error), currency)
            except OperationalError:
                raise
            except Exception as error:  # nobody has foreseen it; the other currencies do not wait for it
                unforeseen = unforeseen or error
        if errors:
            raise UserError("\n".join(errors)) from unforeseen
        if unforeseen:
            raise unforeseen
        return entered

    def _currencies(self, company):
        wallets = self.env["call.wallet"].with_context(active_test=False)
        return [currency for [currency] in wallets._read_group([("company_id", "=", company.id)], ["currency_id"])]

    @worker
    def _enter_in(self, company, date, currency):
        entered = self.browse()
        with door(self.env):
            books = self._read_books(company, [date], currency)
            due = {
                kind: list(self._differences(company, [date], currency, kind, books)[date]) for kind, _label in KINDS
            }
        for kind, wallet_ids in due.items():
            for part in split_every(WALLETS, wallet_ids):
                # READ COMMITTED, as the posting, which waits for the same row of the company.
                with door(self.env):
                    entered |= self._enter_part(company, date, currency, kind, list(part))
                self.env.invalidate_all()
        return entered

    def _enter_part(self, company, date, currency, kind, wallet_ids):
        """Post one entry and its counter-entry for these wallets, if there is still a difference."""
        with self.env.cr.savepoint():
            self.env.flush_all()
            self.env.cr.execute("SELECT FROM res_company WHERE id = %s FOR NO KEY UPDATE", [company.id])
            books = self._read_books(company, [date], currency, wallet_ids)
            differences = self._differences(company, [date], currency, kind, books, wallet_ids)[date]
            if not differences:
                return self.browse()
            lang = company.partner_id._call_wallet_lang()
            # An analytic plan that is mandatory for the entries of people must not stop this one.
            books = self.with_company(company).with_context(lang=lang, tracking_disable=True, validate_analytic=False)
            return books._post_pair(company, date, currency, kind, differences).with_env(self.env)

    def _post_pair(self, company, date, currency, kind, differences):
        values = {"company_id": company.id, "date": date, "kind": kind, "currency_id": currency.id}
        value = sum((figure.value for figure in differences.values()), ZERO)
        entry = self.create({**values, "value": value})
        items = entry._overdrawn_items(differences) if kind == OVERDRAWN else entry._revaluation_items(differences)
        move = entry._post_move(date, entry._reference(), items)
        reference = self.env._("Reversal of: %(entry)s, %(reference)s", entry=move.name, reference=move.ref)
        back = [item._replace(amount=-item.amount, value=-item.value) for item in items]
        entry._post_move(date + timedelta(days=1), reference, back, reversed_entry_id=move.id)
        return entry

    def _post_move(self, date, reference, items, **values):
        moves = self.env["account.move"]
        journal = self.company_id._call_wallet_setting("call_wallet_journal_id")
        self._refuse_locked(date, journal)
        move = moves.create(
            {
                "move_type": "entry",
                "company_id": self.company_id.id,
                "journal_id": journal.id,
                "currency_id": self.currency_id.id,
                "date": date,
                "ref": reference,
                "call_wallet_month_end_id": self.id,
                **values,
            }
        )
        self.env["call.wallet.posting"]._complete(move, items)
        return move

    def _refuse_locked(self, date, journal):
        locks = self.company_id._get_violated_lock_dates(date, False, journal)
        if locks:
            raise UserError(
                self.env._(
                    "%(company)s: %(day)s is closed (%(locks)s), and a month-end entry is missing there. Nothing was "
                    "entered. Open the period and run the month end again; or leave it as it is, and have month-end "
                    "entries begin with a later month, in the settings.",
                    company=self.company_id.name,
                    day=format_date(self.env, date),
                    locks=self.env["res.company"]._format_lock_dates(locks),
                )
            )

    def _reference(self):
        day, currency = format_date(self.env, self.date), self.currency_id.name
        if self.kind == OVERDRAWN:
            return self.env._("Overdrawn call wallets on %(day)s in %(currency)s", day=day, currency=currency)
        return self.env._("Call wallets in %(currency)s at the rate of %(day)s", day=day, currency=currency)

    # === THE ITEMS === #

    def _overdrawn_items(self, differences):
        """Debit what customers owe to an asset of its own, credit the deposits."""
        deposits = self.company_id._call_wallet_deposit_account()
        asset = self.company_id._call_wallet_setting(OVERDRAWN_ACCOUNT)
        items = []
        for wallet, figure in self._by_wallet(differences):
            name = self.env._("%s: overdrawn", wallet.account_ref)
            items.append(Item(wallet, asset, name, figure.amount, figure.value))
            items.append(Item(wallet, deposits, name, -figure.amount, -figure.value))
        return items

    def _revaluation_items(self, differences):
        """Bring the deposits to the closing rate; the other side is Odoo's exchange loss or gain."""
        deposits = self.company_id._call_wallet_deposit_account()
        items = []
        for wallet, figure in self._by_wallet(differences):
            name = self.env._("%s: revaluation of the deposit", wallet.account_ref)
            account = self.company_id._call_wallet_exchange_account(figure.value)
            items.append(Item(wallet, deposits, name, ZERO, -figure.value))
            items.append(Item(wallet, account, name, ZERO, figure.value))
        return items

    def _by_wallet(self, differences):
        wallets = self.env["call.wallet"].browse(differences)
        return zip(wallets, differences.values(), strict=True)

    # === WHAT IS DUE === #

    def _read_books(self, company, days, currency, wallet_ids=None):
        """Return {day: {wallet id: ``Figure``}} of what the deposits stand at, without month-end entries.

        :param list days: last days of months, in order; the books are read once for all of them
        :raise UserError: a currency without any exchange rate
        """
        books = self._read_figures(BOOKS, self._parameters(company, days, currency, wallet_ids))
        if currency != company.currency_id and books:
            company._call_wallet_refuse_without_rate(currency)
        return books

    def _parameters(self, company, days, currency, wallet_ids):
        parameters = self.env["call.wallet.reconciliation"]._parameters(days[-1], company, wallet_ids)
        return {**parameters, "currency": currency.id, "days": days}

    def _differences(self, company, days, currency, kind, books, wallet_ids=None):
        """Return {day: {wallet id: ``Figure``}} of what entries of ``kind`` lack on each day, in the order of the ids.

        :param dict books: as ``_read_books`` returns them, of the same days and wallets
        """
        if kind == REVALUATION and currency == company.currency_id:
            return {day: {} for day in days}
        parameters = self._parameters(company, days, currency, wallet_ids)
        entered = self._read_figures(ENTERED, {**parameters, "kind": kind})
        found = {}
        for day in days:
            wanted, there = self._wanted(company, day, currency, kind, books.get(day, {})), entered.get(day, {})
            found[day] = {}
            for wallet_id in sorted(wanted.keys() | there.keys()):
                due, so_far = wanted.get(wallet_id, Figure()), there.get(wallet_id, Figure())
                if due != so_far:
                    found[day][wallet_id] = Figure(due.amount - so_far.amount, due.value - so_far.value)
        return found

    def _read_figures(self, query, parameters):
        self.env.flush_all()
        self.env.cr.execute(query, parameters)
        found = {}
        for day, wallet_id, amount, value in self.env.cr.fetchall():
            found.setdefault(day, {})[wallet_id] = Figure(Decimal(amount), Decimal(value))
        return found

    def _wanted(self, company, date, currency, kind, books):
        """Return {wallet id: ``Figure``} of what should be entered.

        What a customer owes is an amount of money by either standard, so an overdrawn wallet is shown apart at the
        closing rate, to which the revaluation brings it.
        """
        overdrawn = {wallet_id: held for wallet_id, held in books.items() if held.amount < 0}
        monetary = books if kind == REVALUATION and company._call_wallet_is_monetary(date) else overdrawn
        if not monetary:
            return {}
        own = company.currency_id
        rate = None if currency == own else currency._get_conversion_rate(currency, own, company, date)
        if kind == OVERDRAWN:
            return {
                wallet_id: Figure(-held.amount, self._at_rate(company, rate, -held.amount))
                for wallet_id, held in overdrawn.items()
            }
        return {
            wallet_id: Figure(value=self._at_rate(company, rate, held.amount) - held.value)
            for wallet_id, held in monetary.items()
        }

    def _at_rate(self, company, rate, amount):
        """Convert as Odoo does; ``rate`` is None in the company's own currency."""
        if rate is None:
            return amount
        value = company.currency_id.round(float(amount) * rate)
        return half_up(Decimal(repr(value)), unit_of(company.currency_id))


# What wallets' deposits stand at in the books at the end of each of some days, without month-end entries. The items
# are read once, each counted for the first of the days on which it is in the books, and then added up.
BOOKS = f"""
    WITH {ITEMS}, moved AS (
        SELECT i.wallet_id, width_bucket(i.date - 1, %(days)s::date[]) + 1 AS place,
               sum(i.amount) AS amount, sum(i.value) AS value
          FROM item i
          JOIN call_wallet w ON w.id = i.wallet_id
         WHERE {SCOPE} AND w.currency_id = %(currency)s
           AND i.move_id NOT IN (SELECT id FROM account_move WHERE call_wallet_month_end_id IS NOT NULL)
         GROUP BY 1, 2
    ), held AS (
        SELECT d.day, w.wallet_id,
               sum(m.amount) OVER running AS amount, sum(m.value) OVER running AS value
          FROM (SELECT DISTINCT wallet_id FROM moved) w
         CROSS JOIN unnest(%(days)s::date[]) WITH ORDINALITY AS d(day, place)
          LEFT JOIN moved m ON m.wallet_id = w.wallet_id AND m.place = d.place
        WINDOW running AS (PARTITION BY w.wallet_id ORDER BY d.place)
    )
    SELECT h.day, h.wallet_id, h.amount::text, h.value::text
      FROM held h
     WHERE h.amount < 0 OR h.amount IS NOT NULL AND %(currency)s <> %(own)s
"""


# What month-end entries of those days have added to the deposits.
ENTERED = """
    SELECT e.date, l.call_wallet_id, (-sum(l.amount_currency))::text, (-sum(l.balance))::text
      FROM call_wallet_month_end e
      JOIN account_move m ON m.call_wallet_month_end_id = e.id AND m.date = e.date AND m.state = 'posted'
      JOIN account_move_line l ON l.move_id = m.id
      JOIN account_account a ON a.id = l.account_id
     WHERE e.company_id = %(company)s AND e.date = ANY(%(days)s::date[]) AND e.kind = %(kind)s
       AND e.currency_id = %(currency)s
       AND (%(all)s OR l.call_wallet_id = ANY(%(wallets)s))
       AND a.account_type IN ('liability_current', 'liability_non_current')
     GROUP BY e.date, l.call_wallet_id
"""
