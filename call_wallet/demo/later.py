from datetime import UTC, date, datetime

from odoo import Command

from ..tools.clock import recorded_at
from ..tools.intake import parse_call
from .story import end_of

ACCOUNTS = ("WONKA", "OSCORP")
# Dollars buy these many euros from that day on: 400 euros of the 3rd are 500 dollars, 150 of the 16th are 200.
EURO_RATES = {date(2026, 11, 1): 0.8, date(2026, 11, 16): 0.75}
EURO_TOPUPS = [(datetime(2026, 11, 3, 9), "400"), (datetime(2026, 11, 16, 9), "150")]
# 10, 21 and 1 minutes at 0.12: 3.84.
EURO_CALLS = [(datetime(2026, 11, 10, 9), 600), (datetime(2026, 11, 10, 10), 1230), (datetime(2026, 11, 10, 11), 45)]
# Stripe keeps 2.9 % and 0.30 of each.
CARD_TOPUPS = [(datetime(2026, 11, 3, 15), "100", 320), (datetime(2026, 11, 4, 15), "50", 175)]
PAID_OUT = date(2026, 11, 9)
OCTOBER_ENDS = date(2026, 10, 31)


def tell(env):
    """Tell what needs a second currency and a payment provider: a wallet in euros, a payout, and a month's end.

    In the demo alone, once its stand-in for Stripe is set up; not in every database that has demo data. A second
    call changes nothing.
    """
    company = env.ref("base.main_company")
    later = Later(env(context={**env.context, "allowed_company_ids": company.ids}), company)
    if later.is_told():
        return False
    later.tell_euros()
    later.tell_payout()
    later.tell_month_end()
    later.keep_quiet()
    return True


class Later:
    """Two more customers. Their books are in US dollars, else nothing is told."""

    def __init__(self, env, company):
        self.env, self.company = env, company
        self.stripe = env.ref("payment.payment_provider_stripe")

    def is_told(self):
        wallets = self.env["call.wallet"].search([("account_ref", "in", ACCOUNTS)])
        return bool(wallets) or self.company.currency_id != self.env.ref("base.USD")

    # === A WALLET IN EUROS === #

    def tell_euros(self):
        """Order twice at different rates, and call in between."""
        euro = self.env.ref("base.EUR")
        euro.active = True
        self._set_rates(euro)
        wallet = self._make_wallet("WONKA", "Wonka Personal GmbH", "Munich", "base.de", euro, self._make_plan(euro))
        for when, amount in EURO_TOPUPS:
            with recorded_at(when):
                self._pay_by_transfer(wallet.create_topup(amount, accept_terms=True).invoice_id)
        calls = [
            {
                "account": "WONKA",
                "call_ref": f"wonka-{number}",
                "call_type": "live",
                "number": "+498912345678",
                "status": "completed",
                "started_at": f"{begun.isoformat()}Z",
                "duration_seconds": seconds,
                "campaign": "Oompa",
            }
            for number, (begun, seconds) in enumerate(EURO_CALLS, 1)
        ]
        with recorded_at(end_of(parse_call(calls[-1]))):
            self.env["call.usage"]._record_calls(calls, date_of=end_of)

    def _set_rates(self, euro):
        rates = self.env["res.currency.rate"]
        for day, rate in EURO_RATES.items():
            if not rates.search([("currency_id", "=", euro.id), ("name", "=", day)]):
                rates.create({"currency_id": euro.id, "name": day, "rate": rate, "company_id": self.company.id})

    def _make_plan(self, euro):
        price = {"prefix": "49", "destination": "Germany", "price_per_minute": 0.12, "increment_seconds": 60}
        return self.env["call.rate.plan"].create(
            {
                "name": "Germany, in euros",
                "currency_id": euro.id,
                "rate_ids": [Command.create({**price, "call_type": "live"})],
            }
        )

    def _pay_by_transfer(self, invoice):
        context = {"active_model": "account.move", "active_ids": invoice.ids}
        wizard = self.env["account.payment.register"].with_context(**context)
        wizard.create({"payment_date": self.company._call_wallet_today()})._create_payments()

    # === A PAYOUT OF STRIPE'S === #

    def tell_payout(self):
        """Pay twice by card; Stripe pays out 145.05: 150.00 less its fees of 3.20 and 1.75."""
        dollar, plan = self.env.ref("base.USD"), self.env.ref("call_wallet.demo_rate_plan")
        wallet = self._make_wallet("OSCORP", "Oscorp Talent Inc.", "New York", "base.us", dollar, plan)
        movements = []
        for number, (when, amount, fee) in enumerate(CARD_TOPUPS, 1):
            with recorded_at(when):
                movement = self._movement(number, when, int(amount) * 100, fee)
                self._pay_by_card(wallet.create_topup(amount, accept_terms=True), number, movement)
                movements.append(movement)
        with recorded_at(datetime.combine(PAID_OUT, datetime.min.time())):
            self._pay_out(movements)

    def _movement(self, number, when, amount, fee):
        """Return what Stripe says of a payment's charge."""
        return {
            "id": f"txn_demo_{number}",
            "type": "charge",
            "amount": amount,
            "fee": fee,
            "net": amount - fee,
            "currency": "usd",
            "created": int(when.replace(tzinfo=UTC).timestamp()),
            "description": None,
            "source": {"id": f"ch_demo_{number}", "payment_intent": f"pi_demo_{number}"},
        }

    def _pay_by_card(self, topup, number, movement):
        invoice, transactions = topup.invoice_id, self.env["payment.transaction"]
        transaction = transactions.create(
            {
                "provider_id": self.stripe.id,
                "payment_method_id": self.env.ref("payment.payment_method_card").id,
                "reference": transactions._compute_reference("stripe", prefix=invoice.name),
                "provider_reference": f"pi_demo_{number}",
                "amount": invoice.amount_total,
                "currency_id": invoice.currency_id.id,
                "partner_id": invoice.partner_id.id,
                "operation": "online_redirect",
                "invoice_ids": [Command.set(invoice.ids)],
            }
        )
        transaction._call_wallet_keep_charge({"balance_transaction": movement})
        transaction._set_done()
        transaction._post_process()

    def _pay_out(self, movements):
        """Enter the payout, and the line with which the bank's statement shows it."""
        amount = sum(movement["net"] for movement in movements)
        payouts = self.env["call.wallet.stripe.payout"]
        told = {
            "id": "po_demo_1",
            "amount": amount,
            "currency": "usd",
            "arrival_date": int(datetime.combine(PAID_OUT, datetime.min.time(), UTC).timestamp()),
            "automatic": True,
            "statement_descriptor": "STRIPE",
            "status": "paid",
        }
        payout = payouts._enter_payout(self.stripe, told)
        payout._made_up_of(movements)
        self.env["account.bank.statement.line"].create(
            {
                "journal_id": self.stripe.journal_id.id,
                "date": PAID_OUT,
                "payment_ref": "STRIPE PAYMENTS po_demo_1",
                "amount": payout.amount,
            }
        )
        payout._match()

    # === THE END OF OCTOBER === #

    def tell_month_end(self):
        """Post October's usage, and show apart what INITECH owes, whose last calls cost more than it had."""
        wallets, month_ends = self.env["call.wallet"], self.env["call.wallet.month.end"]
        wallets.post_transactions(None, OCTOBER_ENDS, self.company)
        month_ends.post_month_end(OCTOBER_ENDS, self.company)

    # === CUSTOMERS === #

    def keep_quiet(self):
        """Nobody is mailed today of what arrived then."""
        for topup in self.env["call.wallet.topup"].search([("wallet_id.account_ref", "in", ACCOUNTS)]):
            topup.notified_amount = topup.credited_amount

    def _make_wallet(self, account, name, city, country, currency, plan):
        email = f"billing@{account.lower()}.example"
        partner = self.env["res.partner"].create(
            {
                "name": name,
                "is_company": True,
                "city": city,
                "country_id": self.env.ref(country).id,
                "email": email,
                "property_payment_term_id": self.env.ref("account.account_payment_term_immediate").id,
            }
        )
        wallet = self.env["call.wallet"].create(
            {
                "account_ref": account,
                "partner_id": partner.id,
                "company_id": self.company.id,
                "currency_id": currency.id,
                "tz": "Europe/Berlin" if currency.name == "EUR" else "America/New_York",
                "rate_plan_id": plan.id,
                "account_manager_id": self.env.ref("call_wallet.demo_user_accountmanager").id,
            }
        )
        wallet.set_recipients([email])
        return wallet
