from odoo import http
from odoo.addons.portal.controllers.portal import pager as portal_pager
from odoo.http import content_disposition, request
from werkzeug.exceptions import NotFound

from ..tools.fields import parse_id
from .portal import PER_PAGE, CallWalletPortal


class CallWalletPortalTopupInvoices(CallWalletPortal):
    """The invoices of a wallet's top-ups, and their receipts."""

    @http.route(
        ["/my/billing/<int:wallet_id>/invoices", "/my/billing/<int:wallet_id>/invoices/page/<int:page>"],
        type="http",
        auth="user",
        website=True,
    )
    def my_billing_invoices(self, wallet_id, page=1, **_unknown):
        """Show the invoices of a wallet's top-ups with their status, the newest first, a page at a time."""
        wallet = self._call_wallet_own_wallet(wallet_id, closed_too=True)
        topups = wallet.env["call.wallet.topup"]
        domain = [("wallet_id", "=", wallet.id), ("invoice_id.state", "in", ("posted", "cancel"))]
        path = f"/my/billing/{wallet.id}/invoices"
        pager = portal_pager(url=path, total=topups.search_count(domain), page=parse_id(page) or 1, step=PER_PAGE)
        shown = topups.search(domain, order="accepted_at desc, id desc", limit=PER_PAGE, offset=pager["offset"])
        return self._call_wallet_render(
            "call_wallet.portal_billing_all_invoices", wallet, "invoices", pager=pager, invoices=shown.invoice_id
        )

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
