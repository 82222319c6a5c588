from odoo.addons.payment_stripe import utils as stripe_utils
from odoo.addons.payment_stripe.controllers.main import StripeController
from odoo.http import request
from werkzeug.exceptions import Forbidden

from ..stripe_client import verify


class CallWalletStripeController(StripeController):
    """Odoo's own webhook accepts unsigned events while no secret is set; with this addon it refuses them."""

    def _verify_signature(self, tx_sudo):
        """Refuse what Stripe has not signed.

        :raise Forbidden: no secret is set, no signature was sent, none of them fits, or it is too old
        """
        secret = stripe_utils.get_webhook_secret(tx_sudo.provider_id)
        header = request.httprequest.headers.get("Stripe-Signature")
        if not verify(request.httprequest.data, header, secret, self.WEBHOOK_AGE_TOLERANCE):
            raise Forbidden()
