"""The auditor: compares the wallets' ledger with the general ledger by its own reckoning.

Plain SQL and arithmetic; nothing of the product's code. The journal items on the deposit account are
found by their customer, not by what the product notes on them; each customer here has one wallet.
What the wallets should have got and given is worked out in ``audit_expected.py``.
"""

from collections import defaultdict
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

ZERO = Decimal(0)


def half_up(amount, unit):
    return (amount / unit).to_integral_value(ROUND_HALF_UP) * unit


class Books:
    """What the two ledgers of a company say, read once.

    ``problems`` lists what is wrong; ``balances`` is {(wallet, day): (ledger, general ledger, invoiced and not
    credited)}.
    """

    def __init__(self, cr, site, locked_until, last_before):
        """
        :param site: whose books; its ``wallets`` and what is ``expected`` of them
        :param locked_until: the last closed day; None: none is
        :param last_before: id of the last journal entry made before the period was closed
        """
        self.cr = cr
        self.parameters = {
            "accounts": f"{site.prefix}%",
            "company": site.company_id,
            "locked": locked_until,
            "last": last_before,
        }
        self.accounts, self.expected = {account.id: account for account in site.wallets}, site.expected
        self.coin = Decimal(site.place.unit)
        self.rates = {month: Decimal(rate) for month, rate in enumerate(site.place.rates, 7)}
        self.problems, self.balances = [], {}
        self.moves = dict(
            self._read("SELECT id, date FROM account_move WHERE state = 'posted' AND company_id = %(company)s")
        )
        self.topped, self.used = defaultdict(dict), defaultdict(dict)
        self._read_transactions()
        self.invoiced = self._by_wallet(INVOICED)
        self.items = self._read_items()

    def _read(self, query, **parameters):
        self.cr.execute(query, self.parameters | parameters)
        return self.cr.fetchall()

    def _read_transactions(self):
        self.transactions = 0
        for wallet, day, move, is_topup, amount, count in self._read(TRANSACTIONS):
            amount, self.transactions = Decimal(amount), self.transactions + count
            if is_topup:
                self.topped[wallet][day] = self.topped[wallet].get(day, ZERO) + amount
                if move:
                    self.problems.append(f"wallet {wallet}: a top-up's transaction of {day} is posted")
            else:
                self.used[wallet][day, move] = amount

    def _by_wallet(self, query):
        result = defaultdict(dict)
        for wallet, day, amount in self._read(query):
            result[wallet][day] = result[wallet].get(day, ZERO) + Decimal(amount)
        return result

    def _read_items(self):
        items, self.values = defaultdict(dict), defaultdict(dict)
        for wallet, move, amount, value in self._read(ITEMS):
            items[wallet][move] = items[wallet].get(move, ZERO) + Decimal(amount)
            self.values[wallet][move] = self.values[wallet].get(move, ZERO) + Decimal(value)
        return items

    # === THE CHECKS === #

    def check(self, first, last):
        """Check each wallet on each day; return the problems found."""
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        for wallet, account in self.accounts.items():
            self._check_business(wallet)
            expected = self._expected_entries(wallet, account.unit)
            if account.is_foreign:
                self._check_values(wallet, expected)
            for day in days:
                self._check_day(wallet, day, expected)
        self._check_entries()
        return self.problems

    def _check_business(self, wallet):
        """The wallet's ledger is what was done."""
        topped, used = sum(self.topped[wallet].values(), ZERO), sum(self.used[wallet].values(), ZERO)
        if (topped, used) != (self.expected.topped[wallet], self.expected.used[wallet]):
            should_be = f"{self.expected.topped[wallet]} and {self.expected.used[wallet]}"
            self.problems.append(f"wallet {wallet}: topped up {topped} and used {used}, should be {should_be}")

    def _check_values(self, wallet, expected):
        """In the company's currency funds leave at the average of what was invoiced (IFRIC 22).

        What counts is what was there at the end of the entry's day, or when the wallet paid, where that was later:
        for a call that was reported late.

        :param expected: {entry: what it takes of the wallet}, by their ids in the order of posting
        """
        documents = [move for move in self.items[wallet] if move not in expected]
        for move in documents:
            at_rate = self.items[wallet][move] * self.rates[self.moves[move].month]
            # Rates are binary fractions in Odoo, so half a coin may fall to either side.
            if abs(self.values[wallet][move] - at_rate) > self.coin:
                self.problems.append(f"wallet {wallet}: document {move} is worth {self.values[wallet][move]}")
        for number, (move, taken) in enumerate(expected.items()):
            earlier = documents + list(expected)[:number]
            until = max(self.moves[move], *(day for day, entry in self.used[wallet] if entry == move))
            earlier = [other for other in earlier if self.moves[other] <= until]
            held = sum((self.items[wallet][other] for other in earlier if other in self.items[wallet]), ZERO)
            value = sum((self.values[wallet][other] for other in earlier if other in self.items[wallet]), ZERO)
            if held <= 0 or taken > held:
                self.problems.append(f"wallet {wallet}: entry {move} takes more than there is")
                continue
            found, should_be = -self.values[wallet].get(move, ZERO), half_up(value * taken / held, self.coin)
            if found != should_be:
                self.problems.append(f"wallet {wallet}: entry {move} is worth {found}, should be {should_be}")

    def _expected_entries(self, wallet, unit):
        """Return {entry: what it must take}: the total so far, rounded, less what earlier ones took."""
        exact = defaultdict(Decimal)
        for (_day, move), amount in self.used[wallet].items():
            if move:
                exact[move] -= amount
        total, taken, expected = ZERO, ZERO, {}
        for move in sorted(exact):
            total += exact[move]
            expected[move] = half_up(total, unit) - taken
            taken += expected[move]
            if -self.items[wallet].get(move, ZERO) != expected[move]:
                found = -self.items[wallet].get(move, ZERO)
                self.problems.append(f"wallet {wallet}: entry {move} takes {found}, should take {expected[move]}")
        return expected

    def _check_day(self, wallet, day, expected):
        topped = sum((amount for date, amount in self.topped[wallet].items() if date <= day), ZERO)
        invoiced = sum((amount for date, amount in self.invoiced[wallet].items() if date <= day), ZERO)
        used = posted = ZERO
        for (date, move), amount in self.used[wallet].items():
            if date <= day:
                used += amount
            if move and self.moves[move] <= day:
                posted += amount
        rounding = sum((-take for move, take in expected.items() if self.moves[move] <= day), ZERO) - posted
        ledger = topped + used
        should_be = ledger + (invoiced - topped) + (posted - used) + rounding
        found = sum((amount for move, amount in self.items[wallet].items() if self.moves[move] <= day), ZERO)
        self.balances[wallet, day] = (ledger, found, invoiced - topped)
        if found != should_be:
            self.problems.append(f"wallet {wallet} on {day}: unexplained {found - should_be}")

    def _check_entries(self):
        for name, query in SOUND.items():
            self.problems += [f"{name}: {row}" for row in self._read(query)]

    def stand(self, wallet, day):
        """Return how a wallet stands: (ledger, deposit account, the same and its revenue in the company's currency)."""
        return [Decimal(amount) for amount in self._read(STAND, wallet=wallet, day=day)[0]]

    def on_account(self, account, day):
        """Return what is on an account at the end of a day, in the company's currency."""
        return Decimal(self._read(ON_ACCOUNT, account=account, day=day)[0][0])

    def items_of(self, account):
        """Return the amounts that were posted to an account, the smallest first."""
        return sorted(Decimal(amount) for [amount] in self._read(ITEMS_OF, account=account))

    def open_lines(self, text):
        """Return the amounts of the bank's lines with that text that are not matched, the smallest first."""
        return sorted(Decimal(amount) for [amount] in self._read(OPEN_LINES, text=text))

    @property
    def moved_by_lock(self):
        """How many days of usage of a wallet are in an entry of a later day."""
        return sum(bool(move) and self.moves[move] > day for used in self.used.values() for day, move in used)


TRANSACTIONS = """
    SELECT t.wallet_id, t.day, t.move_id, t.topup_id IS NOT NULL, sum(t.amount)::text, count(*)
      FROM call_wallet_transaction t JOIN call_wallet w ON w.id = t.wallet_id
     WHERE w.account_ref LIKE %(accounts)s
     GROUP BY 1, 2, 3, 4
"""
INVOICED = """
    SELECT o.wallet_id, m.date,
           (CASE m.move_type WHEN 'out_refund' THEN -1 ELSE 1 END * sum(l.price_subtotal))::text
      FROM call_wallet_topup o
      JOIN call_wallet w ON w.id = o.wallet_id
      JOIN account_move m ON o.invoice_id IN (m.id, m.reversed_entry_id)
      JOIN account_move_line l ON l.move_id = m.id AND l.display_type = 'product'
     WHERE w.account_ref LIKE %(accounts)s AND m.state = 'posted'
     GROUP BY o.wallet_id, m.id
"""
ITEMS = """
    SELECT w.id, l.move_id, (-sum(l.amount_currency))::text, (-sum(l.balance))::text
      FROM account_move_line l
      JOIN account_move m ON m.id = l.move_id AND m.state = 'posted'
      JOIN res_company c ON c.id = l.company_id AND c.call_wallet_deposit_account_id = l.account_id
      JOIN call_wallet w ON w.partner_id = l.partner_id AND w.currency_id = l.currency_id
     WHERE w.account_ref LIKE %(accounts)s
     GROUP BY w.id, l.move_id
"""
STAND = """
    SELECT (SELECT COALESCE(sum(t.amount), 0)::text FROM call_wallet_transaction t
             WHERE t.wallet_id = w.id AND t.day <= %(day)s),
           (-COALESCE(sum(l.amount_currency) FILTER (WHERE l.account_id = c.call_wallet_deposit_account_id), 0))::text,
           (-COALESCE(sum(l.balance) FILTER (WHERE l.account_id = c.call_wallet_deposit_account_id), 0))::text,
           (-COALESCE(sum(l.balance) FILTER (WHERE l.account_id = c.call_wallet_live_account_id), 0))::text
      FROM call_wallet w
      JOIN res_company c ON c.id = w.company_id
      LEFT JOIN account_move_line l
             ON l.partner_id = w.partner_id AND l.parent_state = 'posted' AND l.date <= %(day)s
     WHERE w.id = %(wallet)s
     GROUP BY w.id, c.id
"""
ON_ACCOUNT = """
    SELECT COALESCE(sum(balance), 0)::text FROM account_move_line
     WHERE account_id = %(account)s AND company_id = %(company)s AND parent_state = 'posted' AND date <= %(day)s
"""
ITEMS_OF = """
    SELECT balance::text FROM account_move_line
     WHERE account_id = %(account)s AND company_id = %(company)s AND parent_state = 'posted'
"""
OPEN_LINES = """
    SELECT amount::text FROM account_bank_statement_line
     WHERE payment_ref LIKE %(text)s AND company_id = %(company)s AND NOT is_reconciled
"""
# Each returns what should not be there.
SOUND = {
    "not balanced": """
        SELECT m.name, sum(l.balance), sum(l.amount_currency)
          FROM account_move m JOIN account_move_line l ON l.move_id = m.id
         WHERE m.company_id = %(company)s AND m.id IN (SELECT move_id FROM call_wallet_transaction)
         GROUP BY m.id HAVING sum(l.balance) <> 0 OR sum(l.amount_currency) <> 0
    """,
    "not posted": """
        SELECT t.wallet_id, t.day, count(*) FROM call_wallet_transaction t JOIN call_wallet w ON w.id = t.wallet_id
          LEFT JOIN account_move m ON m.id = t.move_id
         WHERE w.account_ref LIKE %(accounts)s AND t.topup_id IS NULL AND (m.id IS NULL OR m.state <> 'posted')
         GROUP BY 1, 2
    """,
    "entry of nothing": """
        SELECT m.name FROM account_move m
         WHERE m.company_id = %(company)s AND m.state = 'posted' AND m.call_wallet_day IS NOT NULL
           AND m.ref NOT LIKE '%%exchange differences%%'
           AND NOT EXISTS (SELECT FROM call_wallet_transaction t WHERE t.move_id = m.id)
    """,
    "in a closed period": """
        SELECT m.name, m.date FROM account_move m
         WHERE m.company_id = %(company)s AND m.call_wallet_day IS NOT NULL AND m.date <= %(locked)s
           AND m.id > %(last)s
    """,
    "draft left behind": """
        SELECT m.id FROM account_move m
         WHERE m.company_id = %(company)s AND m.call_wallet_day IS NOT NULL AND m.state <> 'posted'
    """,
    "not secured by a hash": """
        SELECT m.name FROM account_move m JOIN account_journal j ON j.id = m.journal_id
         WHERE m.company_id = %(company)s AND m.state = 'posted' AND j.restrict_mode_hash_table
           AND m.inalterable_hash IS NULL
    """,
}
