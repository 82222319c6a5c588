from odoo.addons.payment_stripe import utils as stripe_utils
from odoo.addons.payment_stripe.controllers.main import StripeController
from odoo.http import request
from werkzeug.exceptions import Forbidden

from ..tools.stripe_client import verify


class CallWalletStripeController(StripeController):
    """Odoo's own webhook believes unsigned events while no secret is set; about wallets it does not."""

    def _verify_signature(self, tx_sudo):
        """Refuse what Stripe has not signed about a top-up, or about a card of a customer with a wallet.

        :raise Forbidden: no secret is set, no signature was sent, none of them fits, or it is too old
        """
        secret = stripe_utils.get_webhook_secret(tx_sudo.provider_id)
        if not tx_sudo._call_wallet_concerns_a_wallet():
            super()._verify_signature(tx_sudo)
            # Odoo has believed it. No wallet does: anybody may have sent it, and its money may pay for a top-up later.
            if not secret:
                tx_sudo.call_wallet_is_unsigned = True
            return
        header = request.httprequest.headers.get("Stripe-Signature")
        if not verify(request.httprequest.data, header, secret, self.WEBHOOK_AGE_TOLERANCE):
            raise Forbidden()
