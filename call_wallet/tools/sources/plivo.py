"""Plivo: callbacks of a call's end, and of the legs that ``Dial`` has dialled, as a form or in the address.

Source: Plivo documentation, "Hangup URL", "Dial", "Signature validation"; Plivo's own library (``signature_v3``).
"""

import hmac
from base64 import b64encode
from decimal import Decimal
from hashlib import sha256
from urllib.parse import parse_qsl, urlsplit

from odoo.tools.translate import LazyTranslate

from .event import CallEvent, Kind, Unusable, only_said, whole_seconds
from .freeswitch import STATUS_OF
from .reading import cost, is_telephone, line_keys, moment, named, number, reference, shared_reference, text

_lt = LazyTranslate(__name__)

# The first is of the account, or subaccount, of the call; the other of the account that the subaccount belongs to.
SIGNATURES = ("x-plivo-signature-v3", "x-plivo-signature-ma-v3")
# Older signatures do not cover what was sent, and are not asked for.
NONCE = "x-plivo-signature-v3-nonce"
UNANSWERED = {
    "busy": "busy", "failed": "failed", "timeout": "no_answer", "no-answer": "no_answer", "cancel": "canceled",
    "canceled": "canceled", "rejected": "busy",
}  # fmt: skip


def verify(received, secret, _now):
    """Tell whether one of the signatures is of the secret, for this address and what was sent."""
    headers = received.headers
    given = [part.strip().encode() for name in SIGNATURES for part in headers.get(name, "").split(",") if part.strip()]
    nonce = headers.get(NONCE)
    if not given or not nonce:
        return False
    try:
        signed = f"{_signed(received)}.{nonce}"
    except (Unusable, ValueError):
        return False
    expected = b64encode(hmac.new(secret.strip().encode(), signed.encode(), sha256).digest())
    return any(hmac.compare_digest(expected, one) for one in given)


def _signed(received):
    """Return what is signed before the nonce: the address, the parameters in it, those of the form, each sorted."""
    url = urlsplit(received.url)
    pairs = sorted(received.form if received.method == "POST" else [])
    form = "".join(f"{name}{value}" for name, value in pairs)
    query = "&".join(f"{name}={value}" for name, value in sorted(parse_qsl(url.query, keep_blank_values=True)))
    mark, dot = "?" if query or form else "", "." if query and form else ""
    return f"{url.scheme}://{url.netloc}{url.path}{mark}{query}{dot}{form}"


def read(received):
    """Return what a callback says of a call, or of a leg that it has dialled.

    :raise Unusable: no callback of Plivo's Voice API, or no time or duration where one should be
    """
    sent = {**received.query, **dict(received.form)}
    names = named(received.query)
    if text(sent.get("DialBLegUUID")) and text(sent.get("DialAction")):
        return [_dialled(sent, names, received.at)]
    if text(sent.get("CallUUID")):
        return [_call(sent, names, received)]
    raise Unusable(_lt("%s is missing: it is the call's id.", "CallUUID"))


def _call(sent, names, received):
    ref = reference(sent["CallUUID"], "CallUUID")
    direction = text(sent.get("Direction")) or "outbound"
    theirs, ours = ("From", "To") if direction == "inbound" else ("To", "From")
    # Callbacks in the course of a call say its status as well; only this one is the end.
    is_over = text(sent.get("Event")) == "Hangup" or (not text(sent.get("Event")) and bool(sent.get("HangupCause")))
    facts = {"direction": direction, "number": number(sent.get(theirs)), **_times(sent, received.tz)}
    if is_over:
        facts.update(_end(sent, bool(facts["answered_at"]), received.at, facts["ended_at"]))
    parent = shared_reference(sent.get("ParentCallUUID")) or shared_reference(sent.get("ALegUUID"))
    price = _cost(sent.get("TotalCost")) if is_over else None
    return CallEvent(
        ref,
        {**only_said(**facts), **names},
        is_over=is_over,
        parent_ref=None if parent == ref else parent,
        is_phone=is_telephone(text(sent.get(theirs)), direction),
        lines=line_keys(sent.get(ours), sent.get("ParentAuthID")),
        cost=price,
        cost_currency=price and "USD",
    )


def _times(sent, tz):
    """Return when a call began, was answered and ended.

    Plivo writes these times in the time zone of the account, and does not say which. The start of the session alone is
    UTC: the others are as far from it as from the start.
    """
    session = moment(text(sent.get("SessionStart")), "SessionStart")
    began, answered, ended = (moment(text(sent.get(name)), name, tz) for name in ("StartTime", "AnswerTime", "EndTime"))
    if session and began:
        answered = answered and session + (answered - began)
        ended = ended and session + (ended - began)
    elif session:
        answered = ended = None
    return {"started_at": session or began, "answered_at": answered, "ended_at": ended}


def _end(sent, was_answered, at, ended_at):
    status = text(sent.get("CallStatus"))
    said = text(sent.get("Duration"))  # not BillDuration: that one is rounded up to what Plivo charges
    seconds = None if said is None else whole_seconds(said, "Duration")
    if not was_answered and (status in UNANSWERED or not seconds):
        status = UNANSWERED.get(status) or STATUS_OF.get(text(sent.get("HangupCause")), "failed")
        return {"status": status, "duration_seconds": 0, "ended_at": ended_at or at}
    return {"status": "completed", "duration_seconds": seconds, "ended_at": ended_at or at}


def _dialled(sent, names, at):
    ref = reference(sent["DialBLegUUID"], "DialBLegUUID")
    facts = {"direction": "outbound", "number": number(sent.get("DialBLegTo"))}
    action = text(sent["DialAction"])
    if action == "hangup":
        facts.update(_end_of_dialled(sent, at))
    elif action in ("answer", "connected"):
        facts.update({"answered_at": at, "status": "completed"})
    price = _cost(sent.get("DialBLegTotalCost"))
    return CallEvent(
        ref,
        {**only_said(**facts), **names},
        is_over=action == "hangup",
        parent_ref=shared_reference(sent.get("DialALegUUID")) or shared_reference(sent.get("CallUUID")),
        is_phone=is_telephone(text(sent.get("DialBLegTo")), "outbound"),
        lines=line_keys(sent.get("DialBLegFrom"), sent.get("ParentAuthID")),
        cost=price,
        cost_currency=price and "USD",
    )


def _end_of_dialled(sent, at):
    """Return how a leg ended. No times come with it: it ended when we were told."""
    said = text(sent.get("DialBLegDuration"))
    seconds = None if said is None else whole_seconds(said, "DialBLegDuration")
    cause = text(sent.get("DialBLegHangupCause"))
    if seconds == 0 or (seconds is None and cause not in (None, "NORMAL_CLEARING")):
        return {"ended_at": at, "status": STATUS_OF.get(cause, "failed"), "duration_seconds": 0}
    return {"ended_at": at, "status": "completed", "duration_seconds": seconds}


def _cost(value):
    """Return a cost; None for zero too, which it is until Plivo has counted."""
    price = cost(value)
    return price if price and Decimal(price) else None


KIND = Kind(
    "plivo",
    "Plivo",
    verify=verify,
    read=read,
    has_legs=True,
    takes_get=True,
    setup=_lt(
        "Save the source. At Plivo, enter the webhook address as hangup URL, of the application and of the calls that"
        " you make; and of what they dial, as callbackUrl of Dial. The secret is the auth token. A line is a number of"
        " yours, such as +14155550100, or the auth ID. The time zone is that of the Plivo account."
    ),
)
