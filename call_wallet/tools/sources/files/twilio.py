"""Twilio: the call log as the Console exports it (CSV), and BulkExport's JSON lines, unpacked.

Columns are found by their names, with or without blanks and capitals: the Console's have changed over time. Here
``Duration`` is **seconds**; only in webhooks a field of this name has billed minutes.
Source: Twilio documentation, Call resource, BulkExport.
"""

from odoo.tools.translate import LazyTranslate

from ...intake import shown
from ..event import CallEvent, Unusable, only_said
from ..twilio import TELEPHONES
from .reading import Layout, normal, read_with
from .values import place, read_duration, read_time, to_international

_lt = LazyTranslate(__name__)

SYNONYMS = {
    "callsid": "sid", "parentcallsid": "parent", "starttime": "start", "startdate": "start", "date": "start",
    "starttimeutc": "start", "datecreated": "created", "endtime": "end", "enddate": "end", "endtimeutc": "end",
    "fromnumber": "from", "tonumber": "to", "callstatus": "status", "durationseconds": "duration",
    "durationsec": "duration", "durations": "duration", "durationinseconds": "duration", "priceunit": "currency",
}  # fmt: skip
STATUS_OF = {
    "completed": "completed", "busy": "busy", "noanswer": "no_answer", "canceled": "canceled", "cancelled": "canceled",
    "failed": "failed",
}  # fmt: skip


def read_file(content, settings):
    """Yield a ``FileLine`` for each call.

    :raise Unusable: nothing of the file can be read
    """
    return read_with(LAYOUT, content, settings)


def names(cells, _settings):
    """Return the names of the columns, and whether they stand in the first line."""
    header = [_name(cell) for cell in cells]
    for name, title in (("sid", "Call SID"), ("from", "From"), ("to", "To"), ("status", "Status"),
                        ("duration", "Duration"), ("direction", "Direction")):  # fmt: skip
        if name not in header:
            raise Unusable(_lt("The column %s is missing.", title))
    return header, True


def _name(title):
    return SYNONYMS.get(normal(title), normal(title))


def event(record, settings):
    """Return the event of a call, and a note or None."""
    record = {_name(title): value for title, value in record.items()}
    ref = str(record.get("sid") or "")
    if not ref.startswith("CA"):
        raise Unusable(_lt("Call SID: %s is none; it begins with CA.", shown(ref)))
    word = normal(record.get("status") or "")
    if word not in STATUS_OF:
        raise Unusable(
            _lt("Status: %s is unknown, or of a call that went on when the file was made; export it again later.",
                shown(record.get("status")))
        )  # fmt: skip
    status = STATUS_OF[word]
    is_inbound = normal(record.get("direction") or "") in ("inbound", "incoming")
    ours, theirs = ("to", "from") if is_inbound else ("from", "to")
    (media, theirs), (_media, ours) = _split(record.get(theirs)), _split(record.get(ours))
    placed = place(
        {
            "started_at": read_time(record.get("start") or record.get("created"), "Start Time", settings.order),
            "ended_at": read_time(record.get("end"), "End Time", settings.order),
        },
        settings.tz,
    )
    facts = only_said(
        direction="inbound" if is_inbound else "outbound",
        call_type=TELEPHONES.get(media),
        number=to_international(theirs, settings.dialling),
        status=status,
        duration_seconds=(read_duration(record.get("duration"), "Duration") or 0) if status == "completed" else 0,
        **placed.times,
    )
    parent = record.get("parent") or None
    cost, currency = _cost(record)
    lines = tuple(filter(None, (ours, str(record.get("accountsid") or ""))))
    return CallEvent(ref, facts, True, parent, media in TELEPHONES, lines, cost, currency), placed.note


def _split(address):
    """Return what an address leads to, such as ``whatsapp`` or ``client``, and the number or name."""
    media, _colon, name = str(address or "").strip().rpartition(":")
    return media.lower(), name


def _cost(record):
    price = str(record.get("price") or "").strip().lstrip("-$ ")
    currency = str(record.get("currency") or "").strip().upper()
    is_known = price.replace(".", "", 1).isdecimal() and price.isascii() and len(currency) == 3 and len(price) < 15
    return (price, currency) if is_known else (None, None)


LAYOUT = Layout(names, event)
