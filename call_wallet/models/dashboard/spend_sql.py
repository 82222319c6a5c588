"""What the calls of a range of days cost, by whom they went to and who made them: what no daily total knows."""

from ...tools.country import AREA_CODE, ELSEWHERE, IN_SHARED, SHARED

# The part of a call's number that tells its country; what is no E.164 number as it is, or the country of a WhatsApp
# user id. Nothing where the number is gone.
PLACE = f"""CASE WHEN u.id IS NULL OR u.masked_at IS NOT NULL THEN NULL
                 WHEN starts_with(u.number, '+1') THEN left(u.number, {AREA_CODE})
                 WHEN u.number ~ '^[+]({"|".join(SHARED)})' THEN left(u.number, {IN_SHARED})
                 WHEN starts_with(u.number, '+') THEN left(u.number, {ELSEWHERE})
                 WHEN u.number ~ '^[A-Z]{{2}}[.]' THEN left(u.number, 2)
                 ELSE u.number END"""

# One pass over the charges, by the index on (wallet, date); the days decide, as they do in the daily totals. A day of
# any time zone begins and ends within the two dates beside it. ``manager`` is -1 where the name was deleted or the
# call is gone. Amounts are negative in the ledger.
BREAKDOWN = f"""
    SELECT GROUPING(c.manager) = 0, c.place, min(c.number), c.manager, (-sum(c.amount))::text, count(*)
      FROM (SELECT t.amount, u.number, {PLACE} AS place,
                   CASE WHEN u.id IS NULL OR u.is_manager_masked THEN -1 ELSE u.manager_id END AS manager
              FROM call_wallet_transaction t
              LEFT JOIN call_usage u ON u.id = t.usage_id
             WHERE t.wallet_id = %(wallet)s AND t.type = 'usage'
               AND t.date >= %(first)s::date - 1 AND t.date < %(last)s::date + 2
               AND t.day >= %(first)s::date AND t.day <= %(last)s::date) c
     GROUP BY GROUPING SETS ((c.place), (c.manager))
"""
