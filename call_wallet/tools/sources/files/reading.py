"""How a file of call records is read: line by line into events, and reasons for the lines that cannot be used."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from odoo.tools.translate import LazyTranslate

from ...intake import MAX_TEXT
from ..event import FileLine, Unusable
from .lines import find_delimiter, is_json, physical_lines, read_objects, read_rows, split, to_text

_lt = LazyTranslate(__name__)

KEPT = (str, int, datetime, type(None))
_unreadable = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]").search


class Layout(NamedTuple):
    """How one kind of file is laid out.

    :param names: function of the first line's cells and the settings that returns the columns' names, and whether the
        line is a header; raises ``Unusable``
    :param event: function of a record (dict) and the settings that returns its ``CallEvent`` and a note or None;
        raises ``Unusable``; ``(None, None)`` for one that is to be left out
    :param prepare: function of a function that yields (line, record) anew, and of the settings, that returns settings
        with what only the whole file shows
    :param delimiter: None: found
    :param is_multiline: whether a quoted cell may have line ends
    """

    names: Callable
    event: Callable
    prepare: Callable | None = None
    delimiter: str | None = None
    is_multiline: bool = True


def read_with(layout, content, settings):
    """Yield a ``FileLine`` for each record of a file.

    :param bytes content: whole lines of it
    :param FileSettings settings: ``head`` is its first line where the content begins further on
    :raise Unusable: nothing of the file can be read
    """
    text = to_text(content)
    if not text.strip():
        return

    def records():
        yield from read_objects(text) if is_json(text) else _read_table(layout, text, settings)

    if layout.prepare:
        settings = layout.prepare(records, settings)
    for number, record in records():
        yield _read_line(layout, number, record, settings)


def first_names(layout, content, settings):
    """Return the names of a file's columns, in order; of JSON those of its first record."""
    text = to_text(content)
    if is_json(text):
        return next((list(record) for _line, record in read_objects(text) if isinstance(record, dict)), [])
    head = next((line for _number, line in physical_lines(text) if line.strip()), "")
    names, _is_header = layout.names(split(head, layout.delimiter or find_delimiter(head)), settings)
    return names


def _read_table(layout, text, settings):
    first = next(line for _number, line in physical_lines(text) if line.strip())
    head = settings.head or first
    delimiter = layout.delimiter or find_delimiter(head)
    names, is_header = layout.names(split(head, delimiter), settings)
    rows = read_rows(text, delimiter, layout.is_multiline)
    if is_header and settings.head is None:
        next(rows)
    for number, cells in rows:
        number += settings.first_line - 1
        if isinstance(cells, Unusable):
            yield number, cells
        elif len(cells) > len(names) and any(cells[len(names) :]):
            yield (
                number,
                Unusable(_lt("The line has more cells than the file has columns; check quotes and separators.")),
            )
        else:
            yield number, dict(zip(names, cells, strict=False))


def _read_line(layout, number, record, settings):
    if isinstance(record, Unusable):
        return FileLine(number, problem=record.sentence)
    try:
        event, note = layout.event(record, settings)
        if event:
            _check(event)
        return FileLine(number, event, note=note)
    except Unusable as error:
        return FileLine(number, problem=error.sentence)


def _check(event):
    """Refuse texts that no database keeps, and that no reference is."""
    texts = {**event.facts, "ref": event.ref, "parent_ref": event.parent_ref, "cost_currency": event.cost_currency}
    texts |= {f"line {index}": line for index, line in enumerate(event.lines, 1)}
    for name, value in texts.items():
        is_text = isinstance(value, str)
        if is_text and (len(value) > MAX_TEXT or _unreadable(value)) or not isinstance(value, KEPT):
            raise Unusable(
                _lt(
                    "%(name)s: it is no text, has control characters, or more than %(limit)s characters.",
                    name=name,
                    limit=MAX_TEXT,
                )
            )


def normal(name):
    """Return a column's name for comparing: "Start Time (UTC)" is ``starttimeutc``."""
    return re.sub("[^a-z0-9#]", "", str(name).lower())
