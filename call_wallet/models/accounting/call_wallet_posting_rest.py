from odoo import models

from ...tools.door import door, worker
from .posting_sql import DUE_ROWS, KIND


class CallWalletPostingRest(models.Model):
    """The last fractions of a coin on closed wallets.

    What is too little for an entry waits for the wallet's next one, and a closed wallet has none. What it has used
    comes to whole coins in the end, so what waits and what its entries were rounded by cancel out. It is noted with
    the wallet's last entry: no item changes, and the reconciliation shows neither.
    """

    _inherit = "call.wallet.posting"

    def _has_rests(self, parameters):
        """Tell whether closed wallets have such fractions; ``parameters`` are those of ``_due_parameters``."""
        self.env.flush_all()
        self.env.cr.execute(HAS_RESTS, parameters)
        return bool(self.env.cr.fetchone())

    @worker
    def _take_rests(self):
        """Note them with the wallets' last entries."""
        with door(self.env):
            self._wait_for_others()
            self.env.cr.execute(TAKE_RESTS, self._run_parameters())
            [count] = self.env.cr.fetchone()
            if count:
                self.env.invalidate_all()
                self.write({"done_count": self.done_count + count})


RESTS = f"""
    WITH new AS (
        SELECT t.wallet_id, {KIND} AS kind, t.day, -sum(t.amount) AS amount, array_agg(t.id) AS ids
          FROM call_wallet_transaction t
          JOIN call_wallet w ON w.id = t.wallet_id
         WHERE {DUE_ROWS} AND w.company_id = %(company)s AND NOT w.active
         GROUP BY 1, 2, 3
    ), owed AS (
        SELECT x.wallet_id, x.kind, sum(x.amount) AS amount
          FROM (SELECT wallet_id, kind, amount FROM new
                 UNION ALL
                SELECT p.wallet_id, p.kind, p.ledger_amount - p.posted_amount
                  FROM call_wallet_posted p
                 WHERE p.wallet_id IN (SELECT wallet_id FROM new)) x
         GROUP BY x.wallet_id, x.kind
    ), nothing AS (
        SELECT o.wallet_id
          FROM owed o
          JOIN call_wallet w ON w.id = o.wallet_id
          JOIN res_currency c ON c.id = w.currency_id
         GROUP BY o.wallet_id, c.rounding
        HAVING sum(o.amount) = 0 AND bool_and(abs(o.amount) < c.rounding::numeric)
    ), entry AS (
        SELECT DISTINCT ON (e.wallet_id) e.wallet_id, e.move_id
          FROM call_wallet_posted_entry e
         WHERE e.wallet_id IN (SELECT wallet_id FROM nothing)
         ORDER BY e.wallet_id, e.id DESC
    ), rest AS (
        SELECT n.*, e.move_id FROM new n JOIN entry e USING (wallet_id)
    )"""


HAS_RESTS = f"{RESTS} SELECT wallet_id FROM rest LIMIT 1"


# One statement: a transaction that is charged meanwhile is in none of its parts.
TAKE_RESTS = f"""
    {RESTS}, claimed AS (
        UPDATE call_wallet_transaction t SET move_id = r.move_id FROM rest r WHERE t.id = ANY(r.ids) RETURNING t.id
    ), counted AS (
        INSERT INTO call_wallet_posted AS p (wallet_id, kind, ledger_amount, posted_amount)
        SELECT wallet_id, kind, sum(amount), 0 FROM rest GROUP BY wallet_id, kind
            ON CONFLICT (wallet_id, kind) DO UPDATE SET ledger_amount = p.ledger_amount + EXCLUDED.ledger_amount
    ), noted AS (
        INSERT INTO call_wallet_posted_entry AS e (move_id, wallet_id, day, ledger_amount, posted_amount)
        SELECT move_id, wallet_id, day, sum(amount), 0 FROM rest GROUP BY move_id, wallet_id, day
            ON CONFLICT (move_id, wallet_id, day) DO UPDATE SET ledger_amount = e.ledger_amount + EXCLUDED.ledger_amount
    )
    SELECT count(*) FROM claimed
"""
