"""What Stripe's codes mean, in the reader's language. Whatever is not here is shown as Stripe names it.

The codes are those of Stripe's API reference: the status and reason of a dispute, the failure code of a charge, the
decline codes of a card, the status of a payout, the type of a balance transaction.
"""


def in_words(env, code):
    """Return what a code of Stripe's means in the language of ``env``; the code itself where it is not known.

    :param code: text, or False
    """
    if not code:
        return False
    for words in (_states, _reasons, _declines, _movements):
        known = words(env).get(code)
        if known:
            return known
    return code


def _states(env):
    _ = env._
    return {
        "warning_needs_response": _("Inquiry: answer needed"),
        "warning_under_review": _("Inquiry: under review"),
        "warning_closed": _("Inquiry closed"),
        "needs_response": _("Answer needed"),
        "under_review": _("Under review"),
        "won": _("Won"),
        "lost": _("Lost"),
        "prevented": _("Prevented"),
        "failed": _("Failed"),
        "succeeded": _("Succeeded"),
        "pending": _("Pending"),
        "paid": _("Paid"),
        "in_transit": _("On its way to the bank"),
        "canceled": _("Cancelled"),
    }


def _reasons(env):
    _ = env._
    return {
        "bank_cannot_process": _("The bank cannot process it"),
        "check_returned": _("Check returned"),
        "credit_not_processed": _("Refund not received"),
        "customer_initiated": _("Asked for by the customer"),
        "debit_not_authorized": _("Debit not authorized"),
        "duplicate": _("Charged twice"),
        "fraudulent": _("Not authorized by the cardholder"),
        "general": _("No particular reason"),
        "incorrect_account_details": _("Wrong account details"),
        "insufficient_funds": _("Not enough funds"),
        "noncompliant": _("Against the rules of the card network"),
        "product_not_received": _("Service not received"),
        "product_unacceptable": _("Service not as described"),
        "subscription_canceled": _("Charged after cancelling"),
        "unrecognized": _("Charge not recognized"),
        "account_closed": _("Account closed"),
        "bank_account_restricted": _("Account restricted"),
        "bank_ownership_changed": _("Account of another bank by now"),
        "could_not_process": _("The bank could not process it"),
        "invalid_account_number": _("Wrong account number"),
        "no_account": _("No such account"),
    }


def _declines(env):
    _ = env._
    return {
        "authentication_required": _("The bank asks for authentication"),
        "call_issuer": _("The bank gives no reason"),
        "card_declined": _("Card declined"),
        "do_not_honor": _("The bank gives no reason"),
        "expired_card": _("Card expired"),
        "generic_decline": _("The bank gives no reason"),
        "incorrect_cvc": _("Wrong security code"),
        "incorrect_number": _("Wrong card number"),
        "lost_card": _("Card reported lost"),
        "pickup_card": _("Card blocked"),
        "processing_error": _("The bank could not process it"),
        "stolen_card": _("Card reported stolen"),
        "transaction_not_allowed": _("Payment not allowed for this card"),
        "try_again_later": _("The bank asks to try again later"),
    }


def _movements(env):
    _ = env._
    return {
        "charge": _("Payment"),
        "payment": _("Payment"),
        "refund": _("Refund"),
        "payment_refund": _("Refund"),
        "payment_failure_refund": _("Returned payment"),
        "adjustment": _("Adjustment"),
        "stripe_fee": _("Stripe's fee"),
        "payout": _("Payout"),
        "payout_failure": _("Payout that came back"),
        "payout_cancel": _("Payout cancelled"),
        "transfer": _("Transfer"),
        "topup": _("Balance added at Stripe"),
    }
