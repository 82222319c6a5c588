"""Asterisk: call records of ``cdr_csv`` (Master.csv) and ``cdr_custom``, or exported from a database.

Source: Asterisk documentation, "CDR Fields", cdr.conf and cdr_custom.conf; run with Asterisk 22. ``duration`` includes
the ringing and ``billsec`` does not; both are whole seconds, cut off. Times have no offset: they are of the machine's
time zone, or UTC with ``usegmtime=yes``.
"""

import re
from datetime import UTC, datetime
from urllib.parse import parse_qs

from odoo.tools.translate import LazyTranslate

from ...intake import shown
from ..event import CallEvent, Kind, Unusable, named_in, only_said
from .reading import Layout, normal, read_with
from .values import parties, place, read_duration, read_time

_lt = LazyTranslate(__name__)

# cdr_csv writes them in this order, and no header; the last three where cdr.conf asks for them.
COLUMNS = (
    "accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata", "start", "answer",
    "end", "duration", "billsec", "disposition", "amaflags", "uniqueid", "userfield", "peeraccount", "linkedid",
    "sequence",
)  # fmt: skip
# The sample of cdr_custom.conf.
CUSTOM = (
    "clid", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata", "start", "answer", "end",
    "duration", "billsec", "disposition", "amaflags", "accountcode", "uniqueid", "userfield", "sequence",
)  # fmt: skip
SYNONYMS = {"calldate": "start", "answerdate": "answer", "hangupdate": "end", "source": "src", "destination": "dst"}
STATUS_OF = {
    "ANSWERED": "completed", "NO ANSWER": "no_answer", "BUSY": "busy", "FAILED": "failed", "CONGESTION": "failed",
}  # fmt: skip
# The id begins with the UNIX time at which the channel was made, after the system's name where there is one.
_epoch_of = re.compile(r"(?:.*-)?(\d{9,10})\.\d+", re.ASCII).fullmatch
QUARTER = 900


def read_file(content, settings):
    """Yield a ``FileLine`` for each record.

    :raise Unusable: nothing of the file can be read
    """
    return read_with(LAYOUT, content, settings)


def names(cells, _settings):
    """Return the names of the columns, and whether they stand in the first line."""
    header = [SYNONYMS.get(normal(cell), normal(cell)) for cell in cells]
    if "billsec" in header or "disposition" in header:
        missing = [name for name in ("uniqueid", "dst", "start", "billsec", "disposition") if name not in header]
        if missing:
            raise Unusable(_lt("The column %s is missing.", missing[0]))
        return header, True
    for order in (COLUMNS, CUSTOM):
        place_of = order.index("disposition")
        if len(cells) > place_of and _status_word(cells[place_of]) in STATUS_OF:
            return order, False
    raise Unusable(
        _lt("This is no file of cdr_csv or cdr_custom: there is no disposition where they have it. For any other "
            "file choose a source of the kind Files (any columns).")
    )  # fmt: skip


def _status_word(text):
    word = str(text or "").strip().upper().replace("_", " ")
    return "NO ANSWER" if word == "NOANSWER" else word


def prepare(records, settings):
    """Note which record of a call is to be charged: one that is tried over several trunks has one for each try."""
    best = {}
    for number, record in records():
        if isinstance(record, dict):
            is_answered = _status_word(record.get("disposition")) == "ANSWERED"
            ref = record.get("uniqueid")
            if ref not in best or is_answered or not best[ref][1]:
                best[ref] = best[ref] if ref in best and best[ref][1] else (_key(record), is_answered, number)
    return settings._replace(found=best)


def _key(record):
    return record.get("start"), record.get("dstchannel"), record.get("billsec"), record.get("sequence")


def event(record, settings):
    """Return the event of a record, and a note or None."""
    ref = record.get("uniqueid")
    if not ref or not re.search(r"\d\.\d", str(ref)):
        raise Unusable(_lt("uniqueid: it is missing, and is the call's id. Set loguniqueid=yes in cdr.conf."))
    status = STATUS_OF.get(_status_word(record.get("disposition")))
    if not status:
        raise Unusable(_lt("disposition: %s is unknown.", shown(record.get("disposition"))))
    if settings.found and settings.found[ref][0] != _key(record):
        if status != "completed":
            return None, None
        raise Unusable(
            _lt("uniqueid: %(ref)s was answered on line %(line)s already. A call that was passed on has several "
                "records; report the further ones otherwise.", ref=ref, line=settings.found[ref][2])
        )  # fmt: skip
    times, note = _times(record, settings, ref)
    direction, number, is_phone = parties(record.get("src"), record.get("dst"), record.get("dcontext"), settings)
    facts = only_said(
        direction=direction,
        number=number,
        duration_seconds=_billed(record) if status == "completed" else 0,
        status=status,
        **times,
    )
    userfield = {name: values[-1] for name, values in parse_qs(record.get("userfield") or "").items()}
    is_counted = is_phone and str(record.get("amaflags")).upper() != "OMIT"
    return CallEvent(ref, {**facts, **named_in(userfield)}, True, is_phone=is_counted, lines=_lines(record)), note


def _billed(record):
    seconds = read_duration(record.get("billsec"), "billsec")
    if seconds is None:
        raise Unusable(_lt("%s is missing.", "billsec"))
    return seconds


def _times(record, settings, ref):
    """Return when the call began, was answered and ended; the id tells which hour it was where the clock does not."""
    times = {
        fact: read_time(record.get(name), name)
        for fact, name in (("started_at", "start"), ("answered_at", "answer"), ("ended_at", "end"))
    }
    if not times["started_at"]:
        raise Unusable(_lt("%s is missing.", "start"))
    epoch = _epoch_of(ref)
    made_at = datetime.fromtimestamp(int(epoch[1]), UTC) if epoch else None
    placed = place(times, settings.tz, made_at, read_duration(record.get("duration"), "duration"))
    _check_zone(placed.times["started_at"], made_at, settings)
    return placed


def _check_zone(started_at, made_at, settings):
    """Refuse a beginning that is whole quarters of an hour from what the id tells: the time zone is another."""
    if not made_at:
        return
    apart = (started_at - made_at).total_seconds()
    quarters = round(apart / QUARTER)
    if quarters and abs(quarters) <= 56 and abs(apart - quarters * QUARTER) <= 2:
        raise Unusable(
            _lt("start: it is %(hours)s hours from the time in uniqueid. The source's time zone is %(zone)s; choose "
                "that of the exchange, or UTC where it has usegmtime=yes.",
                hours=f"{quarters / 4:+g}", zone=str(settings.tz))
        )  # fmt: skip


def _lines(record):
    """Return by what the wallet is found: the account code, and the trunks without their running numbers."""
    trunks = (re.sub(r"-[0-9a-fA-F]{6,}(;\d)?$", "", record.get(name) or "") for name in ("channel", "dstchannel"))
    return tuple(filter(None, (record.get("accountcode"), record.get("peeraccount"), *trunks)))


LAYOUT = Layout(names, event, prepare, delimiter=",")
KIND = Kind("asterisk", "Asterisk", read_file=read_file)
