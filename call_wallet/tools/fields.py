"""The field type of every price, cost and balance, and the reading of amounts."""

import re
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from odoo import fields
from odoo.exceptions import UserError
from odoo.tools.misc import get_lang

from .clock import FIRST_YEAR, LAST_YEAR
from .typed import Notation, Unclear, Unreadable, read_number

ZERO = Decimal("0.000000")
MICRO = Decimal("0.000001")
# Doubles tell millionths apart up to here, and so do the wallets.
LIMIT = Decimal(9_000_000_000)
COLUMN_LIMIT = Decimal(10) ** 14 - MICRO
# What PostgreSQL does not store and an answer cannot carry: NUL and lone surrogates.
_unstorable_all = re.compile("[\x00\ud800-\udfff]+").sub
# The ids of records are PostgreSQL's integers.
LARGEST_ID = 2**31 - 1
# As the API takes it. Python would also take 1_000, 1e2 and the digits of other scripts.
_is_decimal = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)", re.ASCII).fullmatch
ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def parse_amount(value, label=None, env=None):
    """Return ``value`` as a ``Decimal`` with exactly 6 places.

    A float is read by its shortest repr, which is what the database sent or a person typed;
    the binary fraction behind it never enters the arithmetic.

    :param label: the field's name, for people; given, the value is checked as their input
    :raise UserError: checked, and not a number, with more than 6 places, or out of range
    """
    if value is None or value is False:
        return ZERO
    was_float = isinstance(value, float)
    if was_float:
        value = repr(value)
    try:
        if label is not None and isinstance(value, str) and not (_is_decimal(value.strip()) or was_float):
            raise ValueError
        # Python counts with True; whoever sends it does not mean one.
        amount = Decimal(value if value is not True else "True")
        rounded = amount.quantize(MICRO, rounding=ROUND_HALF_UP)
    except (InvalidOperation, ValueError, TypeError) as error:
        if label is None:
            raise
        raise UserError(env._("%(field)s: %(value)s is not an amount.", field=label, value=repr(value)[:60])) from error
    if label is not None and not (rounded == amount and abs(amount) <= LIMIT):
        raise UserError(env._("%(field)s: use at most 6 decimal places and 9 billion.", field=label))
    return rounded


def notation(env):
    """Return how the language of ``env`` writes numbers."""
    language = get_lang(env)
    return Notation(language.decimal_point, language.thousands_sep or "")


def parse_typed(value, label, env, places=2):
    """Return the amount that somebody typed, as a ``Decimal``, read in the language of ``env``.

    :param value: text as it was typed; what is no text, or empty, is returned as it is
    :param label: the field's name, for people
    :param int places: the decimals that the currency has
    :raise UserError: no amount, or one that can be read in two ways
    """
    if not isinstance(value, str) or not value.strip():
        return value
    ways = notation(env)
    try:
        return read_number(value, ways, places)
    except Unclear as unclear:
        raise UserError(
            env._(
                "%(field)s: %(value)s can mean %(grouped)s or %(decimal)s; write it in one of these ways.",
                field=label,
                value=value.strip(),
                grouped=ways.write(unclear.grouped),
                decimal=ways.write(unclear.decimal),
            )
        ) from None
    except Unreadable:
        raise UserError(
            env._("%(field)s: %(value)s is not an amount.", field=label, value=repr(echoed(value))[:60])
        ) from None


def echoed(text):
    """Return ``text`` as an answer can carry it."""
    return _unstorable_all("", text)


def parse_id(value):
    """Return a record's id as a form or an address brings it; 0 for whatever is none.

    Not ``str.isdigit``, which takes digits that ``int`` does not, such as a raised two.
    """
    value = str(value)
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else 0


def is_id(value):
    """Tell whether a value may be the id of a record: a number that the database's ids reach, and not True, which
    Python counts with.
    """
    return value.__class__ is int and 0 < value <= LARGEST_ID


def is_storable(text):
    """Tell whether PostgreSQL stores a text and an answer can carry it: no NUL, no lone surrogates."""
    return _unstorable_all("", text) == text


def parse_day(value, parameter, env):
    """Return the ``date`` that a ``date``, a ``datetime`` or ``YYYY-MM-DD`` names; None where there is nothing.

    :param parameter: what the caller calls it, for the message
    :raise UserError: not a day, or of a year that cannot be reckoned with
    """
    if not value:
        return None
    day = value
    if isinstance(value, datetime):
        day = value.date()
    elif isinstance(value, str):
        try:
            # The pattern, because Python also reads weeks and days without dashes.
            day = date.fromisoformat(value) if ISO_DATE.fullmatch(value) else None
        except ValueError:
            day = None
    if not isinstance(day, date):
        raise UserError(
            env._(
                "%(parameter)s: %(value)s is not a date; use YYYY-MM-DD, such as 2026-10-31.",
                parameter=parameter,
                value=_unstorable_all("", str(value))[:60],
            )
        )
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise UserError(
            env._(
                "%(parameter)s: use a year between %(first)s and %(last)s.",
                parameter=parameter,
                first=FIRST_YEAR,
                last=LAST_YEAR,
            )
        )
    return day


def parse_reason(value):
    """Return what somebody typed as a reason, as it can be stored; empty where there is nothing to read."""
    return _unstorable_all("", value).strip() if isinstance(value, str) else ""


def check_request_key(value, env):
    """Raise unless this is a key of the caller's making by which a request is carried out once, or none.

    :raise UserError: too long, or not text that can be read
    """
    if value and not (isinstance(value, str) and len(value) <= 64 and value.isprintable()):
        raise UserError(env._("request_key: send text of at most 64 characters."))


class Amount(fields.Float):
    """An amount or a price: ``Decimal`` in Python, ``numeric`` in the database, 6 places.

    Not ``Monetary``, which rounds to the currency, in the column too; not a plain
    ``Float``, which hands binary floats to whoever reads the record. The web client
    receives a JSON number, for display.

    With ``may_be_empty`` empty is not zero: NULL in the database, None in Python, False for clients.
    """

    may_be_empty = False

    def __init__(self, string=None, **kwargs):
        if kwargs.get("may_be_empty"):
            kwargs["falsy_value"] = None
        if string is not None:
            kwargs["string"] = string
        kwargs.setdefault("digits", (20, 6))
        kwargs.setdefault("min_display_digits", 2)
        super().__init__(**kwargs)

    def convert_to_column(self, value, record, values=None, validate=True):
        """Odoo's hook for what goes to the database, as a value or in the condition of a search."""
        if self._is_left_empty(value):
            return None
        return self._parse(value, record.env)

    def convert_to_cache(self, value, record, validate=True):
        """Odoo's hook for what is written.

        :raise UserError: not a number, such as JSON's NaN, or more than people may enter
        """
        if self._is_left_empty(value):
            return None
        amount = self._parse(value, record.env)
        # Readonly fields hold sums, which may exceed what a person may enter.
        if abs(amount) > (COLUMN_LIMIT if self.readonly else LIMIT):
            raise UserError(
                record.env._(
                    "%(field)s: %(value)s is too much; use at most 9 billion.",
                    field=self._description_string(record.env),
                    value=repr(value)[:60],
                )
            )
        return amount

    def _parse(self, value, env):
        try:
            amount = parse_amount(value)
        except (InvalidOperation, ValueError, TypeError):
            amount = None
        if amount is None or not amount.is_finite():
            label = self._description_string(env)
            raise UserError(env._("%(field)s: %(value)s is not an amount.", field=label, value=repr(value)[:60]))
        return amount

    def convert_to_record(self, value, record):
        if self._is_left_empty(value):
            return None
        return value if isinstance(value, Decimal) else parse_amount(value)

    def convert_to_read(self, value, record, use_display_name=True):
        return False if self._is_left_empty(value) else float(value)

    def convert_to_export(self, value, record):
        return "" if self._is_left_empty(value) else float(value)

    def _is_left_empty(self, value):
        return self.may_be_empty and (value is None or value is False or value == "")


class OptionalInteger(fields.Integer):
    """A count that may be left empty; zero is empty, too."""

    falsy_value = None

    def convert_to_column(self, value, record, values=None, validate=True):
        """Odoo's hook for what goes to the database."""
        return int(value) if value else None

    def convert_to_cache(self, value, record, validate=True):
        """Odoo's hook for what is written."""
        return int(value) if value else None

    def convert_to_record(self, value, record):
        return value or None

    def convert_to_read(self, value, record, use_display_name=True):
        return value or False


def changes(record, vals, names):
    """Tell whether writing ``vals`` would change one of these fields of a record; lists always count as a change."""
    for name in names:
        field = record._fields[name]
        if field.type in ("one2many", "many2many"):
            return True
        if field.convert_to_cache(vals[name], record) != field.convert_to_cache(record[name], record):
            return True
    return False
