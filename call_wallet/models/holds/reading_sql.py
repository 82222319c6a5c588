"""What the platform reads of the funds: those of one wallet, and what calls in progress hold."""

from ..ledger.reading_sql import READABLE

# As the ledger's `Funds`, without locking them.
FUNDS = f"""
    SELECT b.alert_level, b.balance::text, b.held_amount::text, b.state, b.is_paused_by_hand
      FROM call_wallet w
      JOIN call_wallet_balance b ON b.wallet_id = w.id
     WHERE w.account_ref = %(account)s AND {READABLE}
"""

HOLDS = f"""
    SELECT w.account_ref, h.call_ref, h.id, h.call_type, h.direction, h.number, h.campaign, h.manager,
           h.application_ref, h.rate::text, h.amount::text, cur.name, h.reserved_seconds, h.authorized_at, h.expires_at
      FROM call_wallet_hold h
      JOIN call_wallet w ON w.id = h.wallet_id
      JOIN res_currency cur ON cur.id = w.currency_id
     WHERE h.state = 'held' AND (%(wallet)s::int IS NULL OR h.wallet_id = %(wallet)s::int) AND {READABLE}
     ORDER BY w.account_ref, h.id
"""
HOLD_KEYS = (
    "account", "call_ref", "hold", "call_type", "direction", "number", "campaign", "manager", "application_ref",
    "rate", "amount", "currency", "held_seconds", "authorized_at", "expires_at",
)  # fmt: skip
