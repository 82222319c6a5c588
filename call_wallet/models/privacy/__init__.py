"""What is forgotten: numbers called, applications and managers, by a person or after so many months.

Amounts, times and prices stay, so that the ledger, the reports and the books add up as before. Whatever holds a copy of
what a call names is reached from here: its corrections, its hold, what was rejected under its reference, reports that
were made, statements that could not be mailed.
Doors: ``action_mask`` of calls, holds and rejected calls, ``_cron_mask``.
"""

from . import (
    call_wallet_hold,
    call_usage_rejection,
    call_usage,
    res_company,
    call_wallet_settings_mixin,
)
