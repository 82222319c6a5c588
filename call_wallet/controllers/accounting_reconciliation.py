from odoo import http
from odoo.exceptions import UserError
from odoo.http import content_disposition, request
from werkzeug.wsgi import wrap_file

from ..tools.fields import parse_id

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Reconciliation(http.Controller):
    """Downloads of the reconciliation."""

    @http.route("/call_wallet/reconciliation", type="http", auth="user", methods=["GET", "POST"], readonly=True)
    def reconciliation(self, date="", company="", format="xlsx", **_unknown):
        """Download the reconciliation of a company's wallets with its general ledger.

        For finance staff and account managers of the company.

        :param date: ``YYYY-MM-DD``, included
        :param company: its id; the user's own by default
        :param format: ``xlsx`` or ``pdf``
        :return: the file; 400 and a sentence for a bad parameter, 403 for anyone else
        """
        proof = request.env["call.wallet.reconciliation"]
        try:
            company = parse_id(company) if company else request.env.company
            date, company = proof._scope(date, company)
            if format not in ("xlsx", "pdf"):
                raise UserError(request.env._("format: use xlsx or pdf."))
        except UserError as error:
            # `AccessError` is a subclass of `UserError`, and is answered with 403 by Odoo.
            if type(error) is not UserError:
                raise
            return request.make_response(str(error), [("Content-Type", "text/plain; charset=utf-8")], status=400)
        if format == "pdf":
            return self._pdf(date, company)
        filename = proof._filename(date, company, "xlsx")
        return self._xlsx(proof._xlsx(date, company), filename)

    def _xlsx(self, file, filename):
        return http.Response(
            wrap_file(request.httprequest.environ, file),
            headers=[("Content-Type", XLSX), *self._headers(filename)],
            direct_passthrough=True,
        )

    def _pdf(self, date, company):
        reports = request.env["ir.actions.report"].sudo(False)
        content, kind = reports._render_qweb_pdf(
            "call_wallet.action_report_reconciliation", company.ids, data={"date": date.isoformat()}
        )
        filename = request.env["call.wallet.reconciliation"]._filename(date, company, kind)
        mimetype = "application/pdf" if kind == "pdf" else "text/html; charset=utf-8"
        return request.make_response(content, [("Content-Type", mimetype), *self._headers(filename)])

    def _headers(self, filename):
        return [
            ("Content-Disposition", content_disposition(filename)),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
        ]
