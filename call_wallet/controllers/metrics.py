from odoo import http
from odoo.http import request
from werkzeug.exceptions import NotFound, Unauthorized

from ..tools.door import end_if_clean
from ..tools.exposition import CONTENT_TYPE


class Metrics(http.Controller):
    """Serves the figures of this database to a monitoring system that has the token."""

    @http.route("/call_wallet/metrics", type="http", auth="none", methods=["GET"], save_session=False, readonly=True)
    def call_wallet_metrics(self):
        """Return the figures in the text format of Prometheus, 0.0.4.

        A server with several databases is told which by the header ``X-Odoo-Database``.

        :raise NotFound: no token was made, so nothing is told
        :raise Unauthorized: not the token
        """
        metrics = request.env["call.wallet.metrics"].sudo()
        if not metrics._is_on():
            raise NotFound
        scheme, _blank, token = request.httprequest.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not metrics._is_token(token.strip()):
            raise Unauthorized(response=request.make_response("", headers=[("WWW-Authenticate", "Bearer")], status=401))
        request.env["call.wallet.meter"].sudo()._flush(is_due_only=False)
        # What was just added is seen by a new transaction.
        end_if_clean(request.env)
        return request.make_response(metrics._document(), headers=[("Content-Type", CONTENT_TYPE)])
