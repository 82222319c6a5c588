from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from dateutil.relativedelta import relativedelta
from odoo import Command, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ...tools.door import door, worker
from ...tools.money import unit_of
from ...tools.posting import ZERO, Posted, half_up, shares
from ...tools.sql import array
from . import posting_sql as queries
from .posting_rates import Rates

ACCOUNTS = {
    "live": "call_wallet_live_account_id",
    "whatsapp": "call_wallet_whatsapp_account_id",
    "adjustment": "call_wallet_adjustment_account_id",
    "breakage": "call_wallet_breakage_account_id",
    "bad_debt": "call_wallet_bad_debt_account_id",
}

# More wallets than this are spread over several entries of a period, so that memory stays bounded.
WALLETS = 1_000


class Period(NamedTuple):
    """The days, a day or a month up to the run's last day, whose transactions become entries in one currency.

    What was too little for an entry in the periods before is taken along, from the day ``since`` on.
    """

    first: date
    last: date
    currency_id: int
    count: int
    since: date = None


class Item(NamedTuple):
    """A journal item to be: amounts are debits in the wallet's and in the company's currency."""

    wallet: object
    account: object
    name: str
    amount: Decimal
    value: Decimal


class CallWalletPostingEntry(models.Model):
    """How the transactions of one day, or month, and currency become one balanced journal entry.

    Its date is the day on which the calls took place (``call.wallet.transaction`` says why) or the month's last day;
    where that is closed, the first open day after it.

    For each wallet: the deposits' liability is debited with what was used, each kind's
    income is credited. The entry takes its transactions and adds them up in one statement,
    so that a transaction charged meanwhile is either in it with its amount, or not at all.

    An entry of nothing but zeros is not made: transactions wait until their wallet's total comes to half of the
    currency's smallest amount, or one of its kinds to a whole one (``BOOKABLE``), and go into the next entry of the
    currency.
    """

    _inherit = "call.wallet.posting"

    def _due(self):
        """Return the ``Period``s whose transactions have no entry yet, in order."""
        return self._due_periods(self.company_id, self.date_from, self.date_to, self.is_scheduled)

    def _due_periods(self, company, date_from, date_to, is_scheduled=False):
        self.env.flush_all()
        self.env.cr.execute(queries.DUE, self._due_parameters(company, date_from, date_to, is_scheduled))
        return [Period(*row) for row in self.env.cr.fetchall()]

    def _is_due(self, company, date_from, date_to, is_scheduled=False):
        """Tell whether a run of these days would post anything."""
        self.env.flush_all()
        parameters = self._due_parameters(company, date_from, date_to, is_scheduled)
        self.env.cr.execute(queries.IS_DUE, parameters)
        is_bookable = bool(self.env.cr.fetchone())
        return is_bookable or bool(self._unsettled(company, parameters["over"])) or self._has_rests(parameters)

    def _due_parameters(self, company, date_from, date_to, is_scheduled):
        """Return the parameters that say what is due: of open wallets up to ``over``, of closed ones up to ``to``."""
        monthly = company.call_wallet_posting_period == "month"
        return {
            "company": company.id,
            "from": date_from or None,
            "to": date_to,
            "over": _last_month_end(date_to) if monthly and is_scheduled else date_to,
            "monthly": monthly,
        }

    def _run_parameters(self):
        return self._due_parameters(self.company_id, self.date_from, self.date_to, self.is_scheduled)

    def _post_entry(self, period, after):
        """Post one entry of a period, of the next wallets after the one with the id ``after``.

        :return: the last wallet's id, None when there are no more; how many transactions are in the entry,
            0 when there is too little for one, None when nothing is due
        """
        self._wait_for_others()
        wallet_ids, is_bookable = self._due_wallets(period, after)
        if not wallet_ids:
            return None, None
        count = self._in_books()._post_wallets(period, wallet_ids) if is_bookable else 0
        return (wallet_ids[-1] if len(wallet_ids) == WALLETS else None), count

    def _post_wallets(self, period, wallet_ids):
        currency = self.env["res.currency"].browse(period.currency_id)
        move = self.env["account.move"].create(self._prepare_entry_vals(period.first, period.last, currency))
        claimed, days, count = self._claim(move, wallet_ids, period)
        posted = self._to_post(claimed, currency)
        items = self._to_items(move, claimed, posted, {wallet: max(ledger) for wallet, ledger in days.items()})
        self._complete(move, items)
        self._count_posted(claimed, posted)
        self._note_entry(move, days, posted)
        return count

    def _in_books(self):
        """Return the run in its company, as Odoo demands when it posts an entry, and in the company's language."""
        lang = self.company_id.partner_id._call_wallet_lang()
        # An analytic plan that is mandatory for the entries of people must not stop this one.
        return self.with_company(self.company_id).with_context(
            lang=lang, tracking_disable=True, validate_analytic=False
        )

    # === TAKING THE TRANSACTIONS === #

    def _wait_for_others(self):
        """Wait until nobody else posts for the company: each wallet's remainder is read here, and written later."""
        self.env.flush_all()
        self.env.cr.execute("SELECT FROM res_company WHERE id = %s FOR NO KEY UPDATE", [self.company_id.id])

    def _due_wallets(self, period, after):
        """Return the ids of the next wallets with something due in the period, and whether it makes an entry."""
        parameters = {**self._run_parameters(), **period._asdict(), "after": after, "limit": WALLETS}
        self.env.cr.execute(queries.DUE_WALLETS, parameters)
        wallet_ids = [row[0] for row in self.env.cr.fetchall()]
        self.env.cr.execute(queries.BOOKABLE_WALLETS, {**parameters, "wallets": array(wallet_ids)})
        return wallet_ids, bool(self.env.cr.fetchone())

    def _claim(self, move, wallet_ids, period):
        """Note the entry on its transactions.

        :return: {wallet: {kind: (exact amount, number)}}, {wallet: {ledger day: exact amount}} and their number
        """
        self.env.flush_all()
        parameters = {**self._run_parameters(), **period._asdict(), "move": move.id, "wallets": array(wallet_ids)}
        self.env.cr.execute(queries.CLAIM, parameters)
        claimed, days, total = defaultdict(dict), defaultdict(dict), 0
        for wallet_id, kind, day, count, amount in self.env.cr.fetchall():
            kinds, amount = claimed[wallet_id], Decimal(amount)
            so_far, number = kinds.get(kind, (ZERO, 0))
            kinds[kind] = (so_far + amount, number + count)
            days[wallet_id][day] = days[wallet_id].get(day, ZERO) + amount
            total += count
        self.env["call.wallet.transaction"].invalidate_model(["move_id"])
        # Browsed together, so that Odoo reads them together.
        wallets = self.env["call.wallet"].browse(claimed)
        return (
            dict(zip(wallets, claimed.values(), strict=True)),
            dict(zip(wallets, days.values(), strict=True)),
            total,
        )

    def _to_post(self, claimed, currency):
        """Return {wallet: {kind: amount in whole cents}}."""
        unit = unit_of(currency)
        carried = defaultdict(dict)
        self.env.cr.execute(queries.CARRIED, [array(wallet.id for wallet in claimed)])
        for wallet_id, kind, amount, posted in self.env.cr.fetchall():
            carried[wallet_id][kind] = Posted(Decimal(amount), Decimal(posted))
        return {
            wallet: shares(carried[wallet.id], {kind: amount for kind, (amount, _count) in kinds.items()}, unit)
            for wallet, kinds in claimed.items()
        }

    def _count_posted(self, claimed, posted):
        rows = [
            (wallet.id, kind, claimed[wallet].get(kind, (ZERO,))[0], amount)
            for wallet, kinds in posted.items()
            for kind, amount in kinds.items()
        ]
        self.env.cr.execute(queries.COUNT, [array(column) for column in zip(*rows, strict=True)])
        self.env["call.wallet.posted"].invalidate_model()

    # === THE ENTRY === #

    def _prepare_entry_vals(self, first, day, currency):
        """Return the head of an entry for the days from ``first`` to ``day``."""
        company = self.company_id
        company._call_wallet_refuse_without_rate(currency)
        journal = company._call_wallet_setting("call_wallet_journal_id")
        date, locks = self._open_date(day, journal)
        reference = self._reference(first, day, currency)
        return {
            "move_type": "entry",
            "company_id": company.id,
            "journal_id": journal.id,
            "currency_id": currency.id,
            "date": date,
            "ref": self._locked_reference(reference, date) if locks else reference,
            "narration": self._locked_narration(day, locks, date) if locks else False,
            "call_wallet_posting_id": self.id,
            "call_wallet_day": day,
        }

    def _complete(self, move, items):
        commands = [self._to_command(move, item) for item in items]
        move.with_context(skip_invoice_sync=True).write({"line_ids": commands})
        move._post(soft=False)
        self._note_values(move, items)

    def _open_date(self, day, journal):
        """Return the first day from ``day`` on that is open, and the lock dates that were in the way."""
        date, locks = day, []
        while violated := self.company_id._get_violated_lock_dates(date, False, journal):
            locks += violated
            date = violated[-1][0] + timedelta(days=1)
        return date, locks

    def _reference(self, first, day, currency):
        shown = format_date(self.env, day)
        if first == day:
            return self.env._("Call wallets, usage of %(day)s in %(currency)s", day=shown, currency=currency.name)
        return self.env._(
            "Call wallets, usage from %(first)s to %(last)s in %(currency)s",
            first=format_date(self.env, first),
            last=shown,
            currency=currency.name,
        )

    def _locked_reference(self, reference, date):
        return self.env._(
            "%(reference)s (period closed, booked on %(date)s)", reference=reference, date=format_date(self.env, date)
        )

    def _locked_narration(self, day, locks, date):
        return self.env._(
            "Usage up to %(day)s. That day is closed (%(locks)s), so the entry is booked on %(date)s, the first open "
            "day.",
            day=format_date(self.env, day),
            locks=self.env["res.company"]._format_lock_dates(locks),
            date=format_date(self.env, date),
        )

    def _to_items(self, move, claimed, posted, charged_until):
        """Return the entry's items. Those of zero are left out, unless there are no others.

        :param charged_until: {wallet: the last day on which it paid for what is in it}
        """
        company = self.company_id
        deposits = company._call_wallet_deposit_account()
        rates = Rates(self, move, posted, charged_until)
        items = []
        for wallet, kinds in posted.items():
            total = sum(kinds.values(), ZERO)
            value = rates.released(wallet, total)
            items.append(Item(wallet, deposits, self._deposit_label(wallet, claimed[wallet]), total, value))
            items += self._income_items(wallet, claimed[wallet], kinds, value, rates.average(wallet, total))
            items += self._exchange_items(wallet, deposits, -rates.left_over(wallet, total))
        return [item for item in items if item.amount or item.value] or items

    def _income_items(self, wallet, claimed, kinds, value, rate):
        """Return the income of each kind, at ``rate``; all together are worth ``value`` in the company's currency."""
        unit = unit_of(self.company_id.currency_id)
        left, items = value, []
        labels = self.env["call.wallet.posted"]._fields["kind"]._description_selection(self.env)
        labels = [(kind, label) for kind, label in labels if kind in kinds]
        for kind, label in labels:
            # The last one takes the rest, so that converting each adds no cent of its own.
            part = left if kind == labels[-1][0] else half_up(kinds[kind] * rate, unit)
            left -= part
            account = self.company_id._call_wallet_setting(ACCOUNTS[kind])
            name = self._income_label(wallet, label, claimed.get(kind, (ZERO, 0))[1])
            items.append(Item(wallet, account, name, -kinds[kind], -part))
        return items

    def _deposit_label(self, wallet, claimed):
        count = sum(count for _amount, count in claimed.values())
        return self.env._(
            "%(account)s: %(what)s, transactions: %(count)s",
            account=wallet.account_ref,
            what=", ".join(self._what_moved(claimed)),
            count=count,
        )

    def _what_moved(self, claimed):
        """Name what the transactions did to the funds, each thing once."""
        _ = self.env._
        calls = [amount for kind, (amount, _count) in claimed.items() if kind in ("live", "whatsapp")]
        names = {
            _("funds used"): any(amount >= 0 for amount in calls),
            _("calls refunded"): any(amount < 0 for amount in calls),
            _("refunds and adjustments"): "adjustment" in claimed,
            _("funds forfeited"): "breakage" in claimed,
            _("debt written off"): "bad_debt" in claimed,
        }
        return [name for name, is_there in names.items() if is_there] or [_("carried cents")]

    def _income_label(self, wallet, kind, count):
        if not count:
            return self.env._("%(account)s: %(kind)s, carried cents", account=wallet.account_ref, kind=kind)
        return self.env._(
            "%(account)s: %(kind)s, transactions: %(count)s", account=wallet.account_ref, kind=kind, count=count
        )

    def _to_command(self, move, item):
        return Command.create(
            {
                "name": item.name,
                "account_id": item.account.id,
                "partner_id": item.wallet.partner_id.commercial_partner_id.id,
                "currency_id": move.currency_id.id,
                "amount_currency": float(item.amount),
                "balance": float(item.value),
                "call_wallet_id": item.wallet.id,
            }
        )

    # === WHAT AN ENTRY TOOK === #

    def _note_entry(self, move, days, posted):
        """Note what ``move`` took of each wallet and day of its ledger.

        :param days: {wallet: {day: exact amount}}
        :param posted: {wallet: {kind: amount in whole cents}}
        """
        unit = unit_of(move.currency_id)
        rows = []
        for wallet, amounts in days.items():
            left = sum(posted[wallet].values(), ZERO)
            for day in sorted(amounts):
                # The last one takes the rest.
                part = left if day == max(amounts) else half_up(amounts[day], unit)
                left -= part
                rows.append((wallet.id, day.isoformat(), amounts[day], part))
        self.env.cr.execute(queries.NOTE, [move.id, *(array(column) for column in zip(*rows, strict=True))])
        self.env["call.wallet.posted.entry"].invalidate_model()

    def _note_values(self, move, items):
        """Note what ``move`` took of each wallet's deposits in the company's currency, with exchange differences."""
        deposits = move.company_id._call_wallet_deposit_accounts()
        values = defaultdict(Decimal)
        for item in items:
            if item.account in deposits:
                values[item.wallet.id] += item.value
        self.env.cr.execute(queries.NOTE_VALUES, [move.id, array(values), array(values.values())])
        self.env["call.wallet.posted.value"].invalidate_model()

    # === EXCHANGE DIFFERENCES === #
    # Wallets in another currency than their company's.
    #
    # A top-up is not refundable, so its advance is no debt in money: IFRIC 22 keeps it at the rate of the day
    # on which it was invoiced. Income is booked at that rate, the average of what the wallet still holds,
    # and rates that move since make no gain or loss. What is used beyond the deposit takes the day's rate.
    #
    # Where a company says that its deposits are paid back on demand, they are money (IAS 21.16, 23a): income is
    # booked at the day's rate. What rates have made of a deposit then is an exchange difference when it is used up,
    # and before that at each month's end (see ``call.wallet.month.end``).
    #
    # A credit note at another rate than its invoice's can leave a value on a deposit of nothing. That is an
    # exchange gain or loss, on the accounts that the company has for those: booked with the wallet's next
    # usage, or by an entry of its own.

    def _exchange_items(self, wallet, deposits, difference):
        """Return the items of an exchange difference, as Odoo enters them: a value, and no amount in the currency."""
        if not difference:
            return []
        name = self.env._("%s: exchange difference of the deposit", wallet.account_ref)
        account = self.company_id._call_wallet_exchange_account(difference)
        return [Item(wallet, deposits, name, ZERO, -difference), Item(wallet, account, name, ZERO, difference)]

    def _unsettled(self, company, date_to):
        """Return {currency id: {wallet id: what is left of its used-up deposit}}."""
        self.env.flush_all()
        self.env.cr.execute(queries.UNSETTLED, [company.id, company.currency_id.id, date_to])
        found = defaultdict(dict)
        for currency_id, wallet_id, value in self.env.cr.fetchall():
            found[currency_id][wallet_id] = Decimal(value)
        return found

    @worker
    def _settle_exchange(self):
        """Post what exchange rates have left on the deposits of wallets that have none any more."""
        errors = {}
        for currency_id in self._unsettled(self.company_id, self._run_parameters()["over"]):
            try:
                with door(self.env):
                    self._settle_exchange_in(currency_id)
            except UserError as error:  # of one currency: the others are settled all the same
                errors.setdefault(str(error), currency_id)
            self.env.invalidate_all()
        if errors:
            raise UserError("\n".join(errors))

    def _settle_exchange_in(self, currency_id):
        with self.env.cr.savepoint():
            self._wait_for_others()
            # Read again: somebody else may have settled them while this waited.
            left = self._unsettled(self.company_id, self._run_parameters()["over"]).get(currency_id)
            if left:
                self._in_books()._post_settlement(currency_id, left)

    def _post_settlement(self, currency_id, left):
        currency = self.env["res.currency"].browse(currency_id)
        day = self._run_parameters()["over"]
        values = self._prepare_entry_vals(day, day, currency)
        values["ref"] = self.env._("Call wallets, exchange differences of used-up deposits in %s", currency.name)
        move = self.env["account.move"].create(values)
        deposits = self.company_id._call_wallet_deposit_account()
        items = []
        for wallet_id, value in left.items():
            items += self._exchange_items(self.env["call.wallet"].browse(wallet_id), deposits, -value)
        self._complete(move, items)


def _last_month_end(day):
    """Return the last day of the last month that is over on ``day``."""
    return (day + relativedelta(days=1)).replace(day=1) - relativedelta(days=1)
