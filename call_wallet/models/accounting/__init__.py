"""The general ledger: accounts, the posting of usage, and the reconciliation that proves both ledgers agree.

Top-ups are a liability until they are used. The posting turns usage into income with one balanced entry a day,
company and currency; a wallet's entries are rounded cumulatively, so no cent is lost. The reconciliation shows
every difference and what explains it. Month-end entries hold for one day and are reversed on the next. Doors:
``post_transactions``, ``action_continue``, ``_cron_start``, ``_cron_work``, ``post_month_end``, ``_cron_post``,
``reconciliation``.
"""

from . import (
    account_chart_template,
    account_account,
    account_move,
    account_move_line,
    call_wallet_posted,
    call_wallet_posted_entry,
    call_wallet_posted_value,
    call_wallet_posting,
    call_wallet_posting_entry,
    call_wallet_posting_rest,
    call_wallet_month_end,
    call_wallet,
    call_wallet_reconciliation,
    call_wallet_reconciliation_paper,
    res_company,
    call_wallet_settings_mixin,
)
