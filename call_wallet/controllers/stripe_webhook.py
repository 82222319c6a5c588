import json

from odoo import SUPERUSER_ID, http
from odoo.http import request
from werkzeug.exceptions import BadRequest, Forbidden

from ..models.stripe.call_wallet_stripe_event import PAYOUT_EVENTS, WEBHOOK_EVENTS
from ..models.stripe.payment_provider import WEBHOOK_ROUTE
from ..tools.fields import is_storable
from ..tools.stripe_client import verify

TOLERANCE = 600  # seconds that a signature stays valid
MOST_BYTES = 1 << 20  # several times what Stripe's events have; more is not read
MOST_TEXT = 255  # of the names of events and objects


class StripeWebhook(http.Controller):
    """Receives Stripe's events for the addon's own inbox."""

    @http.route(
        WEBHOOK_ROUTE,
        type="http",
        auth="public",
        methods=["POST"],
        csrf=False,
        save_session=False,
        max_content_length=MOST_BYTES,
    )
    def call_wallet_stripe_webhook(self):
        """Store an event from Stripe in the inbox, and process it.

        An event that cannot be processed now is answered with 200 all the same: it is stored, and a scheduled action
        tries again.

        :raise Forbidden: no Stripe provider's secret fits the signature
        :raise BadRequest: the body is no text, or it is signed and no event
        """
        provider = self._sender(request.httprequest.data, request.httprequest.headers.get("Stripe-Signature"))
        event = self._read(request.httprequest.data)
        # Of connected accounts (Stripe Connect): their payments and payouts are none of ours.
        is_ours = not event.get("account")
        if is_ours and event["type"] in WEBHOOK_EVENTS + PAYOUT_EVENTS:
            env = request.env(user=SUPERUSER_ID)
            env["call.wallet.stripe.event"]._receive(provider.with_env(env), event)._process()
        return request.make_json_response({})

    def _read(self, body):
        """Return the event in a signed body.

        :raise BadRequest: the body is not an event with an id, a type and an object, which the inbox needs
        """
        try:
            event = json.loads(body)
            subject = event["data"]["object"]
            names = event["id"], event["type"], subject["id"]
            customer = subject.get("customer")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise BadRequest() from error
        if not all(name and self._is_name(name) for name in names):
            raise BadRequest()
        if customer is not None and not self._is_name(customer):
            raise BadRequest()
        return event

    def _is_name(self, value):
        return isinstance(value, str) and len(value) <= MOST_TEXT and is_storable(value)

    def _sender(self, body, header):
        """Return the provider whose secret the body is signed with; also a disabled one, whose events may come late.

        :raise Forbidden: no provider's secret fits
        :raise BadRequest: no text, which Stripe would never send; nor can its library verify it
        """
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise BadRequest() from error
        providers = request.env["payment.provider"].sudo().search([("code", "=", "stripe")])
        for provider in providers.filtered("call_wallet_webhook_secret"):
            if verify(body, header, provider.call_wallet_webhook_secret, TOLERANCE):
                return provider
        raise Forbidden()
