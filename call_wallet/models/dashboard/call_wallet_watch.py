from odoo import api, fields, models


class CallWalletWatch(models.Model):
    """A wallet whose dashboard is open somewhere.

    A message on the bus costs as much as charging some hundred calls (a row, and a connection
    of its own to wake the listeners), so only a wallet that somebody is looking at gets one.
    A dashboard renews its watch while it is open; nobody has to end it. Times are UTC.
    """

    _name = "call.wallet.watch"
    _description = "Call Wallet Watch"
    _rec_name = "wallet_id"
    _log_access = False

    wallet_id = fields.Many2one("call.wallet", required=True, readonly=True, ondelete="cascade")
    until = fields.Datetime(required=True, readonly=True)
    owner_until = fields.Datetime(readonly=True, help="Until when an owner looks, who is on the wallet's own channel.")

    _one_per_wallet = models.UniqueIndex("(wallet_id)", "A wallet has one watch.")

    @api.model
    def _renew(self, wallet_ids, by_owner=False):
        # Many viewers of one wallet write its row once in a while, not each every minute.
        # A page that opens may ask twice at once: the second waits instead of failing.
        self.env.cr.execute(RENEW, {"wallets": list(wallet_ids), "by_owner": by_owner})

    @api.model
    def _watched(self, wallet_ids):
        """Return those of the wallets that somebody is looking at: {wallet id: whether an owner is}."""
        self.env.cr.execute(
            "SELECT wallet_id, COALESCE(owner_until > clock.now, FALSE)"
            "  FROM call_wallet_watch, (SELECT clock_timestamp() AT TIME ZONE 'UTC' AS now) clock"
            " WHERE wallet_id = ANY(%s) AND until > clock.now",
            [list(wallet_ids)],
        )
        return dict(self.env.cr.fetchall())


RENEW = """
    INSERT INTO call_wallet_watch AS w (wallet_id, until, owner_until)
    SELECT id, clock.now + interval '150 seconds',
           CASE WHEN %(by_owner)s THEN clock.now + interval '150 seconds' END
      FROM unnest(%(wallets)s::int[]) id, (SELECT clock_timestamp() AT TIME ZONE 'UTC' AS now) clock
     WHERE NOT EXISTS (
           SELECT FROM call_wallet_watch fresh
            WHERE fresh.wallet_id = id
              AND CASE WHEN %(by_owner)s THEN owner_until ELSE until END > clock.now + interval '100 seconds')
    ON CONFLICT (wallet_id) DO UPDATE
       SET until = EXCLUDED.until, owner_until = COALESCE(EXCLUDED.owner_until, w.owner_until)
"""
