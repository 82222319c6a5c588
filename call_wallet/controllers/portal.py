from datetime import datetime
from decimal import Decimal
from urllib.parse import quote, unquote

from odoo import http
from odoo.addons.portal.controllers.portal import CustomerPortal
from odoo.http import request
from odoo.tools import format_date, formatLang
from werkzeug.exceptions import NotFound

from ..tools.days import day_text
from ..tools.fields import notation, parse_amount, parse_typed
from ..tools.headers import forbid_storing
from ..tools.money import places_of, rounded

PER_PAGE = 20
FLASH = "call_wallet_flash"
FLASH_SECONDS = 60


class CallWalletPortal(CustomerPortal):
    """What all billing pages of the portal share. Only a wallet's owners see them; everybody else gets a 404.

    Odoo merges all subclasses of ``CustomerPortal`` in a database into one class, so the names of our own methods
    begin with ``_call_wallet_``: another addon's ``_order`` or ``_page`` must not replace ours, or ours theirs.
    """

    def _prepare_portal_layout_values(self):
        return {**super()._prepare_portal_layout_values(), "call_wallet_summary": self._call_wallet_summary}

    def _prepare_home_portal_values(self, counters):
        values = super()._prepare_home_portal_values(counters)
        if "call_wallet_count" in counters:
            values["call_wallet_count"] = len(self._call_wallet_owned_wallets(closed_too=True))
        return values

    def _call_wallet_summary(self):
        """Return the line on the portal's home page: the one wallet's status and balance, or how many wallets."""
        wallets = self._call_wallet_owned_wallets() or self._call_wallet_owned_wallets(closed_too=True)
        if wallets:
            forbid_storing()
        if len(wallets) > 1:
            return request.env._("%s wallets: balance, usage and invoices of your calls", len(wallets))
        if not wallets or not wallets.is_set_up:
            return request.env._("Balance, usage and invoices of your calls")
        return request.env._(
            "%(status)s, balance %(balance)s",
            status=self._call_wallet_state_label(wallets),
            balance=self._call_wallet_format_money(wallets, wallets.balance),
        )

    def _call_wallet_state_label(self, wallet):
        if not wallet.active:
            return request.env._("Closed")
        return dict(wallet.balance_id._fields["state"]._description_selection(request.env))[wallet.state]

    # === WALLETS === #

    def _call_wallet_owned_wallets(self, closed_too=False):
        return request.env["call.wallet"]._owned_by(request.env.user, closed_too)

    def _call_wallet_own_wallet(self, wallet_id=None, closed_too=False):
        """Return one of the user's own wallets, as superuser and in the wallet's time zone.

        :param wallet_id: which one; the first by default
        :param bool closed_too: a closed one as well, for pages that change nothing
        :raise NotFound: the user owns no wallet, or not this one
        """
        wallets = self._call_wallet_owned_wallets(closed_too)
        wallet = wallets.filtered(lambda own: own.id == wallet_id) if wallet_id else wallets[:1]
        if not wallet:
            raise NotFound()
        return wallet.with_context(tz=wallet.tz)

    # === PAGES === #

    def _call_wallet_render(self, template, wallet, page, status=200, **values):
        """Render a page of a wallet inside ``call_wallet.portal_billing_layout``.

        :param wallet: what ``_call_wallet_own_wallet`` returned
        :param str page: which tab is the current one, such as ``"overview"``
        :param int status: the HTTP status; 422 where something that was sent has to be corrected
        """
        flash = unquote(request.cookies.get(FLASH, ""))
        if flash:
            self._call_wallet_flash("")
        response = request.render(template, self._call_wallet_page_values(wallet, page, flash=flash, **values))
        response.status_code = status
        return response

    def _call_wallet_render_fragment(self, template, wallet, page, **values):
        """Render a part of a page, without the layout, for a page that is open. Parameters as for a page."""
        values = {**self._call_wallet_page_values(wallet, page, **values), "request": request}
        return request.env["ir.qweb"]._render(template, values)

    def _call_wallet_page_values(self, wallet, page, **values):
        return {
            **self._prepare_portal_layout_values(),
            "page_name": "call_wallet_billing",
            "billing_page": page,
            **self._call_wallet_place(wallet, page),
            "wallet": wallet,
            "wallets": self._call_wallet_owned_wallets(closed_too=True),
            "state_label": self._call_wallet_state_label(wallet),
            "money": lambda amount, exact=False: self._call_wallet_format_money(wallet, amount, exact),
            "total": lambda amount: self._call_wallet_format_sum(wallet, amount),
            "range_text": self._call_wallet_format_range,
            "day_text": lambda day, skeleton: day_text(request.env, day, skeleton),
            "moment": lambda value: self._call_wallet_format_moment(wallet, value),
            "amount": parse_amount,
            "plain": self._call_wallet_format_plain,
            "whole": self._call_wallet_format_whole,
            "number": self._call_wallet_format_number,
            "today": wallet._today(),
            **values,
        }

    def _call_wallet_place(self, wallet, page):
        """Return on which tab a page is, and the tab's pages: ``{"billing_tab", "billing_sections"}``.

        The sections are ``{page: title}``, those of a closed wallet without what would change it.
        """
        _ = request.env._
        tabs = {
            "usage": {"usage": _("Spend"), "transactions": _("Transactions"), "report": _("Usage report")},
            "invoices": {"invoices": _("Invoices"), "auto": _("Automatic top-up"), "cards": _("Saved cards")},
            "settings": {
                "notifications": _("Notifications"),
                "limits": _("Limits"),
                "information": _("Billing information"),
                "people": _("People"),
            },
        }
        tab = next((name for name, sections in tabs.items() if page in sections), page)
        sections = tabs.get(tab, {})
        if not wallet.active and tab == "invoices":
            sections = {"invoices": sections["invoices"]}
        return {"billing_tab": tab, "billing_sections": sections}

    def _call_wallet_redirect(self, wallet, page=""):
        """Redirect to a page of a wallet after a form was processed; to the overview by default."""
        return request.redirect(f"/my/billing/{wallet.id}/{page}".rstrip("/"), code=303)

    def _call_wallet_flash(self, message):
        """Show ``message`` once, on the next billing page.

        It travels in a cookie. In the session it could be lost: another request of the page that is open, such as
        one that fetches live figures, would save its own copy of the session without the message. Its path is the
        whole site: pages in another language than the site's begin with that language's code.
        """
        seconds = FLASH_SECONDS if message else 0
        request.future_response.set_cookie(
            FLASH, quote(message), max_age=seconds, expires=None, path="/", httponly=True, samesite="Lax"
        )

    @http.route("/my/billing/token", type="jsonrpc", auth="user", readonly=True)
    def my_billing_token(self):
        """Return a token of the current session for a page that is about to send a form.

        It protects against forged requests as well as the token in the page does: other sites cannot read the answer.
        """
        return request.csrf_token()

    # === FORMATS === #

    def _call_wallet_format_money(self, wallet, amount, exact=False):
        """Format an amount in the wallet's currency, with its symbol.

        :param exact: show every decimal place that the amount has, not only those of the currency
        """
        return wallet._format_amount(amount, exact=exact)

    def _call_wallet_format_sum(self, wallet, amount):
        """Format a sum of charges as the currency is paid; exactly, where nothing of it would be left."""
        is_left = rounded(amount, wallet.currency_id.decimal_places) or not amount
        return self._call_wallet_format_money(wallet, amount, exact=not is_left)

    def _call_wallet_format_range(self, first, last):
        """Format a range of days, or the one that it is."""
        days = [format_date(request.env, day) for day in dict.fromkeys((first, last))]
        return " – ".join(days)

    def _call_wallet_format_plain(self, amount, places=0):
        """Return a ``Decimal`` as the reader types it; anything else, which somebody typed, unchanged.

        :param int places: show at least so many decimals
        """
        if not isinstance(amount, Decimal):
            return amount
        text = notation(request.env).write(amount)
        decimals = len(text.partition(notation(request.env).point)[2])
        return f"{amount:.{places}f}".replace(".", notation(request.env).point) if decimals < places else text

    def _call_wallet_format_whole(self, number):
        """Format a whole number, such as minutes."""
        return formatLang(request.env, number, digits=0)

    def _call_wallet_format_number(self, number):
        """Format a ``Decimal`` with up to two decimals, such as minutes that are no whole ones."""
        return formatLang(request.env, float(number), digits=min(places_of(number), 2))

    def _call_wallet_typed(self, wallet, value, label):
        """Return an amount that somebody typed in the wallet's currency; what is empty as it is.

        :raise UserError: no amount, or one that can be read in two ways
        """
        return parse_typed(value, label, request.env, wallet.currency_id.decimal_places)

    def _call_wallet_format_moment(self, wallet, value: datetime):
        """Format a moment in UTC in the wallet's time zone."""
        options = {"tz_name": wallet.tz, "hide_seconds": True}
        return request.env["ir.qweb.field.datetime"].value_to_html(value, options)
