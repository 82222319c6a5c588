import json

from odoo import http
from odoo.http import request

from .portal_topup import CallWalletPortalTopup
from .portal_topup_invoices import CallWalletPortalTopupInvoices

LATEST = 6


class CallWalletPortalDashboard(CallWalletPortalTopup, CallWalletPortalTopupInvoices):
    """The overview of a wallet, which keeps itself up to date. A payment leads back to it and shows its result."""

    @http.route(["/my/billing", "/my/billing/<int:wallet_id>"], type="http", auth="user", website=True)
    def my_billing(self, wallet_id=None, topup=None, **_unknown):
        """Show an owner's wallet: status, balance, runway, spend, latest transactions and invoices.

        Amounts are in the wallet's currency, times in its time zone.

        :param wallet_id: one of the user's own wallets; the first by default
        :param topup: the id of a top-up whose payment led back here; its result is shown above the overview
        :return: the page; after a payment that failed, a redirection to its top-up, to try another way; 404 for a user
            who owns no wallet, or not this one
        """
        wallet = self._call_wallet_own_wallet(wallet_id, closed_too=True)
        paid = self._call_wallet_returned_topup(wallet, topup)
        if self._call_wallet_awaited_transfer(paid):
            # Its details are shown; Stripe is asked for them before anything is written.
            request.env["call.wallet.stripe.customer"].sudo()._bank_details(wallet)
        # First the payment, so that the figures are those after it.
        self._call_wallet_finish_payment(paid)
        result = self._call_wallet_topup_result(paid) if paid else None
        if result and result["state"] == "declined" and wallet.active and paid.invoice_status == "pending":
            return request.redirect(self._call_wallet_pay_path(paid), code=303)
        values = self._call_wallet_overview_values(wallet)
        if result and result["state"] == "transfer":
            values |= self._call_wallet_transfer_values(paid)
        return self._call_wallet_render("call_wallet.portal_my_billing", wallet, "overview", result=result, **values)

    @http.route("/my/billing/<int:wallet_id>/live", type="jsonrpc", auth="user", website=True)
    def my_billing_live(self, wallet_id, watch=False):
        """Return the parts of the overview that change, for a page that is open.

        :param bool watch: also ask for messages on the bus for the next two minutes
        :return: ``{"html", "is_set_up"}``: elements marked ``data-live``, to put in place of the page's own
        :raise NotFound: not a wallet of the user
        """
        wallet = self._call_wallet_own_wallet(wallet_id, closed_too=True)
        if watch:
            request.env["call.wallet.watch"]._renew(wallet.ids, by_owner=True)
        values = self._call_wallet_overview_values(wallet)
        html = self._call_wallet_render_fragment("call_wallet.portal_billing_live", wallet, "overview", **values)
        return {"html": html, "is_set_up": wallet.is_set_up}

    def _call_wallet_overview_values(self, wallet):
        """Return what the overview shows; for a wallet that is not set up, what its first steps show."""
        if wallet.active and not wallet.is_set_up:
            return {"emails": [], "problems": {}}
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
            "invoices": wallet._invoices_of_a_page(LATEST),
            **self._call_wallet_unpaid(wallet),
            "auto_off": self._call_wallet_auto_off_words(),
        }

    def _call_wallet_auto_off_words(self):
        """Return what an owner is asked before automatic top-up is switched off."""
        _ = request.env._
        return {
            "title": _("Switch off automatic top-up?"),
            "question": _("The balance is not topped up any more, and calls stop when it is used up."),
            "answer": _("Switch off"),
        }
