from collections import defaultdict
from decimal import Decimal
from typing import NamedTuple

from odoo import models

from ..door import door, worker
from ..posting import ZERO, half_up, released
from ..sql import array


class Item(NamedTuple):
    """A journal item to be: amounts are debits in the wallet's and in the company's currency."""

    wallet: object
    account: object
    name: str
    amount: Decimal
    value: Decimal


class CallWalletPostingExchange(models.Model):
    """Wallets in another currency than their company's.

    Income is booked at Odoo's rate of the entry's day. The deposit was booked at the rates of
    the days on which it was invoiced, and leaves at the average of these; the difference is
    an exchange gain or loss, on the accounts that the company has for those. So a wallet
    whose deposit is used up leaves nothing on the liability, in neither currency. Where the
    last of a deposit went by something else than usage, such as a credit note at the rate of
    its own day, an entry of its own settles what is left.
    """

    _inherit = "call.wallet.posting"

    def _exchange_items(self, wallet, deposits, difference):
        """As Odoo enters exchange differences: on both accounts, of no amount in the currency."""
        if not difference:
            return []
        name = self.env._("%s: exchange difference of the deposit", wallet.account_ref)
        account = self.company_id._call_wallet_exchange_account(difference)
        return [Item(wallet, deposits, name, ZERO, -difference), Item(wallet, account, name, ZERO, difference)]

    def _unsettled(self, company, date_to):
        """Return {currency id: {wallet id: what is left of its used-up deposit}}."""
        self.env.flush_all()
        self.env.cr.execute(UNSETTLED, [company.id, company.currency_id.id, date_to])
        found = defaultdict(dict)
        for currency_id, wallet_id, value in self.env.cr.fetchall():
            found[currency_id][wallet_id] = Decimal(value)
        return found

    @worker
    def _settle_exchange(self):
        """Post what exchange rates have left on the deposits of wallets that have none any more."""
        for currency_id in self._unsettled(self.company_id, self.date_to):
            with door(self.env):
                self._settle_exchange_in(currency_id)
            self.env.invalidate_all()

    def _settle_exchange_in(self, currency_id):
        with self.env.cr.savepoint():
            self._wait_for_others()
            # Read again: somebody else may have settled them while this waited.
            left = self._unsettled(self.company_id, self.date_to).get(currency_id)
            if left:
                self._in_books()._post_settlement(currency_id, left)

    def _post_settlement(self, currency_id, left):
        currency = self.env["res.currency"].browse(currency_id)
        values = self._prepare_entry_vals(self.date_to, currency)
        values["ref"] = self.env._("Call wallets, exchange differences of used-up deposits in %s", currency.name)
        move = self.env["account.move"].create(values)
        deposits = self.company_id._call_wallet_deposit_account()
        items = []
        for wallet_id, value in left.items():
            items += self._exchange_items(self.env["call.wallet"].browse(wallet_id), deposits, -value)
        self._complete(move, items)


class Rates:
    """The values of an entry's amounts in the company's currency."""

    def __init__(self, posting, move, wallets):
        self.company, self.currency, self.date = posting.company_id, move.currency_id, move.date
        self.is_foreign = self.currency != self.company.currency_id
        self.unit = unit_of(self.company.currency_id)
        self.held = self._read_held(posting.env, wallets) if self.is_foreign else {}

    def value(self, amount):
        """Convert by Odoo's rate of the entry's day."""
        if not self.is_foreign:
            return amount
        value = self.currency._convert(float(amount), self.company.currency_id, self.company, self.date)
        return half_up(Decimal(repr(value)), self.unit)

    def released(self, wallet, amount, value):
        """Return what leaves the wallet's liability with ``amount``, in the company's currency."""
        if not self.is_foreign:
            return value
        held, held_value = self.held.get(wallet.id, (ZERO, ZERO))
        return released(held, held_value, amount, value, self.unit)

    def _read_held(self, env, wallets):
        env.flush_all()
        env.cr.execute(HELD, [array(wallet.id for wallet in wallets), self.date])
        return {wallet_id: (Decimal(held), Decimal(value)) for wallet_id, held, value in env.cr.fetchall()}


def unit_of(currency):
    """Return a currency's smallest amount as ``Decimal``: 0.01 for most."""
    return Decimal(repr(currency.rounding))


# What a wallet's liability stands at, whichever account it was booked to at the time.
HELD = """
    SELECT l.call_wallet_id, (-sum(l.amount_currency))::text, (-sum(l.balance))::text
      FROM account_move_line l
      JOIN account_account a ON a.id = l.account_id
     WHERE l.call_wallet_id = ANY(%s::int[]) AND l.date <= %s AND l.parent_state = 'posted'
       AND a.account_type IN ('liability_current', 'liability_non_current')
     GROUP BY l.call_wallet_id
"""
# By all items, not only those up to that day: a settlement that a lock date moved behind it is one all the same.
UNSETTLED = """
    SELECT w.currency_id, w.id, (-sum(l.balance))::text
      FROM call_wallet w
      JOIN account_move_line l ON l.call_wallet_id = w.id
      JOIN account_account a ON a.id = l.account_id
     WHERE w.company_id = %s AND w.currency_id <> %s AND l.parent_state = 'posted'
       AND a.account_type IN ('liability_current', 'liability_non_current')
     GROUP BY w.id
    HAVING sum(l.amount_currency) = 0 AND sum(l.balance) <> 0 AND max(l.date) <= %s
     ORDER BY w.id
"""
