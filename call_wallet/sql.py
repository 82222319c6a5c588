"""Hand many values to one statement: PostgreSQL arrays, quickly."""

from datetime import datetime
from decimal import Decimal

PLAIN = {int, Decimal, datetime, bool}


def array(values):
    """Return ``values`` in the form in which a query takes them as one array parameter.

    The array's text form: the driver would adapt each value by itself, and the server parse
    each as an expression of its own, which takes ten times as long for a thousand values.
    What is neither a plain value nor text goes to the driver as it is.
    The query casts the parameter (``%s::int[]``).
    """
    values = list(values)
    types = set(map(type, values)) - {type(None)}
    if types <= PLAIN:
        return "{" + ",".join(map(str, values)).replace("None", "NULL") + "}"
    if types == {str}:
        return "{" + ",".join("NULL" if text is None else f'"{text}"' for text in escaped(values)) + "}"
    return values


def escaped(texts):
    """Return ``texts`` with what ends a quoted element of an array made harmless."""
    everything = "".join(text for text in texts if text is not None)
    if '"' not in everything and "\\" not in everything:
        return texts
    return [text and text.replace("\\", "\\\\").replace('"', '\\"') for text in texts]
