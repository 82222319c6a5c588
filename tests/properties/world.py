"""Where the machine lives: companies in two currencies, people, and transactions that are undone or committed."""

from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import NamedTuple

from odoo.addons.call_wallet.tools.clock import recorded_at

_numbers = count(1)
# Of each wallet: which company, its currency, the smallest coin, the price of WhatsApp.
BOOKS = (
    (0, "USD", "0.01", "0.02"),
    (0, "EUR", "0.01", "0.03"),
    (0, "JPY", "1", "2.5"),
    (1, "EUR", "0.01", "0.02"),
)
RATES = {"EUR": "0.9", "JPY": "150", "USD": "1.1"}


class World(NamedTuple):
    """The ids of what all examples share."""

    companies: list
    currencies: dict
    finance: int
    manager: int


def build_world(env):
    """Make two companies with books, in dollars and in euros, and two people of finance."""
    currencies = {}
    for name in ("USD", "EUR", "JPY"):
        currencies[name] = env["res.currency"].with_context(active_test=False).search([("name", "=", name)])
        currencies[name].active = True
    companies = env["res.company"]
    for name, currency in (("Properties in dollars", "USD"), ("Properties in euros", "EUR")):
        companies += env["res.company"].create({"name": name, "currency_id": currencies[currency].id})
        env["account.chart.template"].try_loading("generic_coa", companies[-1], install_demo=False)
    dollars, euros = companies
    for company, names in ((dollars, ("EUR", "JPY")), (euros, ("USD", "JPY"))):
        for name in names:
            env["res.currency.rate"].create(
                {"currency_id": currencies[name].id, "company_id": company.id, "name": "2020-01-01",
                 "rate": float(RATES[name])}
            )  # fmt: skip
    for place, name, _unit, price in BOOKS:
        company, currency = companies[place], currencies[name]
        if currency == company.currency_id:
            company.call_wallet_whatsapp_rate = Decimal(price)
        else:
            env["call.wallet.price"].create(
                {"company_id": company.id, "currency_id": currency.id, "whatsapp_rate": price}
            )
    people = [_make_person(env, group, companies) for group in ("finance", "finance_manager")]
    env.flush_all()
    return World(companies.ids, {name: one.id for name, one in currencies.items()}, *people)


def _make_person(env, group, companies):
    values = {
        "name": f"Properties {group}",
        "login": f"properties.{group}",
        "company_id": companies[0].id,
        "company_ids": [(6, 0, companies.ids)],
        "group_ids": [(4, env.ref(f"call_wallet.group_{group}").id), (4, env.ref("base.group_user").id)],
    }
    return env["res.users"].with_context(no_reset_password=True).create(values).id


class Undone:
    """All steps of an example in one transaction, each in a savepoint: the doors join, and all is undone at the end."""

    def __init__(self, env, world):
        self.env, self.world, self.savepoint = env, world, None

    def begin(self):
        self.savepoint = self.env.cr.savepoint(flush=True)
        self.savepoint.__enter__()

    def end(self):
        self.env.invalidate_all(flush=False)
        self.savepoint.rollback()
        self.savepoint.close(rollback=False)
        self.env.invalidate_all(flush=False)

    def request(self, work, moment):
        """Carry out ``work`` (a function of an environment) at a moment (naive UTC); return what it returns."""
        self.env.invalidate_all()
        with recorded_at(moment), self.env.cr.savepoint():
            result = work(self.env)
            self.env.flush_all()
        return result


class Committed:
    """Each step a request of its own, really committed: the doors own their transactions. Examples leave wallets."""

    def __init__(self, registry, world):
        self.registry, self.world = registry, world

    def begin(self):
        """Begin nothing: each step has a transaction of its own."""

    def end(self):
        """Leave what was committed."""

    def request(self, work, moment):
        """As ``Undone.request``."""
        from odoo.service.model import retrying

        with recorded_at(moment), _environment(self.registry) as env:
            return retrying(lambda: work(env), env)


@contextmanager
def _environment(registry):
    import odoo

    with registry.cursor() as cr:
        yield odoo.api.Environment(cr, odoo.SUPERUSER_ID, {"tracking_disable": True, "lang": "en_US"})


def make_wallet(env, world, book, tz, prices):
    """Make a customer with a contract and an empty wallet that is not set up; return (wallet id, its account)."""
    place, currency, _unit, _price = book
    number = next(_numbers)
    plan = env["call.rate.plan"].create(
        {
            "name": f"Properties {number}",
            "currency_id": world.currencies[currency],
            "rate_ids": [(0, 0, to_rate(price)) for price in prices],
        }
    )
    partner = env["res.partner"].create({"name": f"Properties {number}", "is_company": True, "lang": "en_US"})
    wallet = env["call.wallet"].create(
        {
            "partner_id": partner.id,
            "company_id": world.companies[place],
            "currency_id": world.currencies[currency],
            "account_ref": f"PROP{number}",
            "rate_plan_id": plan.id,
            "tz": tz,
        }
    )
    return wallet.id, wallet.account_ref


def to_rate(price):
    """Return the values of a rate as the model's ``Price`` says it."""
    return {
        "call_type": price.call_type,
        "prefix": price.prefix,
        "price_per_minute": price.price,
        "increment_seconds": price.increment,
        "minimum_seconds": price.minimum,
        "first_block_seconds": price.block,
        "free_seconds": price.free,
        "grace_seconds": price.grace,
        "connection_fee": price.fee,
        "valid_from": price.start if price.start > datetime.min else False,
        "valid_to": price.end if price.end < datetime.max else False,
    }
