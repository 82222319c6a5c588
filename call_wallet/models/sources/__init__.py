"""Where calls come from: providers' webhooks, switches, and files of call records, each a *call source*.

Every kind goes one way: verify the sender, store the body as it came, read it by a pure function
(``tools/sources``), gather what is said of each call in whatever order it comes, find the wallet, and report the call
by ``record_calls``, once. What cannot be reported stays, with its reason, and is tried again when its cause is mended.
Doors: the routes in ``controllers/source_webhook`` and ``source_radius``, ``action_retry`` and ``action_dismiss`` of
messages and calls, ``action_rotate_secret``, ``_cron_advance``, ``_cron_process``, ``_cron_forget``.
"""

from . import (
    call_source,
    call_source_line,
    call_source_message,
    call_source_call,
    call_source_call_legs,
    call_usage,
    ir_http,
)
