import logging

import stripe
from odoo import http
from odoo.http import request
from odoo.tools import consteq
from werkzeug.exceptions import NotFound

from ..models.stripe.payment_transaction_checkout import RETURN_ROUTE
from ..tools.fields import parse_id

_logger = logging.getLogger(__name__)


class StripeCheckout(http.Controller):
    """The way back from Stripe's payment page."""

    @http.route(RETURN_ROUTE, type="http", auth="public", methods=["GET"])
    def call_wallet_stripe_return(self, tx="", token="", leave=None, **_unknown):
        """Receive customers who come back from Stripe's payment page, and show how their payment stands.

        The address is no proof of a payment, so Stripe is asked.

        :param tx: the id of the ``payment.transaction``
        :param token: shows that we made the address
        :param leave: given where the customer went back without paying
        :return: a redirection to the status page, or to where the customer came from when nothing was paid
        :raise NotFound: the transaction or its token is wrong
        """
        transaction = request.env["payment.transaction"].sudo().browse(parse_id(tx)).exists()
        if not transaction or not token.isascii() or not consteq(token, transaction._call_wallet_return_token()):
            raise NotFound()
        try:
            transaction._call_wallet_fetch_checkout(leave=bool(leave))
        except stripe.StripeError:  # the webhook or the scheduled sweep brings the result
            _logger.warning("Stripe was not asked about transaction %s.", transaction.reference, exc_info=True)
        if transaction.state == "cancel":
            return request.redirect(transaction.landing_route or "/my")
        return request.redirect("/payment/status")
