"""Files of any other kind: a person says which column is which fact, and which words mean what."""

import re
from hashlib import blake2b

from odoo.tools.translate import LazyTranslate

from ...intake import CALL_TYPES, DIRECTIONS, SPELLINGS, STATUSES, shown
from ..event import CallEvent, Kind, Unusable, only_said
from .reading import Layout, first_names, normal, read_with
from .values import place, read_duration, read_time, shown_order, to_international

_lt = LazyTranslate(__name__)

# Facts that a column can be, with what its heading usually is.
FACTS = {
    "ref": ("callid", "callref", "id", "uniqueid", "uuid", "sid", "callsid", "recordid", "guid", "reference"),
    "number": ("number", "to", "dst", "destination", "destinationnumber", "called", "callednumber", "callee", "dialed",
               "dialled", "bnumber", "destino", "numerodestino"),
    "caller": ("from", "src", "source", "caller", "callingnumber", "callernumber", "callerid", "anumber", "origen",
               "clid", "calleridnumber"),
    "started_at": ("start", "starttime", "startedat", "startdate", "calldate", "date", "datetime", "calltime",
                   "setuptime", "startstamp", "fecha", "fechahora", "inicio"),
    "answered_at": ("answer", "answertime", "answeredat", "connecttime", "answerstamp"),
    "ended_at": ("end", "endtime", "endedat", "hanguptime", "disconnecttime", "endstamp", "fin"),
    "duration_seconds": ("billsec", "billedseconds", "billsecs", "billableseconds", "talktime", "durationseconds",
                         "durationsec", "durations", "duration", "seconds", "duracion", "segundos"),
    "status": ("status", "disposition", "result", "callstatus", "hangupcause", "estado"),
    "direction": ("direction", "calldirection", "sentido"),
    "call_type": ("calltype", "channeltype", "media"),
    "account": ("account", "accountref", "customer", "customerid", "cuenta"),
    "line": ("line", "trunk", "did", "accountcode", "extension", "gateway", "linea"),
    "campaign": ("campaign", "campana", "queue"),
    "application_ref": ("application", "applicationref", "applicationid", "app"),
    "manager": ("manager", "agent", "user", "agente", "owner"),
    "cost": ("cost", "price", "charge", "coste"),
    "cost_currency": ("currency", "moneda"),
}  # fmt: skip
TIMES = ("started_at", "answered_at", "ended_at")
CHOICES = {"status": STATUSES, "direction": DIRECTIONS, "call_type": CALL_TYPES}
NAMED = ("account", "campaign", "application_ref", "manager")
# A column may be named by its place instead: the file has no header then.
_is_place = re.compile("#[1-9][0-9]{0,2}").fullmatch


def read_file(content, settings):
    """Yield a ``FileLine`` for each line.

    :raise Unusable: nothing of the file can be read
    """
    return read_with(LAYOUT, content, settings)


def suggest(content, settings):
    """Return which column is probably which fact: {fact: column}, by the names in the first line."""
    names = first_names(Layout(lambda cells, _settings: (cells, True), None), content, settings)
    by_name = {}
    for name in names:
        by_name.setdefault(normal(name), name)
    found = {fact: next((by_name[word] for word in words if word in by_name), None) for fact, words in FACTS.items()}
    return {fact: column for fact, column in found.items() if column}


def names(cells, settings):
    """Return the names of the columns, and whether they stand in the first line."""
    if not settings.columns:
        raise Unusable(_lt("Say at the call source which column is which."))
    if all(_is_place(column) for column in settings.columns.values()):
        return [f"#{place}" for place in range(1, len(cells) + 1)], False
    known = {normal(cell) for cell in cells}
    for fact, column in settings.columns.items():
        if normal(column) not in known:
            raise Unusable(
                _lt("%(fact)s: the file has no column %(column)s; it has %(known)s.",
                    fact=fact, column=column, known=", ".join(cell[:40] for cell in cells[:30]))
            )  # fmt: skip
    return cells, True


def prepare(records, settings):
    """Find out which of day and month comes first, where the source does not say."""
    if settings.order:
        return settings
    columns = {normal(settings.columns[fact]) for fact in TIMES if fact in (settings.columns or {})}
    for _number, record in records():
        if isinstance(record, dict):
            for name, value in record.items():
                order = shown_order(value) if normal(name) in columns else None
                if order:
                    return settings._replace(order=order)
    return settings


def event(record, settings):
    """Return the event of a line, and a note or None."""
    record = {normal(name): value for name, value in _flat(record).items()}
    said = {fact: record.get(normal(column)) for fact, column in settings.columns.items()}
    said = {fact: value.strip() if isinstance(value, str) else value for fact, value in said.items()}
    choices = {fact: _choice(fact, said.get(fact), settings) for fact in CHOICES}
    direction = choices.get("direction") or "outbound"
    is_inbound = direction == "inbound"
    theirs = said["caller"] if is_inbound and said.get("caller") else said.get("number")
    ours = said.get("number") if is_inbound else said.get("caller")
    times = {fact: read_time(said.get(fact), settings.columns.get(fact), settings.order) for fact in TIMES}
    duration = read_duration(said.get("duration_seconds"), settings.columns.get("duration_seconds"), settings.unit)
    placed = place(times, settings.tz, total=duration)
    if not placed.times:
        raise Unusable(_lt("%s is missing.", "started_at"))
    facts = only_said(
        number=to_international(None if theirs is None else str(theirs), settings.dialling),
        duration_seconds=duration,
        **{fact: None if said.get(fact) is None else str(said[fact]) for fact in NAMED},
        **placed.times,
        **choices,
    )
    lines = tuple(str(line) for line in (said.get("line"), ours) if line not in (None, ""))
    cost = str(said.get("cost") or "").lstrip("-").replace(",", ".")
    has_cost = re.fullmatch(r"\d{1,9}(\.\d{1,6})?", cost) and said.get("cost_currency")
    cost, currency = (cost, str(said["cost_currency"])[:3].upper()) if has_cost else (None, None)
    return CallEvent(_ref(said), facts, True, lines=lines, cost=cost, cost_currency=currency), placed.note


def _ref(said):
    """Return the call's id; where the file has none, a digest of what it says: equal lines are one call."""
    if "ref" in said:
        if said["ref"] in (None, ""):
            raise Unusable(_lt("%s is missing: it is the call's id.", "ref"))
        return str(said["ref"])
    parts = (said.get(fact) for fact in ("started_at", "ended_at", "number", "caller", "duration_seconds", "line"))
    return f"row-{blake2b(repr(tuple(parts)).encode('utf-8', 'replace'), digest_size=16).hexdigest()}"


def _choice(fact, value, settings):
    if value in (None, ""):
        return None
    text = str(value)
    word = re.sub(r"[\s_-]+", "_", text.lower())
    found = settings.words.get(fact, {}).get(text.lower()) or SPELLINGS[fact].get(word, word)
    if found not in CHOICES[fact]:
        raise Unusable(
            _lt("%(column)s: say at the call source what %(value)s means.",
                column=settings.columns[fact], value=shown(text))
        )  # fmt: skip
    return found


def _flat(record, prefix="", depth=4):
    """Return the record of JSON with objects inside it as one: ``call.id``."""
    flat = {}
    for name, value in record.items():
        if isinstance(value, dict) and depth:
            flat |= _flat(value, f"{prefix}{name}.", depth - 1)
        elif not isinstance(value, (dict, list)):
            flat[f"{prefix}{name}"] = value
    return flat


LAYOUT = Layout(names, event, prepare)
KIND = Kind("columns", "Files (any columns)", read_file=read_file)
