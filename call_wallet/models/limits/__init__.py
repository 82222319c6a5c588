"""What a wallet may spend, and pay for a call, at most; set by finance, and by its owner, who can only be stricter.

The lower of the two holds; empty is no limit. A day's and a month's spend is what was charged for calls then, less what
was given back of those calls, and what calls in progress hold counts as spent. It is looked at under the lock on the
wallet's balance, so that calls that begin at once cannot pass a limit together. Calls that took place are charged
whatever the limits say, and emergency calls never ask them. That a limit is nearly reached, or reached, is told once a
day or month and limit.
Doors: ``set_owner_limits``.
"""

from . import (
    call_wallet_alert,
    call_wallet,
    call_wallet_settings_mixin,
    res_company,
)
