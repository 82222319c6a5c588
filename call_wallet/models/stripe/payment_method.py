from odoo import api, models


class PaymentMethodDebits(models.Model):
    _inherit = "payment.method"

    @api.model
    def _get_compatible_payment_methods(
        self,
        provider_ids,
        partner_id,
        currency_id=None,
        force_tokenization=False,
        is_express_checkout=False,
        report=None,
        **kwargs,
    ):
        """Offer no direct debits for a top-up to a customer whose bank has returned one."""
        methods = super()._get_compatible_payment_methods(
            provider_ids,
            partner_id,
            currency_id=currency_id,
            force_tokenization=force_tokenization,
            is_express_checkout=is_express_checkout,
            report=report,
            **kwargs,
        )
        if not self.env["payment.provider"]._call_wallet_is_topup(**kwargs):
            return methods
        company = self.env["res.partner"].sudo().browse(partner_id).commercial_partner_id
        if company.call_wallet_no_debits:
            return methods.filtered(lambda method: method.code != "ach_direct_debit")
        return methods
