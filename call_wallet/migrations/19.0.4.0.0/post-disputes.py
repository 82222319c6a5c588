"""Carry what open disputes hold over to the wallets of which it is held."""


def migrate(cr, version):
    """Fill the new table; called by Odoo once. A second run changes nothing."""
    cr.execute("""
        INSERT INTO call_wallet_stripe_held (return_id, wallet_id, amount)
        SELECT id, wallet_id, held_amount
          FROM call_wallet_stripe_return
         WHERE held_amount <> 0 AND wallet_id IS NOT NULL
            ON CONFLICT DO NOTHING
    """)
