import hashlib
import json

import stripe
from odoo import api, fields, models

from ..stripe_client import client


class CallWalletStripeCustomer(models.Model):
    """A company's one customer in a Stripe account, whichever of its people pays.

    Live and test mode of an account know different customers.
    """

    _name = "call.wallet.stripe.customer"
    _description = "Stripe Customer of a Company"
    _rec_name = "reference"

    provider_id = fields.Many2one("payment.provider", required=True, readonly=True, ondelete="cascade", index=True)
    partner_id = fields.Many2one("res.partner", "Company", required=True, readonly=True, ondelete="cascade", index=True)
    is_live = fields.Boolean(readonly=True)
    reference = fields.Char("Stripe Customer", required=True, readonly=True, index=True)
    funding = fields.Json("Bank Details", readonly=True, help="By currency, as Stripe gave them.")

    _one = models.UniqueIndex("(provider_id, partner_id, is_live)", "A company has one customer in a Stripe account.")

    @api.model
    def _has_wallet(self, partner):
        wallets = self.env["call.wallet"].sudo().with_context(active_test=False)
        return bool(wallets.search_count([("partner_id", "=", partner.id)], limit=1))

    @api.model
    def _of(self, provider, partner):
        """Return the customer of a partner's company (as superuser), made at Stripe if there is none yet.

        :raise stripe.StripeError: Stripe refused, or did not answer
        """
        company, is_live = partner.commercial_partner_id, provider.state == "enabled"
        domain = [("provider_id", "=", provider.id), ("partner_id", "=", company.id), ("is_live", "=", is_live)]
        known = self.sudo().search(domain)
        if known:
            return known
        values = self._values(company)
        database = self.env["ir.config_parameter"].sudo().get_param("database.uuid")
        # The same customer again after a rollback; another one once the address is another.
        content = json.dumps([database, company.id, is_live, values], sort_keys=True)
        key = hashlib.sha256(content.encode()).hexdigest()
        customer = client(provider.sudo()).customers.create(values, {"idempotency_key": key})
        self.env.cr.execute(
            "INSERT INTO call_wallet_stripe_customer (provider_id, partner_id, is_live, reference)"
            " VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [provider.id, company.id, is_live, customer.id],
        )
        return self.sudo().search(domain)

    def _values(self, company):
        database = self.env["ir.config_parameter"].sudo().get_param("database.uuid")
        address = {
            "line1": company.street,
            "line2": company.street2,
            "city": company.city,
            "postal_code": company.zip,
            "state": company.state_id.name,
            "country": company.country_id.code,
        }
        return {
            "name": company.name or "",
            **({"email": company.email} if company.email else {}),
            "address": {name: value for name, value in address.items() if value},
            "metadata": {"call_wallet_db": database, "call_wallet_partner": str(company.id)},
        }

    def _forget_if_unknown(self, error):
        """Drop a customer that Stripe does not know (any more), so that the next attempt makes a new one."""
        if (
            isinstance(error, stripe.InvalidRequestError)
            and error.code == "resource_missing"
            and error.param == "customer"
        ):
            self.sudo().unlink()
