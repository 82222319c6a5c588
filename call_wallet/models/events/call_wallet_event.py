import json
from datetime import UTC

from odoo import api, fields, models
from odoo.exceptions import UserError

from ...tools.background import wake
from ...tools.clock import utcnow
from ...tools.sql import array

EVENT_TYPES = (
    "wallet.low",
    "wallet.empty",
    "wallet.restored",
    "wallet.paused",
    "wallet.resumed",
    "wallet.closed",
    "wallet.set_up",
    "topup.credited",
    "topup.reversed",
    "call.corrected",
    "call.accepted_after_rejection",
    "hold.expired",
    "limit.reached",
)

MOST_EVENTS = 10_000


class CallWalletEvent(models.Model):
    """One thing that the platform is told of: a row of the outbox.

    Written in the transaction of its cause, by ``_add`` alone, and numbered once that is committed. Amounts in ``data``
    are decimal strings in the wallet's currency; times are UTC. It names calls by their reference, never by a number.
    """

    _name = "call.wallet.event"
    _description = "Call Wallet Event"
    _order = "id desc"
    _rec_name = "reference"
    _log_access = False

    # The event is kept when a wallet that was never used is deleted: the numbers have no gap.
    wallet_id = fields.Many2one("call.wallet", readonly=True, ondelete="set null", index="btree_not_null")
    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="restrict")
    reference = fields.Char(
        "Event ID", required=True, readonly=True, help="The same in each delivery: evt_ and a unique code."
    )
    number = fields.Integer(
        readonly=True, aggregator=None, help="Without gaps, in the order of publication. Empty: not published yet."
    )
    type = fields.Char(required=True, readonly=True)
    occurred_at = fields.Datetime(required=True, readonly=True)
    data = fields.Json(required=True, readonly=True)

    _number_unique = models.UniqueIndex("(number) WHERE number IS NOT NULL", "An event has a number of its own.")
    _unpublished = models.Index("(id) WHERE number IS NULL")
    _age = models.Index("(occurred_at)")

    # === THE OUTBOX === #

    @api.model
    def _add(self, rows):
        """Add events to the outbox; call it in the transaction of their cause, after it.

        The wallets' balances are locked, which a cause has done in most cases: so a wallet's events have ids in the
        order in which they are committed. Each says how the wallet stands now: ``account``, ``currency``, ``balance``,
        ``available``, ``low_balance_threshold``, ``level`` (``enough``, ``low``, ``empty``) and ``state``
        (``not_set_up``, ``active``, ``paused``, ``closed``).

        :param rows: (wallet id, type, dict of what else the receiver needs), in order; amounts as strings, or Decimal
        """
        rows = list(rows)
        unknown = {kind for _wallet_id, kind, _data in rows} - set(EVENT_TYPES)
        if unknown:
            raise ValueError(f"There is no event of the type {', '.join(unknown)}.")
        rows = [row for row in rows if not (row[1] == "wallet.set_up" and self._take_back_unset(row[0]))]
        if not rows:
            return
        wallet_ids, kinds, data = zip(*rows, strict=True)
        self.env["call.wallet.ledger"]._lock(set(wallet_ids))
        texts = [json.dumps(each, default=str) for each in data]
        self.env.cr.execute(ADD, [utcnow(), array(wallet_ids), array(kinds), array(texts)])
        self.env.cr.execute("SELECT EXISTS (SELECT FROM call_wallet_webhook WHERE active)")
        if self.env.cr.fetchone()[0]:
            wake(self.env, "ir_cron_webhook")

    def _take_back_unset(self, wallet_id):
        """Tell of nothing where the last recipient went and another came before anybody was told; return whether so.

        Such as when all the addresses of a wallet are replaced.
        """
        self.env.cr.execute(TAKE_BACK_UNSET, [wallet_id])
        return bool(self.env.cr.rowcount)

    @api.model
    def _publish(self):
        """Give the committed events that have none their numbers, in the order of their ids.

        Whoever publishes holds the counter until the commit, so that a number is visible only when all below it are.
        """
        # What the caller has changed before, and not written yet, must outlive the cache that is dropped below.
        self.env.flush_all()
        self.env.cr.execute("SELECT EXISTS (SELECT FROM call_wallet_event WHERE number IS NULL)")
        if not self.env.cr.fetchone()[0]:
            return
        counter = self.env.ref("call_wallet.sequence_call_wallet_event").id
        # The statement that numbers begins after this one: it sees what others have published meanwhile.
        self.env.cr.execute("SELECT number_next FROM ir_sequence WHERE id = %s FOR NO KEY UPDATE", [counter])
        [(first,)] = self.env.cr.fetchall()
        self.env.cr.execute(PUBLISH, [first - 1])
        count = self.env.cr.rowcount
        self.env.cr.execute("UPDATE ir_sequence SET number_next = number_next + %s WHERE id = %s", [count, counter])
        self.env["call.wallet.webhook.delivery"]._add_published(first, first + count - 1)
        self.env.invalidate_all(flush=False)

    # === READING === #

    @api.model
    def _list(self, after, limit, companies):
        """Return published events in the order of their numbers, as ``list_events`` answers them.

        :param companies: ``res.company``, whose events; None: all
        """
        self._check_page(after, limit)
        self._publish()
        self.env.cr.execute(
            LIST,
            {"after": after or 0, "all": companies is None, "companies": companies and companies.ids, "limit": limit},
        )
        return [
            {"event": number, "id": reference, **content(kind, occurred_at, data, number), "account": data["account"]}
            for number, reference, kind, occurred_at, data in self.env.cr.fetchall()
        ]

    def _check_page(self, after, limit):
        if after is not None and (after.__class__ is not int or not 0 <= after < 2**31):
            raise UserError(self.env._("after: send the number of the last event that you have read, or nothing."))
        if limit.__class__ is not int or not 1 <= limit <= MOST_EVENTS:
            raise UserError(self.env._("limit: send a whole number from 1 to %s.", MOST_EVENTS))


def content(kind, occurred_at, data, number):
    """Return what is told of an event, the body of its message: ``type``, ``timestamp`` and ``data``.

    :param int number: stands in the data, so that receivers can bring messages in order; None: of a test
    """
    return {
        "type": kind,
        "timestamp": occurred_at.replace(tzinfo=UTC).isoformat(),
        "data": {**data, "event": number},
    }


# Amounts have 6 places, as everywhere. What the caller says comes last.
ADD = """
    INSERT INTO call_wallet_event (wallet_id, company_id, reference, type, occurred_at, data)
    SELECT w.id, w.company_id, 'evt_' || replace(gen_random_uuid()::text, '-', ''), e.type, %s,
           jsonb_build_object(
               'account', w.account_ref, 'currency', c.name, 'balance', b.balance::text,
               'available', (b.balance - b.held_amount)::text,
               'low_balance_threshold', w.low_balance_threshold::text,
               'level', CASE b.alert_level WHEN 2 THEN 'empty' WHEN 1 THEN 'low' ELSE 'enough' END,
               'state', CASE WHEN w.active THEN b.state ELSE 'closed' END
           ) || e.data
      FROM unnest(%s::int[], %s::text[], %s::jsonb[]) WITH ORDINALITY AS e(wallet_id, type, data, position)
      JOIN call_wallet w ON w.id = e.wallet_id
      JOIN call_wallet_balance b ON b.wallet_id = w.id
      JOIN res_currency c ON c.id = w.currency_id
     ORDER BY e.position
"""


TAKE_BACK_UNSET = """
    DELETE FROM call_wallet_event
     WHERE id = (SELECT max(id) FROM call_wallet_event WHERE wallet_id = %s)
       AND number IS NULL AND type = 'wallet.paused' AND data->>'cause' = 'not_set_up'
"""


PUBLISH = """
    UPDATE call_wallet_event e
       SET number = unnumbered.number
      FROM (SELECT id, %s + row_number() OVER (ORDER BY id) AS number
              FROM call_wallet_event WHERE number IS NULL) unnumbered
     WHERE e.id = unnumbered.id
"""


LIST = """
    SELECT number, reference, type, occurred_at, data
      FROM call_wallet_event
     WHERE number > %(after)s AND (%(all)s OR company_id = ANY(%(companies)s))
     ORDER BY number
     LIMIT %(limit)s
"""
