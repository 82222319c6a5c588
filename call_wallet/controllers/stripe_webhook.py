import json

from odoo import SUPERUSER_ID, http
from odoo.http import request
from werkzeug.exceptions import BadRequest, Forbidden

from ..models.stripe.call_wallet_stripe_event import WEBHOOK_EVENTS
from ..models.stripe.payment_provider import WEBHOOK_ROUTE
from ..tools.stripe_client import verify

TOLERANCE = 600  # seconds


class StripeWebhook(http.Controller):
    @http.route(WEBHOOK_ROUTE, type="http", auth="public", methods=["POST"], csrf=False, save_session=False)
    def call_wallet_stripe_webhook(self):
        """Take an event of Stripe's into the inbox, and process it.

        What cannot be processed now is answered with 200 all the same: it is kept, and tried again
        by a scheduled action.

        :raise Forbidden: no Stripe provider's secret fits the signature
        :raise BadRequest: the body is not an event
        """
        provider = self._sender(request.httprequest.data, request.httprequest.headers.get("Stripe-Signature"))
        event = self._read(request.httprequest.data)
        if event["type"] in WEBHOOK_EVENTS:
            env = request.env(user=SUPERUSER_ID)
            env["call.wallet.stripe.event"]._receive(provider.with_env(env), event)._process()
        return request.make_json_response({})

    def _read(self, body):
        """Return the event in a signed body. What is not one is refused at once: the inbox could not name it."""
        try:
            event = json.loads(body)
            names = event["id"], event["type"], event["data"]["object"]["id"]
        except (ValueError, TypeError, KeyError) as error:
            raise BadRequest() from error
        if not all(name and isinstance(name, str) for name in names):
            raise BadRequest()
        return event

    def _sender(self, body, header):
        """Return the provider with whose secret the body is signed. A disabled one's late events count, too."""
        providers = request.env["payment.provider"].sudo().search([("code", "=", "stripe")])
        for provider in providers.filtered("call_wallet_webhook_secret"):
            if verify(body, header, provider.call_wallet_webhook_secret, TOLERANCE):
                return provider
        raise Forbidden()
