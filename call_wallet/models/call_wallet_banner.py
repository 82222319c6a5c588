from odoo import api, models

from .call_wallet_balance import EMPTY

ALERT = "call_wallet/alert"


class CallWalletBanner(models.Model):
    """The banner that asks owners to add funds while a balance is low.

    Every wallet is a channel of the bus, for its owners alone (see ``ir.websocket``).
    """

    _inherit = "call.wallet"

    @api.model
    def _notify_alert(self, wallet_ids):
        """Tell the owners' open pages, after commit, that the banner comes or goes.

        Rare, unlike changes of the balance: sent whether or not anybody looks.
        """
        for wallet in self.sudo().browse(wallet_ids):
            wallet._bus_send(ALERT, {"ids": wallet.ids})

    @api.model
    def low_balance_banners(self):
        """Return what the banner says to the current user, one entry a wallet they own that is low.

        :return: list of ``{"id", "is_empty", "message", "may_top_up_here"}``; the last tells whether the user
            is finance staff, who add balance in the web client
        """
        return self._low_balance_banners(self._owned_by(self.env.user))

    @api.model
    def _low_balance_banners(self, wallets):
        is_finance = self.env.user.has_group("call_wallet.group_finance")
        return [
            {
                "id": wallet.id,
                "is_empty": wallet.alert_level >= EMPTY,
                "message": wallet._banner_message(),
                "may_top_up_here": is_finance,
            }
            for wallet in wallets
            if wallet.is_set_up and wallet.alert_level
        ]

    def _banner_message(self):
        if self.alert_level >= EMPTY:
            message = self.env._("Calls have stopped: the balance of %s is used up. Add funds to resume.")
        else:
            message = self.env._("The balance of %s is low: check the wallet and add funds.")
        return message % self.display_name

    @api.model
    def _banner_values(self):
        """Return the wallets that the current user's page listens to, and what it says now.

        :return: dict for a template or the session, None for somebody who owns no wallet
        """
        user = self.env.user
        wallets = self._owned_by(user) if user and not user._is_public() else None
        if not wallets:
            return None
        return {"wallet_ids": wallets.ids, "banners": self._low_balance_banners(wallets)}
