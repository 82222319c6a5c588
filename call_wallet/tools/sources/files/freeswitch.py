"""FreeSWITCH: files of ``mod_json_cdr``, and of ``mod_cdr_csv`` with its templates "example" and "asterisk".

Source: FreeSWITCH documentation, and cdr_csv.conf.xml of its vanilla configuration. Times of cdr_csv have no offset:
they are of the machine's time zone. Its ``billsec`` is whole seconds, cut off. It doubles no quotes.
"""

from odoo.tools.translate import LazyTranslate

from ..event import CallEvent, Unusable, only_said
from ..freeswitch import STATUS_OF, read_record
from .reading import Layout, normal, read_with
from .values import parties, place, read_duration, read_time

_lt = LazyTranslate(__name__)

EXAMPLE = (
    "caller_id_name", "caller_id_number", "destination_number", "context", "start_stamp", "answer_stamp", "end_stamp",
    "duration", "billsec", "hangup_cause", "uuid", "bleg_uuid", "accountcode", "read_codec", "write_codec",
)  # fmt: skip
ASTERISK = (
    "accountcode", "caller_id_number", "destination_number", "context", "caller_id", "channel_name", "bridge_channel",
    "last_app", "last_arg", "start_stamp", "answer_stamp", "end_stamp", "duration", "billsec", "hangup_cause",
    "amaflags", "uuid", "userfield",
)  # fmt: skip
# Templates may add columns at the end; what stands there is not used.
MORE = tuple(f"#{number}" for number in range(16, 60))


def read_file(content, settings):
    """Yield a ``FileLine`` for each record.

    :raise Unusable: nothing of the file can be read
    """
    return read_with(LAYOUT, content, settings)


def names(cells, _settings):
    """Return the names of the columns, and whether they stand in the first line."""
    known = {normal(name): name for name in (*EXAMPLE, *ASTERISK)}
    header = [known.get(normal(cell), normal(cell)) for cell in cells]
    if "uuid" in header and "billsec" in header:
        return header, True
    for order in (EXAMPLE, ASTERISK):
        if len(cells) >= len(order) and _is_cause(cells[order.index("hangup_cause")]):
            return (*order, *MORE), False
    raise Unusable(
        _lt("This is no file of mod_cdr_csv with its template example or asterisk, and none of mod_json_cdr. For any "
            "other file choose a source of the kind Files (any columns).")
    )  # fmt: skip


def _is_cause(text):
    return len(text) > 3 and text.isascii() and text.replace("_", "").isalpha() and text.isupper()


def event(record, settings):
    """Return the event of a record, and a note or None."""
    if "variables" in record:
        return read_record(record, {}), None
    if not record.get("uuid"):
        raise Unusable(_lt("%s is missing: it is the call's id.", "uuid"))
    times = {
        fact: read_time(record.get(name), name)
        for fact, name in (("started_at", "start_stamp"), ("answered_at", "answer_stamp"), ("ended_at", "end_stamp"))
    }
    if not times["started_at"]:
        raise Unusable(_lt("%s is missing.", "start_stamp"))
    placed = place(times, settings.tz, total=read_duration(record.get("duration"), "duration"))
    is_answered = bool(times["answered_at"])
    duration = read_duration(record.get("billsec"), "billsec") if is_answered else 0
    direction, number, is_phone = parties(
        record.get("caller_id_number"), record.get("destination_number"), record.get("context"), settings
    )
    facts = only_said(
        direction=direction,
        number=number,
        duration_seconds=duration,
        status="completed" if is_answered else STATUS_OF.get(record.get("hangup_cause"), "failed"),
        **placed.times,
    )
    lines = tuple(filter(None, (record.get("accountcode"), record.get("context"))))
    return CallEvent(record["uuid"], facts, True, is_phone=is_phone, lines=lines), placed.note


LAYOUT = Layout(names, event, delimiter=",", is_multiline=False)
