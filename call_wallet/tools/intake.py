"""Read a reported call: from whatever a client sent to checked, typed values.

No database here. What is wrong is told by raising ``Refused``, with a code for the client's
program and a sentence for people that names the field and the fix.
"""

import re
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from hashlib import blake2b
from typing import NamedTuple

from odoo.tools.translate import LazyTranslate

from ..rating import InvalidNumber, normalise
from .called import WITHHELD, is_short, is_withheld, to_short, to_user_id
from .clock import FIRST_YEAR, LAST_YEAR

_lt = LazyTranslate(__name__)

# What a call is reported by; a correction also has a reason.
CALL_FIELDS = dict.fromkeys((
    "account", "call_ref", "call_type", "number", "started_at", "duration_seconds", "status",
    "campaign", "application_ref", "manager", "direction",
))  # fmt: skip
CORRECTION_FIELDS = {**CALL_FIELDS, "reason": None}
CALL_TYPES = ("live", "whatsapp")
STATUSES = ("completed", "no_answer", "busy", "failed", "canceled")
DIRECTIONS = ("outbound", "inbound")
# Other words for them, as switches and providers write them, in lower case and with "_" for blanks and dashes.
SPELLINGS = {
    "call_type": {
        "live_call": "live", "voice": "live", "voice_call": "live", "phone": "live", "phone_call": "live",
        "pstn": "live",
        "whatsapp_call": "whatsapp", "whats_app": "whatsapp", "whatsapp_voice": "whatsapp", "wa": "whatsapp",
    },
    "direction": {
        "out": "outbound", "outgoing": "outbound", "outbound_api": "outbound", "outbound_dial": "outbound",
        "business_initiated": "outbound",
        "in": "inbound", "incoming": "inbound", "user_initiated": "inbound",
    },
    "status": {
        "complete": "completed", "answered": "completed", "answer": "completed", "normal_clearing": "completed",
        "noanswer": "no_answer", "not_answered": "no_answer", "unanswered": "no_answer", "missed": "no_answer",
        "no_user_response": "no_answer", "timeout": "no_answer",
        "user_busy": "busy",
        "failure": "failed", "fail": "failed", "error": "failed", "congestion": "failed", "chanunavail": "failed",
        "rejected": "failed", "call_rejected": "failed", "declined": "failed", "unavailable": "failed",
        "cancel": "canceled", "cancelled": "canceled", "originator_cancel": "canceled", "abandoned": "canceled",
    },
}  # fmt: skip
# Calls are reported when they have ended.
NOT_ENDED = {"in_progress", "ringing", "queued", "initiated", "started", "early_media", "connecting", "accepted"}
# How far a platform's clock may be ahead of ours.
CLOCK_AHEAD = timedelta(minutes=15)
# Longer than any real call, and far inside what the database's integers hold.
MAX_DURATION = 30 * 24 * 3600
MAX_TEXT = 256
_new = tuple.__new__
# What PostgreSQL's text cannot hold (NUL, lone surrogates) and what nobody means to send.
_unreadable = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]").search
_unreadable_all = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]+").sub


class Refused(Exception):
    """A call that cannot be charged as it stands; it is kept and can be retried.

    :param str code: for the client's program
    :param sentence: for people; names the field and the fix
    :param str field: the name of the field that is wrong; None where it is the call as a whole
    """

    def __init__(self, code, sentence, field=None):
        super().__init__(code)
        self.code = code
        self.sentence = sentence
        self.field = field

    def parts(self):
        """Return what an answer says of it. ``reason`` is this itself until ``explained`` makes words of it, because
        what is kept of it is in another language than the answer.
        """
        return {"reason": self, "code": self.code, "field": self.field}


def explained(result, env):
    """Return an answer with its ``reason``, if it has one, in words: code and sentence, in the language of ``env``."""
    if isinstance(refused := result.get("reason"), Refused):
        result["reason"] = f"{refused.code}: {env._(refused.sentence)}"
    return result


class Call(NamedTuple):
    """A reported call, checked. ``started_at`` is naive UTC, whole seconds."""

    account: str
    call_ref: str
    call_type: str
    direction: str
    number: str
    started_at: datetime
    duration_seconds: int
    status: str
    campaign: str
    application_ref: str
    manager: str
    fingerprint: str

    @property
    def billable_seconds(self):
        """Only a call that connected costs anything, whatever duration came with it."""
        return self.duration_seconds if self.status == "completed" else 0


def parse_call(raw, known=CALL_FIELDS, place=None):
    """Return the ``Call`` in ``raw``.

    :param dict known: the fields that there are; None: whatever else is in it is left alone
    :param int place: in the list that was sent, counted from 0; None: it was not sent now
    :raise Refused: the first thing that is wrong with it
    """
    if not isinstance(raw, dict):
        name = place_of("calls", place)
        raise Refused("invalid_call", _lt("%s: send an object with the call's fields.", name or "call"))
    if known:
        check_fields(raw, known)
    values = (
        text(raw, "account"),
        text(raw, "call_ref"),
        call_type := choice(raw, "call_type", CALL_TYPES),
        direction := choice(raw, "direction", DIRECTIONS, "outbound"),
        phone_number(raw, call_type, direction),
        moment(raw),
        duration(raw),
        choice(raw, "status", STATUSES),
        text(raw, "campaign", ""),
        text(raw, "application_ref", ""),
        text(raw, "manager", ""),
    )
    return _new(Call, (*values, fingerprint_of(values)))


def place_of(name, place):
    """Return how an element of a list is named, such as ``calls[3]``, counted from 0; None without a place."""
    return None if place is None else f"{name}[{place}]"


def fingerprint_of(values):
    """Return the digest of a call's content: the values of ``Call``, in order."""
    # The unit separator cannot occur in a field, so no two contents give one string.
    content = "\x1f".join(map(str, values)).encode()
    return blake2b(content, digest_size=16).hexdigest()


def check_fields(raw, known):
    """Raise if an object has a field that there is not, which would be left out in silence; name the nearest one."""
    if raw.keys() <= known.keys():
        return
    unknown = next(field for field in raw if field not in known)
    field = (isinstance(unknown, str) and echo(unknown)) or shown(unknown)
    nearest = nearest_of(unknown, known)
    if nearest:
        sentence = _lt("%(field)s: there is no such field; did you mean %(nearest)s?", field=field, nearest=nearest)
    else:
        sentence = _lt("%(field)s: there is no such field; there are %(known)s.", field=field, known=", ".join(known))
    raise Refused("unknown_field", sentence, field)


def nearest_of(name, known):
    """Return the name among ``known`` that was probably meant, or None."""
    if not isinstance(name, str):
        return None
    word = re.sub(r"[\s-]+", "_", re.sub("(?<=[a-z])(?=[A-Z])", "_", name[:MAX_TEXT].strip())).lower()
    # A slip of the keyboard; or a part of the name, or its beginnings, such as app_ref; or anything like it.
    parts = [one for one in known if all(f"_{one}".find(f"_{part}") >= 0 for part in word.split("_") if part)]
    near = get_close_matches(word, known, 1, 0.8) or (parts if word.strip("_") else [])
    near = near or get_close_matches(word, known, 1)
    return near[0] if near else None


def text(raw, field, default=None):
    value = raw.get(field)
    if value.__class__ is str and value.isprintable() and len(value) <= MAX_TEXT:
        # Nothing of what is looked for below is printable.
        stripped = value.strip()
        if stripped:
            return stripped
    if value is None or value == "":
        if default is not None:
            return default
        raise Refused("missing_field", _lt("%s is missing; it is required.", field), field)
    if not isinstance(value, str):
        raise Refused(
            "invalid_field",
            _lt("%(field)s: %(value)s is not text; send a string.", field=field, value=shown(value)),
            field,
        )
    if len(value) > MAX_TEXT:
        raise Refused(
            "invalid_field",
            _lt("%(field)s: longer than %(limit)s characters; shorten it.", field=field, limit=MAX_TEXT),
            field,
        )
    if _unreadable(value) or not value.strip():
        raise Refused("invalid_field", _lt("%s: control characters or only blanks; send readable text.", field), field)
    return value.strip()


def choice(raw, field, allowed, default=None):
    value = raw.get(field)
    if value is None:
        if default is not None:
            return default
        raise Refused("missing_field", _lt("%s is missing; it is required.", field), field)
    if isinstance(value, str):
        if value in allowed:
            return value
        word = re.sub(r"[\s_-]+", "_", value.strip().lower())
        word = SPELLINGS.get(field, {}).get(word, word)
        if word in allowed:
            return word
        if field == "status" and word in NOT_ENDED:
            raise Refused(
                "invalid_field",
                _lt("%(field)s: %(value)s is of a call that goes on; report it when it has ended.",
                    field=field, value=shown(value)), field,
            )  # fmt: skip
    raise Refused(
        "invalid_field",
        _lt(
            "%(field)s: %(value)s is unknown; send one of %(allowed)s.",
            field=field,
            value=shown(value),
            allowed=", ".join(allowed),
        ),
        field,
    )


def phone_number(raw, call_type="live", direction="outbound", field="number"):
    """Return the number called, or the caller's, as calls keep it: E.164, or what ``called`` makes of it.

    A number too short to be international is returned as well: whether it is one of the company's emergency numbers,
    only the database knows; ``check_short`` refuses it where it is not.
    """
    value = raw.get(field)
    if direction == "inbound" and is_withheld(value):
        return WITHHELD
    if value is None or value == "":
        raise Refused("missing_field", _lt("%s is missing; it is required.", field), field)
    try:
        return normalise(value)
    except (InvalidNumber, TypeError):
        found = to_short(value) or (call_type == "whatsapp" and to_user_id(value))
    if not found:
        raise not_international(value, field)
    return found


def check_short(number, emergency):
    """Raise unless a number, as ``phone_number`` returned it, is international or in the set ``emergency``."""
    if is_short(number) and number not in emergency:
        raise not_international(number)


def not_international(value, field="number"):
    """Return the refusal of a number that is not E.164."""
    return Refused(
        "invalid_number",
        _lt(
            "%(field)s: %(value)s is not E.164; send text such as +14155550100, 7 to 15 digits.",
            field=field,
            value=shown(value),
        ),
        field,
    )


def check_time(started_at, recorded_at, days):
    """Raise unless a call began within the ``days`` before it is recorded, and not in the future. Times are naive UTC.

    An earlier or later time is a wrong clock, a wrong unit or a wrong date: prices and periods go by it.
    """
    if is_ahead(started_at, recorded_at):
        raise Refused(
            "implausible_time",
            _lt(
                "started_at: %s is in the future; check the platform's clock and time zone. The call is kept and can "
                "be retried.",
                f"{started_at}Z",
            ),
            "started_at",
        )
    if started_at < recorded_at - timedelta(days=days):
        raise Refused(
            "implausible_time",
            _lt(
                "started_at: %(moment)s is more than %(days)s days ago; report the call with the time at which it "
                "began. If that is right, a longer time can be set in the settings, and the call retried.",
                moment=f"{started_at}Z",
                days=days,
            ),
            "started_at",
        )


def ends_ahead(call, recorded_at):
    """Tell whether a call that was reported as ended ends in the future, such as when its duration is in milliseconds.

    It took place, so it is charged; but somebody should look.
    """
    return is_ahead(call.started_at + timedelta(seconds=call.duration_seconds), recorded_at)


def is_ahead(moment, recorded_at):
    """Tell whether a time is later than any clock may show; times are naive UTC."""
    # Sample data are recorded under a past time, and may be of any time before the real now.
    latest = moment - CLOCK_AHEAD
    return latest > recorded_at and latest > datetime.now(UTC).replace(tzinfo=None)


def moment(raw, field="started_at"):
    value = raw.get(field)
    if value is None or value == "":
        raise Refused("missing_field", _lt("%s is missing; it is required.", field), field)
    try:
        parsed = read_iso(value)
        if parsed.tzinfo is None:
            raise Refused(
                "invalid_field",
                _lt(
                    "%(field)s: %(value)s has no time zone; end it with Z or an offset such as +02:00.",
                    field=field,
                    value=shown(value),
                ),
                field,
            )
        if not FIRST_YEAR < parsed.year <= LAST_YEAR:
            # Some time zone could not show it, and the report of the whole wallet would fail.
            raise OverflowError
        if parsed.tzinfo is not UTC:
            parsed = parsed.astimezone(UTC)
        return parsed.replace(tzinfo=None, microsecond=0)
    except (ValueError, TypeError, OverflowError):
        raise Refused(
            "invalid_field",
            _lt(
                "%(field)s: %(value)s is not a time; send ISO 8601 such as 2026-10-01T09:30:00Z.",
                field=field,
                value=shown(value),
            ),
            field,
        ) from None


def iso(moment):
    """Return a time (naive UTC) as the API writes it: ISO 8601 with the offset, whole seconds; None for none."""
    return moment and moment.replace(tzinfo=UTC, microsecond=0).isoformat()


def read_iso(value):
    """Return the ``datetime`` in a text of ISO 8601 or RFC 3339, which also knows small letters and leap seconds.

    :raise ValueError: not a time
    :raise TypeError: not text
    """
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        spelled = value.upper()
        leap = re.sub(r":60(?=[.,]|Z|[+-]|$)", ":59", spelled, count=1) if spelled.count(":") > 1 else spelled
        return datetime.fromisoformat(leap) + timedelta(seconds=leap != spelled)


def duration(raw, field="duration_seconds"):
    value = raw.get(field)
    if value is None:
        raise Refused("missing_field", _lt("%s is missing; it is required.", field), field)
    if type(value) is not int:
        raise Refused(
            "invalid_field",
            _lt(
                "%(field)s: %(value)s is not a whole number; send seconds as a JSON integer.",
                field=field,
                value=shown(value),
            ),
            field,
        )
    if not 0 <= value <= MAX_DURATION:
        raise Refused(
            "invalid_field",
            _lt(
                "%(field)s: %(value)s is out of range; send 0 to %(limit)s seconds.",
                field=field,
                value=shown(value),
                limit=MAX_DURATION,
            ),
            field,
        )
    return value


def echo(value):
    """Return a reference as it can be answered: what could not be sent back is left out, or the answer were lost."""
    if isinstance(value, str):
        return _unreadable_all("", value)[:MAX_TEXT]
    return value if value is None or type(value) in (bool, int) else shown(value)


def shown(value):
    """Return the beginning of a value for a message; nothing that was sent is too deep or too long."""
    try:
        return repr(value)[:60]
    except (ValueError, RecursionError):
        return type(value).__name__
