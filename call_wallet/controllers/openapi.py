from hashlib import sha256

from odoo import http
from odoo.http import request
from werkzeug.http import quote_etag

from ..tools.headers import API_DESCRIPTION
from ..tools.platform_api import openapi_json

HOUR = 3600


class OpenApi(http.Controller):
    """Serves the description of the API: it names no secrets, so programs get it without a key."""

    @http.route(API_DESCRIPTION, type="http", auth="none", methods=["GET"], save_session=False, readonly=True)
    def call_wallet_openapi(self):
        """Return the OpenAPI document of the methods of this server. Caches may keep it for an hour."""
        body = openapi_json().encode()
        response = request.make_response(
            body,
            headers=[
                ("Content-Type", "application/json; charset=utf-8"),
                ("Cache-Control", f"public, max-age={HOUR}"),
                ("ETag", quote_etag(sha256(body).hexdigest()[:16])),
                # Pages that show such documents run in browsers, from other places.
                ("Access-Control-Allow-Origin", "*"),
            ],
        )
        return response.make_conditional(request.httprequest.environ)
