from typing import NamedTuple

from odoo import Command, models
from odoo.exceptions import ConcurrencyError, UserError
from odoo.http import request
from odoo.tools import formatLang
from psycopg2.errors import UniqueViolation

from ..clock import utcnow
from ..fields import check_request_key, parse_amount
from .call_wallet import FINANCE


class Quote(NamedTuple):
    """What a top-up will be invoiced at; ``price`` goes on the invoice line."""

    taxes: object
    price: object
    tax: object
    total: object


class CallWalletTopupOrder(models.Model):
    """How a top-up is ordered: checked, agreed to, invoiced."""

    _inherit = "call.wallet"

    def create_topup(self, amount, accept_terms=True, request_key=None):
        """Order funds for the wallet: makes the top-up and its posted customer invoice.

        The wallet is credited as the invoice's payment is received, not before.

        :param amount: net of tax, in the wallet's currency: str, int or Decimal, not more
            decimals than the currency has
        :param bool accept_terms: the current terms of agreement are acknowledged
        :param str request_key: of the caller's making; the same key orders once and returns the first top-up
        :return: ``call.wallet.topup``; its ``invoice_id`` is posted
        :raise UserError: billing is not set up, terms not accepted, amount malformed or out of
            range, the company has no account for the deposits, or the key was used for another amount
        :raise AccessError: neither finance staff nor an owner of the wallet
        """
        wallet = self._as(FINANCE, owner=True)
        wallet.ensure_one()
        amount = wallet._check_topup(amount, accept_terms)
        topup = wallet._ordered_before(amount, request_key)
        if not topup:
            topup = wallet._order_topup({**wallet._prepare_topup_vals(amount), "request_key": request_key})
        return topup.with_env(self.env)

    def _ordered_before(self, amount, request_key):
        """Return the top-up that this request ordered when it came before."""
        topups = self.env["call.wallet.topup"].sudo()
        check_request_key(request_key, self.env)
        if not request_key:
            return topups
        topup = topups.search([("wallet_id", "=", self.id), ("request_key", "=", request_key)], limit=1)
        if topup and topup.amount != amount:
            raise UserError(
                self.env._(
                    "request_key: it ordered a top-up of %s before. Open Add Balance again to order another.",
                    formatLang(self.env, float(topup.amount), currency_obj=self.currency_id),
                )
            )
        return topup

    def _order_topup(self, vals):
        self._claim_topup_limits(vals["amount"])
        try:
            with self.env.cr.savepoint():
                topup = self.env["call.wallet.topup"].sudo().create(vals)
        except UniqueViolation:
            # The same request is being carried out just now; Odoo repeats this one, which then finds its result.
            raise ConcurrencyError(self.env._("This top-up is being ordered just now.")) from None
        topup._create_invoice()
        return topup

    def _check_topup(self, amount, accept_terms):
        """Return the amount as Decimal, if the wallet may be topped up with it."""
        _ = self.env._
        self._refuse_closed()
        if not self.is_set_up:
            raise UserError(_("Billing is not set up: save a notification recipient first, then add balance."))
        if accept_terms is not True:
            raise UserError(_("Terms: acknowledge that funds are invoiced and non-refundable."))
        if isinstance(amount, bool):
            raise UserError(_("Amount: enter a number."))
        amount = parse_amount(amount, _("Amount"), self.env)
        if amount != round(amount, self.currency_id.decimal_places):
            raise UserError(
                _(
                    "Amount: %(currency)s has %(places)s decimal places; use no more.",
                    currency=self.currency_id.name,
                    places=self.currency_id.decimal_places,
                )
            )
        lowest, highest = self.company_id.call_wallet_topup_min, self.company_id.call_wallet_topup_max
        if not lowest <= amount <= highest or amount <= 0:
            raise UserError(
                _(
                    "Amount: choose between %(lowest)s and %(highest)s.",
                    lowest=formatLang(self.env, float(lowest), currency_obj=self.currency_id),
                    highest=formatLang(self.env, float(highest), currency_obj=self.currency_id),
                )
            )
        return amount

    def _prepare_topup_vals(self, amount):
        return {
            "wallet_id": self.id,
            "amount": amount,
            "requested_by_id": self.env.uid,
            "terms_id": self.env["call.wallet.terms"]._current().id,
            "accepted_at": utcnow(),
            "accepted_from": request.httprequest.remote_addr if request else False,
            "accepted_with": request.httprequest.user_agent.string[:256] if request else False,
        }

    def _topup_taxes(self):
        """Return the taxes of a top-up for this customer: the product's, by fiscal position."""
        company = self.company_id
        product = self.env.ref("call_wallet.product_topup").with_company(company)
        position = self.env["account.fiscal.position"].with_company(company)._get_fiscal_position(self.partner_id)
        return position.map_tax(product.taxes_id._filter_taxes_by_company(company))

    def _quote_topup(self, amount):
        """Return what a top-up of ``amount`` will be invoiced at.

        :param Decimal amount: net of tax, in the wallet's currency
        :return: ``Quote``; its price holds the taxes that are included in prices
        """
        wallet = self.sudo()
        currency, taxes = wallet.currency_id, wallet._topup_taxes()
        computed = taxes.compute_all(
            float(amount),
            currency=currency,
            product=wallet.env.ref("call_wallet.product_topup"),
            partner=wallet.partner_id,
            handle_price_include=False,
        )
        included = currency.round(sum(tax["amount"] for tax in computed["taxes"] if tax["price_include"]))
        total = parse_amount(computed["total_included"])
        return Quote(taxes=taxes, price=amount + parse_amount(included), tax=total - amount, total=total)


class CallWalletTopupInvoice(models.Model):
    _inherit = "call.wallet.topup"

    def _create_invoice(self):
        self.ensure_one()
        self = self.with_context(lang=self.partner_id._call_wallet_lang())
        invoices = self.env["account.move"].with_company(self.company_id)
        self.invoice_id = invoices.with_context(default_move_type="out_invoice").create(self._prepare_invoice_vals())
        self.invoice_id.action_post()

    def _prepare_invoice_vals(self):
        wallet = self.wallet_id
        term = self.partner_id.with_company(self.company_id).property_payment_term_id
        return {
            "move_type": "out_invoice",
            "company_id": self.company_id.id,
            "partner_id": self.partner_id.id,
            "currency_id": self.currency_id.id,
            "invoice_date": self.company_id._call_wallet_today(),
            # A discount for paying early would be taken off the funds received; funds are not bought by instalments.
            "invoice_payment_term_id": False if term.early_discount or len(term.line_ids) > 1 else term.id,
            "invoice_origin": wallet.account_ref,
            "invoice_user_id": wallet.account_manager_id.id,
            "narration": self.env._(
                "Prepaid balance for call wallet %(account)s. Funds are invoiced and non-refundable "
                "(terms of agreement, version %(version)s).",
                account=wallet.account_ref,
                version=self.terms_id.version,
            ),
            "invoice_line_ids": [Command.create(self._prepare_invoice_line_vals())],
        }

    def _prepare_invoice_line_vals(self):
        product = self.env.ref("call_wallet.product_topup")
        quote = self.wallet_id._quote_topup(self.amount)
        return {
            "product_id": product.id,
            "name": self.env._("Call wallet %s: prepaid balance", self.wallet_id.account_ref),
            "quantity": 1,
            "price_unit": float(quote.price),
            "account_id": self.company_id._call_wallet_deposit_account().id,
            "call_wallet_id": self.wallet_id.id,
            "tax_ids": [Command.set(quote.taxes.ids)],
        }
