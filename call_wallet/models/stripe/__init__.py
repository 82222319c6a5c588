"""Stripe: payment page, saved cards, bank transfers, disputes and returned debits of top-ups.

Every request that moves money has a key that follows from the transaction's reference. An event only says
what to look at: Stripe is asked how it stands, so events may come twice, late and in any order. Payments that
are no top-ups are Odoo's alone. Doors: the routes in ``controllers``, ``_cron_process``, ``_cron_sweep``.
"""

from . import (
    call_wallet_stripe_customer,
    call_wallet_stripe_event,
    call_wallet_stripe_return,
    call_wallet_topup,
    payment_method,
    payment_provider,
    payment_transaction,
    payment_transaction_checkout,
    payment_transaction_events,
    res_partner,
)
