from datetime import timedelta

from ..tools.clock import day_in
from .weeks import weeks_until

PARAMETER = "call_wallet.demo_weeks"


class Moved:
    """Moves days and moments of the story to where they are in this database.

    By how many weeks is decided once and kept: all of the story is told at the same distance, also what comes to it
    later. From then on the database grows old.
    """

    def __init__(self, env):
        parameters = env["ir.config_parameter"].sudo()
        weeks = parameters.get_param(PARAMETER)
        if weeks is False:
            weeks = weeks_until(day_in("UTC"))
            parameters.set_param(PARAMETER, weeks)
        self._by = timedelta(weeks=int(weeks))

    def __call__(self, written):
        """Return when that is which the story has in October 2026: a ``date`` or a ``datetime``."""
        return written + self._by
