from odoo import http
from odoo.exceptions import UserError
from odoo.http import request

from ..models.customer.call_wallet import FIELDS, BillingInformationError
from ..tools.fields import parse_id
from .portal import CallWalletPortal


class CallWalletPortalCustomer(CallWalletPortal):
    """The customer behind a wallet: what its invoices are addressed to, and which colleagues are owners."""

    # === BILLING INFORMATION === #

    @http.route(
        "/my/billing/<int:wallet_id>/information", type="http", auth="user", website=True, methods=["GET", "POST"]
    )
    def my_billing_information(self, wallet_id, **form):
        """Show and change the name, address and tax number that invoices carry, and where they are mailed.

        :return: the page, with 422 and the problems by field where something is wrong; a redirection when it is saved;
            404 for whoever does not own this wallet
        """
        wallet = self._call_wallet_own_wallet(wallet_id)
        if request.httprequest.method == "POST":
            return self._call_wallet_save_information(wallet, {name: form[name] for name in FIELDS if name in form})
        return self._call_wallet_information_page(wallet)

    def _call_wallet_save_information(self, wallet, values):
        try:
            # Odoo refuses some values, such as a tax ID, only after it has written them.
            with request.env.cr.savepoint():
                wallet.with_env(request.env).set_billing_information(values)
        except BillingInformationError as error:
            return self._call_wallet_information_page(wallet, 422, typed=values, problems=error.problems)
        except UserError as error:
            return self._call_wallet_information_page(wallet, 422, typed=values, problems={"": str(error)})
        self._call_wallet_flash(request.env._("Billing information saved. Invoices from now on carry it."))
        return self._call_wallet_redirect(wallet, "information")

    def _call_wallet_information_page(self, wallet, status=200, typed=None, problems=None):
        values = {**wallet.with_env(request.env).billing_information(), **(typed or {})}
        countries = request.env["res.country"].sudo().search([])
        country = countries.filtered(lambda one: str(one.id) == str(values["country_id"]))
        return self._call_wallet_render(
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
        """Show who owns the wallet; make a colleague an owner, or take the role away.

        :param add: the id of the user who becomes an owner
        :param remove: the id of the user who is no longer one
        :return: the page; a redirection after a change; 404 for whoever does not own this wallet
        """
        wallet = self._call_wallet_own_wallet(wallet_id)
        problem = ""
        if request.httprequest.method == "POST":
            try:
                self._call_wallet_change_owners(wallet, add, remove)
            except UserError as error:
                problem = str(error)
            else:
                # Whoever has given up the role may not see this page any more.
                still = wallet._is_owned_by(request.env.user)
                return self._call_wallet_redirect(wallet, "people") if still else request.redirect("/my")
        return self._call_wallet_render(
            "call_wallet.portal_billing_people",
            wallet,
            "people",
            422 if problem else 200,
            owners=wallet.current_owner_ids,
            colleagues=wallet._colleagues() - wallet.owner_ids,
            problem=problem,
            is_self_owned=wallet._is_self_owned(),
        )

    def _call_wallet_change_owners(self, wallet, add, remove):
        wallet = wallet.with_env(request.env)
        if parse_id(add):
            wallet.add_owner(parse_id(add))
            self._call_wallet_flash(request.env._("The role was given."))
        elif parse_id(remove):
            wallet.remove_owner(parse_id(remove))
            self._call_wallet_flash(request.env._("The role was taken."))
