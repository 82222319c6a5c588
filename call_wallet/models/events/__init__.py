"""What the calling platform is told: an outbox of events, read in order or sent to webhooks.

An event is added in the transaction of its cause, with the wallet's balance locked: it is there if the cause is, once,
and a wallet's events have the order of what happened. It gets its number when it is published, after that transaction
is committed: numbers have no gap, and none appears below one that was read. Publishing also makes a delivery for each
webhook. Deliveries are sent while nothing is locked, and again until the receiver accepts them. Doors: ``list_events``
(on the wallet), ``_cron_send``, ``_cron_forget``, ``action_replay``, ``action_send_test``, ``action_rotate_secret``.
"""

from . import (
    call_wallet_event,
    call_wallet_event_type,
    call_wallet_webhook_delivery,
    call_wallet_webhook,
)
