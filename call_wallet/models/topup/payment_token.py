import logging
from calendar import monthrange
from datetime import date

import stripe
from odoo import api, fields, models
from odoo.tools import format_date

from ...tools.stripe_client import client

_logger = logging.getLogger(__name__)


class PaymentToken(models.Model):
    _inherit = "payment.token"

    call_wallet_expires_on = fields.Date(
        "Expires On", readonly=True, help="The last day of the month printed on the card; empty where it is not known."
    )

    @api.model
    def _get_available_tokens(self, providers_ids, partner_id, is_validation=False, **kwargs):
        """Offer an owner who pays a top-up all cards saved for the wallet, not only the owner's own."""
        tokens = super()._get_available_tokens(providers_ids, partner_id, is_validation=is_validation, **kwargs)
        wallets = self.env["call.wallet"].sudo().browse(self.env.context.get("call_wallet_cards_of") or [])
        if is_validation or not wallets:
            return tokens
        shared = wallets._payment_tokens().filtered(lambda token: token.provider_id.id in providers_ids)
        return tokens | shared

    def _call_wallet_saved_for(self):
        """Return the wallets with whose top-up's payment a card was saved: the first that it was used for."""
        first = self.transaction_ids.sorted("id")[:1]
        return first.invoice_ids.call_wallet_topup_ids.wallet_id

    # === EXPIRY === #
    # Until when a saved card is valid, as far as its provider tells.

    @api.model
    def _call_wallet_last_day(self, card):
        """Return the last day of a card at Stripe, or False for what has none, such as a bank account."""
        year, month = card.get("exp_year"), card.get("exp_month")
        return date(year, month, monthrange(year, month)[1]) if year and month else False

    def _call_wallet_ask_expiry(self):
        """Return the card's last day as Stripe tells it: False where it has none, None where Stripe does not tell.

        Nothing is written, and nothing should be locked: see ``_call_wallet_refresh_apart``.
        """
        if self.provider_code != "stripe" or not self.stripe_payment_method:
            return None
        try:
            method = client(self.provider_id).payment_methods.retrieve(self.stripe_payment_method).to_dict()
        except stripe.StripeError:
            _logger.warning("Stripe did not tell until when %s is valid.", self.display_name, exc_info=True)
            return None
        return self._call_wallet_last_day(method.get("card") or {})

    def _call_wallet_is_expired(self, day):
        """Tell whether the card has expired, as far as is known here."""
        return bool(self.call_wallet_expires_on) and self.call_wallet_expires_on < day

    def _call_wallet_validity(self, day):
        """Return what the card's owner should know of it, such as "Expires 11/2026"."""
        if not self.call_wallet_expires_on:
            return ""
        month = format_date(self.env, self.call_wallet_expires_on, date_format="MM/yyyy")
        if self._call_wallet_is_expired(day):
            return self.env._("Expired %s", month)
        return self.env._("Expires %s", month)
