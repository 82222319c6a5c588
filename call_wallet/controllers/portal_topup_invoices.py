from odoo import http
from odoo.addons.portal.controllers.portal import pager as portal_pager
from odoo.exceptions import UserError
from odoo.http import content_disposition, request
from werkzeug.exceptions import NotFound

from ..tools.fields import ZERO, parse_amount, parse_day, parse_id
from .portal import PER_PAGE, CallWalletPortal

# As totals are listed: what asks for something comes first.
STATUS_ORDER = ("pending", "paid", "closed", "cancelled")


class CallWalletPortalTopupInvoices(CallWalletPortal):
    """The invoices of a wallet's top-ups, and their receipts."""

    @http.route(
        ["/my/billing/<int:wallet_id>/invoices", "/my/billing/<int:wallet_id>/invoices/page/<int:page>"],
        type="http",
        auth="user",
        website=True,
    )
    def my_billing_invoices(self, wallet_id, page=1, status="", date_from="", date_to="", **_unknown):
        """Show the invoices of a wallet's top-ups with their status, the newest first, a page at a time.

        Above them stands what they add up to, in the wallet's currency, by status.

        :param str status: ``pending``, ``paid``, ``closed`` or ``cancelled``; any by default
        :param str date_from: first invoice date, ``YYYY-MM-DD``; empty for no limit
        :param str date_to: last invoice date, included; likewise
        :return: the page, with 422 and the problem where the dates cannot be read; 404 for whoever does not own this
            wallet
        """
        wallet = self._call_wallet_own_wallet(wallet_id, closed_too=True)
        labels = self._call_wallet_status_labels(wallet)
        chosen = {"status": status if status in labels else "", "date_from": date_from, "date_to": date_to}
        problem, invoices = "", wallet.env["account.move"]
        try:
            dates = self._call_wallet_invoice_dates(date_from, date_to)
            invoices = self._call_wallet_invoices(wallet, dates)
        except UserError as error:
            problem = str(error)
        if chosen["status"]:
            invoices = invoices.filtered(lambda move: move.call_wallet_status == chosen["status"])
        path = f"/my/billing/{wallet.id}/invoices"
        query = {name: value for name, value in chosen.items() if value}
        pager = portal_pager(url=path, total=len(invoices), page=parse_id(page) or 1, step=PER_PAGE, url_args=query)
        return self._call_wallet_render(
            "call_wallet.portal_billing_all_invoices",
            wallet,
            "invoices",
            422 if problem else 200,
            pager=pager,
            invoices=invoices[pager["offset"] : pager["offset"] + PER_PAGE],
            totals=self._call_wallet_invoice_totals(invoices),
            statuses=labels,
            chosen=chosen,
            is_filtered=bool(query),
            problem=problem,
        )

    def _call_wallet_status_labels(self, wallet):
        return dict(wallet.env["account.move"]._fields["call_wallet_status"]._description_selection(request.env))

    def _call_wallet_invoice_dates(self, date_from, date_to):
        """Return the domain of top-ups whose invoices have a date of this range.

        :raise UserError: not a day, or the wrong way round
        """
        start = parse_day(date_from, request.env._("From"), request.env)
        end = parse_day(date_to, request.env._("To"), request.env)
        if start and end and end < start:
            raise UserError(request.env._("To: choose a day that is not before From."))
        bounds = ((">=", start), ("<=", end))
        return [("invoice_id.invoice_date", operator, day) for operator, day in bounds if day]

    def _call_wallet_invoice_totals(self, invoices):
        """Return what invoices add up to: ``{"status", "count", "total", "due"}`` by status.

        A wallet's invoices are all in its currency. Tax is included; ``due`` is what is left to pay of those that wait.
        """
        totals = []
        for status in STATUS_ORDER:
            moves = invoices.filtered(lambda move, status=status: move.call_wallet_status == status)
            if moves:
                due = moves if status == "pending" else moves.browse()
                totals.append(
                    {
                        "status": status,
                        "count": len(moves),
                        "total": sum(map(parse_amount, moves.mapped("amount_total")), ZERO),
                        "due": sum(map(parse_amount, due.mapped("amount_residual")), ZERO),
                    }
                )
        return totals

    @http.route("/my/billing/<int:wallet_id>/receipt/<int:topup_id>", type="http", auth="user", methods=["GET"])
    def my_billing_receipt(self, wallet_id, topup_id, **_unknown):
        """Download Odoo's payment receipt of a top-up.

        :return: the PDF; 404 for another wallet's top-up, or one that no payment was received for
        """
        wallet = self._call_wallet_own_wallet(wallet_id, closed_too=True)
        topup = wallet.env["call.wallet.topup"].search([("id", "=", topup_id), ("wallet_id", "=", wallet.id)])
        payments = topup._receipt_payments()
        if not payments:
            raise NotFound()
        report = request.env["ir.actions.report"].sudo()
        pdf, _type = report._render_qweb_pdf("account.action_report_payment_receipt", payments.ids)
        filename = request.env._("Receipt %s.pdf", topup.display_name.replace("/", "_"))
        headers = [("Content-Type", "application/pdf"), ("Content-Disposition", content_disposition(filename))]
        return request.make_response(pdf, headers)

    def _call_wallet_invoices(self, wallet, domain=(), limit=None):
        """Return the invoices of the wallet's top-ups except drafts, the newest first."""
        topups = wallet.env["call.wallet.topup"].search(
            [("wallet_id", "=", wallet.id), ("invoice_id.state", "!=", "draft"), *domain],
            order="accepted_at desc, id desc",
            limit=limit,
        )
        return topups.invoice_id

    def _call_wallet_pending_invoices(self, wallet):
        """Return the invoices that wait for a payment, the newest first."""
        unpaid = [("invoice_id.state", "=", "posted"), ("invoice_id.payment_state", "in", ("not_paid", "partial"))]
        return self._call_wallet_invoices(wallet, unpaid).filtered(lambda move: move.call_wallet_status == "pending")
