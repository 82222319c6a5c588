"""What calls cost, by the words of the contract: slow, plain, and with nothing of the addon in it."""

from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import NamedTuple

ZERO = Decimal(0)
MICRO = Decimal("0.000001")
# The longest call that can be reported, and the longest that is allowed where nothing is charged for its time.
LONGEST = 30 * 24 * 3600
FREE_LONGEST = 4 * 3600
RINGING = timedelta(minutes=3)


class Price(NamedTuple):
    """A price a minute for numbers that begin with ``prefix``; seconds are whole, times are naive UTC."""

    call_type: str
    prefix: str
    price: Decimal
    increment: int = 60
    minimum: int = 0
    block: int = 0
    free: int = 0
    grace: int = 0
    fee: Decimal = ZERO
    start: datetime = datetime.min
    end: datetime = datetime.max
    id: int = 0

    def billed(self, seconds):
        """Return the seconds that are billed for a call of so many."""
        talk = max(0, seconds - self.free)
        if not talk or seconds <= self.grace:
            return 0
        if self.block:
            return self.block + _steps(max(0, talk - self.block), self.increment)
        return _steps(max(talk, self.minimum), self.increment)

    def cost(self, seconds):
        """Return what a call of so many seconds costs, rounded once, half up, to 6 places."""
        if not seconds or seconds <= self.grace:
            return ZERO
        return divided(self.price * self.billed(seconds) + self.fee * 60, 60)

    def minutes(self, seconds):
        return divided(Decimal(self.billed(seconds)), 60)

    def whole_steps(self, seconds):
        """Return the longest duration that is billed as one of ``seconds``, which is beyond the grace, is."""
        while self.billed(seconds + 1) == self.billed(seconds):
            seconds += 1
        return seconds

    def longest(self, funds):
        """Return how many seconds ``funds`` last."""
        low, high = 0, LONGEST if self.price else FREE_LONGEST
        if funds < 0:
            return 0
        while low < high:
            middle = (low + high + 1) // 2
            if self.cost(middle) <= funds:
                low = middle
            else:
                high = middle - 1
        return low


class Contract:
    """The prices of a plan, and the company's price for WhatsApp where the plan says nothing of it."""

    def __init__(self, prices, whatsapp):
        self.prices = list(prices)
        self.whatsapp = Price("whatsapp", "", whatsapp)

    def match(self, call_type, number, at):
        """Return the price of the longest prefix in force; of several, the one that began last. None: there is none."""
        asked = [one for one in self.prices if one.call_type == call_type]
        if not asked and call_type == "whatsapp":
            return self.whatsapp
        fits = [one for one in asked if number[1:].startswith(one.prefix) and one.start <= at < one.end]
        return max(fits, key=lambda one: (len(one.prefix), one.start, one.id), default=None)

    def dearest(self, call_type, number, at):
        """Return the price by which funds are held for a call that rings from ``at`` on."""
        now, later = (self.match(call_type, number, moment) for moment in (at, at + RINGING))
        if now is None or later is None:
            return now
        return later if later.cost(3600) > now.cost(3600) else now


def divided(amount, by):
    """Return ``amount / by`` rounded half up to 6 places, and not before."""
    with localcontext() as context:
        context.prec = 60
        return (amount / by).quantize(MICRO, ROUND_HALF_UP)


def to_unit(amount, unit, rounding=ROUND_HALF_UP):
    """Round to a multiple of what can be paid in a currency."""
    return (amount / unit).to_integral_value(rounding) * unit


def _steps(seconds, increment):
    return (seconds + increment - 1) // increment * increment
