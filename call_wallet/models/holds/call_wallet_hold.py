from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from odoo import api, fields, models

from ...const import CALL_TYPES, DIRECTIONS
from ...rating import cost_of
from ...tools.clock import utcnow
from ...tools.fields import ZERO, Amount, parse_amount
from ...tools.sql import set_index
from ..ledger.call_wallet_ledger import CLOCK, FUNDS, LOCK, NOTIFIED_AT, NOTIFY, Funds

# A hold outlives the time it reserves by this much, for the call's report to arrive.
GRACE = timedelta(minutes=15)

HOLD_STATES = [
    ("held", "Held"),
    ("settled", "Settled"),
    ("released", "Released"),
    ("expired", "Expired"),
]


class Hold(NamedTuple):
    """A hold as the decisions need it, without the ORM's cost."""

    state: str
    call_type: str
    direction: str
    number: str
    rate: Decimal
    authorized_at: datetime
    expected_seconds: int
    campaign: str
    manager: str
    application_ref: str
    id: int | None = None
    amount: Decimal = ZERO
    reserved_seconds: int = 0
    expires_at: datetime | None = None


class CallWalletHold(models.Model):
    """Funds reserved for one call in progress: held -> settled, released or expired.

    Written by ``call.wallet`` (authorise, extend, release) and by the ledger when the call
    is charged. Amounts are in the wallet's currency, 6 places; times are UTC.
    """

    _name = "call.wallet.hold"
    _description = "Call Wallet Hold"
    _order = "id desc"
    _rec_name = "call_ref"
    _log_access = False

    wallet_id = fields.Many2one(
        "call.wallet", required=True, readonly=True, ondelete="restrict", index="btree_not_null"
    )
    call_ref = fields.Char("Call Reference", required=True, readonly=True)
    call_type = fields.Selection(CALL_TYPES, required=True, readonly=True)
    direction = fields.Selection(DIRECTIONS, required=True, readonly=True)
    number = fields.Char(required=True, readonly=True)
    campaign = fields.Char(readonly=True, help="As the platform named it when it asked.")
    manager = fields.Char(readonly=True, help="Who calls, as the platform said when it asked: an e-mail or a name.")
    application_ref = fields.Char("Application ID", readonly=True)
    state = fields.Selection(HOLD_STATES, required=True, readonly=True, default="held")
    amount = Amount(required=True, readonly=True)
    reserved_seconds = fields.Integer(readonly=True, aggregator=None)
    expected_seconds = fields.Integer(
        readonly=True, aggregator=None, help="What the platform asked for; 0: the company's setting."
    )
    rate = Amount("Rate per Minute", readonly=True, aggregator=None)
    rate_id = fields.Many2one("call.rate", readonly=True, ondelete="set null", index="btree_not_null")
    authorized_at = fields.Datetime(readonly=True)
    expires_at = fields.Datetime(readonly=True)
    partner_id = fields.Many2one(related="wallet_id.partner_id")
    currency_id = fields.Many2one(related="wallet_id.currency_id")
    tz = fields.Selection(related="wallet_id.tz")
    company_id = fields.Many2one(related="wallet_id.company_id")

    _call_ref_unique = models.UniqueIndex("(wallet_id, call_ref)", "A call has one hold.")
    _expiry = models.Index("(expires_at) WHERE state = 'held'")

    def init(self):
        # All holds of a wallet are found by the unique index. Of the live ones, there is one more in each call's way.
        set_index(self.env.cr, self._table, "wallet_id", "(wallet_id) WHERE state = 'held'", f"{self._table}_live")

    # === BUSINESS METHODS === #
    # The wallet's balance is locked by whoever calls these.

    @api.model
    def _find(self, wallet_id, call_ref):
        """Return the call's ``Hold`` (or None), and whether the call was charged already."""
        _funds, hold, is_settled = self._look(FIND, wallet_id, call_ref)
        return hold, is_settled

    @api.model
    def _lock_and_find(self, wallet_id, call_ref):
        """Lock the wallet's balance, then look, on one way to the database.

        :return: the wallet's ``Funds``, the call's ``Hold`` or None, and whether the call was charged already
        """
        return self._look(LOCK_AND_FIND, wallet_id, call_ref)

    def _look(self, query, wallet_id, call_ref):
        self.env.flush_all()
        self.env.cr.execute(query, {"wallets": [wallet_id], "wallet": wallet_id, "ref": call_ref})
        is_settled, *values = self.env.cr.fetchone()
        funds, hold = Funds(*values[:5]), Hold(*values[5:])
        if not hold.id:
            return funds, None, is_settled
        return funds, hold._replace(amount=parse_amount(hold.amount), rate=parse_amount(hold.rate)), is_settled

    @api.model
    def _write_hold(self, wallet_id, call_ref, hold, rate, seconds):
        """Make the hold cover ``seconds`` in all; what it held before is part of it.

        :return: the ``Hold``, and the wallet's ``Funds`` with it
        """
        now = utcnow()
        amount = cost_of(rate, seconds)
        values = {
            "wallet": wallet_id,
            "ref": call_ref,
            "type": hold.call_type,
            "direction": hold.direction,
            "number": hold.number,
            "campaign": hold.campaign or None,
            "manager": hold.manager or None,
            "application_ref": hold.application_ref or None,
            "amount": amount,
            "before": hold.amount,
            "seconds": seconds,
            "expected": hold.expected_seconds,
            "rate": rate.price_per_minute,
            "rate_id": rate.rate_id or None,
            "authorized": hold.authorized_at,
            "expires": now + timedelta(seconds=seconds) + GRACE,
        }
        self.env.cr.execute(WRITE_HOLD, values)
        hold_id, notify, *funds = self.env.cr.fetchone()
        self._after_hold([wallet_id] if notify else [])
        hold = hold._replace(
            id=hold_id, state="held", amount=amount, reserved_seconds=seconds, expires_at=values["expires"]
        )
        return hold, Funds(*funds)

    @api.model
    def _add_names(self, hold, names):
        """Write names on a hold that had none of these.

        :param dict names: {``campaign``, ``manager`` or ``application_ref``: text}
        """
        if not names:
            return
        assignments = ", ".join(f"{name} = %({name})s" for name in names)
        self.env.cr.execute(f"UPDATE call_wallet_hold SET {assignments} WHERE id = %(id)s", {"id": hold.id, **names})
        self.env.invalidate_all(flush=False)

    @api.model
    def _release(self, wallet_id, call_ref):
        self._free("released", "wallet_id = %(wallet)s AND call_ref = %(ref)s", wallet=wallet_id, ref=call_ref)

    @api.model
    def _expire(self, wallet_ids):
        """Free what lost calls hold of these wallets; return whether there was anything."""
        return self._free(
            "expired",
            "wallet_id = ANY(%(wallets)s) AND expires_at < %(now)s",
            wallets=wallet_ids,
            now=utcnow(),
        )

    @api.model
    def _wallets_with_expired(self, limit):
        self.env.cr.execute(
            "SELECT DISTINCT wallet_id FROM call_wallet_hold"
            " WHERE state = 'held' AND expires_at < %s ORDER BY 1 LIMIT %s",
            [utcnow(), limit],
        )
        return [row[0] for row in self.env.cr.fetchall()]

    def _free(self, state, condition, **values):
        self.env.cr.execute(
            f"""
            WITH freed AS (
                UPDATE call_wallet_hold SET state = %(state)s WHERE state = 'held' AND {condition}
                RETURNING id, wallet_id, amount, call_ref, reserved_seconds
            ), total AS (
                SELECT wallet_id, sum(amount) AS amount,
                       json_agg(json_build_object('hold', id, 'call_ref', call_ref, 'amount', amount::text,
                                                  'held_seconds', reserved_seconds) ORDER BY id) AS holds
                  FROM freed GROUP BY wallet_id
            )
            UPDATE call_wallet_balance b
               SET held_amount = b.held_amount - t.amount, notified_at = {NOTIFIED_AT}
              FROM total t CROSS JOIN {CLOCK}
             WHERE b.wallet_id = t.wallet_id
             RETURNING b.wallet_id, {NOTIFY}, t.holds
            """,
            {"state": state, **values},
        )
        freed = self.env.cr.fetchall()
        self._after_hold([wallet_id for wallet_id, notify, _holds in freed if notify])
        if state == "expired":
            self.env["call.wallet.event"]._add(
                (wallet_id, "hold.expired", hold) for wallet_id, _notify, holds in freed for hold in holds
            )
        return bool(freed)

    @api.model
    def _hold_otherwise(self, wallet_id, change):
        """Hold that much more (less, below zero) of a wallet for something else than a call."""
        self.env["call.wallet.ledger"]._lock([wallet_id])
        self.env.cr.execute(
            "UPDATE call_wallet_balance SET held_amount = held_amount + %s WHERE wallet_id = %s", [change, wallet_id]
        )
        self._after_hold([wallet_id])

    def _after_hold(self, changed):
        """Tell the open dashboards: what is available changed."""
        self.env.invalidate_all(flush=False)
        if changed:
            self.env["call.wallet"]._notify_changed(changed)


FIND = f"""
    SELECT EXISTS (SELECT FROM call_wallet_transaction WHERE wallet_id = b.wallet_id AND key = 'call/' || %(ref)s),
           {FUNDS},
           h.state, h.call_type, h.direction, h.number, h.rate::text, h.authorized_at,
           COALESCE(h.expected_seconds, 0), COALESCE(h.campaign, ''), COALESCE(h.manager, ''),
           COALESCE(h.application_ref, ''), h.id, h.amount::text, h.reserved_seconds, h.expires_at
      FROM call_wallet_balance b
      LEFT JOIN call_wallet_hold h ON h.wallet_id = b.wallet_id AND h.call_ref = %(ref)s
     WHERE b.wallet_id = %(wallet)s
"""
# The second statement sees what others have done until the first one had the lock.
LOCK_AND_FIND = f"{LOCK};{FIND}"

WRITE_HOLD = f"""
    WITH hold AS (
        INSERT INTO call_wallet_hold
               (wallet_id, call_ref, call_type, direction, number, campaign, manager, application_ref, state, amount,
                reserved_seconds, expected_seconds, rate, rate_id, authorized_at, expires_at)
        VALUES (%(wallet)s, %(ref)s, %(type)s, %(direction)s, %(number)s, %(campaign)s, %(manager)s,
                %(application_ref)s, 'held', %(amount)s, %(seconds)s, %(expected)s, %(rate)s, %(rate_id)s,
                %(authorized)s, %(expires)s)
        ON CONFLICT (wallet_id, call_ref) DO UPDATE
           SET state = 'held', call_type = EXCLUDED.call_type, direction = EXCLUDED.direction,
               number = EXCLUDED.number, campaign = EXCLUDED.campaign, manager = EXCLUDED.manager,
               application_ref = EXCLUDED.application_ref, amount = EXCLUDED.amount,
               reserved_seconds = EXCLUDED.reserved_seconds, expected_seconds = EXCLUDED.expected_seconds,
               rate = EXCLUDED.rate, rate_id = EXCLUDED.rate_id, authorized_at = EXCLUDED.authorized_at,
               expires_at = EXCLUDED.expires_at
        RETURNING id
    )
    UPDATE call_wallet_balance b
       SET held_amount = b.held_amount + %(amount)s - %(before)s, notified_at = {NOTIFIED_AT}
      FROM {CLOCK}
     WHERE b.wallet_id = %(wallet)s
 RETURNING (SELECT id FROM hold), {NOTIFY}, {FUNDS}
"""
