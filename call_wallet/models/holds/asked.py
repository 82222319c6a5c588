"""A call that somebody asks about: what it is, at which price, and for how long funds last."""

from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from ...rating import MAX_CALL_SECONDS, charge, cost_of, max_seconds
from ...tools.fields import parse_amount
from ...tools.intake import MAX_DURATION

HOUR_SECONDS = 3600

# How long it may ring before a call starts.
NOW, RINGING = timedelta(), timedelta(minutes=3)


# What bills a call beside its price and its fee, in seconds.
TERMS = ("increment_seconds", "minimum_seconds", "first_block_seconds", "free_seconds", "grace_seconds")
# What each call has; of all else a platform may say nothing.
ALWAYS_SAID = ("call_type", "direction", "number")
NAMES = ("campaign", "manager", "application_ref")


class Asked(NamedTuple):
    """What a call is to be authorised for. Seconds are 0, and texts empty, where the platform says nothing."""

    call_type: str
    direction: str
    number: str
    expected_seconds: int
    campaign: str = ""
    manager: str = ""
    application_ref: str = ""

    def differs_from(self, hold):
        """Return what a hold was granted for that is not what is asked for: {field: {"held", "sent"}}.

        What one of the two does not say is no difference.
        """
        pairs = {name: {"held": getattr(hold, name), "sent": getattr(self, name)} for name in self._fields}
        return {
            name: pair
            for name, pair in pairs.items()
            if pair["held"] != pair["sent"] and (name in ALWAYS_SAID or all(pair.values()))
        }

    def new_names(self, hold):
        """Return the names that a hold has not, whoever made it, and that are known now: {field: name}."""
        return {name: getattr(self, name) for name in NAMES if getattr(self, name) and not getattr(hold, name)}


def dearest_rate(rated, call, at):
    """Return the rate to hold funds by for a call that is authorised ``at`` (naive UTC), or None without a contract.

    It is charged by the moment at which it starts, when it has rung. Where another price holds by then, funds are
    held by the dearer one.
    """
    rates = [rated.match(call.call_type, call.direction, call.number, at + ringing) for ringing in (NOW, RINGING)]
    return rates[0] and max(filter(None, rates), key=lambda rate: cost_of(rate, HOUR_SECONDS))


def available(funds):
    return Decimal(funds.balance) - Decimal(funds.held_amount)


def longest_call(rate, amount):
    """Return for how many seconds ``amount`` lasts, at most as long as a reported call; a free one ends at a cap."""
    return max_seconds(rate, amount, MAX_DURATION if rate.price_per_minute else MAX_CALL_SECONDS)


def quoted(rate, seconds):
    """Return what a call of ``seconds`` costs by a rate, and what its price is made of; each None without a rate."""
    if rate is None:
        return dict.fromkeys(("billed_seconds", "billed_minutes", "cost", "prefix", *TERMS, "connection_fee"))
    charged = charge(rate, seconds)
    return {
        "billed_seconds": charged.billed_seconds,
        "billed_minutes": str(charged.billed_minutes),
        "cost": str(charged.cost),
        "prefix": rate.prefix,
        **terms_of(rate),
    }


def terms_of(rate):
    """Return what a price is made of beside the price a minute, as the API writes it."""
    return {
        **{name: getattr(rate, name) for name in TERMS},
        "connection_fee": str(parse_amount(rate.connection_fee)),
    }
