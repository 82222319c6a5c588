"""Rate calls: number -> prefix -> rate -> billed minutes -> cost, and show the arithmetic.

Pure: the standard library only, no database, no clock. Amounts are exact ``Decimal`` values and
are rounded in one function, ``round6`` (half up, 6 places).
"""

from .deck import Deck
from .engine import MAX_CALL_SECONDS, charge, cost_of, max_seconds, whole_steps
from .explanation import arithmetic, taken_off
from .money import round6
from .number import InvalidNumber, normalise
from .rate import Charge, PlanRules, Rate, billed_for_minimum

__all__ = [
    "MAX_CALL_SECONDS",
    "Charge",
    "Deck",
    "InvalidNumber",
    "PlanRules",
    "Rate",
    "arithmetic",
    "billed_for_minimum",
    "charge",
    "cost_of",
    "max_seconds",
    "normalise",
    "round6",
    "taken_off",
    "whole_steps",
]
