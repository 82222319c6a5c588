"""Which currency a price list's headings and cells name, as far as they do. No database here."""

import unicodedata
from itertools import takewhile
from typing import NamedTuple

from babel.numbers import list_currencies

# Without those that are words as well: "Rate (all)" is no price in leks.
LONGEST_NAME = 50
CODES = frozenset(list_currencies()) - {"ALL", "BAD", "STD", "SUR", "TOP"}


class PlanCurrency(NamedTuple):
    """The currency of the rate plan: its code, and the sign that is written before or after its amounts."""

    code: str
    sign: str = ""

    def is_meant(self, text):
        """Tell whether a text such as USD, $ or US$ may mean this currency."""
        text = unicodedata.normalize("NFKD", text[:LONGEST_NAME]).strip().upper()
        sign = unicodedata.normalize("NFKD", self.sign or "").upper()
        if text in (self.code, sign):
            return True
        signs = {one for one in text if is_sign(one)}
        return bool(signs) and signs <= set(sign) and self.code.startswith("".join(filter(str.isalpha, text)))


def is_sign(one):
    """Tell whether a character is the sign of a currency, such as $ or €."""
    return unicodedata.category(one) == "Sc"


def is_currency(text):
    """Tell whether a text names a currency: usd, $, us$."""
    return text.upper() in CODES or any(map(is_sign, text))


def split_amount(text):
    """Return (amount, currency) of a text such as $0.05 or 0,05 EUR; the currency is empty where none is named."""
    if not text or (text[0].isdigit() and text[-1].isdigit()):
        return text, ""
    before = "".join(takewhile(_may_name, text))
    after = "".join(takewhile(_may_name, reversed(text)))[::-1]
    named = before or after
    if not is_currency(named) or (before and after):
        return text, ""
    return text[len(before) : len(text) - len(after)].strip(), named


def _may_name(one):
    return one.isalpha() or is_sign(one)
