from odoo import http
from odoo.exceptions import UserError
from odoo.http import request

from .portal import CallWalletPortal


class CallWalletPortalNotices(CallWalletPortal):
    """Who gets a mail when the balance runs low, and the banner that says so on every page."""

    @http.route("/my/billing/banner", type="jsonrpc", auth="user", website=True, readonly=True)
    def my_billing_banner(self):
        """Return the low-balance banners of the current user as HTML, for a page that is open."""
        banners = request.env["call.wallet"].low_balance_banners()
        return request.env["ir.qweb"]._render("call_wallet.portal_banners", {"banners": banners})

    @http.route(
        "/my/billing/<int:wallet_id>/notifications", type="http", auth="user", website=True, methods=["GET", "POST"]
    )
    def my_billing_notifications(self, wallet_id, **form):
        """Show and change who gets a mail when the balance runs low, below which balance, and the monthly statement.

        The threshold is in the wallet's currency. Removing the last recipient asks once more.

        :return: the page, with 422 and the problems where something is wrong; a redirection when it is saved; 404 for
            whoever does not own this wallet
        """
        wallet = self._call_wallet_own_wallet(wallet_id)
        if request.httprequest.method == "POST":
            return self._call_wallet_save_notifications(wallet, form)
        return self._call_wallet_notifications_page(wallet)

    def _call_wallet_notifications_page(self, wallet, status=200, **typed):
        values = {
            "emails": wallet.recipient_ids.mapped("email"),
            "threshold": wallet.low_balance_threshold,
            "statement": wallet.monthly_statement,
        }
        return self._call_wallet_render(
            "call_wallet.portal_billing_notifications",
            wallet,
            "notifications",
            status,
            **{"problems": {}, "threshold_problem": "", "ask_last": False, **values, **typed},
        )

    def _call_wallet_save_notifications(self, wallet, form):
        emails = [email.strip() for email in request.httprequest.form.getlist("emails")]
        emails += [email for email in form.get("new_email", "").replace(",", " ").replace(";", " ").split() if email]
        typed = {"emails": emails}
        if "threshold" in form:
            typed |= {"threshold": form["threshold"], "statement": bool(form.get("monthly_statement"))}
        problems, threshold_problem = wallet._recipient_problems(emails), ""
        # The form on the overview of a new wallet asks for addresses only.
        threshold = typed.get("threshold", wallet.low_balance_threshold)
        try:
            threshold = self._call_wallet_typed(wallet, threshold, request.env._("Threshold"))
            wallet._check_threshold(threshold)
        except UserError as error:
            threshold_problem = str(error)
        if not emails and not wallet.recipient_ids:
            problems = {"": request.env._("Enter at least one e-mail address.")}
        if problems or threshold_problem:
            return self._call_wallet_notifications_page(
                wallet, 422, problems=problems, threshold_problem=threshold_problem, **typed
            )
        if not emails and not form.get("confirm"):
            return self._call_wallet_notifications_page(wallet, ask_last=True, **typed)
        was_set_up = wallet.is_set_up
        # As the user, who then is the author of the note in the wallet's history.
        wallet.with_env(request.env).set_notifications(emails, threshold, typed.get("statement"))
        self._call_wallet_flash(request.env._("Notifications saved."))
        return self._call_wallet_redirect(wallet, "notifications" if was_set_up and emails else "")
