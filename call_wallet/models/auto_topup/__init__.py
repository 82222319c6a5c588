"""Automatic top-up: charging a saved card when less than the agreed level is available.

At most one charge is under way per wallet, within the monthly cap and by the customer's consent, whose words
are kept. What is about to be charged is committed before the provider hears of it, so a crash is made up for
by the same payment. Doors: ``set_auto_topup``, ``auto_topup_now``, ``_cron_auto_topup``,
``_cron_auto_topup_cards``.
"""

from . import (
    call_wallet_auto_topup,
    call_wallet_auto_topup_charge,
    call_wallet_mandate,
    call_wallet,
    call_wallet_run,
    call_wallet_topup,
    call_wallet_alert,
    payment_token,
    payment_transaction,
    res_company,
    call_wallet_settings_mixin,
)
