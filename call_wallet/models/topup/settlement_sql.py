"""What settled an invoice, and how much of it was money: one definition for the credit and the reconciliation."""

# Money is a payment or a line of a bank statement. It came on the account on which the payment waits, or on one of a
# bank, of cash or of a card: a journal's own account may have been another one at that time. What such an entry books
# to one of the company's fee accounts is the seller's cost, and tax on it was withheld by the customer and paid to
# the state for the seller: both count as received. Anything else that it writes off does not: of a payment that
# settled 100 with 95, each partial counts for 95 %. A payment that bounced (`rejected`) keeps its entry and its
# partials. A payment in a provider's test mode is no money, and one that anybody may have reported as successful may
# be none.
_DIRECT = """
    SELECT invoiced.move_id AS invoice_id, p.max_date, paid.date AS paid_on, p.debit_amount_currency AS settled,
           CASE WHEN (payment.state IN ('in_process', 'paid') OR entry.statement_line_id IS NOT NULL)
                 AND (tx.id IS NULL OR tx.is_live OR company.call_wallet_accept_test_payments)
                 AND tx.call_wallet_is_unsigned IS NOT TRUE
                THEN p.debit_amount_currency * COALESCE(LEAST(1, GREATEST(0, cash.received / cash.settled)), 0)
                ELSE 0 END AS received,
           p.debit_amount_currency * COALESCE(LEAST(1, GREATEST(0, cash.fee / cash.settled)), 0) AS fee,
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
                         OR account.account_type IN ('asset_cash', 'liability_credit_card')
                         OR line.account_id = ANY(%(fees)s)
                         OR line.tax_line_id IS NOT NULL
                  ) AS received,
                  sum(line.balance) FILTER (WHERE line.account_id = ANY(%(fees)s)) AS fee,
                  NULLIF(sum(line.credit) FILTER (WHERE line.account_id = paid.account_id), 0) AS settled
             FROM account_move_line line
             LEFT JOIN account_account account ON account.id = line.account_id
            WHERE line.move_id = entry.id
           ) cash
     WHERE invoiced.move_id = {invoice}
       AND entry.state = 'posted'
       AND entry.reversed_entry_id IS DISTINCT FROM invoiced.move_id
"""


# How much of each of an invoice's credit notes is money where it is used on something else (0 to 1). The invoice keeps
# what it still asks for, and what was sent back is gone; of what came beyond that, each use has its share. Paid 60 of
# 100 and credited with 100: 40 of the note settles what is open, and the other 60 is all money. NULL (nothing came)
# has to be made zero before LEAST, which passes it over.
_SHARE = """
    SELECT GREATEST(0, LEAST(1, COALESCE(
               (came.received - used.sent_back - GREATEST(0, origin.amount_total - noted.total))
               / NULLIF(noted.total - used.on_invoice - used.sent_back, 0), 0)))
      FROM account_move origin
     CROSS JOIN LATERAL (SELECT COALESCE(sum(o.received), 0) AS received FROM ({settlements}) o) came
     CROSS JOIN LATERAL (
           SELECT sum(note.amount_total) AS total
             FROM account_move note
            WHERE note.reversed_entry_id = origin.id AND note.state = 'posted' AND note.move_type = 'out_refund'
           ) noted
     CROSS JOIN LATERAL (
           SELECT COALESCE(sum(p.credit_amount_currency) FILTER (WHERE paid.move_id = origin.id), 0) AS on_invoice,
                  COALESCE(sum(p.credit_amount_currency) FILTER (
                      WHERE payment.state IN ('in_process', 'paid') OR entry.statement_line_id IS NOT NULL
                  ), 0) AS sent_back
             FROM account_move note
             JOIN account_move_line credited ON credited.move_id = note.id
             JOIN account_partial_reconcile p ON p.credit_move_id = credited.id
             JOIN account_move_line paid ON paid.id = p.debit_move_id
             JOIN account_move entry ON entry.id = paid.move_id AND entry.state = 'posted'
             LEFT JOIN account_payment payment ON payment.id = entry.origin_payment_id
            WHERE note.reversed_entry_id = origin.id AND note.state = 'posted' AND note.move_type = 'out_refund'
           ) used
     WHERE origin.id = s.note_of AND origin.state = 'posted'
"""

# An invoice may be paid with the note of one that was itself paid with a note: so often, and no further.
NOTES_IN_A_ROW = 3


def settlements(invoice, notes=NOTES_IN_A_ROW):
    """Return the query of what settled one invoice, by partial.

    Its columns are ``max_date``, ``paid_on`` (the date of the payment alone), ``settled``, ``received``, ``by_note``.

    Amounts are in the invoice's currency, tax included. Credit notes of the invoice itself are left out. A credit
    note of another invoice is the customer's money as far as money came for that invoice and is not used there.
    Parameter: ``fees``, ids of the company's fee accounts.

    :param str invoice: an SQL expression, the invoice's id
    :param int notes: through how many credit notes, one after the other, money is followed
    """
    share = _SHARE.format(settlements=settlements("origin.id", notes - 1)) if notes else "SELECT 0"
    return f"""
        SELECT s.invoice_id, s.max_date, s.paid_on, s.settled, s.note_of IS NOT NULL AS by_note,
               CASE WHEN s.note_of IS NULL THEN s.received ELSE s.settled * COALESCE(({share}), 0) END AS received
          FROM ({_DIRECT.format(invoice=invoice)}) s
    """


# A payment that is dated ahead, such as a cheque, settles on its day: the books have it from then on.
def _received(notes):
    return f"""
        SELECT COALESCE(sum(s.received), 0)::text, COALESCE(sum(s.settled - s.received), 0)::text,
               COALESCE(bool_or(s.by_note), false)
          FROM ({settlements("%(invoice)s", notes)}) s
         WHERE s.paid_on <= %(today)s
    """


# Planning how notes are followed takes PostgreSQL a hundred times as long as carrying it out. So it is asked without
# them first; the third column tells whether a note paid the invoice, and the question has to be asked again.
RECEIVED, RECEIVED_BY_NOTES = _received(0), _received(NOTES_IN_A_ROW)

# What banks kept of what counts as received on an invoice, in its currency.
FEE = f"""
    SELECT COALESCE(sum(LEAST(s.fee, s.received)), 0)::text FROM ({_DIRECT.format(invoice="%(invoice)s")}) s
     WHERE s.paid_on <= %(today)s
"""

# The time zones of those who entered, with a later date, what settles an invoice.
ENTERED_IN = """
    SELECT DISTINCT partner.tz
      FROM account_move_line invoiced
      JOIN account_partial_reconcile p ON p.debit_move_id = invoiced.id
      JOIN account_move_line paid ON paid.id = p.credit_move_id AND paid.date > %(today)s
      JOIN res_users author ON author.id = paid.create_uid
      JOIN res_partner partner ON partner.id = author.partner_id
     WHERE invoiced.move_id = %(invoice)s
       AND partner.tz IS NOT NULL
"""
