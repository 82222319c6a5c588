"""Values that no honest client sends, and what may come of them: a refusal, or an answer that can be sent back."""

import json

from odoo.exceptions import UserError
from psycopg2 import IntegrityError


def nested(depth):
    value = []
    for _level in range(depth):
        value = [value]
    return value


# As JSON brings them: other kinds, other sizes, text that no database holds, numbers that are none.
VALUES = [
    None, True, -1, 2**63, 10**400, float("nan"), "", "a\0b", "\ud800", "\N{SUPERSCRIPT TWO}", "x" * 100_000,
    "9999-12-31T23:59:59-14:00", [], ["a\0b", 5], {"a\0b": "\ud800"}, nested(500),
]  # fmt: skip
# What stands where the ids of records are expected.
IDS = [
    None, [], [0], [-1], [2**31 - 1], [2**70], ["1"], ["a\0b"], [None], [True], [1.5], [[1]], [{}], "x", True, 1.5,
    {"id": 1}, nested(20),
]  # fmt: skip
# As a form or an address brings them: percent-encoded bytes, whatever they are.
FIELDS = ["", "%00", "%ED%A0%80", "%FF%FE", "%C2%B2", "9" * 5_000, "-1", "1e999999", "NaN", "x" * 20_000, "9999-12-31"]


def refused(error):
    """Tell whether Odoo answers an error with a status of 4xx: the sender is told what is wrong."""
    return isinstance(error, (UserError, IntegrityError))


def can_be_sent(answer):
    """Tell whether an answer can be encoded, as Odoo does."""
    return bool(json.dumps(answer, ensure_ascii=False, default=str).encode())


def shown(value):
    text = repr(value)
    return text if len(text) < 60 else f"{text[:50]}... ({len(text)})"
