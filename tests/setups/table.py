"""The set-ups in which the main flow must hold: who else installs this.

Each says in a line what is unusual about it. Amounts of the flow depend on the currency's smallest coin alone
(``flow.py``); a set-up gives the invoice's total where tax comes on top.
"""

from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple
from unittest.mock import patch

from odoo import Command

from .flow import CENTS, FILS, RAPPEN, YEN, Amounts, balance, match, receive, register


class Setup(NamedTuple):
    name: str
    chart: str = "generic_coa"
    currency: str = ""  # of the wallet; the company's when empty
    amounts: Amounts = CENTS
    lang: str = "en_US"
    total: str = ""  # of the invoice, where it is not the amount ordered
    before: tuple = ()
    after: tuple = ()
    quick: bool = False  # runs in `make test` as well


# === TAXES === #


def tax(included=False, rate=21, **values):
    def prepare(world):
        values_of_tax = {
            "name": f"Tax of {rate}",
            "amount": rate,
            "amount_type": "percent",
            "type_tax_use": "sale",
            "company_id": world.company.id,
            "country_id": world.company.account_fiscal_country_id.id,
            "tax_group_id": _tax_group(world).id,
            "price_include_override": "tax_included" if included else "tax_excluded",
            **values,
        }
        made = world.root["account.tax"].with_company(world.company).create(values_of_tax)
        world.root.ref("call_wallet.product_topup").taxes_id = [Command.set(made.ids)]

    return prepare


def _tax_group(world):
    groups = world.root["account.tax.group"]
    country = world.company.account_fiscal_country_id
    found = groups.search([("company_id", "=", world.company.id), ("country_id", "=", country.id)], limit=1)
    return found or groups.create({"name": "Taxes", "company_id": world.company.id, "country_id": country.id})


def no_tax(world):
    world.root.ref("call_wallet.product_topup").taxes_id = False


def cash_basis(world):
    account = _account(world, "Tax waiting", "liability_current", "998", reconcile=True)
    world.company.tax_exigibility = True
    tax(tax_exigibility="on_payment", cash_basis_transition_account_id=account.id)(world)


def withheld(world):
    """21 on top, and 10 % withheld by the customer at payment: 121 invoiced, 111 received, a certificate of 10."""
    tax()(world)
    account = _account(world, "Withheld tax", "asset_current", "997")
    sequence = world.root["ir.sequence"].create({"name": "Certificates", "padding": 4, "company_id": world.company.id})
    repartition = [
        Command.create(
            {"document_type": kind, "repartition_type": part, **({"account_id": account.id} if part == "tax" else {})}
        )
        for kind in ("invoice", "refund")
        for part in ("base", "tax")
    ]
    tax_withheld = world.root["account.tax"].create(
        {
            "name": "Withheld 10",
            "amount": -10,
            "amount_type": "percent",
            "type_tax_use": "sale",
            "is_withholding_tax_on_payment": True,
            "withholding_sequence_id": sequence.id,
            "company_id": world.company.id,
            "country_id": world.company.account_fiscal_country_id.id,
            "tax_group_id": _tax_group(world).id,
            "repartition_line_ids": repartition,
        }
    )
    world.company.withholding_tax_base_account_id = _account(world, "Base of withheld tax", "asset_current", "996")
    bank = world.root["account.journal"].search([("type", "=", "bank"), ("company_id", "=", world.company.id)], limit=1)
    outstanding = _account(world, "Money under way", "asset_current", "995", reconcile=True)

    def pay(world, topup):
        wizard = world.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=topup.invoice_id.ids
        )
        line = {"tax_id": tax_withheld.id, "base_amount": 100, "amount": 10, "name": "0001"}
        wizard.create(
            {
                "journal_id": bank.id,
                "should_withhold_tax": True,
                "withholding_outstanding_account_id": outstanding.id,
                "withholding_line_ids": [Command.clear(), Command.create(line)],
            }
        )._create_payments()

    world.pay = pay


def _account(world, name, kind, code, reconcile=False):
    return (
        world.root["account.account"]
        .with_company(world.company)
        .create(
            {
                "name": name,
                "account_type": kind,
                "code": f"{code}987",
                "reconcile": reconcile,
                "company_ids": [Command.set(world.company.ids)],
            }
        )
    )


# === CURRENCIES === #


def rate(name, units):
    """So many units of a currency for one of the company's."""

    def prepare(world):
        currency = world.root["res.currency"].with_context(active_test=False).search([("name", "=", name)])
        currency.active = True
        world.root["res.currency.rate"].create(
            {"name": "2020-01-01", "currency_id": currency.id, "rate": units, "company_id": world.company.id}
        )

    return prepare


def coins_of_five(world):
    # As Odoo lets a currency be set that no entry has used yet.
    world.root.cr.execute("UPDATE res_currency SET rounding = 0.05 WHERE id = %s", [world.currency.id])
    world.root.registry.clear_cache()
    world.currency.invalidate_recordset()


def others_inactive(world):
    world.root["res.currency"].search([("id", "not in", (world.currency | world.company.currency_id).ids)]).filtered(
        lambda currency: not world.root["res.company"].search_count([("currency_id", "=", currency.id)])
    ).active = False


# === BOOKS === #


def hashed_sales(world):
    _journals(world, "sale").restrict_mode_hash_table = True


def hashed_all(world):
    hashed_sales(world)
    world.company.call_wallet_journal_id.restrict_mode_hash_table = True


def audit_trail(world):
    world.company.restrictive_audit_trail = True


def _journals(world, kind):
    return world.root["account.journal"].search([("type", "=", kind), ("company_id", "=", world.company.id)])


def locked(*fields):
    """All is locked up to yesterday."""

    def prepare(world):
        world.company.write(dict.fromkeys(fields, world.company._call_wallet_today() - timedelta(days=1)))

    return prepare


def analytic(world):
    plan = world.root["account.analytic.plan"].create(
        {
            "name": "Departments",
            "applicability_ids": [
                Command.create({"business_domain": domain, "applicability": "mandatory"})
                for domain in ("invoice", "general")
            ],
        }
    )
    account = world.root["account.analytic.account"].create(
        {"name": "Telephony", "plan_id": plan.id, "company_id": False}
    )
    world.root["account.analytic.distribution.model"].create(
        {"analytic_distribution": {str(account.id): 100}, "company_id": world.company.id}
    )


# === WAYS TO PAY === #


def by_bank(world):
    def pay(world, topup):
        match(receive(world, topup.total_amount), topup.invoice_id)

    world.pay = pay


def by_reference(world):
    """The bank's line names the reference; the addon matches it."""

    def pay(world, topup):
        receive(world, topup.total_amount, f"TRANSFER {topup.invoice_id.payment_reference}")
        world.root["call.wallet.topup"].match_transfers()

    world.pay = pay


def bank_fee(world):
    """The bank keeps 9 of 100: the seller's cost."""

    def pay(world, topup):
        account = _fee_account(world)
        match(receive(world, "91"), topup.invoice_id, account=account, amount="9")

    world.pay = pay


def _fee_account(world):
    fees = getattr(world.company, "_call_wallet_fee_accounts", None)
    assert fees, "no setting says which accounts are fees"
    return fees()[:1]


def in_two_parts(world):
    def pay(world, topup):
        register(world, topup.invoice_id, amount=40)
        assert balance(world) == 40
        register(world, topup.invoice_id)

    world.pay = pay


def two_at_once(world):
    """One payment over this top-up and another of 50, which is used up at once."""

    def pay(world, topup):
        second = world.order("50")
        register(world, topup.invoice_id | second.invoice_id, group_payment=True)
        assert balance(world) == Decimal("150")
        second.pay_back("50", "Not wanted")

    world.pay = pay


def without_entry(world):
    """Payments make no entry; the bank's line settles the invoice.

    So it is with Enterprise, which cannot be had here: its one answer is given in its place.
    """
    moves = world.root.registry["account.move"]
    world.patches.enter_context(patch.object(moves, "_get_invoice_in_payment_state", lambda self: "in_payment"))
    for journal in _journals(world, "bank"):
        journal.inbound_payment_method_line_ids.payment_account_id = False

    def pay(world, topup):
        payment = register(world, topup.invoice_id)
        assert (payment.state, bool(payment.move_id)) == ("in_process", False)
        assert (topup.invoice_id.payment_state, balance(world)) == ("in_payment", 0)
        match(receive(world, topup.total_amount), topup.invoice_id)

    world.pay = pay


def outstanding(world):
    """Payments wait on an account of their own for the bank's line, as Odoo did up to 17."""
    account = _account(world, "Outstanding receipts", "asset_current", "994", reconcile=True)
    for journal in _journals(world, "bank"):
        journal.inbound_payment_method_line_ids.payment_account_id = account


def early_discount(world):
    term = world.root["account.payment.term"].create(
        {"name": "2 % in 7 days", "early_discount": True, "discount_days": 7, "discount_percentage": 2}
    )
    world.customer_values["property_payment_term_id"] = term.id


# === PEOPLE AND COMPANIES === #


def several_addresses(world):
    world.customer_values["email"] = "ap@customer.example, Boss <boss@customer.example>"


def invoice_address(world):
    world.root["res.partner"].create(
        {"name": "Accounts payable", "type": "invoice", "parent_id": world.partner.id, "email": "ap@customer.example"}
    )


def renamed(world):
    world.partner.name = "Customer 2.0"


def archived(world):
    world.partner.active = False


def with_parent(world):
    """The customer is given a parent company in the middle of its business."""
    parent = world.root["res.partner"].create({"name": "Holding", "is_company": True})

    def pay(world, topup):
        register(world, topup.invoice_id)
        world.partner.parent_id = parent

    world.pay = pay


def merged(world):
    """The customer is found twice, and merged with the older one in the middle of its business."""
    twin = world.root["res.partner"].create({"name": "Customer", "is_company": True, "lang": world.setup.lang})

    def pay(world, topup):
        register(world, topup.invoice_id)
        world.settle()
        merge = world.root["base.partner.merge.automatic.wizard"].create({})
        merge._merge((world.partner | twin).ids, twin)
        world.settle()
        world.partner = twin
        assert world.wallet.partner_id == twin

    world.pay = pay


def branch(world):
    """The wallet is a branch's: accounts and journals are its parent's."""
    made = world.root["res.company"].create({"name": "Branch", "parent_id": world.company.id})
    world.company = made
    world.people_see = world.company.parent_id


def second_company(world):
    """The same customer has a wallet in another company, with business in it."""
    other = world.root["res.company"].search([("name", "=", "Books fr")])
    wallet = world.root["call.wallet"].create(
        {
            "partner_id": world.partner.id,
            "company_id": other.id,
            "currency_id": other.currency_id.id,
            "account_ref": "OTHER",
            "tz": "UTC",
        }
    )
    wallet.set_recipients(["billing@customer.example"])
    wallet.refund("5", "Opening credit")


def second_wallet(world):
    euro = world.root.ref("base.EUR")
    rate("EUR", 0.8)(world)
    wallet = world.root["call.wallet"].create(
        {
            "partner_id": world.partner.id,
            "company_id": world.company.id,
            "currency_id": euro.id,
            "account_ref": "OTHER",
            "tz": "UTC",
        }
    )
    wallet.set_recipients(["billing@customer.example"])
    wallet.refund("5", "Opening credit")


def elsewhere(world):
    """Who works has another company selected first."""
    other = world.root["res.company"].search([("name", "=", "Books fr")])
    world.manager.company_ids = [Command.link(other.id)]
    world.manager.company_id = other
    world.env = world.env(context={**world.env.context, "allowed_company_ids": [other.id, world.company.id]})
    world.wallet = world.wallet.with_env(world.env)


def far_away(name):
    def prepare(world):
        world.wallet_values["tz"] = name

    return prepare


def paused(world):
    """Paused and resumed by hand in between."""
    world.wallet.action_pause("Under review")
    world.wallet.action_resume()


def used_up(world):
    """All that was there before the first top-up is used up."""
    world.wallet.refund("0.02", "Opening credit")
    usage = world.root["call.usage"].with_user(world.platform)
    call = {
        "account": world.wallet.account_ref,
        "call_ref": "before",
        "call_type": "whatsapp",
        "number": "+14155550100",
        "started_at": "2026-10-01T00:00:00Z",
        "duration_seconds": 60,
        "status": "completed",
    }
    assert usage.record_calls([call])[0]["result"] == "charged"
    assert balance(world) == 0


def archived_names(world):
    """The campaign and the manager of the calls were archived before."""
    world.root["utm.campaign"].create({"title": "Spring & <Söhne>", "name": "Spring & <Söhne>", "active": False})
    world.root["res.partner"].create({"name": "Mary Manager", "parent_id": world.partner.id, "active": False})


def no_names(world):
    """Another module lets no campaign and no contact be made: both need a field that nobody fills."""
    for table in ("utm_campaign", "res_partner"):
        world.root.cr.execute(f"ALTER TABLE {table} ADD COLUMN cw_required varchar")
        world.root.cr.execute(f"UPDATE {table} SET cw_required = 'x'")
        world.root.cr.execute(f"ALTER TABLE {table} ALTER COLUMN cw_required SET NOT NULL")


def product_archived(world):
    world.root.ref("call_wallet.product_topup").active = False


EURO_RATE = rate("EUR", 0.8)
PLAIN = (no_tax,)

SETUPS = [
    # Charts of accounts
    Setup("generic", before=PLAIN, quick=True),
    Setup("es_pymes", "es_pymes", before=PLAIN, lang="es_ES", quick=True),
    Setup("fr", "fr", before=PLAIN),
    Setup("be", "be_comp", before=PLAIN),
    Setup("de_skr03", "de_skr03", before=PLAIN),
    Setup("de_skr04", "de_skr04", before=PLAIN),
    Setup("it", "it", before=PLAIN),
    Setup("mx", "mx", before=PLAIN),
    Setup("in", "in", before=PLAIN),
    Setup("jp", "jp", before=PLAIN, amounts=YEN, quick=True),
    Setup("ch", "ch", before=PLAIN),
    Setup("uk", "uk", before=PLAIN),
    # Languages
    Setup("arabic", lang="ar_001", before=PLAIN, quick=True),
    # Currencies
    Setup("coins of five", "ch", amounts=RAPPEN, before=(no_tax, coins_of_five), quick=True),
    Setup("three decimals", currency="KWD", amounts=FILS, before=(no_tax, rate("KWD", 0.3)), quick=True),
    Setup("yen in dollars' books", currency="JPY", amounts=YEN, before=(no_tax, rate("JPY", 150)), quick=True),
    Setup("euros in dollars' books", currency="EUR", before=(no_tax, EURO_RATE)),
    Setup("dollars in Spain", "es_pymes", currency="USD", before=(no_tax, rate("USD", 1.25)), lang="es_ES"),
    Setup("dollars in Japan", "jp", currency="USD", before=(no_tax, rate("USD", 0.007))),
    Setup("other currencies inactive", before=(no_tax, others_inactive)),
    # Taxes: 100 net of tax are 121 with 21 %
    Setup("tax on top", before=(tax(),), total="121", quick=True),
    Setup("tax included", before=(tax(included=True),), total="121"),
    Setup("tax when paid", before=(cash_basis,), total="121", quick=True),
    Setup("tax withheld", before=(withheld,), total="121", quick=True),
    Setup("tax in Spain", "es_pymes", before=(tax(),), total="121", lang="es_ES"),
    # Books
    Setup("hashed invoices", before=(no_tax, hashed_sales), quick=True),
    Setup("hashed journals", before=(no_tax, hashed_all)),
    Setup("hashed in Germany", "de_skr03", before=(no_tax, hashed_all)),
    Setup("audit trail", before=(no_tax, audit_trail)),
    Setup("sales locked", before=(no_tax, locked("sale_lock_date"))),
    Setup("taxes locked", before=(tax(), locked("tax_lock_date")), total="121"),
    Setup("year locked", before=(no_tax, locked("fiscalyear_lock_date"))),
    Setup("all locked", before=(no_tax, locked("hard_lock_date", "purchase_lock_date")), quick=True),
    Setup("analytic plan mandatory", before=(no_tax, analytic), quick=True),
    # Ways to pay
    Setup("by bank", before=(no_tax, by_bank)),
    Setup("by reference", before=(no_tax, by_reference), quick=True),
    Setup("by bank, in euros", currency="EUR", before=(no_tax, EURO_RATE, by_bank)),
    Setup("the bank keeps a fee", before=(no_tax, bank_fee), quick=True),
    Setup("in two parts", before=(no_tax, in_two_parts)),
    Setup("two at once", before=(no_tax, two_at_once), quick=True),
    Setup("payments without entry", before=(no_tax, without_entry), quick=True),
    Setup("outstanding receipts", before=(no_tax, outstanding)),
    Setup("early discount", before=(no_tax, early_discount)),
    # Customers
    Setup("several addresses", before=(no_tax, several_addresses)),
    Setup("invoice address", before=PLAIN, after=(invoice_address,)),
    Setup("renamed", before=PLAIN, after=(renamed,)),
    Setup("customer archived", before=PLAIN, after=(archived,)),
    Setup("customer given a parent", before=(no_tax, with_parent), quick=True),
    Setup("customer merged", before=(no_tax, merged), quick=True),
    Setup("branch", before=(no_tax, branch), quick=True),
    Setup("two companies", before=PLAIN, after=(second_company,), quick=True),
    Setup("two wallets", before=PLAIN, after=(second_wallet,)),
    # Wallets and calls
    Setup("in another company", before=PLAIN, after=(elsewhere,), quick=True),
    Setup("west of the date line", before=(no_tax, far_away("Pacific/Pago_Pago"))),
    Setup("east of it", before=(no_tax, far_away("Pacific/Kiritimati"))),
    Setup("paused", before=PLAIN, after=(paused,)),
    Setup("used up before", before=PLAIN, after=(used_up,)),
    Setup("names archived", before=PLAIN, after=(archived_names,)),
    Setup("names refused", before=PLAIN, after=(no_names,), quick=True),
    Setup("product archived", before=PLAIN, after=(product_archived,)),
]
