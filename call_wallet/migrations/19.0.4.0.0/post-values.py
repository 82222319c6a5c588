"""Note what earlier entries of the posting, and releases, are worth on the deposits in the company's currency.

The reconciliation compares that with the journal items. Earlier versions noted amounts alone: where the wallet's
currency is the company's, these are the values; else the items' own values are taken once, as they stand.
"""


def migrate(cr, version):
    """Fill the table and the column; called by Odoo once, with the version that was installed."""
    cr.execute(POSTED)
    cr.execute(RELEASED)


ITEMS = """
    SELECT l.move_id, l.call_wallet_id AS wallet_id, sum(l.balance) AS value
      FROM account_move m
      JOIN account_move_line l ON l.move_id = m.id
      JOIN account_account a ON a.id = l.account_id
     WHERE {which} AND l.call_wallet_id IS NOT NULL
       AND a.account_type IN ('liability_current', 'liability_non_current')
     GROUP BY l.move_id, l.call_wallet_id
"""

POSTED = f"""
    INSERT INTO call_wallet_posted_value (move_id, wallet_id, value)
    SELECT COALESCE(e.move_id, i.move_id), COALESCE(e.wallet_id, i.wallet_id),
           CASE WHEN w.currency_id = c.currency_id THEN COALESCE(e.posted_amount, i.value)
                ELSE COALESCE(i.value, 0) END
      FROM call_wallet_posted_entry e
      FULL JOIN ({ITEMS.format(which="m.call_wallet_posting_id IS NOT NULL")}) i
             ON i.move_id = e.move_id AND i.wallet_id = e.wallet_id
      JOIN call_wallet w ON w.id = COALESCE(e.wallet_id, i.wallet_id)
      JOIN res_company c ON c.id = w.company_id
    ON CONFLICT DO NOTHING
"""

RELEASED = f"""
    UPDATE account_move m
       SET call_wallet_released_value = i.value
      FROM ({ITEMS.format(which="m.call_wallet_released_topup_id IS NOT NULL")}) i
     WHERE i.move_id = m.id
"""
