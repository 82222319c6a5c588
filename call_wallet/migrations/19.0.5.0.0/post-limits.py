"""Note in this month's daily totals what is about calls of earlier days, so that the first limits count rightly."""


def migrate(cr, version):
    """Fill ``earlier_day`` and ``earlier_month`` for the days that a limit can look at; called by Odoo once."""
    cr.execute("""
        UPDATE call_wallet_day d
           SET earlier_day = c.earlier_day, earlier_month = c.earlier_month
          FROM (SELECT t.wallet_id, t.day, t.type, t.call_type, u.campaign_id,
                       COALESCE(sum(t.amount) FILTER (WHERE f.day < t.day), 0) AS earlier_day,
                       COALESCE(sum(t.amount) FILTER (WHERE f.day < date_trunc('month', t.day)), 0) AS earlier_month
                  FROM call_wallet_transaction t
                  JOIN call_usage u ON u.id = t.usage_id
                 CROSS JOIN LATERAL (
                       SELECT min(o.day) AS day FROM call_wallet_transaction o WHERE o.usage_id = t.usage_id
                       ) f
                 WHERE t.date >= now() AT TIME ZONE 'UTC' - interval '33 days' AND t.key NOT LIKE 'call/%'
                 GROUP BY 1, 2, 3, 4, 5) c
         WHERE d.wallet_id = c.wallet_id AND d.day = c.day AND d.type = c.type
           AND COALESCE(d.call_type, '') = COALESCE(c.call_type, '')
           AND COALESCE(d.campaign_id, 0) = COALESCE(c.campaign_id, 0)
    """)
