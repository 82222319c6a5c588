"""The queries of the reconciliation.

Each returns the wallet's id and one or more of the ``Figures``, named by its column. Amounts are in the wallet's
currency, values in the company's. Parameters: ``company``, ``date``, ``month`` (its first day), ``accounts`` (the
deposit accounts), and ``wallets``, unless ``all``; ``fees``, the company's fee accounts; ``own``, its currency, and
``unit``, the smallest amount of that; ``openings``, the first days of its fiscal years, and ``turns``, those and the
last days.
"""

from ..topup.settlement_sql import NOTES_IN_A_ROW, settlements

SCOPE = "w.company_id = %(company)s AND (%(all)s OR w.id = ANY(%(wallets)s))"

WALLETS = f"SELECT w.id FROM call_wallet w WHERE {SCOPE}"

ROLL_FORWARD = f"""
    SELECT d.wallet_id,
           COALESCE(sum(d.amount) FILTER (WHERE d.day < %(month)s), 0)::text AS opening,
           COALESCE(sum(d.amount) FILTER (WHERE d.day >= %(month)s AND d.type = 'balance_added'), 0)::text AS added,
           COALESCE(-sum(d.amount) FILTER (WHERE d.day >= %(month)s AND d.type = 'usage'), 0)::text AS used,
           COALESCE(sum(d.amount) FILTER (WHERE d.day >= %(month)s AND d.type = 'refund'), 0)::text AS refunded,
           COALESCE(-sum(d.amount) FILTER (WHERE d.day >= %(month)s AND d.type = 'reversal'), 0)::text AS reversed
      FROM call_wallet_day d
      JOIN call_wallet w ON w.id = d.wallet_id
     WHERE {SCOPE} AND d.day <= %(date)s
     GROUP BY d.wallet_id
"""

# Whose is a journal item: of the wallet noted on it; one without counts for the customer's wallet in
# its currency, so that an accountant's own entry is seen where it belongs. Tax is nobody's funds: one that
# has no account of its own is booked on that of its base.
#
# Some countries close the balance sheet at the end of a fiscal year as well: an entry brings each account to zero, on
# one line an account, and the next day another one opens it again by the same amounts. Such a pair says nothing of
# anybody's funds. It is known by what it is: balance sheet accounts alone, on the last day of the year and the next
# one, exactly opposite on the deposit accounts, and made by nobody of ours.
YEAR_END = """
    turn AS (
        SELECT l.move_id, l.date, l.date = ANY(%(openings)s) AS opens,
               l.account_id, l.currency_id, sum(l.amount_currency) AS amount, sum(l.balance) AS value
          FROM account_move_line l
          JOIN account_move m ON m.id = l.move_id
         WHERE l.company_id = %(company)s AND l.account_id = ANY(%(accounts)s) AND l.parent_state = 'posted'
           AND l.call_wallet_id IS NULL AND m.move_type = 'entry' AND m.call_wallet_posting_id IS NULL
           AND l.date = ANY(%(turns)s)
           AND NOT EXISTS (SELECT FROM account_move_line other
                             JOIN account_account a ON a.id = other.account_id
                            WHERE other.move_id = l.move_id AND a.account_type ~ '^(income|expense)')
         GROUP BY l.move_id, l.date, l.account_id, l.currency_id
    ), turned AS (
        SELECT move_id, date, opens,
               array_agg(ARRAY[account_id, currency_id, amount, value] ORDER BY account_id, currency_id) AS sums,
               array_agg(ARRAY[account_id, currency_id, -amount, -value] ORDER BY account_id, currency_id) AS opposite,
               sum(value) AS value
          FROM turn
         GROUP BY move_id, date, opens
    ), year_end AS (
        SELECT shut.move_id AS shut_id, opened.move_id AS opened_id, shut.date AS shut_on, opened.date AS opened_on,
               -shut.value AS value
          FROM (SELECT *, row_number() OVER (PARTITION BY date, sums ORDER BY move_id) AS place
                  FROM turned WHERE NOT opens) shut
          JOIN (SELECT *, row_number() OVER (PARTITION BY date, opposite ORDER BY move_id) AS place
                  FROM turned WHERE opens) opened
            ON opened.date = shut.date + 1 AND opened.opposite = shut.sums AND opened.place = shut.place
    )"""

ITEMS = f"""
    {YEAR_END}, owner AS (
        SELECT DISTINCT ON (p.commercial_partner_id, w.currency_id)
               p.commercial_partner_id AS partner_id, w.currency_id, w.id AS wallet_id
          FROM call_wallet w
          JOIN res_partner p ON p.id = w.partner_id
         WHERE w.company_id = %(company)s
         ORDER BY p.commercial_partner_id, w.currency_id, w.active DESC, w.id DESC
    ), item AS (
        SELECT l.id, l.move_id, l.date, l.currency_id, -l.amount_currency AS amount, -l.balance AS value,
               turning.move_id IS NOT NULL AS is_year_end,
               CASE WHEN turning.move_id IS NULL THEN COALESCE(tagged.id, owner.wallet_id) END AS wallet_id
          FROM account_move_line l
          LEFT JOIN (SELECT shut_id AS move_id FROM year_end UNION SELECT opened_id FROM year_end) turning
                 ON turning.move_id = l.move_id
          LEFT JOIN call_wallet tagged
                 ON tagged.id = l.call_wallet_id
                AND tagged.currency_id = l.currency_id AND tagged.company_id = l.company_id
          LEFT JOIN res_partner p
                 ON p.id = l.partner_id AND l.call_wallet_id IS NULL AND l.tax_line_id IS NULL
          LEFT JOIN owner ON owner.partner_id = p.commercial_partner_id AND owner.currency_id = l.currency_id
         WHERE l.company_id = %(company)s AND l.account_id = ANY(%(accounts)s)
           AND l.parent_state = 'posted' AND l.date <= %(date)s
    )"""

# All items of the deposit accounts, each once: of a wallet, of none, or of a year's end.
LEDGER = f"""
    WITH {ITEMS}
    SELECT wallet_id, currency_id, is_year_end, sum(amount)::text, sum(value)::text, count(*)
      FROM item
     WHERE %(all)s OR wallet_id IS NULL OR wallet_id = ANY(%(wallets)s)
     GROUP BY wallet_id, currency_id, is_year_end
"""

# As Odoo's trial balance has it, whoever's the items are.
TRIAL_BALANCE = """
    SELECT l.account_id, (-sum(l.balance))::text
      FROM account_move_line l
     WHERE l.company_id = %(company)s AND l.account_id = ANY(%(accounts)s)
       AND l.parent_state = 'posted' AND l.date <= %(date)s
     GROUP BY l.account_id
"""

# The years' ends of which only the first entry is in the books of the day.
YEAR_ENDS = f"""
    WITH {YEAR_END}
    SELECT shut.name, y.shut_on, opened.name, y.opened_on, y.value::text
      FROM year_end y
      JOIN account_move shut ON shut.id = y.shut_id
      JOIN account_move opened ON opened.id = y.opened_id
     WHERE y.shut_on <= %(date)s AND y.opened_on > %(date)s
     ORDER BY y.shut_id
"""

# By the documents' heads, or by their lines where other things stand on them as well, which do not count
# (see ``_call_wallet_net``); not by their items on the deposit account, which are what is checked. Their value is the
# head's less that of the other lines, as Odoo has rounded it, where it is the amount at the document's rate, to within
# a coin a line; else the amount at that rate.
INVOICES = """
    document AS (
        SELECT t.id AS topup_id, t.wallet_id, m.id AS move_id, m.amount_untaxed, 1 AS sign,
               m.currency_id, m.amount_untaxed_signed AS value, m.invoice_currency_rate::numeric AS rate
          FROM call_wallet_topup t
          JOIN account_move m ON m.id = t.invoice_id
         WHERE t.company_id = %(company)s AND m.state = 'posted' AND m.date <= %(date)s
         UNION ALL
        SELECT t.id, t.wallet_id, n.id, n.amount_untaxed, -1,
               n.currency_id, n.amount_untaxed_signed, n.invoice_currency_rate::numeric
          FROM call_wallet_topup t
          JOIN account_move n ON n.reversed_entry_id = t.invoice_id
         WHERE t.company_id = %(company)s AND n.state = 'posted' AND n.date <= %(date)s
    ), released AS (
        SELECT t.id AS topup_id, t.wallet_id, r.id AS move_id, -r.call_wallet_released AS amount,
               -COALESCE(r.call_wallet_released_value, r.call_wallet_released) AS value
          FROM call_wallet_topup t
          JOIN account_move r ON r.call_wallet_released_topup_id = t.id
         WHERE t.company_id = %(company)s AND r.state = 'posted' AND r.date <= %(date)s
           AND NOT EXISTS (SELECT FROM account_move undone
                            WHERE undone.reversed_entry_id = r.id AND undone.state = 'posted'
                              AND undone.date <= %(date)s)
    ), invoice AS (
        SELECT d.topup_id, d.wallet_id, d.move_id, own.amount,
               CASE WHEN d.currency_id = %(own)s OR COALESCE(d.rate, 0) = 0 THEN own.amount
                    WHEN abs(own.value - own.amount / d.rate) <= own.lines * %(unit)s THEN own.value
                    ELSE round(own.amount / d.rate / %(unit)s) * %(unit)s END AS value
          FROM document d
         CROSS JOIN LATERAL (
               SELECT CASE WHEN bool_and(is_own) FILTER (WHERE is_product)
                           THEN d.sign * d.amount_untaxed
                                + COALESCE(sum(x.amount_currency) FILTER (WHERE is_rounding), 0)
                           ELSE d.sign * COALESCE(sum(x.price_subtotal) FILTER (WHERE is_own), 0) END AS amount,
                      d.value + CASE WHEN bool_and(is_own) FILTER (WHERE is_product)
                                     THEN COALESCE(sum(x.balance) FILTER (WHERE is_rounding), 0)
                                     ELSE COALESCE(sum(x.balance) FILTER (WHERE NOT is_own), 0) END AS value,
                      count(*) AS lines
                 FROM (SELECT l.price_subtotal, l.balance, l.amount_currency, l.display_type = 'product' AS is_product,
                              l.display_type = 'rounding' AND l.tax_repartition_line_id IS NULL AS is_rounding,
                              l.display_type = 'product'
                              AND (COALESCE(l.product_id = %(product)s, FALSE) OR l.account_id = ANY(%(accounts)s))
                              AS is_own
                         FROM account_move_line l
                        WHERE l.move_id = d.move_id
                          AND l.display_type IN ('product', 'rounding', 'non_deductible_product',
                                                 'non_deductible_product_total')) x
               ) own
         UNION ALL
        SELECT topup_id, wallet_id, move_id, amount, value FROM released
    )"""

CREDITS = """
    credit AS (
        SELECT t.topup_id, t.wallet_id, t.amount
          FROM call_wallet_topup o
          JOIN call_wallet_transaction t ON t.topup_id = o.id
         WHERE o.company_id = %(company)s AND t.day <= %(date)s
    )"""

# A top-up that was credited with more than it was invoiced at explains nothing.
INVOICED = f"""
    WITH {INVOICES}, topup AS (
        SELECT wallet_id, GREATEST(sum(amount), 0) AS amount,
               CASE WHEN sum(amount) < 0 THEN 0 ELSE sum(value) END AS value
          FROM invoice
         GROUP BY wallet_id, topup_id
    )
    SELECT w.id, sum(t.amount)::text AS invoiced, sum(t.value)::text AS invoiced_value
      FROM topup t JOIN call_wallet w ON w.id = t.wallet_id
     WHERE {SCOPE}
     GROUP BY w.id
"""

CREDITED = f"""
    WITH {CREDITS}
    SELECT w.id, sum(c.amount)::text AS credited
      FROM credit c JOIN call_wallet w ON w.id = c.wallet_id
     WHERE {SCOPE}
     GROUP BY w.id
"""

# What cash rounding took off an invoice; what it adds is on it beside the funds.
ROUNDED_OFF = """GREATEST(COALESCE((
                          SELECT sum(l.amount_currency) FROM account_move_line l
                           WHERE l.move_id = m.id AND l.display_type = 'rounding' AND l.tax_repartition_line_id IS NULL
                      ), 0), 0)"""


# What of each top-up was invoiced and not credited: settled without money, or awaited still.
def _gaps(notes=NOTES_IN_A_ROW):
    return f"""
    {INVOICES}, {CREDITS}, gap AS (
        SELECT t.id AS topup_id, t.wallet_id, t.invoice_id, t.amount AS ordered,
               CASE WHEN t.counted_on <= %(date)s THEN t.counted_amount ELSE 0 END AS counted_amount,
               GREATEST(COALESCE(i.amount, 0), 0) AS invoiced,
               GREATEST(COALESCE(i.amount, 0), 0) - COALESCE(c.amount, 0) AS amount
          FROM call_wallet_topup t
          JOIN call_wallet w ON w.id = t.wallet_id
          LEFT JOIN (SELECT topup_id, sum(amount) AS amount FROM invoice GROUP BY topup_id) i ON i.topup_id = t.id
          LEFT JOIN (SELECT topup_id, sum(amount) AS amount FROM credit GROUP BY topup_id) c ON c.topup_id = t.id
         WHERE {SCOPE}
    ), settled AS (
        SELECT g.topup_id, g.amount, u.unit,
               round(LEAST(GREATEST(COALESCE(s.other, 0) - COALESCE(g.counted_amount, 0), 0) / u.total, 1)
                     * u.net / u.unit) * u.unit
               + GREATEST(LEAST(g.invoiced, COALESCE(s.received, 0) * u.net / u.total) - g.ordered, 0)
               + COALESCE((SELECT sum(r.amount) FROM released r WHERE r.topup_id = g.topup_id), 0)
               AS unfunded
          FROM gap g
          JOIN account_move m ON m.id = g.invoice_id AND m.state = 'posted'
          JOIN res_currency currency ON currency.id = m.currency_id
         CROSS JOIN LATERAL (
               SELECT currency.rounding::numeric AS unit, NULLIF(m.amount_total, 0) AS total,
                      m.amount_untaxed + {ROUNDED_OFF} AS net
               ) u
         CROSS JOIN LATERAL (
               SELECT sum(x.received) AS received, sum(x.settled - x.received) AS other
                 FROM ({settlements("g.invoice_id", notes)}) x
                WHERE x.max_date <= %(date)s
               ) s
         WHERE g.amount > 0
    ), level AS (
        SELECT g.*, COALESCE(CASE WHEN s.unfunded > 0 AND abs(s.amount - s.unfunded) <= s.unit THEN s.amount
                                  ELSE GREATEST(LEAST(s.amount, s.unfunded), 0) END, 0) AS unfunded
          FROM gap g
          LEFT JOIN settled s ON s.topup_id = g.topup_id
    )"""


GAPS = _gaps()

# Whether any credit note of another document paid a top-up: see ``settlement_sql`` for what it takes to follow them.
HAS_PAYING_NOTES = f"""
    SELECT EXISTS (
        SELECT FROM call_wallet_topup t
          JOIN call_wallet w ON w.id = t.wallet_id
          JOIN account_move_line invoiced ON invoiced.move_id = t.invoice_id
          JOIN account_partial_reconcile p ON p.debit_move_id = invoiced.id
          JOIN account_move_line paid ON paid.id = p.credit_move_id
          JOIN account_move note ON note.id = paid.move_id AND note.move_type = 'out_refund'
         WHERE {SCOPE} AND note.reversed_entry_id <> t.invoice_id
        )
"""

SETTLED_WITHOUT_FUNDS = {
    has_paying_notes: f"""
    WITH {_gaps(notes)}
    SELECT wallet_id, sum(unfunded)::text AS settled_without_funds FROM level GROUP BY wallet_id
"""
    for has_paying_notes, notes in ((True, NOTES_IN_A_ROW), (False, 0))
}

# The top-ups behind what awaits payment, and behind what was settled without funds.
AWAITING_TOPUPS = f"WITH {GAPS} SELECT topup_id FROM level WHERE amount <> unfunded"

UNFUNDED_TOPUPS = f"WITH {GAPS} SELECT topup_id FROM level WHERE unfunded <> 0"

# Transactions of top-ups are never posted: their invoices are their entries.
UNPOSTED = f"""
    SELECT w.id, (-sum(t.amount))::text AS unposted
      FROM call_wallet w
      JOIN call_wallet_transaction t ON t.wallet_id = w.id
     WHERE {SCOPE} AND t.topup_id IS NULL AND t.move_id IS NULL AND t.day <= %(date)s
     GROUP BY w.id
"""

# By what the posting noted of each entry, not by the entry's items, which are what is checked. An entry
# that a lock date moved behind this day is not in the books of this day yet; one of a call that was reported after
# this day is, though the wallet paid for it later.
IN_BOOKS = "(m.state = 'posted' AND m.date <= %(date)s)"

POSTED = f"""
    SELECT w.id,
           COALESCE(sum(e.ledger_amount) FILTER (WHERE NOT {IN_BOOKS} AND e.day <= %(date)s), 0)::text AS posted_later,
           COALESCE(sum(e.ledger_amount) FILTER (WHERE {IN_BOOKS} AND e.day > %(date)s), 0)::text AS posted_earlier,
           COALESCE(sum(e.ledger_amount - e.posted_amount) FILTER (WHERE {IN_BOOKS}), 0)::text AS remainder
      FROM call_wallet_posted_entry e
      JOIN account_move m ON m.id = e.move_id
      JOIN call_wallet w ON w.id = e.wallet_id
     WHERE {SCOPE} AND (e.day <= %(date)s OR m.date <= %(date)s)
     GROUP BY w.id
"""

# What was charged this month for calls of months before it, and what of it is revenue of this month because theirs
# was closed. Other usage of this month is of this month.
EARLIER_PERIODS = f"""
    SELECT w.id, (-sum(t.amount))::text AS earlier_periods,
           COALESCE(-sum(t.amount) FILTER (WHERE m.date BETWEEN %(month)s AND %(date)s), 0)::text
           AS earlier_periods_booked
      FROM call_wallet_transaction t
      JOIN call_wallet w ON w.id = t.wallet_id
      LEFT JOIN account_move m ON m.id = t.move_id
     WHERE {SCOPE} AND t.day BETWEEN %(month)s AND %(date)s AND t.accounting_day < %(month)s
     GROUP BY w.id
"""

POSTED_VALUE = f"""
    SELECT w.id, sum(v.value)::text AS posted_value
      FROM call_wallet_posted_value v
      JOIN account_move m ON m.id = v.move_id
      JOIN call_wallet w ON w.id = v.wallet_id
     WHERE {SCOPE} AND {IN_BOOKS}
     GROUP BY w.id
"""

LATE_ENTRIES = f"""
    SELECT DISTINCT m.id
      FROM call_wallet_posted_entry e
      JOIN account_move m ON m.id = e.move_id
      JOIN call_wallet w ON w.id = e.wallet_id
     WHERE {SCOPE} AND e.day <= %(date)s AND NOT {IN_BOOKS}
"""

EARLY_ENTRIES = f"""
    SELECT DISTINCT m.id
      FROM call_wallet_posted_entry e
      JOIN account_move m ON m.id = e.move_id
      JOIN call_wallet w ON w.id = e.wallet_id
     WHERE {SCOPE} AND e.day > %(date)s AND {IN_BOOKS}
"""

# Beside them ``SETTLED_WITHOUT_FUNDS``.
FIGURES = (ROLL_FORWARD, INVOICED, CREDITED, UNPOSTED, POSTED, POSTED_VALUE, EARLIER_PERIODS)

UNASSIGNED_ITEMS = f"""
    WITH {ITEMS} SELECT id FROM item WHERE wallet_id IS NULL AND NOT is_year_end AND currency_id = %(currency)s
"""

HEIRS = f"WITH {ITEMS} SELECT o.wallet_id FROM owner o JOIN call_wallet w ON w.id = o.wallet_id WHERE {SCOPE}"

# What each entry should have brought to a wallet's deposits, beside what it did: amounts, then values.
DIFFERENCES = f"""
    WITH {ITEMS}, {INVOICES}
    SELECT x.wallet_id, x.move_id, sum(x.expected)::text, sum(x.found)::text,
           sum(x.expected_value)::text, sum(x.found_value)::text
      FROM (SELECT wallet_id, move_id, amount AS expected, 0 AS found, value AS expected_value, 0 AS found_value
              FROM invoice
             UNION ALL
            SELECT e.wallet_id, e.move_id, -e.posted_amount, 0, 0, 0
              FROM call_wallet_posted_entry e
              JOIN account_move m ON m.id = e.move_id
             WHERE {IN_BOOKS}
             UNION ALL
            SELECT v.wallet_id, v.move_id, 0, 0, -v.value, 0
              FROM call_wallet_posted_value v
              JOIN account_move m ON m.id = v.move_id
             WHERE {IN_BOOKS}
             UNION ALL
            SELECT wallet_id, move_id, 0, amount, 0, value FROM item) x
      JOIN call_wallet w ON w.id = x.wallet_id
     WHERE {SCOPE}
     GROUP BY x.wallet_id, x.move_id
    HAVING sum(x.expected) <> sum(x.found) OR sum(x.expected_value) <> sum(x.found_value)
     ORDER BY x.wallet_id, x.move_id
"""

# Line by line: the wallet's id, the document, its day and the amount.
AWAITING_LINES = f"""
    WITH {GAPS}
    SELECT v.wallet_id, m.name, m.date, (v.amount - v.unfunded)::text
      FROM level v
      JOIN account_move m ON m.id = v.invoice_id
     WHERE v.amount <> v.unfunded
     ORDER BY m.date, m.id
"""

UNFUNDED_LINES = f"""
    WITH {GAPS}
    SELECT v.wallet_id, m.name, m.date, v.unfunded::text
      FROM level v
      JOIN account_move m ON m.id = v.invoice_id
     WHERE v.unfunded <> 0
     ORDER BY m.date, m.id
"""

UNPOSTED_LINES = f"""
    SELECT w.id, NULL, min(t.day), (-sum(t.amount))::text
      FROM call_wallet w
      JOIN call_wallet_transaction t ON t.wallet_id = w.id
     WHERE {SCOPE} AND t.topup_id IS NULL AND t.move_id IS NULL AND t.day <= %(date)s
     GROUP BY w.id
    HAVING sum(t.amount) <> 0
"""

LATE_LINES = f"""
    SELECT w.id, m.name, m.date, e.ledger_amount::text
      FROM call_wallet_posted_entry e
      JOIN account_move m ON m.id = e.move_id
      JOIN call_wallet w ON w.id = e.wallet_id
     WHERE {SCOPE} AND e.day <= %(date)s AND NOT {IN_BOOKS} AND e.ledger_amount <> 0
     ORDER BY m.date, m.id, e.day
"""

EARLY_LINES = f"""
    SELECT w.id, m.name, m.date, (-e.ledger_amount)::text
      FROM call_wallet_posted_entry e
      JOIN account_move m ON m.id = e.move_id
      JOIN call_wallet w ON w.id = e.wallet_id
     WHERE {SCOPE} AND e.day > %(date)s AND {IN_BOOKS} AND e.ledger_amount <> 0
     ORDER BY m.date, m.id, e.day
"""
