"""Whether all runs as it should, for whoever watches it: figures for a monitoring system, and scheduled actions.

Figures are read from the database when they are asked for, by indexes that the work itself needs; what leaves no row
is counted by each process and added in batches (``tools/meter``). A scheduled action that has not succeeded in its
time is a task of finance, once, which ends when it runs again.
Doors: the route in ``controllers/metrics``, ``_cron_check``.
"""

from . import (
    call_wallet_meter,
    call_wallet_schedule,
    call_wallet_metrics,
)
