"""What is read of many wallets at once: for a program their state and their funds, and until when these last."""

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

# Until when each wallet's available balance lasts by the average of its last 7 days, as ``_compute_runway`` has it.
# Parameters: ``now``, naive UTC, and ``week``, a day before those days began in any time zone.
RUNWAYS = """
    SELECT m.id AS wallet_id, s.spent, m.available,
           CASE WHEN m.available > 0 AND s.spent > 0 AND m.available * 7 / s.spent < 3650
                THEN m.today + floor(m.available * 7 / s.spent)::int END AS runs_out_on
      FROM (SELECT w.id, b.balance - b.held_amount AS available,
                   (%(now)s::timestamp AT TIME ZONE 'UTC' AT TIME ZONE w.tz)::date AS today
              FROM call_wallet w
              JOIN call_wallet_balance b ON b.wallet_id = w.id) m
      JOIN (SELECT d.wallet_id, -sum(d.amount) AS spent
              FROM call_wallet_day d
              JOIN call_wallet w ON w.id = d.wallet_id
             WHERE d.type = 'usage' AND d.day >= %(week)s::date
               AND d.day > (%(now)s::timestamp AT TIME ZONE 'UTC' AT TIME ZONE w.tz)::date - 7
             GROUP BY d.wallet_id) s ON s.wallet_id = m.id
"""
