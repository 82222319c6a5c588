"""Numbers as people write them: 1.000,50 and 1,000.50 and 1 000,50 and 1'000.50 are one amount.

Most can be read in one way only, whatever the reader's language: of two kinds of separators the last one begins the
decimals, and one that is not followed by exactly three digits cannot group thousands. What is left, such as 1.000, is
read in the reader's language where that has one reading for it, and refused with both where it has not: nobody's amount
is a thousand times off without a word. No database here.
"""

import re
from decimal import Decimal
from typing import NamedTuple

LONGEST = 60
# Blanks, among them those that keep a number on one line, and apostrophes: both only group.
BLANKS = " \t\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}\N{FIGURE SPACE}"
APOSTROPHES = "'’‘ʼ´`"
# Directional marks come with what is copied from a page in Arabic or Hebrew, and say nothing.
MARKS = "\u200e\u200f\u061c\u202a\u202b\u202c\u2066\u2067\u2068\u2069"
_plain = str.maketrans(
    {
        **dict.fromkeys(BLANKS, " "),
        **dict.fromkeys(APOSTROPHES, "'"),
        **dict.fromkeys(MARKS, ""),
        "\N{ARABIC THOUSANDS SEPARATOR}": "'",
        "\N{ARABIC COMMA}": ",",
        "\N{MINUS SIGN}": "-",
        "\N{FULLWIDTH COMMA}": ",",
        "\N{FULLWIDTH FULL STOP}": ".",
    }
)
# Begins the decimals in Arabic, and nothing else.
POINT = "\N{ARABIC DECIMAL SEPARATOR}"
_is_number = re.compile(rf"[+-]?[0-9.,' {POINT}]*[0-9][.,{POINT}]?").fullmatch
# Thousands, or lakhs and crores as in India.
_is_grouped = re.compile(r"[1-9][0-9]{0,2}(?:(?:S[0-9]{3})+|(?:S[0-9]{2})+S[0-9]{3})").fullmatch


class Unreadable(ValueError):
    """Not a number, however one reads it."""


class Unclear(Unreadable):
    """A number in two ways: ``grouped``, with its separator between thousands, and ``decimal``."""

    def __init__(self, reading):
        super().__init__()
        self.grouped, self.decimal = reading.grouped, reading.decimal


class Notation(NamedTuple):
    """How a language writes numbers: what begins the decimals, and what stands between thousands."""

    point: str
    separator: str

    def write(self, amount):
        """Return a ``Decimal`` as one types it in this language: no separators, no needless zeros."""
        text = f"{amount:f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return text.replace(".", self.point)


ENGLISH = Notation(".", ",")


class Reading(NamedTuple):
    """What a text can mean, as ``Decimal``; ``mark`` is the separator that decides, if there is one."""

    grouped: Decimal | None
    decimal: Decimal | None
    mark: str = ""

    @property
    def is_unclear(self):
        return self.grouped is not None and self.decimal is not None


def read_number(text, notation, places):
    """Return the number that somebody typed, as a ``Decimal``.

    :param Notation notation: the reader's
    :param int places: how many decimals are usual; with fewer than 3, three digits after a decimal mark are not
    :raise Unclear: it can be read in two ways
    :raise Unreadable: it is no number
    """
    reading = readings(text)
    if not reading.is_unclear:
        return reading.decimal if reading.grouped is None else reading.grouped
    if reading.mark == normal(notation.separator):
        return reading.grouped
    if reading.mark == normal(notation.point) and places >= 3:
        return reading.decimal
    raise Unclear(reading)


def readings(text):
    """Return the ``Reading`` of a text in any language.

    :raise Unreadable: it is no number
    """
    if len(text) > LONGEST:
        raise Unreadable
    spelled = "".join(map(ascii_digit, text.translate(_plain))).strip()
    if not _is_number(spelled):
        raise Unreadable
    sign = -1 if spelled[0] == "-" else 1
    digits = spelled.lstrip("+-").strip()
    kinds = re.sub("[0-9]", "", digits)
    if not kinds:
        return Reading(sign * Decimal(digits), None)
    mark = kinds[-1]
    whole, _mark, decimals = digits.rpartition(mark)
    decimal = grouped = None
    if mark in f".,{POINT}" and kinds.count(mark) == 1 and (len(kinds) == 1 or is_grouped(whole)):
        decimal = sign * Decimal(f"{re.sub('[^0-9]', '', whole) or 0}.{decimals or 0}")
    if mark != POINT and is_grouped(digits):
        grouped = sign * Decimal(re.sub("[^0-9]", "", digits))
    if decimal is None and grouped is None:
        raise Unreadable
    return Reading(grouped, decimal, mark)


def is_grouped(digits):
    """Tell whether digits stand in groups, with one kind of separator between them."""
    kinds = set(re.sub("[0-9]", "", digits))
    return len(kinds) == 1 and bool(_is_grouped(digits.replace(kinds.pop(), "S")))


def ascii_digit(sign):
    """Return a decimal digit of any script as an ASCII one; not what merely looks like one, such as a raised two."""
    return sign if sign.isascii() or not sign.isdecimal() else str(int(sign))


def normal(separator):
    """Return a language's separator as ``readings`` has it."""
    return separator.translate(_plain)
