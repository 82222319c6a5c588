"""Holds know the direction of their calls; all before were outbound."""


def migrate(cr, version):
    # A constant default is kept beside the table: no row is rewritten, however many there are.
    cr.execute("ALTER TABLE call_wallet_hold ADD COLUMN IF NOT EXISTS direction varchar NOT NULL DEFAULT 'outbound'")
    cr.execute("ALTER TABLE call_wallet_hold ALTER COLUMN direction DROP DEFAULT")
