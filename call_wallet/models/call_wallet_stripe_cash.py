import logging

import stripe
from odoo import Command, api, models

from ..stripe_client import client
from .payment_transaction_stripe import EXPAND

_logger = logging.getLogger(__name__)

CURRENCY = "USD"  # in which Stripe gives out account numbers of the customer's own in the US


class CallWalletStripeCash(models.Model):
    """Bank transfers through Stripe: money that arrives at the customer's own account number."""

    _inherit = "call.wallet.stripe.customer"

    def _funding(self):
        """Return Stripe's bank details for transfers of this customer, asked for once.

        :raise stripe.StripeError: Stripe refused, or did not answer
        """
        known = self.funding or {}
        if CURRENCY not in known:
            instructions = client(self.provider_id.sudo()).customers.funding_instructions.create(
                self.reference,
                {
                    "bank_transfer": {"type": "us_bank_transfer"},
                    "currency": CURRENCY.lower(),
                    "funding_type": "bank_transfer",
                },
            )
            known = {**known, CURRENCY: instructions.to_dict()["bank_transfer"]["financial_addresses"]}
            self.sudo().funding = known
        return known[CURRENCY]

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
            wallet._tell_finance(
                self.env._("A bank transfer was not used up: %s", amount),
                self.env._("It lies in the customer's cash balance at Stripe: add balance, or send it back."),
            )


class CallWalletTopupFunding(models.Model):
    _inherit = "call.wallet.topup"

    def _bank_instructions_stripe(self):
        """Return where to send a bank transfer for this top-up, through Stripe: rows of (label, value).

        Empty where the company has no Stripe provider with bank transfers, the top-up is in another
        currency, or is paid or cancelled. The account number is the customer's own: what arrives
        there is used for his open top-ups.
        """
        self.ensure_one()
        topup = self.sudo()
        invoice = topup.invoice_id
        is_open = invoice.state == "posted" and not invoice.currency_id.is_zero(invoice.amount_residual)
        if not is_open or topup.currency_id.name != CURRENCY:
            return []
        provider = topup._provider_of_transfers()
        if not provider:
            return []
        try:
            addresses = topup.env["call.wallet.stripe.customer"]._of(provider, topup.partner_id)._funding()
        except stripe.StripeError:  # the invoice can be paid in other ways
            _logger.warning("Stripe gave no bank details for %s.", topup.display_name, exc_info=True)
            return []
        return topup._funding_rows(addresses)

    def _provider_of_transfers(self):
        providers = self.env["payment.provider"].search(
            [
                ("code", "=", "stripe"),
                ("company_id", "=", self.company_id.id),
                ("state", "!=", "disabled"),
                ("call_wallet_bank_transfer", "=", True),
            ]
        )
        return providers.filtered(lambda provider: not provider._call_wallet_refusal())[:1]

    def _funding_rows(self, addresses):
        _ = self.env._
        address = next((item for item in addresses if item["type"] == "aba"), addresses[0])
        details = address[address["type"]]
        labels = [
            ("account_holder_name", _("Beneficiary")),
            ("bank_name", _("Bank")),
            ("routing_number", _("Routing number (ABA)")),
            ("account_number", _("Account number")),
            ("account_type", _("Account type")),
        ]
        rows = [(label, details[name]) for name, label in labels if details.get(name)]
        swift = next((item["swift"] for item in addresses if item["type"] == "swift"), None)
        if swift:
            rows.append((_("SWIFT code, from abroad"), swift["swift_code"]))
        return [*rows, (_("Payment reference"), self.invoice_id.payment_reference or self.invoice_id.name)]
