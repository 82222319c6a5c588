from datetime import UTC, timedelta
from decimal import Decimal
from typing import NamedTuple

from odoo import api, models
from odoo.exceptions import AccessError, UserError

from ...rating import MAX_CALL_SECONDS, Rate, cost_of, max_seconds, whole_steps
from ...tools.called import is_short
from ...tools.clock import utcnow
from ...tools.door import door, each, worker
from ...tools.fields import ZERO, Amount, parse_amount
from ...tools.intake import (
    CALL_TYPES,
    DIRECTIONS,
    MAX_DURATION,
    STATUSES,
    Refused,
    check_short,
    choice,
    echo,
    phone_number,
    shown,
    text,
)
from ...tools.rights import as_superuser
from ..ledger.call_wallet_ledger import Funds
from .call_wallet_hold import Hold

HOUR_SECONDS = 3600
DAY_SECONDS = 24 * HOUR_SECONDS

# How long it may ring before a call starts.
NOW, RINGING = timedelta(), timedelta(minutes=3)

# A browser's clock starts when the answer arrives, ours before: they differ by that much.
CLOCK_TOLERANCE_SECONDS = 5


class Asked(NamedTuple):
    """What a call is to be authorised for. Seconds are 0, and texts empty, where the platform says nothing."""

    call_type: str
    direction: str
    number: str
    expected_seconds: int
    campaign: str = ""
    manager: str = ""
    application_ref: str = ""

    def contradicts(self, hold):
        """Tell whether a hold was granted for another call; what one of the two does not say is no contradiction."""
        if any(getattr(self, name) != getattr(hold, name) for name in ("call_type", "direction", "number")):
            return True
        others = [(getattr(self, name), getattr(hold, name)) for name in self._fields[3:]]
        return any(asked and held and asked != held for asked, held in others)


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

        Asking again for a call in progress returns the same hold. With other content it is ``conflict``: the hold
        stays as it is, and another call needs another reference.

        :param str account: the wallet's account reference
        :param str call_ref: the platform's reference of the call
        :param str call_type: ``live`` or ``whatsapp``
        :param str number: E.164; also a WhatsApp user id, a withheld caller of an inbound call (or none), and one of
            the company's emergency numbers, which may always be called
        :param int expected_seconds: how long to reserve for; default: the company's setting
        :param str direction: ``outbound`` or ``inbound``
        :param str campaign: shown with the hold while the call is in progress, as are ``manager`` (e-mail or name)
            and ``application_ref``
        :return: dict: ``allowed``; ``code`` (``ok``, ``unknown_account``, ``closed``, ``not_set_up``, ``paused``,
            ``no_funds``, ``destination_not_contracted``, ``invalid_number``, ``already_settled``, ``conflict``);
            ``message``, a sentence for the person who wants to call; ``call_ref``; ``hold`` (id); ``held_seconds``,
            how long the call may last on what is held, and ``max_seconds``, the same; ``expires_at``, when the hold
            is given up unless the call is extended or reported (ISO 8601, UTC); ``funds_seconds``, how long all
            free funds would last, for display only; ``rate`` a minute, ``balance`` and ``available`` as decimal
            strings in ``currency``
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
        with door(self.env):
            return as_superuser(self)._authorize(account, call_ref, asked)

    @api.model
    def extend_hold(self, account, call_ref, seconds=None, total_seconds=None):
        """Reserve funds for a longer call. Where they do not suffice, for as long as they do.

        :param int total_seconds: how long the call shall last, counted from its start, so that asking again holds no
            more
        :param int seconds: instead of it, how much longer than what is held; asking again holds more again
        :return: as ``authorize_call``; ``allowed`` is False with ``no_funds`` where not even one more increment is
            covered, and with ``paused`` where the wallet was paused by hand: the call may last ``max_seconds``
        :raise UserError: no hold for this call, or a parameter is missing or malformed
        """
        self.env["call.usage"]._check_platform()
        account, call_ref = self._read(text, account=account), self._read(text, call_ref=call_ref)
        if (seconds is None) == (total_seconds is None):
            raise UserError(self.env._("total_seconds, seconds: send one of the two."))
        self._check_seconds("seconds", seconds)
        self._check_seconds("total_seconds", total_seconds, most=MAX_DURATION)
        with door(self.env):
            return as_superuser(self)._extend(account, call_ref, seconds, total_seconds)

    @api.model
    def release_hold(self, account, call_ref):
        """Give back what a call holds that never took place. Repeating it is harmless.

        :return: as ``authorize_call``; nothing is held any more
        :raise UserError: no hold for this call, or a parameter is missing or malformed
        """
        self.env["call.usage"]._check_platform()
        account, call_ref = self._read(text, account=account), self._read(text, call_ref=call_ref)
        with door(self.env):
            return as_superuser(self)._release(account, call_ref)

    def _read(self, reader, *arguments, **parameter):
        """Return a parameter as ``reader`` of ``intake`` reads a field; one by name.

        :raise UserError: it is missing or malformed
        """
        [name] = parameter
        try:
            return reader(parameter, name, *arguments)
        except Refused as refused:
            raise UserError(self.env._(refused.sentence)) from None

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
            if asked.contradicts(hold):
                return self._verdict("conflict", call_ref, rated, funds)
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

    def _extend(self, account_ref, call_ref, seconds, total_seconds):
        rated = self.env["call.rate.plan"]._load_rated_wallets([account_ref]).get(account_ref)
        if rated is None:
            return self._verdict("unknown_account", call_ref)
        funds, hold, is_settled = self._look_up(rated, call_ref)
        if is_settled:
            return self._verdict("already_settled", call_ref, rated, funds, asked_to="extend")
        if not hold or hold.state == "released":
            raise UserError(self.env._("call_ref: there is no hold for %s; authorise the call first.", call_ref))
        rate = self._rate_of(hold, rated)
        if hold.state == "expired":
            hold = hold._replace(amount=ZERO)
        wanted = whole_steps(rate, min(total_seconds or hold.reserved_seconds + seconds, MAX_DURATION))
        if hold.state == "held" and wanted <= hold.reserved_seconds:
            return self._verdict("ok", call_ref, rated, funds, rate, hold, asked_to="extend")
        if funds.is_paused_by_hand and not is_short(hold.number):
            return self._verdict("paused", call_ref, rated, funds, rate, hold, asked_to="extend")
        return self._reserve(rated, call_ref, hold, rate, wanted, funds, asked_to="extend")

    def _release(self, account_ref, call_ref):
        rated = self.env["call.rate.plan"]._load_rated_wallets([account_ref]).get(account_ref)
        if rated is None:
            return self._verdict("unknown_account", call_ref)
        funds, hold, is_settled = self._look_up(rated, call_ref)
        if is_settled:
            return self._verdict("already_settled", call_ref, rated, funds, asked_to="release")
        if not hold:
            raise UserError(self.env._("call_ref: there is no hold for %s.", call_ref))
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
        funds, holds = self._lock_funds(rated), self.env["call.wallet.hold"]
        hold, is_settled = holds._find(rated.wallet_id, call_ref)
        if hold and hold.state == "held" and hold.expires_at < utcnow():
            holds._expire([rated.wallet_id])
            funds = self._lock_funds(rated)
            hold, is_settled = holds._find(rated.wallet_id, call_ref)
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
        longest = wanted if is_short(hold.number) else longest_call(rate, available(funds) + hold.amount)
        if longest < wanted and self.env["call.wallet.hold"]._expire([rated.wallet_id]):
            # Calls that were lost held what this one needs.
            funds = self._lock_funds(rated)
            longest = longest_call(rate, available(funds) + hold.amount)
        # A call that could only last the grace, which costs nothing, is not worth starting.
        if longest <= max(hold.reserved_seconds, rate.grace_seconds):
            return self._verdict("no_funds", call_ref, rated, funds, rate, hold if hold.id else None, asked_to)
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

    def _verdict(self, code, call_ref, rated=None, funds=None, rate=None, hold=None, asked_to="authorize"):
        """Return what the platform is answered; ``hold`` is the call's own, whatever became of it."""
        is_held = bool(hold) and hold.state == "held"
        held_seconds = hold.reserved_seconds if is_held else 0
        funds_seconds = 0
        if funds and rate and code in ("ok", "no_funds"):
            funds_seconds = longest_call(rate, available(funds) + (hold.amount if is_held else ZERO))
        return {
            "allowed": code == "ok",
            "code": code,
            "message": self._message(code, rated, asked_to),
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
        }

    def _no_wallet(self, account_ref, call_ref):
        # Closed ones too, and of nobody's companies but the user's.
        is_closed = account_ref in self.env["call.rate.plan"]._load_rated_wallets([account_ref])
        return self._verdict("closed" if is_closed else "unknown_account", call_ref)

    def _message(self, code, rated, asked_to):
        """Return the sentence that the call button's tooltip shows, or that answers an extension or a release."""
        _ = self.env._
        if code == "paused":
            reason = self.browse(rated.wallet_id).pause_reason
            return _("Calls are paused by your account manager: %s", reason or _("ask them to resume."))
        ended = _("This call has ended and was charged; nothing is held for it.")
        later = {
            "extend": {
                "ok": _("The call may go on."),
                "no_funds": _("The balance covers no longer call. Add balance under Billing."),
                "already_settled": ended,
            },
            "release": {"ok": _("Nothing is held for this call."), "already_settled": ended},
        }
        if code in later.get(asked_to, {}):
            return later[asked_to][code]
        return {
            "ok": _("The call may start."),
            "unknown_account": _("This account has no call wallet. Ask your account manager to set one up."),
            "closed": _("This account's call wallet is closed. Ask your account manager about it."),
            "not_set_up": _("Billing is not set up. Add a notification recipient under Billing to start calling."),
            "no_funds": _(
                "The wallet has not enough balance for this call. Add balance under Billing to start calling."
            ),
            "destination_not_contracted": _(
                "This destination is not in your contract. Ask your account manager to confirm it."
            ),
            "invalid_number": _("This is not a complete international number. Write it like +14155550100."),
            "already_settled": _("This call has already ended and was charged. Start a new one."),
            "conflict": _(
                "Another call is in progress under this reference: its number, type, direction, length or names are "
                "others. Nothing was changed; use a reference of its own for each call."
            ),
        }[code]

    # === THE HOUSE'S WALLET === #
    # Calls that the company's own people make from the web client.
    #
    # They are charged to the wallet of the current company itself: the one whose customer is the
    # company's own partner. Its internal users are its managers.

    @api.model
    def _house_wallet(self):
        """Return the current company's own wallet as superuser; empty where there is none.

        :raise AccessError: not an internal user
        """
        if not self.env.user._is_internal():
            raise AccessError(self.env._("Only employees call from here."))
        return self._first_house_wallet(self._house_wallets(self.env.company), self.env.company)

    @api.model
    def _house_wallet_ids(self):
        """Return {company id: id of the wallet that calls from it are charged to} for the current user's companies.

        A company without a wallet of its own is left out.
        """
        companies = self.env.user.company_ids
        wallets = self._house_wallets(companies)
        first = {
            company.id: self._first_house_wallet(wallets, company).id for company in wallets.company_id & companies
        }
        return {company_id: wallet_id for company_id, wallet_id in first.items() if wallet_id}

    @api.model
    def _first_house_wallet(self, wallets, company):
        """Return the one of a company's own wallets that calls are charged to: in its own currency if there is one."""
        own = wallets.filtered(lambda wallet: wallet.company_id == company)
        return own.sorted(lambda wallet: wallet.currency_id != company.currency_id)[:1]

    @api.model
    def _house_wallets(self, companies):
        """Return these companies' own wallets, as superuser."""
        return (
            as_superuser(self)
            .search([("partner_id", "in", companies.partner_id.ids)])
            .filtered(lambda wallet: wallet.partner_id == wallet.company_id.partner_id)
        )

    # === CALL BUTTON === #

    @api.model
    @api.readonly
    def check_call(self, number, country_id=None):
        """Say for each call type whether a call to this number may start now. Reserves nothing.

        :param str number: as people write it; read as E.164
        :param int country_id: the ``res.country`` a national number belongs to; the company's by default
        :return: False where the company has no wallet of its own, else ``{"wallet": id,
            "number", "types": {"live": verdict, "whatsapp": verdict}}``; a verdict is what
            ``authorize_call`` answers, without a hold
        :raise AccessError: not an internal user
        """
        wallet = self._house_wallet()
        if not wallet:
            return False
        number = wallet._dialled(number, country_id)
        rated = wallet.env["call.rate.plan"]._load_rated_wallets([wallet.account_ref])[wallet.account_ref]
        return {
            "wallet": wallet.id,
            "number": number,
            "currency": wallet._dashboard_currency(),
            "types": {call_type: wallet._foresee(rated, call_type, number) for call_type in CALL_TYPES},
        }

    @api.model
    def check_calls(self, calls, watch=False):
        """Say for several numbers at once whether a call may start now: a page's call buttons ask together.

        :param list calls: pairs of number and country id, as ``check_call`` takes them
        :param bool watch: also do what ``watch_calls`` does, first, so that no change after the answer is missed
        :return: a list of what ``check_call`` answers, in the same order
        :raise AccessError: not an internal user
        """
        if watch:
            self.watch_calls()
        return [self.check_call(number, country_id) for number, country_id in calls]

    @api.model
    def watch_calls(self):
        """Ask for the bus message ``call_wallet/changed`` about the company's own wallet for two minutes.

        :raise AccessError: not an internal user
        """
        with door(self.env):
            self.env["call.wallet.watch"]._renew(self._house_wallet().ids, by_owner=True)
        return True

    @api.model
    def start_call(self, call_ref, call_type, number, country_id=None):
        """Authorise a call of the current user and say how to dial it.

        :param str call_ref: a reference of the user's own making; the same one twice is one call
        :return: what ``authorize_call`` answers; when allowed also ``number`` (E.164), ``uri`` (what opens the
            dialler, RFC 3966, or WhatsApp's click-to-chat link), ``started_at`` (UTC), and what the price is made of:
            ``increment_seconds``, ``minimum_seconds``, ``first_block_seconds``, ``free_seconds``, ``grace_seconds``,
            ``connection_fee``
        :raise UserError: the company has no wallet of its own, or a parameter is malformed
        :raise AccessError: not an internal user
        """
        wallet = self._house_wallet()
        if not wallet:
            raise UserError(self.env._("%s has no call wallet of its own.", self.env.company.name))
        number = wallet._dialled(number, country_id)
        answer = wallet.authorize_call(wallet.account_ref, self._own_ref(call_ref), call_type, number)
        return self._with_prices(wallet, answer, call_ref)

    @api.model
    def extend_call(self, call_ref, total_seconds):
        """Reserve funds for one's own call in progress, so that it may last ``total_seconds`` from its start.

        :return: as ``start_call``; where it is not ``allowed``, the call should end by ``max_seconds``
        :raise UserError: there is no such call
        """
        wallet = self._wallet_of_own_call(call_ref)
        answer = wallet.extend_hold(wallet.account_ref, self._own_ref(call_ref), total_seconds=total_seconds)
        return self._with_prices(wallet, answer, call_ref)

    @api.model
    def end_call(self, call_ref, duration_seconds, status="completed"):
        """Record one's own call that has ended; repeating it is harmless.

        :param int duration_seconds: as the panel counted; never more than has passed since it was authorised
        :param str status: ``completed``, ``no_answer``, ``busy``, ``failed`` or ``canceled``
        :return: one result of ``call.usage.record_calls``
        :raise UserError: there is no such call, or a parameter is malformed
        """
        wallet = self._wallet_of_own_call(call_ref)
        if type(duration_seconds) is not int or duration_seconds < 0:
            raise UserError(self.env._("duration_seconds: %s; send whole seconds, 0 or more.", shown(duration_seconds)))
        if status not in STATUSES:
            raise UserError(
                self.env._("status: %(value)s; send one of %(all)s.", value=shown(status), all=", ".join(STATUSES))
            )
        hold, _is_settled = self.env["call.wallet.hold"].sudo()._find(wallet.id, self._own_ref(call_ref))
        [result] = wallet.env["call.usage"].record_calls(
            [wallet._ended_call(hold, self._own_ref(call_ref), duration_seconds, status, self.env.user)]
        )
        return result

    # === OF ONE CLICKED CALL === #

    def _own_ref(self, call_ref):
        if not isinstance(call_ref, str) or not 8 <= len(call_ref) <= 64 or not is_plain(call_ref):
            raise UserError(self.env._("call_ref: send 8 to 64 letters and digits of your own."))
        return f"web-{self.env.uid}-{call_ref}"

    def _wallet_of_own_call(self, call_ref):
        """Return the wallet that holds funds for the user's own call, as superuser.

        It is found by the call, not by the company that is selected now: that may have changed since the call began.

        :raise UserError: there is no such call
        :raise AccessError: not an internal user
        """
        if not self.env.user._is_internal():
            raise AccessError(self.env._("Only employees call from here."))
        everything = as_superuser(self).with_context(active_test=False)
        companies = everything.env["res.company"].search([("partner_id", "!=", False)])
        wallets = everything.search([("partner_id", "in", companies.partner_id.ids)])
        hold = everything.env["call.wallet.hold"].search(
            [("wallet_id", "in", wallets.ids), ("call_ref", "=", self._own_ref(call_ref))], order="id desc", limit=1
        )
        if not hold:
            raise UserError(self.env._("call_ref: there is no call %s of yours.", shown(call_ref)))
        return as_superuser(self).browse(hold.wallet_id.id)

    def _dialled(self, number, country_id):
        """Return what people wrote as E.164 where it can be read as that; emergency numbers as they are."""
        if not isinstance(number, str):
            raise UserError(self.env._("number: send the phone number as text."))
        if number.strip() in self.company_id._call_wallet_emergency_numbers():
            return number.strip()
        country = self.env["res.country"].browse(country_id).exists() if type(country_id) is int else None
        return self._phone_format(number=number, country=country or self.company_id.country_id) or echo(number)

    def _foresee(self, rated, call_type, number):
        """Return the verdict on a call as it would be now, from the funds as they are."""
        funds = Funds(self.alert_level, str(self.balance), str(self.held_amount), self.state, self.is_paused_by_hand)
        asked = Asked(call_type, "outbound", number, 0)
        asked = asked._replace(number=self._read_number(asked))
        if not self._is_callable(asked.number, rated):
            return self._verdict("invalid_number", None, rated, funds)
        rate = dearest_rate(rated, asked, utcnow())
        code = self._refusal_code(funds, rate, asked.number)
        if not code and not is_short(asked.number) and longest_call(rate, available(funds)) <= rate.grace_seconds:
            code = "no_funds"
        return self._verdict(code or "ok", None, rated, funds, rate)

    def _with_prices(self, wallet, answer, call_ref):
        """Add to a verdict what the call panel needs to count, and the caller's own reference."""
        answer["call_ref"] = call_ref
        hold, _is_settled = self.env["call.wallet.hold"].sudo()._find(wallet.id, self._own_ref(call_ref))
        if not hold:
            return answer
        rated = wallet.env["call.rate.plan"]._load_rated_wallets([wallet.account_ref])[wallet.account_ref]
        rate = wallet._rate_of(hold, rated)
        answer.update(
            number=hold.number,
            uri=dial_uri(hold.call_type, hold.number),
            started_at=hold.authorized_at.replace(tzinfo=UTC).isoformat(),
            increment_seconds=rate.increment_seconds,
            minimum_seconds=rate.minimum_seconds,
            first_block_seconds=rate.first_block_seconds,
            free_seconds=rate.free_seconds,
            grace_seconds=rate.grace_seconds,
            connection_fee=str(parse_amount(rate.connection_fee)),
        )
        return answer

    def _ended_call(self, hold, call_ref, duration_seconds, status, user):
        passed = (utcnow() - hold.authorized_at).total_seconds()
        return {
            "account": self.account_ref,
            "call_ref": call_ref,
            "call_type": hold.call_type,
            "number": hold.number,
            "started_at": hold.authorized_at.replace(tzinfo=UTC).isoformat(),
            "duration_seconds": min(duration_seconds, int(passed) + CLOCK_TOLERANCE_SECONDS),
            "status": status,
            "manager": user.email_normalized or user.name,
        }

    # === DISPUTED FUNDS === #

    def _compute_disputed_amount(self):
        disputes = self.env["call.wallet.stripe.return"].sudo()
        held = disputes.search([("wallet_id", "in", self.ids), ("held_amount", ">", 0)]).grouped("wallet_id")
        for wallet in self:
            wallet.disputed_amount = sum(held.get(wallet, disputes).mapped("held_amount"), ZERO)


def dearest_rate(rated, call, at):
    """Return the rate to hold funds by for a call that is authorised ``at`` (naive UTC), or None without a contract.

    It is charged by the moment at which it starts, when it has rung. Where another price holds by then, funds are
    held by the dearer one.
    """
    rates = [rated.match(call.call_type, call.direction, call.number, at + ringing) for ringing in (NOW, RINGING)]
    return rates[0] and max(filter(None, rates), key=lambda rate: cost_of(rate, HOUR_SECONDS))


def available(funds):
    return Decimal(funds.balance) - Decimal(funds.held_amount)


def longest_call(rate, amount):
    """Return for how many seconds ``amount`` lasts, at most as long as a reported call; a free one ends at a cap."""
    return max_seconds(rate, amount, MAX_DURATION if rate.price_per_minute else MAX_CALL_SECONDS)


def is_plain(text):
    return text.isascii() and text.isprintable()


def dial_uri(call_type, number):
    """Return what opens the dialler: a ``tel:`` address (RFC 3966), or WhatsApp's click-to-chat link."""
    is_whatsapp = call_type == "whatsapp" and not is_short(number)
    return f"https://wa.me/{number.removeprefix('+')}" if is_whatsapp else f"tel:{number}"
