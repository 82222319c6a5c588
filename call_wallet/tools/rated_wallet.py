"""A wallet as pricing needs it: which prices apply to a call."""

from decimal import Decimal
from typing import NamedTuple

from ..rating import Rate
from .called import is_short, priced_as
from .limits import Limits

# Inbound calls are free unless the plan prices them; calls to emergency numbers are, whatever it says.
FREE = Rate(prefix="", price_per_minute=Decimal(0))


class RatedWallet(NamedTuple):
    """What one request needs to know of a wallet, read once for all its calls."""

    wallet_id: int
    currency: str
    decks: dict
    # None where the company has no price in the wallet's currency.
    whatsapp_rate: Rate | None
    hold_seconds: int
    # Numbers that may always be called, and how many days old a call may be when it is reported.
    emergency: frozenset
    call_days: int
    # The customer's language, else the company's; None where neither has one that is installed.
    lang: str | None = None
    # What the wallet may spend and pay at most; None where it has no limits.
    limits: Limits | None = None

    def match(self, call_type, direction, number, at):
        """Return the ``Rate`` for a call that starts ``at`` (naive UTC), or None.

        A number that is not shown is asked of the any-number rates, a WhatsApp user id of its country's.

        A plan that has WhatsApp rates is asked like any other contract; one that has none
        leaves WhatsApp calls at the company's price in the wallet's currency, anywhere.
        """
        if is_short(number):
            return FREE
        deck = self.decks.get((call_type, direction))
        if deck is not None:
            return deck.match(priced_as(number), at)
        if direction == "inbound":
            return FREE
        return self.whatsapp_rate if call_type == "whatsapp" else None
