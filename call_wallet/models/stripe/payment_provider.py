import stripe
from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools.urls import urljoin

from ...tools.stripe_client import API_BASE, api_base, client
from .call_wallet_stripe_event import PAYOUT_EVENTS, WEBHOOK_EVENTS

WEBHOOK_ROUTE = "/call_wallet/stripe/webhook"


class PaymentProviderStripe(models.Model):
    """How top-ups are paid through Stripe."""

    _inherit = "payment.provider"

    call_wallet_checkout = fields.Boolean(
        "Stripe's payment page",
        default=True,
        help="Top-ups are paid, and cards saved, on Stripe's own page. Off: in Odoo's payment form, "
        "by a script of Stripe's.",
    )
    call_wallet_webhook_secret = fields.Char(
        copy=False,
        groups="base.group_system",
        help="Signs Stripe's messages about disputes, returned debits and refunds made in Stripe's dashboard.",
    )
    call_wallet_bank_transfer = fields.Boolean(
        "Stripe's bank details",
        help="Unpaid top-ups show an account number of the customer's own, at which Stripe receives bank transfers "
        "in US dollars. Stripe has to have enabled bank transfers for your account.",
    )

    call_wallet_swept_at = fields.Datetime(
        "Compared With Stripe Until",
        copy=False,
        groups="base.group_system",
        help="Up to when all that Stripe lists is known to have been entered here.",
    )

    call_wallet_payouts_at = fields.Datetime(
        "Payouts Known Until",
        copy=False,
        groups="base.group_system",
        help="Up to when Stripe's payouts, and what else moved its balance, are known here.",
    )

    def _call_wallet_stripe_warning(self):
        """Return what comes late while Stripe's messages do not reach this addon, or False."""
        if self.code != "stripe" or self.sudo().call_wallet_webhook_secret:
            return False
        return self.env._(
            "%(provider)s: disputes, returned debits and refunds made in Stripe's dashboard are noticed late, "
            "by a scheduled action only, until the webhook of Call Wallet is set up.",
            provider=self.name,
        )

    def _call_wallet_books_fees(self):
        """Tell whether fees and payouts are entered in the books: they are asked for, and the money is real."""
        company = self.company_id
        is_real = self.state != "test" or company.call_wallet_accept_test_payments
        return self.code == "stripe" and company.call_wallet_book_fees and is_real

    def _call_wallet_serves_wallets(self):
        """Tell whether a top-up was ever paid through this provider; else its payouts are nobody's business here."""
        payments = self.env["payment.transaction"].sudo()
        of_wallets = [("provider_id", "=", self.id), ("invoice_ids.call_wallet_topup_ids", "!=", False)]
        return bool(payments.search_count(of_wallets, limit=1))

    def _call_wallet_clearing_account(self):
        """Return the account on which this provider's payments wait for a payout; empty where they wait on none."""
        lines = self.journal_id.inbound_payment_method_line_ids
        return lines.filtered(lambda line: line.payment_provider_id == self).payment_account_id

    def action_call_wallet_webhook(self):
        """Have Stripe send its messages to Call Wallet, too, and keep the secret it signs them with.

        :raise UserError: Stripe refused, or the webhook is there already
        """
        self.ensure_one()
        self.check_access("write")
        if self.call_wallet_webhook_secret:
            raise UserError(self.env._("The webhook of Call Wallet is set up already."))
        values = {
            "url": urljoin(self.get_base_url(), WEBHOOK_ROUTE),
            "enabled_events": WEBHOOK_EVENTS + PAYOUT_EVENTS,
            "api_version": stripe.api_version,
        }
        try:
            endpoint = client(self).webhook_endpoints.create(values)
        except stripe.StripeError as error:
            raise UserError(error.user_message or str(error)) from error
        self.call_wallet_webhook_secret = endpoint.secret
        return {"type": "ir.actions.client", "tag": "soft_reload"}

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

    def _call_wallet_has_page(self):
        """Tell whether wallets' payments may go through Stripe's own page.

        Always where the address is not Stripe's: its script leads to Stripe.
        """
        self.ensure_one()
        return self.call_wallet_checkout or api_base(self) != API_BASE

    def _call_wallet_use_checkout(self, is_validation=False):
        """Tell whether the payment of a top-up, or a wallet's card to save, goes through Stripe's own page."""
        if not self._call_wallet_has_page():
            return False
        if is_validation:
            customer = self.env.user.partner_id.commercial_partner_id
            return self.env["call.wallet.stripe.customer"]._has_wallet(customer)
        return bool(self.env.context.get("call_wallet_topup"))
