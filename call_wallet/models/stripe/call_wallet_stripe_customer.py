import hashlib
import json
import logging

import psycopg2
import stripe
from odoo import Command, api, fields, models

from ...tools.asking import ask_and_enter, ask_stripe
from ...tools.door import door, end_if_clean, in_books, worker
from ...tools.sentence import telling
from ...tools.stripe_client import MENDED_BY_PEOPLE, cause_of, client, first_email
from .call_wallet_stripe_entry import to_major, to_minor
from .payment_transaction import EXPAND

_logger = logging.getLogger(__name__)

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
        values = self._values(company)
        database = self.env["ir.config_parameter"].sudo().get_param("database.uuid")
        # The same customer again after a rollback; another one once the address is another.
        # For the same key Stripe would name the deleted one again.
        content = json.dumps([database, company.id, is_live, values, *([gone] if gone else [])], sort_keys=True)
        key = hashlib.sha256(content.encode()).hexdigest()
        api_ = client(provider.sudo())
        end_if_clean(self.env)
        customer = api_.customers.create(values, {"idempotency_key": key})
        return self._keep(provider, company, is_live, customer.id, gone)

    @worker
    @api.model
    def _keep(self, provider, company, is_live, reference, gone):
        """Keep what Stripe calls a company, unless somebody else has made it known in the meantime."""
        with door(self.env):
            if gone:
                self.env.cr.execute(
                    "DELETE FROM call_wallet_stripe_customer WHERE provider_id = %s AND reference = %s",
                    [provider.id, gone],
                )
            self.env.cr.execute(
                "INSERT INTO call_wallet_stripe_customer (provider_id, partner_id, is_live, reference)"
                " VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
                [provider.id, company.id, is_live, reference],
            )
            self.env.invalidate_all()
        domain = [("provider_id", "=", provider.id), ("partner_id", "=", company.id), ("is_live", "=", is_live)]
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
        api_, reference = client(self.provider_id.sudo()), self.reference
        end_if_clean(self.env)
        try:
            return request(api_, reference)
        except stripe.InvalidRequestError as error:
            if error.code != "resource_missing" or error.param not in ("customer", "id"):
                raise
        new = self._make(self.provider_id, self.partner_id, self.is_live, gone=reference)
        return request(api_, new.reference)

    # === BANK TRANSFERS THROUGH STRIPE === #
    # Bank transfers through Stripe: money that arrives at the customer's own account number.

    @api.model
    def _provider_of_transfers(self, wallet):
        """Return the provider through which a wallet's customer may pay by bank transfer; none in other currencies."""
        providers = self.env["payment.provider"]
        if wallet.currency_id.name != CURRENCY:
            return providers
        found = providers.search(
            [
                ("code", "=", "stripe"),
                ("company_id", "=", wallet.company_id.id),
                ("state", "!=", "disabled"),
                ("call_wallet_bank_transfer", "=", True),
            ]
        )
        return found.filtered(lambda provider: not provider._call_wallet_refusal())[:1]

    @worker
    @api.model
    def _bank_details(self, wallet):
        """Return Stripe's bank details for a wallet's customer, asked for once and kept; empty where it has none.

        Called at the beginning of a request that shows them at its end: Stripe is asked before anything is written.
        """
        provider = self._provider_of_transfers(wallet)
        try:
            return self._of(provider, wallet.partner_id)._bring_funding() if provider else []
        except stripe.StripeError:  # the invoice can be paid in other ways
            _logger.warning("Stripe gave no bank details for %s.", wallet.display_name, exc_info=True)
            return []

    @worker
    def _bring_funding(self):
        """Return Stripe's bank details for transfers of this customer, asked for once and kept.

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
        with door(self.env):
            self._of(provider, company).funding = {**known, CURRENCY: addresses}
        return addresses

    @worker
    @api.model
    def _bring_cash(self, provider, customer_ref, movement_ref):
        """Pay the customer's open top-ups from what a bank transfer brought; return whether the customer is ours.

        Each payment is made here and committed, then Stripe is asked for it, then its answer is entered. Where Stripe
        does not answer, the same is asked again, for the same payments under the same keys. A top-up that fails keeps
        no other waiting.

        :raise stripe.StripeError: Stripe did not answer, or does not take our requests
        :raise Exception: what went wrong with the first top-up that failed, once the others had their turn
        """
        customer = self.search([("provider_id", "=", provider.id), ("reference", "=", customer_ref)], limit=1)
        if not customer:
            return False
        currency, available = customer._ask_cash(customer_ref, movement_ref)
        failed = None
        for topup in customer._open_topups(currency.upper(), available) if available > 0 else ():
            try:
                available -= customer._pay_from_cash(topup, available, movement_ref)
            except psycopg2.OperationalError:
                raise  # somebody else is at it: the whole is repeated
            except Exception as error:  # whatever it is, the other top-ups do not wait for it
                if cause_of(error) in MENDED_BY_PEOPLE:
                    raise  # Stripe takes no request at all
                _logger.warning("Top-up %s was not paid from cash.", topup.id, exc_info=True)
                failed = failed or error
                if isinstance(error, stripe.StripeError):  # it may have been carried out
                    available -= _open_at_stripe(topup.invoice_id)
        if failed:
            raise failed
        if available > 0:
            with door(self.env):
                customer._tell_rest(currency.upper(), available)
        return True

    def _ask_cash(self, customer_ref, movement_ref):
        """Return the currency of a movement and how much cash there is of it; 0 where nothing has arrived."""
        api_ = client(self.provider_id)
        end_if_clean(self.env)
        movement = api_.customers.cash_balance_transactions.retrieve(customer_ref, movement_ref).to_dict()
        if movement["type"] != "funded":
            return movement["currency"], 0
        balance = api_.customers.cash_balance.retrieve(customer_ref).to_dict()
        return movement["currency"], (balance["available"] or {}).get(movement["currency"], 0)

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
        return topups.sorted(lambda topup: _open_at_stripe(topup.invoice_id) != available)

    @worker
    def _pay_from_cash(self, topup, available, movement_ref):
        """Use cash for a top-up; return how much, in the currency's smallest unit."""
        transaction = in_books(self.env, lambda: self._begin_cash_payment(topup, available, movement_ref))
        if not transaction:
            return 0
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

        def request(api_):
            return api_.payment_intents.create(values, {"idempotency_key": key})

        ask_and_enter(
            self.env,
            lambda: ask_stripe(self.provider_id, request),
            lambda answer, _asked_at: transaction._call_wallet_finish_cash_payment(answer),
        )
        return transaction._call_wallet_minor(transaction.amount) if transaction.state == "done" else 0

    def _begin_cash_payment(self, topup, available, movement_ref):
        """Make the payment of a top-up from cash, or take an earlier one; Stripe is asked once it is committed.

        :return: the payment; none where the top-up does not wait for any
        """
        invoice, provider = topup.invoice_id, self.provider_id
        method = self.env.ref("payment.payment_method_bank_transfer")
        begun = invoice.transaction_ids.filtered(
            lambda payment: (
                (payment.state, payment.operation) == ("draft", "offline")
                and (payment.provider_id, payment.payment_method_id) == (provider, method)
            )
        )
        if begun:  # Stripe has not answered, or this process ended: the same again
            return begun[:1]
        amount = min(_open_at_stripe(invoice), available)
        if amount <= 0:
            return begun
        return self.env["payment.transaction"].create(
            {
                "provider_id": provider.id,
                "payment_method_id": method.id,
                "amount": float(to_major(amount, invoice.currency_id)),
                "currency_id": invoice.currency_id.id,
                "partner_id": self.partner_id.id,
                "operation": "offline",
                "invoice_ids": [Command.set(invoice.ids)],
            }
        )

    def _tell_rest(self, currency, available):
        own = [("partner_id", "=", self.partner_id.id), ("company_id", "=", self.provider_id.company_id.id)]
        wallets = self.env["call.wallet"].search([*own, ("currency_id.name", "=", currency)], limit=1)
        wallet = wallets or self.env["call.wallet"].search(own, limit=1)
        money = self.env["res.currency"].with_context(active_test=False).search([("name", "=", currency)], limit=1)
        amount = f"{to_major(available, money):,f} {currency}"
        if wallet:
            told = wallet._for_finance()
            _ = telling(told.env)
            told._tell_finance(
                _("A bank transfer was not used up: %s", amount),
                _("It lies in the customer's cash balance at Stripe: add balance, or send it back."),
            )


def _open_at_stripe(invoice):
    """Return what of an invoice is still to be paid, in the smallest unit of its currency at Stripe."""
    return to_minor(invoice.amount_residual, invoice.currency_id)
