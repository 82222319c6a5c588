from odoo.addons.account_payment.controllers.payment import PaymentPortal
from odoo.addons.payment.controllers.post_processing import PaymentPostProcessing
from odoo.exceptions import ValidationError
from odoo.http import request

from ..const import FINANCE

# A draft that is older was left by somebody who went away; the provider may not take it any more.
SAME_WITHIN_MINUTES = 60


class TopupPayment(PaymentPortal):
    """Paying a top-up's invoice: the server decides how much, for whom, and whether at all.

    Odoo's routes take the amount from the client, and look neither at other payments of the invoice
    nor at what is paid already.
    """

    def _process_transaction(self, partner_id, currency_id, invoice_ids, payment_reference, **kwargs):
        """Create the transaction by which invoices are paid; Odoo's routes for one and for several end here.

        :raise ValidationError: the invoice is paid, cancelled, or being paid just now; the way of paying it is not
            offered, or the saved card is not the user's to charge
        """
        invoices = request.env["account.move"].sudo().browse(invoice_ids)
        if not invoices.call_wallet_topup_ids:
            return super()._process_transaction(partner_id, currency_id, invoice_ids, payment_reference, **kwargs)
        invoices._call_wallet_lock_for_payment()
        partner = invoices._call_wallet_payer(request.env["res.partner"].sudo().browse(partner_id))
        kwargs["amount"] = sum(invoices.mapped("amount_residual"))
        kwargs["landing_route"] = (
            self._call_wallet_own_route(kwargs.get("landing_route")) or invoices[:1].get_portal_url()
        )
        self._call_wallet_refuse_not_offered(invoices, partner, kwargs)
        again = self._call_wallet_same_transaction(invoices, partner, kwargs)
        if again:
            again.landing_route = kwargs["landing_route"]
            # The status page of this browser, too, waits for it.
            PaymentPostProcessing.monitor_transaction(again)
            return again._get_processing_values()
        return super()._process_transaction(partner.id, currency_id, invoice_ids, payment_reference, **kwargs)

    def _call_wallet_refuse_not_offered(self, invoices, partner, kwargs):
        """Accept what the payment form offers, and nothing else; Odoo takes any provider's id."""
        if kwargs.get("flow") == "token":
            return self._call_wallet_refuse_token(invoices, kwargs.get("token_id"))
        invoice = invoices[:1]
        providers = (
            request.env["payment.provider"]
            .sudo()
            ._get_compatible_providers(
                invoice.company_id.id,
                partner.id,
                kwargs["amount"],
                currency_id=invoice.currency_id.id,
                invoice_id=invoice.id,
            )
        )
        provider = providers.filtered(lambda offered: offered.id == kwargs.get("provider_id"))
        methods = (
            request.env["payment.method"]
            .sudo()
            ._get_compatible_payment_methods(provider.ids, partner.id, currency_id=invoice.currency_id.id)
        )
        if not provider or kwargs.get("payment_method_id") not in methods.ids:
            raise ValidationError(
                request.env._("This way of paying %s is not offered. Choose one of those shown.", invoice.name)
            )

    def _call_wallet_refuse_token(self, invoices, token_id):
        """A link to an invoice lets anybody pay it, but not with the customer's saved card."""
        wallets = invoices.call_wallet_topup_ids.wallet_id
        user = request.env.user
        may_charge = user.has_group(FINANCE) or all(wallet._is_owned_by(user) for wallet in wallets)
        if not may_charge or any(token_id not in wallet._payment_tokens().ids for wallet in wallets):
            raise ValidationError(
                request.env._(
                    "Saved cards are charged by the wallet's owners alone. Pay %s another way.", invoices[:1].name
                )
            )

    def _call_wallet_own_route(self, route):
        """Return where to go after the payment, if it is a page of this site."""
        # Browsers leave out tabs and line breaks, after which it may be another site's.
        is_own = isinstance(route, str) and route.isprintable() and route.startswith("/")
        is_own = is_own and not route.startswith(("//", "/\\"))
        return route if is_own else None

    def _call_wallet_same_transaction(self, invoices, partner, kwargs):
        """Return the transaction that the same click made before, while nothing has come of it."""
        return (
            request.env["payment.transaction"]
            .sudo()
            .search(
                [
                    ("invoice_ids", "in", invoices.ids),
                    ("partner_id", "=", partner.id),
                    ("provider_id", "=", kwargs.get("provider_id") or False),
                    ("payment_method_id", "=", kwargs.get("payment_method_id") or False),
                    ("token_id", "=", kwargs.get("token_id") or False),
                    ("tokenize", "=", bool(kwargs.get("tokenization_requested"))),
                    ("amount", "=", kwargs["amount"]),
                    ("operation", "=", f"online_{kwargs.get('flow')}"),
                    "|",
                    ("state", "=", "draft"),
                    "&",
                    ("state", "=", "pending"),
                    ("provider_code", "=", "custom"),
                ],
                limit=1,
            )
            .filtered(lambda transaction: transaction.invoice_ids == invoices)
            .filtered(lambda transaction: transaction._call_wallet_is_recent(SAME_WITHIN_MINUTES))
        )

    def _get_extra_payment_form_values(self, invoice_id=None, access_token=None, **kwargs):
        """Show what will be charged, whatever amount the payment link names."""
        values = super()._get_extra_payment_form_values(invoice_id=invoice_id, access_token=access_token, **kwargs)
        invoice = request.env["account.move"].sudo().browse(self._cast_as_int(invoice_id) or []).exists()
        if invoice.call_wallet_topup_ids and invoice.state == "posted":
            values["amount"] = invoice.amount_residual
        return values
