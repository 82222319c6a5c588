"""WhatsApp Business Calling: webhooks of the Cloud API, field ``calls``.

Sources: Meta's developer documentation, Webhooks (verification requests, validating payloads), WhatsApp Business
Calling API (user-initiated calls, business-initiated calls, reference) and Business-scoped user IDs.
"""

import hmac
import json
from hashlib import sha256
from urllib.parse import parse_qsl

from odoo.tools.translate import LazyTranslate

from .event import CallEvent, Kind, Unusable, from_epoch, named_in, only_said, same_text, whole_seconds

_lt = LazyTranslate(__name__)

FIELD = "calls"
DIRECTIONS = {"BUSINESS_INITIATED": "outbound", "USER_INITIATED": "inbound"}
# As much as ``biz_opaque_callback_data`` can have.
LONGEST_OPAQUE = 512


def verify(received, secret, _now):
    """Tell whether the body is signed with the app's secret, as it came: not a byte of it may differ."""
    expected = hmac.new(secret.encode(), received.body, sha256).hexdigest()
    return same_text(received.headers.get("x-hub-signature-256", ""), f"sha256={expected}")


def challenge(received, token):
    """Return what Meta wants to have back when the address is entered; None where it does not know the token."""
    query = received.query
    if query.get("hub.mode") != "subscribe" or not same_text(query.get("hub.verify_token", ""), token):
        return None
    return query.get("hub.challenge", "")


def read(received):
    """Return what a body says of calls, in order; nothing for what else the app has subscribed to.

    A body may hold events of several calls and several of our numbers. One that cannot be used does not keep the
    others: it is returned as ``Unusable``.

    :raise Unusable: no body of WhatsApp's webhooks
    """
    try:
        body = json.loads(received.body)
    except (ValueError, RecursionError) as error:
        raise Unusable(_lt("The body is no JSON.")) from error
    if not isinstance(body, dict) or not isinstance(body.get("entry"), list):
        raise Unusable(_lt("%s is missing: the body is none of WhatsApp's webhooks.", "entry"))
    named = named_in(received.query)
    return [
        found
        for entry in _objects(body["entry"])
        for change in _objects(entry.get("changes"))
        if change.get("field") == FIELD and isinstance(change.get("value"), dict)
        for found in _read_value(change["value"], named)
    ]


def _read_value(value, named):
    """Yield the events of one number of ours."""
    metadata = value.get("metadata") if isinstance(value.get("metadata"), dict) else {}
    lines = _lines(metadata)
    contacts = _objects(value.get("contacts"))
    for call in _objects(value.get("calls")):
        try:
            yield _event(call, metadata, contacts, lines, named)
        except Unusable as problem:
            yield problem
    for status in _objects(value.get("statuses")):
        # That it rings, was accepted or rejected. What it was is said at its end.
        if status.get("type") == "call" and _text(status.get("id")):
            facts = {**named, **_opaque(status.get("biz_opaque_callback_data"))}
            yield CallEvent(_text(status["id"]), facts, lines=lines)


def _event(call, metadata, contacts, lines, named):
    ref = _text(call.get("id"))
    if not ref:
        raise Unusable(_lt("%s is missing: it is the call's id.", "calls.id"))
    direction = _direction(call, metadata)
    is_over = call.get("event") == "terminate"
    facts = only_said(
        direction=direction,
        number=_party(call, "to" if direction == "outbound" else "from", contacts) if direction else None,
        **(_end(call) if is_over else {}),
    )
    opaque = _opaque(call.get("biz_opaque_callback_data"))
    return CallEvent(ref, {**facts, **named, **opaque}, is_over=is_over, lines=lines)


def _end(call):
    """Return the facts of a call's end.

    It was answered where it has a duration, whatever its status: a call that fails later than that was answered too.
    The duration need not be what lies between start and end; it is the duration that Meta charges.
    """
    seconds = None if call.get("duration") in (None, "") else whole_seconds(call["duration"], "duration")
    answered_at = from_epoch(call.get("start_time"), "start_time")
    has_failed = call.get("status") == "FAILED"
    was_answered = bool(seconds) or (not has_failed and (seconds is not None or answered_at is not None))
    return {
        "answered_at": answered_at,
        "ended_at": from_epoch(call.get("end_time"), "end_time") or from_epoch(call.get("timestamp"), "timestamp"),
        "duration_seconds": seconds if was_answered else 0,
        "status": "completed" if was_answered else "failed" if has_failed else "no_answer",
    }


def _direction(call, metadata):
    """Return the direction; where it is left out, by which of the two numbers is ours; else None."""
    said = DIRECTIONS.get(_text(call.get("direction")))
    own = _number(metadata.get("display_phone_number"))
    if said or not own:
        return said
    if _number(call.get("from")) == own:
        return "outbound"
    return "inbound" if _number(call.get("to")) == own else None


def _party(call, side, contacts):
    """Return the user's number in E.164; of a user who hides it the business-scoped user id."""
    contact = contacts[0] if len(contacts) == 1 else {}
    for value in (call.get(side), call.get(f"{side}_user_id"), contact.get("wa_id"), contact.get("user_id")):
        if _text(value):
            return _number(value) or _text(value)
    return None


def _lines(metadata):
    """Return by what the wallet may be found: the id of our number, then the number."""
    shown = _text(metadata.get("display_phone_number"))
    found = (_text(metadata.get("phone_number_id")), _number(shown), shown)
    return tuple(dict.fromkeys(line for line in found if line))


def _opaque(text):
    """Return what the platform has put into a call's opaque field: JSON, or written like a query; else nothing."""
    if not isinstance(text, str) or len(text) > LONGEST_OPAQUE:
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = dict(parse_qsl(text))
    if not isinstance(found, dict):
        return {}
    return named_in({name: str(value) if type(value) is int else value for name, value in found.items()})


def _number(value):
    """Return a number, which Meta writes in digits or for people (``+1 631-555-3601``), in E.164; None for all else."""
    digits = _text(value).translate(str.maketrans("", "", "+ -().\u00a0"))
    return f"+{digits}" if digits.isascii() and digits.isdigit() else None


def _text(value):
    """Return an id, a text or a whole number, as text; empty for all else."""
    if type(value) is int:
        return str(value)
    return value.strip() if isinstance(value, str) else ""


def _objects(value):
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


KIND = Kind(
    "whatsapp",
    "WhatsApp Business Calling",
    "whatsapp",
    verify=verify,
    read=read,
    challenge=challenge,
    setup=_lt(
        "Save the source. In Meta's app dashboard, WhatsApp, Configuration, enter the webhook address as callback URL"
        " and the verify token, and subscribe to the field calls. The secret is the app secret (App settings, Basic)."
        " A line is a phone number ID, or the number, such as +14155550100."
    ),
)
