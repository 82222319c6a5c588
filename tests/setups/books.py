"""Set-ups of the books: taxes, currencies, locks and hashes, analytic plans. Each is called with the `World`."""

from datetime import timedelta

from odoo import Command

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
    account = make_account(world, "Tax waiting", "liability_current", "998", reconcile=True)
    world.company.tax_exigibility = True
    tax(tax_exigibility="on_payment", cash_basis_transition_account_id=account.id)(world)


def withheld(world):
    """21 on top, and 10 % withheld by the customer at payment: 121 invoiced, 111 received, a certificate of 10."""
    tax()(world)
    account = make_account(world, "Withheld tax", "asset_current", "997")
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
    world.company.withholding_tax_base_account_id = make_account(world, "Base of withheld tax", "asset_current", "996")
    bank = world.root["account.journal"].search([("type", "=", "bank"), ("company_id", "=", world.company.id)], limit=1)
    outstanding = make_account(world, "Money under way", "asset_current", "995", reconcile=True)

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


def make_account(world, name, kind, code, reconcile=False):
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
    journals(world, "sale").restrict_mode_hash_table = True


def hashed_all(world):
    hashed_sales(world)
    world.company.call_wallet_journal_id.restrict_mode_hash_table = True


def audit_trail(world):
    world.company.restrictive_audit_trail = True


def journals(world, kind):
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
