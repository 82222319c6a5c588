from odoo import http
from odoo.exceptions import UserError
from odoo.http import content_disposition, request
from werkzeug.exceptions import NotFound

from ..tools.fields import parse_id


class RateImport(http.Controller):
    """Downloads of the rate import: lines to correct, and a template to fill in."""

    @http.route("/call_wallet/rate_import/<int:import_id>/faulty", type="http", auth="user", methods=["GET"])
    def call_wallet_faulty_lines(self, import_id, **_unknown):
        """Download the faulty lines of a price list, with what is wrong, as CSV. For finance staff of its company.

        :raise NotFound: there is no such import
        :raise AccessError: for anyone else
        """
        found = request.env["call.rate.import"].browse(import_id)
        if not found.sudo().exists():
            raise NotFound()
        try:
            return self._call_wallet_rates_file(*found._faulty_lines())
        except UserError as error:
            return request.make_response(str(error), [("Content-Type", "text/plain; charset=utf-8")], status=400)

    @http.route("/call_wallet/rate_import/template", type="http", auth="user", methods=["GET"], readonly=True)
    def call_wallet_rates_template(self, plan_id="", format="csv", **_unknown):
        """Download a price list with two example lines, as the user's language writes numbers.

        :param plan_id: the id of the rate plan whose currency its heading names; may be left out
        :param format: ``csv`` or ``xlsx``
        :raise AccessError: for who may not see the plan or import rates
        """
        imports = request.env["call.rate.import"]
        imports.check_access("create")
        plan = request.env["call.rate.plan"].browse(parse_id(plan_id)).exists()
        plan.check_access("read")
        return self._call_wallet_rates_file(*imports._template(plan, "xlsx" if format == "xlsx" else "csv"))

    def _call_wallet_rates_file(self, name, content):
        kind = "text/csv; charset=utf-8"
        if name.endswith(".xlsx"):
            kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        headers = [("Content-Type", kind), ("Content-Disposition", content_disposition(name))]
        return request.make_response(content, headers)
