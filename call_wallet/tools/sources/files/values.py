"""What stands in the cells of call records: times, durations, numbers and who called whom."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from odoo.tools.translate import LazyTranslate

from ...intake import shown
from ..event import Unusable, whole_seconds

_lt = LazyTranslate(__name__)

_is_day = re.compile(
    r"(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})"
    r"(?:[ T,]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?\s*([AaPp]\.?[Mm]\.?)?\s*(Z|UTC|GMT|[+-]\d\d:?(?:\d\d)?)?)?",
    re.ASCII,
).fullmatch
_is_epoch = re.compile(r"(\d{9,10}(?:\.\d+)?)|(\d{12,13})", re.ASCII).fullmatch
_is_clock = re.compile(r"(?:(\d{1,3}):)?(\d{1,3}):(\d{2}(?:[.,]\d+)?)", re.ASCII).fullmatch
_is_amount = re.compile(
    r"(\d+(?:[.,]\d+)?|[.,]\d+)\s*(s|secs?\.?|seconds?|ms|mins?\.?|minutes?)?", re.ASCII | re.IGNORECASE
).fullmatch
UNITS = {"s": Decimal(1), "ms": Decimal("0.001"), "min": Decimal(60)}
# A number with fewer digits is an extension, or a service that one dials inside a country.
SHORTEST_NUMBER = 7


# === TIMES === #


def read_time(value, name, order=None):
    """Return the time in a cell: aware where the cell tells its offset, else naive; None where it is empty.

    :param value: ISO 8601, a day as people write it with a clock time, RFC 2822, or UNIX time
    :param str name: the column's, for the message
    :param order: which of day and month comes first, ``d`` or ``m``; None: not known
    :raise Unusable: no time, or one with two readings
    """
    if value in (None, "", 0, "0"):
        return None
    text = str(value).strip()
    try:
        epoch = _is_epoch(text)
        if epoch:
            return datetime.fromtimestamp(float(epoch[1] or Decimal(epoch[2]) / 1000), UTC)
        day = _is_day(text)
        moment = _from_day(day, order, name) if day else _from_words(text)
    except (ValueError, TypeError, OverflowError, OSError, IndexError) as error:
        raise _no_time(name, text) from error
    if not 1971 <= moment.year <= 9000:
        raise _no_time(name, text)
    return moment


def _no_time(name, text):
    return Unusable(_lt("%(name)s: %(value)s is no time that can be read.", name=name, value=shown(text)))


def _from_words(text):
    moment = parsedate_to_datetime(text)
    # "-0000" means UTC there, of a sender who does not tell where the clock stands.
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _from_day(parts, order, name):
    first, _mark, second, third, hour, minute, second_of, fraction, half, zone = parts.groups()
    if len(first) == 4:
        year, month, day = first, second, third
    elif len(third) == 4:
        year, month, day = (
            (third, first, second) if _order(first, second, order, name) == "m" else (third, second, first)
        )
    else:
        raise ValueError
    hour = int(hour or 0)
    if half:
        if not 1 <= hour <= 12:
            raise ValueError
        hour = hour % 12 + 12 * (half[0] in "Pp")
    micro = int((fraction or "0")[:6].ljust(6, "0"))
    moment = datetime(int(year), int(month), int(day), hour, int(minute or 0), int(second_of or 0), micro)
    if not zone:
        return moment
    offset = timedelta() if zone in ("Z", "UTC", "GMT") else _offset(zone)
    return (moment - offset).replace(tzinfo=UTC)


def _order(first, second, order, name):
    if int(first) > 12 or int(second) > 12 or first == second:
        return "d" if int(first) > 12 else "m"
    if order is None:
        raise Unusable(_lt("%s: the day or the month may come first here; choose which at the call source.", name))
    return order


def _offset(zone):
    hours, minutes = int(zone[1:3]), int(zone[-2:]) if len(zone) > 3 else 0
    return timedelta(hours=hours, minutes=minutes) * (-1 if zone[0] == "-" else 1)


def shown_order(value):
    """Return which of day and month certainly comes first in a cell, ``d`` or ``m``; None where it does not show."""
    parts = _is_day(str(value).strip()) if value else None
    if not parts or len(parts[1]) == 4:
        return None
    return "d" if int(parts[1]) > 12 else "m" if int(parts[3]) > 12 else None


class Placed(NamedTuple):
    """Times of one call as aware UTC; ``note`` says what was not certain, or is None."""

    times: dict
    note: object


def place(times, tz, near=None, total=None):
    """Return the times of one call, those without an offset taken as of the time zone ``tz``.

    An hour that the clocks repeat is decided by what else is known: another time of the call, or ``near``. Where
    nothing is, the first of both is taken, and said.

    :param dict times: of ``read_time``, by their facts
    :param near: about when the call began (aware), where that is known otherwise
    :param total: seconds from the call's beginning to its end, where they are known
    :raise Unusable: a time that the clocks have left out
    """
    options = {name: _options(moment, tz, name) for name, moment in times.items() if moment}
    sure = {name: both[0] for name, both in options.items() if len(both) == 1}
    if len(sure) == len(options):
        return Placed(sure, None)
    if near is None and "ended_at" in sure:
        near = sure["ended_at"] - timedelta(seconds=total or 0)
    near = near or next(iter(sure.values()), None)
    if near is None:
        first = min(moment for moment in times.values() if moment)
        note = _lt("%(time)s was twice in %(zone)s, as the clocks were set back; the first was taken.",
                   time=str(first), zone=str(tz))  # fmt: skip
        return Placed({name: both[0] for name, both in options.items()}, note)
    return Placed({name: min(both, key=lambda one: abs(one - near)) for name, both in options.items()}, None)


def _options(moment, tz, name):
    if moment.tzinfo:
        return (moment.astimezone(UTC),)
    first, second = (moment.replace(tzinfo=tz, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first == second:
        return (first,)
    if first.astimezone(tz).replace(tzinfo=None) != moment:
        raise Unusable(
            _lt("%(name)s: there was no %(time)s in %(zone)s, as the clocks were set forward. Check the source's time "
                "zone.", name=name, time=str(moment), zone=str(tz))
        )  # fmt: skip
    return (first, second)


def zone(name):
    """Return the time zone of a name, UTC for none."""
    return ZoneInfo(name) if name else UTC


# === DURATIONS === #


def read_duration(value, name, unit="s"):
    """Return whole seconds, begun ones counted: 61, 61.2, 61,2, 1:01, 0:01:01, "61 s"; None where it is empty.

    A comma begins decimals here as a point does: no switch writes thousands of seconds with separators.

    :param str unit: of a bare number: ``s``, ``ms`` or ``min``
    :raise Unusable: no duration
    """
    if value is None or value == "" or isinstance(value, bool):
        return None
    text = str(value).strip()
    clock, amount = _is_clock(text), _is_amount(text)
    try:
        if clock:
            hours, minutes, seconds = clock.groups()
            total = int(hours or 0) * 3600 + int(minutes) * 60 + Decimal(seconds.replace(",", "."))
        elif amount:
            said = (amount[2] or "").lower()
            unit = unit if not said else "ms" if said == "ms" else "min" if said[0] == "m" else "s"
            total = Decimal(amount[1].replace(",", ".")) * UNITS[unit]
        else:
            raise ValueError
    except (ValueError, InvalidOperation) as error:
        raise Unusable(_lt("%(name)s: %(value)s is no duration.", name=name, value=shown(text))) from error
    return whole_seconds(total, name)


# === NUMBERS === #


def to_international(number, dialling):
    """Return a number as it is to be reported: with + where the source's way of writing numbers says so.

    :param dialling: ``Dialling``; None: they have their +
    """
    if not isinstance(number, str):
        return number
    bare = re.sub(r"[\s().\-/]", "", number.strip().removeprefix("tel:"))
    digits = bare.removeprefix("+")
    if not (digits.isascii() and digits.isdecimal()) or len(digits) < SHORTEST_NUMBER:
        return number.strip()
    if bare.startswith("+") or dialling is None:
        return bare
    if not dialling.country:
        return f"+{digits}"
    if dialling.international and digits.startswith(dialling.international):
        return f"+{digits.removeprefix(dialling.international)}"
    if dialling.national and not digits.startswith(dialling.national):
        return f"+{digits}"
    return f"+{dialling.country}{digits.removeprefix(dialling.national)}"


def is_number(text):
    """Tell whether a party of a call is a telephone, and not an extension, a name or an address."""
    digits = re.sub(r"[\s().\-/]", "", text or "").removeprefix("+")
    return digits.isascii() and digits.isdecimal() and len(digits) >= SHORTEST_NUMBER


def parties(caller, called, context, settings):
    """Return direction, number, and whether a telephone took part, of a record that tells no direction.

    :param str context: of the dialplan; those of calls that come in are in ``settings.inbound``
    """
    is_inbound = context in settings.inbound if settings.inbound else not is_number(called) and is_number(caller)
    number = caller if is_inbound else called
    is_phone = is_inbound or is_number(called)
    return "inbound" if is_inbound else "outbound", to_international(number, settings.dialling), is_phone
