"""The statements of the rate import: a file is compared and applied as a whole, not line by line."""

# Seen by this transaction alone, and gone with it.
FILE = """
    CREATE TEMPORARY TABLE call_rate_import_file (
        line int, prefix text, destination text, price_per_minute numeric, increment_seconds int,
        minimum_seconds int, connection_fee numeric, free_seconds int, first_block_seconds int,
        grace_seconds int, valid_from timestamp
    ) ON COMMIT DROP
"""
STAGE = """
    INSERT INTO call_rate_import_file
    SELECT f.line, f.prefix, f.destination, f.price, f.increment, f.minimum, f.fee, f.free, f.first_block,
           f.grace, COALESCE(f.valid_from, p.valid_from)
      FROM (SELECT %s::timestamp) AS p(valid_from),
           unnest(%s::int[], %s::text[], %s::text[], %s::numeric[], %s::int[], %s::int[], %s::numeric[],
                  %s::int[], %s::int[], %s::int[], %s::timestamp[])
           AS f(line, prefix, destination, price, increment, minimum, fee, free, first_block, grace, valid_from)
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
           COALESCE(r.first_block_seconds, 0) AS first_block_seconds, COALESCE(r.grace_seconds, 0) AS grace_seconds
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
                destination, old_price, price_per_minute, increment_seconds, minimum_seconds, connection_fee,
                free_seconds, first_block_seconds, grace_seconds, valid_from)
        SELECT %(import)s, %(uid)s, %(uid)s, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC', found.*
          FROM ({found}) found
     RETURNING kind)
    SELECT kind, count(*) FROM kept GROUP BY kind
"""
# What a line says beside the rate `c` that it follows. What it leaves open stays as it was; a minimum
# leaves no room for a first block.
SAID = """
    f.price_per_minute, f.increment_seconds, f.minimum_seconds, f.connection_fee,
    COALESCE(f.free_seconds, c.free_seconds, 0),
    COALESCE(f.first_block_seconds, CASE WHEN f.minimum_seconds > 0 THEN 0 ELSE c.first_block_seconds END, 0),
    COALESCE(f.grace_seconds, c.grace_seconds, 0)
"""
WAS = """
    c.price_per_minute, c.increment_seconds, c.minimum_seconds, c.connection_fee, c.free_seconds,
    c.first_block_seconds, c.grace_seconds
"""
COMPARE = KEEP.format(
    found=f"""
        SELECT f.line,
               CASE WHEN c.id IS NULL THEN 'new'
                    WHEN ({SAID}) IS DISTINCT FROM ({WAS}) THEN 'changed'
                    ELSE 'renamed' END AS kind,
               c.id, f.prefix, f.destination, c.price_per_minute AS old_price, {SAID}, f.valid_from
          FROM call_rate_import_file f LEFT JOIN ({IN_FORCE}) c ON c.prefix = f.prefix
         WHERE c.id IS NULL
            OR ({SAID}) IS DISTINCT FROM ({WAS})
            OR (f.destination <> '' AND f.destination <> COALESCE(c.destination, ''))
         ORDER BY f.line
    """
)
# The plan's rates that the file does not speak of.
MISSING = KEEP.format(
    found=f"""
        SELECT NULL::int, 'missing', c.id, c.prefix, c.destination, c.price_per_minute, NULL::numeric, NULL::int,
               NULL::int, NULL::numeric, NULL::int, NULL::int, NULL::int, %(valid_from)s::timestamp
          FROM ({IN_FORCE}) c
         WHERE NOT EXISTS (SELECT FROM call_rate_import_file f WHERE f.prefix = c.prefix)
         ORDER BY c.prefix
    """
)
LATER = KEEP.format(
    found="""
        SELECT NULL::int, 'later', r.id, f.prefix, r.destination, r.price_per_minute, NULL::numeric, NULL::int,
               NULL::int, NULL::numeric, NULL::int, NULL::int, NULL::int, r.valid_from
          FROM call_rate r
          JOIN call_rate_import_file f ON f.prefix = COALESCE(r.prefix, '')
         WHERE r.plan_id = %(plan)s AND r.call_type = %(call_type)s AND r.direction = %(direction)s
           AND r.valid_from > f.valid_from AND (r.valid_to IS NULL OR r.valid_to > r.valid_from)
         ORDER BY f.prefix, r.valid_from
    """
)
# A rate that began at that very moment is left without a moment to be in force.
CLOSE = """
    UPDATE call_rate r
       SET valid_to = f.valid_from, write_uid = %(uid)s, write_date = now() AT TIME ZONE 'UTC'
      FROM call_rate_import_line f
     WHERE f.import_id = %(import)s AND f.kind IN ('new', 'changed') AND f.prefix = COALESCE(r.prefix, '')
       AND r.plan_id = %(plan)s AND r.call_type = %(call_type)s AND r.direction = %(direction)s
       AND (r.valid_from IS NULL OR r.valid_from <= f.valid_from)
       AND (r.valid_to IS NULL OR r.valid_to > f.valid_from)
"""
CLOSE_MISSING = """
    UPDATE call_rate r
       SET valid_to = f.valid_from, write_uid = %(uid)s, write_date = now() AT TIME ZONE 'UTC'
      FROM call_rate_import_line f
     WHERE %(close_missing)s AND f.import_id = %(import)s AND f.kind = 'missing' AND f.prefix = COALESCE(r.prefix, '')
       AND r.plan_id = %(plan)s AND r.call_type = %(call_type)s AND r.direction = %(direction)s
       AND (r.valid_from IS NULL OR r.valid_from <= f.valid_from)
       AND (r.valid_to IS NULL OR r.valid_to > f.valid_from)
"""
WITHDRAW = """
    UPDATE call_rate r
       SET valid_to = r.valid_from, write_uid = %(uid)s, write_date = now() AT TIME ZONE 'UTC'
      FROM call_rate_import_line f
     WHERE %(replace_later)s AND f.import_id = %(import)s AND f.kind = 'later' AND f.rate_number = r.id
"""
ADD = """
    INSERT INTO call_rate
           (plan_id, call_type, direction, prefix, destination, price_per_minute, increment_seconds,
            minimum_seconds, connection_fee, free_seconds, first_block_seconds, grace_seconds, valid_from,
            create_uid, write_uid, create_date, write_date)
    SELECT %(plan)s, %(call_type)s, %(direction)s, NULLIF(prefix, ''), NULLIF(destination, ''), price_per_minute,
           increment_seconds, minimum_seconds, connection_fee, free_seconds, first_block_seconds, grace_seconds,
           valid_from, %(uid)s, %(uid)s, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
      FROM call_rate_import_line
     WHERE import_id = %(import)s AND kind IN ('new', 'changed') ORDER BY id
"""
RENAME = """
    UPDATE call_rate r
       SET destination = f.destination, write_uid = %(uid)s, write_date = now() AT TIME ZONE 'UTC'
      FROM call_rate_import_line f
     WHERE f.import_id = %(import)s AND f.kind = 'renamed' AND f.rate_number = r.id
"""
