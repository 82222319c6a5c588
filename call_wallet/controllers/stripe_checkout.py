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
    @http.route(RETURN_ROUTE, type="http", auth="public", methods=["GET"])
    def call_wallet_stripe_return(self, tx="", token="", leave=None, **_unknown):
        """Take customers back from Stripe's payment page.

        What the address says is not believed: Stripe is asked how the payment stands.

        :param tx: the transaction's id
        :param token: proves that the address is one of ours
        :param leave: the customer went back without paying
        """
        transaction = request.env["payment.transaction"].sudo().browse(parse_id(tx)).exists()
        if not transaction or not token.isascii() or not consteq(token, transaction._call_wallet_return_token()):
            raise NotFound()
        try:
            transaction._call_wallet_fetch_checkout(leave=bool(leave))
        except stripe.StripeError:  # the webhook and the sweep will tell
            _logger.warning("Stripe was not asked about transaction %s.", transaction.reference, exc_info=True)
        if transaction.state == "cancel":
            return request.redirect(transaction.landing_route or "/my")
        return request.redirect("/payment/status")
