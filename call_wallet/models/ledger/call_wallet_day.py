from datetime import timedelta

from odoo import fields, models

from ...tools.fields import ZERO, Amount, parse_amount
from ...tools.sql import array
from .call_wallet_transaction import TYPES


class CallWalletDay(models.Model):
    """Totals of one wallet's transactions by day, type, call type and campaign.

    Kept by the ledger in the transaction that appends the rows, so a dashboard or a
    roll-forward never scans the ledger. ``day`` is the date in the wallet's time zone;
    amounts are signed, in the wallet's currency, 6 places.
    """

    _name = "call.wallet.day"
    _description = "Call Wallet Daily Totals"
    _order = "day desc, id desc"
    _log_access = False

    wallet_id = fields.Many2one("call.wallet", required=True, readonly=True, ondelete="restrict")
    day = fields.Date(required=True, readonly=True)
    type = fields.Selection(TYPES, required=True, readonly=True)
    call_type = fields.Selection([("live", "Live Call"), ("whatsapp", "WhatsApp Call")], readonly=True)
    campaign_id = fields.Many2one("utm.campaign", readonly=True, ondelete="restrict", index="btree_not_null")
    transactions = fields.Integer(readonly=True)
    billed_minutes = Amount(readonly=True)
    amount = Amount(readonly=True)
    earlier_day = Amount(
        readonly=True, aggregator=None, help="Of the amount, what corrects or gives back calls charged on earlier days."
    )
    earlier_month = Amount(readonly=True, aggregator=None, help="Likewise, of earlier months.")
    partner_id = fields.Many2one(related="wallet_id.partner_id")
    currency_id = fields.Many2one(related="wallet_id.currency_id")
    company_id = fields.Many2one(related="wallet_id.company_id")

    _key = models.UniqueIndex(
        "(wallet_id, day, type, COALESCE(call_type, ''), COALESCE(campaign_id, 0))",
        "One total a wallet, day, type, call type and campaign.",
    )
    # Rows come in the order of their days: those of the last months are in the last pages, which costs nothing to know.
    _day = models.Index("USING brin (day)")

    def _count_corrections(self, entries):
        """Note in the totals what of these entries is about calls that were charged on an earlier day or month.

        So it can be told what was spent in a day on the calls charged in it. The entries are in the ledger already.

        :param list[Entry] entries: refunds and corrections of calls
        """
        rows = [(e.wallet_id, e.date, e.type, e.call_type, e.campaign_id, e.amount, e.usage_id) for e in entries]
        self.env.cr.execute(COUNT_CORRECTIONS, [array(column) for column in zip(*rows, strict=True)])
        self.invalidate_model(["earlier_day", "earlier_month"], flush=False)

    def _recent_spend(self, wallets, days):
        """Return {wallet: what it spent on each of the last days, oldest first}; one query for all of them.

        Each wallet's days are its own, today the last of them. Amounts are in its currency.
        """
        last = {wallet: wallet._today() for wallet in wallets}
        domain = [("wallet_id", "in", wallets.ids), ("type", "=", "usage")]
        if wallets:
            domain.append(("day", ">", min(last.values()) - timedelta(days=days)))
        rows = self._read_group(domain, ["wallet_id", "day:day"], ["amount:sum"])
        spent = {(wallet.id, day): -parse_amount(amount) for wallet, day, amount in rows}
        return {
            wallet: [spent.get((wallet.id, today - timedelta(days=back)), ZERO) for back in range(days - 1, -1, -1)]
            for wallet, today in last.items()
        }


# A call was charged on the day of its first transaction.
COUNT_CORRECTIONS = """
    UPDATE call_wallet_day d
       SET earlier_day = COALESCE(d.earlier_day, 0) + c.earlier_day,
           earlier_month = COALESCE(d.earlier_month, 0) + c.earlier_month
      FROM (SELECT e.wallet_id, l.day, e.type, e.call_type, e.campaign_id,
                   COALESCE(sum(e.amount) FILTER (WHERE f.day < l.day), 0) AS earlier_day,
                   COALESCE(sum(e.amount) FILTER (WHERE f.day < date_trunc('month', l.day)), 0) AS earlier_month
              FROM unnest(%s::int[], %s::timestamp[], %s::text[], %s::text[], %s::int[], %s::numeric[], %s::int[])
                   AS e(wallet_id, date, type, call_type, campaign_id, amount, usage_id)
              JOIN call_wallet w ON w.id = e.wallet_id
             CROSS JOIN LATERAL (SELECT (e.date AT TIME ZONE 'UTC' AT TIME ZONE w.tz)::date AS day) l
             CROSS JOIN LATERAL (SELECT min(day) AS day FROM call_wallet_transaction WHERE usage_id = e.usage_id) f
             GROUP BY 1, 2, 3, 4, 5) c
     WHERE d.wallet_id = c.wallet_id AND d.day = c.day AND d.type = c.type
       AND COALESCE(d.call_type, '') = COALESCE(c.call_type, '')
       AND COALESCE(d.campaign_id, 0) = COALESCE(c.campaign_id, 0)
       AND (c.earlier_day, c.earlier_month) <> (0, 0)
"""
