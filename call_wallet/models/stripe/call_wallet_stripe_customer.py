import hashlib
import json

import stripe
from odoo import Command, api, fields, models

from ...tools.stripe_client import client, first_email
from .payment_transaction import EXPAND

CURRENCY = "USD"  # in which Stripe gives out account numbers of the customer's own in the US


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
        return self._make(provider, company, is_live)

    @api.model
    def _make(self, provider, company, is_live, gone=None):
        """Make a customer at Stripe; ``gone`` is the reference of the one it takes the place of."""
        domain = [("provider_id", "=", provider.id), ("partner_id", "=", company.id), ("is_live", "=", is_live)]
        values = self._values(company)
        database = self.env["ir.config_parameter"].sudo().get_param("database.uuid")
        # The same customer again after a rollback; another one once the address is another.
        # For the same key Stripe would name the deleted one again.
        content = json.dumps([database, company.id, is_live, values, *([gone] if gone else [])], sort_keys=True)
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
        email = first_email(company.email)
        return {
            "name": company.name or "",
            **({"email": email} if email else {}),
            "address": {name: value for name, value in address.items() if value},
            "metadata": {"call_wallet_db": database, "call_wallet_partner": str(company.id)},
        }

    def _ask(self, request):
        """Return Stripe's answer about this customer; one that Stripe has deleted is replaced by a new one.

        :param request: function of the client and of the customer's reference
        :raise stripe.StripeError: Stripe refused, or did not answer
        """
        try:
            return request(client(self.provider_id.sudo()), self.reference)
        except stripe.InvalidRequestError as error:
            if error.code != "resource_missing" or error.param not in ("customer", "id"):
                raise
        provider, company, is_live, gone = self.provider_id, self.partner_id, self.is_live, self.reference
        self.sudo().unlink()
        new = self._make(provider, company, is_live, gone=gone)
        return request(client(provider.sudo()), new.reference)

    # === BANK TRANSFERS THROUGH STRIPE === #
    # Bank transfers through Stripe: money that arrives at the customer's own account number.

    def _funding(self):
        """Return Stripe's bank details for transfers of this customer, asked for once.

        :raise stripe.StripeError: Stripe refused, or did not answer
        """
        known = self.funding or {}
        if CURRENCY in known:
            return known[CURRENCY]
        values = {
            "bank_transfer": {"type": "us_bank_transfer"},
            "currency": CURRENCY.lower(),
            "funding_type": "bank_transfer",
        }
        provider, company = self.provider_id, self.partner_id
        instructions = self._ask(lambda api_, name: api_.customers.funding_instructions.create(name, values))
        addresses = instructions.to_dict()["bank_transfer"]["financial_addresses"]
        self._of(provider, company).funding = {**known, CURRENCY: addresses}
        return addresses

    @api.model
    def _bring_cash(self, provider, customer_ref, movement_ref):
        """Pay the customer's open top-ups from what a bank transfer brought; return whether he is ours."""
        customer = self.search([("provider_id", "=", provider.id), ("reference", "=", customer_ref)], limit=1)
        if not customer:
            return False
        api_ = client(provider)
        movement = api_.customers.cash_balance_transactions.retrieve(customer_ref, movement_ref).to_dict()
        if movement["type"] != "funded":
            return True
        balance = api_.customers.cash_balance.retrieve(customer_ref).to_dict()
        available = (balance["available"] or {}).get(movement["currency"], 0)
        for topup in customer._open_topups(movement["currency"].upper(), available):
            available -= customer._pay_from_cash(topup, available, movement_ref)
        if available > 0:
            customer._tell_rest(movement["currency"].upper(), available)
        return True

    def _open_topups(self, currency, available):
        """Return the top-ups still to be paid: first the one that is meant, by its amount, then the oldest."""
        topups = self.env["call.wallet.topup"].search(
            [
                ("partner_id", "=", self.partner_id.id),
                ("company_id", "=", self.provider_id.company_id.id),
                ("currency_id.name", "=", currency),
                ("invoice_id.state", "=", "posted"),
                ("invoice_id.amount_residual", ">", 0),
            ],
            order="id",
        )
        return topups.sorted(lambda topup: round(topup.invoice_id.amount_residual * 100) != available)

    def _pay_from_cash(self, topup, available, movement_ref):
        """Use cash for a top-up; return how much, in the currency's smallest unit."""
        invoice, provider = topup.invoice_id, self.provider_id
        amount = min(round(invoice.amount_residual * 100), available)
        if amount <= 0:
            return 0
        transaction = self.env["payment.transaction"].create(
            {
                "provider_id": provider.id,
                "payment_method_id": self.env.ref("payment.payment_method_bank_transfer").id,
                "amount": amount / 100,
                "currency_id": invoice.currency_id.id,
                "partner_id": self.partner_id.id,
                "operation": "offline",
                "invoice_ids": [Command.set(invoice.ids)],
            }
        )
        values = {
            **transaction._call_wallet_amount_values(),
            **transaction._call_wallet_description_values(),
            "customer": self.reference,
            "payment_method_types": ["customer_balance"],
            "payment_method_data": {"type": "customer_balance"},
            "confirm": True,
            "expand": EXPAND,
        }
        key = f"{movement_ref}/{topup.id}"
        transaction._call_wallet_ask(
            lambda api_: api_.payment_intents.create(values, {"idempotency_key": key}),
            transaction._call_wallet_process_intent,
        )
        transaction._post_process()
        return amount if transaction.state == "done" else 0

    def _tell_rest(self, currency, available):
        wallet = self.env["call.wallet"].search([("partner_id", "=", self.partner_id.id)], limit=1)
        amount = f"{available / 100:,.2f} {currency}"
        if wallet:
            told = wallet._for_finance()
            told._tell_finance(
                told.env._("A bank transfer was not used up: %s", amount),
                told.env._("It lies in the customer's cash balance at Stripe: add balance, or send it back."),
            )
