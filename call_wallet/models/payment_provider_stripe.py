from odoo import fields, models

from ..stripe_client import API_BASE, api_base


class PaymentProviderStripe(models.Model):
    """How top-ups are paid through Stripe."""

    _inherit = "payment.provider"

    call_wallet_checkout = fields.Boolean(
        "Stripe's payment page",
        default=True,
        help="Top-ups are paid, and cards saved, on Stripe's own page. Off: in Odoo's payment form, "
        "by a script of Stripe's.",
    )

    def _build_request_url(self, endpoint, *, is_proxy_request=False, **kwargs):
        url = super()._build_request_url(endpoint, is_proxy_request=is_proxy_request, **kwargs)
        if self.code == "stripe" and not is_proxy_request:
            return url.replace(API_BASE, api_base(self), 1)
        return url

    def _should_build_inline_form(self, is_validation=False):
        """Build no form for what is paid on Stripe's own page."""
        if self.code == "stripe" and self._call_wallet_use_checkout(is_validation):
            return False
        return super()._should_build_inline_form(is_validation=is_validation)

    def _call_wallet_use_checkout(self, is_validation=False):
        """Tell whether a payment, or a card to save, goes through Stripe's own page.

        Always where the address is not Stripe's: its script leads to Stripe.
        """
        self.ensure_one()
        if api_base(self) != API_BASE:
            return True
        if not self.call_wallet_checkout:
            return False
        if is_validation:
            customer = self.env.user.partner_id.commercial_partner_id
            return self.env["call.wallet.stripe.customer"]._has_wallet(customer)
        return bool(self.env.context.get("call_wallet_topup"))
