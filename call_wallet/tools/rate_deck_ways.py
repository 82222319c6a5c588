"""How a price list writes numbers and days, as far as its lines show it. No database here."""

import re

from .rate_deck_currency import split_amount
from .typed import ENGLISH, Unreadable, normal, readings

# As spreadsheets write very small numbers; it has no thousands.
is_scientific = re.compile(r"([0-9])(?:[.,]([0-9]{1,20}))?([eE][-+]?[0-9]{1,2})").fullmatch
is_day = re.compile(
    r"([0-9]{1,4})([-/.])([0-9]{1,2})\2([0-9]{1,4})(?:[ T]+([0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?))?"
).fullmatch


class Ways:
    """How a file writes numbers and days, as far as it shows, and else the language of who reads it.

    :param lines: a function without parameters that yields the file's lines anew
    ``header`` is {column: position}, ``begins`` when lines that say nothing else begin; ``width``: how many columns
    have headings; ``currency``: the plan's.

    :param str day_first: which of day and month comes first in the reader's language: ``"d"`` or ``"m"``
    """

    def __init__(self, lines, tz, notation=ENGLISH, day_first="m"):
        self.tz, self._notation, self._day_first, self._lines = tz, notation, day_first, lines
        self._marks = self._orders = self.header = self.begins = self.currency = None
        self.width = 0

    def mark(self):
        """Return what begins the decimals in this file; None where that cannot be told."""
        self._look()
        if self._marks:
            return min(self._marks) if len(self._marks) == 1 else None
        return normal(self._notation.point)

    def is_own(self):
        """Tell whether the file itself shows what begins its decimals."""
        self._look()
        return len(self._marks) == 1

    def order(self):
        """Return which of day and month comes first in this file; None where its lines contradict each other."""
        self._look()
        if self._orders:
            return min(self._orders) if len(self._orders) == 1 else None
        return self._day_first

    def _look(self):
        """Read the file once more, when the first cell with two readings is met: most files have none."""
        if self._marks is not None:
            return
        self._marks, self._orders = set(), set()
        amounts = [self.header[name] for name in ("price_per_minute", "connection_fee") if name in self.header]
        days = [self.header[name] for name in ("valid_from", "valid_to") if name in self.header]
        for _number, cells in self._lines():
            for position in amounts:
                self._marks |= shown_mark(cells[position] if position < len(cells) else None)
            for position in days:
                self._orders |= shown_order(cells[position] if position < len(cells) else None)


def shown_mark(cell):
    """Return the set of what certainly begins the decimals in a cell: one sign, or none."""
    if not isinstance(cell, str):
        return set()
    scientific = is_scientific(cell)
    if scientific:
        return set(re.findall("[.,]", cell))
    try:
        reading = readings(split_amount(cell)[0])
    except Unreadable:
        return set()
    return {reading.mark} if reading.mark and reading.grouped is None else set()


def shown_order(cell):
    """Return the set of what certainly comes first in a day: ``"d"``, ``"m"``, or none."""
    parts = is_day(cell) if isinstance(cell, str) else None
    if not parts or len(parts[1]) > 2 or int(parts[1]) == int(parts[3]):
        return set()
    return {"d"} if int(parts[1]) > 12 else {"m"} if int(parts[3]) > 12 else set()
