from decimal import Decimal
from typing import NamedTuple

from odoo import fields, models
from odoo.exceptions import UserError

from ...rating import charge
from ...tools.fields import ZERO, parse_amount
from ...tools.sql import array
from ..corrections.correction_sql import CORRECTS, LAST

BATCH = 2_000

# What holds of a call, and what it has cost so far, from the ledger: its charge, corrections and re-ratings, and the
# refunds of people. `calls` names the rows of call_usage that are asked for.
FIGURES = f"""
    SELECT u.wallet_id, u.id, u.call_ref, COALESCE(k.call_type, u.call_type), COALESCE(k.direction, u.direction),
           COALESCE(k.number, u.number), COALESCE(k.started_at, u.started_at),
           CASE WHEN k.kind = 'void' OR COALESCE(k.status, u.status) <> 'completed' THEN 0
                ELSE COALESCE(k.duration_seconds, u.duration_seconds) END,
           CASE WHEN k.id IS NULL THEN u.campaign_id ELSE k.campaign_id END,
           (u.billed_minutes + COALESCE(c.minutes, 0))::text,
           COALESCE(c.price, k.rate, u.rate)::text,
           (u.total_cost - COALESCE(c.corrected, 0))::text,
           COALESCE(c.refunded, 0)::text
      FROM ({{calls}}) u
      {LAST}
     CROSS JOIN LATERAL (
           SELECT sum(t.amount) FILTER (WHERE {CORRECTS}) AS corrected,
                  sum(t.billed_minutes) FILTER (WHERE {CORRECTS}) AS minutes,
                  (array_agg(t.rate ORDER BY t.sequence DESC) FILTER (WHERE {CORRECTS}))[1] AS price,
                  sum(t.amount) FILTER (WHERE t.type = 'refund' AND NOT {CORRECTS}) AS refunded
             FROM call_wallet_transaction t WHERE t.usage_id = u.id) c
"""

# The type that a call is of after its corrections; `call_type` NULL asks for all.
OF_TYPE = """(%(call_type)s::text IS NULL
            OR COALESCE((SELECT k.call_type FROM call_usage_correction k
                          WHERE k.usage_id = call_usage.id ORDER BY k.sequence DESC LIMIT 1), call_type)
               = %(call_type)s)"""

# A call whose number was deleted (room `privacy`) has no price any more: it stays as it was charged.
PERIOD = f"""
    SELECT * FROM call_usage
     WHERE wallet_id = %(wallet)s AND started_at < %(to)s AND masked_at IS NULL
       AND (started_at, id) > (%(started_at)s, %(id)s)
       AND {OF_TYPE}
     ORDER BY started_at, id LIMIT %(limit)s
"""

NEXT_CALLS = FIGURES.format(calls=PERIOD) + " ORDER BY u.started_at, u.id"


class Figures(NamedTuple):
    """A call and what it has cost so far. ``seconds`` is 0 when it did not connect."""

    wallet_id: int
    usage_id: int
    call_ref: str
    call_type: str
    direction: str
    number: str
    started_at: object
    seconds: int
    campaign_id: int
    minutes: Decimal
    price: Decimal
    cost: Decimal
    refunded: Decimal

    @classmethod
    def read(cls, row):
        return cls(*row[:-4], *(parse_amount(amount) for amount in row[-4:]))


class Difference(NamedTuple):
    """What a re-rating found out about one call; the line's columns."""

    wallet_id: int
    usage_id: int
    call_ref: str
    old_price: Decimal
    new_price: Decimal
    old_cost: Decimal
    new_cost: Decimal
    refunded: Decimal
    difference: Decimal
    minutes_difference: Decimal
    state: str
    note: str


class CallUsageReratePreview(models.Model):
    """The first half of a re-rating: price every call of the period anew, masked ones apart, and note what differs."""

    _inherit = "call.usage.rerate"

    def _start_preview(self):
        """Forget an earlier comparison and find out what there is to compare."""
        if not (self.rate_plan_id or self.wallet_ids):
            raise UserError(self.env._("Wallets: choose a rate plan or at least one wallet."))
        wallets = self.env["call.wallet"].with_context(active_test=not self.wallet_ids)
        domain = [("company_id", "=", self.company_id.id)]
        if self.rate_plan_id:
            domain.append(("rate_plan_id", "=", self.rate_plan_id.id))
        if self.wallet_ids:
            domain.append(("id", "in", self.wallet_ids.ids))
        wallets = wallets.search(domain)
        if not wallets:
            raise UserError(self.env._("Wallets: no wallet of this company has the rate plan; choose others."))
        cr = self.env.cr
        cr.execute("DELETE FROM call_usage_rerate_line WHERE rerate_id = %s", [self.id])
        cr.execute("DELETE FROM call_usage_rerate_wallet WHERE rerate_id = %s", [self.id])
        cr.execute(START, {"rerate": self.id, "wallets": wallets.ids, "from": self.date_from})
        cr.execute(
            f"""
            SELECT count(*) FROM call_usage
             WHERE wallet_id = ANY(%(wallets)s) AND started_at >= %(from)s AND started_at < %(to)s
               AND masked_at IS NULL AND {OF_TYPE}
            """,
            {
                "wallets": wallets.ids,
                "from": self.date_from,
                "to": self.date_to,
                "call_type": self.call_type or None,
            },
        )
        [total] = cr.fetchone()
        stamp = self._read_price_stamp()
        self.env.invalidate_all()
        self.write({"state": "previewing", "done_count": 0, "total_count": total, "price_stamp": stamp})

    def _read_price_stamp(self):
        """Return a digest of the prices that apply to the document's wallets now."""
        self.env.flush_all()
        self.env.cr.execute(
            """
            SELECT md5(string_agg(concat_ws('/', w.id, w.rate_plan_id, p.deck_version,
                                            CASE WHEN w.currency_id = co.currency_id
                                                 THEN co.call_wallet_whatsapp_rate
                                                 ELSE o.whatsapp_rate END), ',' ORDER BY w.id))
              FROM call_usage_rerate_wallet s
              JOIN call_wallet w ON w.id = s.wallet_id
              JOIN res_company co ON co.id = w.company_id
              LEFT JOIN call_wallet_price o ON o.company_id = w.company_id AND o.currency_id = w.currency_id
              LEFT JOIN call_rate_plan p ON p.id = w.rate_plan_id
             WHERE s.rerate_id = %s
            """,
            [self.id],
        )
        return self.env.cr.fetchone()[0]

    # === ONE BATCH === #

    def _preview_batch(self):
        """Compare the next ``BATCH`` calls; return whether there may be more."""
        if self._read_price_stamp() != self.price_stamp:
            # A price has changed meanwhile: begin again, since a preview compares with one set of prices.
            self._start_preview()
            return True
        room, done = BATCH, 0
        while room > 0:
            scope = self._next_scope()
            if not scope:
                self.write({"state": "previewed", "previewed_at": fields.Datetime.now()})
                break
            calls = self._compare_next(*scope, limit=room)
            done += calls
            # A wallet without calls costs two queries, so thousands of them must not be one batch.
            room -= calls + 20
        self.done_count = min(self.done_count + done, self.total_count)
        return self.state == "previewing"

    def _next_scope(self):
        self.env.cr.execute(
            """
            SELECT s.id, s.wallet_id, w.account_ref, s.last_started_at, s.last_usage_id
              FROM call_usage_rerate_wallet s JOIN call_wallet w ON w.id = s.wallet_id
             WHERE s.rerate_id = %s AND NOT s.is_done ORDER BY s.id LIMIT 1
            """,
            [self.id],
        )
        return self.env.cr.fetchone()

    def _compare_next(self, scope_id, wallet_id, account_ref, started_at, usage_id, limit):
        """Compare the wallet's next calls and note where that ended; return how many."""
        self.env.cr.execute(
            NEXT_CALLS,
            {
                "wallet": wallet_id,
                "to": self.date_to,
                "call_type": self.call_type or None,
                "started_at": started_at,
                "id": usage_id,
                "limit": limit,
            },
        )
        calls = [Figures.read(row) for row in self.env.cr.fetchall()]
        account = self.env["call.rate.plan"]._load_rated_wallets({account_ref})[account_ref]
        found = [difference for call in calls if (difference := self._compare(call, account))]
        if found:
            self.env.cr.execute(INSERT_LINES, [self.id, *(array(column) for column in zip(*found, strict=True))])
        last = (calls[-1].started_at, calls[-1].usage_id) if calls else (started_at, usage_id)
        self._add_up(scope_id, calls, found, last, is_done=len(calls) < limit)
        return len(calls)

    def _compare(self, call, account):
        """Return the ``Difference`` of one call, or None when there is nothing to say."""
        if not call.seconds and not call.cost:
            return None
        rate = account.match(call.call_type, call.direction, call.number, call.started_at)
        if rate is None:
            note = self.env._("No rate of the contract covers it today.")
            return _difference(call, call.price, call.cost, ZERO, ZERO, "no_rate", note)
        priced = charge(rate, call.seconds)
        price, minutes = parse_amount(rate.price_per_minute), priced.billed_minutes - call.minutes
        wanted = priced.cost - call.cost
        if not wanted:
            return None
        # Refunds of people stand, and nobody gets back more than the call cost.
        amount = max(wanted, min(call.refunded - call.cost, ZERO)) if wanted < 0 else wanted
        if not amount:
            note = self.env._("All it cost was refunded by hand already.")
            return _difference(call, price, priced.cost, ZERO, ZERO, "left_alone", note)
        note = self.env._("The rest was refunded by hand already.") if amount != wanted else None
        return _difference(call, price, priced.cost, amount, minutes, "change", note)

    def _add_up(self, scope_id, calls, found, last, is_done):
        old_cost = sum((call.cost for call in calls), ZERO)
        changes = [line for line in found if line.state == "change"]
        self.env.cr.execute(
            ADD_UP,
            [
                len(calls),
                len(changes),
                sum(line.state == "no_rate" for line in found),
                old_cost,
                old_cost + sum((line.new_cost - line.old_cost for line in found), ZERO),
                -sum((line.difference for line in changes if line.difference < 0), ZERO),
                sum((line.difference for line in changes if line.difference > 0), ZERO),
                is_done,
                *last,
                scope_id,
            ],
        )


def _difference(call, price, cost, amount, minutes, state, note):
    return Difference(
        call.wallet_id, call.usage_id, call.call_ref, call.price, price, call.cost, cost, call.refunded,
        amount, minutes, state, note,
    )  # fmt: skip


START = """
    INSERT INTO call_usage_rerate_wallet
           (rerate_id, wallet_id, calls, changes, no_rate, old_cost, new_cost, to_refund, to_charge, is_done,
            last_started_at, last_usage_id)
    SELECT %(rerate)s, id, 0, 0, 0, 0, 0, 0, 0, FALSE, %(from)s, 0
      FROM unnest(%(wallets)s::int[]) AS id ORDER BY id
"""


INSERT_LINES = """
    INSERT INTO call_usage_rerate_line
           (rerate_id, wallet_id, usage_id, call_ref, old_price, new_price, old_cost, new_cost, refunded,
            difference, minutes_difference, state, note)
    SELECT %s, found.* FROM unnest(
           %s::int[], %s::int[], %s::text[], %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[],
           %s::numeric[], %s::numeric[], %s::numeric[], %s::text[], %s::text[]) AS found
"""


ADD_UP = """
    UPDATE call_usage_rerate_wallet
       SET calls = calls + %s, changes = changes + %s, no_rate = no_rate + %s, old_cost = old_cost + %s,
           new_cost = new_cost + %s, to_refund = to_refund + %s, to_charge = to_charge + %s,
           is_done = %s, last_started_at = %s, last_usage_id = %s
     WHERE id = %s
"""
