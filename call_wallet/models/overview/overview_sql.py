"""The queries of the overview: a row a currency, a day or a wallet, whatever the ledger's length.

Amounts are decimal strings.
Parameters: ``companies``, the ids of those chosen; ``now``, naive UTC, from which each wallet has its own day;
``since`` and ``week``, days before which nothing is needed in any time zone; ``soon``, the last day that is near.
"""

from ..dashboard.figures_sql import RUNWAYS

OWED = """
    SELECT w.currency_id, count(*) FILTER (WHERE w.active),
           sum(GREATEST(b.balance, 0))::text, sum(GREATEST(-b.balance, 0))::text
      FROM call_wallet w
      JOIN call_wallet_balance b ON b.wallet_id = w.id
     WHERE w.company_id = ANY(%(companies)s)
     GROUP BY w.currency_id
"""

# `period` says of a day in which of the two stretches that are compared it is: this month up to the wallet's day, and
# the month before up to the same one, or its last.
DAYS = """
    WITH mine AS MATERIALIZED (
        SELECT z.id, z.currency_id, z.today, z.month, z.before,
               LEAST(z.before + (z.today - z.month), z.month - 1) AS until
          FROM (SELECT w.id, w.currency_id, t.today, date_trunc('month', t.today)::date AS month,
                       (date_trunc('month', t.today) - interval '1 month')::date AS before
                  FROM call_wallet w
                 CROSS JOIN LATERAL (
                       SELECT (%(now)s::timestamp AT TIME ZONE 'UTC' AT TIME ZONE w.tz)::date AS today) t
                 WHERE w.company_id = ANY(%(companies)s)) z
    )
    SELECT m.currency_id, d.type, d.call_type, d.day,
           CASE WHEN d.day BETWEEN m.month AND m.today THEN 'now'
                WHEN d.day BETWEEN m.before AND m.until THEN 'before' END AS period,
           sum(d.amount)::text
      FROM call_wallet_day d
      JOIN mine m ON m.id = d.wallet_id
     WHERE d.day >= %(since)s::date
     GROUP BY 1, 2, 3, 4, 5
"""

AWAITED = """
    SELECT t.currency_id, count(*), sum(t.amount - t.credited_amount)::text
      FROM call_wallet_topup t
     WHERE t.state IN ('pending', 'partial') AND t.company_id = ANY(%(companies)s)
     GROUP BY t.currency_id
"""

# Who is calling comes first, then who cannot call any more. Wallets that never had money are not at risk.
RISKS = f"""
    WITH seen AS (
        SELECT w.id, w.account_ref, w.auto_topup_state = 'suspended' AS is_stopped, r.runs_out_on,
               COALESCE(r.spent, 0) > 0 AS is_used,
               CASE WHEN b.alert_level >= 2 THEN 1
                    WHEN b.alert_level = 1 THEN 2
                    WHEN r.runs_out_on <= %(soon)s::date THEN 3 END AS rank
          FROM call_wallet w
          JOIN call_wallet_balance b ON b.wallet_id = w.id
          LEFT JOIN ({RUNWAYS}) r ON r.wallet_id = w.id
         WHERE w.active AND b.is_set_up AND b.last_sequence > 0 AND w.company_id = ANY(%(companies)s)
    )
    SELECT id, rank, is_stopped, runs_out_on, count(*) FILTER (WHERE rank = 1) OVER (),
           count(*) FILTER (WHERE rank = 2) OVER (), count(*) FILTER (WHERE rank = 3) OVER (),
           count(*) FILTER (WHERE is_stopped) OVER ()
      FROM seen
     WHERE rank IS NOT NULL OR is_stopped
     ORDER BY is_used DESC, rank, runs_out_on, account_ref
     LIMIT %(shown)s
"""

# The oldest day of which something is in no entry yet.
OLDEST_NOT_POSTED = """
    SELECT COALESCE(t.accounting_day, t.day)
      FROM call_wallet_transaction t
      JOIN call_wallet w ON w.id = t.wallet_id
     WHERE t.move_id IS NULL AND t.topup_id IS NULL AND w.company_id = %(company)s
     ORDER BY COALESCE(t.accounting_day, t.day)
     LIMIT 1
"""
