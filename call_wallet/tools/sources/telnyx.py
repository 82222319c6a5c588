"""Telnyx: events of the Voice API (Call Control), signed with the account's key.

The source's secret is Telnyx's public key, which is no secret. Source: Telnyx documentation, "Voice API Webhooks",
"Receiving webhooks"; the types of Telnyx's own library.
"""

import json
import re
from base64 import b64decode

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from odoo.tools.translate import LazyTranslate

from .event import CallEvent, Kind, Unusable, only_said
from .reading import (
    cost,
    is_telephone,
    json_object,
    line_keys,
    moment,
    named,
    number,
    reference,
    shared_reference,
    text,
)  # fmt: skip

_lt = LazyTranslate(__name__)

# Seconds, in both directions, as Telnyx's own library has them.
TOLERANCE = 300
# Whole: a number with something behind it is no time, though some programs read it as one.
_is_seconds = re.compile("[0-9]{1,12}", re.ASCII).fullmatch
DIRECTIONS = {"incoming": "inbound", "outgoing": "outbound", "inbound": "inbound", "outbound": "outbound"}
# Causes with which only calls end that nobody has answered.
UNANSWERED = {
    "user_busy": "busy", "call_rejected": "busy", "no_answer": "no_answer", "timeout": "no_answer",
    "originator_cancel": "canceled", "not_found": "failed",
}  # fmt: skip
# By the answer of SIP, where the cause leaves it open (RFC 3261).
SIP = {
    "486": "busy", "600": "busy", "603": "busy", "487": "canceled", "408": "no_answer", "480": "no_answer",
}  # fmt: skip


def verify(received, secret, now):
    """Tell whether Telnyx has signed the request, within the last minutes."""
    time = received.headers.get("telnyx-timestamp", "")
    if not _is_seconds(time) or abs(now.timestamp() - int(time)) > TOLERANCE:
        return False
    try:
        signature = b64decode(received.headers.get("telnyx-signature-ed25519", ""), validate=True)
        _key(secret).verify(signature, f"{time}|".encode() + received.body)
    except (ValueError, InvalidSignature):
        return False
    return True


def check_secret(secret):
    """Raise ``Unusable`` unless a text is a public key of Ed25519 as Telnyx shows it."""
    try:
        _key(secret)
    except ValueError as error:
        raise Unusable(
            _lt(
                "Secret: this is no public key of Telnyx. Copy the 44 characters under Account Settings, Keys & "
                "Credentials, Public Key; it is not an API key."
            )
        ) from error


def _key(secret):
    return Ed25519PublicKey.from_public_bytes(b64decode(secret.strip(), validate=True))


def read(received):
    """Return what an event says of a leg; nothing where it is of no use.

    :raise Unusable: no event of the Voice API, or no id or time where one should be
    """
    data = json_object(received).get("data")
    payload = data.get("payload") if isinstance(data, dict) else None
    if not isinstance(payload, dict):
        raise Unusable(_lt("The body is no event of Telnyx's Voice API: it has no %s.", "data.payload"))
    event_type = text(data.get("event_type"))
    if event_type not in FACTS:
        return []
    facts = FACTS[event_type](payload, moment(data.get("occurred_at"), "occurred_at"))
    own, price = _own_line(payload, facts), _cost(payload) if event_type == "call.cost" else None
    event = CallEvent(
        reference(payload.get("call_leg_id"), "call_leg_id"),
        {**only_said(**facts), **named(received.query), **_client_state(payload)},
        is_over=event_type == "call.hangup",
        parent_ref=shared_reference(payload.get("call_session_id")),
        is_phone=is_telephone(facts.get("number"), facts.get("direction")),
        lines=line_keys(own, payload.get("connection_id")) if own else (),
        cost=price,
        cost_currency=price and _currency(payload),
    )
    return [event]


def _initiated(payload, at):
    # No other event says in which direction, and so which of both numbers is the other party's.
    direction = DIRECTIONS.get(text(payload.get("direction")), "outbound")
    theirs = payload.get("from" if direction == "inbound" else "to")
    started_at = moment(payload.get("start_time"), "start_time") or at
    return {"direction": direction, "number": number(theirs), "started_at": started_at}


def _answered(_payload, at):
    return {"answered_at": at, "status": "completed"}


def _hangup(payload, at):
    return {
        "started_at": moment(payload.get("start_time"), "start_time"),
        "ended_at": moment(payload.get("end_time"), "end_time") or at,
        "status": _status(text(payload.get("hangup_cause")), text(payload.get("sip_hangup_cause"))),
    }


def _status(cause, sip):
    if cause in UNANSWERED:
        return UNANSWERED[cause]
    if sip and sip.isdecimal() and int(sip) >= 300:
        return SIP.get(sip, "failed")
    return "completed"


FACTS = {
    "call.initiated": _initiated,
    "call.answered": _answered,
    "call.hangup": _hangup,
    "call.cost": lambda _payload, _at: {},
}


def _own_line(payload, facts):
    if "direction" not in facts:
        return None
    return text(payload.get("to" if facts["direction"] == "inbound" else "from"))


def _client_state(payload):
    """Return what a platform has put into ``client_state``: an object of JSON in base64. Others use it otherwise."""
    try:
        found = json.loads(b64decode(text(payload.get("client_state")) or "", validate=True))
    except (ValueError, RecursionError):
        return {}
    return named(found) if isinstance(found, dict) else {}


def _cost(payload):
    return None if text(payload.get("status")) in ("error", "invalid") else cost(payload.get("total_cost"))


def _currency(payload):
    parts = payload.get("cost_parts")
    parts = parts if isinstance(parts, list) else []
    currencies = [text(part.get("currency")) for part in parts if isinstance(part, dict)]
    return next((name for name in currencies if name and len(name) == 3), "USD")


KIND = Kind(
    "telnyx",
    "Telnyx",
    verify=verify,
    read=read,
    has_legs=True,
    parent_is_shared=True,
    check_secret=check_secret,
    setup=_lt(
        "Save the source. At Telnyx, enter the webhook address as webhook URL of the Voice API application. The secret"
        " is your public key, under Keys & Credentials. A line is a number of yours, such as +14155550100, or the"
        " application's ID."
    ),
)
