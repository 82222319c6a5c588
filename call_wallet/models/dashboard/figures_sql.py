"""What a program reads of the wallets at once: their state and their funds."""

from ..ledger.reading_sql import READABLE

WALLETS = f"""
    SELECT w.account_ref, CASE WHEN w.active THEN 'ok' ELSE 'closed' END, customer.name, b.state, w.pause_reason,
           cur.name, b.balance::text, b.held_amount::text, (b.balance - b.held_amount)::text,
           w.low_balance_threshold::text, b.alert_level > 0, w.tz, p.name
      FROM call_wallet w
      JOIN call_wallet_balance b ON b.wallet_id = w.id
      JOIN res_partner customer ON customer.id = w.partner_id
      JOIN res_currency cur ON cur.id = w.currency_id
      LEFT JOIN call_rate_plan p ON p.id = w.rate_plan_id
     WHERE (%(accounts)s::text[] IS NULL OR w.account_ref = ANY(%(accounts)s::text[])) AND {READABLE}
     ORDER BY w.account_ref
"""
WALLET_KEYS = (
    "account", "code", "name", "state", "pause_reason", "currency", "balance", "held", "available",
    "low_balance_threshold", "is_low", "tz", "rate_plan",
)  # fmt: skip
