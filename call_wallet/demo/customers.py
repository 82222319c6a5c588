from odoo import Command

from ..tools.intake import parse_call
from .moved import Moved
from .story import end_of
from .told import told_at

ZONES = {"base.de": "Europe/Berlin", "base.es": "Europe/Madrid", "base.jp": "Asia/Tokyo", "base.us": "America/New_York"}


class Customers:
    """What the stories of several customers have in common. ``self._moved`` tells when something takes place."""

    def __init__(self, env, company):
        self.env, self.company, self._moved = env, company, Moved(env)

    def make_plan(self, name, currency, prices):
        """Return a rate plan; ``prices`` are (type, prefix, destination, price a minute), whole minutes billed."""
        rates = [
            {"call_type": kind, "prefix": prefix, "destination": destination, "price_per_minute": price}
            for kind, prefix, destination, price in prices
        ]
        return self.env["call.rate.plan"].create(
            {"name": name, "currency_id": currency.id, "rate_ids": [Command.create(rate) for rate in rates]}
        )

    def activate(self, name, rates):
        """Have a currency, with how much of it a dollar buys from each day of the story on."""
        currency = self.env.ref(f"base.{name}")
        currency.active = True
        known = self.env["res.currency.rate"]
        for written, rate in rates.items():
            day = self._moved(written)
            if not known.search([("currency_id", "=", currency.id), ("name", "=", day)]):
                known.create({"currency_id": currency.id, "name": day, "rate": rate, "company_id": self.company.id})
        return currency

    def record(self, calls):
        """Have calls reported when they ended."""
        with told_at(self.env, end_of(parse_call(calls[-1]))):
            self.env["call.usage"]._record_calls(calls, date_of=end_of)

    def keep_quiet(self):
        """Nobody is mailed today of what arrived then."""
        for topup in self.env["call.wallet.topup"].search([("credited_amount", ">", 0)]):
            topup.notified_amount = topup.credited_amount

    def make_wallet(self, account, name, city, country, plan, lang="en_US"):
        """Return the wallet of a new customer, set up, in the currency of its plan."""
        email = f"billing@{account.lower()}.example"
        partner = self.env["res.partner"].create(
            {
                "name": name,
                "is_company": True,
                "city": city,
                "country_id": self.env.ref(country).id,
                "email": email,
                "lang": lang,
                "property_payment_term_id": self.env.ref("account.account_payment_term_immediate").id,
            }
        )
        wallet = self.env["call.wallet"].create(
            {
                "account_ref": account,
                "partner_id": partner.id,
                "company_id": self.company.id,
                "currency_id": plan.currency_id.id,
                "tz": ZONES[country],
                "rate_plan_id": plan.id,
                "account_manager_id": self.env.ref("call_wallet.demo_user_accountmanager").id,
            }
        )
        wallet.set_recipients([email])
        return wallet

    def pay_by_transfer(self, invoice):
        context = {"active_model": "account.move", "active_ids": invoice.ids}
        wizard = self.env["account.payment.register"].with_context(**context)
        wizard.create({"payment_date": self.company._call_wallet_today()})._create_payments()
