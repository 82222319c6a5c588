from decimal import Decimal

from ...tools.money import unit_of
from ...tools.posting import ZERO, half_up, released
from ...tools.sql import array
from .posting_sql import HELD


class Rates:
    """The values of an entry's amounts in the company's currency."""

    def __init__(self, posting, move, wallets, charged_until):
        self.company, self.currency, self.date = posting.company_id, move.currency_id, move.date
        self.is_foreign = self.currency != self.company.currency_id
        self.is_monetary = self.company._call_wallet_is_monetary(self.date)
        self.unit = unit_of(self.company.currency_id)
        rate = self.currency._get_conversion_rate(self.currency, self.company.currency_id, self.company, self.date)
        self.day = Decimal(repr(rate))
        self.held, self.left = {}, {}
        if self.is_foreign:
            # A call that was reported late took what was on its wallet's deposit then, which may be another advance.
            days = [max(self.date, charged_until[wallet]) for wallet in wallets]
            self._read_held(posting.env, wallets, days)

    def value(self, amount):
        """Convert by Odoo's rate of the entry's day."""
        value = self.currency._convert(float(amount), self.company.currency_id, self.company, self.date)
        return half_up(Decimal(repr(value)), self.unit)

    def released(self, wallet, amount):
        """Return what leaves the wallet's liability with ``amount``, in the company's currency."""
        if not self.is_foreign:
            return amount
        if self.is_monetary:
            return self.value(amount)
        held, held_value = self.held.get(wallet.id, (ZERO, ZERO))
        return released(held, held_value, amount, self.value(amount), self.unit)

    def average(self, wallet, amount):
        """Return the rate, not rounded, at which ``amount`` leaves the wallet's liability."""
        if not self.is_foreign:
            return Decimal(1)
        held, held_value = self.held.get(wallet.id, (ZERO, ZERO))
        if held <= 0 or self.is_monetary:
            return self.day
        if amount <= held:
            return held_value / held
        return (held_value + self.day * (amount - held)) / amount

    def left_over(self, wallet, amount):
        """Return what stands on a wallet's liability in the company's currency and is worth nothing in its own.

        That of a deposit at the day's rate is known when ``amount`` uses it up.
        """
        left = self.left.get(wallet.id, ZERO)
        held, held_value = self.held.get(wallet.id, (ZERO, ZERO))
        if self.is_monetary and held and amount / held >= 1:
            left += held_value - self.value(held)
        return left

    def _read_held(self, env, wallets, days):
        """Note what each wallet's deposit holds at the end of its day, one of ``days`` for each."""
        env.flush_all()
        env.cr.execute(HELD, [array(wallet.id for wallet in wallets), days])
        for wallet_id, held, value in env.cr.fetchall():
            held, value = Decimal(held), Decimal(value)
            if held * value <= 0:
                # Credit notes at other rates have left an amount and a value that do not fit: the day's rate holds.
                self.left[wallet_id] = value - self.value(held)
                value = self.value(held)
            self.held[wallet_id] = (held, value)
