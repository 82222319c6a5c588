from datetime import UTC, date, datetime, time, timedelta

from odoo import Command

from .customers import Customers
from .examples import Examples
from .told import send_alerts, told_at

ACCOUNTS = ("WONKA", "OSCORP")
# Dollars buy these many euros from that day on: 400 euros of the 6th are 500 dollars, 150 of the 19th are 200.
EURO_RATES = {date(2026, 10, 4): 0.8, date(2026, 10, 19): 0.75}
EURO_TOPUPS = [(datetime(2026, 10, 6, 9), "400"), (datetime(2026, 10, 19, 9), "150")]
EURO_PRICES = [("live", "49", "Germany", "0.12"), ("whatsapp", False, "Any number", "0.02")]
# 10, 21 and 1 minutes at 0.12: 3.84.
EURO_CALLS = [(datetime(2026, 10, 13, 9), 600), (datetime(2026, 10, 13, 10), 1230), (datetime(2026, 10, 13, 11), 45)]
# Stripe keeps 2.9 % and 0.30 of each.
CARD_TOPUPS = [(datetime(2026, 10, 6, 15), "100", 320), (datetime(2026, 10, 7, 15), "50", 175)]
PAID_OUT = date(2026, 10, 12)
DISPUTED = (datetime(2026, 10, 27, 15), "80", 262)
# On the day before a month's end: 50, 50 and 25 minutes at 0.0816 are 10.20, and there were 10.
OVERDRAWN_CALLS = (3000, 3000, 1500)


def tell(env):
    """Tell what needs other currencies and a payment provider, and what fills the menus: see ``examples.py``.

    In the demo alone, once its stand-in for Stripe is set up; not in every database that has demo data. A second
    call changes nothing.
    """
    company = env.ref("base.main_company")
    env = env(context={**env.context, "allowed_company_ids": company.ids})
    later = Later(env, company)
    if later.is_told():
        return False
    later.tell_euros()
    later.tell_payout()
    later.tell_dispute()
    later.tell_month_end()
    Examples(env, company).tell()
    later.keep_quiet()
    send_alerts(env)
    return True


class Later(Customers):
    """A wallet in euros, payments by card, a month's end; told where the company's books are in US dollars."""

    @property
    def stripe(self):
        return self.env.ref("payment.payment_provider_stripe")

    def is_told(self):
        wallets = self.env["call.wallet"].search([("account_ref", "in", ACCOUNTS)])
        return bool(wallets) or self.company.currency_id != self.env.ref("base.USD")

    # === A WALLET IN EUROS === #

    def tell_euros(self):
        """Order twice at different rates, and call in between."""
        plan = self.make_plan("Germany, in euros", self.activate("EUR", EURO_RATES), EURO_PRICES)
        wallet = self.make_wallet("WONKA", "Wonka Personal GmbH", "Munich", "base.de", plan)
        calls = [
            {
                "account": "WONKA",
                "call_ref": f"wonka-{number}",
                "call_type": "live",
                "number": "+498912345678",
                "status": "completed",
                "started_at": f"{self._moved(begun).isoformat()}Z",
                "duration_seconds": seconds,
                "campaign": "Oompa",
            }
            for number, (begun, seconds) in enumerate(EURO_CALLS, 1)
        ]
        first, second = EURO_TOPUPS
        self._order_by_transfer(wallet, *first)
        # In the order of their dates: the ledger's numbers follow what is entered first.
        self.record(calls)
        self._order_by_transfer(wallet, *second)

    def _order_by_transfer(self, wallet, when, amount):
        """Order funds, and pay them by bank transfer on the same day."""
        with told_at(self.env, self._moved(when)):
            self.pay_by_transfer(wallet.create_topup(amount, accept_terms=True).invoice_id)

    # === A PAYOUT OF STRIPE'S === #

    def tell_payout(self):
        """Pay twice by card; Stripe pays out 145.05: 150.00 less its fees of 3.20 and 1.75."""
        plan = self.env.ref("call_wallet.demo_rate_plan")
        wallet = self.make_wallet("OSCORP", "Oscorp Talent Inc.", "New York", "base.us", plan)
        movements = [self._order_by_card(wallet, number, *order) for number, order in enumerate(CARD_TOPUPS, 1)]
        paid_out = self._moved(PAID_OUT)
        with told_at(self.env, datetime.combine(paid_out, time())):
            self._pay_out(movements, paid_out)

    def _order_by_card(self, wallet, number, when, amount, fee):
        """Order funds, and pay them by card on the same day; return what Stripe says of the payment's charge."""
        when = self._moved(when)
        movement = self._movement(number, when, int(amount) * 100, fee)
        with told_at(self.env, when):
            self._pay_by_card(wallet.create_topup(amount, accept_terms=True), number, movement)
        return movement

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

    def _pay_out(self, movements, day):
        """Enter the payout, and the line with which the bank's statement shows it."""
        amount = sum(movement["net"] for movement in movements)
        payouts = self.env["call.wallet.stripe.payout"]
        told = {
            "id": "po_demo_1",
            "amount": amount,
            "currency": "usd",
            "arrival_date": int(datetime.combine(day, time(), UTC).timestamp()),
            "automatic": True,
            "statement_descriptor": "STRIPE",
            "status": "paid",
        }
        payout = payouts._enter_payout(self.stripe, told)
        payout._made_up_of(movements)
        self.env["account.bank.statement.line"].create(
            {
                "journal_id": self.stripe.journal_id.id,
                "date": day,
                "payment_ref": "STRIPE PAYMENTS po_demo_1",
                "amount": payout.amount,
            }
        )
        payout._match()

    # === A DISPUTE === #

    def tell_dispute(self):
        """Have the bank of a customer ask whether a payment by card was right; nothing is decided yet."""
        plan = self.env.ref("call_wallet.demo_rate_plan")
        wallet = self.make_wallet("PIEDPIPER", "Pied Piper Hiring Inc.", "Palo Alto", "base.us", plan)
        number = len(CARD_TOPUPS) + 1
        self._order_by_card(wallet, number, *DISPUTED)
        dispute = {
            "id": "dp_demo_1",
            "payment_intent": f"pi_demo_{number}",
            "amount": int(DISPUTED[1]) * 100,
            "reason": "fraudulent",
            "balance_transactions": [],
            "status": "needs_response",
        }
        with told_at(self.env, self._moved(DISPUTED[0]) + timedelta(days=2)):
            self.env["call.wallet.stripe.return"]._enter_dispute(self.stripe, dispute, None)
            self.env["call.wallet.stripe.event"].create(
                {
                    "reference": "evt_demo_1",
                    "provider_id": self.stripe.id,
                    "type": "charge.dispute.created",
                    "object_ref": dispute["id"],
                    "state": "done",
                    "processed_at": self._moved(DISPUTED[0]) + timedelta(days=2),
                }
            )

    # === THE END OF A MONTH === #

    def tell_month_end(self):
        """Post last month's usage, and show apart what DUFF owes, whose last calls cost more than it had.

        A month has its end where the calendar has it: this customer's days are counted back from there.
        """
        last_day = self.company._call_wallet_today().replace(day=1) - timedelta(days=1)
        plan = self.env.ref("call_wallet.demo_rate_plan")
        wallet = self.make_wallet("DUFF", "Duff Recruiting LLC", "Miami", "base.us", plan)
        noon = datetime.combine(last_day, time(12))
        with told_at(self.env, noon - timedelta(days=8)):
            self.pay_by_transfer(wallet.create_topup("10", accept_terms=True).invoice_id)
        begun = noon - timedelta(days=1)
        calls = [
            {
                "account": "DUFF",
                "call_ref": f"duff-{number}",
                "call_type": "live",
                "number": "+34612345678",
                "status": "completed",
                "started_at": f"{(begun + timedelta(hours=number)).isoformat()}Z",
                "duration_seconds": seconds,
                "campaign": "Bar staff",
            }
            for number, seconds in enumerate(OVERDRAWN_CALLS, 1)
        ]
        self.record(calls)
        self.env["call.wallet"].post_transactions(None, last_day, self.company)
        self.env["call.wallet.month.end"].post_month_end(last_day, self.company)
