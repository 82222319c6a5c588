"""Calls that have ended, and what they were charged: read, priced, charged, reported.

Every call that is handed in ends as charged, duplicate, conflict, or kept as rejected with its reason. Sending
a call again is harmless. The usage report is the ledger: the sum of its amounts is the change in balance.
Doors: ``record_calls``, ``action_retry``, ``action_dismiss``, ``action_cancel``, ``_cron_make``, ``list_rejections``,
``retry_rejections``.
"""

from . import (
    call_usage,
    call_usage_record,
    call_usage_rejection,
    call_usage_report,
    call_usage_report_job,
    res_company,
    call_wallet_settings_mixin,
)
