from decimal import Decimal
from typing import NamedTuple

from odoo import models
from odoo.exceptions import UserError

from ...const import FINANCE
from ...tools.background import after_commit
from ...tools.called import is_short
from ...tools.clock import day_in, utcnow
from ...tools.door import door
from ...tools.fields import ZERO, Amount, OptionalInteger, parse_amount
from ...tools.limits import NAMES, lowest
from ...tools.task import in_company_language
from ..holds.call_wallet import longest_call

MOST_CALLS = 100_000

# So many times in its day or month a limit is told of, however often its amount is changed.
MOST_TOLD = 6


class Leave(NamedTuple):
    """What a wallet's limits leave to one call."""

    # Why it may not start at all, and by which limit; or the most it may hold, and by which.
    code: str | None = None
    limit: str | None = None
    amount: Decimal | None = None

    def longest_call(self, rate, funds):
        """Return for how many seconds the call may last on ``funds`` within the limits."""
        if self.code:
            return 0
        return longest_call(rate, funds if self.amount is None else min(funds, self.amount))

    def code_within(self, funds):
        """Return why ``funds`` do not suffice: the limits leave less than that, or there is no more."""
        if self.code:
            return self.code
        return "no_funds" if self.amount is None or funds <= self.amount else "limit_reached"

    def limit_of(self, code):
        """Return which limit it is that refuses with ``code``, or None where it is the funds that end."""
        return None if code == "no_funds" else self.limit


EVERYTHING = Leave()


class CallWalletLimits(models.Model):
    """What a wallet may spend in a day and a month, how many calls at once, and what a call may cost."""

    _inherit = "call.wallet"

    limit_day = Amount(
        "Spend a Day", may_be_empty=True, tracking=True, aggregator=None, help="In the wallet's own days."
    )
    limit_month = Amount(
        "Spend a Month", may_be_empty=True, tracking=True, aggregator=None, help="In the wallet's own months."
    )
    limit_calls = OptionalInteger(
        "Calls at Once",
        tracking=True,
        aggregator=None,
        help="Empty or zero: no limit. To stop all calls, pause the wallet.",
    )
    limit_price = Amount("Highest Price a Minute", may_be_empty=True, tracking=True, aggregator=None)
    limit_fee = Amount("Highest Connection Fee", may_be_empty=True, tracking=True, aggregator=None)
    owner_limit_day = Amount("Owner: Spend a Day", may_be_empty=True, readonly=True, copy=False, aggregator=None)
    owner_limit_month = Amount("Owner: Spend a Month", may_be_empty=True, readonly=True, copy=False, aggregator=None)
    owner_limit_calls = OptionalInteger("Owner: Calls at Once", readonly=True, copy=False, aggregator=None)
    owner_limit_price = Amount(
        "Owner: Highest Price a Minute", may_be_empty=True, readonly=True, copy=False, aggregator=None
    )
    owner_limit_fee = Amount(
        "Owner: Highest Connection Fee", may_be_empty=True, readonly=True, copy=False, aggregator=None
    )
    spent_today = Amount(compute="_compute_spent", help="Charged for calls, less what was given back of them.")
    spent_this_month = Amount(compute="_compute_spent")

    _limits_not_negative = models.Constraint(
        "CHECK(LEAST(limit_day, limit_month, limit_price, limit_fee, owner_limit_day, owner_limit_month,"
        " owner_limit_price, owner_limit_fee, 0) >= 0)",
        "Limits: use zero or more, or leave them empty.",
    )
    _limit_calls_in_range = models.Constraint(
        f"CHECK(limit_calls BETWEEN 1 AND {MOST_CALLS} AND owner_limit_calls BETWEEN 1 AND {MOST_CALLS})",
        f"Calls at once: use 1 to {MOST_CALLS}, or leave it empty.",
    )

    def _compute_spent(self):
        for wallet in self:
            saved = wallet._origin
            spent = self._spent(saved.id, saved.tz) if saved else dict.fromkeys(("day", "month"), ZERO)
            wallet.spent_today, wallet.spent_this_month = spent["day"], spent["month"]

    # === MAY A CALL START === #
    # Asked by whoever grants holds, with the wallet's balance locked.

    def _limits_leave(self, rated, rate, number, call_ref="", is_begun=False):
        """Return the ``Leave`` that a wallet's limits give a call.

        :param call_ref: of the call itself; what it holds is part of what it may hold
        :param is_begun: the call is in progress: neither its price nor the number of calls stops it any more
        """
        limits = rated.limits
        if limits is None or is_short(number):
            return EVERYTHING
        if not is_begun and limits.price is not None and rate.price_per_minute > limits.price:
            return Leave("price_limit", "price")
        if not is_begun and limits.fee is not None and rate.connection_fee > limits.fee:
            return Leave("price_limit", "fee")
        if not limits.spend and limits.calls is None:
            return EVERYTHING
        calls, held = self._in_progress(rated.wallet_id, call_ref)
        if not is_begun and limits.calls is not None and calls >= limits.calls:
            return Leave("limit_reached", "calls")
        if not limits.spend:
            return EVERYTHING
        spent = self._spent(rated.wallet_id, limits.tz)
        left, name = min((limit - spent[name] - held, name) for name, limit in limits.spend.items())
        return Leave(limit=name, amount=max(left, ZERO))

    def _foresee_limits(self, rated, rate, number, funds):
        """Return code, message and limit of the refusal if a call to ``number`` asked for a hold now; None where there
        is none.

        :param Decimal funds: what is available
        """
        leave = self._limits_leave(rated, rate, number)
        if is_short(number) or leave.longest_call(rate, funds) > rate.grace_seconds:
            return None, None, None
        code = leave.code_within(funds)
        return code, None if code == "no_funds" else self._limit_message(leave, rated, rate), leave.limit_of(code)

    def _note_limit_refusal(self, leave, code, rated, rate, asked_to):
        """Tell the recipients that a spending limit refused a call; return the sentence for who wants to call.

        None where it is not the limits that refused.
        """
        if code == "no_funds":
            return None
        if leave.limit in ("day", "month"):
            self._note_limits([rated.wallet_id], refused=leave.limit)
        return self._limit_message(leave, rated, rate, asked_to)

    def _limit_message(self, leave, rated, rate, asked_to="authorize"):
        """Return the sentence that says which limit refused, and what helps."""
        _ = self.env._
        wallet, limit = self.browse(rated.wallet_id), getattr(rated.limits, leave.limit)
        shown = str(limit) if leave.limit == "calls" else wallet._format_exactly(limit)
        if asked_to == "extend":
            if leave.limit == "day":
                return _("Today's spending limit of %s is too low for a longer call.", shown)
            return _("This month's spending limit of %s is too low for a longer call.", shown)
        if leave.limit == "day":
            return _(
                "Today's spending limit of %s is reached, calls in progress included. Calls can start again tomorrow, "
                "or when the limit is raised under Billing.",
                shown,
            )
        if leave.limit == "month":
            return _(
                "This month's spending limit of %s is reached, calls in progress included. Calls can start again next "
                "month, or when the limit is raised under Billing.",
                shown,
            )
        if leave.limit == "calls":
            return _(
                "This wallet's limit of calls at once, %s, is reached. Wait until another call has ended.",
                shown,
            )
        if leave.limit == "price":
            asked = wallet._format_exactly(parse_amount(rate.price_per_minute))
            return _(
                "This call costs %(price)s a minute, and this wallet's limit is %(limit)s.", price=asked, limit=shown
            )
        asked = wallet._format_exactly(parse_amount(rate.connection_fee))
        return _(
            "This call has a connection fee of %(fee)s, and this wallet's limit is %(limit)s.", fee=asked, limit=shown
        )

    def _in_progress(self, wallet_id, call_ref=""):
        """Return how many calls are in progress, and what they hold, without the call ``call_ref``.

        A hold whose time is over holds nothing any more, whether or not the scheduled action has come to it.
        """
        self.env.cr.execute(
            "SELECT count(*), COALESCE(sum(amount), 0)::text FROM call_wallet_hold"
            " WHERE wallet_id = %s AND state = 'held' AND expires_at >= %s AND call_ref <> %s",
            [wallet_id, utcnow(), call_ref],
        )
        calls, held = self.env.cr.fetchone()
        return calls, parse_amount(held)

    def _spent(self, wallet_id, tz):
        """Return what a wallet has spent in this ``day`` and ``month``, from the daily totals."""
        today = day_in(tz)
        self.env.cr.execute(SPENT, {"wallet": wallet_id, "today": today, "first": today.replace(day=1)})
        day, month = self.env.cr.fetchone()
        return {"day": parse_amount(day), "month": parse_amount(month)}

    # === TELLING === #

    def _note_limits(self, wallet_ids, refused=None):
        """Put a notice in the outbox for each spending limit that is nearly reached, or reached, and was not told of.

        Called in the transaction of what reached it: a charge, a refusal, or a lower limit. The mails go out when that
        is committed. Each limit is told of once in its day or month, and anew where its amount is changed.

        :param str refused: ``day`` or ``month``: the limit that has just refused a call
        """
        self.env.flush_all()
        self.env.cr.execute(
            NOTE, {"wallets": list(wallet_ids), "now": utcnow(), "refused": refused or "", "user": self.env.uid}
        )
        noted = self.env.cr.fetchall()
        if not noted:
            return
        after_commit(self.env, "call.wallet.alert", "_send_pending", list(wallet_ids))
        self._tell_platform_of_limits([row for row in noted if row[1] == "limit_reached"])

    def _tell_platform_of_limits(self, reached):
        """Put the event ``limit.reached`` in the outbox: the limit, its amount, what is spent and held."""
        rows = []
        for wallet_id, _kind, name, *amounts in reached:
            amount, spent, held = (str(parse_amount(text)) for text in amounts)
            rows.append((wallet_id, "limit.reached", {"limit": name, "amount": amount, "spent": spent, "held": held}))
        self.env["call.wallet.event"]._add(rows)

    # === WHAT OWNERS SET === #

    def set_owner_limits(self, day=None, month=None, calls=None, price=None, fee=None):
        """Replace the owner's own limits, which hold beside those that finance has set; the lower one counts.

        :param day: the most to be spent in a day of the wallet's time zone, in its currency: zero or more, up to 6
            places, str, int or Decimal; empty: no limit. Likewise ``month``, ``price`` (a minute) and ``fee``
            (connection fee)
        :param calls: how many calls may be in progress at once: a whole number from 1; empty: no limit
        :return: True
        :raise UserError: not an amount or a number, or more than finance allows; nothing is changed then
        :raise AccessError: neither finance staff nor an owner of the wallet
        """
        wallet = self._permitted(FINANCE, owner=True)
        wallet.ensure_one()
        values, problems = wallet._check_owner_limits(
            {"day": day, "month": month, "calls": calls, "price": price, "fee": fee}
        )
        if problems:
            raise UserError("\n".join(problems.values()))
        with door(self.env):
            changed = {name: value for name, value in values.items() if value != wallet[f"owner_limit_{name}"]}
            if changed:
                wallet.write({f"owner_limit_{name}": value for name, value in changed.items()})
                wallet.message_post(body=wallet._owner_limits_note(changed))
        return True

    def _check_owner_limits(self, given):
        """Return the limits as they would be stored, and what is wrong with them by name."""
        values, problems, labels = {}, {}, self._limit_labels()
        for name in NAMES:
            try:
                values[name] = self._read_typed_limit(name, labels[name], given[name])
            except UserError as error:
                problems[name] = str(error)
        return values, problems

    def _read_typed_limit(self, name, label, given):
        """Return a limit of the owner's as it would be stored; None where it is empty.

        :raise UserError: not an amount or a number, or more than finance allows
        """
        if given is None or given is False or (isinstance(given, str) and not given.strip()):
            return None
        value = self._read_count(label, given) if name == "calls" else self._read_most(label, given)
        most = self[f"limit_{name}"]
        # One that was set before finance lowered theirs may stay; it is theirs that counts.
        if most is not None and value > most and value != self[f"owner_limit_{name}"]:
            raise UserError(
                self.env._(
                    "%(limit)s: use at most %(most)s, the limit that %(seller)s has set.",
                    limit=label,
                    most=self._show_limit(name, most),
                    seller=self.company_id.name,
                )
            )
        return value

    def _read_most(self, label, given):
        if isinstance(given, bool) or (value := parse_amount(given, label, self.env)) < 0:
            raise UserError(self.env._("%s: enter zero or more, or leave it empty.", label))
        return value

    def _read_count(self, label, given):
        text = given.strip() if isinstance(given, str) else str(given) if type(given) is int else ""
        count = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
        if not 1 <= count <= MOST_CALLS:
            raise UserError(
                self.env._(
                    "%(limit)s: enter a whole number from 1 to %(most)s, or leave it empty.",
                    limit=label,
                    most=MOST_CALLS,
                )
            )
        return count

    def _limit_labels(self):
        _ = self.env._
        return {
            "day": _("Spend a day"),
            "month": _("Spend a month"),
            "calls": _("Calls at once"),
            "price": _("Highest price a minute"),
            "fee": _("Highest connection fee"),
        }

    def _show_limit(self, name, limit):
        if limit is None:
            return self.env._("no limit")
        return str(limit) if name == "calls" else self._format_exactly(limit)

    def _owner_limits_note(self, changed):
        told = in_company_language(self)
        labels = told._limit_labels()
        lines = [f"{labels[name]}: {told._show_limit(name, value)}" for name, value in changed.items()]
        return told.env._("The owner's limits: %s", "; ".join(lines))


# Of the totals of calls; what corrects calls of earlier days, or months, is no spend of this one.
SPENT = """
    SELECT COALESCE(-sum(amount - COALESCE(earlier_day, 0)) FILTER (WHERE day = %(today)s), 0)::text,
           COALESCE(-sum(amount - COALESCE(earlier_month, 0)), 0)::text
      FROM call_wallet_day
     WHERE wallet_id = %(wallet)s AND day BETWEEN %(first)s AND %(today)s AND call_type IS NOT NULL
"""


NOTE = f"""
    WITH spending AS (
        SELECT w.id AS wallet_id, l.name, l.amount, l.since, s.spent, h.held, b.balance,
               (s.spent >= l.amount AND l.amount > 0) OR l.name = %(refused)s AS is_reached,
               s.spent * 100 >= l.amount * co.call_wallet_limit_share AND l.amount > 0 AS is_near
          FROM call_wallet w
          JOIN res_company co ON co.id = w.company_id
          JOIN call_wallet_balance b ON b.wallet_id = w.id
         CROSS JOIN LATERAL (SELECT (%(now)s AT TIME ZONE 'UTC' AT TIME ZONE w.tz)::date AS today) t
         CROSS JOIN LATERAL (
               VALUES ('day', {lowest("day")}, t.today),
                      ('month', {lowest("month")}, date_trunc('month', t.today)::date)
               ) l(name, amount, since)
         CROSS JOIN LATERAL (
               SELECT COALESCE(-sum(d.amount - COALESCE(CASE l.name WHEN 'day' THEN d.earlier_day
                                                                   ELSE d.earlier_month END, 0)), 0) AS spent
                 FROM call_wallet_day d
                WHERE d.wallet_id = w.id AND d.day BETWEEN l.since AND t.today AND d.call_type IS NOT NULL
               ) s
         CROSS JOIN LATERAL (
               SELECT COALESCE(sum(h.amount), 0) AS held FROM call_wallet_hold h
                WHERE h.wallet_id = w.id AND h.state = 'held' AND h.expires_at >= %(now)s
               ) h
         WHERE w.id = ANY(%(wallets)s) AND l.amount IS NOT NULL
    )
    INSERT INTO call_wallet_alert
           (wallet_id, kind, state, balance, limit_key, limit_name, limit_amount, limit_spent, limit_held,
            create_uid, write_uid, create_date, write_date)
    SELECT wallet_id, kind, 'pending', balance, concat_ws('/', name, since, amount, kind), name, amount, spent, held,
           %(user)s, %(user)s, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
      FROM spending, LATERAL (SELECT CASE WHEN is_reached THEN 'limit_reached' ELSE 'limit_near' END AS kind) k
     WHERE (is_reached OR is_near)
       AND (SELECT count(*) FROM call_wallet_alert a
             WHERE a.wallet_id = spending.wallet_id AND starts_with(a.limit_key, concat_ws('/', name, since, ''))
           ) < {MOST_TOLD}
     ORDER BY wallet_id, name
    ON CONFLICT (wallet_id, limit_key) WHERE limit_key IS NOT NULL DO NOTHING
 RETURNING wallet_id, kind, limit_name, limit_amount::text, limit_spent::text, limit_held::text
"""
