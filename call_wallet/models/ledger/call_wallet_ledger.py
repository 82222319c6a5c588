from datetime import datetime
from typing import NamedTuple
from uuid import uuid4

from odoo import models
from odoo.exceptions import UserError

from ...tools.clock import utcnow
from ...tools.door import make_places
from ...tools.fields import check_request_key, parse_amount, parse_reason
from ...tools.limits import LIMITS_SPEND
from ...tools.sql import array
from ..wallet.call_wallet_balance import EMPTY

# Status and alert level follow from what else stands in the row; kept beside it for search.
# `balance` is replaced by the new balance where it changes in the same statement.
STATE = """CASE WHEN NOT b.is_set_up THEN 'not_set_up'
                WHEN b.is_paused_by_hand OR {balance} <= 0 THEN 'paused'
                ELSE 'active' END"""

LEVEL = """CASE WHEN {balance} <= 0 THEN 2 WHEN {balance} < w.low_balance_threshold THEN 1 ELSE 0 END"""

# Open dashboards are told at most once a second: the first change of a second moves this.
CLOCK = "(SELECT clock_timestamp() AT TIME ZONE 'UTC' AS now) clock"

NOTIFIED_AT = """CASE WHEN b.notified_at > clock.now - interval '1 second' THEN b.notified_at
                      ELSE clock.now END"""


# Whoever has moved it tells the wallet's viewers, and the overview's, where there are any.
NOTIFY = """b.notified_at = clock.now
       AND EXISTS (SELECT FROM call_wallet_watch v
                    WHERE COALESCE(v.wallet_id, 0) IN (b.wallet_id, 0) AND v.until > clock.now)"""


class Entry(NamedTuple):
    """One row to append to a wallet's ledger; ``amount`` is signed, in the wallet's currency.

    ``date`` is when it is entered, ``earned_at`` when the service was rendered that it charges (both naive UTC); the
    latter is for calls alone.
    """

    wallet_id: int
    date: datetime
    type: str
    amount: object
    description: str
    key: str
    fingerprint: str = None
    is_call: bool = False
    call_type: str = None
    rate: object = None
    billed_minutes: object = None
    usage_id: int = None
    topup_id: int = None
    campaign_id: int = None
    call_ref: str = None
    earned_at: datetime = None


class Funds(NamedTuple):
    """A wallet's balance row under the lock; amounts are decimal strings."""

    alert_level: int
    balance: str
    held_amount: str
    state: str
    is_paused_by_hand: bool

    @property
    def shown_level(self):
        """The alert level that owners see: none before the wallet is set up."""
        return 0 if self.state == "not_set_up" else self.alert_level


class CallWalletLedger(models.AbstractModel):
    """The only code that moves money.

    Every movement takes the same steps: a door (``door.py``) begins a transaction in which a
    busy wallet can be waited for, ``_lock`` takes the wallets' balances in id order (so two
    requests never wait for each other in a circle), ``_append`` changes balances and holds
    and writes the ledger rows in one statement.
    """

    _name = "call.wallet.ledger"
    _description = "Call Wallet Ledger"

    def init(self):
        make_places(self.env.cr)

    # === LOCK === #

    def _lock(self, wallet_ids):
        """Wait for the wallets' balances and hold them until the transaction ends.

        :return: {wallet id: ``Funds``}, as they are under the lock
        """
        self.env.flush_all()
        self.env.cr.execute(LOCK, {"wallets": list(wallet_ids)})
        return {wallet_id: Funds(*funds) for wallet_id, *funds in self.env.cr.fetchall()}

    # === THE ONE STATEMENT === #

    def _append(self, entries, locked):
        """Append ``entries`` to their wallets' ledgers, in order, and move the balances.

        A call's entry also settles its hold. Totals by day are kept alongside.

        :param list[Entry] entries: not empty; their wallets are locked
        :param dict locked: what ``_lock`` returned
        :return: {(wallet id, key): (transaction id, balance after as a decimal string)}
        """
        cr = self.env.cr
        cr.execute(APPEND, [array(column) for column in zip(*entries, strict=True)])
        result, moved, limited = {}, {}, set()
        for transaction_id, wallet_id, key, balance_after, level, is_set_up, notify, is_limited in cr.fetchall():
            result[wallet_id, key] = (transaction_id, balance_after)
            moved[wallet_id] = (level, is_set_up, notify)
            if is_limited:
                limited.add(wallet_id)
        self.env.invalidate_all(flush=False)
        self._after_move(locked, moved)
        later = [entry for entry in entries if entry.usage_id and not entry.key.startswith("call/")]
        if later:
            self.env["call.wallet.day"]._count_corrections(later)
        if limited:
            self.env["call.wallet"]._note_limits(limited)
        return result

    def _after_move(self, locked, moved):
        """Note the crossings, and tell the open dashboards and banners."""
        crossed = [w for w, (level, is_set_up, _n) in moved.items() if is_set_up and level > locked[w].alert_level]
        if crossed:
            self.env["call.wallet.alert"]._note_crossings(crossed)
        changed = [wallet_id for wallet_id, (_l, _s, notify) in moved.items() if notify]
        if changed:
            self.env["call.wallet"]._notify_changed(changed)
        alerted = [
            wallet_id
            for wallet_id, (level, is_set_up, _n) in moved.items()
            if (level if is_set_up else 0) != locked[wallet_id].shown_level
        ]
        if alerted:
            self.env["call.wallet"]._notify_alert(alerted)
        events = [
            (wallet_id, *event)
            for wallet_id, (level, is_set_up, _n) in moved.items()
            if (event := event_of(locked[wallet_id], level, is_set_up))
        ]
        if events:
            self.env["call.wallet.event"]._add(events)

    # === MOVEMENTS OTHER THAN CALLS === #

    def _enter(self, entry):
        """Append one entry, once: its key is looked up under the lock.

        :return: ``call.wallet.transaction``, the earlier one if the key is there already
        :raise UserError: the key is there with other content
        """
        locked = self._lock([entry.wallet_id])
        earlier = self._find(entry.wallet_id, entry.key)
        if earlier:
            if earlier.sudo().fingerprint != (entry.fingerprint or False):
                raise UserError(self.env._("%s was carried out already, with other content.", entry.key))
            return earlier
        [(transaction_id, _balance)] = self._append([entry], locked).values()
        return self.env["call.wallet.transaction"].browse(transaction_id)

    def _find(self, wallet_id, key):
        return self.env["call.wallet.transaction"].search([("wallet_id", "=", wallet_id), ("key", "=", key)], limit=1)

    def _refund(self, wallet, amount, reason, usage, request_key):
        amount, reason = self._read_refund(amount, reason)
        check_request_key(request_key, self.env)
        self._lock(wallet.ids)
        key = f"refund/{request_key or uuid4().hex}"
        fingerprint = f"{amount}/{usage.id if usage else ''}/{reason}"
        if usage and not self._find(wallet.id, key):
            self._check_refundable(wallet, amount, usage)
        return self._enter(
            Entry(
                wallet_id=wallet.id,
                date=utcnow(),
                type="refund",
                amount=amount,
                description=reason,
                key=key,
                fingerprint=fingerprint,
                is_call=bool(usage),
                call_type=usage.call_type if usage else None,
                usage_id=usage.id if usage else None,
                campaign_id=(usage.campaign_id.id or None) if usage else None,
            )
        )

    def _read_refund(self, amount, reason):
        if isinstance(amount, bool):
            raise UserError(self.env._("Amount: enter a number."))
        amount = parse_amount(amount, self.env._("Amount"), self.env)
        if amount <= 0:
            raise UserError(self.env._("Amount: enter more than zero."))
        reason = parse_reason(reason)
        if not reason:
            raise UserError(self.env._("Reason: say why the funds are returned."))
        return amount, reason

    def _check_refundable(self, wallet, amount, usage):
        if usage.wallet_id != wallet:
            raise UserError(self.env._("Call: choose a call of this wallet."))
        left, cost = self._refundable(usage)
        if amount > left:
            raise UserError(
                self.env._(
                    "Amount: at most %(left)s %(currency)s can be refunded for this call "
                    "(it cost %(cost)s, less earlier refunds).",
                    left=left,
                    cost=cost,
                    currency=wallet.currency_id.name,
                )
            )

    def _refundable(self, usage):
        """Return what of the call's cost was not refunded yet, and the cost."""
        # Re-rating may have charged more for the call since, or given some of it back.
        self.env.cr.execute(
            "SELECT COALESCE(-sum(amount) FILTER (WHERE type = 'usage'), 0)::text,"
            "       COALESCE(sum(amount) FILTER (WHERE type = 'refund'), 0)::text"
            "  FROM call_wallet_transaction WHERE usage_id = %s",
            [usage.id],
        )
        cost, refunded = map(parse_amount, self.env.cr.fetchone())
        return cost - refunded, cost

    def _take_funds(self, wallet, amount, reason, key):
        """Take funds that will not be used any more: idle ones, or what closing a wallet leaves.

        :param amount: positive, in the wallet's currency; at most what is available
        :param str key: the same key takes once and returns the first transaction
        :raise UserError: more than is available
        """
        amount = parse_amount(amount)
        funds = self._lock(wallet.ids)[wallet.id]
        left = parse_amount(funds.balance) - parse_amount(funds.held_amount)
        if not 0 < amount <= left and not self._find(wallet.id, key):
            raise UserError(
                self.env._(
                    "Amount: %(amount)s cannot be taken from wallet %(account)s, where %(left)s is available.",
                    amount=amount,
                    account=wallet.account_ref,
                    left=left,
                )
            )
        return self._enter(
            Entry(wallet.id, utcnow(), "reversal", -amount, reason, key=key, fingerprint=f"{amount}/{reason}")
        )

    def _write_off(self, wallet, reason, key):
        """Bring a balance below zero up to zero: calls that nobody will pay for. Once a key.

        :raise UserError: the balance is not below zero
        """
        owed = -parse_amount(self._lock(wallet.ids)[wallet.id].balance)
        if owed <= 0:
            raise UserError(self.env._("Wallet %s: the balance is not below zero.", wallet.account_ref))
        return self._enter(Entry(wallet.id, utcnow(), "refund", owed, reason, key=key, fingerprint=f"{owed}/{reason}"))

    # === STATUS === #

    def _attach_balances(self, wallets):
        """Tie the new wallets' balance rows to them."""
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE call_wallet_balance b SET wallet_id = w.id FROM call_wallet w"
            " WHERE w.balance_id = b.id AND w.id = ANY(%s)",
            [wallets.ids],
        )
        self._refresh(wallets.ids)

    def _set_paused(self, wallet_ids, paused):
        """Pause wallets by hand, or lift that; return the ids of those that it changes."""
        self._lock(wallet_ids)
        self.env.cr.execute(
            "UPDATE call_wallet_balance SET is_paused_by_hand = %s"
            " WHERE wallet_id = ANY(%s) AND is_paused_by_hand <> %s RETURNING wallet_id",
            [paused, list(wallet_ids), paused],
        )
        changed = [row[0] for row in self.env.cr.fetchall()]
        self._refresh(wallet_ids)
        return sorted(changed)

    def _refresh(self, wallet_ids):
        """Bring status and alert level in line after something else than money changed."""
        locked = self._lock(wallet_ids)
        self.env.cr.execute(REFRESH, [list(wallet_ids)])
        moved = {wallet_id: (level, is_set_up, True) for wallet_id, level, is_set_up in self.env.cr.fetchall()}
        self.env.invalidate_all(flush=False)
        self._after_move(locked, moved)


FUNDS = "b.alert_level, b.balance::text, b.held_amount::text, b.state, b.is_paused_by_hand"
LOCK = f"""
    SELECT b.wallet_id, {FUNDS}
      FROM call_wallet_balance b WHERE b.wallet_id = ANY(%(wallets)s) ORDER BY b.wallet_id FOR NO KEY UPDATE
"""


def event_of(before, level, is_set_up):
    """Return the event by which the platform hears of a change: type and data, or None where there is none to tell.

    :param Funds before: the wallet before the change, which led to alert level ``level``
    """
    was_set_up = before.state != "not_set_up"
    if is_set_up != was_set_up:
        return ("wallet.set_up", {}) if is_set_up else ("wallet.paused", {"cause": "not_set_up"})
    if level == before.alert_level or not is_set_up:
        return None
    if level < before.alert_level:
        return "wallet.restored", {}
    return ("wallet.empty" if level == EMPTY else "wallet.low"), {}


REFRESH = f"""
    UPDATE call_wallet_balance b
       SET is_set_up = s.is_set_up,
           state = CASE WHEN NOT s.is_set_up THEN 'not_set_up'
                        WHEN b.is_paused_by_hand OR b.balance <= 0 THEN 'paused'
                        ELSE 'active' END,
           alert_level = {LEVEL.format(balance="b.balance")}
      FROM call_wallet w,
           LATERAL (SELECT EXISTS (SELECT FROM call_wallet_recipient r WHERE r.wallet_id = w.id) AS is_set_up) s
     WHERE w.id = b.wallet_id AND b.wallet_id = ANY(%s)
 RETURNING b.wallet_id, b.alert_level, b.is_set_up
"""


# The day to which a charge belongs, where that is earlier than the day of its row. A platform whose clock is ahead
# reports calls that start later than they are entered: the row's day it is then.
ACCOUNTING_DAY = "NULLIF(LEAST((e.earned_at AT TIME ZONE 'UTC' AT TIME ZONE m.tz)::date, l.day), l.day)"


# One statement, so that the transaction, the call's hold, the balance and the totals change
# together or not at all. `entry` numbers each wallet's entries and adds them up; `moved` applies the
# sum to the wallet and tells where it started; `appended` lays the rows in between.
APPEND = f"""
WITH entry AS (
    SELECT e.*,
           row_number() OVER running AS nth,
           sum(amount) OVER running AS moved_so_far
      FROM unnest(%s::int[], %s::timestamp[], %s::text[], %s::numeric[], %s::text[], %s::text[], %s::text[],
                  %s::bool[], %s::text[], %s::numeric[], %s::numeric[], %s::int[], %s::int[], %s::int[], %s::text[],
                  %s::timestamp[])
           WITH ORDINALITY
           AS e(wallet_id, date, type, amount, description, key, fingerprint, is_call, call_type, rate,
                billed_minutes, usage_id, topup_id, campaign_id, call_ref, earned_at, position)
    WINDOW running AS (PARTITION BY wallet_id ORDER BY position)
), total AS (
    SELECT wallet_id, count(*) AS n, sum(amount) AS amount,
           COALESCE(sum(amount) FILTER (WHERE type = 'balance_added'), 0) AS added,
           COALESCE(-sum(amount) FILTER (WHERE type = 'usage'), 0) AS used,
           COALESCE(sum(amount) FILTER (WHERE type = 'refund'), 0) AS refunded,
           COALESCE(-sum(amount) FILTER (WHERE type = 'reversal'), 0) AS reversed
      FROM entry GROUP BY wallet_id
), settled AS (
    UPDATE call_wallet_hold h SET state = 'settled'
      FROM entry e
     WHERE h.wallet_id = e.wallet_id AND h.call_ref = e.call_ref AND h.state = 'held'
 RETURNING h.wallet_id, h.amount
), freed AS (
    SELECT wallet_id, sum(amount) AS amount FROM settled GROUP BY wallet_id
), moved AS (
    UPDATE call_wallet_balance b
       SET balance = b.balance + t.amount,
           held_amount = b.held_amount - COALESCE(f.amount, 0),
           last_sequence = b.last_sequence + t.n,
           total_added = b.total_added + t.added,
           total_used = b.total_used + t.used,
           total_refunded = b.total_refunded + t.refunded,
           total_reversed = b.total_reversed + t.reversed,
           state = {STATE.format(balance="b.balance + t.amount")},
           alert_level = {LEVEL.format(balance="b.balance + t.amount")},
           notified_at = {NOTIFIED_AT}
      FROM total t
      JOIN call_wallet w ON w.id = t.wallet_id
      LEFT JOIN freed f ON f.wallet_id = t.wallet_id
     CROSS JOIN {CLOCK}
     WHERE b.wallet_id = t.wallet_id
 RETURNING b.wallet_id, w.tz, b.balance - t.amount AS opening, b.last_sequence - t.n AS opening_sequence,
           b.alert_level, b.is_set_up, {NOTIFY} AS notify, {LIMITS_SPEND} AS is_limited
), appended AS (
    INSERT INTO call_wallet_transaction
           (wallet_id, sequence, date, day, accounting_day, type, amount, balance_after, description, key,
            fingerprint, is_call, call_type, rate, billed_minutes, usage_id, topup_id)
    SELECT e.wallet_id, m.opening_sequence + e.nth, e.date, l.day, {ACCOUNTING_DAY},
           e.type, e.amount, m.opening + e.moved_so_far, e.description, e.key, e.fingerprint,
           e.is_call, e.call_type, e.rate, e.billed_minutes, e.usage_id, e.topup_id
      FROM entry e JOIN moved m USING (wallet_id)
     CROSS JOIN LATERAL (SELECT (e.date AT TIME ZONE 'UTC' AT TIME ZONE m.tz)::date AS day) l
     ORDER BY e.position
 RETURNING id, wallet_id, key, balance_after
), summed AS (
    INSERT INTO call_wallet_day AS d
           (wallet_id, day, type, call_type, campaign_id, transactions, billed_minutes, amount)
    SELECT e.wallet_id, (e.date AT TIME ZONE 'UTC' AT TIME ZONE m.tz)::date, e.type, e.call_type,
           e.campaign_id, count(*), COALESCE(sum(e.billed_minutes), 0), sum(e.amount)
      FROM entry e JOIN moved m USING (wallet_id)
     GROUP BY 1, 2, 3, 4, 5
    ON CONFLICT (wallet_id, day, type, COALESCE(call_type, ''), COALESCE(campaign_id, 0)) DO UPDATE
       SET transactions = d.transactions + EXCLUDED.transactions,
           billed_minutes = d.billed_minutes + EXCLUDED.billed_minutes,
           amount = d.amount + EXCLUDED.amount
)
SELECT a.id, a.wallet_id, a.key, a.balance_after::text, m.alert_level, m.is_set_up, m.notify, m.is_limited
  FROM appended a JOIN moved m USING (wallet_id)
"""
