"""How rejected calls are kept and closed: the statements."""

RESOLVE = """
    UPDATE call_usage_rejection r
       SET state = 'resolved', write_uid = %s, write_date = now() AT TIME ZONE 'UTC'
      FROM unnest(%s::text[], %s::text[]) AS charged(account, call_ref)
     WHERE r.state = 'open' AND r.code <> 'conflict' AND r.correction IS NULL
       AND r.account = charged.account AND r.call_ref = charged.call_ref
 RETURNING r.id, r.account, r.call_ref
"""

# Of several contents of one call the last.
ACCEPTED = """
    SELECT max(r.id), w.id, r.call_ref
      FROM call_usage_rejection r
      JOIN call_wallet w ON w.account_ref = r.account
     WHERE r.id = ANY(%s)
     GROUP BY w.id, r.call_ref
     ORDER BY 1
"""

RESOLVE_CORRECTED = """
    UPDATE call_usage_rejection
       SET state = 'resolved', write_uid = %s, write_date = now() AT TIME ZONE 'UTC'
     WHERE state = 'open' AND fingerprint = ANY(%s)
"""

# Who has dismissed a call is kept beside who changed it last: it may be reported again.
DECIDE = """
    UPDATE call_usage_rejection
       SET state = %(state)s, write_uid = %(user)s, write_date = now() AT TIME ZONE 'UTC',
           dismissed_by_id = CASE WHEN %(state)s = 'dismissed' THEN %(user)s::int END,
           dismissed_at = CASE WHEN %(state)s = 'dismissed' THEN %(now)s::timestamp END
     WHERE id = ANY(%(ids)s)
"""

COMPANIES = "SELECT account_ref, company_id FROM call_wallet WHERE account_ref = ANY(%s)"

# What finance dismissed, or charged as a call of its own, stays so when it is reported again. So does what names nobody
# any more: nobody could do anything with it, and what was deleted is not kept anew.
UPSERT = """
    INSERT INTO call_usage_rejection AS r
           (first_seen, last_seen, create_uid, write_uid, create_date, write_date, state, wallet_id,
            account, call_ref, code, field_name, reason, payload, fingerprint, correction, count)
    SELECT %s, %s, %s, %s, %s, %s, 'open', w.id, k.account, k.call_ref, k.code, k.field_name, k.reason, k.payload,
           k.fingerprint, k.correction, k.count
      FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
                  %s::int[])
           AS k(account, call_ref, code, field_name, reason, payload, fingerprint, correction, count)
      LEFT JOIN call_wallet w ON w.account_ref = k.account
     ORDER BY k.fingerprint
    ON CONFLICT (fingerprint) DO UPDATE
       SET wallet_id = EXCLUDED.wallet_id,
           code = CASE WHEN r.masked_at IS NULL THEN EXCLUDED.code ELSE r.code END,
           field_name = CASE WHEN r.masked_at IS NULL THEN EXCLUDED.field_name ELSE r.field_name END,
           reason = CASE WHEN r.masked_at IS NULL THEN EXCLUDED.reason ELSE r.reason END,
           state = CASE WHEN r.state = 'resolved' AND r.charged_ref IS NULL AND r.masked_at IS NULL THEN 'open'
                        ELSE r.state END,
           count = r.count + CASE WHEN %s THEN EXCLUDED.count ELSE 0 END,
           last_seen = CASE WHEN %s THEN EXCLUDED.last_seen ELSE r.last_seen END,
           write_uid = EXCLUDED.write_uid, write_date = EXCLUDED.write_date
 RETURNING id
"""

ADD_REPORTER = """
    INSERT INTO call_usage_rejection_reporter_rel (rejection_id, user_id)
    SELECT id, %(user)s FROM call_usage_rejection
     WHERE id = ANY(%(ids)s) AND wallet_id IS NULL AND create_uid IS DISTINCT FROM %(user)s
    ON CONFLICT DO NOTHING
"""
