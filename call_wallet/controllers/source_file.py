import csv
import io

from odoo import http
from odoo.http import content_disposition, request
from werkzeug.exceptions import NotFound

from ..tools.usage_report_file import defuse


class SourceFile(http.Controller):
    """Downloads of the lines of a file of call records that could not be used."""

    @http.route("/call_wallet/source_file/<int:file_id>", type="http", auth="user", methods=["GET"], readonly=True)
    def call_wallet_source_file(self, file_id, **_unknown):
        """Download the numbers of the lines, and why they could not be used, as CSV. For finance staff of its company.

        :raise NotFound: there is no such file
        :raise AccessError: for anyone else
        """
        file = request.env["call.source.file"].browse(file_id)
        if not file.sudo().exists():
            raise NotFound()
        file.check_access("read")
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(["line", "kind", "reason"])
        for line in file.line_ids:
            writer.writerow([line.line, line.kind, defuse(line.reason or "")])
        name = f"{file.name}-lines.csv"
        headers = [("Content-Type", "text/csv; charset=utf-8"), ("Content-Disposition", content_disposition(name))]
        return request.make_response(text.getvalue().encode("utf-8-sig"), headers)
