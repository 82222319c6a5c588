"""What time it is for the ledger."""

from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

# What the arithmetic of dates and of spreadsheets can hold, in any time zone.
FIRST_YEAR, LAST_YEAR = 1900, 9998

_moment = ContextVar("call_wallet_moment", default=None)


def now():
    """Return the time to record under: aware, UTC, whole seconds."""
    return _moment.get() or datetime.now(UTC).replace(microsecond=0)


def utcnow():
    """Return ``now()`` as the database stores it: naive UTC."""
    return now().replace(tzinfo=None)


def day_in(tz, moment=None):
    """Return the day it is in the time zone ``tz`` (its name), or was at ``moment`` (naive UTC).

    The zone is that of what is dated: a wallet's for its days, the company's for documents. Never the
    one of whoever looks.
    """
    moment = moment.replace(tzinfo=UTC) if moment else now()
    return moment.astimezone(ZoneInfo(tz)).date()


@contextmanager
def recorded_at(moment):
    """Record what the block does under ``moment`` (naive UTC): for sample data with a past.

    Not reachable by a request: a context key would let a client date its entries.
    """
    token = _moment.set(moment.replace(tzinfo=UTC))
    try:
        yield
    finally:
        _moment.reset(token)
