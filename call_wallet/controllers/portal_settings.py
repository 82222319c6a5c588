from odoo import http
from odoo.exceptions import UserError
from odoo.http import request

from ..fields import parse_id
from ..models.call_wallet_billing_information import FIELDS, BillingInformationError
from .portal import CallWalletPortal


class CallWalletPortalSettings(CallWalletPortal):
    """What an owner can set: who is told, what invoices say, who else is an owner."""

    def _page(self, wallet, page=""):
        return request.redirect(f"/my/billing/{wallet.id}/{page}".rstrip("/"))

    # === NOTIFICATIONS === #

    @http.route(
        "/my/billing/<int:wallet_id>/notifications", type="http", auth="user", website=True, methods=["GET", "POST"]
    )
    def my_billing_notifications(self, wallet_id, **form):
        """Show and change who is told when the balance runs low, and from which balance on."""
        wallet = self._own_wallet(wallet_id)
        if request.httprequest.method == "POST":
            return self._save_notifications(wallet, form)
        return self._notifications_page(wallet)

    def _notifications_page(self, wallet, status=200, **typed):
        values = {
            "emails": wallet.recipient_ids.mapped("email"),
            "threshold": wallet.low_balance_threshold,
            "statement": wallet.monthly_statement,
        }
        return self._render_billing(
            "call_wallet.portal_billing_notifications",
            wallet,
            "notifications",
            status,
            **{"problems": {}, "threshold_problem": "", "ask_last": False, **values, **typed},
        )

    def _save_notifications(self, wallet, form):
        emails = [email.strip() for email in request.httprequest.form.getlist("emails")]
        emails += [email for email in form.get("new_email", "").replace(",", " ").replace(";", " ").split() if email]
        typed = {"emails": emails}
        if "threshold" in form:
            typed |= {"threshold": form["threshold"], "statement": bool(form.get("monthly_statement"))}
        problems, threshold_problem = wallet._recipient_problems(emails), ""
        # Its card on the overview asks for addresses alone.
        threshold = typed.get("threshold", wallet.low_balance_threshold)
        try:
            wallet._check_threshold(threshold)
        except UserError as error:
            threshold_problem = str(error)
        if not emails and not wallet.recipient_ids:
            problems = {"": request.env._("Enter at least one e-mail address.")}
        if problems or threshold_problem:
            return self._notifications_page(
                wallet, 422, problems=problems, threshold_problem=threshold_problem, **typed
            )
        if not emails and not form.get("confirm"):
            return self._notifications_page(wallet, ask_last=True, **typed)
        was_set_up = wallet.is_set_up
        # As the user, so that the note in the wallet's history is theirs.
        wallet.with_env(request.env).set_notifications(emails, threshold, typed.get("statement"))
        self._flash(request.env._("Notifications saved."))
        return self._page(wallet, "notifications" if was_set_up and emails else "")

    # === BILLING INFORMATION === #

    @http.route(
        "/my/billing/<int:wallet_id>/information", type="http", auth="user", website=True, methods=["GET", "POST"]
    )
    def my_billing_information(self, wallet_id, **form):
        """Show and change what invoices are addressed to."""
        wallet = self._own_wallet(wallet_id)
        if request.httprequest.method == "POST":
            return self._save_information(wallet, {name: form[name] for name in FIELDS if name in form})
        return self._information_page(wallet)

    def _save_information(self, wallet, values):
        try:
            wallet.with_env(request.env).set_billing_information(values)
        except BillingInformationError as error:
            return self._information_page(wallet, 422, typed=values, problems=error.problems)
        except UserError as error:
            request.env.cr.rollback()
            return self._information_page(wallet, 422, typed=values, problems={"": str(error)})
        self._flash(request.env._("Billing information saved. Invoices from now on carry it."))
        return self._page(wallet, "information")

    def _information_page(self, wallet, status=200, typed=None, problems=None):
        values = {**wallet.with_env(request.env).billing_information(), **(typed or {})}
        countries = request.env["res.country"].sudo().search([])
        country = countries.filtered(lambda one: str(one.id) == str(values["country_id"]))
        return self._render_billing(
            "call_wallet.portal_billing_information",
            wallet,
            "information",
            status,
            values=values,
            problems=problems or {},
            countries=countries,
            country=country,
            tax_id_label=request.env._("Tax ID"),
            is_self_owned=wallet._is_self_owned(),
        )

    # === PEOPLE === #

    @http.route("/my/billing/<int:wallet_id>/people", type="http", auth="user", website=True, methods=["GET", "POST"])
    def my_billing_people(self, wallet_id, add=None, remove=None, **_unknown):
        """Show who owns the wallet; give the role to a colleague, or take it."""
        wallet = self._own_wallet(wallet_id)
        problem = ""
        if request.httprequest.method == "POST":
            try:
                self._change_owners(wallet, add, remove)
            except UserError as error:
                problem = str(error)
            else:
                # Somebody who gave up the role finds no page here any more.
                still = wallet._is_owned_by(request.env.user)
                return self._page(wallet, "people") if still else request.redirect("/my")
        return self._render_billing(
            "call_wallet.portal_billing_people",
            wallet,
            "people",
            422 if problem else 200,
            owners=wallet.owner_ids,
            colleagues=wallet._colleagues() - wallet.owner_ids,
            problem=problem,
            is_self_owned=wallet._is_self_owned(),
        )

    def _change_owners(self, wallet, add, remove):
        wallet = wallet.with_env(request.env)
        if parse_id(add):
            wallet.add_owner(parse_id(add))
            self._flash(request.env._("The role was given."))
        elif parse_id(remove):
            wallet.remove_owner(parse_id(remove))
            self._flash(request.env._("The role was taken."))
