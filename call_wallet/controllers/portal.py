from datetime import datetime

from odoo import http
from odoo.addons.portal.controllers.portal import CustomerPortal
from odoo.addons.portal.controllers.portal import pager as portal_pager
from odoo.http import request
from odoo.tools import formatLang
from werkzeug.exceptions import NotFound

PER_PAGE = 20


class CallWalletPortal(CustomerPortal):
    """The customer's owners see their wallets here; nobody else sees anything."""

    def _prepare_home_portal_values(self, counters):
        values = super()._prepare_home_portal_values(counters)
        if "call_wallet_count" in counters:
            values["call_wallet_count"] = len(self._owned_wallets())
        return values

    def _owned_wallets(self):
        return request.env["call.wallet"].search([("owner_ids", "in", request.env.user.id)])

    # === WHAT EVERY BILLING PAGE USES === #

    def _own_wallet(self, wallet_id=None):
        """Return one of the user's own wallets (as superuser); the first unless one is named.

        :raise NotFound: the user owns no wallet, or not this one
        """
        wallets = self._owned_wallets()
        wallet = wallets.filtered(lambda own: own.id == wallet_id) if wallet_id else wallets[:1]
        if not wallet:
            raise NotFound()
        return wallet.sudo()

    def _render_billing(self, template, wallet, page, **values):
        """Render a page of a wallet inside ``call_wallet.portal_billing_layout``.

        :param wallet: what ``_own_wallet`` returned
        :param str page: which tab is the current one, such as ``"overview"``
        """
        return request.render(
            template,
            {
                **self._prepare_portal_layout_values(),
                "page_name": "call_wallet_billing",
                "billing_page": page,
                "wallet": wallet,
                "wallets": self._owned_wallets(),
                "money": lambda amount, exact=False: self._money(wallet, amount, exact),
                "moment": lambda value: self._moment(wallet, value),
                **values,
            },
        )

    # === OVERVIEW === #

    @http.route(
        [
            "/my/billing",
            "/my/billing/<int:wallet_id>",
            "/my/billing/<int:wallet_id>/page/<int:page>",
        ],
        type="http",
        auth="user",
        website=True,
    )
    def my_billing(self, wallet_id=None, page=1, **_unknown):
        """Show an owner's wallet: status, balance, transactions and invoices.

        Amounts are in the wallet's currency, times in its time zone.

        :param wallet_id: one of the user's own wallets; the first by default
        :return: the page; 404 for a user who owns no wallet, or not this one
        """
        wallet = self._own_wallet(wallet_id)
        return self._render_billing(
            "call_wallet.portal_my_billing", wallet, "overview", **self._overview_values(wallet, page)
        )

    def _overview_values(self, wallet, page):
        transactions = request.env["call.wallet.transaction"].sudo()
        pager = portal_pager(url=f"/my/billing/{wallet.id}", total=wallet.last_sequence, page=page, step=PER_PAGE)
        # By number, not by offset: the last page of a long ledger costs what the first does.
        newest = wallet.last_sequence - pager["offset"]
        return {
            "pager": pager,
            "transactions": transactions.search(
                [("wallet_id", "=", wallet.id), ("sequence", "<=", newest)],
                order="sequence desc",
                limit=PER_PAGE,
            ),
            "invoices": wallet.topup_ids.invoice_id.filtered(lambda move: move.state != "draft"),
        }

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

    def _moment(self, wallet, value: datetime):
        return request.env["ir.qweb.field.datetime"].value_to_html(value, {"tz_name": wallet.tz})
