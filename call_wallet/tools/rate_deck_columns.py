"""Which column of a price list is what: by its heading, in the words of carriers, switches and people.

Some headings say it for sure. Others may mean something else, such as "rate": a minute's or a second's? They are
guessed, and the guess is shown before anything is read by it. No database here.
"""

import re
import unicodedata
from typing import NamedTuple

from odoo.tools.translate import LazyTranslate

from .rate_deck_files import MOST_ABOVE, UnreadableDeck

_lt = LazyTranslate(__name__)

REQUIRED = ("prefix", "price_per_minute")
COLUMNS = (
    "prefix", "destination", "price_per_minute", "increment_seconds", "minimum_seconds", "connection_fee",
    "free_seconds", "first_block_seconds", "grace_seconds", "valid_from", "valid_to",
)  # fmt: skip
# Stands before the prefix, which then is an area code.
COUNTRY = "country_code"
# What carriers and switches call the columns, without "seconds" at the end. Left out is what may mean
# something else: "price" and "rate" (of a minute or a second?), "grace period" (free seconds, to some).
SYNONYMS = {
    "code": "prefix", "dial_code": "prefix", "dialing_code": "prefix", "dialling_code": "prefix",
    "prefijo": "prefix",
    "destination_name": "destination", "destino": "destination",
    "rate_per_minute": "price_per_minute", "price_min": "price_per_minute", "rate_min": "price_per_minute",
    "price_per_min": "price_per_minute", "rate_per_min": "price_per_minute", "price_minute": "price_per_minute",
    "rate_minute": "price_per_minute", "precio_por_minuto": "price_per_minute", "precio_minuto": "price_per_minute",
    "tarifa_por_minuto": "price_per_minute", "precio_min": "price_per_minute",
    "increment": "increment_seconds", "billing_increment": "increment_seconds", "step": "increment_seconds",
    "next_increment": "increment_seconds", "subsequent_increment": "increment_seconds",
    "interval_n": "increment_seconds", "incremento": "increment_seconds",
    "incremento_de_facturacion": "increment_seconds",
    "minimum": "minimum_seconds", "minimum_duration": "minimum_seconds", "min_duration": "minimum_seconds",
    "minimum_time": "minimum_seconds", "min_time": "minimum_seconds", "duracion_minima": "minimum_seconds",
    "connect_fee": "connection_fee", "connection_charge": "connection_fee", "connection_cost": "connection_fee",
    "setup_fee": "connection_fee", "coste_de_conexion": "connection_fee", "cargo_de_conexion": "connection_fee",
    "establecimiento": "connection_fee", "establecimiento_de_llamada": "connection_fee",
    "free": "free_seconds", "included": "free_seconds",
    "first_block": "first_block_seconds", "initial_block": "first_block_seconds",
    "first_increment": "first_block_seconds", "initial_increment": "first_block_seconds",
    "first_interval": "first_block_seconds", "initial_interval": "first_block_seconds",
    "interval_1": "first_block_seconds",
    "grace": "grace_seconds", "grace_time": "grace_seconds",
    "effective_date": "valid_from", "effective_from": "valid_from", "start_date": "valid_from",
    "fecha_efectiva": "valid_from", "valido_desde": "valid_from", "fecha_de_inicio": "valid_from",
    "effective_to": "valid_to", "effective_until": "valid_to", "end_date": "valid_to", "expiry_date": "valid_to",
    "expiration_date": "valid_to", "valid_until": "valid_to", "valido_hasta": "valid_to", "fecha_de_fin": "valid_to",
}  # fmt: skip
GUESSES = {
    "price": "price_per_minute", "rate": "price_per_minute", "tariff": "price_per_minute", "cost": "price_per_minute",
    "precio": "price_per_minute", "tarifa": "price_per_minute", "coste": "price_per_minute",
    "new_rate": "price_per_minute", "new_price": "price_per_minute", "rate_1": "price_per_minute",
    "price_1": "price_per_minute", "rate_n": "price_per_minute", "price_n": "price_per_minute",
    "codes": "prefix", "dial_codes": "prefix", "prefixes": "prefix", "dial_prefix": "prefix", "number": "prefix",
    "area_code": "prefix", "city_code": "prefix", "destination_code": "prefix", "breakout": "prefix",
    "codigo": "prefix", "codigos": "prefix", "prefijos": "prefix", "codigo_de_area": "prefix",
    "country_code": COUNTRY, "codigo_de_pais": COUNTRY,
    "country": "destination", "country_name": "destination", "description": "destination",
    "name": "destination", "zone": "destination",
    "route": "destination", "pais": "destination", "descripcion": "destination", "nombre": "destination",
    "zona": "destination",
    "billing": "increment_seconds", "billing_terms": "increment_seconds", "billing_increments": "increment_seconds",
    "increments": "increment_seconds", "rounding": "increment_seconds", "facturacion": "increment_seconds",
    "incrementos": "increment_seconds",
    "effective": "valid_from", "date": "valid_from", "from": "valid_from", "fecha": "valid_from",
    "desde": "valid_from", "inicio": "valid_from",
    "to": "valid_to", "until": "valid_to", "expires": "valid_to", "expiry": "valid_to", "end": "valid_to",
    "hasta": "valid_to", "fin": "valid_to",
}  # fmt: skip
AREAS = {"area_code", "city_code", "codigo_de_area"}


class Guess(NamedTuple):
    """What a column seems to be: one of ``COLUMNS`` or ``COUNTRY``, or empty; and whether that is sure."""

    column: str
    is_sure: bool


def normal_heading(cell):
    """Return a heading as the names here are written: "Initial increment (sec)" is ``initial_increment_sec``."""
    text = unicodedata.normalize("NFKD", str(cell if cell is not None else "").lower())
    text = "".join(sign for sign in text if not unicodedata.combining(sign))
    return re.sub(r"[\s_\-/.()]+", "_", text).strip("_")


def read_column(cell):
    """Return the name of a column by its heading: "Initial increment (sec)" is ``first_block_seconds``."""
    name = without_currency(normal_heading(cell))
    if name in COLUMNS:
        return name
    base = without_unit(name)
    return SYNONYMS.get(base, name)


def without_unit(name):
    return re.sub("_(s|secs?|seconds?|segundos)$", "", name)


def without_currency(name):
    """Return a normal heading of a price without the currency at its end, if it has one."""
    return name.removesuffix(f"_{currency_of(name).lower()}") if currency_of(name) else name


def currency_of(name):
    """Return the code of the currency at the end of a normal heading of a price, such as ``rate_usd``, or nothing."""
    base, _mark, code = name.rpartition("_")
    found = SYNONYMS.get(base) or GUESSES.get(base) or base
    is_code = len(code) == 3 and code.isalpha() and name not in SYNONYMS and name not in GUESSES
    return code.upper() if is_code and found in ("price_per_minute", "connection_fee") else ""


def check_currency(cells, currency):
    """Refuse prices that are in another currency by their heading.

    :param str currency: the code of the plan's, or None where that does not matter
    :raise UnreadableDeck: another one
    """
    for cell in cells:
        code = currency_of(normal_heading(cell))
        if currency and code and code != currency:
            raise UnreadableDeck(
                _lt(
                    "column %(name)s is in %(code)s, and the rate plan in %(currency)s; choose a plan in that "
                    "currency.",
                    name=repr(str(cell)[:60]),
                    code=code,
                    currency=currency,
                )
            )


def read_header(cells):
    """Return {column: position} of headings that all say for sure what they are.

    :raise UnreadableDeck: a column that is unknown, there twice, or missing
    """
    header = {}
    for position, cell in enumerate(cells):
        name = read_column(cell)
        if not name or name.startswith("#"):
            continue
        if name not in COLUMNS:
            raise UnreadableDeck(
                _lt(
                    "column %(name)s is unknown; rename or remove it. Known: %(known)s.",
                    name=repr(str(cell)[:60]),
                    known=", ".join(COLUMNS),
                )
            )
        if name in header:
            raise UnreadableDeck(_lt("column %s is there twice; remove one.", name))
        header[name] = position
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
    guesses = [_guess(normal_heading(cell), remembered) for cell in cells]
    has_area = any(normal_heading(cell) in AREAS for cell in cells)
    taken, result = {guess.column for guess in guesses if guess.is_sure}, []
    for guess in guesses:
        column = guess.column
        if column == COUNTRY and not guess.is_sure and not has_area:
            column = "" if any(other.column == "prefix" for other in guesses) else "prefix"
        if not guess.is_sure and column in taken:
            column = ""
        taken.add(column)
        result.append(Guess(column, guess.is_sure))
    return result


def _guess(name, remembered):
    if not name or name.startswith("#"):
        return Guess("", True)
    if name in remembered:
        return Guess(remembered[name], True)
    sure = read_column(name)
    if sure in COLUMNS:
        return Guess(sure, True)
    return Guess(GUESSES.get(without_unit(without_currency(name)), ""), False)


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
