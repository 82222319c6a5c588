from odoo import fields, models

from ...tools.fields import Amount


class CallWalletSettingsMixin(models.AbstractModel):
    _inherit = "call.wallet.settings.mixin"

    call_wallet_topup_day_max = Amount(related="company_id.call_wallet_topup_day_max", readonly=False)
    call_wallet_topup_month_max = Amount(related="company_id.call_wallet_topup_month_max", readonly=False)
    call_wallet_topup_open_max = fields.Integer(related="company_id.call_wallet_topup_open_max", readonly=False)
    call_wallet_topup_open_sum = Amount(related="company_id.call_wallet_topup_open_sum", readonly=False)
    call_wallet_attempts_max = fields.Integer(related="company_id.call_wallet_attempts_max", readonly=False)
    call_wallet_accept_test_payments = fields.Boolean(
        related="company_id.call_wallet_accept_test_payments", readonly=False
    )
    call_wallet_mail_invoices = fields.Boolean(related="company_id.call_wallet_mail_invoices", readonly=False)
    call_wallet_fee_account_ids = fields.Many2many(related="company_id.call_wallet_fee_account_ids", readonly=False)
    call_wallet_payment_warning = fields.Text(compute="_compute_call_wallet_payment_warning")

    call_wallet_terms_warning = fields.Text(compute="_compute_call_wallet_terms_warning")

    # === LANGUAGES OF THE TERMS === #

    def _compute_call_wallet_terms_warning(self):
        terms = self.env["call.wallet.terms"].search([("valid_from", "<=", fields.Datetime.now())], limit=1)
        missing = terms.missing_languages
        for settings in self:
            settings.call_wallet_terms_warning = missing and self.env._(
                "%(terms)s has no text in languages of wallets' owners: %(languages)s. They read it as it was written.",
                terms=terms.display_name,
                languages=missing,
            )

    # === TEST PAYMENTS === #

    def _compute_call_wallet_payment_warning(self):
        for settings in self:
            providers = (
                self.env["payment.provider"]
                .sudo()
                .search([("company_id", "=", settings.company_id.id), ("state", "!=", "disabled")])
            )
            settings.call_wallet_payment_warning = "\n".join(filter(None, providers.mapped("call_wallet_warning")))
