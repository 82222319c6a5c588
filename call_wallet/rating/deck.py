"""An index of rates that finds the longest matching prefix in force.

The rates lie in the dictionary order of their prefixes, as plain integers, with the rules,
validities and destinations they share kept once: 36 bytes a rate, so that the decks of many
contracts fit in a worker's memory. Of all prefixes that sort no later than a number, any
that begins the number also begins the last of them; so one binary search, then a walk along the
``next`` links (to the prefix that begins this one), finds the longest match.
"""

from array import array
from bisect import bisect_left, bisect_right
from datetime import datetime

from .number import MAX_DIGITS
from .rate import Rate

_new = tuple.__new__
# How many 15-digit numbers begin with a prefix of so many digits.
_SPAN = tuple(10 ** (MAX_DIGITS - digits) for digits in range(MAX_DIGITS + 1))
# The first bits of a number point straight at its part of a large deck: a few rows, which lie side by side. The
# search there takes two steps instead of eighteen, so a large deck answers nearly as quickly as a small one.
_BITS = (10**MAX_DIGITS).bit_length()
_ROWS_A_LEAD_BITS = 2
_LEADS_FROM = 512
# A rate's destination and its kind (rules and validity) share one integer.
_KIND_BITS = 32
_KIND = (1 << _KIND_BITS) - 1


class Deck:
    """An immutable index of rates.

    :param rates: ``Rate`` values, in any order
    """

    __slots__ = ("_destinations", "_facts", "_keys", "_kinds", "_leads", "_next", "_shift")

    def __init__(self, rates=()):
        columns = _Columns()
        for rate in rates:
            columns.add(rate)
        order = columns.order()

        self._keys = array("Q", map(columns.keys.__getitem__, order))
        # One rate's facts lie side by side: a number out of the blue then costs one trip to
        # memory and not four.
        self._facts = array("q")
        for row in order:
            self._facts.extend((columns.units[row], columns.ids[row], columns.which[row]))
        self._kinds = [
            (start or datetime.min, end or datetime.max, rules, start, end) for rules, start, end in columns.kinds
        ]
        self._destinations = list(columns.destinations)
        self._next = _link(self._keys)
        self._shift, self._leads = _index_leads(self._keys)

    def __len__(self):
        return len(self._keys)

    def match(self, number, at):
        """Return the rate of the longest prefix of ``number`` that has one in force, or None.

        Of several rates of one prefix in force the one that began last wins, then the higher id.

        :param str number: E.164, as ``normalise`` returns it
        :param datetime at: naive UTC; the call's start
        :raise TypeError: ``at`` has a time zone
        """
        digits = len(number) - 1
        full = int(number) * _SPAN[digits]
        keys, leads = self._keys, self._leads
        if leads is None:
            row = bisect_right(keys, full << 4 | digits) - 1
        else:
            lead = full >> self._shift
            row = bisect_right(keys, full << 4 | digits, leads[lead], leads[lead + 1]) - 1
        while row >= 0:
            key = keys[row]
            if full - (key >> 4) < _SPAN[key & 15]:
                facts = self._facts
                which = facts[3 * row + 2]
                start, end, rules, valid_from, valid_to = self._kinds[which & _KIND]
                if start <= at < end:
                    rate_id = facts[3 * row + 1]
                    # The values were checked when the deck was made; this skips doing it again.
                    return _new(
                        Rate,
                        (
                            number[1 : (key & 15) + 1],
                            facts[3 * row],
                            rules,
                            valid_from,
                            valid_to,
                            self._destinations[which >> _KIND_BITS],
                            rate_id if rate_id >= 0 else None,
                        ),
                    )
            row = self._next[row]
        return None


class _Columns:
    """The rates of a deck being made, in the order they come."""

    def __init__(self):
        self.keys, self.units, self.ids, self.which = array("Q"), array("q"), array("q"), array("q")
        self.kinds, self.destinations = {}, {}

    def add(self, rate):
        prefix, units, rules, valid_from, valid_to, destination, rate_id = rate
        digits = len(prefix)
        self.keys.append(int(prefix or 0) * _SPAN[digits] << 4 | digits)
        self.units.append(units)
        self.ids.append(-1 if rate_id is None else rate_id)
        place = self.destinations.setdefault(destination, len(self.destinations))
        kind = self.kinds.setdefault((rules, valid_from, valid_to), len(self.kinds))
        self.which.append(place << _KIND_BITS | kind)

    def order(self):
        """Return the row numbers by prefix; within one, the rate that wins comes last."""
        # Stable sorts of small integers take a fraction of the memory of one sort of tuples.
        order = sorted(range(len(self.keys)), key=self.ids.__getitem__)
        starts = [start or datetime.min for _, start, _ in self.kinds]
        if len(starts) > 1:
            order.sort(key=lambda row: starts[self.which[row] & _KIND])
        order.sort(key=self.keys.__getitem__)
        return order


def _link(keys):
    """Return for each row where to look when it does not match: the next rate of the same prefix,
    or the first one of the longest shorter prefix that begins it, or -1."""
    links = array("i")
    path = []
    previous = None
    for row, key in enumerate(keys):
        if key == previous:
            links.append(row - 1)
            path[-1] = row
            continue
        full = key >> 4
        while path and full - (keys[path[-1]] >> 4) >= _SPAN[keys[path[-1]] & 15]:
            path.pop()
        links.append(path[-1] if path else -1)
        path.append(row)
        previous = key
    return links


def _index_leads(keys):
    """Return how many bits follow the leading ones, and the first row of each value of those.

    There are about four rows to a value. Of a deck too small to gain by it, there are none: 0 and None.
    """
    if len(keys) < _LEADS_FROM:
        return 0, None
    shift = _BITS - len(keys).bit_length() + _ROWS_A_LEAD_BITS
    leads = range((10**MAX_DIGITS >> shift) + 2)
    return shift, array("I", (bisect_left(keys, lead << shift + 4) for lead in leads))
