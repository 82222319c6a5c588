from odoo import api, models


class PaymentMethodDebits(models.Model):
    _inherit = "payment.method"

    @api.model
    def _get_compatible_payment_methods(self, provider_ids, partner_id, **kwargs):
        methods = super()._get_compatible_payment_methods(provider_ids, partner_id, **kwargs)
        company = self.env["res.partner"].sudo().browse(partner_id).commercial_partner_id
        if company.call_wallet_no_debits:
            return methods.filtered(lambda method: method.code != "ach_direct_debit")
        return methods
