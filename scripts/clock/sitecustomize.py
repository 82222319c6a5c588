"""Moves the clock of every Python process that has this folder on its PYTHONPATH.

By ``CALL_WALLET_CLOCK_SHIFT`` seconds, and it ticks on from there. Processes started by a test inherit it.
PostgreSQL has a clock of its own: see ``bootstrap.clocks``.
"""

import os

SHIFT = os.environ.get("CALL_WALLET_CLOCK_SHIFT")


def move(seconds):
    from datetime import UTC, datetime, timedelta

    import freezegun

    # Libraries that measure how long something takes, or that check the age of files, keep the real clock.
    freezegun.configure(extend_ignore_list=["pip", "execnet", "xdist", "_pytest.timing"])
    freezegun.freeze_time(datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=seconds), tick=True).start()


if SHIFT:
    move(float(SHIFT))
