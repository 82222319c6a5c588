"""Call rating: number -> prefix -> rate -> billed minutes -> cost, and the explanation.

Pure: the standard library only, no database, no clock. Amounts are exact ``Decimal`` values and
are rounded in one function, ``round6`` (half up, 6 places).
"""

from .deck import Deck
from .engine import MAX_CALL_SECONDS, charge, cost_of, max_seconds, rate_call
from .explanation import explain
from .money import round6
from .number import InvalidNumber, normalise
from .rate import Charge, Rate, Terms

__all__ = [
    "MAX_CALL_SECONDS",
    "Charge",
    "Deck",
    "InvalidNumber",
    "Rate",
    "Terms",
    "charge",
    "cost_of",
    "explain",
    "max_seconds",
    "normalise",
    "rate_call",
    "round6",
]
