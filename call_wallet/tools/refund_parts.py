"""What a refund pays back, where its payment paid several documents and nobody says which."""

from decimal import Decimal
from itertools import combinations
from typing import NamedTuple

# In the order in which money goes back.
UNUSED, ORDINARY, FUNDS = range(3)

# Of how many credit notes at most sums are tried: all of twelve are 4,095.
MOST_NOTES = 12


class Paid(NamedTuple):
    """What a payment has paid of one document, or of none; of that, what has not been refunded."""

    document: object
    kind: int
    left: Decimal


def divide(amount, paid):
    """Return what a refund pays back of each document, and whether that is without doubt.

    A document of which exactly that much is left is the one that is meant. Else money goes back in this order, of
    each at most what is left of it: what was used for nothing, then ordinary invoices, then top-ups. Funds come last
    because taking them can stop calls in progress, and because finance credits an ordinary invoice by hand, whichever
    it is. Of top-ups the newest goes back first: calls have used the oldest funds first, so it is the one that can
    still be unused, and whoever thinks better of an order does so soon.

    :param Decimal amount: of the refund, tax included
    :param list paid: of ``Paid``, oldest first
    :return: ({document: Decimal}, bool); what is more than all that is left is in no part
    """
    there = in_order(item for item in paid if item.left > 0)
    fitting = [item for item in there if item.left == amount]
    if fitting:
        return {fitting[0].document: amount}, len(fitting) == 1
    parts, open_amount = {}, amount
    for item in there:
        part = min(item.left, open_amount)
        if part > 0:
            parts[item.document] = part
            open_amount -= part
    return parts, len(there) <= 1 or amount >= sum(item.left for item in there)


def in_order(paid):
    """Return ``paid``, oldest first, in the order in which money goes back."""
    paid = list(paid)
    funds = [item for item in paid if item.kind == FUNDS]
    return sorted((item for item in paid if item.kind != FUNDS), key=lambda item: item.kind) + funds[::-1]


def with_sum(amount, open_amounts):
    """Return the fewest keys of ``open_amounts`` whose sum is the amount, the first of them first; else none.

    :param dict open_amounts: {key: Decimal}
    """
    keys = list(open_amounts)[:MOST_NOTES]
    for size in range(1, len(keys) + 1):
        for found in combinations(keys, size):
            if sum(open_amounts[key] for key in found) == amount:
                return found
    return ()
