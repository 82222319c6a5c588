"""What Stripe refuses: amounts by currency, and requests of an account or key that may not make them."""

from .errors import StripeFault, invalid

# In the currency's smallest unit, as Stripe counts it.
MINIMUM = {"usd": 50, "eur": 50, "gbp": 30, "jpy": 50, "huf": 17500, "czk": 1500}
THREE_DECIMALS = {"bhd", "jod", "kwd", "omr", "tnd"}
# Sent with two decimals, which have to be 00.
EFFECTIVELY_WHOLE = {"isk", "ugx"}
DIGITS = {"idr": 12, "cop": 10, "huf": 10}


def check_amount(amount, currency):
    """Refuse an amount as Stripe does, on a payment intent and on a payment page alike."""
    if currency in THREE_DECIMALS and amount % 10:
        raise invalid(f"Invalid amount. Amounts in {currency.upper()} must be evenly divisible by 10.", param="amount")
    if currency in EFFECTIVELY_WHOLE and amount % 100:
        raise invalid(
            f"Invalid amount. Currency {currency.upper()} has become effectively zero-decimal and charged amounts must "
            "be evenly divisible by 100.",
            param="amount",
        )
    lowest = MINIMUM.get(currency, 1)
    if amount < lowest:
        raise invalid(f"Amount must be at least {lowest} {currency}", code="amount_too_small", param="amount")
    highest = 10 ** DIGITS.get(currency, 8) - 1
    if amount > highest:
        raise invalid(f"Amount must be no more than {highest} {currency}", code="amount_too_large", param="amount")


class Refusals:
    """The state of the account and of its key; nothing of this is remembered with an idempotency key.

    ``key``: ``revoked`` or ``expired``; ``denied``: ends of paths for which a restricted key lacks the permission;
    ``closed``: the account is; ``cannot_charge``: it makes no live charges;
    ``busy``: so many requests are answered with 429;
    ``in_progress``: so many with 409, as while an earlier request with the same key is carried out.
    """

    def __init__(self):
        self.clear()

    def clear(self):
        self.key = None
        self.denied = ()
        self.closed = self.cannot_charge = False
        self.busy = self.in_progress = 0
        self.retry_after = None

    def check(self, method, path, has_key):
        """Raise what Stripe answers to a request in this state."""
        if self.key == "expired":
            raise StripeFault(401, "Expired API Key provided: sk_test_*1", code="api_key_expired")
        if self.key:
            raise StripeFault(401, "Invalid API Key provided: sk_test_*1")
        if self.closed:
            raise StripeFault(
                403,
                "The provided key 'sk_test_*1' does not have access to account 'acct_1' (or it does not exist).",
                code="account_invalid",
            )
        if self.busy:
            self.busy -= 1
            raise StripeFault(429, "Request rate limit exceeded.", code="rate_limit")
        if any(path.endswith(end) for end in self.denied):
            raise StripeFault(
                403, "The provided key 'rk_test_*1' does not have the required permissions for this endpoint."
            )
        if has_key and self.in_progress:
            self.in_progress -= 1
            raise StripeFault(
                409,
                "There is currently another in-progress request using this Stripe-Account and Idempotency-Key.",
                code="idempotency_key_in_use",
                type="idempotency_error",
            )
        if self.cannot_charge and method == "POST" and path.endswith(("/payment_intents", "/checkout/sessions")):
            raise StripeFault(400, "Your account cannot currently make live charges.")
