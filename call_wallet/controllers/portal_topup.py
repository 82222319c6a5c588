import logging
from uuid import uuid4

from odoo import http
from odoo.addons.account_payment.controllers.portal import PortalAccount
from odoo.exceptions import UserError
from odoo.http import request
from psycopg2 import OperationalError
from werkzeug.exceptions import NotFound

from ..tools.fields import ZERO, parse_amount, parse_id
from ..tools.transfer_message import own_words
from .portal import CallWalletPortal

_logger = logging.getLogger(__name__)

# The values of Odoo's invoice page that `payment.form` shows. Its other values would overwrite ours.
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
# The ways to pay by card, the best first; the last is Odoo's demo provider.
CARDS = ("card", "demo")


class CallWalletPortalTopup(CallWalletPortal, PortalAccount):
    """Adding balance: an amount, the terms, the invoice, its payment, and the result.

    The browser sends an amount and a choice; price, tax, customer and currency are decided here. Each step is a page;
    where the browser runs our scripts, a dialog shows the same content.
    """

    # === AMOUNT AND TERMS === #

    @http.route("/my/billing/<int:wallet_id>/add", type="http", auth="user", website=True, methods=["GET", "POST"])
    def my_billing_add(self, wallet_id, **form):
        """Show the amounts to choose from; order the one that was chosen, and lead to its payment.

        Amounts are in the wallet's currency, net of tax.

        :return: the page; a redirection to the payment of the top-up, or to what has to be set up first; 404
            for whoever does not own this wallet
        """
        wallet = self._call_wallet_own_wallet(wallet_id)
        if not wallet.is_set_up:
            self._call_wallet_flash(
                request.env._("Say first who should be told when the balance runs low; then add balance.")
            )
            return request.redirect(f"/my/billing/{wallet.id}/notifications")
        # Only POST orders: neither GET nor a browser's other methods, such as HEAD, may.
        if request.httprequest.method != "POST":
            offer = self._call_wallet_topup_offer(wallet, form)
            return self._call_wallet_render("call_wallet.portal_add_balance", wallet, "add", **offer)
        topup, problems = self._call_wallet_order_topup(wallet, form)
        if topup:
            return request.redirect(self._call_wallet_pay_path(topup), code=303)
        values = self._call_wallet_topup_offer(wallet, form, problems)
        return self._call_wallet_render("call_wallet.portal_add_balance", wallet, "add", 422, **values)

    @http.route("/my/billing/<int:wallet_id>/add/form", type="jsonrpc", auth="user", website=True)
    def my_billing_add_form(self, wallet_id):
        """Return the content of the Add Balance dialog.

        :return: ``{"html"}``, or ``{"redirect"}`` where something has to be set up first
        :raise NotFound: not a wallet of the user
        """
        wallet = self._call_wallet_own_wallet(wallet_id)
        if not wallet.is_set_up:
            return {"redirect": f"/my/billing/{wallet.id}/add"}
        offer = self._call_wallet_topup_offer(wallet, {})
        return {
            "html": self._call_wallet_render_fragment("call_wallet.portal_add_balance_form", wallet, "add", **offer)
        }

    @http.route("/my/billing/<int:wallet_id>/add/quote", type="jsonrpc", auth="user", website=True, readonly=True)
    def my_billing_add_quote(self, wallet_id, amount="", package=""):
        """Return the purchase summary of an amount.

        :param str amount: net of tax, in the wallet's currency; as people type it in their language
        :param str package: instead of it, the amount of a package: a decimal string
        :return: ``{"html", "problem"}``; the problem is empty where the amount can be ordered
        :raise NotFound: not a wallet of the user
        """
        wallet = self._call_wallet_own_wallet(wallet_id)
        summary = self._call_wallet_topup_summary(wallet, amount, package)
        html = self._call_wallet_render_fragment("call_wallet.portal_topup_summary", wallet, "add", summary=summary)
        return {"html": html, "problem": summary.get("problem", "")}

    @http.route("/my/billing/<int:wallet_id>/add/order", type="jsonrpc", auth="user", website=True)
    def my_billing_add_order(self, wallet_id, **form):
        """Order a top-up from the dialog.

        :param form: ``package`` (an amount, or ``other``), ``other_amount``, ``accept_terms``, ``terms_id``,
            ``terms_lang`` (in which they were shown), ``request_key``; anything else is not looked at
        :return: ``{"problems": {field: sentence}}``, or ``{"redirect", "html"}``: the payment's page, and its content;
            no content where nothing is left to pay
        :raise NotFound: not a wallet of the user
        """
        wallet = self._call_wallet_own_wallet(wallet_id)
        # The payment's page shows them; Stripe is asked before anything is written.
        request.env["call.wallet.stripe.customer"].sudo()._bank_details(wallet)
        topup, problems = self._call_wallet_order_topup(wallet, form)
        if problems:
            return {"problems": problems}
        if topup.invoice_status != "pending":
            return {"redirect": self._call_wallet_result_path(topup)}
        values = self._call_wallet_pay_values(topup)
        html = self._call_wallet_render_fragment("call_wallet.portal_topup_pay_form", wallet, "add", **values)
        return {"redirect": self._call_wallet_pay_path(topup), "html": html}

    def _call_wallet_topup_offer(self, wallet, form, problems=None):
        packages = self._call_wallet_topup_packages(wallet)
        best = packages.filtered("is_recommended")[:1] or packages[:1]
        asked = form.get("amount")
        chosen = form.get("package") or (OTHER if asked or not best else decimal_string(best.amount))
        other = form.get("other_amount") or self._call_wallet_linked_amount(wallet, asked)
        summary = self._call_wallet_topup_summary(wallet, other, "" if chosen == OTHER else chosen)
        return {
            "packages": packages,
            "decimal_string": decimal_string,
            "chosen": chosen,
            "other_amount": other,
            "accepts": form.get("accept_terms") == "on",
            "terms": request.env["call.wallet.terms"]._current()._shown(),
            "request_key": uuid4().hex,
            "summary": summary,
            "outstanding": wallet._outstanding_credit(),
            "problems": problems or {},
            "bounds": self._call_wallet_topup_bounds(wallet),
            **self._call_wallet_unpaid(wallet),
        }

    def _call_wallet_unpaid(self, wallet):
        """Return invoices that wait for a payment, so that nobody orders twice, and those whose payment is known."""
        # One whose payment bounced has nothing left to pay for Odoo; finance is told.
        pending = wallet._invoices_of_a_page(None, status="pending")
        unpaid = pending.filtered(lambda invoice: invoice.payment_state in ("not_paid", "partial"))
        processing = unpaid.filtered(lambda invoice: invoice._call_wallet_is_being_paid())
        return {"processing": processing, "pending": unpaid - processing}

    def _call_wallet_topup_bounds(self, wallet):
        """Return the smallest and the largest amount; nothing where there is no rate, which the order itself says."""
        try:
            return wallet._topup_bounds()
        except UserError:
            return ()

    def _call_wallet_linked_amount(self, wallet, asked):
        """Return the amount in a link's address, ``1234.5``, as the reader types it; else as it stands there."""
        try:
            amount = parse_amount(asked or None, "amount", request.env)
            return self._call_wallet_format_plain(amount, wallet.currency_id.decimal_places) if asked else ""
        except UserError:
            return asked

    def _call_wallet_topup_packages(self, wallet):
        """Return the amounts to choose from that may be ordered, and paid."""
        providers, bounds = wallet.env["payment.provider"], self._call_wallet_topup_bounds(wallet)
        packages = wallet.env["call.wallet.package"].search([("currency_id", "=", wallet.currency_id.id)])
        return packages.filtered(
            lambda package: (
                (not bounds or bounds[0] <= package.amount <= bounds[1])
                and not providers._call_wallet_amount_problem(wallet, package.amount)
            )
        )

    def _call_wallet_topup_summary(self, wallet, amount, package=""):
        """Return what an amount costs and buys, or what is wrong with it; empty for no amount.

        Amounts are ``Decimal`` in the wallet's currency: ``amount`` net of tax, ``total`` with tax, ``credit`` what
        the customer has paid and not used, ``due`` what is left to pay. ``minutes`` by call type.

        :param amount: as it was typed
        :param package: instead of it, the amount of a package
        """
        if amount in ("", None) and not package:
            return {}
        try:
            amount = package or self._call_wallet_typed(wallet, amount, request.env._("Amount"))
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

    def _call_wallet_order_topup(self, wallet, form):
        """Order a top-up; return (top-up, problems by field), one of which is empty."""
        _ = request.env._
        is_typed = form.get("package") in (OTHER, None, "")
        amount = form.get("other_amount") if is_typed else form["package"]
        problems = {}
        try:
            amount = self._call_wallet_typed(wallet, amount, _("Amount")) if is_typed else amount
            wallet._check_topup(amount or 0, True)
        except UserError as error:
            problems["amount"] = str(error) if amount else _("Amount: choose a package or enter another amount.")
        terms = request.env["call.wallet.terms"]._current()._shown()
        if form.get("accept_terms") not in ("on", True):
            problems["accept_terms"] = _("Terms: acknowledge that funds are invoiced and non-refundable.")
        elif str(form.get("terms_id")) != str(terms.id) or form.get("terms_lang", terms.env.lang) != terms.env.lang:
            problems["accept_terms"] = _("Terms: there is a new version. Open Add Balance again and read it.")
        if problems:
            return None, problems
        own = wallet.with_env(request.env)
        try:
            # Where the invoice cannot be made, the top-up is undone as well.
            with request.env.cr.savepoint():
                topup = own.create_topup(amount, accept_terms=True, request_key=form.get("request_key") or None)
        except UserError as error:
            return None, {"": str(error)}
        self._call_wallet_use_credit(topup)
        return topup.sudo(), {}

    def _call_wallet_use_credit(self, topup):
        """Pay a top-up with what the customer has paid and not used, unless another payment of it is under way."""
        if topup.outstanding_credit and not topup.sudo().invoice_id._call_wallet_not_payable():
            topup.apply_outstanding_credit()

    # === PAYMENT === #

    @http.route("/my/billing/<int:wallet_id>/pay/<int:topup_id>", type="http", auth="user", website=True)
    def my_billing_pay(self, wallet_id, topup_id, **_unknown):
        """Show the ways to pay a top-up's invoice.

        After a payment that failed, the page says so above the ways to pay: the owner tries again, or another way.

        :return: the page; what came of it where nothing is left to pay; 404 for another wallet's top-up
        """
        wallet = self._call_wallet_own_wallet(wallet_id)
        topup = self._call_wallet_own_topup(wallet, topup_id)
        if topup.invoice_status != "pending":
            return request.redirect(self._call_wallet_result_path(topup))
        request.env["call.wallet.stripe.customer"].sudo()._bank_details(wallet)
        return self._call_wallet_render(
            "call_wallet.portal_topup_pay", wallet, "pay", **self._call_wallet_pay_values(topup)
        )

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
        wallet = self._call_wallet_own_wallet(wallet_id)
        topup = self._call_wallet_own_topup(wallet, topup_id)
        self._call_wallet_use_credit(topup.with_env(request.env))
        return request.redirect(self._call_wallet_pay_path(topup), code=303)

    def _call_wallet_pay_values(self, topup):
        """Return what the payment step shows: Odoo's own payment form, for this invoice."""
        invoice = topup.invoice_id
        page = self._invoice_get_page_view_values(invoice, invoice._portal_ensure_token(), payment=True)
        refusal = invoice._call_wallet_not_payable()
        if not refusal and "providers_sudo" not in page:
            refusal = request.env._("This invoice cannot be paid online just now. Try again in a moment.")
        values = {name: page[name] for name in PAYMENT_VALUES if name in page}
        result = self._call_wallet_topup_result(topup)
        return {
            **values,
            **self._call_wallet_choice(topup, values),
            "topup": topup,
            "invoice": invoice,
            "refusal": refusal,
            "failed": result["last"] if result["state"] == "declined" else None,
            "transfer": self._call_wallet_awaited_transfer(topup),
            **self._call_wallet_transfer_values(topup),
            "amount": invoice.amount_residual,
            "credit": ZERO if refusal else topup.outstanding_credit,
            "landing_route": self._call_wallet_result_path(topup),
            "call_wallet_pays": True,
        }

    def _call_wallet_choice(self, topup, values):
        """Return what Odoo's payment form offers for a top-up, which option is chosen at first, and its button.

        One option is recommended: the card. A bank transfer that is announced already is not offered again.
        """
        methods = values.get("payment_methods_sudo", topup.env["payment.method"])
        providers = values.get("providers_sudo", topup.env["payment.provider"])
        # Of several providers of a method, Odoo's payment form takes the first one as well.
        transfers = methods.filtered(lambda method: (method.provider_ids & providers)[:1].code == "custom")
        if self._call_wallet_awaited_transfer(topup):
            methods -= transfers
        cards = [methods.filtered(lambda method, code=code: method.code == code) for code in CARDS]
        recommended = next((found[:1] for found in cards if found), methods.browse())
        due = self._call_wallet_format_money(topup.wallet_id, parse_amount(topup.invoice_id.amount_residual))
        return {
            "payment_methods_sudo": recommended | methods,
            "recommended_method_id": recommended.id,
            "first_method_id": (recommended or methods[:1]).id,
            "offers_transfer": bool(methods & transfers),
            "submit_button_label": request.env._("Pay %s", due),
        }

    def _call_wallet_transfer_values(self, topup):
        """Return where a transfer for a top-up is sent: the customer's own account at Stripe, else the seller's.

        ``transfer_rows`` of ``{"label", "value"}``; ``has_own_account`` where it is the customer's own. Always one
        account, and where none is known the message of the provider.
        """
        own = topup._bank_instructions_stripe()
        rows = own or topup._bank_instructions()
        return {
            "transfer_rows": [{"label": label, "value": value} for label, value in rows],
            "has_own_account": bool(own),
            "transfer_words": lambda provider: own_words(provider.pending_msg) if rows else provider.pending_msg,
            "due_plain": self._call_wallet_format_plain(
                parse_amount(topup.invoice_id.amount_residual), topup.currency_id.decimal_places
            ),
        }

    def _call_wallet_awaited_transfer(self, topup):
        """Return the bank transfer that was chosen for a top-up and is awaited, if any."""
        if topup.invoice_status != "pending":
            return topup.env["payment.transaction"]
        last = topup.invoice_id.transaction_ids.sorted("id")[-1:]
        return last.filtered(lambda one: one.provider_code == "custom" and one.state == "pending")

    # === RESULT === #

    def _call_wallet_returned_topup(self, wallet, topup_id):
        """Return the wallet's top-up whose payment led back to the overview; empty for any other number.

        A browser's question about the page without fetching it (HEAD) is no return from a payment.
        """
        topups = wallet.env["call.wallet.topup"]
        topup_id = parse_id(topup_id)
        if request.httprequest.method != "GET" or not topup_id:
            return topups
        return topups.search(
            [("id", "=", topup_id), ("wallet_id", "=", wallet.id), ("invoice_id.state", "!=", "draft")]
        )

    def _call_wallet_finish_payment(self, topup):
        """Process a confirmed payment that Odoo's status page has left.

        That page finds the payment through the session alone, and another request at the same time may have saved the
        session without it. A payment that another process works on is skipped: the page follows the balance anyway.
        """
        left = topup.invoice_id.transaction_ids.filtered(
            lambda one: one.state == "done" and one.operation != "refund" and not one.is_post_processed
        )
        for transaction in left:
            try:
                with request.env.cr.savepoint():
                    transaction._call_wallet_process_left()
            except OperationalError:
                _logger.info("Payment %s is being worked on.", transaction.reference)

    def _call_wallet_topup_result(self, topup):
        """Return what the overview shows about a payment: the top-up and its state as the customer sees it."""
        last = topup.invoice_id.transaction_ids.filtered(lambda one: one.operation != "refund").sorted("id")[-1:]
        if topup.state in ("paid", "cancelled"):
            state = topup.state
        elif self._call_wallet_awaited_transfer(topup):
            state = "transfer"
        elif topup.invoice_status == "closed" and last.state != "done":
            state = "closed"
        elif last.state in ("error", "cancel"):
            state = "declined"
        elif last.state in ("pending", "authorized", "done"):
            state = "processing"
        else:
            state = topup.state
        return {"topup": topup, "invoice": topup.invoice_id, "state": state, "last": last, "transfer": last}

    # === FINDING === #

    def _call_wallet_own_topup(self, wallet, topup_id):
        topup = wallet.env["call.wallet.topup"].search([("id", "=", topup_id), ("wallet_id", "=", wallet.id)])
        if topup.invoice_id.state in (False, "draft"):
            raise NotFound()
        return topup

    def _call_wallet_pay_path(self, topup):
        return f"/my/billing/{topup.wallet_id.id}/pay/{topup.id}"

    def _call_wallet_result_path(self, topup):
        return f"/my/billing/{topup.wallet_id.id}?topup={topup.id}"


def decimal_string(amount):
    """Return a ``Decimal`` as a page sends it back that nobody has typed: 1234.5, in every language."""
    return f"{amount.normalize():f}"
