from odoo.addons.account_payment.controllers.payment import PaymentPortal
from odoo.addons.payment.controllers.post_processing import PaymentPostProcessing
from odoo.exceptions import ValidationError
from odoo.http import request

from ..const import FINANCE
from ..tools.fields import parse_id

# An older draft is not used again: whoever made it has left, and the provider may not accept it any more.
SAME_WITHIN_MINUTES = 60


def may_use_cards(invoices):
    """Tell whether the user may charge a customer's saved cards, or save one: an owner, or finance of the company."""
    user = request.env.user
    wallets = invoices.sudo().call_wallet_topup_ids.wallet_id
    is_finance = user.has_group(FINANCE) and wallets.company_id <= user.company_ids
    return is_finance or all(wallet._is_owned_by(user) for wallet in wallets)


def hide_saving(values, invoices, providers):
    """Ask nobody on a payment form to save a card for a customer, but those who may."""
    if not may_use_cards(invoices):
        values["show_tokenize_input_mapping"] = dict.fromkeys(providers.ids, False)


class TopupPayment(PaymentPortal):
    """Pays a top-up's invoice: the server decides how much, for whom, and whether it may be paid at all.

    Odoo's routes take the amount from the client and check neither whether another payment of the invoice is under
    way nor what is already paid. Other invoices are left to Odoo.
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
        kwargs["tokenization_requested"] = kwargs.get("tokenization_requested") is True and may_use_cards(invoices)
        self._call_wallet_refuse_not_offered(invoices, partner, kwargs)
        self._call_wallet_refuse_while_owner_pays(invoices)
        again = self._call_wallet_same_transaction(invoices, partner, kwargs)
        if again:
            again.landing_route = kwargs["landing_route"]
            # The status page finds the payment through the session, which may be another browser's this time.
            PaymentPostProcessing.monitor_transaction(again)
            return again._get_processing_values()
        return super()._process_transaction(partner.id, currency_id, invoice_ids, payment_reference, **kwargs)

    def _call_wallet_refuse_not_offered(self, invoices, partner, kwargs):
        """Accept only what the payment form offers; Odoo takes any provider's id.

        :raise ValidationError: the provider, its method or the saved card is not offered
        """
        invoice = invoices[:1]
        if kwargs.get("is_validation") or kwargs.get("flow") not in ("direct", "redirect", "token"):
            raise ValidationError(request.env._("%s can be paid here, and nothing else.", invoice.name))
        if kwargs["flow"] == "token":
            return self._call_wallet_refuse_token(invoices, kwargs.get("token_id"))
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
            ._get_compatible_payment_methods(
                provider.ids, partner.id, currency_id=invoice.currency_id.id, invoice_id=invoice.id
            )
        )
        if not provider or kwargs.get("payment_method_id") not in methods.ids:
            raise ValidationError(
                request.env._("This way of paying %s is not offered. Choose one of those shown.", invoice.name)
            )

    def _call_wallet_refuse_while_owner_pays(self, invoices):
        """Keep whoever has only the link to an invoice from ending a payment that another user has begun.

        Only one page is open for an invoice: a new one ends the others. A page that was left lying is not waited for.

        :raise ValidationError: an owner's payment page is open
        """
        if may_use_cards(invoices):
            return
        begun = invoices.transaction_ids.filtered(
            lambda one: one.call_wallet_checkout_open and one._call_wallet_is_recent(SAME_WITHIN_MINUTES)
        )
        if begun.filtered(lambda one: one.create_uid != request.env.user):
            raise ValidationError(
                request.env._(
                    "Somebody else is paying %(invoice)s just now. Try again in %(minutes)s minutes.",
                    invoice=", ".join(invoices.mapped("name")),
                    minutes=SAME_WITHIN_MINUTES,
                )
            )

    def _call_wallet_refuse_token(self, invoices, token_id):
        """Refuse a saved card unless the user is an owner of the wallet, or finance staff.

        A link to an invoice lets anybody pay it, but not with the customer's card.

        :raise ValidationError: the card is not the user's to charge
        """
        wallets = invoices.call_wallet_topup_ids.wallet_id
        if not may_use_cards(invoices) or any(token_id not in wallet._payment_tokens().ids for wallet in wallets):
            raise ValidationError(
                request.env._(
                    "Saved cards are charged by the wallet's owners alone. Pay %s another way.", invoices[:1].name
                )
            )

    def _call_wallet_own_route(self, route):
        """Return the route to open after the payment if it is a page of this site, else None."""
        # Browsers ignore tabs and line breaks in an address: what is left could lead to another site.
        is_own = isinstance(route, str) and route.isprintable() and route.startswith("/")
        is_own = is_own and not route.startswith(("//", "/\\"))
        return route if is_own else None

    def _call_wallet_same_transaction(self, invoices, partner, kwargs):
        """Return a recent transaction for the same payment that has not gone any further, to use it again."""
        return (
            request.env["payment.transaction"]
            .sudo()
            .search(
                [
                    ("invoice_ids", "in", invoices.ids),
                    ("partner_id", "=", partner.id),
                    ("provider_id", "=", kwargs.get("provider_id") or False),
                    ("payment_method_id", "=", kwargs.get("payment_method_id") or False),
                    ("token_id", "=", parse_id(kwargs.get("token_id")) or False),
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
        invoice = request.env["account.move"].sudo().browse(parse_id(invoice_id)).exists()
        if invoice.call_wallet_topup_ids and invoice.state == "posted":
            values["amount"] = invoice.amount_residual
            hide_saving(values, invoice, kwargs.get("providers_sudo", request.env["payment.provider"]))
        return values
