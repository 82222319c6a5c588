"""The main flow, from a wallet's first top-up to its close, in whatever world a set-up has made.

Nothing is committed: a set-up runs in one transaction, which is rolled back. The amounts are literals, worked
out by hand below; they are the same in each set-up of the same kind of currency.
"""

import csv
import io
from contextlib import ExitStack
from decimal import Decimal
from typing import NamedTuple

from odoo import Command
from odoo.addons.call_wallet.tools.clock import utcnow
from odoo.addons.call_wallet.tools.money import unit_of


class Amounts(NamedTuple):
    """What the flow orders and uses, and what must come of it, in the wallet's currency."""

    order: str
    price: str  # of a minute of a Live Call; three minutes are charged
    whatsapp_price: str  # of a minute of WhatsApp; one minute is charged
    refund: str
    balance: str  # order - 3 * price - whatsapp_price + refund
    booked: str  # the same, each kind of transaction rounded to the currency
    paid_back: str
    left: str  # balance - paid_back
    unit: str  # the smallest coin

    @property
    def remainder(self):
        return Decimal(self.balance) - Decimal(self.booked)


# 100 - 0.0375 - 0.02 + 0.0125 = 99.955; in the books 100 - 0.04 - 0.02 + 0.01 = 99.95.
CENTS = Amounts("100", "0.0125", "0.02", "0.0125", "99.955", "99.95", "30", "69.955", "0.01")
# 10,000 - 3.75 - 2 + 1.25 = 9,995.5; in the books 10,000 - 4 - 2 + 1 = 9,995.
YEN = Amounts("10000", "1.25", "2", "1.25", "9995.5", "9995", "3000", "6995.5", "1")
# 100 - 0.0369 - 0.02 + 0.0124 = 99.9555; in the books 100 - 0.037 - 0.02 + 0.012 = 99.955.
FILS = Amounts("100", "0.0123", "0.02", "0.0124", "99.9555", "99.955", "30", "69.9555", "0.001")
# 100 - 0.0375 - 0.02 + 0.0125 = 99.955; in steps of 0.05 the books have 100 - 0.05 - 0 + 0 = 99.95.
RAPPEN = CENTS._replace(unit="0.05")


class World:
    """Where a set-up does business: the company, its people, the customer, and their wallet.

    A set-up's ``prepare`` functions are called with it, before the customer and the wallet are made
    (``before``) or after (``after``). What they set here is what the flow uses.
    """

    def __init__(self, env, setup):
        self.setup, self.amounts = setup, setup.amounts
        self.root = env(su=True)
        self.company = self.root["res.company"].search([("name", "=", f"Books {setup.chart}")])
        self.currency = self._currency(setup.currency) if setup.currency else self.company.currency_id
        self.total = Decimal(setup.total or setup.amounts.order)
        self.pay, self.patches = pay, ExitStack()
        self.people_see = self.root["res.company"]  # other companies that the people work in
        self.customer_values, self.wallet_values = {}, {}
        for prepare in setup.before:
            prepare(self)
        self.root["res.lang"]._activate_lang(setup.lang)
        self.manager = self._user("manager", "call_wallet.group_finance_manager", "account.group_account_manager")
        self.platform = self._user("platform", "call_wallet.group_platform")
        self.env = self.root(user=self.manager.id, su=False, context=self._context())
        self._make_wallet()
        for prepare in setup.after:
            prepare(self)

    def _context(self):
        return {
            "lang": self.setup.lang,
            "allowed_company_ids": (self.company | self.people_see).ids,
            "tz": "Pacific/Auckland",
        }

    def _currency(self, name):
        currency = self.root["res.currency"].with_context(active_test=False).search([("name", "=", name)])
        currency.active = True
        return currency

    def _user(self, login, *groups):
        groups = [self.root.ref(name).id for name in ("base.group_user", *groups)]
        values = {
            "name": login.title(),
            "login": f"setup-{login}",
            "email": f"{login}@setup.example",
            "lang": self.setup.lang,
            "company_id": self.company.id,
            "company_ids": [Command.set((self.company | self.people_see).ids)],
            "group_ids": [Command.set(groups)],
        }
        return self.root["res.users"].with_context(no_reset_password=True).create(values)

    def _make_wallet(self):
        rates = [
            Command.create({"prefix": "1415", "price_per_minute": self.amounts.price}),
            Command.create({"call_type": "whatsapp", "prefix": "", "price_per_minute": self.amounts.whatsapp_price}),
        ]
        plan = {"name": "Contract", "currency_id": self.currency.id, "company_id": self.company.id, "rate_ids": rates}
        self.partner = self.root["res.partner"].create(
            {
                "name": "Customer & Söhne <Ltd>",
                "is_company": True,
                "email": "billing@customer.example",
                "lang": self.setup.lang,
                "country_id": self.company.country_id.id,
                **self.customer_values,
            }
        )
        self.wallet = self.env["call.wallet"].create(
            {
                "partner_id": self.partner.id,
                "company_id": self.company.id,
                "currency_id": self.currency.id,
                "account_ref": "SETUP",
                "rate_plan_id": self.env["call.rate.plan"].create(plan).id,
                "tz": "UTC",
                **self.wallet_values,
            }
        )
        self.wallet.set_recipients(["billing@customer.example"])

    def settle(self):
        """Look at the database anew."""
        self.root.flush_all()
        self.root.invalidate_all()

    def order(self, amount):
        topup = self.wallet.create_topup(amount)
        assert topup.invoice_id.state == "posted"
        return topup


# === WAYS TO PAY === #


def pay(world, topup):
    """Finance registers a payment."""
    register(world, topup.invoice_id)


def register(world, invoices, **values):
    wizard = world.env["account.payment.register"].with_context(active_model="account.move", active_ids=invoices.ids)
    return wizard.create(values)._create_payments()


def receive(world, amount, text=""):
    """Enter a line of the bank's statement, of an amount in the wallet's currency; return it."""
    company, today = world.company, world.company._call_wallet_today()
    journals = world.root["account.journal"].search(
        [("type", "=", "bank"), ("company_id", "in", company.parent_ids.ids)]
    )
    values = {"journal_id": journals[0].id, "payment_ref": text, "partner_id": world.partner.id, "date": today}
    if world.currency != company.currency_id:
        values |= {"foreign_currency_id": world.currency.id, "amount_currency": float(amount)}
        amount = world.currency._convert(float(amount), company.currency_id, company, today)
    return world.root["account.bank.statement.line"].create({**values, "amount": float(amount)})


def match(line, invoices, account=None, amount=None):
    """Match a line of the bank with invoices, as Odoo's reconciliation does.

    :param account: where a difference goes to, of ``amount`` in the company's currency
    """
    move = line.move_id.with_context(
        force_delete=True, skip_readonly_check=True, skip_account_move_synchronization=True
    )
    _liquidity, suspense, other = line._seek_for_lines()
    owed = invoices.line_ids.filtered(lambda item: item.account_id.account_type == "asset_receivable")
    values = [
        {
            "name": item.move_id.name,
            "account_id": item.account_id.id,
            "partner_id": item.partner_id.id,
            "currency_id": item.currency_id.id,
            "amount_currency": -item.amount_residual_currency,
            "balance": -item.amount_residual,
        }
        for item in owed
    ]
    if account:
        values.append({"name": "Fee", "account_id": account.id, "balance": float(amount)})
    removed = [Command.delete(item.id) for item in suspense + other]
    move.write({"line_ids": [*removed, *map(Command.create, values)]})
    for item in owed:
        paid = line.move_id.line_ids.filtered(lambda own, item=item: own.name == item.move_id.name)
        (paid + item).reconcile()


# === THE FLOW === #


def run(world):
    """Do the whole business of a wallet, and assert each amount."""
    with world.patches:
        _run(world)


def _run(world):
    amounts, wallet = world.amounts, world.wallet
    topup = world.order(amounts.order)
    assert Decimal(str(topup.invoice_id.amount_total)) == world.total, topup.invoice_id.amount_total
    assert balance(world) == 0
    world.pay(world, topup)
    assert balance(world) == Decimal(amounts.order), wallet.balance
    assert (topup.state, wallet.state) == ("paid", "active")
    call(world)
    wallet.refund(amounts.refund, "Bad line & <noise>")
    assert balance(world) == Decimal(amounts.balance), wallet.balance
    enter_in_the_books(world, amounts.booked)
    report(world)
    note = topup.pay_back(amounts.paid_back, "An office was closed")
    assert note.state == "posted"
    assert balance(world) == Decimal(amounts.left), wallet.balance
    wallet.close("Contract over")
    assert (balance(world), wallet.active) == (0, False)
    enter_in_the_books(world, "0")
    assert world.env["call.wallet"].sudo().check_invariants(wallet) == []


def balance(world):
    world.settle()
    return world.wallet.balance


def call(world):
    """One Live Call of 121 seconds, which are three minutes, and one of WhatsApp of a minute."""
    amounts, account = world.amounts, world.wallet.account_ref
    wallets = world.root["call.wallet"].with_user(world.platform)
    answer = wallets.authorize_call(account, "live", "live", "+14155550100", expected_seconds=60)
    assert (answer["code"], Decimal(answer["rate"])) == ("ok", Decimal(amounts.price)), answer
    assert wallets.extend_hold(account, "live", 120)["code"] == "ok"
    calls = [
        {
            "account": account,
            "call_ref": call_type,
            "call_type": call_type,
            "number": "+14155550100",
            "started_at": utcnow().isoformat() + "Z",
            "duration_seconds": seconds,
            "status": "completed",
            "campaign": "Spring & <Söhne>",
            "manager": "Mary Manager",
        }
        for call_type, seconds in (("live", 121), ("whatsapp", 60))
    ]
    usage = world.root["call.usage"].with_user(world.platform)
    results = usage.record_calls(calls)
    assert [result["result"] for result in results] == ["charged", "charged"], results
    costs = [Decimal(result["total_cost"]) for result in results]
    assert costs == [3 * Decimal(amounts.price), Decimal(amounts.whatsapp_price)]
    assert [result["result"] for result in usage.record_calls(calls)] == ["duplicate", "duplicate"]
    world.settle()
    assert world.wallet.held_amount == 0


def enter_in_the_books(world, booked):
    """Post, and assert that both ledgers agree: what the general one has is ``booked``."""
    today = world.wallet._today()
    world.env["call.wallet"].post_transactions(None, today, world.company)
    assert world.env["call.wallet"].post_transactions(None, today, world.company).ids == []
    world.settle()
    last = max(today, world.company._call_wallet_today())
    lines = world.env["call.wallet"].reconciliation(last, world.company)
    (line,) = [line for line in lines if line["wallet"] == world.wallet.id]
    found = {name: Decimal(line[name]) for name in ("general_ledger", "remainder", "not_posted")}
    # What comes to less than half a coin waits for the next entry, and is not posted until then.
    waits = found.pop("not_posted")
    assert abs(waits) <= unit_of(world.wallet.currency_id) / 2, line
    remainder = world.wallet.balance - Decimal(booked)
    assert found == {"general_ledger": Decimal(booked), "remainder": -remainder - waits}, line
    zero = {name: line[name] for name in line if name.startswith(("unexplained", "settled_without_funds", "awaiting"))}
    assert all(not Decimal(value) for value in zero.values()), line


def report(world):
    """The report is the ledger, the statement adds up, and the documents can be drawn."""
    wallet = world.wallet
    with wallet.env["call.usage.report"]._make(wallet, format="csv") as file:
        rows = list(csv.DictReader(io.StringIO(file.read().decode("utf-8-sig"))))
    assert len(rows) == len(wallet.transaction_ids)
    assert sum(Decimal(list(row.values())[2]) for row in rows) == wallet.balance
    with wallet.env["call.usage.report"]._make(wallet, format="xlsx") as file:
        _check_workbook(file, wallet)
    statement = wallet._statement(wallet._today().replace(day=1))
    assert statement["closing"] == wallet.balance
    topup = wallet.topup_ids[:1]
    html, _kind = (
        world.root["ir.actions.report"]
        .with_context(lang=world.setup.lang)
        ._render_qweb_html("account.report_invoice_with_payments", topup.invoice_id.ids)
    )
    assert topup.invoice_id.name in html.decode()


def _check_workbook(file, wallet):
    import openpyxl

    sheet = openpyxl.load_workbook(file, data_only=True).worksheets[0]
    rows = [row for row in sheet.iter_rows(values_only=True) if isinstance(row[2], (int, float))]
    # A spreadsheet has binary floats: compared at six places, of which each amount has at most as many.
    assert sum(Decimal(repr(row[2])).quantize(Decimal("0.000001")) for row in rows) == wallet.balance
