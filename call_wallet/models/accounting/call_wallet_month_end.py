from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date, split_every

from ...const import FINANCE
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
        """Post every company's month end once the month is over for all its wallets; later, what has changed since."""
        last_days = self.env["call.wallet"]._last_days()
        companies = self.env["res.company"].browse([company.id for company in last_days])
        each(self.env, companies, partial(self._enter_last_month, last_days))

    @worker
    def _enter_last_month(self, last_days, company):
        date = (last_days[company] + timedelta(days=1)).replace(day=1) - timedelta(days=1)
        first = company.call_wallet_month_end_from
        if first and date >= first:
            self._enter(company, date)

    # === ENTERING === #

    @worker
    def _enter(self, company, date):
        """Enter what differs at the end of ``date``; return the entries. A currency that fails stops no other."""
        if date > company._call_wallet_today():
            raise UserError(self.env._("%s: the month is not over yet.", format_date(self.env, date)))
        errors, entered = {}, self.browse()
        for currency in self._currencies(company):
            try:
                entered |= self._enter_in(company, date, currency)
            except UserError as error:
                errors.setdefault(str(error), currency)
        if errors:
            raise UserError("\n".join(errors))
        return entered

    def _currencies(self, company):
        wallets = self.env["call.wallet"].with_context(active_test=False)
        return [currency for [currency] in wallets._read_group([("company_id", "=", company.id)], ["currency_id"])]

    @worker
    def _enter_in(self, company, date, currency):
        entered = self.browse()
        with door(self.env):
            due = {kind: list(self._differences(company, date, currency, kind)) for kind, _label in KINDS}
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
            differences = self._differences(company, date, currency, kind, wallet_ids)
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
                    "entered. Open the period and run the month end again, or leave it as it is.",
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

    def _differences(self, company, date, currency, kind, wallet_ids=None):
        """Return {wallet id: ``Figure``} of what entries of ``kind`` lack on that day, in the order of their ids."""
        parameters = self.env["call.wallet.reconciliation"]._parameters(date, company, wallet_ids)
        parameters |= {"currency": currency.id, "kind": kind}
        self.env.flush_all()
        wanted = self._wanted(company, date, currency, kind, self._read_figures(BOOKS, parameters))
        entered = self._read_figures(ENTERED, parameters)
        found = {}
        for wallet_id in sorted(wanted.keys() | entered.keys()):
            there, due = entered.get(wallet_id, Figure()), wanted.get(wallet_id, Figure())
            if there != due:
                found[wallet_id] = Figure(due.amount - there.amount, due.value - there.value)
        return found

    def _read_figures(self, query, parameters):
        self.env.cr.execute(query, parameters)
        return {wallet_id: Figure(Decimal(a), Decimal(v)) for wallet_id, a, v in self.env.cr.fetchall()}

    def _wanted(self, company, date, currency, kind, books):
        """Return {wallet id: ``Figure``} of what should be entered.

        What a customer owes is an amount of money by either standard, so an overdrawn wallet is shown apart at the
        closing rate, to which the revaluation brings it.
        """
        is_foreign = currency != company.currency_id
        overdrawn = {wallet_id: held for wallet_id, held in books.items() if held.amount < 0}
        if is_foreign and books:
            company._call_wallet_refuse_without_rate(currency)
        if kind == OVERDRAWN:
            return {
                wallet_id: Figure(-held.amount, self._at_closing_rate(company, date, currency, -held.amount))
                for wallet_id, held in overdrawn.items()
            }
        if not is_foreign:
            return {}
        monetary = books if company._call_wallet_is_monetary(date) else overdrawn
        return {
            wallet_id: Figure(value=self._at_closing_rate(company, date, currency, held.amount) - held.value)
            for wallet_id, held in monetary.items()
        }

    def _at_closing_rate(self, company, date, currency, amount):
        if currency == company.currency_id:
            return amount
        value = currency._convert(float(amount), company.currency_id, company, date)
        return half_up(Decimal(repr(value)), unit_of(company.currency_id))


# What wallets' deposits stand at in the books, without month-end entries.
BOOKS = f"""
    WITH {ITEMS}
    SELECT w.id, sum(i.amount)::text, (-sum(l.balance))::text
      FROM item i
      JOIN account_move_line l ON l.id = i.id
      JOIN account_move m ON m.id = l.move_id
      JOIN call_wallet w ON w.id = i.wallet_id
      JOIN res_company c ON c.id = w.company_id
     WHERE {SCOPE} AND w.currency_id = %(currency)s AND m.call_wallet_month_end_id IS NULL
     GROUP BY w.id, c.id
    HAVING sum(i.amount) < 0 OR w.currency_id <> c.currency_id
"""


# What month-end entries of that day have added to the deposits.
ENTERED = """
    SELECT l.call_wallet_id, (-sum(l.amount_currency))::text, (-sum(l.balance))::text
      FROM call_wallet_month_end e
      JOIN account_move m ON m.call_wallet_month_end_id = e.id AND m.date = e.date AND m.state = 'posted'
      JOIN account_move_line l ON l.move_id = m.id
      JOIN account_account a ON a.id = l.account_id
     WHERE e.company_id = %(company)s AND e.date = %(date)s AND e.kind = %(kind)s AND e.currency_id = %(currency)s
       AND (%(all)s OR l.call_wallet_id = ANY(%(wallets)s))
       AND a.account_type IN ('liability_current', 'liability_non_current')
     GROUP BY l.call_wallet_id
"""
