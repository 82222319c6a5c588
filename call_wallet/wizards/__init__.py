from . import (
    call_wallet_topup_wizard,
    call_wallet_auto_topup_wizard,
    call_wallet_refund_wizard,
    call_wallet_refund_refusal,
    call_wallet_pause,
    call_wallet_payback_wizard,
    call_wallet_close_wizard,
    call_wallet_post_now,
    call_usage_report,
    call_rate_import,
    call_rate_import_line,
    call_rate_import_error,
)
