from datetime import UTC, datetime, time
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import ConcurrencyError, UserError
from odoo.http import request
from psycopg2.errors import UniqueViolation

from ...const import FINANCE
from ...tools.clock import utcnow
from ...tools.door import door, worker
from ...tools.fields import ZERO, check_request_key, parse_amount
from ...tools.sentence import telling
from ...tools.task import in_company_language
from .call_wallet_topup_sync import _logger
from .invoices_sql import INVOICE_TOTALS, INVOICES_OF_A_PAGE

# The settings of a company that limit what owners order; zero: no limit. A new limit is named here, too: nothing is
# checked while all of these are zero.
LIMITS = ("day_max", "month_max", "open_max", "open_sum")


class Quote(NamedTuple):
    """What a top-up will be invoiced at; ``price`` goes on the invoice line."""

    taxes: object
    price: object
    tax: object
    total: object


class CallWalletOrder(models.Model):
    """How a top-up is ordered and paid: checked, agreed to, invoiced, within the owner's limits."""

    _inherit = "call.wallet"

    lacks_whatsapp_price = fields.Boolean(
        compute="_compute_lacks_whatsapp_price",
        help="Nobody has set what WhatsApp calls cost in this currency: they are refused.",
    )

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
        wallet = self._permitted(FINANCE, owner=True)
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
                    self._format_amount(topup.amount),
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
        topup._mail_invoice()
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
        self.company_id._call_wallet_refuse_without_rate(self.currency_id)
        amount = parse_amount(amount, _("Amount"), self.env)
        self._refuse_unpayable(amount, _("Amount"))
        lowest, highest = self._topup_bounds()
        if not lowest <= amount <= highest or amount <= 0:
            raise UserError(
                _(
                    "Amount: choose between %(lowest)s and %(highest)s.",
                    lowest=self._format_amount(lowest),
                    highest=self._format_amount(highest),
                )
            )
        if self.env.user.id != SUPERUSER_ID and not self.env.user.has_group(FINANCE):
            self._refuse_unchargeable(amount)
        return amount

    def _topup_bounds(self):
        """Return the smallest and the largest top-up, in the wallet's currency.

        :raise UserError: there is no rate of the currency
        """
        return self._company_amount("call_wallet_topup_min"), self._company_amount("call_wallet_topup_max")

    def _refuse_unchargeable(self, amount):
        """Refuse an owner's order that Stripe would not charge, with the nearest ones that it does.

        :raise UserError: says which amounts to use
        """
        problem = self.env["payment.provider"]._call_wallet_amount_problem(self, amount)
        if problem:
            raise UserError(problem)

    def _prepare_topup_vals(self, amount):
        return {
            "wallet_id": self.id,
            "amount": amount,
            "requested_by_id": self.env.uid,
            **self.env["call.wallet.terms"]._current()._acceptance(),
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

    # === THE WALLET'S CURRENCY === #

    @api.constrains("company_id", "currency_id")
    def _check_exchange_rate(self):
        """Refuse a currency in which nothing could be ordered or posted, before there is anything to order.

        :raise UserError: says where to enter the rate
        """
        for wallet in self:
            wallet.company_id._call_wallet_refuse_without_rate(wallet.currency_id)

    def _offer_in_currency(self):
        """See to it that what these wallets are sold has a price in their currency, and amounts to choose from."""
        for company, currency in {(wallet.company_id, wallet.currency_id) for wallet in self.sudo()}:
            self.env["call.wallet.price"]._ensure(company, currency)
            self.env["call.wallet.package"]._ensure(company, currency)

    @api.depends("company_id.call_wallet_whatsapp_rate", "currency_id", "rate_plan_id")
    def _compute_lacks_whatsapp_price(self):
        prices, rates = self.env["call.wallet.price"], self.env["call.rate"].sudo()
        for wallet in self:
            priced = [("plan_id", "=", wallet.rate_plan_id.id), ("call_type", "=", "whatsapp")]
            wallet.lacks_whatsapp_price = (
                bool(wallet.company_id)
                and prices._whatsapp_rate(wallet.company_id, wallet.currency_id) is None
                and not rates.search_count(priced, limit=1)
            )

    def _take_threshold(self, vals):
        """Begin anew with the company's threshold, in another currency, unless it was written with that."""
        for wallet in self if "low_balance_threshold" not in vals else ():
            wallet.low_balance_threshold = wallet._company_amount("call_wallet_threshold")

    def _company_amount(self, name, without_rate=None):
        """Return what an amount in the company's settings is in the wallet's currency.

        :param str name: the field of ``res.company``
        :param without_rate: what to return where there is no rate of the wallet's currency
        :raise UserError: so it is, and ``without_rate`` was not given; says where to enter the rate
        """
        return self.company_id._call_wallet_amount(name, self.currency_id, without_rate)

    # === LIMITS OF WHAT OWNERS ORDER === #
    # How much owners may order in a day and in a month, and how much may wait for its payment, against mistakes and
    # stolen cards.
    #
    # Days and months are those of the wallet's time zone. Orders of people count, paid or not, until they are
    # cancelled; automatic top-ups have a cap of their own. Finance staff are not limited.

    def _claim_topup_limits(self, amount):
        """Check the limits so that two orders at once cannot both pass them."""
        if self._has_topup_limits():
            # A write: of two orders at once the second one fails, is repeated, and sees the first.
            self.env.cr.execute("UPDATE call_wallet SET write_date = write_date WHERE id = %s", [self.id])
            self._check_topup_limits(amount)

    def _has_topup_limits(self):
        user = self.env.user
        is_limited = any(self.company_id[f"call_wallet_topup_{name}"] for name in LIMITS)
        return is_limited and user.id != SUPERUSER_ID and not user.has_group(FINANCE)

    def _check_topup_limits(self, amount):
        """Raise if the user may not order ``amount`` more today, or in this month."""
        if not self._has_topup_limits():
            return
        _ = self.env._
        self._check_unpaid_orders(amount)
        today = self._today()
        limit, left = self._company_amount("call_wallet_topup_day_max"), self._left_to_order("day_max", today)
        if amount > left:
            raise UserError(
                _(
                    "Amount: at most %(limit)s may be ordered in a day; %(left)s is left today.",
                    limit=self._format_amount(limit),
                    left=self._format_amount(left),
                )
            )
        limit = self._company_amount("call_wallet_topup_month_max")
        left = self._left_to_order("month_max", today.replace(day=1))
        if amount > left:
            raise UserError(
                _(
                    "Amount: at most %(limit)s may be ordered in a month; %(left)s is left of this one.",
                    limit=self._format_amount(limit),
                    left=self._format_amount(left),
                )
            )

    def _check_unpaid_orders(self, amount):
        """Raise if too many orders of the owners, or too large ones, wait for their payment with another ``amount``."""
        _ = self.env._
        unpaid = self.env["call.wallet.topup"].sudo().search(
            [
                ("wallet_id", "=", self.id),
                ("state", "in", ["pending", "partial"]),
                ("requested_by_id", "!=", SUPERUSER_ID),
            ]
        )  # fmt: skip
        most = self.company_id.call_wallet_topup_open_max
        if most and len(unpaid) >= most:
            raise UserError(
                _("Unpaid orders: there are %s, the most at once. Pay one, or have it cancelled.", len(unpaid))
            )
        most, open_sum = self._company_amount("call_wallet_topup_open_sum"), sum(unpaid.mapped("amount"), ZERO)
        if most and open_sum + amount > most:
            raise UserError(
                _(
                    "Amount: unpaid orders may come to %(limit)s together; %(left)s is left. Pay one, or have it "
                    "cancelled.",
                    limit=self._format_amount(most),
                    left=self._format_amount(max(most - open_sum, ZERO)),
                )
            )

    def _left_to_order(self, name, first_day):
        limit = self._company_amount(f"call_wallet_topup_{name}")
        return max(limit - self._ordered_since(first_day), ZERO) if limit else Decimal("Infinity")

    def _ordered_since(self, day):
        start = datetime.combine(day, time(), ZoneInfo(self.tz)).astimezone(UTC).replace(tzinfo=None)
        orders = (
            self.env["call.wallet.topup"]
            .sudo()
            .search(
                [
                    ("wallet_id", "=", self.id),
                    ("state", "!=", "cancelled"),
                    ("accepted_at", ">=", start),
                    ("requested_by_id", "!=", SUPERUSER_ID),
                ]
            )
        )
        return sum(orders.mapped("amount"), ZERO)

    # === OUTSTANDING CREDIT === #

    def _outstanding_credit(self):
        """Return what the customer has paid and not used for any invoice, in the wallet's currency."""
        items = self._outstanding_items()
        return sum((parse_amount(-item.amount_residual_currency) for item in items), ZERO)

    def _outstanding_items(self):
        """Return the customer's open payments: money received, no credit notes, nothing that has bounced."""
        self.ensure_one()
        wallet = self.sudo()
        domain = [
            ("company_id", "=", wallet.company_id.id),
            ("partner_id", "=", wallet.partner_id.commercial_partner_id.id),
            ("account_type", "=", "asset_receivable"),
            ("parent_state", "=", "posted"),
            ("reconciled", "=", False),
            ("amount_residual_currency", "<", 0),
            ("currency_id", "=", wallet.currency_id.id),
            "|",
            ("move_id.origin_payment_id.state", "in", ("in_process", "paid")),
            ("move_id.statement_line_id", "!=", False),
        ]
        items = wallet.env["account.move.line"].search(domain, order="date, id")
        items = items.filtered(
            lambda item: not item.move_id.origin_payment_id.payment_transaction_id.call_wallet_is_unsigned
        )
        if wallet.company_id.call_wallet_accept_test_payments:
            return items
        # A payment in a provider's test mode is no money: the top-up would be settled, and bring nothing.
        return items.filtered(
            lambda item: (
                not item.move_id.origin_payment_id.payment_transaction_id
                or item.move_id.origin_payment_id.payment_transaction_id.is_live
            )
        )

    # === SAVED CARDS === #

    def _payment_tokens(self):
        """Return the saved cards that can be charged for this wallet.

        Those of the customer itself, those that its people saved with the payment of one of this wallet's top-ups, and
        the user's own. What a colleague has saved otherwise, such as in a shop, is that person's alone.
        """
        self.ensure_one()
        wallet = self.sudo()
        tokens = wallet.env["payment.token"].search(
            [
                ("partner_id.commercial_partner_id", "=", wallet.partner_id.commercial_partner_id.id),
                ("company_id", "=", wallet.company_id.id),
                ("provider_id.state", "!=", "disabled"),
            ]
        )
        return tokens.filtered(
            lambda token: (
                token.partner_id in (wallet.partner_id, wallet.partner_id.commercial_partner_id)
                or token.partner_id == self.env.user.partner_id
                or token == wallet.auto_topup_token_id
                or self in token._call_wallet_saved_for()
            )
        )

    def _cards_saved_by(self, partner):
        """Return the cards that somebody has saved for this wallet: in their own name, and used for its top-ups."""
        self.ensure_one()
        tokens = self.env["payment.token"].sudo().search([("partner_id", "=", partner.id)])
        return tokens.filtered(
            lambda token: self in token.transaction_ids.invoice_ids.call_wallet_topup_ids.wallet_id
        ) | (self.auto_topup_token_id & tokens)

    def remove_payment_token(self, token_id):
        """Remove one of the customer's saved cards: it is not offered or charged any more.

        Automatic top-up that charges it stops, and says why.

        :param int token_id: one of the cards that this customer has saved
        :raise UserError: not a saved card of this customer
        :raise AccessError: neither an owner of the wallet nor finance staff
        """
        wallet = self._permitted(FINANCE, owner=True)
        wallet.ensure_one()
        token = wallet._payment_tokens().filtered(lambda token: token.id == token_id)
        if not token:
            raise UserError(self.env._("Card: this one is not saved any more."))
        token.active = False
        wallet.message_post(body=in_company_language(wallet).env._("Saved card removed: %s", token.display_name))
        return True

    # === INVOICES === #
    # Of the top-ups, drafts left out. It costs the same for ten of them and for thousands.

    def _invoice_totals(self, status=None, first=None, last=None):
        """Return what the invoices add up to, tax included, in the wallet's currency.

        :param str status: one of ``call_wallet_status``; any by default
        :param date first: the first invoice date, and ``last`` the last one; no limit by default
        :return: {status: (how many, their total, what is left to pay of them)}
        """
        self.ensure_one()
        self.env.flush_all()
        values = {"wallet": self.id, "status": status or None, "first": first, "last": last}
        self.env.cr.execute(INVOICE_TOTALS, values)
        return {
            status: (count, parse_amount(total), parse_amount(due))
            for status, count, total, due in self.env.cr.fetchall()
        }

    def _invoices_of_a_page(self, limit, offset=0, status=None, first=None, last=None):
        """Return some of the invoices, the newest first; parameters otherwise as for ``_invoice_totals``."""
        self.ensure_one()
        self.env.flush_all()
        values = {"wallet": self.id, "status": status or None, "first": first, "last": last}
        self.env.cr.execute(INVOICES_OF_A_PAGE, {**values, "limit": limit, "offset": offset})
        return self.env["account.move"].browse(invoice_id for (invoice_id,) in self.env.cr.fetchall())

    # === THE SWEEP === #

    @worker
    def _report_sweep(self, topups):
        names = ", ".join(topup.display_name for topup in topups)
        try:
            with door(self.env):
                told = self._for_finance()
                _ = telling(told.env)
                told._tell_finance(
                    _("Top-ups of %s were out of step with their payments", self.account_ref),
                    _(
                        "The regular check brought the credit in line with what was received: %s. The balance is right "
                        "now. It happens after a crash, or when payments are changed outside of Odoo.",
                        names,
                    ),
                    about=topups[0] if len(topups) == 1 else None,
                )
        except Exception:  # the balances are right, and in the log
            _logger.exception("Finance was not told of the repaired top-ups %s.", names)
