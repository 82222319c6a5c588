from datetime import UTC
from decimal import Decimal

from odoo import api, models
from odoo.exceptions import UserError

from ...rating import MAX_CALL_SECONDS, Rate, whole_steps
from ...tools.called import is_short
from ...tools.clock import utcnow
from ...tools.door import door, each, worker
from ...tools.fields import ZERO, Amount, parse_amount
from ...tools.intake import (
    CALL_TYPES,
    DIRECTIONS,
    MAX_DURATION,
    Refused,
    check_short,
    choice,
    iso,
    phone_number,
    shown,
    text,
)
from ...tools.rights import as_superuser
from ...tools.sentence import translated
from ..ledger.call_wallet_ledger import Funds
from .asked import Asked, available, dearest_rate, longest_call, quoted
from .call_wallet_hold import Hold
from .messages import message_of, paused_message
from .reading_sql import FUNDS, HOLD_KEYS, HOLDS

MINUTE_SECONDS, DAY_SECONDS = 60, 24 * 3600

# Which parameter a code is about; the others are about the wallet's state.
FIELD_OF = {
    "unknown_account": "account",
    "closed": "account",
    "destination_not_contracted": "number",
    "invalid_number": "number",
    "already_settled": "call_ref",
    "unknown_call": "call_ref",
    "conflict": "call_ref",
    "price_limit": "number",
}

# What a quotation has of an answer to `authorize_call`.
QUOTED = (
    "allowed", "code", "field", "limit", "message", "rate", "currency", "balance", "available", "funds_seconds",
)  # fmt: skip


class CallWalletAuthorize(models.Model):
    """May a call start, and for how long: asked by the platform, or by an employee's call button."""

    _inherit = "call.wallet"

    disputed_amount = Amount(
        "Disputed", compute="_compute_disputed_amount", help="Held because a payment is disputed; part of what is held."
    )

    # === API === #

    @api.model
    def authorize_call(
        self,
        account,
        call_ref,
        call_type,
        number,
        expected_seconds=None,
        direction="outbound",
        campaign=None,
        manager=None,
        application_ref=None,
    ):
        """Say whether a call may start and reserve funds for it.

        A platform that ends each call at ``max_seconds`` cannot overspend a wallet, with any number of calls at once.
        To go on, it extends the hold in time; one that cannot extend asks for more by ``expected_seconds``.

        Asking again for a call in progress returns the same hold; a campaign, manager or application that it did not
        have is added to it. With other content it is ``conflict``: the hold stays as it is, and another call needs
        another reference.

        :param str account: the wallet's account reference
        :param str call_ref: the platform's reference of the call
        :param str call_type: ``live`` or ``whatsapp``
        :param str number: E.164; also a WhatsApp user id, a withheld caller of an inbound call (or none), and one of
            the company's emergency numbers, which may always be called
        :param int expected_seconds: how long to reserve for; default: the company's setting
        :param str direction: ``outbound`` or ``inbound``
        :param str campaign: shown with the hold while the call is in progress
        :param str manager: likewise; e-mail or name
        :param str application_ref: likewise
        :return: dict: ``allowed``; ``code`` (``ok``, ``unknown_account``, ``closed``, ``not_set_up``, ``paused``,
            ``no_funds``, ``destination_not_contracted``, ``invalid_number``, ``already_settled``, ``conflict``,
            ``limit_reached``, ``price_limit``); ``field``, the parameter that it is about, or None; ``limit`` where a
            limit of the wallet refuses, and which: ``day``, ``month`` (of what is spent), ``calls`` (at once),
            ``price`` (a minute) or ``fee`` (connection fee); ``message``, a sentence for the person who wants to call;
            ``differs`` where it is ``conflict`` on a wallet of the user's
            companies: {parameter: {``held``, ``sent``}}; ``call_ref``; ``hold`` (id); ``held_seconds``, how long the
            call may last on what is held, and ``max_seconds``, the same; ``expires_at``, when the hold is given up
            unless the call is extended or reported (ISO 8601, UTC); ``funds_seconds``, how long all free funds would
            last, for display only; ``rate`` a minute, ``balance`` and ``available`` as decimal strings in
            ``currency``
        :raise UserError: a parameter other than the number is missing or malformed
        :raise AccessError: neither the calling platform nor an employee who works with wallets
        """
        self.env["call.usage"]._check_platform()
        account, call_ref = self._read(text, account=account), self._read(text, call_ref=call_ref)
        self._check_seconds("expected_seconds", expected_seconds)
        asked = Asked(
            call_type=self._read(choice, CALL_TYPES, call_type=call_type),
            direction=self._read(choice, DIRECTIONS, "outbound", direction=direction),
            number=number,
            expected_seconds=expected_seconds or 0,
            campaign=self._read(text, "", campaign=campaign),
            manager=self._read(text, "", manager=manager),
            application_ref=self._read(text, "", application_ref=application_ref),
        )
        with door(self.env) as is_committed:
            answer = as_superuser(self)._authorize(account, call_ref, asked)
        self.env["call.wallet.meter"]._note_answer("authorize_call", answer, is_committed)
        return answer

    @api.model
    def extend_hold(self, account, call_ref, seconds=None, total_seconds=None):
        """Reserve funds for a longer call. Where they do not suffice, for as long as they do.

        :param str account: the wallet's account reference
        :param str call_ref: the platform's reference of the call
        :param int total_seconds: how long the call shall last, counted from its start, so that asking again holds no
            more
        :param int seconds: instead of it, how much longer than what is held; asking again holds more again
        :return: as ``authorize_call``; ``allowed`` is False with ``no_funds`` where not even one more increment is
            covered, with ``limit_reached`` where the wallet's limits leave no more, with ``paused`` where it was
            paused by hand (the call may last ``max_seconds``), and with ``unknown_call`` where the call was never
            authorised, or was released
        :raise UserError: a parameter is missing or malformed
        """
        self.env["call.usage"]._check_platform()
        account, call_ref = self._read(text, account=account), self._read(text, call_ref=call_ref)
        if (seconds is None) == (total_seconds is None):
            raise UserError(self.env._("total_seconds, seconds: send one of the two."))
        self._check_seconds("seconds", seconds)
        self._check_seconds("total_seconds", total_seconds, most=MAX_DURATION)
        with door(self.env) as is_committed:
            answer = as_superuser(self)._extend(account, call_ref, seconds, total_seconds)
        self.env["call.wallet.meter"]._note_answer("extend_hold", answer, is_committed)
        return answer

    @api.model
    def release_hold(self, account, call_ref):
        """Give back what a call holds that never took place. Repeating it is harmless.

        :param str account: the wallet's account reference
        :param str call_ref: the platform's reference of the call
        :return: as ``authorize_call``; nothing is held any more. ``allowed`` is False with ``unknown_call`` where the
            call was never authorised
        :raise UserError: a parameter is missing or malformed
        """
        self.env["call.usage"]._check_platform()
        account, call_ref = self._read(text, account=account), self._read(text, call_ref=call_ref)
        with door(self.env) as is_committed:
            answer = as_superuser(self)._release(account, call_ref)
        self.env["call.wallet.meter"]._note_answer("release_hold", answer, is_committed)
        return answer

    @api.model
    @api.readonly
    def quote_call(self, account, call_type, number, direction="outbound", seconds=60):
        """Say what a call would cost that started now, and whether it may. Reserves nothing.

        :param str account: the wallet's account reference
        :param str call_type: ``live`` or ``whatsapp``
        :param str number: as ``authorize_call``
        :param str direction: ``outbound`` or ``inbound``
        :param int seconds: how long the call would last; default: a minute
        :return: dict: ``allowed``, ``code``, ``field``, ``limit``, ``message``, ``rate``, ``currency``, ``balance``,
            ``available`` and ``funds_seconds`` as ``authorize_call`` answers; ``account``, ``call_type``,
            ``direction``, ``seconds`` and ``number`` as they were read (None: no number); ``billed_seconds``,
            ``billed_minutes`` and ``cost`` of such a call; ``prefix`` by which the price was found (empty: any
            number), ``increment_seconds``, ``minimum_seconds``, ``first_block_seconds``, ``free_seconds``,
            ``grace_seconds`` and ``connection_fee``. Amounts are decimal strings; None where there is no price
        :raise UserError: a parameter other than the number is missing or malformed
        :raise AccessError: neither the calling platform nor finance staff
        """
        self.env["call.usage"]._check_platform()
        account = self._read(text, account=account)
        asked = Asked(
            call_type=self._read(choice, CALL_TYPES, call_type=call_type),
            direction=self._read(choice, DIRECTIONS, "outbound", direction=direction),
            number=number,
            expected_seconds=0,
        )
        self._check_seconds("seconds", seconds, most=MAX_DURATION)
        self.env.flush_all()
        self.env.cr.execute(FUNDS, {"account": account, **self._companies_to_read()})
        row = self.env.cr.fetchone()
        return as_superuser(self)._quote(account, asked, seconds or MINUTE_SECONDS, row and Funds(*row))

    @api.model
    @api.readonly
    def list_holds(self, account=None):
        """Read what calls in progress hold.

        :param str account: of one wallet; None: of all wallets of the user's companies
        :return: one dict a hold, by account, in the order in which they were made: ``account``, ``call_ref``,
            ``hold`` (id), ``call_type``, ``direction``, ``number``, ``campaign``, ``manager``, ``application_ref``,
            ``rate`` a minute and ``amount`` that is held, decimal strings in ``currency``, ``held_seconds``,
            ``authorized_at`` and ``expires_at`` (ISO 8601, UTC)
        :raise UserError: no such wallet in the user's companies
        :raise AccessError: neither the calling platform nor finance staff
        """
        self.env["call.usage"]._check_platform()
        wallet_id = None if account is None else self._find_to_read(account)[0]
        self.env.flush_all()
        self.env.cr.execute(HOLDS, {"wallet": wallet_id, **self._companies_to_read()})
        holds = [dict(zip(HOLD_KEYS, row, strict=True)) for row in self.env.cr.fetchall()]
        return [hold | {name: iso(hold[name]) for name in ("authorized_at", "expires_at")} for hold in holds]

    def _read(self, reader, *arguments, **parameter):
        """Return a parameter as ``reader`` of ``intake`` reads a field; one by name.

        :raise UserError: it is missing or malformed
        """
        [name] = parameter
        try:
            return reader(parameter, name, *arguments)
        except Refused as refused:
            raise UserError(translated(self.env, refused.sentence)) from None

    def _check_seconds(self, field, value, most=DAY_SECONDS):
        if value is not None and (type(value) is not int or not 0 < value <= most):
            raise UserError(
                self.env._(
                    "%(field)s: %(value)s; send whole seconds, 1 to %(most)s.",
                    field=field,
                    value=shown(value),
                    most=most,
                )
            )

    # === DECISIONS === #

    def _authorize(self, account_ref, call_ref, asked):
        asked = asked._replace(number=self._read_number(asked))
        rated = self._load_to_call(account_ref, asked.number)
        if rated is None:
            return self._no_wallet(account_ref, call_ref)
        if not self._is_callable(asked.number, rated):
            return self._verdict("invalid_number", call_ref, rated)
        rate = dearest_rate(rated, asked, utcnow())
        funds, hold, is_settled = self._look_up(rated, call_ref)
        if is_settled:
            return self._verdict("already_settled", call_ref, rated, funds, rate)
        if hold and hold.state == "held":
            differs = asked.differs_from(hold)
            if differs:
                told = {"differs": differs} if self._own_among([rated.wallet_id]) else {}
                return {**self._verdict("conflict", call_ref, rated, funds), **told}
            self.env["call.wallet.hold"]._add_names(hold, asked.new_names(hold))
            return self._verdict("ok", call_ref, rated, funds, self._rate_of(hold, rated), hold)
        code = self._refusal_code(funds, rate, asked.number)
        if code:
            return self._verdict(code, call_ref, rated, funds, rate)
        # Within the grace a call is free of charge; what is held is for a call that goes on.
        wanted = whole_steps(rate, max(asked.expected_seconds or rated.hold_seconds, rate.grace_seconds + 1))
        if is_short(asked.number):
            wanted = MAX_CALL_SECONDS  # nobody cuts an emergency call
        hold = Hold(state="new", rate=rate.price_per_minute, authorized_at=utcnow(), **asked._asdict())
        return self._reserve(rated, call_ref, hold, rate, wanted, funds)

    def _quote(self, account_ref, asked, seconds, funds):
        """Answer ``quote_call``; ``funds`` is None where the user may not read the wallet."""
        asked = asked._replace(number=self._read_number(asked))
        rated = funds and self._load_to_call(account_ref, asked.number)
        rate = None
        if rated:
            code, rate, message, limit = self._foresee(rated, asked, funds)
            verdict = self._verdict(code, None, rated, funds, rate, message=message, limit=limit)
        else:
            verdict = self._no_wallet(account_ref, None) if funds else self._verdict("unknown_account", None)
        return {
            "account": account_ref,
            "call_type": asked.call_type,
            "direction": asked.direction,
            "number": asked.number,
            "seconds": seconds,
            **{name: verdict[name] for name in QUOTED if name in verdict},
            **quoted(rate, seconds),
        }

    def _foresee(self, rated, asked, funds):
        """Return what ``authorize_call`` would answer now to a call of any length: its code, the rate or None, the
        message where it is not that of the code, and the limit that refuses it or None.
        """
        if not self._is_callable(asked.number, rated):
            return "invalid_number", None, None, None
        rate = dearest_rate(rated, asked, utcnow())
        code, message, limit = self._refusal_code(funds, rate, asked.number), None, None
        if not code:
            code, message, limit = self._foresee_limits(rated, rate, asked.number, available(funds))
        return code or "ok", rate, message, limit

    def _extend(self, account_ref, call_ref, seconds, total_seconds):
        rated = self.env["call.rate.plan"]._load_rated_wallets([account_ref]).get(account_ref)
        if rated is None:
            return self._verdict("unknown_account", call_ref, asked_to="extend")
        funds, hold, is_settled = self._look_up(rated, call_ref)
        if is_settled:
            return self._verdict("already_settled", call_ref, rated, funds, asked_to="extend")
        if not hold or hold.state == "released":
            return self._verdict("unknown_call", call_ref, rated, funds, asked_to="extend")
        rate = self._rate_of(hold, rated)
        wanted = whole_steps(rate, min(total_seconds or hold.reserved_seconds + seconds, MAX_DURATION))
        if hold.state == "expired":
            hold = hold._replace(amount=ZERO, reserved_seconds=0)
        if hold.state == "held" and wanted <= hold.reserved_seconds:
            return self._verdict("ok", call_ref, rated, funds, rate, hold, asked_to="extend")
        if funds.is_paused_by_hand and not is_short(hold.number):
            return self._verdict("paused", call_ref, rated, funds, rate, hold, asked_to="extend")
        return self._reserve(rated, call_ref, hold, rate, wanted, funds, asked_to="extend")

    def _release(self, account_ref, call_ref):
        rated = self.env["call.rate.plan"]._load_rated_wallets([account_ref]).get(account_ref)
        if rated is None:
            return self._verdict("unknown_account", call_ref, asked_to="release")
        funds, hold, is_settled = self._look_up(rated, call_ref)
        if is_settled:
            return self._verdict("already_settled", call_ref, rated, funds, asked_to="release")
        if not hold:
            return self._verdict("unknown_call", call_ref, rated, funds, asked_to="release")
        self.env["call.wallet.hold"]._release(rated.wallet_id, call_ref)
        funds = self._lock_funds(rated)
        return self._verdict("ok", call_ref, rated, funds, self._rate_of(hold, rated), asked_to="release")

    def _read_number(self, asked):
        """Return the number of what is asked for as calls keep it; None where it is none."""
        try:
            return phone_number({"number": asked.number}, asked.call_type, asked.direction)
        except Refused:
            return None

    def _load_to_call(self, account_ref, number):
        """Return the ``RatedWallet`` of an account on which a call may start, or None.

        No call starts on a closed wallet but one to an emergency number.
        """
        is_urgent = number is not None and is_short(number)
        return self.env["call.rate.plan"]._load_rated_wallets([account_ref], only_active=not is_urgent).get(account_ref)

    def _is_callable(self, number, rated):
        try:
            check_short(number or "", rated.emergency)
        except Refused:
            return False
        return number is not None

    def _look_up(self, rated, call_ref):
        """Lock the wallet's funds, then look: funds, the call's hold, whether it was charged.

        A hold whose time is over holds nothing any more, whether or not the scheduled action has come to it.
        """
        holds = self.env["call.wallet.hold"]
        funds, hold, is_settled = holds._lock_and_find(rated.wallet_id, call_ref)
        if hold and hold.state == "held" and hold.expires_at < utcnow():
            holds._expire([rated.wallet_id])
            funds, hold, is_settled = holds._lock_and_find(rated.wallet_id, call_ref)
        return funds, hold, is_settled

    def _lock_funds(self, rated):
        return self.env["call.wallet.ledger"]._lock([rated.wallet_id])[rated.wallet_id]

    def _refusal_code(self, funds, rate, number):
        if is_short(number):
            return None
        if funds.state == "not_set_up":
            return "not_set_up"
        if funds.is_paused_by_hand:
            return "paused"
        if Decimal(funds.balance) <= 0:
            return "no_funds"
        return None if rate else "destination_not_contracted"

    def _reserve(self, rated, call_ref, hold, rate, wanted, funds, asked_to="authorize"):
        """Hold funds for ``wanted`` seconds in all, or for fewer if no more is available."""
        leave = self._limits_leave(rated, rate, hold.number, call_ref, is_begun=hold.state != "new")
        longest = wanted if is_short(hold.number) else leave.longest_call(rate, available(funds) + hold.amount)
        if longest < wanted and not leave.code and self.env["call.wallet.hold"]._expire([rated.wallet_id]):
            # Calls that were lost held what this one needs.
            funds = self._lock_funds(rated)
            longest = leave.longest_call(rate, available(funds) + hold.amount)
        # A call that could only last the grace, which costs nothing, is not worth starting.
        if longest <= max(hold.reserved_seconds, rate.grace_seconds):
            known, code = hold if hold.id else None, leave.code_within(available(funds) + hold.amount)
            message = self._note_limit_refusal(leave, code, rated, rate, asked_to)
            limit = leave.limit_of(code)
            return self._verdict(code, call_ref, rated, funds, rate, known, asked_to, message, limit)
        seconds = min(wanted, longest)
        hold, funds = self.env["call.wallet.hold"]._write_hold(rated.wallet_id, call_ref, hold, rate, seconds)
        return self._verdict("ok", call_ref, rated, funds, rate, hold, asked_to)

    def _rate_of(self, hold, rated):
        """Return the rate the call was authorised at, or its price alone if it is gone since."""
        return dearest_rate(rated, hold, hold.authorized_at) or Rate(prefix="", price_per_minute=hold.rate)

    @api.model
    def _cron_expire_holds(self, most=5_000):
        """Free what calls that were never reported still hold, wallet by wallet.

        :param int most: how many wallets at one start; the others come with the next
        """
        each(self.env, self.browse(self.env["call.wallet.hold"]._wallets_with_expired(most)), self._expire_holds)

    @worker
    def _expire_holds(self, wallet):
        with door(self.env):
            self.env["call.wallet.ledger"]._lock(wallet.ids)
            self.env["call.wallet.hold"]._expire(wallet.ids)

    # === ANSWER === #

    def _verdict(
        self,
        code,
        call_ref,
        rated=None,
        funds=None,
        rate=None,
        hold=None,
        asked_to="authorize",
        message=None,
        limit=None,
    ):
        """Return what the platform is answered; ``hold`` is the call's own, whatever became of it."""
        is_held = bool(hold) and hold.state == "held"
        held_seconds = hold.reserved_seconds if is_held else 0
        funds_seconds = 0
        if funds and rate and code in ("ok", "no_funds"):
            funds_seconds = longest_call(rate, available(funds) + (hold.amount if is_held else ZERO))
        return {
            "allowed": code == "ok",
            "code": code,
            "field": FIELD_OF.get(code),
            "message": message or self._message(code, rated, asked_to),
            "call_ref": call_ref,
            "hold": hold.id if hold else None,
            "rate": str(parse_amount(rate.price_per_minute)) if rate else None,
            "currency": rated.currency if rated else None,
            "held_seconds": held_seconds,
            "expires_at": hold.expires_at.replace(tzinfo=UTC).isoformat() if is_held else None,
            "max_seconds": held_seconds,
            "funds_seconds": funds_seconds,
            "balance": funds.balance if funds else None,
            "available": str(available(funds)) if funds else None,
            **({"limit": limit} if limit else {}),
        }

    def _no_wallet(self, account_ref, call_ref):
        # Closed ones too, and of nobody's companies but the user's.
        is_closed = account_ref in self.env["call.rate.plan"]._load_rated_wallets([account_ref])
        return self._verdict("closed" if is_closed else "unknown_account", call_ref)

    def _message(self, code, rated, asked_to):
        """Return the sentence that the call button's tooltip shows, or that answers an extension or a release."""
        if code == "paused":
            return paused_message(self.env, self.browse(rated.wallet_id).pause_reason, asked_to)
        return message_of(self.env, code, asked_to)

    # === DISPUTED FUNDS === #

    def _compute_disputed_amount(self):
        disputes = self.env["call.wallet.stripe.held"].sudo()
        held = disputes.search([("wallet_id", "in", self.ids)]).grouped("wallet_id")
        for wallet in self:
            wallet.disputed_amount = sum(held.get(wallet, disputes).mapped("amount"), ZERO)
