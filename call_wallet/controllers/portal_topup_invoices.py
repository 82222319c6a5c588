from odoo import http
from odoo.addons.portal.controllers.portal import pager as portal_pager
from odoo.exceptions import UserError
from odoo.http import content_disposition, request
from werkzeug.exceptions import NotFound

from ..tools.fields import parse_day, parse_id
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
        problem, totals = "", {}
        try:
            first, last = self._call_wallet_invoice_dates(date_from, date_to)
            which = {"status": chosen["status"], "first": first, "last": last}
            totals = wallet._invoice_totals(**which)
        except UserError as error:
            problem = str(error)
        path = f"/my/billing/{wallet.id}/invoices"
        query = {name: value for name, value in chosen.items() if value}
        count = sum(total[0] for total in totals.values())
        pager = portal_pager(url=path, total=count, page=parse_id(page) or 1, step=PER_PAGE, url_args=query)
        return self._call_wallet_render(
            "call_wallet.portal_billing_all_invoices",
            wallet,
            "invoices",
            422 if problem else 200,
            pager=pager,
            invoices=wallet._invoices_of_a_page(PER_PAGE, pager["offset"], **which) if count else None,
            totals=self._call_wallet_totals_rows(totals),
            statuses=labels,
            chosen=chosen,
            is_filtered=bool(query),
            problem=problem,
        )

    def _call_wallet_totals_rows(self, totals):
        """Return the totals by status in the order in which they are shown."""
        rows = ((status, totals[status]) for status in STATUS_ORDER if status in totals)
        return [{"status": status, "count": count, "total": total, "due": due} for status, (count, total, due) in rows]

    def _call_wallet_status_labels(self, wallet):
        return dict(wallet.env["account.move"]._fields["call_wallet_status"]._description_selection(request.env))

    def _call_wallet_invoice_dates(self, date_from, date_to):
        """Return the first and the last invoice date that somebody chose, None for no limit.

        :raise UserError: not a day, or the wrong way round
        """
        start = parse_day(date_from, request.env._("From"), request.env)
        end = parse_day(date_to, request.env._("To"), request.env)
        if start and end and end < start:
            raise UserError(request.env._("To: choose a day that is not before From."))
        return start, end

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
