from datetime import datetime, timedelta
from decimal import Decimal

from odoo import api, models
from odoo.exceptions import UserError

from ..fields import parse_amount
from ..intake import CALL_TYPES, Refused, choice, phone_number, text
from ..rating import MAX_CALL_SECONDS, Rate, cost_of, max_seconds

# A hold outlives the time it reserves by this much, for the call's report to arrive.
GRACE = timedelta(minutes=15)
# What a 4-byte integer holds: the funds are the limit.
UNLIMITED = 2**31 - 1


class CallWalletAuthorize(models.Model):
    """May a call start, and for how long: holds on the wallet's funds."""

    _inherit = "call.wallet"

    # === API === #

    @api.model
    def authorize_call(self, account, call_ref, call_type, number, expected_seconds=None):
        """Say whether a call may start and reserve funds for it.

        :param str account: the wallet's account reference
        :param str call_ref: the platform's reference of the call; asking again returns the
            same hold
        :param str call_type: ``live`` or ``whatsapp``
        :param str number: E.164
        :param int expected_seconds: how long to reserve for; default: the company's setting
        :return: dict: ``allowed``; ``code`` (``ok``, ``unknown_account``, ``not_set_up``,
            ``paused``, ``no_funds``, ``destination_not_contracted``, ``invalid_number``,
            ``already_settled``); ``message``, a sentence for the person who wants to call;
            ``call_ref``; ``hold`` (id); ``max_seconds``, the longest the call may last;
            ``rate`` a minute, ``balance`` and ``available`` as decimal strings in ``currency``
        :raise UserError: a parameter other than the number is missing or malformed
        :raise AccessError: neither the calling platform nor an employee who works with wallets
        """
        self.env["call.usage"]._check_platform()
        asked = {"account": account, "call_ref": call_ref, "call_type": call_type, "number": number}
        try:
            account, call_ref = text(asked, "account"), text(asked, "call_ref")
            call_type = choice(asked, "call_type", CALL_TYPES)
        except Refused as refused:
            raise UserError(self.env._(refused.sentence)) from None
        self._check_seconds("expected_seconds", expected_seconds)
        ledger = self.env["call.wallet.ledger"]
        with ledger._transaction():
            return self.sudo()._authorize(account, call_ref, call_type, number, expected_seconds)

    @api.model
    def extend_hold(self, account, call_ref, seconds):
        """Reserve funds for ``seconds`` more of a call in progress.

        :param int seconds: how much longer, in seconds
        :return: as ``authorize_call``; ``allowed`` is False with ``no_funds`` when not even one
            more increment can be covered: the call must end at ``max_seconds``
        :raise UserError: unknown account or hold, or ``seconds`` is not a positive integer
        """
        self.env["call.usage"]._check_platform()
        self._check_seconds("seconds", seconds, required=True)
        with self.env["call.wallet.ledger"]._transaction():
            return self.sudo()._extend(account, call_ref, seconds)

    @api.model
    def release_hold(self, account, call_ref):
        """Give back what a call holds that never took place. Repeating it is harmless.

        :return: as ``authorize_call``
        :raise UserError: unknown account or hold
        """
        self.env["call.usage"]._check_platform()
        with self.env["call.wallet.ledger"]._transaction():
            return self.sudo()._release(account, call_ref)

    def _check_seconds(self, field, value, required=False):
        if value is None and not required:
            return
        if type(value) is not int or not 0 < value <= 86400:
            raise UserError(
                self.env._("%(field)s: %(value)s; send whole seconds, 1 to 86400.", field=field, value=repr(value)[:60])
            )

    # === HOLDS === #

    def _authorize(self, account_ref, call_ref, call_type, number, expected_seconds):
        account = self._load_accounts([account_ref]).get(account_ref)
        if account is None:
            return self._verdict("unknown_account", call_ref)
        try:
            number = phone_number({"number": number})
        except Refused:
            return self._verdict("invalid_number", call_ref, account)
        rate = account.match(call_type, "outbound", number, datetime.utcnow())
        funds = self._lock_funds(account.wallet_id)
        hold, settled = self._find_hold(account.wallet_id, call_ref)
        if settled or (hold and hold["state"] == "settled"):
            return self._verdict("already_settled", call_ref, account, funds, rate)
        if hold and hold["state"] == "held":
            return self._verdict("ok", call_ref, account, funds, self._rate_of(hold, account), hold)
        code = self._refusal_code(funds, rate)
        if code:
            return self._verdict(code, call_ref, account, funds, rate)
        hold = self._grant(account, call_ref, call_type, number, rate, funds, expected_seconds)
        return self._verdict("ok" if hold else "no_funds", call_ref, account, funds, rate, hold)

    def _refusal_code(self, funds, rate):
        if funds["state"] == "not_set_up":
            return "not_set_up"
        if funds["is_paused_by_hand"]:
            return "paused"
        if funds["balance"] <= 0:
            return "no_funds"
        return None if rate else "destination_not_contracted"

    def _lock_funds(self, wallet_id):
        """Lock the wallet's balance; what calls that were lost still hold is freed first."""
        cr = self.env.cr
        self.env["call.wallet.ledger"]._lock([wallet_id])
        self._expire([wallet_id])
        cr.execute(
            "SELECT balance::text, held_amount::text, state, is_paused_by_hand"
            " FROM call_wallet_balance WHERE wallet_id = %s",
            [wallet_id],
        )
        balance, held, state, paused = cr.fetchone()
        return {
            "balance": Decimal(balance),
            "available": Decimal(balance) - Decimal(held),
            "state": state,
            "is_paused_by_hand": paused,
        }

    def _find_hold(self, wallet_id, call_ref):
        """Return the call's hold (or None), and whether the call was charged already."""
        self.env.cr.execute(
            """
            SELECT h.id, h.state, h.amount::text, h.reserved_seconds, h.call_type, h.number, h.rate::text,
                   h.authorized_at, t.id IS NOT NULL
              FROM (SELECT) one
              LEFT JOIN call_wallet_hold h ON h.wallet_id = %(wallet)s AND h.call_ref = %(ref)s
              LEFT JOIN call_wallet_transaction t ON t.wallet_id = %(wallet)s AND t.key = 'call/' || %(ref)s
            """,
            {"wallet": wallet_id, "ref": call_ref},
        )
        *values, settled = self.env.cr.fetchone()
        if values[0] is None:
            return None, settled
        hold = dict(zip(HOLD, values, strict=True))
        hold["amount"], hold["rate"] = parse_amount(hold["amount"]), parse_amount(hold["rate"])
        return hold, settled

    def _grant(self, account, call_ref, call_type, number, rate, funds, expected_seconds):
        """Reserve for the expected time, or less if less is available; None if too little."""
        wanted = expected_seconds or self.browse(account.wallet_id).company_id.call_wallet_hold_seconds
        longest = longest_call(rate, funds["available"])
        if not longest:
            return None
        seconds = min(whole_increments(max(wanted, rate.minimum_seconds), rate), longest)
        hold = self._write_hold(account.wallet_id, call_ref, seconds, rate, call_type, number)
        funds["available"] -= hold["amount"]
        return hold

    def _write_hold(self, wallet_id, call_ref, seconds, rate, call_type, number, before=0):
        """Write the hold anew for ``seconds`` in all; ``before`` is what it held until now."""
        now = datetime.utcnow().replace(microsecond=0)
        amount = cost_of(rate, seconds)
        self.env.cr.execute(
            WRITE_HOLD,
            {
                "wallet": wallet_id,
                "ref": call_ref,
                "type": call_type,
                "number": number,
                "amount": amount,
                "before": before,
                "seconds": seconds,
                "rate": rate.price_per_minute,
                "rate_id": rate.rate_id or None,
                "now": now,
                "expires": now + timedelta(seconds=seconds) + GRACE,
            },
        )
        return {"id": self.env.cr.fetchone()[0], "amount": amount, "reserved_seconds": seconds}

    def _extend(self, account_ref, call_ref, seconds):
        account = self._load_accounts([account_ref]).get(account_ref)
        if account is None:
            return self._verdict("unknown_account", call_ref)
        funds = self._lock_funds(account.wallet_id)
        hold, settled = self._find_hold(account.wallet_id, call_ref)
        if settled:
            return self._verdict("already_settled", call_ref, account, funds)
        if not hold or hold["state"] == "released":
            raise UserError(self.env._("call_ref: there is no hold for %s; authorise the call first.", call_ref))
        rate = self._rate_of(hold, account)
        before = hold["amount"] if hold["state"] == "held" else Decimal(0)
        spendable = funds["available"] + before
        wanted = whole_increments(hold["reserved_seconds"] + seconds, rate)
        longest = longest_call(rate, spendable)
        if longest <= hold["reserved_seconds"]:
            return self._verdict("no_funds", call_ref, account, funds, rate, hold)
        hold = self._write_hold(
            account.wallet_id, call_ref, min(wanted, longest), rate, hold["call_type"], hold["number"], before
        )
        funds["available"] = spendable - hold["amount"]
        return self._verdict("ok", call_ref, account, funds, rate, hold)

    def _release(self, account_ref, call_ref):
        account = self._load_accounts([account_ref]).get(account_ref)
        if account is None:
            return self._verdict("unknown_account", call_ref)
        funds = self._lock_funds(account.wallet_id)
        hold, settled = self._find_hold(account.wallet_id, call_ref)
        if settled:
            return self._verdict("already_settled", call_ref, account, funds)
        if not hold:
            raise UserError(self.env._("call_ref: there is no hold for %s.", call_ref))
        rate = self._rate_of(hold, account)
        if hold["state"] == "held":
            self._free(
                "wallet_id = %(wallet)s AND call_ref = %(ref)s",
                {"wallet": account.wallet_id, "ref": call_ref, "state": "released"},
            )
            funds["available"] += hold["amount"]
        return self._verdict("ok", call_ref, account, funds, rate)

    def _rate_of(self, hold, account):
        """Return the rate the call was authorised at, or its price alone if it is gone since."""
        rate = account.match(hold["call_type"], "outbound", hold["number"], hold["authorized_at"])
        return rate or Rate(prefix="", price_per_minute=hold["rate"])

    # === EXPIRY === #

    @api.model
    def _cron_expire_holds(self, batch=500):
        """Free what calls that were never reported still hold, a few wallets at a time."""
        cr = self.env.cr
        while True:
            cr.execute(
                "SELECT DISTINCT wallet_id FROM call_wallet_hold"
                " WHERE state = 'held' AND expires_at < now() AT TIME ZONE 'UTC' ORDER BY 1 LIMIT %s",
                [batch],
            )
            wallet_ids = [row[0] for row in cr.fetchall()]
            if not wallet_ids:
                return
            ledger = self.env["call.wallet.ledger"]
            with ledger._transaction():
                ledger._lock(wallet_ids)
                self._expire(wallet_ids)

    def _expire(self, wallet_ids):
        self._free(
            "wallet_id = ANY(%(wallets)s) AND expires_at < now() AT TIME ZONE 'UTC'",
            {"wallets": wallet_ids, "state": "expired"},
        )

    def _free(self, condition, values):
        """Give back the live holds that meet the condition; their wallets are locked."""
        self.env.cr.execute(
            f"""
            WITH freed AS (
                UPDATE call_wallet_hold SET state = %(state)s WHERE state = 'held' AND {condition}
                RETURNING wallet_id, amount
            ), total AS (
                SELECT wallet_id, sum(amount) AS amount FROM freed GROUP BY wallet_id
            )
            UPDATE call_wallet_balance b SET held_amount = b.held_amount - t.amount
              FROM total t WHERE b.wallet_id = t.wallet_id
            """,
            values,
        )
        self.env.invalidate_all(flush=False)

    # === ANSWER === #

    def _verdict(self, code, call_ref, account=None, funds=None, rate=None, hold=None):
        longest = 0
        if code == "ok" and hold:
            longest = longest_call(rate, funds["available"] + hold["amount"])
        elif hold:
            longest = hold["reserved_seconds"]
        return {
            "allowed": code == "ok",
            "code": code,
            "message": self._message(code, account),
            "call_ref": call_ref,
            "hold": hold["id"] if hold else None,
            "rate": str(parse_amount(rate.price_per_minute)) if rate else None,
            "currency": account.currency if account else None,
            "max_seconds": longest,
            "balance": str(parse_amount(funds["balance"])) if funds else None,
            "available": str(parse_amount(funds["available"])) if funds else None,
        }

    def _message(self, code, account):
        """Return the sentence that the call button's tooltip shows."""
        _ = self.env._
        if code == "paused":
            reason = self.browse(account.wallet_id).pause_reason
            return _("Calls are paused by your account manager: %s", reason or _("ask them to resume."))
        return {
            "ok": _("The call may start."),
            "unknown_account": _("This account has no call wallet. Ask your account manager to set one up."),
            "not_set_up": _("Billing is not set up. Add a notification recipient under Billing to start calling."),
            "no_funds": _("The wallet has not enough balance for this call. Add balance under Billing to start calling."),
            "destination_not_contracted": _(
                "This destination is not in your contract. Ask your account manager to confirm it."
            ),
            "invalid_number": _("This is not a complete international number. Write it like +14155550100."),
            "already_settled": _("This call has already ended and was charged. Start a new one."),
        }[code]


def longest_call(rate, available):
    """Return for how many seconds ``available`` lasts; a free call ends at a cap instead."""
    return max_seconds(rate, available, UNLIMITED if rate.price_per_minute else MAX_CALL_SECONDS)


def whole_increments(seconds, rate):
    """Return ``seconds`` rounded up to what is billed."""
    return -(-seconds // rate.increment_seconds) * rate.increment_seconds


HOLD = ("id", "state", "amount", "reserved_seconds", "call_type", "number", "rate", "authorized_at")
WRITE_HOLD = """
    WITH hold AS (
        INSERT INTO call_wallet_hold
               (wallet_id, call_ref, call_type, number, state, amount, reserved_seconds, rate, rate_id,
                authorized_at, expires_at)
        VALUES (%(wallet)s, %(ref)s, %(type)s, %(number)s, 'held', %(amount)s, %(seconds)s, %(rate)s,
                %(rate_id)s, %(now)s, %(expires)s)
        ON CONFLICT (wallet_id, call_ref) DO UPDATE
           SET state = 'held', amount = EXCLUDED.amount, reserved_seconds = EXCLUDED.reserved_seconds,
               rate = EXCLUDED.rate, rate_id = EXCLUDED.rate_id, expires_at = EXCLUDED.expires_at
        RETURNING id
    )
    UPDATE call_wallet_balance SET held_amount = held_amount + %(amount)s - %(before)s
     WHERE wallet_id = %(wallet)s
 RETURNING (SELECT id FROM hold)
"""
