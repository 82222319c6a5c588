"""The arithmetic of posting: from the ledger's millionths to the currency's cents.

Pure functions of exact decimals. ``unit`` is the smallest amount of the currency, such as
0.01. Amounts count what a wallet gave up: positive for usage, negative for refunds.
"""

from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import NamedTuple

ZERO = Decimal(0)


class Posted(NamedTuple):
    """What of one kind of a wallet's transactions has been posted: exactly, and in entries."""

    amount: Decimal = ZERO
    posted: Decimal = ZERO


def half_up(amount, unit):
    """Return ``amount`` rounded to whole units, halves away from zero.

    The only rounding of the posting.
    """
    return (amount / unit).to_integral_value(ROUND_HALF_UP) * unit


def shares(carried, new, unit):
    """Return {kind: amount to post now}, in whole units, for one wallet.

    With them the wallet's posted total is its posted transactions' total, rounded; what is
    below a unit is carried to the next posting. The kinds share the total so that each is
    posted to within a unit of its own transactions.

    :param dict carried: {kind: ``Posted``} so far
    :param dict new: {kind: exact amount} of the transactions to post now
    """
    owed = {kind: carried.get(kind, Posted()) for kind in carried.keys() | new.keys()}
    owed = {kind: part.amount - part.posted + new.get(kind, ZERO) for kind, part in sorted(owed.items())}
    posted = sum((part.posted for part in carried.values()), ZERO)
    total = half_up(sum(owed.values(), ZERO) + posted, unit) - posted
    # A kind without new transactions gets a line only where the others cannot make up the total.
    elsewhere = {kind: amount for kind, amount in owed.items() if kind in new}
    result = _share(elsewhere, total, unit)
    if any(abs(elsewhere[kind] - amount) >= unit for kind, amount in result.items()):
        result = _share(owed, total, unit)
    return result


def _share(owed, total, unit):
    """Split ``total`` by largest remainder among what is ``owed``."""
    result = {kind: (amount / unit).to_integral_value(ROUND_FLOOR) * unit for kind, amount in owed.items()}
    left = total - sum(result.values(), ZERO)
    step = unit.copy_sign(left)
    while left:
        kind = max(result, key=lambda kind: (owed[kind] - result[kind]) * step)
        result[kind] += step
        left -= step
    return result


def released(held, held_value, amount, value, unit):
    """Return what a change of a liability in a foreign currency is worth in the company's.

    An advance that is not paid back is non-monetary (IFRIC 22): it stays at the rates of the days on which
    it was received, and income is what leaves it. Usage takes funds at the average rate at which they are
    held; a refund gives them back at it, so the average stays. Where nothing is held, and for what goes
    beyond it, the day's rate counts. With the last of the funds the liability's whole value leaves.

    :param held: the liability before, in its currency; ``held_value`` in the company's
    :param amount: what is taken from it (negative: added to it); ``value`` at the day's rate
    :param unit: the company currency's smallest amount
    """
    if not held or held < 0 < amount:
        return value
    if held < 0 and amount > held or held > 0 and amount < held:
        return half_up(held_value * amount / held, unit)
    if not amount:
        return ZERO
    return held_value + half_up(value * (amount - held) / amount, unit)
