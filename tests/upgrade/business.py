"""Business done with the code of an earlier version, and what its administrators changed; run in `odoo shell`.

It starts from the demo and leaves at least one row in every kind of state that an upgrade has to carry over.
Only what every version knows is used, or what its code is asked for first. Amounts are US dollars; times are UTC.
The demo's month of calls was October 2026 at first, and is the last one since 19.0.6.0.0: days are counted from its
first call.
"""

# ruff: noqa: F821 -- `env` is a name that Odoo's shell gives to the script it runs
import base64
from datetime import timedelta

from odoo import Command

Wallet, Usage = env["call.wallet"], env["call.usage"]
clerk, manager = env.ref("call_wallet.demo_user_finance"), env.ref("base.user_admin")
manager.group_ids = [Command.link(env.ref("call_wallet.group_finance_manager").id)]
began = Usage.search([("call_ref", "=like", "AC-%")], order="started_at", limit=1).started_at.replace(
    hour=0, minute=0, second=0
)
reported = f"{began + timedelta(days=20, hours=10):%Y-%m-%dT%H:%M:%SZ}"
acme, globex, house = (env.ref(f"call_wallet.demo_wallet_{name}") for name in ("acme", "globex", "house"))


def pay(invoice, amount=None):
    wizard = env["account.payment.register"].with_context(active_model="account.move", active_ids=invoice.ids)
    return wizard.create({"amount": amount} if amount else {})._create_payments()


def record(**overrides):
    call = {
        "account": "ACME",
        "call_type": "live",
        "number": "+14155550100",
        "started_at": reported,
        "duration_seconds": 61,
        "status": "completed",
        "campaign": "Before the upgrade",
        "manager": "Mary Manager",
        "application_ref": "APP-1",
    }
    return Usage.record_calls([{**call, **overrides}])[0]["result"]


def make_wallet(account, **values):
    partner = env["res.partner"].create({"name": account, "is_company": True, "email": f"{account}@upgrade.example"})
    wallet = Wallet.create({"partner_id": partner.id, "account_ref": account, **values})
    wallet.set_recipients([partner.email])
    return wallet


# Top-ups: paid, paid in part, taken back, paid back in part.
paid = acme.create_topup("80")
pay(paid.invoice_id)
part = acme.create_topup("60")
pay(part.invoice_id, 20)
lost = acme.create_topup("40")
pay(lost.invoice_id).action_draft()
paid.pay_back("30", "An office was closed")

# A payment by card, of which a part went back to the card.
card = env["payment.provider"].search([("code", "=", "demo"), ("company_id", "=", env.company.id)], limit=1)
card.state, card.payment_method_ids[:1].support_refund = "test", "partial"
env.company.call_wallet_accept_test_payments = True
by_card = acme.create_topup("30")
transaction = env["payment.transaction"].create(
    {
        "provider_id": card.id,
        "payment_method_id": card.payment_method_ids[:1].id,
        "amount": by_card.invoice_id.amount_total,
        "currency_id": by_card.currency_id.id,
        "partner_id": acme.partner_id.id,
        "operation": "online_direct",
        "invoice_ids": [Command.set(by_card.invoice_id.ids)],
    }
)
transaction._set_done()
transaction._post_process()
by_card.pay_back("10", "Sent back")
assert transaction.child_transaction_ids.state == "done"

# Calls: charged, refused, in progress, given up, and one that ended.
assert record(call_ref="up-1") == "charged"
assert record(call_ref="up-2", call_type="whatsapp", duration_seconds=3600) == "charged"
assert record(call_ref="up-3", number="no number") == "rejected"
assert record(call_ref="up-4", duration_seconds=0, status="busy") == "charged"
assert record(call_ref="up-1") == "duplicate"
assert record(call_ref="up-1", duration_seconds=600) == "conflict"
for call_ref in ("open", "released", "settled"):
    assert Wallet.authorize_call("GLOBEX", call_ref, "live", "+14155550100")["allowed"]
Wallet.extend_hold("GLOBEX", "open", 60)
Wallet.release_hold("GLOBEX", "released")
assert record(account="GLOBEX", call_ref="settled") == "charged"

# Refunds: at once, for a call, and the three fates of a request.
acme.refund("1.234567", "Bad line")
charged = Usage.search([("wallet_id", "=", acme.id), ("call_ref", "=", "up-2")])
acme.refund("0.01", "Bad line", usage=charged)
acme.with_user(clerk).refund("0.5", "Bad line")
for fate in ("waits", "approved", "refused"):
    request = acme.with_user(clerk).request_refund("2.5", f"Week of bad lines, {fate}", request_key=fate)
    if fate == "approved":
        request.with_user(manager).action_approve()
    elif fate == "refused":
        request.with_user(manager).action_refuse("The lines were good")

# Calls put right, where the version knows how: one amended, one taken back.
if hasattr(Usage, "amend_calls"):
    assert record(call_ref="up-6") == record(call_ref="up-7") == "charged"
    amended = {"call_ref": "up-6", "duration_seconds": 300, "reason": "The hang-up was lost"}
    facts = {"account": "ACME", "call_type": "live", "number": "+14155550100", "started_at": reported}
    assert Usage.amend_calls([{**facts, **amended, "status": "completed"}])[0]["result"] == "corrected"
    voided = {"account": "ACME", "call_ref": "up-7", "reason": "A test call"}
    assert Usage.void_calls([voided])[0]["result"] == "corrected"

# Wallets: paused, closed, one in another currency.
house.action_pause("Under review")
gone = make_wallet("UPGONE")
pay(gone.create_topup("10").invoice_id)
gone.close("Contract over", write_off=True)
euro = env.ref("base.EUR")
euro.active = True
env["res.currency.rate"].search([("currency_id", "=", euro.id)]).unlink()
env["res.currency.rate"].create({"currency_id": euro.id, "name": "2026-01-01", "rate": 0.8})
abroad = make_wallet("UPEURO", currency_id=euro.id)
pay(abroad.create_topup("100").invoice_id)
assert record(account="UPEURO", call_ref="up-5", call_type="whatsapp") == "charged"

# Entries for a part of the days; a re-rating that is done, and one that was only looked at.
Wallet.post_transactions(f"{began - timedelta(days=30):%F}", f"{began + timedelta(days=15):%F}")
rates = globex.rate_plan_id.rate_ids.filtered(lambda rate: rate.prefix == "1")
rates.write({"price_per_minute": "0.02"})
for reason in ("Done", "Looked at"):
    days = {"date_from": began + timedelta(days=5), "date_to": began + timedelta(days=7)}
    rerate = env["call.usage.rerate"].with_user(clerk)
    rerate = rerate.create({"reason": reason, "rate_plan_id": globex.rate_plan_id.id, **days})
    rerate.action_preview()
    if reason == "Done":
        rerate.with_user(manager).action_post()
        rates.write({"price_per_minute": "0.03"})

# Reports in the background: one that is there, one that waits.
first, last = (f"{began + timedelta(days=days):%F}" for days in (1, 31))
acme.with_user(clerk).request_usage_report(first, last, "csv")
env.cr.commit()  # the scheduled action works in a transaction of its own
env.ref("call_wallet.ir_cron_usage_report").method_direct_trigger()
acme.with_user(clerk).request_usage_report(first, first, "xlsx")

# A call source of files: a call that is charged, one that waits for its wallet, a line that cannot be read; and a
# message that could not be.
if "call.source" in env:
    facts = {
        "ref": "Id",
        "number": "To",
        "started_at": "Start",
        "duration_seconds": "Seconds",
        "status": "Status",
        "line": "Line",
    }
    source = env["call.source"].create(
        {
            "name": "Exchange",
            "kind": "columns",
            "tz": "UTC",
            "line_ids": [Command.create({"key": "ours", "wallet_id": acme.id})],
            "column_ids": [Command.create({"fact": fact, "column": column}) for fact, column in facts.items()],
        }
    )
    lines = [",".join(facts.values())]
    for line, seconds in (("ours", "61"), ("nobody", "61"), ("ours", "long")):
        lines.append(f"file-{len(lines)},+14155550100,{reported[:10]} 11:00:00,{seconds},completed,{line}")
    source.import_file("calls.csv", base64.b64encode("\n".join(lines).encode()).decode())
    env.cr.commit()
    env["call.source.file"]._cron_import()
    kept = {"source_id": source.id, "digest": "0" * 64, "body": "{}", "state": "failed"}
    env["call.source.message"].create({**kept, "first_at": began, "last_at": began})

# A webhook, and an event that waits for it: nobody answers there.
if "call.wallet.webhook" in env:
    env["call.wallet.webhook"].create({"name": "Platform", "url": "https://8.8.8.8:65000/hook"})
    globex.action_pause("Unpaid bills")
    globex.action_resume()
    Wallet.list_events()

# What administrators changed: it is theirs.
env.ref("call_wallet.ir_cron_statement").active = False
env.ref("call_wallet.ir_cron_check_invariants").write({"nextcall": "2098-05-04 03:02:01", "interval_number": 3})
env.ref("call_wallet.mail_template_balance_low").subject = "Your own words: {{ object.display_name }}"
env.ref("call_wallet.package_25").amount = 27
env.ref("call_wallet.product_topup").name = "Prepaid minutes"
env.company.call_wallet_hold_seconds = 1234
env["res.config.settings"].create({"call_wallet_refund_limit": "77.5"}).execute()
env.ref("base.user_demo").group_ids = [Command.link(env.ref("call_wallet.group_account_manager").id)]
env["ir.ui.view"].create(
    {
        "name": "call.wallet.form.ours",
        "model": "call.wallet",
        "inherit_id": Wallet.get_view(view_type="form")["id"],
        "arch": "<field name='account_ref' position='after'><field name='create_date'/></field>",
    }
)
env.cr.commit()
