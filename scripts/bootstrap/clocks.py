"""Other clocks for the tests: processes and databases that take it to be another moment.

Debian's libfaketime does not do: under Python 3.11 and newer its release there makes a timed wait fail or hang. So
Python is moved by freezegun (`scripts/clock/sitecustomize.py`), in every process that a test starts, and PostgreSQL
by functions that come before its own: `now()` and the like, found first in the schema `public`. Not moved are
browsers, `CURRENT_TIMESTAMP`, and the server's own work.
"""

import importlib.util
import os
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from . import paths
from .console import StepError

FOLDER = paths.REPO / "scripts/clock"
SHIFT = "CALL_WALLET_CLOCK_SHIFT"
EAST, WEST = "Asia/Manila", "America/Los_Angeles"
LEAP_DAY, MONTH_ENDS_WEST = "29 February", "last hour of a month in Los Angeles"
FUNCTIONS = {"now": "STABLE", "transaction_timestamp": "STABLE", "statement_timestamp": "STABLE", "clock_timestamp": ""}


def chosen():
    """Return the moment that ``CLOCK=`` asks for, aware; None without.

    :raise StepError: it is no moment, or one that has passed
    """
    text = os.environ.get("CLOCK")
    if not text:
        return None
    fix = "for example CLOCK=2031-12-31T23:30:00Z"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise StepError(f"CLOCK={text} is no moment", fix) from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment < datetime.now(UTC):
        # Odoo's and the demo's records are made at the real clock; earlier, they would be of the future.
        raise StepError(f"CLOCK={text} has passed", f"choose a moment to come, {fix}")
    return moment.astimezone(UTC)


def story_weeks():
    """Return by how many weeks the demo's story is moved when it is told today; the rule is the addon's own."""
    spec = importlib.util.spec_from_file_location("call_wallet_demo_weeks", paths.ADDON / "demo/weeks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.weeks_until(datetime.now(UTC).date())


def awkward(now):
    """Return {what is special: the next such moment after ``now``}, all aware UTC."""
    tonight = now.replace(hour=23, minute=30, second=0, microsecond=0)
    return {
        "UTC's last hour": tonight if tonight > now else tonight + timedelta(days=1),
        "last hour of a month in Manila": _end_of_month(now, EAST),
        MONTH_ENDS_WEST: _end_of_month(now, WEST),
        "clocks change in Los Angeles": _change(now, WEST),
        LEAP_DAY: _leap_day(now),
    }


def environment(moment):
    """Return the variables under which a process, and what it starts, takes it to be ``moment``.

    ``FOLDER`` must be on its PYTHONPATH as well.
    """
    return {SHIFT: str(shift(moment)), "PGOPTIONS": "-c search_path=public,pg_catalog"}


def shift(moment):
    """Return by how many seconds ``moment`` is ahead of the real clock."""
    return round((moment - datetime.now(UTC)).total_seconds())


def move_database(server, name, seconds=None):
    """Move the clock of a database by ``seconds``: by default, as far as this process was moved, if it was."""
    seconds = seconds or os.environ.get(SHIFT)
    if seconds:
        functions = (
            f"CREATE OR REPLACE FUNCTION public.{function}() RETURNS timestamptz LANGUAGE sql {volatility}"
            f" AS 'SELECT pg_catalog.{function}() + interval ''{int(float(seconds))} seconds'''"
            for function, volatility in FUNCTIONS.items()
        )
        server.sql("; ".join(functions), name)


def _end_of_month(now, tz):
    """Return half an hour before the month ends there."""
    local = now.astimezone(ZoneInfo(tz))
    for months in (1, 2):
        year, month = divmod(local.year * 12 + local.month - 1 + months, 12)
        end = datetime(year, month + 1, 1, tzinfo=ZoneInfo(tz)).astimezone(UTC) - timedelta(minutes=30)
        if end > now:
            return end
    raise AssertionError("one of two months ends later")


def _change(now, tz):
    """Return a minute before clocks are put forward or back there."""
    hour = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    while hour.astimezone(ZoneInfo(tz)).utcoffset() == (hour + timedelta(hours=1)).astimezone(ZoneInfo(tz)).utcoffset():
        hour += timedelta(hours=1)
    return hour + timedelta(minutes=59)


def _leap_day(now):
    for year in range(now.year, now.year + 9):
        if (year % 4 == 0 and year % 100) or year % 400 == 0:
            moment = datetime(year, 2, 29, 23, 30, tzinfo=UTC)
            if moment > now:
                return moment
    raise AssertionError("nine years have a leap year")
