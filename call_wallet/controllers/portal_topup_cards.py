from odoo import http
from odoo.exceptions import UserError
from odoo.http import request

from ..tools.fields import parse_id
from .portal import CallWalletPortal


class CallWalletPortalTopupCards(CallWalletPortal):
    """The customer's saved cards, which every owner of the wallet may use and remove."""

    @http.route("/my/billing/<int:wallet_id>/cards", type="http", auth="user", website=True, methods=["GET", "POST"])
    def my_billing_cards(self, wallet_id, remove=None, **_unknown):
        """Show the cards that the customer has saved; remove one.

        :param remove: the ``payment.token`` to remove
        :return: the page; 404 for whoever does not own this wallet
        """
        wallet = self._call_wallet_own_wallet(wallet_id)
        problem = ""
        if request.httprequest.method == "POST":
            try:
                wallet.with_env(request.env).remove_payment_token(parse_id(remove))
            except UserError as error:
                problem = str(error)
            else:
                self._call_wallet_flash(request.env._("The card was removed."))
                return request.redirect(f"/my/billing/{wallet.id}/cards", code=303)
        return self._call_wallet_render(
            "call_wallet.portal_billing_cards",
            wallet,
            "cards",
            422 if problem else 200,
            tokens=wallet._payment_tokens(),
            question=lambda token: self._call_wallet_removal_question(wallet, token),
            problem=problem,
        )

    def _call_wallet_removal_question(self, wallet, token):
        """Return what an owner is asked before a card is removed: ``{"title", "text", "answer"}``."""
        _ = request.env._
        is_automatic = token == wallet.auto_topup_token_id and wallet.auto_topup_state == "on"
        return {
            "title": _("Remove this card?"),
            "text": _("%s is charged by automatic top-up, which stops when the card is removed.", token.display_name)
            if is_automatic
            else _(
                "%s cannot be used for payments any more. You can save it again with your next payment.",
                token.display_name,
            ),
            "answer": _("Remove"),
        }
