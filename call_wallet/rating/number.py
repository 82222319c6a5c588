"""Phone numbers, as ITU-T E.164 defines them: ``+``, a country code that does not begin with 0,
and 7 to 15 digits in all."""

import re

MIN_DIGITS, MAX_DIGITS = 7, 15
# The shortest international numbers in use have 7 digits (such as +290 1234). Shorter ones are service numbers, dialled
# without a country code: "+112" is no number of North America. Beyond that no table is asked, as numbering plans
# change faster: a call that took place is not refused because its number looks odd. ASCII digits only; ``\d`` would
# let the digits of other scripts through, which no exchange dials.
_is_e164 = re.compile(r"\+[1-9][0-9]{6,14}").fullmatch


class InvalidNumber(ValueError):
    """Not an E.164 number. The message names the field and the fix."""


def normalise(number):
    """Return ``number`` when it is E.164, such as ``+14155550100``.

    Nothing is repaired: blanks, dashes or a leading ``00`` would have to be guessed at, and two
    spellings of one number would make two contents of one call.

    :raise InvalidNumber: anything else, text or not
    """
    if isinstance(number, str) and _is_e164(number):
        return number
    raise InvalidNumber(
        f"number: {repr(number)[:60]} is not E.164; send + and 7 to 15 digits without blanks, such as +14155550100."
    )
