"""Beside a web shop and quotations: what is no wallet's is sold, paid and posted as without the addon.

The same business is done in two databases, one with the addon and one without; what it comes to is compared.
Stripe is used as Odoo does it by itself: no webhook secret, unsigned messages, tokens of the API of 2019.
"""

import json
import os
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest

from .real_commits import environment

pytestmark = [pytest.mark.real_commits, pytest.mark.rest]

# What the addon may look up for each ordinary invoice, to see that it is none of its own.
MOST_MORE_QUERIES = {"post": 6, "pay": 8}


@pytest.fixture(scope="module")
def shops(databases):
    """The databases: {True: beside the addon, False: without it}, each with business done in it."""
    names = {}
    for with_addon in (True, False):
        name = f"{os.environ.get('CALL_WALLET_TEST_DATABASE', 'cw_private')}_beside_{int(with_addon)}"
        databases.clone(databases.shop_template(with_addon), name)
        names[with_addon] = name
    yield names
    for name in names.values():
        databases.drop(name)


@pytest.fixture
def done(shops):
    """What the business comes to: {True: beside the addon, False: without it}."""
    facts = {}
    for with_addon, name in shops.items():
        with environment_of(name) as env:
            facts[with_addon] = Business(env).do()
            env.cr.commit()
    return facts


class Business:
    """A quotation, an order of the shop, their payments through Stripe, and a saved card."""

    def __init__(self, env):
        self.env = env(context={**env.context, "tracking_disable": True})
        self.company = self.env.company
        self.customer = self.env["res.partner"].create({"name": "Shopper", "email": "shopper@shop.example"})
        self.product = self.env["product.product"].create({"name": "Headset", "list_price": 50, "taxes_id": False})
        self.stripe = self.env.ref("payment.payment_provider_stripe")
        self.stripe.write(
            {
                "state": "test",
                "is_published": True,
                "stripe_publishable_key": "pk_test_1",
                "stripe_secret_key": "sk_test_1",
                "stripe_webhook_secret": False,
            }
        )
        self.card = self.env.ref("payment.payment_method_card")

    def do(self):
        facts = {}
        for _warm in range(2):  # the first time, caches are filled
            invoice, facts["post"] = self.counted(self.invoice)
            payment, facts["pay"] = self.counted(lambda invoice=invoice: self.pay(invoice))
        facts["invoice"] = (invoice.state, invoice.payment_state, invoice.amount_total, payment.state)
        facts["accounts"] = sorted(line.account_id.code for line in invoice.line_ids)
        web = self.order(website_id=self.env["website"].search([], limit=1).id)
        facts["transactions"] = [
            self.transaction(invoice_ids=[(6, 0, self.posted().ids)]).id,
            self.transaction(sale_order_ids=[(6, 0, web.ids)], amount=web.amount_total).id,
        ]
        facts["offered"] = self.offered()
        facts["token"] = self.token()
        return facts

    def order(self, **values):
        return self.env["sale.order"].create(
            {
                "partner_id": self.customer.id,
                "order_line": [(0, 0, {"product_id": self.product.id, "price_unit": 50})],
                **values,
            }
        )

    def posted(self):
        order = self.order()
        order.action_confirm()
        order.order_line.qty_delivered = 1
        return self.post(order._create_invoices())

    def post(self, invoice):
        invoice.action_post()
        self.env.flush_all()
        return invoice

    def invoice(self):
        return self.posted()

    def pay(self, invoice):
        wizard = self.env["account.payment.register"].with_context(active_model="account.move", active_ids=invoice.ids)
        payment = wizard.create({})._create_payments()
        self.env.flush_all()
        return payment

    def counted(self, step):
        before = self.env.cr.sql_log_count
        return step(), self.env.cr.sql_log_count - before

    def transaction(self, **values):
        return self.env["payment.transaction"].create(
            {
                "provider_id": self.stripe.id,
                "payment_method_id": self.card.id,
                "amount": 50,
                "currency_id": self.company.currency_id.id,
                "partner_id": self.customer.id,
                "operation": "online_direct",
                **values,
            }
        )

    def offered(self):
        """What the payment form offers; the parameters as Odoo's own modules may give them, by position."""
        providers = self.env["payment.provider"]._get_compatible_providers(
            self.company.id, self.customer.id, 50.0, currency_id=self.company.currency_id.id
        )
        methods = self.env["payment.method"]._get_compatible_payment_methods(
            self.stripe.ids, self.customer.id, self.company.currency_id.id, False, False, None
        )
        return [
            sorted({*providers.mapped("code")} - {"custom"}),
            sorted(methods.mapped("code")),
            self.stripe._should_build_inline_form(),
        ]

    def token(self):
        """What is kept of a card, read from what the API of 2019 says."""
        transaction = self.transaction(tokenize=True)
        details = {"type": "card", "card": {"mandate": None}}
        return transaction._extract_token_values(
            {
                "payment_method": {
                    "id": "pm_1",
                    "type": "card",
                    "card": {"last4": "4242", "exp_month": 1, "exp_year": 2031},
                },
                "payment_intent": {"customer": "cus_1", "charges": {"data": [{"payment_method_details": details}]}},
            }
        )


def test_what_is_sold_is_posted_and_paid_as_without_the_addon(done):
    beside, alone = done[True], done[False]
    for name in ("invoice", "accounts", "offered", "token"):
        assert beside[name] == alone[name], name
    assert beside["invoice"] == ("posted", "paid", 50.0, "paid")
    assert set(beside["token"]) == {"payment_details", "provider_ref", "stripe_payment_method", "stripe_mandate"}
    for name, most in MOST_MORE_QUERIES.items():
        more = beside[name] - alone[name]
        assert more <= most, f"{name}: {beside[name]} queries, {alone[name]} without the addon"


def test_odoo_believes_unsigned_messages_about_other_payments(shops, done, serve):
    """Odoo's own decision, for payments that are no wallet's: the addon does not take it for them."""
    for with_addon, name in shops.items():
        server = serve(name)
        states = []
        for number in done[with_addon]["transactions"]:
            assert send(server.url, event(reference_of(name, number), f"pi_{number}")) == 200
        with environment_of(name) as env:
            transactions = env["payment.transaction"].browse(done[with_addon]["transactions"])
            states = transactions.mapped("state")
            transactions._post_process()
            assert transactions.invoice_ids.mapped("payment_state") == ["paid"]
            assert transactions.sale_order_ids.mapped("state") == ["sale"]
        assert states == ["done", "done"]


@pytest.fixture
def serve():
    from .conftest import OdooServer

    servers = []

    def start(name):
        servers.append(OdooServer(name, workers=1))
        return servers[-1].start()

    yield start
    for server in servers:
        server.stop()


@contextmanager
def environment_of(name):
    """Yield an environment of a database; its registry runs no tests when it is loaded."""
    import odoo.sql_db
    from odoo.modules.registry import Registry

    odoo.tools.config["test_enable"] = False
    odoo.modules.module.current_test = None
    try:
        with environment(Registry(name)) as env:
            yield env
    finally:
        odoo.tools.config["test_enable"] = True
        Registry.delete(name)
        odoo.sql_db.close_db(name)


def reference_of(name, number):
    with environment_of(name) as env:
        return env["payment.transaction"].browse(number).reference


def event(reference, intent):
    return {
        "type": "payment_intent.succeeded",
        "data": {
            "object": {
                "id": intent,
                "object": "payment_intent",
                "amount": 5000,
                "currency": "usd",
                "description": reference,
                "status": "succeeded",
                "payment_method": {"id": "pm_1", "type": "card", "card": {"brand": "visa"}},
                "charges": {"data": []},
            }
        },
    }


def send(url, content):
    request = urllib.request.Request(
        f"{url}/payment/stripe/webhook", json.dumps(content).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code
