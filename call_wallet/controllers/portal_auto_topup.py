import json

from markupsafe import Markup
from odoo import http
from odoo.exceptions import UserError
from odoo.http import request

from ..tools.clock import utcnow
from ..tools.fields import parse_amount
from .portal import CallWalletPortal

FIELDS = ("level", "amount", "monthly_cap", "token_id")
SHOWN = 20


class CallWalletPortalAutoTopup(CallWalletPortal):
    """The page on which an owner lets a saved card be charged when the balance runs low."""

    @http.route(
        "/my/billing/<int:wallet_id>/auto",
        type="http",
        auth="user",
        website=True,
        methods=["GET"],
    )
    def my_auto_topup(self, wallet_id, **_unknown):
        """Show the settings, this month's charges and what happened before.

        Amounts are in the wallet's currency, times in its time zone.

        :return: the page; 404 for whoever does not own this wallet
        """
        return self._call_wallet_auto_topup_page(self._call_wallet_own_wallet(wallet_id))

    @http.route(
        "/my/billing/<int:wallet_id>/auto",
        type="http",
        auth="user",
        website=True,
        methods=["POST"],
    )
    def my_auto_topup_change(self, wallet_id, action="on", accept_mandate=None, back="", **posted):
        """Switch automatic top-up on with the posted settings, or off, or charge now.

        :param str back: ``overview`` to be led there afterwards
        :return: a redirection to the page; the page itself with errors by field where
            something is not acceptable; 404 for whoever does not own this wallet
        """
        wallet = self._call_wallet_own_wallet(wallet_id)
        own = request.env["call.wallet"].browse(wallet.id)
        given = {name: posted.get(name, "") for name in FIELDS}
        is_agreed = accept_mandate == "on"
        settings, errors = self._call_wallet_typed_settings(wallet, given)
        if action == "on":
            _values, wrong = wallet._check_auto_topup(**settings, accept_mandate=is_agreed)
            errors = {**wrong, **errors}
            if errors:
                return self._call_wallet_auto_topup_page(wallet, given=given, errors=errors)
        try:
            if action == "now":
                done = own.auto_topup_now(joined=True).sudo().sentence
            elif action == "off":
                own.set_auto_topup(False)
                done = request.env._("Automatic top-up was switched off.")
            else:
                own.set_auto_topup(True, **settings, accept_mandate=is_agreed)
                done = request.env._("Automatic top-up is on.")
        except UserError as error:
            return self._call_wallet_auto_topup_page(
                wallet, given=given if action == "on" else None, errors={"page": str(error)}
            )
        self._call_wallet_flash(done)
        return self._call_wallet_redirect(wallet, "" if back == "overview" else "auto")

    def _call_wallet_typed_settings(self, wallet, given):
        """Return the settings that somebody typed, with amounts as ``Decimal``, and what is wrong by field."""
        _ = request.env._
        labels = {"level": _("Level"), "amount": _("Amount"), "monthly_cap": _("Monthly cap")}
        settings, errors = dict(given), {}
        for name, label in labels.items():
            try:
                settings[name] = self._call_wallet_typed(wallet, given[name], label)
            except UserError as error:
                errors[name] = str(error)
        return settings, errors

    def _call_wallet_auto_topup_page(self, wallet, given=None, errors=None):
        charged, cap = wallet.auto_topup_charged, wallet._auto_topup_cap()
        return self._call_wallet_render(
            "call_wallet.portal_auto_topup",
            wallet,
            "auto",
            tokens=wallet._payment_tokens(),
            form=given or self._call_wallet_auto_topup_form(wallet),
            errors=errors or {},
            is_open=bool(given) or wallet.auto_topup_state != "on",
            charged=charged,
            cap=cap,
            used=min(100, int(charged * 100 / cap)) if cap else 0,
            attempts=wallet.auto_topup_ids[:SHOWN],
            currency=json.dumps({name: wallet.currency_id[name] for name in ("symbol", "position", "decimal_places")}),
            mandate=wallet.env["call.wallet.mandate"]._words(
                wallet,
                *(Markup('<b data-says="%s">…</b>') % name for name in ("level", "amount", "monthly_cap", "card")),
            ),
            is_due=wallet.auto_topup_state == "on"
            and wallet.available_balance < wallet.auto_topup_level
            and (not wallet.auto_topup_wait_until or wallet.auto_topup_wait_until < utcnow()),
            **self._call_wallet_charge_now_texts(wallet),
        )

    def _call_wallet_charge_now_texts(self, wallet):
        """Return what an owner is asked before the card is charged at once, and the text of the button that does it."""
        if wallet.auto_topup_state != "on":
            return {}
        total = self._call_wallet_format_money(wallet, wallet._quote_topup(wallet.auto_topup_amount).total, exact=False)
        question, answer = wallet._auto_topup_now_words(total)
        return {"now_question": question, "now_answer": answer}

    def _call_wallet_auto_topup_form(self, wallet):
        """Return the form's first values: the current settings, or a proposal.

        Amounts are in the wallet's currency with its decimal places, as the reader types them.
        """
        places = wallet.currency_id.decimal_places
        amount = wallet.auto_topup_amount or wallet._propose_auto_topup()
        level = wallet.auto_topup_level if wallet.auto_topup_monthly_cap else wallet.low_balance_threshold
        cap = wallet.auto_topup_monthly_cap or min(
            max(amount * 4, wallet._quote_topup(amount).total, level),
            wallet._company_amount("call_wallet_auto_topup_max", without_rate=amount * 4),
        )
        return {
            "level": self._call_wallet_format_plain(parse_amount(level), places),
            "amount": self._call_wallet_format_plain(parse_amount(amount), places),
            "monthly_cap": self._call_wallet_format_plain(parse_amount(cap), places),
            "token_id": str(wallet.auto_topup_token_id.id or wallet._payment_tokens()[:1].id or ""),
        }
