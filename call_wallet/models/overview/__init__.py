"""The seller's first page: what is owed, used and received, which wallets need somebody, what work waits.

Figures come from balances, daily totals and open orders, never from a scan of the ledger, and are told apart by
currency. Whoever may not see something gets an answer without it. Doors: ``overview``, ``books``, ``watch``.
"""

from . import (
    call_wallet_overview,
    call_wallet_set_up,
)
