"""Makes the demo's files; piped into an Odoo shell on the demo database, which defines ``env``.

Into $CALL_WALLET_BUILD/demo, or ./build/demo: usage_report.xlsx (ACME, the month of the demo's calls),
invoice.pdf (a paid top-up) and api_key (of the user ``platform``; kept while it is valid).
"""

import os
import shutil
from datetime import date, timedelta
from pathlib import Path

from odoo import fields
from odoo.addons.call_wallet.demo.later import tell
from odoo.addons.call_wallet.demo.moved import Moved

ACCOUNT = "ACME"
MONTH = date(2026, 10, 1), date(2026, 10, 31)
KEY_NAME = "Demo"
KEY_DAYS = 365


def main(env):
    folder = Path(os.environ.get("CALL_WALLET_BUILD") or "build") / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    wallet = env["call.wallet"].search([("account_ref", "=", ACCOUNT)])
    write_report(wallet, folder / "usage_report.xlsx")
    write_invoice(wallet, folder / "invoice.pdf")
    write_api_key(env, folder / "api_key")
    set_up_stripe(env)
    tell(env)
    env.cr.commit()


def set_up_stripe(env):
    """Let top-ups be paid by card: through the stand-in for Stripe that `make run` starts."""
    provider = env.ref("payment.payment_provider_stripe")
    provider.write(
        {
            "state": "test",
            "is_published": True,
            "stripe_publishable_key": "pk_test_demo",
            "stripe_secret_key": "sk_test_demo",
            "stripe_webhook_secret": "whsec_demo",
            "call_wallet_webhook_secret": "whsec_demo_wallet",
            "allow_tokenization": True,
            "call_wallet_bank_transfer": True,
        }
    )
    if not provider.journal_id:
        raise SystemExit("the demo company has no bank journal")


def write_report(wallet, path):
    days = map(Moved(wallet.env), MONTH)
    with wallet.env["call.usage.report"]._make(wallet, *days, format="xlsx") as report, open(path, "wb") as file:
        shutil.copyfileobj(report, file)


def write_invoice(wallet, path):
    invoice = wallet.topup_ids.invoice_id.filtered(lambda move: move.payment_state in ("paid", "in_payment"))[:1]
    pdf, _type = wallet.env["ir.actions.report"]._render_qweb_pdf("account.account_invoices", invoice.ids)
    path.write_bytes(pdf)


def write_api_key(env, path):
    """Write a key with which `platform` may call the API; one that works already is kept."""
    user = env["res.users"].search([("login", "=", "platform")])
    keys = env["res.users.apikeys"].with_user(user).sudo()
    known = path.read_text().strip() if path.exists() else ""
    if known and keys._check_credentials(scope="rpc", key=known) == user.id:
        return
    keys.search([("user_id", "=", user.id), ("name", "=", KEY_NAME)]).unlink()
    expires = fields.Datetime.now() + timedelta(days=KEY_DAYS)
    key = keys._generate("rpc", KEY_NAME, expires)
    path.unlink(missing_ok=True)
    # Nobody else may read it, not even for the moment between writing and closing.
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(key + "\n")


main(env)  # noqa: F821 -- `env` is a name that Odoo's shell gives to the script it runs
