"""Hand many values to one statement: PostgreSQL arrays, quickly."""

from datetime import datetime
from decimal import Decimal

NULL = {type(None)}
PLAIN = {int, Decimal, datetime, bool} | NULL
TEXT = {str} | NULL


def array(values):
    """Return ``values`` in the form in which a query takes them as one array parameter.

    The array's text form: the driver would adapt each value by itself, and the server parse
    each as an expression of its own, which takes ten times as long for a thousand values.
    What is neither a plain value nor text goes to the driver as it is.
    The query casts the parameter (``%s::int[]``).
    """
    values = list(values)
    types = set(map(type, values))
    if types <= PLAIN:
        return "{" + ",".join(map(str, values)).replace("None", "NULL") + "}"
    if types <= TEXT:
        return "{" + quoted(values) + "}"
    return values


def quoted(texts):
    """Return ``texts`` as the quoted elements of an array."""
    everything = "".join(filter(None, texts))
    if '"' in everything or "\\" in everything:
        texts = [text and text.replace("\\", "\\\\").replace('"', '\\"') for text in texts]
    if None in texts:
        return ",".join("NULL" if text is None else f'"{text}"' for text in texts)
    return '"' + '","'.join(texts) + '"'
