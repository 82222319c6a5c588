"""Stripe: payment page, saved cards, bank transfers, disputes and returned debits of top-ups.

Every request that moves money has a key that follows from the transaction's reference. An event only says
what to look at: Stripe is asked how it stands, so events may come twice, late and in any order. Payments that
are no top-ups are Odoo's alone, until a payout contains them. Doors: the routes in ``controllers``,
``_cron_process``, ``_cron_sweep``, ``_cron_payouts``, ``action_match``, ``action_settled_by_hand``.
"""

from . import (
    account_bank_statement_line,
    account_move,
    account_partial_reconcile,
    call_wallet_settings_mixin,
    call_wallet_stripe_customer,
    call_wallet_stripe_entry,
    call_wallet_stripe_event,
    call_wallet_stripe_event_sweep,
    call_wallet_stripe_held,
    call_wallet_stripe_payout,
    call_wallet_stripe_payout_match,
    call_wallet_stripe_return,
    call_wallet_topup,
    payment_method,
    payment_provider,
    payment_transaction,
    payment_transaction_checkout,
    payment_transaction_events,
    res_company,
    res_partner,
)
