"""What settled an invoice, and how much of it was money: one definition for the credit and the reconciliation."""

# Money is a payment or a line of a bank statement. What such an entry books to one of the company's fee accounts is
# the seller's cost, and tax on it was withheld by the customer and paid to the state for the seller: both count as
# received. Anything else that it writes off does not: of a payment that settled 100 with 95, each partial counts for
# 95 %. A payment that bounced (`rejected`) keeps its entry and its partials. A payment in a provider's test mode is
# no money, and one that anybody may have reported as successful may be none.
_DIRECT = """
    SELECT invoiced.move_id AS invoice_id, p.max_date, p.debit_amount_currency AS settled,
           CASE WHEN (payment.state IN ('in_process', 'paid') OR entry.statement_line_id IS NOT NULL)
                 AND (tx.id IS NULL OR tx.is_live OR company.call_wallet_accept_test_payments)
                 AND tx.call_wallet_is_unsigned IS NOT TRUE
                THEN p.debit_amount_currency * COALESCE(LEAST(1, GREATEST(0, cash.received / cash.settled)), 0)
                ELSE 0 END AS received,
           CASE WHEN entry.move_type = 'out_refund' THEN entry.reversed_entry_id END AS note_of
      FROM account_move_line invoiced
      JOIN account_partial_reconcile p ON p.debit_move_id = invoiced.id
      JOIN account_move_line paid ON paid.id = p.credit_move_id
      JOIN account_move entry ON entry.id = paid.move_id
      JOIN account_journal journal ON journal.id = entry.journal_id
      LEFT JOIN account_payment payment ON payment.id = entry.origin_payment_id
      LEFT JOIN payment_transaction tx ON tx.id = payment.payment_transaction_id
      JOIN res_company company ON company.id = invoiced.company_id
     CROSS JOIN LATERAL (
           SELECT sum(line.balance) FILTER (
                      WHERE line.account_id IN (payment.outstanding_account_id, journal.default_account_id)
                         OR line.account_id = ANY(%(fees)s)
                         OR line.tax_line_id IS NOT NULL
                  ) AS received,
                  NULLIF(sum(line.credit) FILTER (WHERE line.account_id = paid.account_id), 0) AS settled
             FROM account_move_line line
            WHERE line.move_id = entry.id
           ) cash
     WHERE invoiced.move_id = {invoice}
       AND entry.state = 'posted'
       AND entry.reversed_entry_id IS DISTINCT FROM invoiced.move_id
"""


def settlements(invoice):
    """Return the query of what settled one invoice: its partials' ``max_date``, ``settled`` and ``received``.

    Amounts are in the invoice's currency, tax included. Credit notes of the invoice itself are left out. A credit
    note of another invoice is the customer's money as far as that invoice was paid with money. Parameter: ``fees``,
    ids of the company's fee accounts.

    :param str invoice: an SQL expression, the invoice's id
    """
    return f"""
        SELECT s.invoice_id, s.max_date, s.settled,
               CASE WHEN s.note_of IS NULL THEN s.received
                    ELSE s.settled * COALESCE(
                        (SELECT LEAST(1, sum(o.received) / NULLIF(max(origin.amount_total), 0))
                           FROM account_move origin
                          CROSS JOIN LATERAL ({_DIRECT.format(invoice="origin.id")}) o
                          WHERE origin.id = s.note_of AND origin.state = 'posted'), 0)
               END AS received
          FROM ({_DIRECT.format(invoice=invoice)}) s
    """


RECEIVED = f"""
    SELECT COALESCE(sum(s.received), 0)::text, COALESCE(sum(s.settled - s.received), 0)::text
      FROM ({settlements("%(invoice)s")}) s
"""
