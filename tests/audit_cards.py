"""Payments by card for the auditor: fees, a refund and payouts, through a stand-in of Stripe for each company.

Three top-ups are paid by card, 200 of one are paid back, and one payout brings the rest. In Spain another payout
follows, of which the bank's line is 1.00 short. The figures are worked out by hand.
"""

import logging
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NamedTuple

from tests.audit_expected import card_fee
from tests.audit_site import LAST

ORDERED, PAID, PAID_BACK, ARRIVED = (datetime(2026, 9, day, 12) for day in (1, 10, 20, 24))
SHORT_PAID, SHORT_ARRIVED, NOTICED = datetime(2026, 9, 25, 12), datetime(2026, 9, 28, 12), datetime(2026, 10, 8, 12)
BEFORE_ARRIVED = date(2026, 9, 23)
# {wallet: its top-ups}, in dollars, euros or yen
CARDS, SHORT = {"CARD": (1000, 500), "BACK": (2000,)}, {"SHORT": (100,)}
BACK = 200
# The bank's own fee, which is planted beside it (see audit_planted.py), is on the same account.
BANK_FEE = Decimal(9)


class CardStand(NamedTuple):
    """What payments by card have left in the books of a company at the end, in its currency."""

    paid_out: str  # for the three top-ups, and the line of the bank
    waited: str  # on the account on which payments wait, before that came
    fees: str  # on the account for fees
    payouts: tuple  # (amount, state, number of tasks) of each
    short_line: str = ""  # what came of another payout
    waiting: str = "0"  # on the account on which payments wait
    open_lines: tuple = ()  # lines of the bank that nobody has matched


# Fees are 2.9 % and 0.30: 29.30 of 1,000, 58.30 of 2,000, 14.80 of 500, together 102.40; 3.20 of 100. In yen they are
# 2.9 % and 30: 59, 88 and 45 (14.5 rounded is 15), together 192. Paid out are 3,500 less the fees and the 200.
# With the bank's own fee there are 9 more on the account.
STANDS = {
    "generic_coa": CardStand("3197.60", "3197.60", "111.40", (("3197.60", "matched", 0),)),
    "es_pymes": CardStand(
        "3197.60",
        "3197.60",
        "114.60",
        (("3197.60", "matched", 0), ("96.80", "doubt", 1)),
        short_line="95.80",
        waiting="96.80",
        open_lines=("95.80",),
    ),
    "jp": CardStand("3108", "3108", "201", (("3108", "matched", 0),)),
}


class Cards:
    """Plants a company's payments by card; ``problems`` says what is wrong with them in the end."""

    def __init__(self, site, open_wallet):
        """:param open_wallet: called with an environment and a name; returns a new wallet"""
        self.site, self.stand, self.open_wallet = site, STANDS[site.chart], open_wallet
        self.topups = {}

    def plant(self):
        from tests.stripe_fake import StripeFake

        self.fake = StripeFake().start()
        self.fake.webhooks.is_paused = True
        logging.getLogger("stripe").setLevel(logging.WARNING)  # which would tell of each request
        try:
            self._plant()
        finally:
            self.fake.stop()

    def _plant(self):
        self._open_account()
        self._top_up(CARDS, PAID)
        with self._at(PAID_BACK) as env:
            env["call.wallet.topup"].browse(self.topups["BACK"]).pay_back(str(BACK), "An office was closed")
        self._pay_out(ARRIVED, self.stand.paid_out)
        if self.stand.short_line:
            self._top_up(SHORT, SHORT_PAID)
            self._pay_out(SHORT_ARRIVED, self.stand.short_line)
            self._follow(NOTICED)
        with self.site.env() as env:
            # The next company's stand-in is not to be asked in the name of this one.
            self._provider(env).state = "disabled"

    def _at(self, moment):
        """Return an environment at that moment, which it is for the stand-in as well."""
        self.fake.store.clock = moment.replace(tzinfo=UTC).timestamp
        return self.site.env(moment)

    def _provider(self, env):
        of_company = [("code", "=", "stripe"), ("company_id", "=", self.site.company_id)]
        [provider] = env["payment.provider"].search(of_company)
        return provider

    def _open_account(self):
        from types import SimpleNamespace

        from tests.setups.books import make_account

        with self._at(ORDERED) as env:
            env["ir.config_parameter"].set_param("call_wallet.stripe_api_base", self.fake.url)
            env.company.call_wallet_accept_test_payments = True
            provider = self._provider(env)
            keys = {
                "stripe_publishable_key": "pk_test_1",
                "stripe_secret_key": "sk_test_1",
                "stripe_webhook_secret": "whsec_1",
                "call_wallet_webhook_secret": "whsec_2",
            }
            provider.write({"state": "test", "is_published": True, **keys})
            world = SimpleNamespace(root=env, company=env.company)
            # An account of Stripe's own: on the usual one all other payments wait for the bank, too.
            waiting = make_account(world, "Payments by card under way", "asset_current", "993", reconcile=True)
            lines = provider.journal_id.inbound_payment_method_line_ids
            lines.filtered(lambda line: line.payment_provider_id == provider).payment_account_id = waiting
            self.waiting, self.fees = waiting.id, env.company._call_wallet_fee_accounts()[:1].id

    def _top_up(self, wallets, moment):
        for name, amounts in wallets.items():
            with self._at(ORDERED) as env:
                wallet = self.open_wallet(env, name)
                topups = [wallet.create_topup(amount).id for amount in amounts]
                token = self._save_card(env, wallet.partner_id).id
            self.topups[name] = topups
            for topup in topups:
                with self._at(moment) as env:
                    self._pay(env, env["call.wallet.topup"].browse(topup), token)

    def _save_card(self, env, partner):
        provider = self._provider(env)
        customer = env["call.wallet.stripe.customer"]._of(provider, partner).reference
        method = self.fake.payments.attach("pm_card_visa", {"customer": customer})
        return env["payment.token"].create(
            {
                "provider_id": provider.id,
                "payment_method_id": env.ref("payment.payment_method_card").id,
                "payment_details": "4242",
                "partner_id": partner.id,
                "provider_ref": customer,
                "stripe_payment_method": method["id"],
            }
        )

    def _pay(self, env, topup, token):
        """Charge the saved card, as automatic top-up does."""
        from odoo import Command

        payment = env["payment.transaction"].create(
            {
                "provider_id": self._provider(env).id,
                "payment_method_id": env.ref("payment.payment_method_card").id,
                "token_id": token,
                "amount": topup.invoice_id.amount_total,
                "currency_id": topup.currency_id.id,
                "partner_id": topup.partner_id.id,
                "operation": "offline",
                "invoice_ids": [Command.set(topup.invoice_id.ids)],
            }
        )
        payment._charge_with_token()
        payment._post_process()

    def _pay_out(self, moment, amount):
        """Stripe pays out all that it has; the bank's line is over ``amount``, and then it is looked for."""
        with self._at(moment) as env:
            currency = self.site.place.currency.lower()
            self.fake.payouts.pay_out(currency, arrival=self.fake.store.clock())
            env["account.bank.statement.line"].create(
                {
                    "journal_id": self._provider(env).journal_id.id,
                    "date": moment.date(),
                    "payment_ref": "STRIPE PAYMENTS",
                    "amount": float(amount),
                }
            )
        self._follow(moment)

    def _follow(self, moment):
        """The scheduled action."""
        with self._at(moment) as env:
            env["call.wallet.stripe.payout"]._cron_payouts()

    # === THE CHECK === #

    def problems(self, env, books):
        """Yield what is wrong, by the books and by the list of payouts.

        :param books: the auditor's
        """
        stand = self.stand
        names = CARDS | (SHORT if stand.short_line else {})
        paid = [Decimal(amount) for amounts in names.values() for amount in amounts]
        fees = [BANK_FEE, *(card_fee(amount, books.coin) for amount in paid)]
        found = {
            "waiting before the payout": (books.on_account(self.waiting, BEFORE_ARRIVED), Decimal(stand.waited)),
            "waiting": (books.on_account(self.waiting, LAST), Decimal(stand.waiting)),
            "fees": (books.on_account(self.fees, LAST), Decimal(stand.fees)),
            "each fee": (books.items_of(self.fees), sorted(fees)),
            "open lines of the bank": (books.open_lines("STRIPE%"), sorted(map(Decimal, stand.open_lines))),
            "payouts": (self._payouts(env), sorted((Decimal(amount), *rest) for amount, *rest in stand.payouts)),
        }
        for name, (figure, should_be) in found.items():
            if figure != should_be:
                yield f"payments by card: {name}: {figure}, should be {should_be}"

    def _payouts(self, env):
        payouts = env["call.wallet.stripe.payout"].search([("company_id", "=", self.site.company_id)])
        return sorted((Decimal(str(one.amount)), one.state, len(one.activity_ids)) for one in payouts)
