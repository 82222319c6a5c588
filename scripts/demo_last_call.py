"""Readies the wallet LASTCALL for a call that is cut; piped into an Odoo shell on the demo database.

Its contract has a price by the second, 0.02 a minute, and 0.005 are available: fifteen seconds.
"""

from decimal import Decimal

AVAILABLE = Decimal("0.005")


def main(env):
    wallet = env["call.wallet"].search([("account_ref", "=", "LASTCALL")]) or make_wallet(env)
    missing = AVAILABLE - wallet.available_balance
    if missing > 0:
        wallet.refund(missing, "For a call that is cut")
    env.cr.commit()


def make_wallet(env):
    partner = env["res.partner"].create({"name": "Last Call Ltd", "is_company": True})
    plan = env["call.rate.plan"].create(
        {
            "name": "Last Call: by the second",
            "currency_id": env.ref("base.USD").id,
            "rate_ids": [(0, 0, {"prefix": "44", "price_per_minute": "0.02", "increment_seconds": 1})],
        }
    )
    wallet = env["call.wallet"].create(
        {"partner_id": partner.id, "account_ref": "LASTCALL", "rate_plan_id": plan.id, "low_balance_threshold": 0}
    )
    wallet.set_recipients(["owner@lastcall.example"])
    return wallet


main(env)  # noqa: F821 -- `env` is a name that Odoo's shell gives to the script it runs
