"""The wallet itself: one per customer, company and currency, its status and settings.

What people set is on the wallet; what money changes is on its balance row, which only the ledger writes. A
wallet is Not Set Up without a recipient, Paused by hand or without funds, else Active. A user's rights are
asked for by ``_permitted`` at each door.
Doors: ``action_pause``, ``action_resume``.
"""

from . import (
    call_wallet_balance,
    call_wallet,
    ir_cron_progress,
    res_company,
    res_users,
    call_wallet_settings_mixin,
    call_wallet_settings,
    res_config_settings,
)
