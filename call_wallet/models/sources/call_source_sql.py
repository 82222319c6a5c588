"""The statements about the calls of call sources."""

MAKE = """
    INSERT INTO call_source_call (source_id, ref, state, is_phone, facts, lines, first_at, last_at)
    SELECT %(source)s, ref, 'open', TRUE, '{}', '[]', %(now)s, %(now)s
      FROM unnest(%(refs)s::text[]) AS ref
     ORDER BY ref
    ON CONFLICT (source_id, ref) DO NOTHING
"""

LOCK = """
    SELECT id, ref, state, facts, parent_ref, is_phone, lines, first_over_at, due_at, cost::text, cost_currency,
           problem, call_ref,
           -- As it is called now.
           COALESCE((SELECT w.account_ref FROM call_wallet w WHERE w.id = wallet_id), account), sent
      FROM call_source_call
     WHERE source_id = %(source)s AND ref = ANY(%(refs)s::text[])
     ORDER BY ref
       FOR UPDATE
"""

LINK = """
    INSERT INTO call_source_call_message_rel (call_id, message_id)
    SELECT id, %(message)s FROM unnest(%(ids)s::int[]) AS id
    ON CONFLICT DO NOTHING
"""

STORE = """
    UPDATE call_source_call c
       SET state = n.state, facts = n.facts::jsonb, parent_ref = n.parent_ref, is_phone = n.is_phone,
           lines = n.lines::jsonb, first_over_at = n.first_over_at, due_at = n.due_at, cost = n.cost::numeric,
           cost_currency = n.cost_currency, problem = n.problem, account = n.account,
           wallet_id = (SELECT w.id FROM call_wallet w WHERE w.account_ref = n.account), call_ref = n.call_ref,
           sent = n.sent::jsonb, ended_at = n.ended_at, last_at = %(now)s,
           reported_at = CASE WHEN n.state = 'reported' THEN COALESCE(c.reported_at, %(now)s) ELSE c.reported_at END
      FROM unnest(%(id)s::int[], %(state)s::text[], %(facts)s::text[], %(parent_ref)s::text[], %(is_phone)s::bool[],
                  %(lines)s::text[], %(first_over_at)s::timestamp[], %(due_at)s::timestamp[], %(cost)s::text[],
                  %(cost_currency)s::text[], %(problem)s::text[], %(account)s::text[], %(call_ref)s::text[],
                  %(sent)s::text[], %(ended_at)s::timestamp[])
           AS n(id, state, facts, parent_ref, is_phone, lines, first_over_at, due_at, cost, cost_currency, problem,
                account, call_ref, sent, ended_at)
     WHERE c.id = n.id
"""

AGAIN = """
    UPDATE call_source_call SET due_at = %(now)s
     WHERE source_id = ANY(%(sources)s) AND state IN ('unassigned', 'waiting')
"""

KNOWN = """
    SELECT w.account_ref, u.call_ref, u.duration_seconds, u.status,
           CASE WHEN u.masked_at IS NULL THEN u.number END, to_char(u.started_at, 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"')
      FROM unnest(%(accounts)s::text[], %(refs)s::text[]) AS asked(account, ref)
      JOIN call_wallet w ON w.account_ref = asked.account
      JOIN call_usage u ON u.wallet_id = w.id AND u.call_ref = asked.ref
"""

# What a message says of the call goes with it, and of others in the same message, which are in the ledger by then.
MASK = """
    WITH masked AS (
        UPDATE call_source_call c
           SET facts = c.facts - %(naming)s::text[], sent = c.sent - 'number_key', problem = NULL, lines = '[]',
               state = CASE WHEN c.state = 'reported' THEN c.state ELSE 'ignored' END, due_at = NULL
         WHERE {condition}
     RETURNING c.id)
    UPDATE call_source_message m
       SET body = NULL, query = NULL, problem = NULL
      FROM call_source_call_message_rel r JOIN masked ON masked.id = r.call_id
     WHERE m.id = r.message_id AND m.body IS NOT NULL
"""

# Of messages that could not be used, nobody can tell whom they name.
MASK_MESSAGES = """
    UPDATE call_source_message m
       SET body = NULL, query = NULL, problem = NULL
      FROM call_source s
     WHERE s.id = m.source_id AND s.company_id = %(company)s AND m.last_at < %(before)s AND m.body IS NOT NULL
"""

CHARGED_SINCE = """
    UPDATE call_source_call c
       SET state = 'reported', problem = NULL, reported_at = now() AT TIME ZONE 'UTC'
      FROM call_usage u
     WHERE c.state = 'rejected' AND u.wallet_id = c.wallet_id AND u.call_ref = c.call_ref
       -- Of one in conflict with another call, that other call is what is in the ledger.
       AND NOT starts_with(c.problem, 'conflict:')
"""

CHILDREN = """
    SELECT DISTINCT parent_ref FROM call_source_call
     WHERE source_id = %(source)s AND parent_ref = ANY(%(refs)s::text[]) AND is_phone
"""

LEGS = """
    SELECT ref, parent_ref, is_phone, COALESCE(facts->>'started_at', facts->>'answered_at'), id FROM call_source_call
     WHERE source_id = %(source)s AND parent_ref = ANY(%(parents)s::text[])
"""

LINES_OF = """
    SELECT ref, lines, facts->>'direction' FROM call_source_call
     WHERE source_id = %(source)s AND ref = ANY(%(refs)s::text[]) AND lines <> '[]'
"""

REFS_OF = """
    SELECT COALESCE(parent_ref, ref), call_ref, ref FROM call_source_call
     WHERE source_id = %(source)s AND (parent_ref = ANY(%(refs)s::text[]) OR %(all)s AND ref = ANY(%(refs)s::text[]))
       AND state = 'reported'
"""
