"""The invoices of a wallet's top-ups by status: what ``account.move._compute_call_wallet_status`` says of each one."""

# A payment that bounced keeps its entry and what it settled, and Odoo calls the invoice paid all the same. It is only
# looked for where the wallet did not get all of the top-up, which is rare.
BOUNCED = """
    EXISTS (SELECT FROM account_move_line invoiced
              JOIN account_account account ON account.id = invoiced.account_id
              JOIN account_partial_reconcile p ON invoiced.id IN (p.debit_move_id, p.credit_move_id)
              JOIN account_move_line paid ON paid.id IN (p.debit_move_id, p.credit_move_id) AND paid.id != invoiced.id
              JOIN account_move entry ON entry.id = paid.move_id
              JOIN account_payment payment ON payment.id = entry.origin_payment_id
             WHERE invoiced.move_id = m.id AND account.account_type IN ('asset_receivable', 'liability_payable')
               AND payment.state IN ('draft', 'rejected', 'canceled'))
"""

# Of one wallet, drafts left out. Parameters: ``wallet``; ``first`` and ``last``, the dates, each NULL for no limit;
# ``status``, NULL for any.
INVOICES = f"""
    SELECT i.*
      FROM (SELECT t.id AS topup_id, t.accepted_at, t.invoice_id, m.amount_total, m.amount_residual,
                   CASE WHEN m.state = 'cancel' OR (m.payment_state = 'reversed' AND t.credited_amount = 0)
                        THEN 'cancelled'
                        WHEN t.state IN ('settled', 'released') THEN 'closed'
                        WHEN m.payment_state IN ('paid', 'in_payment', 'reversed')
                         AND (t.credited_amount >= t.amount OR NOT {BOUNCED}) THEN 'paid'
                        ELSE 'pending' END AS status
              FROM call_wallet_topup t
              JOIN account_move m ON m.id = t.invoice_id
             WHERE t.wallet_id = %(wallet)s AND m.state != 'draft'
               AND (%(first)s::date IS NULL OR m.invoice_date >= %(first)s::date)
               AND (%(last)s::date IS NULL OR m.invoice_date <= %(last)s::date)) i
     WHERE %(status)s::text IS NULL OR i.status = %(status)s::text
"""

# The newest first. Parameters: also ``limit`` and ``offset``.
INVOICES_OF_A_PAGE = f"""
    SELECT invoice_id FROM ({INVOICES}) i ORDER BY accepted_at DESC, topup_id DESC LIMIT %(limit)s OFFSET %(offset)s
"""

INVOICE_TOTALS = f"""
    SELECT status, count(*), sum(amount_total)::text, sum(amount_residual)::text FROM ({INVOICES}) i GROUP BY status
"""
