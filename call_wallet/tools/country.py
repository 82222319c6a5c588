"""Which country a call's number, as calls keep it, belongs to."""

from functools import lru_cache

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumber

# Calling codes that several countries share, such as 44: there the digits that follow tell. Those of North America
# are told apart by the area code.
SHARED = sorted(str(code) for code, regions in COUNTRY_CODE_TO_REGION_CODE.items() if len(regions) > 1 and code != 1)
# How much of a number, with its plus, tells its country: in North America, where a code is shared, and elsewhere.
# Found by trying numbers of each country in the tables of `phonenumbers`.
AREA_CODE, IN_SHARED, ELSEWHERE = 5, 9, 4
# The region of satellite telephones, international freephone numbers and the like.
INTERNATIONAL = "001"


@lru_cache(maxsize=1 << 16)
def country_of(number):
    """Return the ISO 3166 code of the country of an E.164 number; ``INTERNATIONAL``, or None where no country has it.

    A number that no table calls valid was called all the same: it counts for the main country of its calling code.
    """
    digits = number[1:]
    code = next((digits[:size] for size in (1, 2, 3) if digits[:size].isdigit() and is_code(digits[:size])), None)
    if not code:
        return None
    national = digits[len(code) :]
    if not national.isdigit():
        return None
    found = None
    if len(COUNTRY_CODE_TO_REGION_CODE[int(code)]) > 1:
        # Put together instead of parsed, which takes ten times as long.
        found = phonenumbers.region_code_for_number(
            PhoneNumber(
                country_code=int(code), national_number=int(national), italian_leading_zero=national.startswith("0")
            )
        )
    return found or phonenumbers.region_code_for_country_code(int(code))


def is_code(digits):
    """Tell whether these digits are a calling code; none is the beginning of another."""
    return digits[0] != "0" and int(digits) in COUNTRY_CODE_TO_REGION_CODE
