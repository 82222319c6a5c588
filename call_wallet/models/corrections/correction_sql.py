"""What holds of a call: the queries of the corrections, and of whoever goes by them."""

# Rows `t` that a correction or a re-rating entered, not refunds by hand.
CORRECTS = "(starts_with(t.key, 'amend/') OR starts_with(t.key, 'rerate/'))"
# The last correction of a call `u`, which says what holds; all NULL where there was none.
LAST = """
    LEFT JOIN LATERAL (
         SELECT * FROM call_usage_correction found
          WHERE found.usage_id = u.id ORDER BY found.sequence DESC LIMIT 1) k ON TRUE
"""
# Rows `t` of a re-rating after the last correction `k`. Of one that changed no amount only the second is known.
RERATES_LATER = """(starts_with(t.key, 'rerate/')
                    AND (k.id IS NULL OR t.date > k.corrected_at
                         OR t.date = k.corrected_at AND t.id > COALESCE(k.transaction_id, 0)))"""
# One look at the unique index a call, as in `_load_recorded`.
STANDING = f"""
    SELECT u.id, u.wallet_id, u.call_ref, COALESCE(k.sequence, 0), COALESCE(k.kind, 'report'),
           COALESCE(k.fingerprint, c.fingerprint), COALESCE(k.call_type, u.call_type),
           COALESCE(k.direction, u.direction), COALESCE(k.number, u.number), COALESCE(k.started_at, u.started_at),
           u.started_at, COALESCE(k.duration_seconds, u.duration_seconds), COALESCE(k.status, u.status),
           CASE WHEN k.id IS NULL THEN u.campaign_id ELSE k.campaign_id END,
           CASE WHEN k.id IS NULL THEN u.application_ref ELSE k.application_ref END,
           CASE WHEN k.id IS NULL THEN u.manager_id ELSE k.manager_id END,
           CASE WHEN k.id IS NULL THEN u.rate_id ELSE k.rate_id END,
           COALESCE(k.matched_prefix, u.matched_prefix), COALESCE(k.rate, u.rate)::text,
           COALESCE(k.increment_seconds, u.increment_seconds), COALESCE(k.minimum_seconds, u.minimum_seconds),
           COALESCE(k.first_block_seconds, u.first_block_seconds), COALESCE(k.free_seconds, u.free_seconds),
           COALESCE(k.grace_seconds, u.grace_seconds), COALESCE(k.connection_fee, u.connection_fee)::text,
           c.is_rerated, u.masked_at IS NOT NULL, (u.billed_minutes + c.minutes)::text,
           (u.total_cost - c.corrected)::text, c.refunded::text,
           COALESCE(k.transaction_id, CASE WHEN k.id IS NULL THEN c.transaction_id END), c.balance_after
      FROM unnest(%s::int[], %s::text[]) AS asked(wallet_id, call_ref)
     CROSS JOIN LATERAL (
           SELECT * FROM call_usage found
            WHERE found.wallet_id = asked.wallet_id AND found.call_ref = asked.call_ref
            LIMIT 1) u
      {LAST}
     CROSS JOIN LATERAL (
           SELECT COALESCE(bool_or({RERATES_LATER}), FALSE) OR COALESCE(k.is_rerated, FALSE) AS is_rerated,
                  COALESCE(sum(t.billed_minutes) FILTER (WHERE {CORRECTS}), 0) AS minutes,
                  COALESCE(sum(t.amount) FILTER (WHERE {CORRECTS}), 0) AS corrected,
                  COALESCE(sum(t.amount) FILTER (WHERE t.type = 'refund' AND NOT {CORRECTS}), 0) AS refunded,
                  min(t.fingerprint) FILTER (WHERE starts_with(t.key, 'call/')) AS fingerprint,
                  min(t.id) FILTER (WHERE starts_with(t.key, 'call/')) AS transaction_id,
                  (SELECT b.balance_after::text FROM call_wallet_transaction b
                    WHERE b.id = CASE WHEN k.id IS NULL THEN min(t.id) FILTER (WHERE starts_with(t.key, 'call/'))
                                      ELSE k.transaction_id END)
                      AS balance_after
             FROM call_wallet_transaction t WHERE t.usage_id = u.id) c
"""
