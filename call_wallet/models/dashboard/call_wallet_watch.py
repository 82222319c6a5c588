from time import monotonic

from odoo import api, fields, models

# The overview hears at most so often that something has changed, from each process.
OVERVIEW_SECONDS = 5

# When this process last told the overview of each database.
_told = {}


class CallWalletWatch(models.Model):
    """A wallet whose dashboard is open somewhere; without a wallet, the overview of all of them.

    A message on the bus costs as much as charging some hundred calls (a row, and a connection
    of its own to wake the listeners), so only a wallet that somebody is looking at gets one.
    A dashboard renews its watch while it is open; nobody has to end it. Times are UTC.
    """

    _name = "call.wallet.watch"
    _description = "Call Wallet Watch"
    _rec_name = "wallet_id"
    _log_access = False

    wallet_id = fields.Many2one("call.wallet", readonly=True, ondelete="cascade", help="Empty: the overview.")
    until = fields.Datetime(required=True, readonly=True)
    owner_until = fields.Datetime(readonly=True, help="Until when an owner looks, who is on the wallet's own channel.")

    _one_per_wallet = models.UniqueIndex("(COALESCE(wallet_id, 0))", "A wallet has one watch.")

    @api.model
    def _renew(self, wallet_ids, by_owner=False):
        # 0 stands for the overview.
        # Many viewers of one wallet write its row once in a while, not each every minute.
        # A page that opens may ask twice at once: the second waits instead of failing.
        self.env.cr.execute(RENEW, {"wallets": list(wallet_ids), "by_owner": by_owner})

    @api.model
    def _watched(self, wallet_ids):
        """Return those of the wallets that somebody is looking at: {wallet id: whether an owner is}.

        The key None is there where the overview is open.
        """
        self.env.cr.execute(
            "SELECT wallet_id, COALESCE(owner_until > clock.now, FALSE)"
            "  FROM call_wallet_watch, (SELECT clock_timestamp() AT TIME ZONE 'UTC' AS now) clock"
            " WHERE COALESCE(wallet_id, 0) = ANY(%s) AND until > clock.now",
            [[0, *wallet_ids]],
        )
        return dict(self.env.cr.fetchall())

    @api.model
    def _is_overview_due(self):
        """Tell whether the overview is to be told of a change now, and count it as told.

        Counted by process, not in the watch's row: all that charge would wait for each other there. Where the
        transaction comes to nothing, the next change tells; and a page that was told looks again.
        """
        now, name = monotonic(), self.env.cr.dbname
        is_due = now - _told.get(name, -OVERVIEW_SECONDS) >= OVERVIEW_SECONDS
        if is_due:
            _told[name] = now
        return is_due


RENEW = """
    INSERT INTO call_wallet_watch AS w (wallet_id, until, owner_until)
    SELECT NULLIF(id, 0), clock.now + interval '150 seconds',
           CASE WHEN %(by_owner)s THEN clock.now + interval '150 seconds' END
      FROM unnest(%(wallets)s::int[]) id, (SELECT clock_timestamp() AT TIME ZONE 'UTC' AS now) clock
     WHERE NOT EXISTS (
           SELECT FROM call_wallet_watch fresh
            WHERE COALESCE(fresh.wallet_id, 0) = id
              AND CASE WHEN %(by_owner)s THEN owner_until ELSE until END > clock.now + interval '100 seconds')
    ON CONFLICT (COALESCE(wallet_id, 0)) DO UPDATE
       SET until = EXCLUDED.until, owner_until = COALESCE(EXCLUDED.owner_until, w.owner_until)
"""
