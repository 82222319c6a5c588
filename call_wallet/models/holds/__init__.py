"""Funds reserved for calls in progress, and the answer to "may this call start, and for how long?".

A hold is granted only while the available balance covers it, under the lock on the wallet's balance. It ends
settled (the call was charged), released or expired. Doors: ``authorize_call``, ``extend_hold``,
``release_hold``, ``quote_call``, ``list_holds`` for the platform; ``check_call``, ``start_call``, ``extend_call``,
``end_call``, ``watch_calls`` for the call button; ``_cron_expire_holds``.
"""

from . import (
    call_wallet_hold,
    call_wallet,
    call_button,
)
