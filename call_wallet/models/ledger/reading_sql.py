"""What the platform reads of a wallet's ledger, and whose wallets it may read."""

# Of wallets `w`: those of the reader's companies; the addon's own code reads all.
READABLE = "(%(all)s OR w.company_id = ANY(%(companies)s))"

WALLET = f"""
    SELECT w.id, cur.name
      FROM call_wallet w
      JOIN res_currency cur ON cur.id = w.currency_id
     WHERE w.account_ref = %(account)s AND {READABLE}
"""

# By the ledger's own numbers: rows get theirs under the wallet's lock, so that none appears later below one that was
# read. The reference of a charge is in its key, also when the call was deleted since.
TRANSACTIONS = """
    SELECT t.id, t.sequence, t.date, t.type, t.amount::text, t.balance_after::text, t.description,
           CASE WHEN starts_with(t.key, 'call/') THEN substr(t.key, 6)
                ELSE (SELECT u.call_ref FROM call_usage u WHERE u.id = t.usage_id) END,
           t.billed_minutes::text, t.rate::text
      FROM call_wallet_transaction t
     WHERE t.wallet_id = %(wallet)s AND t.sequence > %(after)s
     ORDER BY t.sequence
     LIMIT %(limit)s
"""
TRANSACTION_KEYS = (
    "transaction", "sequence", "date", "type", "amount", "balance_after", "description", "call_ref",
    "billed_minutes", "rate",
)  # fmt: skip
