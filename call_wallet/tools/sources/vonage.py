"""Vonage: events of the Voice API, signed with the account's signature secret.

A call is a conversation of one leg or several; each has its ``uuid``, and none says which has dialled it. Source:
Vonage documentation, "Voice API Webhooks Reference", "Decoding signed webhooks"; RFC 7515 and 7519.
"""

import hmac
import json
from base64 import b64decode
from hashlib import sha256

from odoo.tools.translate import LazyTranslate

from .event import CallEvent, Kind, only_said, same_text, whole_seconds
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

# Seconds by which clocks may differ; and how old a message may be that does not say when it expires.
LEEWAY, OLDEST = 60, 900
# How a leg has ended that nobody has answered. "rejected" is by Vonage, before it dialled.
UNANSWERED = {
    "busy": "busy", "cancelled": "canceled", "timeout": "no_answer", "unanswered": "no_answer", "rejected": "failed",
    "failed": "failed",
}  # fmt: skip
# Others are of recordings, digits, recognised machines, transfers and errors: they say nothing that is charged.
READ = {"started", "answered", "completed", *UNANSWERED}


def verify(received, secret, now):
    """Tell whether the request has a token of the secret's, not expired, for this very body."""
    scheme, _blank, token = received.headers.get("authorization", "").partition(" ")
    claims = _claims(token.strip(), secret.strip()) if scheme.lower() == "bearer" else None
    if not claims or not _is_valid_now(claims, now.timestamp()):
        return False
    digest = claims.get("payload_hash")
    return isinstance(digest, str) and digest.isascii() and same_text(digest.lower(), sha256(received.body).hexdigest())


def _claims(token, secret):
    """Return the claims of a token; None where it is none, or not signed with the secret by HMAC-SHA256."""
    try:
        signed, signature = token.encode("ascii").rsplit(b".", 1)
        head, body = signed.split(b".")
        header = json.loads(_decoded(head))
        expected = hmac.new(secret.encode(), signed, sha256).digest()
        # The sender does not choose the algorithm, nor what else is to be understood.
        if header.get("alg") != "HS256" or "crit" in header or not hmac.compare_digest(_decoded(signature), expected):
            return None
        claims = json.loads(_decoded(body))
    except (ValueError, AttributeError, RecursionError):
        return None
    return claims if isinstance(claims, dict) else None


def _decoded(part):
    return b64decode(part + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)


def _is_valid_now(claims, now):
    issued, expires, begins = (claims.get(name) for name in ("iat", "exp", "nbf"))
    if not _is_time(issued) or any(not _is_time(time) for time in (expires, begins) if time is not None):
        return False
    if issued > now + LEEWAY or (begins is not None and begins > now + LEEWAY):
        return False
    return now - LEEWAY <= expires if expires is not None else now - OLDEST - LEEWAY <= issued


def _is_time(value):
    # A number that is none (NaN) is not before or after anything, and is nowhere between these.
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 10**11


def read(received):
    """Return what an event says of a leg; nothing where it is of no use.

    :raise Unusable: no JSON object, or no id, time or duration where one should be
    """
    body = json_object(received)
    status = text(body.get("status"))
    if status not in READ:
        return []
    direction = text(body.get("direction")) or "outbound"
    theirs, ours = ("from", "to") if direction == "inbound" else ("to", "from")
    facts = {"direction": direction, "number": number(body.get(theirs)), **_facts(body, status)}
    is_completed = status == "completed"
    price = cost(body.get("price")) if is_completed else None
    event = CallEvent(
        reference(body.get("uuid"), "uuid"),
        {**only_said(**facts), **named(received.query)},
        is_over=is_completed or status in UNANSWERED,
        parent_ref=shared_reference(body.get("conversation_uuid")),
        is_phone=_is_phone(body, theirs, direction),
        lines=line_keys(body.get(ours)),
        cost=price,
        cost_currency=price and "EUR",
    )
    return [event]


def _facts(body, status):
    at = moment(body.get("timestamp"), "timestamp")
    if status == "started":
        return {"started_at": at}
    if status == "answered":
        return {"answered_at": at, "status": "completed"}
    if status in UNANSWERED:
        return {"ended_at": at, "status": UNANSWERED[status], "duration_seconds": 0}
    # A leg that nobody has answered may end with it as well: its start is empty then, and another event says why.
    start = moment(body.get("start_time"), "start_time")
    said = text(body.get("duration"))
    seconds = None if said is None else whole_seconds(said, "duration")
    was_answered = bool(start or seconds)
    return {
        "answered_at": start,
        "ended_at": moment(body.get("end_time"), "end_time") or at,
        "duration_seconds": seconds if was_answered else None,
        "status": "completed" if was_answered else None,
    }


def _is_phone(body, theirs, direction):
    if text(body.get(f"{theirs}_user")) or text(body.get("endpoint_type")) not in (None, "phone"):
        return False
    return is_telephone(text(body.get(theirs)), direction)


KIND = Kind(
    "vonage",
    "Vonage",
    verify=verify,
    read=read,
    has_legs=True,
    parent_is_shared=True,
    setup=_lt(
        "Save the source. At Vonage, enter the webhook address as event URL of the application (POST), and leave signed"
        " webhooks on. The secret is the account's signature secret. A line is a number of yours, such as"
        " +14155550100."
    ),
)
