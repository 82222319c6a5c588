from . import (
    payment_context,
    portal,
    portal_auto_topup,
    portal_report,
    portal_settings,
    reconciliation,
    stripe_checkout,
    stripe_signature,
    topup_payment,
    usage_report,
)
