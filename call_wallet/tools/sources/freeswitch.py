"""FreeSWITCH: call records as ``mod_json_cdr`` posts them, with a password of HTTP's basic authentication.

Source: FreeSWITCH documentation, mod_json_cdr (``url``, ``cred``, ``encode-values``).
"""

import json
from urllib.parse import unquote

from odoo.tools.translate import LazyTranslate

from .event import LOGIN, CallEvent, Kind, Unusable, from_epoch, has_password, named_in, only_said, whole_seconds
from .reading import text

_lt = LazyTranslate(__name__)

NO_RECORD = _lt("The body is no record of mod_json_cdr (JSON with variables).")
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


def read(received):
    """Return the event of one record.

    :raise Unusable: no record with an id, a start and an end
    """
    body = received.body
    if body.startswith(b"cdr="):  # where "encode" is on it posts a form
        body = dict(received.form)["cdr"]
    try:
        record = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unusable(NO_RECORD) from error
    # The module puts "?uuid=..." behind whatever address it was given.
    return [read_record(record, {name: value.partition("?")[0] for name, value in received.query.items()})]


def read_record(record, query):
    """Return the event of one record.

    :param dict query: what the platform has added to the address to which it was sent
    :raise Unusable: no record with an id, a start and an end
    """
    try:
        variables = {
            name: unquote(value) if isinstance(value, str) else value for name, value in record["variables"].items()
        }
        flow = record.get("callflow") or [{}]
        profile = flow[0].get("caller_profile") or {}
        return _event(variables, profile, {**variables, **query})
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError) as error:
        raise Unusable(NO_RECORD) from error


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
    account = text(variables.get("accountcode"))
    lines = tuple(filter(None, (account, text(variables.get("sip_gateway_name")))))
    return CallEvent(ref, {**facts, **only_said(**{LOGIN: account}), **named_in(named)}, is_over=True, lines=lines)


def _duration(variables):
    milliseconds = text(variables.get("billmsec"))
    if milliseconds and milliseconds.isdecimal():
        return whole_seconds(f"{milliseconds}e-3", "billmsec")
    return whole_seconds(variables.get("billsec"), "billsec")


KIND = Kind(
    "freeswitch",
    "FreeSWITCH",
    verify=has_password,
    read=read,
    makes_secret=True,
    setup=_lt(
        "Save the source. In json_cdr.conf.xml enter the webhook address as url, and as cred: wallet, a colon, and the"
        " secret. A line is an account code or a gateway. An account code that is the account of a wallet needs none."
    ),
)
