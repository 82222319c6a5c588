"""What the readers of several kinds have in common: texts, times, amounts and numbers as providers send them."""

import json
import re
from datetime import UTC
from decimal import Decimal, InvalidOperation

from odoo.tools.translate import LazyTranslate

from ..called import is_withheld
from ..clock import FIRST_YEAR, LAST_YEAR
from ..intake import MAX_TEXT, read_iso, shown
from .event import NAMED, Unusable, only_said

_lt = LazyTranslate(__name__)

# Neither the database's text nor its JSON holds all of these, and nobody means to send them.
_unreadable_all = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]+").sub
_is_number = re.compile(r"\+?[1-9][0-9]{6,14}").fullmatch
# A SIP or WebSocket address, the name of a user of an app.
_is_address = re.compile("[^\\W\\d_]|[@:]").search
MOST_COST = Decimal(10**9)


def json_object(received):
    """Return the JSON object in a body; what is a fraction in it comes as text, as it was written.

    :raise Unusable: there is none
    """
    try:
        found = json.loads(received.body, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise Unusable(_lt("The body is no JSON that can be read.")) from error
    if not isinstance(found, dict):
        raise Unusable(_lt("The body is no JSON object."))
    return found


def text(value):
    """Return a text as it can be kept, and a whole number as text; None for all else and for an empty one."""
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return str(value)
        except ValueError:  # thousands of digits
            return None
    return _unreadable_all("", value).strip() or None if isinstance(value, str) else None


def reference(value, name):
    """Return an id of the provider's.

    :param str name: the source's name of the field, for the message
    :raise Unusable: none, or longer than any
    """
    found = text(value)
    if not found:
        raise Unusable(_lt("%s is missing: it is the call's id.", name))
    if len(found) > MAX_TEXT:
        raise Unusable(_lt("%(name)s: longer than %(limit)s characters.", name=name, limit=MAX_TEXT))
    return found


def shared_reference(value):
    """Return an id that several legs share; None where there is none that can be used."""
    found = text(value)
    return found if found and len(found) <= MAX_TEXT else None


def moment(value, name, tz=UTC):
    """Return the aware time in a text of ISO 8601, in UTC; None where there is none.

    :param str name: the source's name of the field, for the message
    :param tz: of a time without an offset
    :raise Unusable: no time
    """
    if value is None or value == "":
        return None
    try:
        found = read_iso(value)
        found = (found if found.tzinfo else found.replace(tzinfo=tz)).astimezone(UTC)
        if not FIRST_YEAR < found.year <= LAST_YEAR:
            raise OverflowError
        return found
    except (ValueError, TypeError, OverflowError, AttributeError) as error:
        raise Unusable(_lt("%(name)s: %(value)s is no time.", name=name, value=shown(value))) from error


def cost(value):
    """Return what a provider takes, a decimal as text; None for what is no amount: a call is charged without it."""
    try:
        found = Decimal(text(value) or "")
    except InvalidOperation:
        return None
    return str(found) if found.is_finite() and 0 <= found < MOST_COST else None


def number(value):
    """Return a party's number with the ``+`` that some providers leave out; what is no such number as it is."""
    found = text(value)
    found = found and found.removeprefix("tel:")
    return f"+{found}" if found and found[0] != "+" and _is_number(found) else found


def is_telephone(party, direction):
    """Tell whether a party is reached by telephone, and not at a SIP address, in a browser, or by a program.

    What is only written wrongly is a telephone: it is rejected where people see it.

    :param party: whom an outbound call goes to, or an inbound one comes from; None: not known
    """
    if party is None or (direction == "inbound" and is_withheld(party)):
        return True
    return not _is_address(party.removeprefix("tel:"))


def line_keys(*values):
    """Return the lines by which a wallet may be found; numbers with ``+`` and without, as people enter them."""
    keys = []
    for value in filter(None, map(text, values)):
        digits = value.removeprefix("+")
        keys += [digits, f"+{digits}"] if _is_number(digits) else [value]
    return tuple(key for key in dict.fromkeys(keys) if len(key) <= MAX_TEXT)


def named(parameters):
    """Return what a platform has added for the call to an address or an opaque field, by the names of ``NAMED``."""
    return only_said(**{name: text(parameters.get(name)) for name in NAMED})
