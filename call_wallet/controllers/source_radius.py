from odoo import SUPERUSER_ID, http
from odoo.exceptions import UserError
from odoo.http import request
from werkzeug.exceptions import NotFound

from ..models.sources.call_source import ROUTE
from ..tools.sentence import translated
from ..tools.sources import radius
from ..tools.sources.event import Received, Unusable
from .source_webhook import FORBIDDEN, MOST_BYTES

# What FreeRADIUS takes for a refusal, of whose answer it passes the Reply-Message on; of 403 it would not.
REJECTED = 401
TAKEN = 204


class SourceRadius(http.Controller):
    """Answers FreeRADIUS' ``rlm_rest``: may a call begin, and what became of it (``tools/sources/radius``)."""

    @http.route(
        f"{ROUTE}/<string:token>/radius/authorize",
        type="http",
        auth="public",
        methods=["POST"],
        csrf=False,
        save_session=False,
        max_content_length=MOST_BYTES,
    )
    def call_wallet_radius_authorize(self, token):
        """Say whether a call may begin, and hold funds for it: 200 with Session-Timeout, 401 with Reply-Message.

        :param str token: names the source
        :return: 403 where the password is not the source's, which is noted
        :raise NotFound: no source of this kind has the token, or it is switched off
        """
        source = self._find_source(token)
        received = self._received()
        if not source._is_sender([received]):
            return self._refuse(source)
        try:
            verdict = source._authorize(radius.read_request(received))
        except Unusable as error:
            verdict = {"allowed": False, "message": translated(source.env, error.sentence)}
        except UserError as error:
            verdict = {"allowed": False, "message": str(error)}
        if verdict["allowed"]:
            return request.make_json_response(radius.accepting(verdict["call_ref"], verdict["max_seconds"]))
        return request.make_json_response(radius.rejecting(verdict["message"]), status=REJECTED)

    @http.route(
        f"{ROUTE}/<string:token>/radius/accounting",
        type="http",
        auth="public",
        methods=["POST"],
        csrf=False,
        save_session=False,
        max_content_length=MOST_BYTES,
    )
    def call_wallet_radius_accounting(self, token):
        """Store an accounting request as it came, and read it; 204 also where it cannot be read, which finance sees.

        :param str token: names the source
        :return: 403 where the password is not the source's, which is noted
        :raise NotFound: no source of this kind has the token, or it is switched off
        """
        source = self._find_source(token)
        received = self._received()
        if not source._is_sender([received]):
            return self._refuse(source)
        source.env["call.source.message"]._receive(source, received)._process()
        return request.make_response("", status=TAKEN)

    def _find_source(self, token):
        source = request.env(user=SUPERUSER_ID)["call.source"]._find_by_token(token)
        if source.kind != radius.KIND.name:
            raise NotFound()
        return source

    def _received(self):
        """Return the request, with what the database cannot keep replaced: a switch would send it again for ever."""
        asked = request.httprequest
        body = asked.get_data().decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
        headers = {name.lower(): value for name, value in asked.headers.items()}
        query = asked.query_string.decode(errors="replace")
        return Received(f"{asked.base_url}?{query}", headers, body.encode())

    def _refuse(self, source):
        source._note_refused()
        return request.make_response("", status=FORBIDDEN)
