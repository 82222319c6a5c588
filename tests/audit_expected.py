"""What the auditor expects of the wallets: worked out from what was done, and from nothing that the product says."""

from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from math import ceil
from typing import NamedTuple

ZERO, MILLIONTH = Decimal(0), Decimal("0.000001")
# Of a top-up that is paid or credited in part, this much.
PAID_PART, CREDITED_PART = Decimal("0.37"), Decimal("0.41")


class Price(NamedTuple):
    """What a minute of a call costs, as the contract says."""

    per_minute: str
    increment: int = 60
    minimum: int = 0
    first_block: int = 0
    grace: int = 0
    fee: str = "0"


LIVE = {
    "1": Price("0.0117"),
    "1415": Price("0.012501", increment=1, minimum=30),
    "44": Price("0.0391", increment=6, first_block=20, fee="0.005"),
    "63": Price("0.123457", increment=30, grace=20),
}
WHATSAPP = Price("0.02")


def cost(call, scale=1):
    """Return what a call costs, as Decimal; prices are those above times ``scale``."""
    price, seconds = WHATSAPP, call["duration_seconds"]
    if call["call_type"] == "live":
        digits = call["number"].removeprefix("+")
        price = LIVE[max((prefix for prefix in LIVE if digits.startswith(prefix)), key=len)]
    if seconds <= price.grace:  # a call of 0 seconds with them
        return ZERO
    beyond = max(seconds - price.first_block, 0) if price.first_block else max(seconds, price.minimum)
    billed = price.first_block + ceil(beyond / price.increment) * price.increment
    exact = (Decimal(price.per_minute) * billed / 60 + Decimal(price.fee)) * scale
    return exact.quantize(MILLIONTH, ROUND_HALF_UP)


def part_of(amount, part, unit):
    """Return that part of an amount in whole coins, halves up."""
    return (amount * part / unit).to_integral_value(ROUND_HALF_UP) * unit


def card_fee(amount, unit):
    """Return what Stripe keeps of a card payment: 2.9 % in whole coins, halves up, and 30 of these coins."""
    return part_of(amount, Decimal("0.029"), unit) + 30 * unit


class Expected:
    """What each wallet should have got and given by the end: ``topped`` and ``used`` are {wallet id: Decimal}."""

    def __init__(self):
        self.topped, self.used = defaultdict(Decimal), defaultdict(Decimal)

    def call(self, wallet_id, call, scale):
        self.used[wallet_id] -= cost(call, scale)

    def moved(self, wallet_id, amount):
        """Funds given back, or taken because they were unused."""
        self.used[wallet_id] += amount

    def top_up(self, wallet_id, amount, fate, unit):
        """What is left of it in the end: only what was received and not sent back or credited."""
        left = {
            "paid": amount,
            "partly paid": part_of(amount, PAID_PART, unit),
            "partly refunded": amount - part_of(amount, CREDITED_PART, unit),
        }
        self.topped[wallet_id] += left.get(fate, ZERO)
