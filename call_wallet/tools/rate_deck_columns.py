"""Which column of a price list is what: by its heading, in the words of carriers, switches and people.

Some headings say it for sure. Others may mean something else, such as "rate": a minute's or a second's? They are
guessed, and the guess is shown before anything is read by it. No database here.
"""

import re
import unicodedata
from collections import Counter
from typing import NamedTuple

from odoo.tools.translate import LazyTranslate

from .rate_deck_currency import is_currency
from .rate_deck_files import MOST_ABOVE, UnreadableDeck
from .rate_deck_words import AREAS, GUESSED, PER_MINUTE, SURE

_lt = LazyTranslate(__name__)

REQUIRED = ("prefix", "price_per_minute")
COLUMNS = (
    "prefix", "destination", "price_per_minute", "increment_seconds", "minimum_seconds", "connection_fee",
    "free_seconds", "first_block_seconds", "grace_seconds", "valid_from", "valid_to",
)  # fmt: skip
# Stands before the prefix, which then is an area code.
COUNTRY = "country_code"
# Says of each line which currency its prices are in.
CURRENCY = "currency"
AMOUNTS = ("price_per_minute", "connection_fee")
LONGEST_HEADING = 200
# {what is written: (column, whether that is sure)}
WORDS = {word: (column, False) for column, words in GUESSED.items() for word in words}
WORDS |= {word: (column, True) for column, words in SURE.items() for word in words}


class Guess(NamedTuple):
    """What a column seems to be: one of ``COLUMNS``, ``COUNTRY`` or ``CURRENCY``, or empty; whether that is sure; and
    the currency that its heading names, as it is written there, or empty.
    """

    column: str
    is_sure: bool
    currency: str = ""


def normal_heading(cell):
    """Return a heading as it is remembered: "Initial increment (sec)" is ``initial_increment_sec``."""
    # One sign may be decomposed into eighteen.
    text = unicodedata.normalize("NFKD", str(cell if cell is not None else "")[:LONGEST_HEADING].lower())
    text = "".join(one for one in text if not unicodedata.combining(one))
    return re.sub(r"[\s_\-/.(),:;\[\]'’*]+", "_", text).strip("_")


def squashed(name):
    """Return a normal heading as the words of ``rate_deck_words`` are written: without a unit of time, and without
    what parts its words.
    """
    return re.sub("_(s|secs?|seconds?|segundos|secondes?|sekunden)$", "", name).replace("_", "")


def read_heading(name):
    """Return a ``Guess`` for a normal heading by itself."""
    if not name or name.startswith("#"):
        return Guess("", True)
    if found := WORDS.get(squashed(name)):
        return Guess(*found)
    parts = name.split("_")
    for place, part in enumerate(parts):
        if is_currency(part):
            rest = squashed("_".join(parts[:place] + parts[place + 1 :]))
            if rest in PER_MINUTE:
                return Guess("price_per_minute", True, part.upper())
            column, is_sure = WORDS.get(rest, ("" if rest else "price_per_minute", False))
            if column in AMOUNTS:
                return Guess(column, is_sure, part.upper())
    return Guess("", False)


def check_currency(header, cells, currency):
    """Refuse prices that are in another currency by their heading.

    :param dict header: {column: position}
    :param cells: the headings
    :param PlanCurrency currency: the plan's, or None where that does not matter
    :raise UnreadableDeck: another one
    """
    for column in AMOUNTS:
        heading = cells[header[column]] if header.get(column, len(cells)) < len(cells) else ""
        named = read_heading(normal_heading(heading)).currency
        if currency and named and not currency.is_meant(named):
            raise UnreadableDeck(
                _lt(
                    "column %(name)s is in %(code)s, and the rate plan in %(currency)s; choose a plan in that "
                    "currency.",
                    name=repr(str(heading)[:60]),
                    code=named,
                    currency=currency.code,
                )
            )


def read_header(cells):
    """Return {column: position} of headings that all say for sure what they are.

    :raise UnreadableDeck: a column that is unknown, there twice, or missing
    """
    header = {}
    for position, (cell, guess) in enumerate(zip(cells, guess_columns(cells, {}), strict=True)):
        if not guess.is_sure:
            alone = read_heading(normal_heading(cell))
            if alone.is_sure:
                raise UnreadableDeck(_lt("column %s is there twice; remove one.", alone.column))
            raise UnreadableDeck(
                _lt(
                    "column %(name)s is unknown; rename or remove it. Known: %(known)s.",
                    name=repr(str(cell)[:60]),
                    known=", ".join(COLUMNS),
                )
            )
        if guess.column:
            header[guess.column] = position
    for name in REQUIRED:
        if name not in header:
            raise UnreadableDeck(
                _lt("column %(name)s is missing; the first line names the columns: %(known)s.",
                    name=name, known=", ".join(COLUMNS))
            )  # fmt: skip
    return header


def guess_columns(cells, remembered):
    """Return a ``Guess`` for each heading.

    :param dict remembered: {normal heading: column, or empty where it was left out} of the last file for this plan
    """
    names = [normal_heading(cell) for cell in cells]
    guesses = [Guess(remembered[name], True) if name in remembered else read_heading(name) for name in names]
    _choose_destination(names, guesses, remembered)
    _place_country(names, guesses)
    # What two columns are for sure is asked about, as is what is a guess.
    sure = Counter(guess.column for guess in guesses if guess.is_sure)
    settled = {column for column, count in sure.items() if count == 1}
    taken = set(settled)
    for place, guess in enumerate(guesses):
        if guess.column and not (guess.is_sure and guess.column in settled):
            guesses[place] = Guess("" if guess.column in taken else guess.column, False, guess.currency)
            taken.add(guess.column)
    return guesses


def _choose_destination(names, guesses, remembered):
    """Take one of several columns that name where a prefix leads; the others are left out, which loses no price."""
    labels = [place for place, guess in enumerate(guesses) if guess.is_sure and guess.column == "destination"]
    said = [place for place in labels if names[place] in remembered]
    labels = [place for place in labels if place not in said]
    if labels and not said:
        labels.remove(min(labels, key=lambda place: SURE["destination"].index(squashed(names[place]))))
    for place in labels:
        guesses[place] = Guess("", True)


def _place_country(names, guesses):
    """Take a country code for the prefix where no area code follows it."""
    if any(squashed(name) in AREAS for name in names):
        return
    has_prefix = any(guess.column == "prefix" for guess in guesses)
    for place, guess in enumerate(guesses):
        if guess.column == COUNTRY and not guess.is_sure:
            guesses[place] = Guess("" if has_prefix else "prefix", False)


def find_header(lines, remembered=None):
    """Return (line number, cells, the next lines' cells) of the headings: the first line that names prefix and price.

    :param lines: an iterator of (line number, cells) without blank lines
    :return: the first line where none names both; None where there is no line
    """
    top = [line for line, _nothing in zip(lines, range(MOST_ABOVE), strict=False)]
    for place, (number, cells) in enumerate(top):
        found = {guess.column for guess in guess_columns(cells, remembered or {})}
        if found.issuperset(REQUIRED):
            return number, cells, [row for _number, row in top[place + 1 :]]
    return (*top[0], [row for _number, row in top[1:]]) if top else None
