"""Tells the rest of the demo in a database that has it, and prints what came of it all; piped into an Odoo shell."""

import json
import sys
from collections import defaultdict
from pathlib import Path

from odoo.addons.call_wallet.demo.later import tell
from odoo.addons.call_wallet.tools.clock import utcnow
from odoo.modules.module import get_module_path

ACCOUNTS = ["ACME", "GLOBEX", "INITECH"]
OTHERS = [
    "WONKA", "OSCORP", "PIEDPIPER", "DUFF", "IBERIA", "SAKURA", "STARK", "HOOLI", "WAYNE", "CYBERDYNE",
]  # fmt: skip


def main(env):
    stripe = env.ref("payment.payment_provider_stripe")
    keys = ("stripe_publishable_key", "stripe_secret_key", "stripe_webhook_secret", "call_wallet_webhook_secret")
    stripe.write({"state": "test", "is_published": True, **dict.fromkeys(keys, "demo")})
    assert tell(env)
    env.flush_all()
    env.invalidate_all()
    sys.stdout.write(json.dumps(told(env)) + "\n")


def told(env):
    sys.path.insert(0, str(Path(get_module_path("call_wallet")).parent))
    from tests.demo_menus import empty_menus

    company = env.ref("base.main_company")
    wallets = {wallet.account_ref: wallet for wallet in env["call.wallet"].search([("company_id", "=", company.id)])}
    charges = env["call.wallet.transaction"].search([("wallet_id.account_ref", "in", ACCOUNTS), ("type", "=", "usage")])
    charged = defaultdict(dict)
    for charge in charges:
        charged[charge.wallet_id.account_ref][charge.usage_id.call_ref] = f"{-charge.amount:.6f}"
    calls = charges.usage_id.mapped("started_at")
    manager = env["res.users"].search([("login", "=", "financemanager")])
    rows = env["call.wallet"].reconciliation(company._call_wallet_today(), company)
    return {
        "charged": charged,
        "first_call": str(min(calls)),
        "last_call": str(max(calls)),
        "future": env["call.wallet.transaction"].search([("date", ">", utcnow())]).ids
        + env["account.move"]
        .search([("date", ">", company._call_wallet_today()), ("state", "=", "posted")])
        .mapped("name"),
        "unexplained": [row for row in rows if float(row["unexplained"]) or float(row["unexplained_value"])],
        "invariants": env["call.wallet"].check_invariants(),
        "empty_menus": empty_menus(env(user=manager)),
        "states": {account: wallets[account].state for account in [*ACCOUNTS, "UMBRELLA"]},
        "balances": {account: f"{wallets[account].balance.normalize():f}" for account in OTHERS},
    }


main(env)  # noqa: F821 -- `env` is a name that Odoo's shell gives to the script it runs
