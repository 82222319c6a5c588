import logging
from uuid import uuid4

from odoo import http
from odoo.addons.account_payment.controllers.portal import PortalAccount
from odoo.exceptions import UserError
from odoo.http import request
from psycopg2 import OperationalError
from werkzeug.exceptions import NotFound

from ..fields import ZERO, parse_id
from .portal import CallWalletPortal

_logger = logging.getLogger(__name__)

# What `payment.form` shows; the rest of the invoice page's values is not ours.
PAYMENT_VALUES = (
    "access_token",
    "availability_report",
    "company_mismatch",
    "currency",
    "expected_company",
    "partner_id",
    "payment_methods_sudo",
    "payment_reference",
    "providers_sudo",
    "show_tokenize_input_mapping",
    "tokens_sudo",
    "transaction_route",
)
OTHER = "other"


class CallWalletPortalAddBalance(CallWalletPortal, PortalAccount):
    """Adding balance: an amount, the terms, the invoice, its payment, and what came of it.

    The browser says an amount and a choice; price, tax, customer and currency are decided here. Each step is
    a page, and the same content in the dialog where the browser runs our scripts.
    """

    # === AMOUNT AND TERMS === #

    @http.route("/my/billing/<int:wallet_id>/add", type="http", auth="user", website=True, methods=["GET", "POST"])
    def my_billing_add(self, wallet_id, **form):
        """Show the amounts to choose from; order the one that was chosen, and lead to its payment.

        Amounts are in the wallet's currency, net of tax.

        :return: the page; a redirection to the payment of the top-up, or to what has to be set up first; 404
            for whoever does not own this wallet
        """
        wallet = self._own_wallet(wallet_id)
        if not wallet.is_set_up:
            self._flash(request.env._("Say first who should be told when the balance runs low; then add balance."))
            return request.redirect(f"/my/billing/{wallet.id}/notifications")
        # Not "GET": a browser's other questions about the page, such as HEAD, order nothing either.
        if request.httprequest.method != "POST":
            return self._render_billing("call_wallet.portal_add_balance", wallet, "add", **self._offer(wallet, form))
        topup, problems = self._order(wallet, form)
        if topup:
            return request.redirect(self._pay_path(topup), code=303)
        values = self._offer(wallet, form, problems)
        return self._render_billing("call_wallet.portal_add_balance", wallet, "add", 422, **values)

    @http.route("/my/billing/<int:wallet_id>/add/form", type="jsonrpc", auth="user", website=True)
    def my_billing_add_form(self, wallet_id):
        """Return the content of the Add Balance dialog.

        :return: ``{"html"}``, or ``{"redirect"}`` where something has to be set up first
        :raise NotFound: not a wallet of the user
        """
        wallet = self._own_wallet(wallet_id)
        if not wallet.is_set_up:
            return {"redirect": f"/my/billing/{wallet.id}/add"}
        return {"html": self._fragment("call_wallet.portal_add_balance_form", wallet, **self._offer(wallet, {}))}

    @http.route("/my/billing/<int:wallet_id>/add/quote", type="jsonrpc", auth="user", website=True, readonly=True)
    def my_billing_add_quote(self, wallet_id, amount=""):
        """Return the purchase summary of an amount.

        :param str amount: net of tax, in the wallet's currency
        :return: ``{"html", "problem"}``; the problem is empty where the amount can be ordered
        :raise NotFound: not a wallet of the user
        """
        wallet = self._own_wallet(wallet_id)
        summary = self._summary(wallet, amount)
        html = self._fragment("call_wallet.portal_topup_summary", wallet, summary=summary)
        return {"html": html, "problem": summary.get("problem", "")}

    @http.route("/my/billing/<int:wallet_id>/add/order", type="jsonrpc", auth="user", website=True)
    def my_billing_add_order(self, wallet_id, **form):
        """Order a top-up from the dialog.

        :param form: ``package`` (an amount, or ``other``), ``other_amount``, ``accept_terms``, ``terms_id``,
            ``request_key``; anything else is not looked at
        :return: ``{"problems": {field: sentence}}``, or ``{"redirect", "html"}``: the payment's page, and its content;
            no content where nothing is left to pay
        :raise NotFound: not a wallet of the user
        """
        wallet = self._own_wallet(wallet_id)
        topup, problems = self._order(wallet, form)
        if problems:
            return {"problems": problems}
        if topup.invoice_status != "pending":
            return {"redirect": self._result_path(topup)}
        html = self._fragment("call_wallet.portal_topup_pay_form", wallet, **self._pay_values(topup))
        return {"redirect": self._pay_path(topup), "html": html}

    def _offer(self, wallet, form, problems=None):
        packages = self._packages(wallet)
        best = packages.filtered("is_recommended")[:1] or packages[:1]
        asked = form.get("amount")
        chosen = form.get("package") or (OTHER if asked or not best else self._plain(best.amount))
        other = form.get("other_amount") or asked or ""
        summary = self._summary(wallet, other if chosen == OTHER else chosen)
        return {
            "packages": packages,
            "chosen": chosen,
            "other_amount": other,
            "accepts": form.get("accept_terms") == "on",
            "terms": request.env["call.wallet.terms"]._current(),
            "request_key": uuid4().hex,
            "summary": summary,
            "outstanding": wallet._outstanding_credit(),
            "problems": problems or {},
            "lowest": wallet.company_id.call_wallet_topup_min,
            "highest": wallet.company_id.call_wallet_topup_max,
        }

    def _packages(self, wallet):
        """Return the amounts to choose from that may be ordered."""
        company = wallet.company_id
        packages = wallet.env["call.wallet.package"].search([("currency_id", "=", wallet.currency_id.id)])
        return packages.filtered(
            lambda package: company.call_wallet_topup_min <= package.amount <= company.call_wallet_topup_max
        )

    def _summary(self, wallet, amount):
        """Return what an amount costs and buys, or what is wrong with it; empty for no amount."""
        if amount in ("", None):
            return {}
        try:
            amount = wallet._check_topup(amount, True)
            wallet._check_topup_limits(amount)
        except UserError as error:
            return {"problem": str(error)}
        quote = wallet._quote_topup(amount)
        credit = min(wallet._outstanding_credit(), quote.total)
        return {
            "amount": amount,
            "tax": quote.tax,
            "total": quote.total,
            "credit": credit,
            "due": quote.total - credit,
            "minutes": wallet._estimate_minutes(amount),
        }

    def _order(self, wallet, form):
        """Return (top-up, problems by field): one of them is empty."""
        _ = request.env._
        amount = form.get("other_amount") if form.get("package") in (OTHER, None, "") else form["package"]
        problems = {}
        try:
            wallet._check_topup(amount or 0, True)
        except UserError as error:
            problems["amount"] = str(error) if amount else _("Amount: choose a package or enter another amount.")
        terms = request.env["call.wallet.terms"]._current()
        if form.get("accept_terms") not in ("on", True):
            problems["accept_terms"] = _("Terms: acknowledge that funds are invoiced and non-refundable.")
        elif str(form.get("terms_id")) != str(terms.id):
            problems["accept_terms"] = _("Terms: there is a new version. Open Add Balance again and read it.")
        if problems:
            return None, problems
        own = wallet.with_env(request.env)
        try:
            # Nothing of a top-up stays whose invoice could not be made.
            with request.env.cr.savepoint():
                topup = own.create_topup(amount, accept_terms=True, request_key=form.get("request_key") or None)
        except UserError as error:
            return None, {"": str(error)}
        self._use_credit(topup)
        return topup.sudo(), {}

    def _use_credit(self, topup):
        """Pay a top-up with what the customer has paid and not used, unless it is being paid just now."""
        if topup.outstanding_credit and not topup.sudo().invoice_id._call_wallet_not_payable():
            topup.apply_outstanding_credit()

    # === PAYMENT === #

    @http.route("/my/billing/<int:wallet_id>/pay/<int:topup_id>", type="http", auth="user", website=True)
    def my_billing_pay(self, wallet_id, topup_id, **_unknown):
        """Show the ways to pay a top-up's invoice.

        :return: the page; what came of it where nothing is left to pay; 404 for another wallet's top-up
        """
        wallet = self._own_wallet(wallet_id)
        topup = self._own_topup(wallet, topup_id)
        if topup.invoice_status != "pending":
            return request.redirect(self._result_path(topup))
        return self._render_billing("call_wallet.portal_topup_pay", wallet, "pay", **self._pay_values(topup))

    @http.route(
        "/my/billing/<int:wallet_id>/pay/<int:topup_id>/credit",
        type="http",
        auth="user",
        website=True,
        methods=["POST"],
    )
    def my_billing_pay_credit(self, wallet_id, topup_id, **_unknown):
        """Pay a top-up with what the customer has paid and not used; then go on with what is left to pay.

        :return: a redirection to the payment's page; 404 for another wallet's top-up
        """
        wallet = self._own_wallet(wallet_id)
        topup = self._own_topup(wallet, topup_id)
        self._use_credit(topup.with_env(request.env))
        return request.redirect(self._pay_path(topup), code=303)

    def _pay_values(self, topup):
        """Return what the payment step shows: Odoo's own payment form, for this invoice."""
        invoice = topup.invoice_id
        page = self._invoice_get_page_view_values(invoice, invoice._portal_ensure_token(), payment=True)
        refusal = invoice._call_wallet_not_payable()
        if not refusal and "providers_sudo" not in page:
            refusal = request.env._("This invoice cannot be paid online just now. Try again in a moment.")
        values = {name: page[name] for name in PAYMENT_VALUES if name in page}
        return {
            **values,
            "topup": topup,
            "invoice": invoice,
            "refusal": refusal,
            "transfer": self._transfer(topup),
            "bank_rows": [] if refusal else topup._bank_instructions_stripe(),
            "amount": invoice.amount_residual,
            "credit": ZERO if refusal else topup.outstanding_credit,
            "landing_route": self._result_path(topup),
            "call_wallet_pays": True,
        }

    def _transfer(self, topup):
        """Return the bank transfer that was chosen for a top-up and is awaited, if any."""
        if topup.invoice_status != "pending":
            return topup.env["payment.transaction"]
        last = topup.invoice_id.transaction_ids.sorted("id")[-1:]
        return last.filtered(lambda one: one.provider_code == "custom" and one.state == "pending")

    # === WHAT CAME OF IT === #

    def _overview_values(self, wallet):
        """Tell what came of a payment: it returns to the overview with the top-up's number."""
        topup = wallet.env["call.wallet.topup"]
        topup_id = parse_id(request.params.get("topup"))
        if request.httprequest.method == "GET" and topup_id:
            topup = topup.search(
                [("id", "=", topup_id), ("wallet_id", "=", wallet.id), ("invoice_id.state", "!=", "draft")]
            )
            self._finish_payment(topup)
        values = super()._overview_values(wallet)
        return {**values, "result": self._result(topup) if topup else None}

    def _finish_payment(self, topup):
        """Process a result that Odoo's status page did not: it knows the payment by the session alone.

        A request at the same time may have saved that session without it.
        """
        left = topup.invoice_id.transaction_ids.filtered(
            lambda one: one.state == "done" and one.operation != "refund" and not one.is_post_processed
        )
        for transaction in left:
            try:
                with request.env.cr.savepoint():
                    transaction._call_wallet_process_left()
            except OperationalError:  # somebody else is at it; the page follows the balance
                _logger.info("Payment %s is being worked on.", transaction.reference)

    def _result(self, topup):
        """Return a top-up and its state in the customer's eyes."""
        last = topup.invoice_id.transaction_ids.filtered(lambda one: one.operation != "refund").sorted("id")[-1:]
        if topup.state in ("paid", "cancelled"):
            state = topup.state
        elif self._transfer(topup):
            state = "transfer"
        elif last.state in ("error", "cancel"):
            state = "declined"
        elif last.state in ("pending", "authorized", "done"):
            state = "processing"
        else:
            state = topup.state
        return {"topup": topup, "invoice": topup.invoice_id, "state": state, "last": last, "transfer": last}

    # === SHORT WAYS === #

    def _own_topup(self, wallet, topup_id):
        topup = wallet.env["call.wallet.topup"].search([("id", "=", topup_id), ("wallet_id", "=", wallet.id)])
        if topup.invoice_id.state in (False, "draft"):
            raise NotFound()
        return topup

    def _fragment(self, template, wallet, **values):
        values = {**self._billing_values(wallet, "add", **values), "request": request}
        return request.env["ir.qweb"]._render(template, values)

    def _pay_path(self, topup):
        return f"/my/billing/{topup.wallet_id.id}/pay/{topup.id}"

    def _result_path(self, topup):
        return f"/my/billing/{topup.wallet_id.id}?topup={topup.id}"
