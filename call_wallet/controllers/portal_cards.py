from odoo import http
from odoo.exceptions import UserError
from odoo.http import request

from ..fields import parse_id
from .portal import CallWalletPortal


class CallWalletPortalCards(CallWalletPortal):
    @http.route("/my/billing/<int:wallet_id>/cards", type="http", auth="user", website=True, methods=["GET", "POST"])
    def my_billing_cards(self, wallet_id, remove=None, **_unknown):
        """Show the cards that the customer has saved; remove one.

        :param remove: the ``payment.token`` to remove
        :return: the page; 404 for whoever does not own this wallet
        """
        wallet = self._own_wallet(wallet_id)
        problem = ""
        if request.httprequest.method == "POST":
            try:
                wallet.with_env(request.env).remove_payment_token(parse_id(remove))
            except UserError as error:
                problem = str(error)
            else:
                self._flash(request.env._("The card was removed."))
                return request.redirect(f"/my/billing/{wallet.id}/cards", code=303)
        return self._render_billing(
            "call_wallet.portal_billing_cards",
            wallet,
            "cards",
            422 if problem else 200,
            tokens=wallet._payment_tokens(),
            problem=problem,
        )
