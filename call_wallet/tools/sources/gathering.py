"""From what a source has said of one call, in any order and again, to the call that is reported."""

from datetime import UTC, datetime, timedelta

from odoo.tools.translate import LazyTranslate

from .event import NAMED, REPORTED, TIMES, Unusable, whole_seconds

_lt = LazyTranslate(__name__)


def merge(facts, was_over, event):
    """Return all facts of a call with those of one more event.

    What was said at the call's end counts more than what was said before, and what was said first counts otherwise:
    providers repeat events, and leave fields out.

    :param dict facts: of the events before, as ``to_json`` has them
    :param bool was_over: whether its end was among them
    """
    new = to_json(event.facts)
    return {**facts, **new} if event.is_over and not was_over else {**new, **facts}


def to_json(facts):
    """Return facts as the database keeps them: times as ISO 8601 in UTC, whole milliseconds."""
    return {
        name: value.astimezone(UTC).isoformat(timespec="milliseconds") if isinstance(value, datetime) else value
        for name, value in facts.items()
        if name in REPORTED or name in TIMES or name in NAMED
    }


def to_payload(facts, ref, account, call_type):
    """Return a call that has ended as ``record_calls`` takes it; None while its duration or its number is not known.

    :param ref: the source's id; the call's reference unless the platform has named another
    :param call_type: the source's
    :raise Unusable: when it began is not known
    """
    times = {name: datetime.fromisoformat(facts[name]) for name in TIMES if name in facts}
    status = facts.get("status") or ("completed" if facts.get("duration_seconds") else "failed")
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
    :param dict facts: of another message about it; what it does not say, it does not contradict
    """
    if not known:
        return False
    status = facts.get("status", known["status"])
    if "completed" in (status, known["status"]) and status != known["status"]:
        return False
    return abs(facts.get("duration_seconds", known["duration_seconds"]) - known["duration_seconds"]) <= 1


def _duration(facts, times, status):
    if "duration_seconds" in facts:
        return facts["duration_seconds"]
    if status != "completed":
        return 0
    if "answered_at" in times and "ended_at" in times:
        talked = (times["ended_at"] - times["answered_at"]).total_seconds()
        return whole_seconds(max(0, talked), "ended_at")
    return None
