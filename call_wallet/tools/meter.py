"""What this process counts for monitoring, and adds to the database every ten seconds.

Refused requests, and how long requests take, leave no row of their own. A row a request would cost more than the
request, and what one process has counted is unknown to the others. So each process counts in memory and adds to
``call_wallet_meter`` in one short statement, in a transaction of its own, at most once in ``SECONDS``. A process that
is killed takes with it what it has counted since; the ledger, not this, says what was charged.
"""

import logging
from collections import Counter, defaultdict
from threading import Lock
from time import monotonic

_logger = logging.getLogger(__name__)

SECONDS = 10
# Seconds; the upper bounds of the buckets of durations. Prometheus's own defaults.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_lock = Lock()
_counts = defaultdict(Counter)
_flushed = {}
_began = monotonic()


def count(database, name, number=1, **labels):
    """Count something. Labels and their values are ours alone, never what somebody has sent: there are few of them."""
    with _lock:
        _counts[database][name, written(labels)] += number


def observe(database, name, seconds, **labels):
    """Count a duration in its bucket, and add it to the sum."""
    bound = next((str(bound) for bound in BOUNDS if seconds <= bound), "+Inf")
    with _lock:
        _counts[database][f"{name}_bucket", written({**labels, "le": bound})] += 1
        _counts[database][f"{name}_sum", written(labels)] += seconds


def written(labels):
    """Return labels as the text format has them, in the order of their names."""
    return ",".join(f'{name}="{escaped(value)}"' for name, value in sorted(labels.items()))


def escaped(value):
    """Return a label's value as it stands between quotes."""
    return str(value).replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def flush(registry, add, is_due_only=True):
    """Give what was counted for a database to ``add``, once in some seconds. What it cannot add is kept for later.

    :param add: function of the registry and of rows (name, labels, number)
    :param is_due_only: False: now
    """
    name, now = registry.db_name, monotonic()
    with _lock:
        if is_due_only and now - _flushed.get(name, -SECONDS) < SECONDS:
            return
        _flushed[name] = now
        taken = _counts.pop(name, None)
    if not taken:
        return
    try:
        add(registry, [(*key, float(number)) for key, number in sorted(taken.items())])
    except Exception:  # what is counted for monitoring must not fail what it counts
        _logger.info("What was counted is added later.", exc_info=True)
        with _lock:
            _counts[name].update(taken)


def seconds_of_life():
    """Return for how long this process has been at work."""
    return monotonic() - _began
