"""The wallets' ledger: the one writer of money, balances, transactions, totals by day, and refunds.

These hold at every commit. ``check_invariants`` looks for whatever would break one of the first six, and the
nightly action runs it; the others are kept by the rooms named, and by tests:

1. Exact. A wallet's balance is the sum of its transactions and the last one's balance after. Its transactions
   are numbered without a gap, and each balance after is the one before plus the amount.
2. Once. A call reference is charged at most once per wallet, and a refund, a reversal or a credit happens at
   most once per key. The same key with other content is a conflict: reported, and nothing changes.
3. Never overspent. Funds are held only while the available balance covers them. Only a call that went on
   longer than it held can take a balance below zero; that is recorded, and pauses the wallet.
4. Append-only. Nobody changes or deletes a transaction: the ORM refuses, and a trigger in the database does.
   Corrections are new rows.
5. Agrees with accounting. Per wallet and day, ledger and general ledger differ by what is explained, and by
   nothing else (``accounting``).
6. Decimal from end to end. Amounts are ``Decimal`` and ``numeric`` with 6 places, rounded in one function of
   the rating and in one of the posting.
7. One alert per crossing. That the balance fell below a threshold is told once, until it has been above (``notices``).
8. The report is the ledger. The amounts of a usage report add up to the change in balance (``usage``).
9. Nothing reported is lost. Each call that is handed in ends as charged, duplicate or conflict, or is kept as
   rejected with its reason (``usage``).

Money moves in one statement (``call_wallet_ledger.APPEND``), under a lock on the wallets' balance rows, which
are taken in the order of the wallets' ids. Doors: ``refund``, ``request_refund``, ``action_approve``,
``action_refuse``, ``action_withdraw``, ``check_invariants``, ``list_transactions``.
"""

from . import (
    call_wallet_ledger,
    call_wallet_transaction,
    call_wallet_day,
    call_wallet_refund_day,
    call_wallet_refund_request,
    call_wallet,
)
