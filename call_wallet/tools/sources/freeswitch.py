"""FreeSWITCH: call records as ``mod_json_cdr`` posts them, with a password of HTTP's basic authentication.

Source: FreeSWITCH documentation, mod_json_cdr (``url``, ``cred``, ``encode-values``).
"""

import json
from base64 import b64decode
from urllib.parse import unquote

from odoo.tools.translate import LazyTranslate

from .event import CallEvent, Kind, Unusable, from_epoch, named_in, only_said, same_text, whole_seconds
from .reading import text

_lt = LazyTranslate(__name__)

USER = "wallet"
# Of the causes of Q.850 and SIP as FreeSWITCH names them; one that is not here is a failure.
STATUS_OF = {
    "NORMAL_CLEARING": "no_answer",  # without an answer: the caller's side was cleared
    "NO_ANSWER": "no_answer",
    "NO_USER_RESPONSE": "no_answer",
    "ALLOTTED_TIMEOUT": "no_answer",
    "PROGRESS_TIMEOUT": "no_answer",
    "USER_BUSY": "busy",
    "CALL_REJECTED": "busy",
    "ORIGINATOR_CANCEL": "canceled",
    "LOSE_RACE": "canceled",
}


def verify(received, secret, _now):
    """Tell whether the request has the password; the user's name is ``wallet``."""
    scheme, _blank, credentials = received.headers.get("authorization", "").partition(" ")
    try:
        given = b64decode(credentials, validate=True).decode()
    except ValueError:
        return False
    return scheme.lower() == "basic" and same_text(given, f"{USER}:{secret}")


def read(received):
    """Return the event of one record.

    :raise Unusable: no record with an id, a start and an end
    """
    try:
        record = json.loads(received.body)
        variables = {
            name: unquote(value) if isinstance(value, str) else value for name, value in record["variables"].items()
        }
        flow = record.get("callflow") or [{}]
        profile = flow[0].get("caller_profile") or {}
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError) as error:
        raise Unusable(_lt("The body is no record of mod_json_cdr (JSON with variables).")) from error
    return [_event(variables, profile, {**variables, **received.query})]


def _event(variables, profile, named):
    ref = variables.get("uuid")
    if not isinstance(ref, str) or not ref:
        raise Unusable(_lt("%s is missing: it is the call's id.", "variables.uuid"))
    direction = text(variables.get("direction")) or text(profile.get("direction")) or "outbound"
    caller, called = profile.get("caller_id_number"), profile.get("destination_number")
    answered_at = from_epoch(variables.get("answer_epoch"), "answer_epoch")
    facts = only_said(
        direction=direction,
        number=unquote(text(called if direction == "outbound" else caller) or ""),
        started_at=from_epoch(variables.get("start_epoch"), "start_epoch"),
        answered_at=answered_at,
        ended_at=from_epoch(variables.get("end_epoch"), "end_epoch"),
        # Milliseconds, where it has them: billsec is cut off.
        duration_seconds=_duration(variables) if answered_at else 0,
        status="completed" if answered_at else STATUS_OF.get(text(variables.get("hangup_cause")), "failed"),
    )
    lines = tuple(filter(None, (text(variables.get("accountcode")), text(variables.get("sip_gateway_name")))))
    return CallEvent(ref, {**facts, **named_in(named)}, is_over=True, lines=lines)


def _duration(variables):
    milliseconds = text(variables.get("billmsec"))
    if milliseconds and milliseconds.isdecimal():
        return whole_seconds(f"{milliseconds}e-3", "billmsec")
    return whole_seconds(variables.get("billsec"), "billsec")


KIND = Kind("freeswitch", "FreeSWITCH", verify=verify, read=read, makes_secret=True)
