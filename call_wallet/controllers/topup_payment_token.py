from odoo.addons.payment.controllers.portal import PaymentPortal
from odoo.exceptions import AccessError
from odoo.http import request, route

from ..tools.fields import parse_id


class WalletPaymentToken(PaymentPortal):
    """Lets only the owners of a customer's wallets remove a card that is saved in the customer's own name.

    Odoo lets everybody at the company remove it, but automatic top-up may depend on it.
    """

    @route()
    def archive_token(self, token_id):
        """Remove a saved card; Odoo's page of payment methods.

        :raise AccessError: the card is the company's, which has a wallet that the user does not own
        """
        token = request.env["payment.token"].sudo().browse(parse_id(token_id)).exists()
        wallets = request.env["call.wallet"].sudo().search([("partner_id", "=", token.partner_id.id)])
        if wallets and not any(wallet._is_owned_by(request.env.user) for wallet in wallets):
            raise AccessError(request.env._("This card is the company's: the owners of its call wallet remove it."))
        return super().archive_token(token_id)
