from odoo import fields, models


class ResCompanyPayments(models.Model):
    _inherit = "res.company"

    call_wallet_accept_test_payments = fields.Boolean(
        "Accept test payments",
        help="Payments of providers in test mode bring no money. Where this is off, they are refused for top-ups, "
        "and one that was made all the same is not credited. For demonstrations and trials only.",
    )


class ResConfigSettingsPayments(models.TransientModel):
    _inherit = "res.config.settings"

    call_wallet_accept_test_payments = fields.Boolean(
        related="company_id.call_wallet_accept_test_payments", readonly=False
    )
    call_wallet_payment_warning = fields.Text(compute="_compute_call_wallet_payment_warning")

    def _compute_call_wallet_payment_warning(self):
        for settings in self:
            providers = (
                self.env["payment.provider"]
                .sudo()
                .search([("company_id", "=", settings.company_id.id), ("state", "!=", "disabled")])
            )
            settings.call_wallet_payment_warning = "\n".join(filter(None, providers.mapped("call_wallet_warning")))
