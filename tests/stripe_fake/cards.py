"""Test cards and accounts, by the numbers and names that Stripe documents for them."""

# number -> (brand, what happens). `charge` is any payment, `off` one without the customer.
CARDS = {
    "4242424242424242": ("visa", {}),
    "5555555555554444": ("mastercard", {}),
    "4000000000000002": ("visa", {"charge": "generic_decline"}),
    "4000000000009995": ("visa", {"charge": "insufficient_funds"}),
    "4000000000009987": ("visa", {"charge": "lost_card"}),
    "4000000000009979": ("visa", {"charge": "stolen_card"}),
    "4000000000000069": ("visa", {"charge": "expired_card"}),
    "4000000000000341": ("visa", {"off": "generic_decline"}),  # saved without trouble, fails later
    "4000002760003184": ("visa", {"on": "authentication", "off": "authentication"}),
    "4000002500003155": ("visa", {"on": "authentication"}),
}
NAMED = {
    "pm_card_visa": "4242424242424242",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_visa_chargeDeclined": "4000000000000002",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_visa_chargeDeclinedLostCard": "4000000000009987",
    "pm_card_chargeCustomerFail": "4000000000000341",
    "pm_card_authenticationRequired": "4000002760003184",
}
MESSAGES = {
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "authentication_required": "Your card was declined. This transaction requires authentication.",
}


def message(decline_code):
    return MESSAGES.get(decline_code, "Your card was declined.")
