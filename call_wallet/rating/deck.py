"""An index of rates that finds the longest matching prefix in force.

The rates lie in the dictionary order of their prefixes, in columns of plain integers, with the
terms, validities and destinations they share kept once: about 25 bytes a rate, so that the decks
of many contracts fit in a worker's memory. Of all prefixes that sort no later than a number, any
that begins the number also begins the last of them; so one binary search, then a walk along the
``next`` links (to the prefix that begins this one), finds the longest match.
"""

from array import array
from bisect import bisect_left, bisect_right
from datetime import datetime

from .money import MICRO, not_negative, split
from .number import MAX_DIGITS
from .rate import Rate, Terms, check_prefix, check_rate_id, check_validity

# How many 15-digit numbers begin with a prefix of so many digits.
_SPAN = tuple(10 ** (MAX_DIGITS - digits) for digits in range(MAX_DIGITS + 1))
# The first digits of a number point straight at its part of a large deck; the search there takes
# a few steps instead of eighteen, so a large deck answers nearly as quickly as a small one.
_LEAD_DIGITS = 4
_LEAD = _SPAN[_LEAD_DIGITS]
_LEADS_FROM = 512
# What a plain tuple may leave out, from the increment on.
_OPTIONS = (60, 0, 0, 0, None, None, "", None)


class Deck:
    """An immutable index of rates.

    :param rates: ``Rate`` values, or plain tuples in the order of ``Rate``'s parameters (the later
        ones may be left out), which is quicker for rows that come from a database
    :raise TypeError, ValueError: as ``Rate`` does, for the first rate that is wrong
    """

    __slots__ = (
        "_destinations", "_ids", "_keys", "_leads", "_next", "_terms", "_units", "_validities",
        "_which_destination", "_which_terms", "_which_validity",
    )  # fmt: skip

    def __init__(self, rates=()):
        columns = _Columns()
        for rate in rates:
            columns.add(rate)
        order = columns.order()

        def sort(column):
            return array(column.typecode, map(column.__getitem__, order))

        self._keys = sort(columns.keys)
        self._units = sort(columns.units)
        self._ids = sort(_narrow(columns.ids))
        self._which_terms = sort(_narrow(columns.which_terms))
        self._which_validity = sort(_narrow(columns.which_validity))
        self._which_destination = sort(_narrow(columns.which_destination))
        self._terms = columns.terms
        self._validities = [
            (start or datetime.min, end or datetime.max, start, end) for start, end in columns.validities
        ]
        self._destinations = list(columns.destinations)
        self._next = _link(self._keys)
        self._leads = _index_leads(self._keys)

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
            lead = full // _LEAD
            row = bisect_right(keys, full << 4 | digits, leads[lead], leads[lead + 1]) - 1
        while row >= 0:
            key = keys[row]
            if full - (key >> 4) < _SPAN[key & 15]:
                start, end, valid_from, valid_to = self._validities[self._which_validity[row]]
                if start <= at < end:
                    # The values were checked when the deck was made; this skips doing it again.
                    return tuple.__new__(
                        Rate,
                        (
                            number[1 : (key & 15) + 1],
                            self._units[row],
                            self._terms[self._which_terms[row]],
                            valid_from,
                            valid_to,
                            self._destinations[self._which_destination[row]],
                            self._ids[row] - 1 if self._ids[row] else None,
                        ),
                    )
            row = self._next[row]
        return None


class _Columns:
    """The rates of a deck being made, in the order they come."""

    def __init__(self):
        self.keys, self.units, self.ids = array("Q"), array("q"), array("Q")
        self.which_terms, self.which_validity, self.which_destination = array("L"), array("L"), array("L")
        self.terms, self.validities, self.destinations = [], {}, {}
        self._known_terms = {}

    def add(self, rate):
        row = rate.as_row() if isinstance(rate, Rate) else tuple(rate)
        if len(row) < 10:
            row += _OPTIONS[len(row) - 2 :]
        prefix, price, *_, valid_from, valid_to, destination, rate_id = row
        check_prefix(prefix)
        check_rate_id(rate_id)
        units, unit = split(not_negative(price, "price_per_minute"))
        validity = valid_from, valid_to
        if validity not in self.validities:
            check_validity(valid_from, valid_to)
        digits = len(prefix)
        self.keys.append(int(prefix or 0) * _SPAN[digits] << 4 | digits)
        self.units.append(units)
        self.ids.append(0 if rate_id is None else rate_id + 1)
        self.which_terms.append(self._number_terms(unit, row[2:6]))
        self.which_validity.append(self.validities.setdefault(validity, len(self.validities)))
        self.which_destination.append(self.destinations.setdefault(destination, len(self.destinations)))

    def _number_terms(self, unit, rest):
        # By their text, so that the float 0.5 does not pass for a Decimal seen before it.
        text = repr(rest) if unit is MICRO else repr((unit, rest))
        number = self._known_terms.get(text)
        if number is None:
            self.terms.append(Terms(unit, *rest))
            number = self._known_terms[text] = len(self.terms) - 1
        return number

    def order(self):
        """Return the row numbers by prefix; within one, the rate that wins comes last."""
        # Stable sorts of small integers take a fraction of the memory of one sort of tuples.
        order = sorted(range(len(self.keys)), key=self.ids.__getitem__)
        if len(self.validities) > 1:
            starts = [start or datetime.min for start, _ in self.validities]
            which = self.which_validity
            order.sort(key=lambda row: starts[which[row]])
        order.sort(key=self.keys.__getitem__)
        return order


def _narrow(column):
    """Return the column in the smallest integers that hold its values."""
    highest = max(column, default=0)
    for typecode in "BHI":
        if highest < 1 << 8 * array(typecode).itemsize:
            return array(typecode, column)
    return column


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
    """Return the first row of each four leading digits, or None for a deck too small to gain."""
    if len(keys) < _LEADS_FROM:
        return None
    return array("I", (bisect_left(keys, lead * _LEAD << 4) for lead in range(10**_LEAD_DIGITS + 1)))
