from odoo import api, models


class PaymentTokenCompany(models.Model):
    _inherit = "payment.token"

    @api.model
    def _get_available_tokens(self, providers_ids, partner_id, is_validation=False, **kwargs):
        """Offer an owner who pays a top-up all cards that his company has saved, not only his own."""
        tokens = super()._get_available_tokens(providers_ids, partner_id, is_validation=is_validation, **kwargs)
        wallets = self.env["call.wallet"].sudo().browse(self.env.context.get("call_wallet_cards_of") or [])
        if is_validation or not wallets:
            return tokens
        shared = wallets._payment_tokens().filtered(lambda token: token.provider_id.id in providers_ids)
        return tokens | shared
