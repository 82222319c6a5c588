"""The limits of a wallet, as the decision about a call needs them."""

from decimal import Decimal
from typing import NamedTuple

from .fields import parse_amount

NAMES = ("day", "month", "calls", "price", "fee")
# Of ``call.wallet``: what finance has set, and what the owner has, who can only be stricter.
BY_FINANCE = tuple(f"limit_{name}" for name in NAMES)
BY_OWNER = tuple(f"owner_limit_{name}" for name in NAMES)


def lowest(name):
    """Return the SQL for the limit that holds of the wallet ``w``; NULL is no limit, and LEAST leaves it out."""
    return f"LEAST(w.limit_{name}, w.owner_limit_{name})"


# What ``read_limits`` reads, of the wallet ``w``; NULL where it has none.
LIMITS = "NULLIF(ARRAY[{}], array_fill(NULL::text, ARRAY[{}]))".format(
    ", ".join(f"{lowest(name)}::text" for name in NAMES), len(NAMES)
)
# Whether the wallet ``w`` has a limit to what is spent.
LIMITS_SPEND = f"COALESCE({lowest('day')}, {lowest('month')}) IS NOT NULL"


class Limits(NamedTuple):
    """The limits that hold for a wallet: the lower of finance's and the owner's. None: no limit.

    Amounts are in the wallet's currency; a day and a month are those of the wallet's time zone ``tz``.
    """

    day: Decimal | None
    month: Decimal | None
    calls: int | None
    price: Decimal | None
    fee: Decimal | None
    tz: str

    @property
    def spend(self):
        """The limits to what is spent, by name."""
        return {name: limit for name, limit in (("day", self.day), ("month", self.month)) if limit is not None}


def read_limits(row, tz):
    """Return the ``Limits`` in the value of ``LIMITS``, or None."""
    if row is None:
        return None
    day, month, calls, price, fee = (None if text is None else parse_amount(text) for text in row)
    return Limits(day, month, None if calls is None else int(calls), price, fee, tz)
