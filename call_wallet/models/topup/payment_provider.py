from odoo import api, fields, models
from odoo.addons.payment import utils as payment_utils

from ...tools.fields import parse_id


class PaymentProviderTopup(models.Model):
    """Which providers may take payments that become balance."""

    _inherit = "payment.provider"

    call_wallet_warning = fields.Text(compute="_compute_call_wallet_warning", compute_sudo=True)

    @api.depends(
        "code",
        "state",
        "stripe_webhook_secret",
        "call_wallet_webhook_secret",
        "company_id.call_wallet_accept_test_payments",
    )
    def _compute_call_wallet_warning(self):
        for provider in self:
            in_use = provider.state != "disabled"
            provider.call_wallet_warning = "\n".join(provider._call_wallet_warnings()) if in_use else False

    def _call_wallet_warnings(self):
        """Return what somebody has to mend before, or while, top-ups are paid with this provider."""
        return [warning for warning in (self._call_wallet_refusal(), self._call_wallet_stripe_warning()) if warning]

    def _call_wallet_refusal(self):
        """Return why top-ups cannot be paid with this provider, or False.

        The one place that decides, for what is offered and for what is accepted.
        """
        self.ensure_one()
        provider, _ = self.sudo(), self.env._
        if provider.state == "test" and not provider.company_id.call_wallet_accept_test_payments:
            return _(
                "%(provider)s is in test mode, so it is not offered for call wallet top-ups: its payments bring no "
                "money. To try it out, turn on “Accept test payments” in the settings of Call Wallet.",
                provider=provider.name,
            )
        if provider.code == "stripe" and not provider.stripe_webhook_secret:
            return _(
                "%(provider)s is not offered for call wallet top-ups until its webhook signing secret is set: without "
                "it, nobody can tell Stripe's messages from forged ones. Use “Generate your webhook”.",
                provider=provider.name,
            )
        return False

    @api.model
    def _get_compatible_providers(
        self,
        company_id,
        partner_id,
        amount,
        currency_id=None,
        force_tokenization=False,
        is_express_checkout=False,
        is_validation=False,
        report=None,
        **kwargs,
    ):
        """Offer for a top-up only what may pay it."""
        providers = super()._get_compatible_providers(
            company_id,
            partner_id,
            amount,
            currency_id=currency_id,
            force_tokenization=force_tokenization,
            is_express_checkout=is_express_checkout,
            is_validation=is_validation,
            report=report,
            **kwargs,
        )
        if not self._call_wallet_is_topup(**kwargs):
            return providers
        refused = providers.filtered(lambda provider: provider._call_wallet_refusal())
        payment_utils.add_to_report(
            report, refused, available=False, reason=self.env._("not ready for call wallet top-ups")
        )
        providers -= refused
        currency = self.env["res.currency"].browse(currency_id or [])
        unfit = providers.filtered(lambda provider: not provider._call_wallet_charges(amount, currency))
        payment_utils.add_to_report(
            report, unfit, available=False, reason=self.env._("does not charge such an amount in this currency")
        )
        return providers - unfit

    @api.model
    def _call_wallet_is_topup(self, invoice_id=None, **_kwargs):
        """Tell whether a payment form is about a top-up: by its page, or by its invoice."""
        if self.env.context.get("call_wallet_topup"):
            return True
        invoice = self.env["account.move"].sudo().browse(parse_id(invoice_id) or [])
        return bool(invoice.exists().call_wallet_topup_ids)
