from decimal import Decimal

from odoo import api, models
from odoo.exceptions import UserError

from ..clock import utcnow
from ..door import door
from ..fields import ZERO, parse_amount
from ..intake import CALL_TYPES, Refused, choice, phone_number, shown, text
from ..rating import MAX_CALL_SECONDS, Rate, max_seconds
from .call_wallet_hold import Hold

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
        account, call_ref = self._read(text, account=account), self._read(text, call_ref=call_ref)
        call_type = self._read(choice, CALL_TYPES, call_type=call_type)
        self._check_seconds("expected_seconds", expected_seconds)
        with door(self.env):
            return self.sudo()._authorize(account, call_ref, call_type, number, expected_seconds)

    @api.model
    def extend_hold(self, account, call_ref, seconds):
        """Reserve funds for ``seconds`` more of a call in progress.

        :param int seconds: how much longer, in seconds
        :return: as ``authorize_call``; ``allowed`` is False with ``no_funds`` when not even one
            more increment can be covered: the call must end at ``max_seconds``
        :raise UserError: no hold for this call, or a parameter is missing or malformed
        """
        self.env["call.usage"]._check_platform()
        account, call_ref = self._read(text, account=account), self._read(text, call_ref=call_ref)
        self._check_seconds("seconds", seconds, required=True)
        with door(self.env):
            return self.sudo()._extend(account, call_ref, seconds)

    @api.model
    def release_hold(self, account, call_ref):
        """Give back what a call holds that never took place. Repeating it is harmless.

        :return: as ``authorize_call``
        :raise UserError: no hold for this call, or a parameter is missing or malformed
        """
        self.env["call.usage"]._check_platform()
        account, call_ref = self._read(text, account=account), self._read(text, call_ref=call_ref)
        with door(self.env):
            return self.sudo()._release(account, call_ref)

    def _read(self, reader, *arguments, **parameter):
        """Return a parameter as ``reader`` of ``intake`` reads a field; one by name.

        :raise UserError: it is missing or malformed
        """
        [name] = parameter
        try:
            return reader(parameter, name, *arguments)
        except Refused as refused:
            raise UserError(self.env._(refused.sentence)) from None

    def _check_seconds(self, field, value, required=False):
        if value is None and not required:
            return
        if type(value) is not int or not 0 < value <= 86400:
            raise UserError(
                self.env._(
                    "%(field)s: %(value)s; send whole seconds, 1 to 86400.",
                    field=field,
                    value=shown(value),
                )
            )

    # === DECISIONS === #

    def _authorize(self, account_ref, call_ref, call_type, number, expected_seconds):
        account = self.env["call.rate.plan"]._load_rated_wallets([account_ref], only_active=True).get(account_ref)
        if account is None:
            return self._unknown_account(account_ref, call_ref)
        try:
            number = phone_number({"number": number})
        except Refused:
            return self._verdict("invalid_number", call_ref, account)
        rate = account.match(call_type, "outbound", number, utcnow())
        funds, hold, is_settled = self._look_up(account, call_ref)
        if is_settled:
            return self._verdict("already_settled", call_ref, account, funds, rate)
        if hold and hold.state == "held":
            return self._verdict("ok", call_ref, account, funds, self._rate_of(hold, account), hold)
        code = self._refusal_code(funds, rate)
        if code:
            return self._verdict(code, call_ref, account, funds, rate)
        wanted = whole_increments(max(expected_seconds or account.hold_seconds, rate.minimum_seconds), rate)
        hold = Hold(None, "new", ZERO, 0, call_type, number, rate.price_per_minute, utcnow())
        return self._reserve(account, call_ref, hold, rate, wanted, funds)

    def _extend(self, account_ref, call_ref, seconds):
        account = self.env["call.rate.plan"]._load_rated_wallets([account_ref]).get(account_ref)
        if account is None:
            return self._verdict("unknown_account", call_ref)
        funds, hold, is_settled = self._look_up(account, call_ref)
        if is_settled:
            return self._verdict("already_settled", call_ref, account, funds)
        if not hold or hold.state == "released":
            raise UserError(self.env._("call_ref: there is no hold for %s; authorise the call first.", call_ref))
        rate = self._rate_of(hold, account)
        if hold.state == "expired":
            hold = hold._replace(amount=ZERO)
        wanted = whole_increments(hold.reserved_seconds + seconds, rate)
        return self._reserve(account, call_ref, hold, rate, wanted, funds)

    def _release(self, account_ref, call_ref):
        account = self.env["call.rate.plan"]._load_rated_wallets([account_ref]).get(account_ref)
        if account is None:
            return self._verdict("unknown_account", call_ref)
        funds, hold, is_settled = self._look_up(account, call_ref)
        if is_settled:
            return self._verdict("already_settled", call_ref, account, funds)
        if not hold:
            raise UserError(self.env._("call_ref: there is no hold for %s.", call_ref))
        self.env["call.wallet.hold"]._release(account.wallet_id, call_ref)
        funds = self._lock_funds(account)
        return self._verdict("ok", call_ref, account, funds, self._rate_of(hold, account))

    def _look_up(self, account, call_ref):
        """Lock the wallet's funds, then look: funds, the call's hold, whether it was charged."""
        funds = self._lock_funds(account)
        return funds, *self.env["call.wallet.hold"]._find(account.wallet_id, call_ref)

    def _lock_funds(self, account):
        return self.env["call.wallet.ledger"]._lock([account.wallet_id])[account.wallet_id]

    def _refusal_code(self, funds, rate):
        if funds.state == "not_set_up":
            return "not_set_up"
        if funds.is_paused_by_hand:
            return "paused"
        if Decimal(funds.balance) <= 0:
            return "no_funds"
        return None if rate else "destination_not_contracted"

    def _reserve(self, account, call_ref, hold, rate, wanted, funds):
        """Hold funds for ``wanted`` seconds in all, or for fewer if no more is available."""
        longest = longest_call(rate, available(funds) + hold.amount)
        if longest < wanted and self.env["call.wallet.hold"]._expire([account.wallet_id]):
            # Calls that were lost held what this one needs.
            funds = self._lock_funds(account)
            longest = longest_call(rate, available(funds) + hold.amount)
        if longest <= hold.reserved_seconds:
            return self._verdict("no_funds", call_ref, account, funds, rate, hold if hold.id else None)
        hold = self.env["call.wallet.hold"]._write_hold(account.wallet_id, call_ref, hold, rate, min(wanted, longest))
        return self._verdict("ok", call_ref, account, self._lock_funds(account), rate, hold)

    def _rate_of(self, hold, account):
        """Return the rate the call was authorised at, or its price alone if it is gone since."""
        rate = account.match(hold.call_type, "outbound", hold.number, hold.authorized_at)
        return rate or Rate(prefix="", price_per_minute=hold.rate)

    @api.model
    def _cron_expire_holds(self, batch=500):
        """Free what calls that were never reported still hold, some wallets at a time."""
        ledger, holds = self.env["call.wallet.ledger"], self.env["call.wallet.hold"]
        while wallet_ids := holds._wallets_with_expired(batch):
            with door(self.env):
                ledger._lock(wallet_ids)
                holds._expire(wallet_ids)

    # === ANSWER === #

    def _verdict(self, code, call_ref, account=None, funds=None, rate=None, hold=None):
        longest = 0
        if code == "ok" and hold:
            longest = longest_call(rate, available(funds) + hold.amount)
        elif hold:
            longest = hold.reserved_seconds
        return {
            "allowed": code == "ok",
            "code": code,
            "message": self._message(code, account),
            "call_ref": call_ref,
            "hold": hold.id if hold else None,
            "rate": str(parse_amount(rate.price_per_minute)) if rate else None,
            "currency": account.currency if account else None,
            "max_seconds": longest,
            "balance": funds.balance if funds else None,
            "available": str(available(funds)) if funds else None,
        }

    def _unknown_account(self, account_ref, call_ref):
        verdict = self._verdict("unknown_account", call_ref)
        if self.with_context(active_test=False).search_count([("account_ref", "=", account_ref)], limit=1):
            verdict["message"] = self.env._("This account's call wallet is closed. Ask your account manager about it.")
        return verdict

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
            "no_funds": _(
                "The wallet has not enough balance for this call. Add balance under Billing to start calling."
            ),
            "destination_not_contracted": _(
                "This destination is not in your contract. Ask your account manager to confirm it."
            ),
            "invalid_number": _("This is not a complete international number. Write it like +14155550100."),
            "already_settled": _("This call has already ended and was charged. Start a new one."),
        }[code]


def available(funds):
    return Decimal(funds.balance) - Decimal(funds.held_amount)


def longest_call(rate, amount):
    """Return for how many seconds ``amount`` lasts; a free call ends at a cap instead."""
    return max_seconds(rate, amount, UNLIMITED if rate.price_per_minute else MAX_CALL_SECONDS)


def whole_increments(seconds, rate):
    """Return ``seconds`` rounded up to what is billed."""
    return -(-seconds // rate.increment_seconds) * rate.increment_seconds
