"""What time it is for the ledger."""

from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

# What the arithmetic of dates and of spreadsheets can hold, in any time zone.
FIRST_YEAR, LAST_YEAR = 1900, 9998

_moment = ContextVar("call_wallet_moment", default=None)


def now():
    """Return the time to record under: aware, UTC, whole seconds."""
    return _moment.get() or datetime.now(UTC).replace(microsecond=0)


def utcnow():
    """Return ``now()`` as the database stores it: naive UTC."""
    return now().replace(tzinfo=None)


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
