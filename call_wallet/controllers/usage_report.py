from odoo import http
from odoo.exceptions import UserError
from odoo.http import content_disposition, request
from werkzeug.exceptions import NotFound
from werkzeug.wsgi import wrap_file

from ..const import ACCOUNT_MANAGER, FINANCE_MANAGER
from ..tools.fields import parse_day


class UsageReport(http.Controller):
    """Downloads of usage reports."""

    @http.route("/call_wallet/usage_report/<int:wallet_id>", type="http", auth="user", methods=["GET"], readonly=True)
    def usage_report(self, wallet_id, date_from="", date_to="", format="xlsx", **_unknown):
        """Download a wallet's usage report.

        For an owner of the wallet, and for finance staff and account managers of its company.

        :param date_from: first day, ``YYYY-MM-DD`` in the wallet's time zone; may be left out
        :param date_to: last day, included; likewise
        :param format: ``xlsx`` or ``csv``
        :return: the file; 400 and a sentence for a bad parameter, 403 for anyone else, 404 for
            a wallet that does not exist
        """
        wallet = request.env["call.wallet"].browse(wallet_id)
        if not wallet.sudo().exists():
            raise NotFound()
        wallet = wallet._permitted(ACCOUNT_MANAGER, owner=True)
        report = wallet.env["call.usage.report"]
        try:
            start = parse_day(date_from, "date_from", request.env)
            end = parse_day(date_to, "date_to", request.env)
            file = report._make(wallet, start, end, format)
        except UserError as error:
            return request.make_response(str(error), [("Content-Type", "text/plain; charset=utf-8")], status=400)
        return self._stream(file, report._filename(wallet, start, end, format), report._writer(format).mimetype)

    @http.route("/call_wallet/usage_report/job/<int:job_id>", type="http", auth="user", methods=["GET"], readonly=True)
    def usage_report_job(self, job_id, **_unknown):
        """Download a report that was made in the background, for whoever asked for it.

        :return: the file; 403 for a user who may not see the wallet (any more), 404 for a report that is
            another's, not ready, or not kept any more
        """
        mine = [("id", "=", job_id), ("user_id", "=", request.env.uid), ("state", "=", "ready")]
        job = request.env["call.usage.report.job"].sudo().search(mine)
        if not job.attachment_id:
            raise NotFound()
        job.wallet_id.with_env(request.env)._permitted(ACCOUNT_MANAGER, owner=True)
        return request.env["ir.binary"]._get_stream_from(job.attachment_id).get_response(as_attachment=True)

    @http.route("/call_wallet/ledgers", type="http", auth="user", methods=["GET"], readonly=True)
    def ledgers(self, **_unknown):
        """Download the ledgers of all wallets of the user's companies as one ZIP file.

        For finance managers: what a company keeps before the addon is uninstalled. It has the usage report of all
        time of each wallet, closed ones too, as a CSV file.

        :return: the file; 403 for anyone else
        """
        user = request.env.user
        wallets = request.env["call.wallet"].with_context(active_test=False, allowed_company_ids=user.company_ids.ids)
        wallets._permitted(FINANCE_MANAGER)
        wallets = wallets.search([], order="company_id, account_ref")._permitted(FINANCE_MANAGER)
        return self._stream(wallets.env["call.usage.report"]._ledgers(wallets), "ledgers.zip", "application/zip")

    def _stream(self, file, filename, mimetype):
        """Send a temporary file from disk, however large it is; it is closed and thereby deleted after that."""
        size = file.seek(0, 2)
        file.seek(0)
        return http.Response(
            wrap_file(request.httprequest.environ, file),
            headers=[
                ("Content-Type", mimetype),
                ("Content-Length", size),
                ("Content-Disposition", content_disposition(filename)),
                ("Cache-Control", "no-store"),
                ("X-Content-Type-Options", "nosniff"),
            ],
            direct_passthrough=True,
        )
