"""Who was called, or who calls, where that is no phone number: withheld, an emergency number, a WhatsApp user id.

As calls keep them: ``Withheld``; the digits alone, such as ``112``; ``CO.13491208655302741918``. Everything else is
E.164 and begins with ``+``.
"""

import re
from functools import lru_cache

import phonenumbers
from phonenumbers.shortnumberinfo import is_emergency_number

# As reports show it, which are not translated; no number called can look like it.
WITHHELD = "Withheld"
# What networks and providers send for a caller who hides the number, or whose number got lost (RFC 3323 and 3325,
# 3GPP TS 23.003, providers' documents). The digits are those of the words on a telephone's keys.
WITHHELD_WORDS = {
    "anonymous", "restricted", "private", "unknown", "unavailable", "withheld", "blocked", "hidden",
    "private number", "no caller id", "not available", "unknown caller", "number withheld", "caller id blocked",
    "266696687", "7378742833", "2562533", "8656696", "86282452253",
}  # fmt: skip
LONGEST = 256
# What stands in angle brackets is the address, the rest a name; of a SIP address only the user part counts.
_in_brackets = re.compile("<([^<>]*)>").search
_is_user_id = re.compile(r"[A-Z]{2}\.[A-Za-z0-9]{1,128}").fullmatch
# A plus before it was put there by a program that takes every number for an international one.
_is_short = re.compile(r"\+?([0-9]{2,6})").fullmatch
# Mobile telephones take the first two for emergency numbers everywhere (3GPP TS 22.101, 10.1.1).
EVERYWHERE = ("112", "911", "999")
# Of any-number rates alone, because no prefix begins with 0.
NO_NUMBER = "+0"


def is_withheld(value):
    """Tell whether a caller's number, as it was reported, stands for one that is not shown; None and "" do."""
    if value is None or value == "":
        return True
    if not isinstance(value, str) or len(value) > LONGEST:
        return False
    address = _in_brackets(value)
    words = (address[1] if address else value).strip(' "').lower()
    words = words.removeprefix("sips:").removeprefix("sip:").partition("@")[0].partition(";")[0]
    words = words.strip(' "+').replace("_", " ").replace("-", " ")
    # Nothing but zeros is no number either.
    return not words.strip("0") or words in WITHHELD_WORDS


def to_user_id(value):
    """Return a WhatsApp business-scoped user id (ISO 3166 country, a dot, letters and digits); None for all else."""
    return value if isinstance(value, str) and _is_user_id(value) else None


def to_short(value):
    """Return the digits of a number that is too short to be international, such as 112; None for all else."""
    found = _is_short(value.strip()) if isinstance(value, str) else None
    return found and found[1]


def is_short(number):
    """Tell whether a call's number, as calls keep it, is one that ``to_short`` returned."""
    return bool(number) and number[0].isdigit()


def priced_as(number):
    """Return the E.164 digits by which the rates of a plan are asked for a call's number.

    A WhatsApp user hides the number and not the country, so a user id costs what the country costs.
    """
    if number[0] == "+":
        return number
    return _country_number(number[:2]) if _is_user_id(number) else NO_NUMBER


@lru_cache(maxsize=512)
def _country_number(country):
    """Return the country's calling code; where several share one, the example number that tells them apart."""
    code = phonenumbers.country_code_for_region(country)
    if not code:
        return NO_NUMBER
    if phonenumbers.region_code_for_country_code(code) != country:
        example = phonenumbers.example_number_for_type(country, phonenumbers.PhoneNumberType.MOBILE)
        if example:
            return phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    return f"+{code}"


@lru_cache(maxsize=512)
def emergency_numbers(listed, country):
    """Return the set of a company's emergency numbers.

    :param listed: as the company lists them, apart by blanks, commas or semicolons; empty: those of its country and
        those that are known everywhere
    :param country: ISO 3166 code of the company's country, or None
    """
    if listed and listed.strip():
        return frozenset(filter(None, map(to_short, re.split(r"[\s,;]+", listed.strip()))))
    candidates = (f"{number:0{digits}}" for digits in (2, 3, 4) for number in range(10**digits))
    own = (number for number in candidates if is_emergency_number(number, country)) if country else ()
    return frozenset((*EVERYWHERE, *own))
