"""Orders for funds: the top-up, its invoice and payments, and the balance that follows from what was received.

A top-up's credit is a level, not an event: what was received on its invoice, net of tax, at most its amount
less credit notes. ``_sync`` brings the ledger to that level from whatever state, whoever calls it and
however often. Paying back is a credit note first, then the
money. Doors: ``create_topup``, ``pay_back``, ``count_settlement``,
``release_unfunded``, ``cancel_order``, ``apply_outstanding_credit``, ``match_transfers``, ``remove_payment_token``,
``_cron_sync``, ``_cron_notify``, ``_cron_match_transfers``.
"""

from . import (
    call_wallet_terms,
    call_wallet_package,
    call_wallet_topup,
    call_wallet_topup_sync,
    call_wallet_topup_transfer,
    call_wallet_topup_payback,
    call_wallet_topup_unfunded,
    call_wallet_topup_story,
    call_wallet,
    account_move,
    account_move_content,
    account_move_send,
    account_move_reversal,
    account_payment,
    account_payment_register,
    account_partial_reconcile,
    account_bank_statement_line,
    payment_provider,
    payment_token,
    payment_transaction,
    payment_transaction_refund,
    product_product,
    product_template,
    res_company,
    call_wallet_settings_mixin,
)
