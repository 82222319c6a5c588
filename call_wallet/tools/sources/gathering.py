"""From what a source has said of one call, in any order and again, to the call that is reported."""

import re
from datetime import UTC, datetime, timedelta

from odoo.tools.translate import LazyTranslate

from .event import LOGIN, NAMED, REPORTED, TIMES, Unusable, whole_seconds

_lt = LazyTranslate(__name__)

# By how much two sources may differ in when a call began: one tells when it was dialled, another when it was answered.
START_APART = timedelta(minutes=10)


def merge(facts, was_over, event):
    """Return all facts of a call with those of one more event.

    What was said at the call's end counts more than what was said before, and what was said first counts otherwise:
    providers repeat events, and leave fields out.

    :param dict facts: of the events before, as ``to_json`` has them
    :param bool was_over: whether its end was among them
    """
    new = to_json(event.facts)
    # Of two ends that contradict each other the one with talk counts: a call that was answered is never free.
    is_answered_after_all = new.get("status") == "completed" != facts.get("status")
    counts_more = event.is_over and (not was_over or is_answered_after_all)
    return {**facts, **new} if counts_more else {**new, **facts}


def to_json(facts):
    """Return facts as the database keeps them: times as ISO 8601 in UTC, whole milliseconds."""
    return {
        name: value.astimezone(UTC).isoformat(timespec="milliseconds") if isinstance(value, datetime) else value
        for name, value in facts.items()
        if name in REPORTED or name in TIMES or name in NAMED or name == LOGIN
    }


def to_payload(facts, ref, account, call_type):
    """Return a call that has ended as ``record_calls`` takes it; None while its duration or its number is not known.

    :param ref: the source's id; the call's reference unless the platform has named another
    :param call_type: the source's
    :raise Unusable: when it began is not known
    """
    times = {name: datetime.fromisoformat(facts[name]) for name in TIMES if name in facts}
    status = facts.get("status") or ("completed" if facts.get("duration_seconds") else "failed")
    if "duration_seconds" not in facts and "answered_at" in times and "ended_at" in times:
        if times["ended_at"] < times["answered_at"]:
            raise Unusable(_lt("ended_at: the call ended before it was answered; look at the source's clocks."))
        # However it ended, it was answered before that.
        status = "completed" if times["ended_at"] > times["answered_at"] else status
    duration = _duration(facts, times, status)
    if duration is None or is_nobody_known(facts):
        return None
    started_at = times.get("started_at") or times.get("answered_at")
    if not started_at and "ended_at" in times:
        started_at = times["ended_at"] - timedelta(seconds=duration)
    if not started_at:
        raise Unusable(_lt("started_at: the source has not said when the call began or ended."))
    payload = {name: facts[name] for name in REPORTED if name in facts}
    return {
        "call_type": call_type,
        **payload,
        "account": account,
        "call_ref": facts.get("call_ref") or ref,
        "started_at": started_at.astimezone(UTC).isoformat(timespec="seconds"),
        "duration_seconds": duration,
        "status": status,
    }


def is_nobody_known(facts):
    """Tell whether nothing is known yet of who was called or who calls: another event of the call says it."""
    return "number" not in facts and "direction" not in facts


def is_same(known, facts):
    """Tell whether a call that ended so is the one that is known, but for a second that one of them has cut off.

    Of a call that did not connect providers tell the cause now so, now so; it costs nothing either way.

    :param known: {``duration_seconds``, ``status``} of the call in the ledger; None: there is none
    :param dict facts: of another message about it; what it does not say, it does not contradict. Times are ISO 8601
    """
    if not known:
        return False
    status = facts.get("status", known["status"])
    if "completed" in (status, known["status"]) and status != known["status"]:
        return False
    if abs(facts.get("duration_seconds", known["duration_seconds"]) - known["duration_seconds"]) > 1:
        return False
    if known.get("number") and digits(facts.get("number")) and digits(facts["number"]) != digits(known["number"]):
        return False
    if not (known.get("started_at") and facts.get("started_at")):
        return True
    began = datetime.fromisoformat(facts["started_at"]), datetime.fromisoformat(known["started_at"])
    return abs(began[0] - began[1]) <= START_APART


def digits(number):
    """Return the digits of a telephone number, however it is written; empty where it is none."""
    return re.sub(r"\D", "", number) if isinstance(number, str) else ""


def _duration(facts, times, status):
    if "duration_seconds" in facts:
        return facts["duration_seconds"]
    if status != "completed":
        return 0
    if "answered_at" in times and "ended_at" in times:
        talked = (times["ended_at"] - times["answered_at"]).total_seconds()
        return whole_seconds(max(0, talked), "ended_at")
    return None
