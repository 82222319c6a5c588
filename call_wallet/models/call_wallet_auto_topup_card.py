from datetime import timedelta

from odoo import api, fields, models

from ..door import door, worker

WARN = timedelta(days=30)


class CallWalletAutoTopupCard(models.Model):
    """The end of the card that automatic top-up charges: told beforehand, and not charged afterwards."""

    _inherit = "call.wallet"

    auto_topup_card_expires_on = fields.Date(related="auto_topup_token_id.call_wallet_expires_on")

    @api.model
    def _cron_auto_topup_cards(self):
        """Look once a day at the cards that are charged automatically.

        :return: the number of wallets whose card ends soon or has ended
        """
        wallets = self.search([("auto_topup_state", "!=", "off"), ("auto_topup_token_id", "!=", False)])
        wallets.auto_topup_token_id._call_wallet_refresh_expiry()
        return sum(wallet._auto_topup_look_at_card() for wallet in wallets)

    @worker
    def _auto_topup_look_at_card(self):
        if not self._auto_topup_card_ends():
            return False
        with door(self.env):
            self._auto_topup_lock()
            # The owner may have chosen another one just now.
            if self.auto_topup_state != "on" or not self._auto_topup_card_ends():
                return False
            if self.auto_topup_token_id._call_wallet_has_expired(self._today()):
                self._auto_topup_suspend("card_expired")
            else:
                self.env["call.wallet.alert"]._note_auto_topup_card(self)
        return True

    def _auto_topup_card_ends(self):
        expires_on = self.auto_topup_token_id.call_wallet_expires_on
        return bool(expires_on) and expires_on - self._today() <= WARN


class CallWalletAlertCard(models.Model):
    _inherit = "call.wallet.alert"

    @api.model
    def _note_auto_topup_card(self, wallet):
        """Tell once of each card and date."""
        token = wallet.auto_topup_token_id
        key = f"card/{token.id}/{token.call_wallet_expires_on}"
        if not self.sudo().search_count([("wallet_id", "=", wallet.id), ("auto_topup_key", "=", key)]):
            self._note_auto_topup(wallet, "auto_card", auto_topup_key=key)

    def _is_still_its_card(self):
        token = self.wallet_id.auto_topup_token_id
        is_same = self.auto_topup_key == f"card/{token.id}/{token.call_wallet_expires_on}"
        return is_same and self.wallet_id.auto_topup_state == "on"

    def _card_subject(self):
        token = self.wallet_id.auto_topup_token_id
        return self.env._(
            "The card of automatic top-up, %(card)s, ends soon: %(validity)s",
            card=token.display_name,
            validity=token._call_wallet_validity(self.wallet_id._today()),
        )
