from odoo import SUPERUSER_ID, http
from odoo.http import request
from werkzeug.exceptions import BadRequest, Forbidden, MethodNotAllowed, NotFound

from ..models.sources.call_source import ROUTE
from ..tools.fields import is_storable
from ..tools.sources import KINDS
from ..tools.sources.event import Received

FORBIDDEN = 403
MOST_BYTES = 1 << 20  # many times what a provider's messages have; more is not read


class SourceWebhook(http.Controller):
    """Receives what telephony providers and switches tell of calls (``call.source``)."""

    @http.route(
        f"{ROUTE}/<string:token>",
        type="http",
        auth="public",
        methods=["GET", "POST"],
        csrf=False,
        save_session=False,
        max_content_length=MOST_BYTES,
        call_wallet_raw_body=True,
    )
    def call_wallet_source(self, token):
        """Verify a message, store it as it came, and read it.

        What cannot be read now is answered with 200 all the same: it is stored, and tried again. A GET is the question
        by which some providers check that the address is ours; one provider also sends its messages so.

        :param str token: names the source
        :return: 403 where the message is not signed with the source's secret, which is noted
        :raise NotFound: no source has it, or it is switched off
        :raise BadRequest: the body is no text
        :raise MethodNotAllowed: a GET at a source whose provider asks nothing
        """
        source = request.env(user=SUPERUSER_ID)["call.source"]._find_by_token(token)
        kind = KINDS.get(source.kind)
        if not (kind and kind.verify):
            raise NotFound()
        candidates = self._candidates(source)
        if request.httprequest.method == "GET" and not kind.takes_get:
            return self._answer_challenge(source, kind, candidates[0])
        if not source._is_sender(candidates):
            source._note_refused()
            return request.make_response("", headers=[("Content-Type", "text/plain")], status=FORBIDDEN)
        received = candidates[0]
        try:
            is_text = is_storable(received.body.decode())
        except UnicodeDecodeError:
            is_text = False
        if not is_text:
            raise BadRequest()
        source.env["call.source.message"]._receive(source, received)._process()
        return request.make_response("", headers=[("Content-Type", "text/plain")])

    def _candidates(self, source):
        """Return the request under each address by which the sender may have signed it.

        A proxy may have changed scheme, host and port on the way here; the sender knows the address that the source
        shows.
        """
        received = request.httprequest
        query = received.query_string.decode(errors="replace")
        headers = {name.lower(): value for name, value in received.headers.items()}
        addresses = dict.fromkeys((source.address, received.base_url))
        return [
            Received(f"{address}?{query}" if query else address, headers, received.get_data(), received.method)
            for address in addresses
        ]

    def _answer_challenge(self, source, kind, received):
        if not kind.challenge:
            raise MethodNotAllowed(["POST"])
        answer = kind.challenge(received, source.token)
        if answer is None:
            raise Forbidden()
        return request.make_response(answer, headers=[("Content-Type", "text/plain")])
