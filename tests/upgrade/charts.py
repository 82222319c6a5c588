"""Business in the books of several countries, done with the code of an earlier version; run in `odoo shell`.

It starts from `tests/setups/companies.py` and leaves the accounts as accountants do: used by wallets alone, renumbered
by a person, booked to by hand, not used at all. Amounts are in each company's currency; times are UTC.
"""

# ruff: noqa: F821 -- `env` is a name that Odoo's shell gives to the script it runs
from datetime import timedelta

from odoo import Command, fields

DEPOSIT = "call_wallet_deposit_account_id"
companies = {
    company.chart_template: company for company in env["res.company"].search([("name", "=like", "Books %")], order="id")
}
finance = env["res.users"].create(
    {
        "name": "Fina Finance",
        "login": "upgrade-finance",
        "email": "finance@upgrade.example",
        "company_id": companies["be_comp"].id,
        "company_ids": [Command.set([company.id for company in companies.values()])],
        "group_ids": [
            Command.set([env.ref("base.group_user").id, env.ref("call_wallet.group_finance").id]),
        ],
    }
)


def do_business(chart):
    """Order and pay 100, make a call of two minutes at 0.25: 99.50 are left. The call is posted."""
    company = companies[chart]
    at = env(context={"allowed_company_ids": company.ids, "tz": "UTC"})
    at.ref("call_wallet.product_topup").taxes_id = False
    partner = at["res.partner"].create(
        {
            "name": f"Customer {chart}",
            "is_company": True,
            "email": f"{chart}@upgrade.example",
            "country_id": company.country_id.id,
        }
    )
    plan = at["call.rate.plan"].create(
        {
            "name": f"Plan {chart}",
            "currency_id": company.currency_id.id,
            "company_id": company.id,
            "rate_ids": [Command.create({"prefix": "1415", "price_per_minute": "0.25"})],
        }
    )
    wallet = at["call.wallet"].create(
        {
            "partner_id": partner.id,
            "company_id": company.id,
            "currency_id": company.currency_id.id,
            "account_ref": chart,
            "rate_plan_id": plan.id,
            "tz": "UTC",
        }
    )
    wallet.set_recipients([partner.email])
    invoice = wallet.create_topup("100").invoice_id
    at["account.payment.register"].with_context(active_model="account.move", active_ids=invoice.ids).create(
        {}
    )._create_payments()
    call = {
        "account": chart,
        "call_ref": chart,
        "call_type": "live",
        "number": "+14155550100",
        "started_at": (fields.Datetime.now() - timedelta(minutes=10)).isoformat() + "Z",
        "duration_seconds": 61,
        "status": "completed",
    }
    [answer] = at["call.usage"].record_calls([call])
    if answer["result"] != "charged":
        raise ValueError(f"{chart}: {answer}")
    at["call.wallet"].post_transactions(None, fields.Date.today(), company)
    env.cr.commit()


for chart in ("generic_coa", "es_pymes", "fr", "de_skr03", "be_comp", "it"):
    do_business(chart)

# An accountant of Belgium gives the deposits a name and a code of their own.
belgian = companies["be_comp"][DEPOSIT].with_company(companies["be_comp"])
belgian.write({"code": "489900", "name": "Prepaid calls of customers"})

# A company that came after the addon: its chart made the account as long as its own, of four digits.
later = env["res.company"].create({"name": "Books later", "currency_id": env.ref("base.EUR").id})
env.cr.commit()
later.country_id = env.ref("base.de")
env.cr.commit()
env["account.chart.template"].try_loading("de_skr04", later, install_demo=False)
env.cr.commit()

# One of Italy enters 7.00 on the deposit account by hand.
italy = companies["it"]
italian = italy[DEPOSIT]
at_italy = env(context={"allowed_company_ids": italy.ids})
journal = at_italy["account.journal"].search([("type", "=", "general"), ("company_id", "=", italy.id)], limit=1)
other = at_italy["account.account"].search(
    [("account_type", "=", "liability_current"), ("company_ids", "in", italy.id), ("id", "!=", italian.id)], limit=1
)
at_italy["account.move"].create(
    {
        "journal_id": journal.id,
        "line_ids": [
            Command.create({"account_id": italian.id, "credit": 7}),
            Command.create({"account_id": other.id, "debit": 7}),
        ],
    }
).action_post()
env.cr.commit()
