"""Whether something that was reported names a number, however it is written there."""

import re

from ...tools.called import is_withheld
from ...tools.intake import CALL_TYPES, DIRECTIONS, Refused, phone_number

# Fewer digits than a telephone number has are a duration, or a part of a date.
FEWEST_DIGITS = 7
_not_digits = re.compile(r"\D+")


def names_any(reported, numbers):
    """Tell whether a payload names one of these numbers, in whichever of its fields.

    :param reported: what was reported, read from JSON
    :param numbers: numbers as calls keep them
    """
    read = read_number(reported) if isinstance(reported, dict) else None
    return read in numbers or any(is_in(number, value) for value in values_in(reported) for number in numbers)


def read_number(reported):
    """Return the number of a reported call as calls keep it; None where it is none."""
    number = reported.get("number")
    call_type, direction = reported.get("call_type"), reported.get("direction") or "outbound"
    try:
        return phone_number(
            {"number": number},
            call_type if call_type in CALL_TYPES else "live",
            # Only who calls can be withheld.
            "inbound" if direction not in DIRECTIONS or is_withheld(number) else direction,
        )
    except (Refused, TypeError):
        return None


def values_in(reported):
    """Return the names and values in what was read from JSON, as texts, in no order."""
    found, waiting = [], [reported]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            waiting += value
        elif value is not None and not isinstance(value, bool):
            found.append(str(value))
    return found


def is_in(number, text):
    """Tell whether a text names a number: to the letter, or by its digits, with or without the country's code."""
    if not number:
        return False
    if number in text:
        return True
    wanted, found = digits_of(number), digits_of(text)
    if min(len(wanted), len(found)) < FEWEST_DIGITS:
        return False
    # A text that is a number of its own may be written as it is dialled at home, with the zero that goes there.
    is_number_alone = not re.search(r"[^\W\d]", text)
    at_home = found.lstrip("0")
    return wanted in found or (is_number_alone and len(at_home) >= FEWEST_DIGITS and wanted.endswith(at_home))


def digits_of(text):
    """Return the digits of a text. The zero in ``+44 (0)20`` is dialled at home alone."""
    return _not_digits.sub("", text.replace("(0)", ""))
