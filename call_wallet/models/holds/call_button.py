from datetime import UTC

from odoo import api, models
from odoo.exceptions import AccessError, UserError

from ...tools.called import is_short
from ...tools.clock import utcnow
from ...tools.door import door
from ...tools.intake import CALL_TYPES, STATUSES, echo, shown
from ...tools.rights import as_superuser
from ..ledger.call_wallet_ledger import Funds
from .asked import Asked, terms_of

# A browser's clock starts when the answer arrives, ours before: they differ by that much.
CLOCK_TOLERANCE_SECONDS = 5

# More numbers than any page shows.
MOST_CHECKED = 2_000


class CallButton(models.AbstractModel):
    """The call button of the web client: calls of the company's own employees."""

    _name = "call.button"
    _description = "Call Button"

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
            as_superuser(self.env["call.wallet"])
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
        number = self._dialled(wallet, number, country_id)
        rated = wallet.env["call.rate.plan"]._load_rated_wallets([wallet.account_ref])[wallet.account_ref]
        return {
            "wallet": wallet.id,
            "number": number,
            "currency": wallet._dashboard_currency(),
            "types": {call_type: self._foresee(wallet, rated, call_type, number) for call_type in CALL_TYPES},
        }

    @api.model
    def check_calls(self, calls, watch=False):
        """Say for several numbers at once whether a call may start now: a page's call buttons ask together.

        :param list calls: pairs of number and country id, as ``check_call`` takes them
        :param bool watch: also do what ``watch_calls`` does, first, so that no change after the answer is missed
        :return: a list of what ``check_call`` answers, in the same order
        :raise UserError: no list of pairs, or more than a page has
        :raise AccessError: not an internal user
        """
        is_list = isinstance(calls, (list, tuple)) and len(calls) <= MOST_CHECKED
        if not is_list or not all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in calls):
            raise UserError(
                self.env._("calls: send a list of at most %s pairs of number and country id.", MOST_CHECKED)
            )
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
        number = self._dialled(wallet, number, country_id)
        answer = wallet.authorize_call(wallet.account_ref, self._web_ref(call_ref), call_type, number)
        return self._with_prices(wallet, answer, call_ref)

    @api.model
    def extend_call(self, call_ref, total_seconds):
        """Reserve funds for one's own call in progress, so that it may last ``total_seconds`` from its start.

        :return: as ``start_call``; where it is not ``allowed``, the call should end by ``max_seconds``
        :raise UserError: there is no such call
        """
        wallet = self._wallet_of_own_call(call_ref)
        answer = wallet.extend_hold(wallet.account_ref, self._web_ref(call_ref), total_seconds=total_seconds)
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
        hold, _is_settled = self.env["call.wallet.hold"].sudo()._find(wallet.id, self._web_ref(call_ref))
        [result] = wallet.env["call.usage"].record_calls(
            [self._ended_call(wallet, hold, self._web_ref(call_ref), duration_seconds, status, self.env.user)]
        )
        return result

    # === OF ONE CLICKED CALL === #

    def _web_ref(self, call_ref):
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
        everything = as_superuser(self.env["call.wallet"]).with_context(active_test=False)
        companies = everything.env["res.company"].search([("partner_id", "!=", False)])
        wallets = everything.search([("partner_id", "in", companies.partner_id.ids)])
        hold = everything.env["call.wallet.hold"].search(
            [("wallet_id", "in", wallets.ids), ("call_ref", "=", self._web_ref(call_ref))], order="id desc", limit=1
        )
        if not hold:
            raise UserError(self.env._("call_ref: there is no call %s of yours.", shown(call_ref)))
        return as_superuser(self.env["call.wallet"]).browse(hold.wallet_id.id)

    def _dialled(self, wallet, number, country_id):
        """Return what people wrote as E.164 where it can be read as that; emergency numbers as they are."""
        if not isinstance(number, str):
            raise UserError(self.env._("number: send the phone number as text."))
        if number.strip() in wallet.company_id._call_wallet_emergency_numbers():
            return number.strip()
        country = self.env["res.country"].browse(country_id).exists() if type(country_id) is int else None
        return wallet._phone_format(number=number, country=country or wallet.company_id.country_id) or echo(number)

    def _foresee(self, wallet, rated, call_type, number):
        """Return the verdict on a call as it would be now, from the funds as they are."""
        funds = Funds(
            wallet.alert_level, str(wallet.balance), str(wallet.held_amount), wallet.state, wallet.is_paused_by_hand
        )
        asked = Asked(call_type, "outbound", number, 0)
        asked = asked._replace(number=wallet._read_number(asked))
        code, rate, message, limit = wallet._foresee(rated, asked, funds)
        return wallet._verdict(code, None, rated, funds, rate, message=message, limit=limit)

    def _with_prices(self, wallet, answer, call_ref):
        """Add to a verdict what the call panel needs to count, and the caller's own reference."""
        answer["call_ref"] = call_ref
        hold, _is_settled = self.env["call.wallet.hold"].sudo()._find(wallet.id, self._web_ref(call_ref))
        if not hold:
            return answer
        rated = wallet.env["call.rate.plan"]._load_rated_wallets([wallet.account_ref])[wallet.account_ref]
        rate = wallet._rate_of(hold, rated)
        answer.update(
            number=hold.number,
            uri=dial_uri(hold.call_type, hold.number),
            started_at=hold.authorized_at.replace(tzinfo=UTC).isoformat(),
            **terms_of(rate),
        )
        return answer

    def _ended_call(self, wallet, hold, call_ref, duration_seconds, status, user):
        passed = (utcnow() - hold.authorized_at).total_seconds()
        return {
            "account": wallet.account_ref,
            "call_ref": call_ref,
            "call_type": hold.call_type,
            "number": hold.number,
            "started_at": hold.authorized_at.replace(tzinfo=UTC).isoformat(),
            "duration_seconds": min(duration_seconds, int(passed) + CLOCK_TOLERANCE_SECONDS),
            "status": status,
            "manager": user.email_normalized or user.name,
        }


def is_plain(text):
    return text.isascii() and text.isprintable()


def dial_uri(call_type, number):
    """Return what opens the dialler: a ``tel:`` address (RFC 3966), or WhatsApp's click-to-chat link."""
    is_whatsapp = call_type == "whatsapp" and not is_short(number)
    return f"https://wa.me/{number.removeprefix('+')}" if is_whatsapp else f"tel:{number}"
