"""RADIUS: what switches ask before a call, and what they tell of it, as FreeRADIUS' ``rlm_rest`` posts it in JSON.

Sources: RFC 2865, 2866 and 2869; FreeRADIUS' ``mods-available/rest``; Cisco, "RADIUS VSA Voice Implementation Guide"
(``h323-*``); Kamailio, module ``acc_radius`` (``Sip-Response-Code``; no Acct-Session-Time).
"""

import json
import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

from odoo.tools.translate import LazyTranslate

from ..intake import shown
from .event import LOGIN, CallEvent, Kind, Unusable, from_epoch, has_password, named_in, only_said, whole_seconds

_lt = LazyTranslate(__name__)

# RFC 2866, 5.1, by name and by number: FreeRADIUS sends either. "failed" is a call that never began.
START, STOP, INTERIM, FAILED, NO_CALL = "start", "stop", "interim", "failed", "no call"
STATUS_TYPES = {
    "start": START, "1": START,
    "stop": STOP, "2": STOP,
    "interim-update": INTERIM, "alive": INTERIM, "3": INTERIM,
    "accounting-on": NO_CALL, "7": NO_CALL,
    "accounting-off": NO_CALL, "8": NO_CALL,
    "failed": FAILED, "15": FAILED,
}  # fmt: skip
# Why a call without a second of talk came to nothing; what is not here is a failure.
STATUS_OF_Q850 = {16: "no_answer", 17: "busy", 18: "no_answer", 19: "no_answer", 21: "busy"}
STATUS_OF_SIP = {
    "408": "no_answer", "480": "no_answer", "486": "busy", "487": "canceled", "600": "busy", "603": "busy",
}  # fmt: skip
STATUS_OF_CAUSE = {
    "user-request": "canceled", "1": "canceled",
    "idle-timeout": "no_answer", "4": "no_answer",
}  # fmt: skip
# What of a switch's clock is believed, around the moment at which its message came: one that was never set is years
# off, and nothing has happened that lies ahead.
AHEAD, BEHIND = timedelta(minutes=15), timedelta(days=60)
LONGEST_DELAY = 10**7
# RFC 2865, 5: an attribute has up to 253 octets.
MOST_OCTETS = 253
# By this we know that a Class is ours. A switch sends it back with all that it tells of the call (RFC 2865, 5.25).
MARK = "call_wallet:"
_is_plain_ref = re.compile(r"[A-Za-z0-9 _.,:;@+=/()\[\]~-]{1,128}").fullmatch
_is_number = re.compile(r"[0-9]{7,15}").fullmatch


class Request(NamedTuple):
    """A call that a switch asks about. Facts and lines as of ``CallEvent``; ``ref`` is None where it names no call."""

    ref: str | None
    facts: dict
    lines: tuple


class Attributes:
    """What a request says: texts, one or many a name."""

    def __init__(self, texts):
        self._texts = texts

    def first(self, *names):
        """Return the first text of the first of these names that says something; None: none does."""
        return next((text for name in names for text in self._texts.get(name, ()) if text), None)

    def all(self, name):
        return self._texts.get(name, ())

    @property
    def pairs(self):
        """What ``Cisco-AVPair`` says: ``name=value``; of a repeated name the last."""
        pairs = (text.partition("=") for text in self.all("Cisco-AVPair"))
        return {name.strip().lower(): value.strip() for name, _equals, value in pairs}


# === READING === #


def read(received):
    """Return the events of one accounting request; none where it is about no call.

    :raise Unusable: no accounting request of a call that has an id
    """
    said = attributes(received)
    told = said.first("Acct-Status-Type")
    status_type = STATUS_TYPES.get((told or "").lower())
    if not status_type:
        raise Unusable(_lt("Acct-Status-Type: %s is not Start, Interim-Update, Stop or Failed.", shown(told)))
    return [] if status_type == NO_CALL else [_event(said, status_type, received)]


def read_request(received):
    """Return the ``Request`` of one access request.

    :raise Unusable: the body is no request
    """
    said = attributes(received)
    return Request(reference(said), _who_and_where(said, received), _lines(said))


def attributes(received):
    """Return the ``Attributes`` in a body.

    :raise Unusable: the body is not what ``rlm_rest`` posts
    """
    try:
        sent = json.loads(received.body)
    except (ValueError, RecursionError) as error:
        raise Unusable(_lt("The body is no request of rlm_rest (JSON of attributes).")) from error
    if not isinstance(sent, dict):
        raise Unusable(_lt("The body is no request of rlm_rest (JSON of attributes)."))
    return Attributes({name: _texts(name, said) for name, said in sent.items()})


def reference(said):
    """Return by which reference the wallet knows the call, the same before it begins and when it has ended; or None.

    Our own Class is the best. All legs of a call at Cisco's gateways have one ``h323-conf-id``, so that it is charged
    once. Acct-Session-Id is the switch's own, and other switches count in the same way: it bears the switch's names.
    Acct-Unique-Session-Id comes last, because FreeRADIUS makes it when the call has begun, and of more than that.
    """
    return _ours(said) or _conference(said) or _session(said)


def _ours(said):
    return next((text.removeprefix(MARK) for text in said.all("Class") if text.startswith(MARK)), None)


def _event(said, status_type, received):
    ref, parent_ref = _leg(said)
    at = _moment(said, received)
    facts = {**_who_and_where(said, received), "call_ref": reference(said)}
    seconds = said.first("Acct-Session-Time")
    so_far = None
    if status_type == START:
        facts |= only_said(answered_at=at)
    elif status_type == INTERIM:
        so_far = whole_seconds(seconds, "Acct-Session-Time") if seconds else None
    else:
        lasted = 0 if status_type == FAILED else seconds and whole_seconds(seconds, "Acct-Session-Time")
        facts |= only_said(ended_at=at, duration_seconds=lasted, status=_status(said, lasted))
    is_over = status_type in (STOP, FAILED)
    return CallEvent(ref, facts, is_over, parent_ref, lines=_lines(said), seconds_so_far=so_far)


def _leg(said):
    """Return the source's id of the call, and that of the call that has dialled it, or None.

    Cisco's gateways tell of each leg. All incoming legs of a call are one, which has dialled the outgoing ones.
    """
    conference, session, origin = _conference(said), _session(said), said.first("h323-call-origin")
    if conference and origin == "answer":
        return conference, None
    if conference and origin == "originate" and session:
        return session, conference
    # By our Class, a session number that is used again after a restart is another call.
    ref = _ours(said) or session or conference
    if not ref:
        raise Unusable(_lt("%s is missing: it is the call's id.", "Acct-Session-Id"))
    return ref, None


def _conference(said):
    """Return what names a call at all of Cisco's gateways; some others send nothing but zeros."""
    ref = said.first("h323-conf-id", "h323-incoming-conf-id")
    return _short(ref) if ref and ref.strip("0 -") else None


def _session(said):
    session = said.first("Acct-Session-Id", "Acct-Unique-Session-Id")
    switch = (said.first("NAS-Identifier"), said.first("NAS-IP-Address", "NAS-IPv6-Address"))
    return _short(f"{'@'.join(filter(None, switch))}:{session}") if session else None


def _short(ref):
    """Return a reference that fits, and that FreeRADIUS changes nothing in: itself, or its digest."""
    return ref if _is_plain_ref(ref) else sha256(ref.encode()).hexdigest()


def _who_and_where(said, received):
    in_address = {name: _text(name, value) for name, value in received.query.items()}
    named = named_in({**in_address, **said.pairs})
    named.pop("call_ref", None)
    direction = "inbound" if said.pairs.get("direction") == "inbound" else "outbound"
    number = said.first("Called-Station-Id" if direction == "outbound" else "Calling-Station-Id")
    login = said.first("User-Name")
    return {
        **only_said(direction=direction, number=number and _e164(number)),
        **only_said(**{LOGIN: login and login.partition("@")[0]}),
        **named,
    }


def _lines(said):
    """Return by which the wallet may be found: who has logged in, from which number, at which switch."""
    login, caller = said.first("User-Name"), said.first("Calling-Station-Id")
    lines = (
        login,
        login and login.partition("@")[0],
        caller and _e164(caller),
        said.first("NAS-Identifier"),
        said.first("NAS-IP-Address", "NAS-IPv6-Address"),
    )
    return tuple(dict.fromkeys(filter(None, lines)))


def _e164(number):
    """Return an international number as calls have it, with its plus; anything else as it is.

    Switches write it with or without ``+`` or ``00``, and as the user of a SIP address. A national number cannot be
    told from it, and has to be made international by the switch.
    """
    user = number.strip("<> ")
    for scheme in ("sip:", "sips:", "tel:"):
        user = user.removeprefix(scheme)
    user = user.partition("@")[0].partition(";")[0]
    digits = user.removeprefix("00") if user.startswith("00") else user
    return f"+{digits}" if _is_number(digits) and digits[0] != "0" else user


def _moment(said, received):
    """Return when it happened, or None: as the switch says, unless its clock is wrong; else when it was sent."""
    delay = said.first("Acct-Delay-Time") or ""
    delay = int(delay) if delay.isdecimal() and len(delay) < 9 else 0
    heard = received.at and received.at - timedelta(seconds=min(delay, LONGEST_DELAY))
    told = _told_time(received.query.get("time")) or _told_time(said.first("Event-Timestamp"))
    if told and heard and not heard - BEHIND <= told <= heard + AHEAD:
        return heard
    return told or heard


def _told_time(text):
    """Return the time in a text: seconds of UNIX, or FreeRADIUS' way of writing it where that is in UTC; else None."""
    if not text:
        return None
    try:
        if text.isdecimal():
            return from_epoch(text, "Event-Timestamp")
        return datetime.strptime(text, "%b %d %Y %H:%M:%S UTC").replace(tzinfo=UTC)
    except (Unusable, ValueError):
        return None  # such as "CST", which is a name of several zones


def _status(said, seconds):
    sip = said.first("Sip-Response-Code") or ""
    if seconds or (seconds is None and sip[:1] not in ("3", "4", "5", "6")):
        return "completed"
    cause = said.first("h323-disconnect-cause")
    if cause:
        return STATUS_OF_Q850.get(_hexadecimal(cause), "failed")
    if sip:
        return STATUS_OF_SIP.get(sip, "failed")
    return STATUS_OF_CAUSE.get((said.first("Acct-Terminate-Cause") or "").lower(), "failed")


def _hexadecimal(text):
    try:
        return int(text, 16)
    except ValueError:
        return None


def _texts(name, said):
    """Return the texts of one attribute, which ``rlm_rest`` sends as ``{"type": ..., "value": [...]}``."""
    value = said.get("value") if isinstance(said, dict) else said
    values = value if isinstance(value, list) else [value]
    texts = (_text(name, value) for value in values[:100])
    return [text for text in texts if text]


def _text(name, value):
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    text = value if isinstance(value, str) else str(value)
    try:
        # Each byte comes as a character: what was sent in UTF-8 is put together again.
        text = text.encode("latin-1").decode()
    except UnicodeError:
        pass
    text = "".join(character for character in text[: 2 * MOST_OCTETS] if character.isprintable()).strip()
    # Cisco repeats the name in the value.
    return text.removeprefix(f"{name}=").strip()


# === ANSWERING === #


def accepting(call_ref, seconds):
    """Return the answer by which a call may begin, and must end after ``seconds``."""
    return {
        "control:Auth-Type": _said("Accept"),
        "reply:Session-Timeout": _said(seconds),
        "reply:Class": _said(f"{MARK}{call_ref}"),
    }


def rejecting(sentence):
    """Return the answer by which a call may not begin; the sentence is cut where RADIUS has no room for it."""
    return {"reply:Reply-Message": _said(sentence.encode()[:MOST_OCTETS].decode(errors="ignore"))}


def _said(value):
    # Without this, FreeRADIUS would carry out what looks like its own language, in a number that somebody has dialled.
    return {"op": ":=", "do_xlat": False, "is_json": False, "value": [value]}


KIND = Kind(
    "radius",
    "RADIUS",
    verify=has_password,
    read=read,
    makes_secret=True,
    asks=True,
    setup=_lt(
        "Save the source, and give address and secret to whoever looks after FreeRADIUS; the user is called wallet. A"
        " line is a login, a caller's number or a switch. A login that is the account of a wallet needs none."
    ),
)
