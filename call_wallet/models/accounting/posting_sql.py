"""The queries of the posting.

Parameters: ``company``; ``from`` and ``to``, the run's days; ``over``, the last day of the periods that are over;
``monthly``, whether a period is a month; ``since`` and ``last``, a period's days.
"""

# The day to which a transaction belongs in the books, of `t`.
BOOKED_DAY = "COALESCE(t.accounting_day, t.day)"


NOT_POSTED = "t.move_id IS NULL AND t.topup_id IS NULL"


# Of `t` and its wallet `w`: the rows that a run would post, if they are worth an entry.
DUE_ROWS = f"""
    {NOT_POSTED} AND {BOOKED_DAY} <= %(to)s AND (%(from)s::date IS NULL OR t.day >= %(from)s)
    AND ({BOOKED_DAY} <= %(over)s OR NOT w.active)
"""


KIND = """
    CASE WHEN t.type = 'reversal' THEN 'breakage'
         WHEN t.type = 'refund' AND t.key LIKE 'close/%%/write-off' THEN 'bad_debt'
         ELSE COALESCE(t.call_type, 'adjustment') END
"""


DUE = f"""
    SELECT p.first, LEAST(p.last, %(to)s) AS last, w.currency_id, count(*)
      FROM call_wallet_transaction t
      JOIN call_wallet w ON w.id = t.wallet_id
     CROSS JOIN LATERAL (SELECT date_trunc('month', {BOOKED_DAY}::timestamp) AS month) m
     CROSS JOIN LATERAL (
           SELECT CASE WHEN %(monthly)s THEN m.month::date ELSE {BOOKED_DAY} END AS first,
                  CASE WHEN %(monthly)s THEN (m.month + interval '1 month - 1 day')::date
                       ELSE {BOOKED_DAY} END AS last
           ) p
     WHERE {DUE_ROWS} AND w.company_id = %(company)s
     GROUP BY p.first, p.last, w.currency_id
     ORDER BY p.first, w.currency_id
"""


# The wallets whose transactions and carried cents come to something: their total to another whole amount of the
# currency than is posted, or a kind to a whole amount. `round` rounds halves away from zero, as the posting does.
BOOKABLE = """
    WITH new AS (
        SELECT t.wallet_id, {kind} AS kind, -sum(t.amount) AS amount
          FROM call_wallet_transaction t
          JOIN call_wallet w ON w.id = t.wallet_id
         WHERE {rows}
         GROUP BY 1, 2
    ), owed AS (
        SELECT x.wallet_id, x.kind, sum(x.amount) AS amount, sum(x.posted) AS posted
          FROM (SELECT wallet_id, kind, amount, 0 AS posted FROM new
                 UNION ALL
                SELECT p.wallet_id, p.kind, p.ledger_amount - p.posted_amount, p.posted_amount
                  FROM call_wallet_posted p
                 WHERE p.wallet_id IN (SELECT wallet_id FROM new)) x
         GROUP BY x.wallet_id, x.kind
    )
    SELECT o.wallet_id
      FROM owed o
      JOIN call_wallet w ON w.id = o.wallet_id
      JOIN res_currency c ON c.id = w.currency_id
     GROUP BY o.wallet_id, c.rounding
    HAVING bool_or(abs(o.amount) >= c.rounding::numeric)
        OR round((sum(o.amount) + sum(o.posted)) / c.rounding::numeric) * c.rounding::numeric <> sum(o.posted)
     LIMIT 1
"""


# Asked of all days together: a run that is started then makes an entry, if not of an earlier day, then of the last.
IS_DUE = BOOKABLE.format(kind=KIND, rows=f"{DUE_ROWS} AND w.company_id = %(company)s")


IN_PERIOD = f"{DUE_ROWS} AND {BOOKED_DAY} BETWEEN %(since)s AND %(last)s"


DUE_WALLETS = f"""
    SELECT w.id
      FROM call_wallet w
     WHERE w.company_id = %(company)s AND w.currency_id = %(currency_id)s AND w.id > %(after)s
       AND EXISTS (SELECT FROM call_wallet_transaction t WHERE t.wallet_id = w.id AND {IN_PERIOD})
     ORDER BY w.id
     LIMIT %(limit)s
"""


BOOKABLE_WALLETS = BOOKABLE.format(kind=KIND, rows=f"{IN_PERIOD} AND t.wallet_id = ANY(%(wallets)s::int[])")


# One statement takes the transactions and adds them up: under READ COMMITTED a second one could see more rows.
CLAIM = f"""
    WITH claimed AS (
        UPDATE call_wallet_transaction t
           SET move_id = %(move)s
          FROM call_wallet w
         WHERE w.id = t.wallet_id AND {IN_PERIOD} AND t.wallet_id = ANY(%(wallets)s::int[])
     RETURNING t.wallet_id, t.amount, t.day, {KIND} AS kind
    )
    SELECT wallet_id, kind, day, count(*), (-sum(amount))::text
      FROM claimed
     GROUP BY wallet_id, kind, day
     ORDER BY wallet_id, kind, day
"""


CARRIED = """
    SELECT wallet_id, kind, ledger_amount::text, posted_amount::text
      FROM call_wallet_posted
     WHERE wallet_id = ANY(%s::int[])
"""


COUNT = """
    INSERT INTO call_wallet_posted AS p (wallet_id, kind, ledger_amount, posted_amount)
    SELECT * FROM unnest(%s::int[], %s::text[], %s::numeric[], %s::numeric[])
        ON CONFLICT (wallet_id, kind) DO UPDATE
       SET ledger_amount = p.ledger_amount + EXCLUDED.ledger_amount,
           posted_amount = p.posted_amount + EXCLUDED.posted_amount
"""


NOTE = """
    INSERT INTO call_wallet_posted_entry (move_id, wallet_id, day, ledger_amount, posted_amount)
    SELECT %s, * FROM unnest(%s::int[], %s::date[], %s::numeric[], %s::numeric[])
"""


NOTE_VALUES = """
    INSERT INTO call_wallet_posted_value (move_id, wallet_id, value)
    SELECT %s, * FROM unnest(%s::int[], %s::numeric[])
"""


# What a wallet's liability stands at, on whichever accounts it was booked at the time. Month-end entries are left out:
# they hold for one day.
HELD = """
    SELECT l.call_wallet_id, (-sum(l.amount_currency))::text, (-sum(l.balance))::text
      FROM unnest(%s::int[], %s::date[]) AS asked(wallet_id, day)
      JOIN account_move_line l ON l.call_wallet_id = asked.wallet_id AND l.date <= asked.day
      JOIN account_move m ON m.id = l.move_id AND m.call_wallet_month_end_id IS NULL
      JOIN account_account a ON a.id = l.account_id
     WHERE l.parent_state = 'posted'
       AND a.account_type IN ('liability_current', 'liability_non_current')
     GROUP BY l.call_wallet_id
"""


# All items count, also later ones: a lock date may have moved a settlement to a day after this one. A wallet with
# funds, all of whose orders are credited, has a deposit: its items are not added up each time.
UNSETTLED = """
    SELECT w.currency_id, w.id, (-sum(l.balance))::text
      FROM call_wallet w
      JOIN call_wallet_balance b ON b.wallet_id = w.id
      JOIN res_currency c ON c.id = w.currency_id
      JOIN account_move_line l ON l.call_wallet_id = w.id
      JOIN account_move m ON m.id = l.move_id AND m.call_wallet_month_end_id IS NULL
      JOIN account_account a ON a.id = l.account_id
     WHERE w.company_id = %s AND w.currency_id <> %s AND l.parent_state = 'posted'
       AND (abs(b.balance) < c.rounding::numeric
            OR EXISTS (SELECT FROM call_wallet_topup o WHERE o.wallet_id = w.id AND o.credited_amount <> o.amount))
       AND a.account_type IN ('liability_current', 'liability_non_current')
     GROUP BY w.id
    HAVING sum(l.amount_currency) = 0 AND sum(l.balance) <> 0 AND max(l.date) <= %s
     ORDER BY w.id
"""
