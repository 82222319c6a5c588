import json
from datetime import datetime
from decimal import Decimal
from urllib.parse import quote, unquote

from odoo import http
from odoo.addons.portal.controllers.portal import CustomerPortal
from odoo.http import request
from odoo.tools import formatLang
from werkzeug.exceptions import NotFound

from ..fields import parse_amount

PER_PAGE = 20
LATEST = 6
FLASH = "call_wallet_flash"
FLASH_SECONDS = 60


class CallWalletPortal(CustomerPortal):
    """The customer's owners see their wallets here; nobody else sees anything."""

    def _prepare_portal_layout_values(self):
        return {**super()._prepare_portal_layout_values(), "billing_summary": self._billing_summary}

    def _prepare_home_portal_values(self, counters):
        values = super()._prepare_home_portal_values(counters)
        if "call_wallet_count" in counters:
            values["call_wallet_count"] = len(self._owned_wallets())
        return values

    def _billing_summary(self):
        """Return the line on the portal's home page: one wallet's status and balance, or how many wallets."""
        wallets = self._owned_wallets()
        if len(wallets) > 1:
            return request.env._("%s wallets: balance, usage and invoices of your calls", len(wallets))
        if not wallets or not wallets.is_set_up:
            return request.env._("Balance, usage and invoices of your calls")
        return request.env._(
            "%(status)s, balance %(balance)s",
            status=self._state_label(wallets),
            balance=self._money(wallets, wallets.balance, exact=False),
        )

    def _state_label(self, wallet):
        return dict(wallet.balance_id._fields["state"]._description_selection(request.env))[wallet.state]

    def _owned_wallets(self):
        return request.env["call.wallet"]._owned_by(request.env.user)

    # === WHAT EVERY BILLING PAGE USES === #

    def _own_wallet(self, wallet_id=None):
        """Return one of the user's own wallets (as superuser); the first unless one is named.

        :raise NotFound: the user owns no wallet, or not this one
        """
        wallets = self._owned_wallets()
        wallet = wallets.filtered(lambda own: own.id == wallet_id) if wallet_id else wallets[:1]
        if not wallet:
            raise NotFound()
        return wallet.with_context(tz=wallet.tz)

    def _render_billing(self, template, wallet, page, status=200, **values):
        """Render a page of a wallet inside ``call_wallet.portal_billing_layout``.

        :param wallet: what ``_own_wallet`` returned
        :param str page: which tab is the current one, such as ``"overview"``
        """
        flash = unquote(request.cookies.get(FLASH, ""))
        if flash:
            self._flash("")
        response = request.render(template, self._billing_values(wallet, page, flash=flash, **values))
        response.status_code = status
        return response

    def _billing_values(self, wallet, page, **values):
        return {
            **self._prepare_portal_layout_values(),
            "page_name": "call_wallet_billing",
            "billing_page": page,
            "wallet": wallet,
            "wallets": self._owned_wallets(),
            "money": lambda amount, exact=False: self._money(wallet, amount, exact),
            "moment": lambda value: self._moment(wallet, value),
            "amount": parse_amount,
            "plain": self._plain,
            "today": wallet._today(),
            **values,
        }

    def _flash(self, message):
        """Show ``message`` once, on the next billing page.

        Not by the session: a request of the page before, such as a live one, would save it without the message.
        """
        seconds = FLASH_SECONDS if message else 0
        request.future_response.set_cookie(
            FLASH, quote(message), max_age=seconds, expires=None, path="/my/billing", httponly=True, samesite="Lax"
        )

    # === OVERVIEW === #

    @http.route(["/my/billing", "/my/billing/<int:wallet_id>"], type="http", auth="user", website=True)
    def my_billing(self, wallet_id=None, **_unknown):
        """Show an owner's wallet: status, balance, runway, spend, latest transactions and invoices.

        Amounts are in the wallet's currency, times in its time zone.

        :param wallet_id: one of the user's own wallets; the first by default
        :return: the page; 404 for a user who owns no wallet, or not this one
        """
        wallet = self._own_wallet(wallet_id)
        return self._render_billing(
            "call_wallet.portal_my_billing", wallet, "overview", **self._overview_values(wallet)
        )

    @http.route("/my/billing/<int:wallet_id>/live", type="jsonrpc", auth="user", website=True)
    def my_billing_live(self, wallet_id, watch=False):
        """Return the parts of the overview that change, for a page that is open.

        :param bool watch: also ask for messages on the bus for the next two minutes
        :return: ``{"html", "is_set_up"}``: elements marked ``data-live``, to put in place of the page's own
        :raise NotFound: not a wallet of the user
        """
        wallet = self._own_wallet(wallet_id)
        if watch:
            request.env["call.wallet.watch"]._renew(wallet.ids, by_owner=True)
        values = self._billing_values(wallet, "overview", **self._overview_values(wallet))
        html = request.env["ir.qweb"]._render("call_wallet.portal_billing_live", {**values, "request": request})
        return {"html": html, "is_set_up": wallet.is_set_up}

    @http.route("/my/billing/banner", type="jsonrpc", auth="user", website=True, readonly=True)
    def my_billing_banner(self):
        """Return the low-balance banners of the current user, for a page that is open."""
        banners = request.env["call.wallet"].low_balance_banners()
        return request.env["ir.qweb"]._render("call_wallet.portal_banners", {"banners": banners})

    @http.route("/my/billing/token", type="jsonrpc", auth="user", readonly=True)
    def my_billing_token(self):
        """Return the token for a form of the current session, for a page that is about to send one.

        Against forged requests it serves like the one in the page: other sites cannot read the answer.
        """
        return request.csrf_token()

    def _overview_values(self, wallet):
        if not wallet.is_set_up:
            return {"emails": [], "problems": {}, "pending": self._pending_invoices(wallet)}
        days = wallet._dashboard_days()
        spend = wallet._dashboard_spend(days)
        return {
            "days": days,
            "spend": spend,
            "spend_json": json.dumps({"spend": spend, "currency": wallet._dashboard_currency()}),
            "campaigns": wallet._dashboard_campaigns(days),
            "transactions": wallet.env["call.wallet.transaction"].search(
                [("wallet_id", "=", wallet.id)], order="sequence desc", limit=LATEST
            ),
            "invoices": self._invoices(wallet, limit=LATEST),
            "pending": self._pending_invoices(wallet),
        }

    def _invoices(self, wallet, domain=(), limit=None):
        """Return the invoices of the wallet's top-ups that are no drafts, the newest first."""
        topups = wallet.env["call.wallet.topup"].search(
            [("wallet_id", "=", wallet.id), ("invoice_id.state", "!=", "draft"), *domain], order="id desc", limit=limit
        )
        return topups.invoice_id

    def _pending_invoices(self, wallet):
        unpaid = [("invoice_id.state", "=", "posted"), ("invoice_id.payment_state", "in", ("not_paid", "partial"))]
        return self._invoices(wallet, unpaid).filtered(lambda move: move.call_wallet_status == "pending")

    # === HOW VALUES ARE SHOWN === #

    def _money(self, wallet, amount, exact):
        """Format an amount with its currency; ``exact``: with as many decimals as it has."""
        currency = wallet.currency_id
        decimals = len(f"{amount.normalize():f}".partition(".")[2]) if exact else 0
        number = formatLang(request.env, float(abs(amount)), digits=max(currency.decimal_places, decimals))
        text = f"{currency.symbol}\N{NO-BREAK SPACE}{number}"
        if currency.position == "after":
            text = f"{number}\N{NO-BREAK SPACE}{currency.symbol}"
        return f"-{text}" if amount < 0 else text

    def _plain(self, amount):
        """Return an amount as a number field takes it; what somebody typed as it is."""
        return f"{amount.normalize():f}" if isinstance(amount, Decimal) else amount

    def _moment(self, wallet, value: datetime):
        return request.env["ir.qweb.field.datetime"].value_to_html(value, {"tz_name": wallet.tz})
