"""Re-rating: what past calls would cost at today's rates, and the corrections that follow.

A preview moves no money. Posting enters exactly the differences that were previewed, each once, as new
transactions linked to their calls; a charge that changed in between is refused and says so on its line.
Doors: ``action_preview``, ``action_post``, ``action_discard``, ``action_leave_alone``, ``action_correct``,
``_cron_advance``.
"""

from . import (
    call_usage_rerate,
    call_usage_rerate_line,
    call_usage_rerate_wallet,
    call_usage_rerate_preview,
    call_usage_rerate_post,
)
