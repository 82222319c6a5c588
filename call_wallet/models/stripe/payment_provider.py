import json

import stripe
from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import formatLang
from odoo.tools.urls import urljoin

from ...tools.fields import parse_amount
from ...tools.money import unit_of
from ...tools.stripe_amounts import limits
from ...tools.stripe_client import API_BASE, api_base, cause_of, client, first_email, is_unanswered
from .call_wallet_stripe_event import PAYOUT_EVENTS, WEBHOOK_EVENTS

WEBHOOK_ROUTE = "/call_wallet/stripe/webhook"

# How many of the currency's smallest units the nearest amount that Stripe charges may be away.
NEAR = 60

# Under which name finance's list has a refusal of Stripe's.
REFUSING = "stripe_request"


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

    @api.model
    def _call_wallet_compared(self):
        """Return the accounts to compare: those in use, and those switched off while something is under way there."""
        events = self.env["call.wallet.stripe.event"]
        return (
            self.search([("code", "=", "stripe")])
            .filtered("stripe_secret_key")
            .filtered(
                lambda provider: (
                    provider.state != "disabled"
                    or events._left_open(provider, None)
                    or events._unanswered(provider)
                    or events._refunds_left(provider, None)
                )
            )
        )

    # === AMOUNTS === #
    # What Stripe does not charge is said where the amount is chosen, and Stripe is not offered for it.

    @api.model
    def _call_wallet_charging(self, wallet):
        """Return the Stripe providers (as superuser) that are offered for a wallet's top-ups."""
        found = self.sudo().search(
            [
                ("code", "=", "stripe"),
                ("state", "!=", "disabled"),
                ("is_published", "=", True),
                ("company_id", "=", wallet.company_id.id),
            ]
        )
        return found.filtered(
            lambda provider: (
                wallet.currency_id in (provider.available_currency_ids or wallet.currency_id)
                and not provider._call_wallet_refusal()
            )
        )

    @api.model
    def _call_wallet_amount_problem(self, wallet, amount):
        """Return why Stripe would not charge a top-up of this amount, with the nearest it would; False where it does.

        More than Stripe ever charges is a matter of bank transfers, where there is another way to pay.

        :param Decimal amount: net of tax, in the wallet's currency
        """
        rule, currency = limits(wallet.currency_id.name), wallet.currency_id
        is_plain = unit_of(currency) % rule.step == 0 and rule.lowest <= amount <= rule.highest / 2
        if is_plain or not self._call_wallet_charging(wallet):
            return False
        total = wallet._quote_topup(amount).total
        if rule.allow(total) or (total > rule.highest and self._call_wallet_other_ways(wallet)):
            return False
        _ = self.env._
        if total < rule.lowest:
            return _(
                "Amount: at least %s, tax included, can be paid by card; use more.", wallet._format_exactly(rule.lowest)
            )
        if total > rule.highest:
            return _(
                "Amount: at most %s, tax included, can be paid by card; use less.", wallet._format_exactly(rule.highest)
            )
        nearest = [wallet._format_exactly(near) for near in self._call_wallet_nearest(wallet, amount, rule)]
        return _(
            "Amount: cards are charged in steps of %(step)s, tax included; this would be %(total)s. Use %(nearest)s.",
            step=wallet._format_exactly(rule.step),
            total=wallet._format_exactly(total),
            nearest=_(" or ").join(nearest) or _("another amount"),
        )

    @api.model
    def _call_wallet_package_problem(self, amount, currency):
        """Return why Stripe would not charge a package, before tax; False where it does, or is not used at all."""
        rule = limits(currency.name)
        in_use = [("code", "=", "stripe"), ("state", "!=", "disabled")]
        if rule.lowest <= amount and amount % rule.step == 0 or not self.sudo().search_count(in_use, limit=1):
            return False
        _, places = self.env._, currency.decimal_places
        lowest, step, below, above = (
            formatLang(self.env, float(figure), digits=places)
            for figure in (rule.lowest, rule.step, *rule.around(amount))
        )
        if amount < rule.lowest:
            return _(
                "Amount: Stripe charges %(lowest)s %(currency)s at least.",
                lowest=lowest,
                currency=currency.name,
            )
        return _(
            "Amount: Stripe charges %(currency)s in steps of %(step)s; use %(below)s or %(above)s.",
            currency=currency.name,
            step=step,
            below=below,
            above=above,
        )

    @api.model
    def _call_wallet_other_ways(self, wallet):
        return bool(
            self.sudo().search_count(
                [
                    ("code", "!=", "stripe"),
                    ("state", "!=", "disabled"),
                    ("is_published", "=", True),
                    ("company_id", "=", wallet.company_id.id),
                ],
                limit=1,
            )
        )

    @api.model
    def _call_wallet_nearest(self, wallet, amount, rule):
        """Yield the nearest amounts net of tax, one below and one above, whose totals Stripe charges."""
        unit = unit_of(wallet.currency_id)
        for direction in (-1, 1):
            for steps in range(1, NEAR):
                near = amount + direction * steps * unit
                if near > 0 and rule.allow(wallet._quote_topup(near).total):
                    yield near
                    break

    @api.model
    def _call_wallet_chargeable(self, wallet, amount):
        """Return the smallest amount from this one on, net of tax, whose total Stripe charges; else this one."""
        rule = limits(wallet.currency_id.name)
        if unit_of(wallet.currency_id) % rule.step == 0 or rule.allow(wallet._quote_topup(amount).total):
            return amount
        return max([amount, *self._call_wallet_nearest(wallet, amount, rule)])

    def _call_wallet_charges(self, amount, currency):
        """Tell whether this provider charges an amount (a float, tax included); None is an amount not known yet."""
        if self.code != "stripe" or not currency or amount is None:
            return True
        return limits(currency.name).allow(parse_amount(amount))

    # === REFUSALS === #

    def _call_wallet_note_refusal(self, error):
        """Tell finance that Stripe refused a request of this account, and what to do about it."""
        cause = cause_of(error) or "provider_request"
        self.env["call.wallet.failure"]._note_failure(REFUSING, self, error, cause)

    def _call_wallet_forget_refusal(self):
        """Stripe has taken a request: what was noted is over."""
        failures = self.env["call.wallet.failure"]
        key = (self._name, self.id)
        if key in failures._failing(REFUSING):
            failures._forget_failures(REFUSING, {key})

    @api.model
    def _call_wallet_refusal_words(self, error):
        """Return what customers are told when Stripe refuses a request: what to do, and nothing of keys or names."""
        _ = self.env._
        if is_unanswered(error):
            return _("The payment provider does not answer. Nothing was charged; try again in a minute.")
        if getattr(error, "param", None) in ("amount", "line_items") or (error.code or "").startswith("amount_"):
            return _("This amount cannot be paid by card. Nothing was charged; use another amount or a bank transfer.")
        return _(
            "The payment provider does not take this payment just now. Nothing was charged, and we have been told. "
            "Try again later, or pay by bank transfer."
        )

    def _stripe_get_inline_form_values(
        self, amount, currency, partner_id, is_validation, payment_method_sudo=None, **kwargs
    ):
        """Give Stripe's script one bare e-mail address of who pays a top-up, or none: it refuses anything else."""
        values = super()._stripe_get_inline_form_values(
            amount, currency, partner_id, is_validation, payment_method_sudo=payment_method_sudo, **kwargs
        )
        partner = self.env["res.partner"].sudo().browse(partner_id).exists()
        has_wallet = self.env["call.wallet.stripe.customer"]._has_wallet(partner.commercial_partner_id)
        if not (has_wallet if is_validation else self._call_wallet_is_topup(**kwargs)):
            return values
        values = json.loads(values)
        values["billing_details"]["email"] = first_email(values["billing_details"]["email"]) or ""
        return json.dumps(values)

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
