"""The statements of the rate import: a file is compared and applied as a whole, not line by line."""

# Seen by this transaction alone, and gone with it.
FILE = """
    CREATE TEMPORARY TABLE call_rate_import_file (
        line int, prefix text, destination text, price_per_minute numeric, increment_seconds int,
        minimum_seconds int, connection_fee numeric, free_seconds int, first_block_seconds int,
        grace_seconds int, valid_from timestamp, valid_to timestamp
    ) ON COMMIT DROP
"""
STAGE = """
    INSERT INTO call_rate_import_file
    SELECT f.line, f.prefix, f.destination, f.price, f.increment, f.minimum, f.fee, f.free, f.first_block,
           f.grace, COALESCE(f.valid_from, p.valid_from), f.valid_to
      FROM (SELECT %s::timestamp) AS p(valid_from),
           unnest(%s::int[], %s::text[], %s::text[], %s::numeric[], %s::int[], %s::int[], %s::numeric[],
                  %s::int[], %s::int[], %s::int[], %s::timestamp[], %s::timestamp[])
           AS f(line, prefix, destination, price, increment, minimum, fee, free, first_block, grace, valid_from,
                valid_to)
"""
REPEATED = """
    SELECT line, prefix, first FROM (
           SELECT line, prefix, first_value(line) OVER (PARTITION BY prefix ORDER BY line) AS first
             FROM call_rate_import_file) l
     WHERE line > first ORDER BY line
"""
# Of several rates of a prefix in force the one that began last applies, then the youngest: as in
# the rating.
IN_FORCE = """
    SELECT DISTINCT ON (COALESCE(r.prefix, '')) r.id, COALESCE(r.prefix, '') AS prefix, r.destination,
           r.price_per_minute, r.increment_seconds, COALESCE(r.minimum_seconds, 0) AS minimum_seconds,
           COALESCE(r.connection_fee, 0) AS connection_fee, COALESCE(r.free_seconds, 0) AS free_seconds,
           COALESCE(r.first_block_seconds, 0) AS first_block_seconds, COALESCE(r.grace_seconds, 0) AS grace_seconds,
           r.valid_to
      FROM call_rate r
      LEFT JOIN call_rate_import_file f ON f.prefix = COALESCE(r.prefix, '')
     WHERE r.plan_id = %(plan)s AND r.call_type = %(call_type)s AND r.direction = %(direction)s
       AND (r.valid_from IS NULL OR r.valid_from <= COALESCE(f.valid_from, %(valid_from)s))
       AND (r.valid_to IS NULL OR r.valid_to > COALESCE(f.valid_from, %(valid_from)s))
     ORDER BY COALESCE(r.prefix, ''), r.valid_from DESC NULLS LAST, r.id DESC
"""
# Each of the three answers how many lines it kept, by kind.
KEEP = """
    WITH kept AS (
        INSERT INTO call_rate_import_line
               (import_id, create_uid, write_uid, create_date, write_date, line, kind, rate_number, prefix,
                destination, old_price, old_connection_fee, old_terms, price_per_minute, increment_seconds,
                minimum_seconds, connection_fee, free_seconds, first_block_seconds, grace_seconds, valid_from, valid_to)
        SELECT %(import)s, %(uid)s, %(uid)s, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC', found.*
          FROM ({found}) found
     RETURNING kind)
    SELECT kind, count(*) FROM kept GROUP BY kind
"""
# What a line says beside the rate `c` that it follows. What it leaves open stays as it was; a minimum
# leaves no room for a first block.
SAID = """
    f.price_per_minute, COALESCE(f.increment_seconds, c.increment_seconds, 60),
    COALESCE(f.minimum_seconds, c.minimum_seconds, 0), COALESCE(f.connection_fee, c.connection_fee, 0),
    COALESCE(f.free_seconds, c.free_seconds, 0),
    COALESCE(f.first_block_seconds, CASE WHEN f.minimum_seconds > 0 THEN 0 ELSE c.first_block_seconds END, 0),
    COALESCE(f.grace_seconds, c.grace_seconds, 0)
"""
WAS = """
    c.price_per_minute, c.increment_seconds, c.minimum_seconds, c.connection_fee, c.free_seconds,
    c.first_block_seconds, c.grace_seconds
"""
# What was agreed besides the prices, to be shown beside what is new.
TERMS_WERE = """
    CASE WHEN c.id IS NOT NULL THEN jsonb_build_object(
         'increment_seconds', c.increment_seconds, 'minimum_seconds', c.minimum_seconds,
         'first_block_seconds', c.first_block_seconds, 'free_seconds', c.free_seconds,
         'grace_seconds', c.grace_seconds, 'valid_to', c.valid_to) END
"""
# A line that says no end leaves it as it is.
ENDS = "(f.valid_to IS NOT NULL AND f.valid_to IS DISTINCT FROM c.valid_to)"
COMPARE = KEEP.format(
    found=f"""
        SELECT f.line,
               CASE WHEN c.id IS NULL THEN 'new'
                    WHEN ({SAID}) IS DISTINCT FROM ({WAS}) OR {ENDS} THEN 'changed'
                    ELSE 'renamed' END AS kind,
               c.id, f.prefix, f.destination, c.price_per_minute AS old_price,
               c.connection_fee AS old_connection_fee, {TERMS_WERE} AS old_terms, {SAID}, f.valid_from, f.valid_to
          FROM call_rate_import_file f LEFT JOIN ({IN_FORCE}) c ON c.prefix = f.prefix
         WHERE c.id IS NULL
            OR ({SAID}) IS DISTINCT FROM ({WAS}) OR {ENDS}
            OR (f.destination <> '' AND f.destination <> COALESCE(c.destination, ''))
         ORDER BY f.line
    """
)
# The plan's rates that the file does not speak of.
MISSING = KEEP.format(
    found=f"""
        SELECT NULL::int, 'missing', c.id, c.prefix, c.destination, c.price_per_minute, c.connection_fee,
               NULL::jsonb, NULL::numeric, NULL::int, NULL::int, NULL::numeric, NULL::int, NULL::int, NULL::int,
               %(valid_from)s::timestamp, NULL::timestamp
          FROM ({IN_FORCE}) c
         WHERE NOT EXISTS (SELECT FROM call_rate_import_file f WHERE f.prefix = c.prefix)
         ORDER BY c.prefix
    """
)
LATER = KEEP.format(
    found="""
        SELECT NULL::int, 'later', r.id, f.prefix, r.destination, r.price_per_minute, r.connection_fee,
               NULL::jsonb, NULL::numeric, NULL::int, NULL::int, NULL::numeric, NULL::int, NULL::int, NULL::int,
               r.valid_from, NULL::timestamp
          FROM call_rate r
          JOIN call_rate_import_file f ON f.prefix = COALESCE(r.prefix, '')
         WHERE r.plan_id = %(plan)s AND r.call_type = %(call_type)s AND r.direction = %(direction)s
           AND r.valid_from > f.valid_from AND (r.valid_to IS NULL OR r.valid_to > r.valid_from)
         ORDER BY f.prefix, r.valid_from
    """
)
# Each of these does one thing to rates that were there, and keeps in the import's trace what it has to know to take it
# back: the rates' ids, what was, and what is now. Each answers how many rates it touched.
TRACED = """
    WITH found AS ({found}),
    done AS (
        UPDATE call_rate r SET {column} = f.becomes, write_uid = %(uid)s, write_date = now() AT TIME ZONE 'UTC'
          FROM found f WHERE f.id = r.id RETURNING r.id, f.was, f.becomes),
    kept AS (
        SELECT COALESCE(jsonb_agg(id), '[]') AS ids, COALESCE(jsonb_agg(was), '[]') AS was,
               COALESCE(jsonb_agg(becomes), '[]') AS becomes, count(*) AS touched
          FROM done)
    UPDATE call_rate_import i
       SET trace = COALESCE(trace, '{{}}'::jsonb)
           || jsonb_build_object('{name}', jsonb_build_object('ids', ids, 'was', was, 'becomes', becomes))
      FROM kept WHERE i.id = %(import)s RETURNING touched
"""
# A rate that began at that very moment is left without a moment to be in force.
ENDING = """
        SELECT r.id, r.valid_to AS was, f.valid_from AS becomes
          FROM call_rate r JOIN call_rate_import_line f ON f.prefix = COALESCE(r.prefix, '')
         WHERE f.import_id = %(import)s AND {kinds}
           AND r.plan_id = %(plan)s AND r.call_type = %(call_type)s AND r.direction = %(direction)s
           AND (r.valid_from IS NULL OR r.valid_from <= f.valid_from)
           AND (r.valid_to IS NULL OR r.valid_to > f.valid_from)"""
CLOSE = TRACED.format(name="replaced", column="valid_to", found=ENDING.format(kinds="f.kind IN ('new', 'changed')"))
CLOSE_MISSING = TRACED.format(
    name="missing", column="valid_to", found=ENDING.format(kinds="%(close_missing)s AND f.kind = 'missing'")
)
# Rates that a line names by their id.
NAMED = """
        SELECT r.id, r.{column} AS was, {becomes} AS becomes
          FROM call_rate r JOIN call_rate_import_line f ON f.rate_number = r.id
         WHERE f.import_id = %(import)s AND {lines}"""
WITHDRAW = TRACED.format(
    name="withdrawn",
    column="valid_to",
    found=NAMED.format(column="valid_to", becomes="r.valid_from", lines="%(replace_later)s AND f.kind = 'later'"),
)
RENAME = TRACED.format(
    name="renamed",
    column="destination",
    found=NAMED.format(column="destination", becomes="f.destination", lines="f.kind = 'renamed'"),
)
ADD = """
    WITH added AS (
        INSERT INTO call_rate
               (plan_id, call_type, direction, prefix, destination, price_per_minute, increment_seconds,
                minimum_seconds, connection_fee, free_seconds, first_block_seconds, grace_seconds, valid_from,
                valid_to, create_uid, write_uid, create_date, write_date)
        SELECT %(plan)s, %(call_type)s, %(direction)s, NULLIF(prefix, ''), NULLIF(destination, ''), price_per_minute,
               increment_seconds, minimum_seconds, connection_fee, free_seconds, first_block_seconds, grace_seconds,
               valid_from, valid_to, %(uid)s, %(uid)s, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
          FROM call_rate_import_line
         WHERE import_id = %(import)s AND kind IN ('new', 'changed') ORDER BY id
     RETURNING id)
    UPDATE call_rate_import
       SET trace = COALESCE(trace, '{}'::jsonb)
           || jsonb_build_object('added', jsonb_build_object('ids', (SELECT COALESCE(jsonb_agg(id), '[]') FROM added)))
     WHERE id = %(import)s
"""

# === UNDO === #

# What an import did to rates, by one name of its trace.
TRACE = """
    SELECT t.id::int, t.was, t.becomes
      FROM call_rate_import i,
           ROWS FROM (jsonb_array_elements_text(i.trace #> '{{{name},ids}}'),
                      jsonb_array_elements_text(i.trace #> '{{{name},was}}'),
                      jsonb_array_elements_text(i.trace #> '{{{name},becomes}}')) AS t(id, was, becomes)
     WHERE i.id = %(import)s"""
ENDED = " UNION ALL ".join(TRACE.format(name=name) for name in ("replaced", "missing", "withdrawn"))
RENAMED = TRACE.format(name="renamed")
ADDED = """
    SELECT t.id::int FROM call_rate_import i, jsonb_array_elements_text(i.trace #> '{added,ids}') AS t(id)
     WHERE i.id = %(import)s"""
# The prefixes of rates that are not as the import left them: edited, deleted, or ended by another import.
TOUCHED = f"""
    SELECT prefix FROM (
        SELECT COALESCE(r.prefix, f.prefix, '') AS prefix
          FROM ({ENDED}) t
          LEFT JOIN call_rate r ON r.id = t.id AND r.plan_id = %(plan)s
          LEFT JOIN call_rate_import_line f ON f.import_id = %(import)s AND f.rate_number = t.id
         WHERE r.id IS NULL OR r.valid_to IS DISTINCT FROM t.becomes::timestamp
            OR (f.id IS NOT NULL AND r.price_per_minute <> f.old_price)
         UNION
        SELECT COALESCE(r.prefix, f.prefix, '')
          FROM ({RENAMED}) t
          LEFT JOIN call_rate r ON r.id = t.id AND r.plan_id = %(plan)s
          LEFT JOIN call_rate_import_line f ON f.import_id = %(import)s AND f.rate_number = t.id
         WHERE r.id IS NULL OR r.destination IS DISTINCT FROM t.becomes
         UNION
        SELECT COALESCE(f.prefix, r.prefix, '')
          FROM (SELECT * FROM call_rate_import_line
                 WHERE import_id = %(import)s AND kind IN ('new', 'changed')) f
          FULL JOIN (SELECT * FROM call_rate WHERE id IN ({ADDED}) AND plan_id = %(plan)s
                        AND call_type = %(call_type)s AND direction = %(direction)s) r
                 ON f.prefix = COALESCE(r.prefix, '')
         WHERE r.id IS NULL OR f.id IS NULL
            OR (r.price_per_minute, r.increment_seconds, r.minimum_seconds, r.connection_fee, r.free_seconds,
                r.first_block_seconds, r.grace_seconds, r.valid_from, COALESCE(r.destination, ''))
               IS DISTINCT FROM
               (f.price_per_minute, f.increment_seconds, f.minimum_seconds, f.connection_fee, f.free_seconds,
                f.first_block_seconds, f.grace_seconds, f.valid_from, COALESCE(f.destination, ''))
            OR r.valid_to IS DISTINCT FROM f.valid_to) touched
     ORDER BY prefix
"""
REOPEN = f"""
    UPDATE call_rate r
       SET valid_to = t.was::timestamp, write_uid = %(uid)s, write_date = now() AT TIME ZONE 'UTC'
      FROM ({ENDED}) t WHERE t.id = r.id
"""
RENAME_BACK = f"""
    UPDATE call_rate r
       SET destination = t.was, write_uid = %(uid)s, write_date = now() AT TIME ZONE 'UTC'
      FROM ({RENAMED}) t WHERE t.id = r.id
"""
# A rate by which a call was charged, held or corrected stays for those who look the call up, and is never in force.
USED = """
    EXISTS (SELECT FROM call_usage u WHERE u.rate_id = r.id)
    OR EXISTS (SELECT FROM call_wallet_hold h WHERE h.rate_id = r.id)
    OR EXISTS (SELECT FROM call_usage_correction c WHERE c.rate_id = r.id)
"""
WITHDRAW_USED = f"""
    UPDATE call_rate r
       SET valid_to = valid_from, write_uid = %(uid)s, write_date = now() AT TIME ZONE 'UTC'
     WHERE r.id IN ({ADDED}) AND ({USED})
"""
REMOVE_UNUSED = f"DELETE FROM call_rate r WHERE r.id IN ({ADDED}) AND NOT ({USED})"

# === SUMS === #

# Of the prices that change: which way, how many, by how many percent on average, and by how much at most. What was free
# has no percents.
SUMS = """
    SELECT up, count(*), round(avg(percent), 2) AS percent,
           (array_agg(ARRAY[prefix, old_price::text, price_per_minute::text]
                      ORDER BY abs(percent) DESC NULLS LAST, abs(price_per_minute - old_price) DESC, id))[1:1]
      FROM (SELECT id, prefix, old_price, price_per_minute, price_per_minute > old_price AS up,
                   (price_per_minute - old_price) * 100 / NULLIF(old_price, 0) AS percent
              FROM call_rate_import_line
             WHERE import_id = %s AND kind = 'changed' AND price_per_minute <> old_price) changed
     GROUP BY up
"""
# How many changed rates have another connection fee, and how many other terms, such as the increment.
OTHER_SUMS = """
    SELECT count(*) FILTER (WHERE connection_fee > old_connection_fee) AS fee_up_count,
           count(*) FILTER (WHERE connection_fee < old_connection_fee) AS fee_down_count,
           count(*) FILTER (WHERE old_terms - 'valid_to' <> jsonb_build_object(
               'increment_seconds', increment_seconds, 'minimum_seconds', minimum_seconds,
               'first_block_seconds', first_block_seconds, 'free_seconds', free_seconds,
               'grace_seconds', grace_seconds)) AS terms_count
      FROM call_rate_import_line WHERE import_id = %s AND kind = 'changed'
"""
