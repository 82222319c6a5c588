"""Twilio Voice: status callbacks, and what else Twilio posts with ``CallStatus``.

Sources: Twilio's documentation, Call resource (status callbacks), TwiML ``<Number>``, ``<Client>``, ``<Sip>`` and
``<WhatsApp>``, Secure webhooks, Sign webhooks with shared keys.
"""

import hmac
import json
import re
from base64 import b64encode
from datetime import UTC, timedelta
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from hashlib import sha1, sha256

from odoo.tools.translate import LazyTranslate

from ..intake import shown
from .event import CallEvent, Kind, Unusable, named_in, only_said, same_text, whole_seconds

_lt = LazyTranslate(__name__)

SIGNATURE = "x-twilio-signature"
# Only with a shared key: ``key=...,algorithm=HMAC_SHA256``. Without it the account's auth token signs, by SHA-1.
SETTINGS = "x-twilio-webhooks-signature-settings"
HASHES = {"HMAC_SHA1": sha1, "HMAC_SHA256": sha256}

RUNNING = {"queued", "initiated", "ringing", "in-progress"}
STATUS_OF = {
    "completed": "completed", "busy": "busy", "no-answer": "no_answer", "canceled": "canceled", "failed": "failed",
}  # fmt: skip
DIRECTIONS = {"inbound": "inbound", "outbound-api": "outbound", "outbound-dial": "outbound"}
# What an address to a telephone begins with. ``client:``, ``sip:`` and others lead to none.
TELEPHONES = {"": "live", "tel": "live", "whatsapp": "whatsapp"}
# Of messages that are not about a call: a text message, a conference.
NOT_CALLS = ("MessageSid", "SmsSid", "ConferenceSid")
_port = re.compile(r":\d+$")


def verify(received, secret, _now):
    """Tell whether the request is signed with the secret: the account's auth token, or a shared key.

    The sender has signed the address that it has called, with the port or without, and what it has sent.
    """
    signature = received.headers.get(SIGNATURE, "")
    hash_of = HASHES.get(_algorithm(received.headers.get(SETTINGS, "")))
    parameters = _signed_parameters(received)
    if not signature or hash_of is None or parameters is None:
        return False
    return any(
        same_text(
            signature, b64encode(hmac.new(secret.encode(), f"{url}{parameters}".encode(), hash_of).digest()).decode()
        )
        for url in _spellings(received.url)
    )


def _algorithm(settings):
    """Return the name of the algorithm in the header; where it names none, the one of old."""
    parts = (part.partition("=") for part in settings.split(","))
    named = [value.strip().upper() for name, _equals, value in parts if name.strip() == "algorithm" and value.strip()]
    return named[0] if named else "HMAC_SHA1"


def _signed_parameters(received):
    """Return what was signed beside the address; None where the body cannot be the one that was signed."""
    if _is_form(received):
        try:
            pairs = set(received.form)
        except Unusable:
            return None
        return "".join(name + value for name, value in sorted(pairs))
    # Of another body, the address has the hash.
    given = received.query.get("bodySHA256", "")
    return "" if same_text(given.lower(), sha256(received.body).hexdigest()) else None


def _spellings(url):
    """Return the address as it is, and without its port, or with the one that goes without saying."""
    scheme, _colon, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    other = _port.sub("", host)
    if other == host:
        other = f"{host}:{443 if scheme == 'https' else 80}"
    return [f"{scheme}://{name}{slash}{path}" for name in (host, other)]


def _is_form(received):
    kind = received.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/x-www-form-urlencoded"


def read(received):
    """Return what the message says of a call; nothing where it is about something else.

    :raise Unusable: nothing that Twilio sends
    """
    fields = dict(received.form) if _is_form(received) else _json_fields(received)
    ref = fields.get("CallSid", "").strip()
    if not ref and any(fields.get(name) for name in NOT_CALLS):
        return []
    if not ref:
        raise Unusable(_lt("%s is missing: it is the call's id.", "CallSid"))
    if not fields.get("CallStatus"):
        return []  # of its recording, an answering machine, its place in a conference
    return [_event(ref, fields, named_in(received.query))]


def _json_fields(received):
    try:
        found = json.loads(received.body)
    except (ValueError, RecursionError) as error:
        raise Unusable(_lt("The body is neither a form nor JSON.")) from error
    if not isinstance(found, dict):
        raise Unusable(_lt("%s is missing: it is the call's id.", "CallSid"))
    return {name: str(value) for name, value in found.items() if isinstance(value, str | int)}


def _event(ref, fields, named):
    status = fields["CallStatus"].strip().lower()
    if status not in RUNNING and status not in STATUS_OF:
        raise Unusable(_lt("CallStatus: %s is unknown.", shown(status)))
    direction = DIRECTIONS.get(fields.get("Direction", "").strip().lower())
    if not direction:
        raise Unusable(_lt("Direction: %s is unknown.", shown(fields.get("Direction"))))
    caller = (fields.get("From") or fields.get("Caller") or "").strip()
    called = (fields.get("To") or fields.get("Called") or "").strip()
    own, other = (caller, called) if direction == "outbound" else (called, caller)
    way, number = _split(other)
    facts = only_said(
        call_type=TELEPHONES.get(way),
        direction=direction,
        number=number,
        **(_end(status, fields) if status in STATUS_OF else _progress(status, fields)),
    )
    cost, currency = _cost(fields)
    return CallEvent(
        ref,
        {**facts, **named},
        is_over=status in STATUS_OF,
        parent_ref=fields.get("ParentCallSid", "").strip() or None,
        is_phone=way in TELEPHONES,
        lines=tuple(dict.fromkeys(filter(None, (own, _split(own)[1], fields.get("AccountSid", "").strip())))),
        cost=cost,
        cost_currency=currency,
    )


def _end(status, fields):
    """Return the facts of a call's end.

    ``CallDuration`` is seconds; ``Duration`` is the minutes that Twilio charges, and is not read. A call has begun
    when it was answered: its end less its duration, whichever of its events came before.
    """
    given = fields.get("CallDuration", "").strip()
    ended_at = _moment(fields, "EndTime") or _moment(fields, "Timestamp")
    seconds = whole_seconds(given, "CallDuration") if given else None
    if status != "completed":
        seconds = 0
    started_at = _moment(fields, "StartTime")
    if not started_at and ended_at and seconds is not None:
        started_at = ended_at - timedelta(seconds=seconds)
    return {
        "started_at": started_at,
        "ended_at": ended_at,
        "duration_seconds": seconds,
        "status": STATUS_OF[status],
    }


def _progress(status, fields):
    return {"answered_at": _moment(fields, "Timestamp")} if status == "in-progress" else {}


def _moment(fields, name):
    """Return the aware time in a field, in RFC 2822 and UTC; None where it is empty."""
    text = fields.get(name, "").strip()
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        message = _lt("%(name)s: %(value)s is no time in RFC 2822.", name=name, value=shown(text))
        raise Unusable(message) from error


def _split(address):
    """Return what an address begins with, such as ``client``, and the rest; a number begins with nothing."""
    way, colon, rest = address.partition(":")
    return (way.lower(), rest) if colon else ("", address)


def _cost(fields):
    """Return what Twilio takes for the call, which it writes below zero, and the currency, or two None."""
    unit = fields.get("PriceUnit", "").strip().upper()
    try:
        price = abs(Decimal(fields.get("Price", "").strip()))
    except InvalidOperation:
        return None, None
    is_said = price.is_finite() and price < 10**6 and len(unit) == 3 and unit.isascii() and unit.isalpha()
    return (f"{price:f}", unit) if is_said else (None, None)


KIND = Kind(
    "twilio",
    "Twilio",
    verify=verify,
    read=read,
    has_legs=True,
    setup=_lt(
        "Save the source. At Twilio, enter the webhook address as status callback, by HTTP POST: of your numbers (Call"
        " status changes), of the calls that you make (StatusCallback), and of what they dial (statusCallback of Number"
        " and WhatsApp). The secret is the account's auth token, or the secret of a shared key. A line is a number of"
        " yours, such as +14155550100, or the AccountSid."
    ),
)
