"""Every door of the addon: what has to be there, committed, before it is opened, and how it is opened.

Each case begins with a wallet of its own, so that the cases do not get in each other's way.
"""

import json
import os
import tempfile
from base64 import b64encode
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path

from odoo.addons.call_wallet.tools.sources.event import Received

_numbers = count(1)
NUMBER = "+14155550100"
FINANCE_USER = "call_wallet.demo_user_finance"


def lay_the_ground(env):
    """Let Odoo's demo provider pay, let idle funds expire."""
    company = env.company
    company.write(
        {
            "call_wallet_accept_test_payments": True,
            "call_wallet_breakage_months": 12,
            "call_wallet_breakage_notice_days": 30,
        }
    )
    provider = env["payment.provider"].search([("code", "=", "demo"), ("company_id", "=", company.id)], limit=1)
    provider.state = "test"
    provider.payment_method_ids[:1].support_refund = "partial"


# === WHAT HAS TO BE THERE === #


def empty(env, **values):
    """A wallet that is set up, of a new customer, with a contract of its own: a minute costs 0.02."""
    number = next(_numbers)
    partner = env["res.partner"].create({"name": f"Door {number}", "is_company": True, "lang": "en_US"})
    plan = env["call.rate.plan"].create(
        {
            "name": f"Door {number}",
            "currency_id": env.ref("base.USD").id,
            "rate_ids": [(0, 0, {"call_type": "whatsapp", "prefix": "1", "price_per_minute": "0.02"})],
        }
    )
    wallet = env["call.wallet"].create(
        {
            "partner_id": partner.id,
            "account_ref": f"DOOR{number}",
            "currency_id": env.ref("base.USD").id,
            "rate_plan_id": plan.id,
            "tz": "UTC",
            **values,
        }
    )
    wallet.set_recipients([f"door{number}@door.example"])
    return wallet


def funded(env):
    wallet = empty(env)
    wallet.refund("100", "Opening credit")
    return wallet


def called(env):
    wallet = funded(env)
    [result] = report(wallet)
    assert result["result"] == "charged"
    return wallet


def paused(env):
    wallet = funded(env)
    wallet.action_pause("Unpaid bills")
    return wallet


def held(env):
    wallet = funded(env)
    assert authorize(wallet)["allowed"]
    return wallet


def held_too_long(env):
    wallet = held(env)
    env.cr.execute("UPDATE call_wallet_hold SET expires_at = '2020-01-01' WHERE wallet_id = %s", [wallet.id])
    return wallet


def released(env):
    wallet = held(env)
    wallet.release_hold(wallet.account_ref, "call")
    return env["call.wallet.hold"].search([("wallet_id", "=", wallet.id)])


def a_call(env):
    return env["call.usage"].search([("wallet_id", "=", called(env).id)])


def kept_too_long(env):
    env.company.call_wallet_retention_months = 1
    return a_call(env)


def requested(env):
    return funded(env).with_user(env.ref(FINANCE_USER)).request_refund("5", "A week without lines")


def ordered(env, amount="100"):
    return empty(env).create_topup(amount)


def pay(invoice, amount=None):
    register = invoice.env["account.payment.register"].with_context(active_model="account.move", active_ids=invoice.ids)
    return register.create({"amount": amount} if amount else {})._create_payments()


def paid(env):
    topup = ordered(env)
    pay(topup.invoice_id)
    return topup


def written_off(env):
    """A top-up whose invoice was settled by an entry that is no money."""
    topup = ordered(env)
    invoice = topup.invoice_id
    receivable = invoice.line_ids.filtered(lambda line: line.account_id.account_type == "asset_receivable")
    lost = env["account.account"].search(
        [("account_type", "=", "expense"), ("company_ids", "in", invoice.company_id.ids)], limit=1
    )
    amount, customer = invoice.amount_total, invoice.commercial_partner_id.id
    entry = env["account.move"].create(
        {
            "line_ids": [
                (0, 0, {"account_id": receivable.account_id.id, "credit": amount, "partner_id": customer}),
                (0, 0, {"account_id": lost.id, "debit": amount}),
            ]
        }
    )
    entry.action_post()
    (receivable | entry.line_ids.filtered(lambda line: line.account_id == receivable.account_id)).reconcile()
    return topup


def paid_untold(env):
    topup = paid(env)
    env.cr.postcommit.clear()  # the process that was to tell ends right after its commit
    return topup


def paid_by_card(env):
    topup = ordered(env)
    received(topup)._post_process()
    return topup


def received(topup):
    """A payment by the demo provider that is done; its result has not been processed."""
    provider = topup.env["payment.provider"].search(
        [("code", "=", "demo"), ("company_id", "=", topup.company_id.id)], limit=1
    )
    transaction = topup.env["payment.transaction"].create(
        {
            "provider_id": provider.id,
            "payment_method_id": provider.payment_method_ids[:1].id,
            "amount": topup.invoice_id.amount_total,
            "currency_id": topup.currency_id.id,
            "partner_id": topup.partner_id.id,
            "operation": "online_direct",
            "invoice_ids": [(6, 0, topup.invoice_id.ids)],
        }
    )
    transaction._set_done()
    return transaction


def received_and_left(env):
    topup = ordered(env)
    received(topup).last_state_change -= timedelta(days=5)
    return topup


def bounced_behind_odoo_s_back(env):
    topup = paid(env)
    payments = topup.invoice_id._get_reconciled_payments()
    env.flush_all()
    env.cr.execute("UPDATE account_payment SET state = 'rejected' WHERE id = ANY(%s)", [payments.ids])
    return topup


def overpaid_before(env):
    topup = ordered(env)
    pay(topup.invoice_id, 130)
    return topup.wallet_id.create_topup("25")


def rejected(env):
    """A call that came before its wallet was made."""
    reference = f"DOOR{next(_numbers)}"
    env["call.usage"].record_calls([call(reference)])
    empty(env, account_ref=reference)
    return env["call.usage.rejection"].search([("account", "=", reference)])


def conflict(env):
    """A call that came under the reference of another one."""
    wallet = called(env)
    first = wallet.usage_ids[0]
    other = {**call(wallet.account_ref), "call_ref": first.call_ref, "duration_seconds": 7}
    env["call.usage"].record_calls([other])
    return env["call.usage.rejection"].search([("account", "=", wallet.account_ref)])


def rerate(env):
    """A call that costs 0.03 instead of 0.02 since its price was mended."""
    wallet = called(env)
    wallet.rate_plan_id.rate_ids.price_per_minute = "0.03"
    return env["call.usage.rerate"].create(
        {
            "reason": "Wrong price",
            "rate_plan_id": wallet.rate_plan_id.id,
            "date_from": datetime(2026, 10, 1),
            "date_to": datetime(2026, 10, 2),
        }
    )


def rerate_begun(env):
    document = rerate(env)
    document._start_preview()
    return document


def rerate_compared(env):
    document = rerate(env)
    document.action_preview()
    assert document.line_ids.state == "change"
    return document


def difference(env):
    return rerate_compared(env).line_ids


def difference_left_alone(env):
    line = difference(env)
    line.action_leave_alone()
    return line


def used_on_a_day(env):
    """A wallet whose ledger row is the only one of its day, long before any other."""
    from odoo.addons.call_wallet.tools.clock import recorded_at

    # Nothing else is to be posted.
    env["call.wallet.posting"].search([("state", "!=", "done")]).state = "done"
    wallet = empty(env)
    with recorded_at(datetime(2001, 1, 1, 12) + timedelta(days=next(_numbers))):
        wallet.refund("10", "Adjustment")
    return wallet


def day_of(wallet):
    return wallet.transaction_ids.day


def posting(env):
    wallet = used_on_a_day(env)
    return env["call.wallet.posting"]._start(wallet.company_id, day_of(wallet), day_of(wallet))


def post_now(env):
    wallet = used_on_a_day(env)
    return env["call.wallet.post.now"].create(
        {"date_from": day_of(wallet), "date_to": day_of(wallet), "company_ids": [(6, 0, wallet.company_id.ids)]}
    )


def overdrawn_in_the_books(env, day=None):
    """A wallet whose only call is posted, on the last day of some month."""
    from odoo.addons.call_wallet.tools.clock import recorded_at

    wallet = empty(env)
    day = day or date(2001 + next(_numbers) % 20, 1, 31)
    with recorded_at(datetime.combine(day, datetime.min.time()) + timedelta(hours=12)):
        report(wallet)
    wallet.post_transactions(day, day, wallet.company_id)
    return wallet


def overdrawn_last_month(env):
    day = env.company._call_wallet_today().replace(day=1) - timedelta(days=1)
    env.company.call_wallet_month_end_from = day
    return overdrawn_in_the_books(env, day)


def report_asked_for(env):
    return called(env).request_usage_report()


def low(env):
    wallet = funded(env)
    wallet.set_low_balance_threshold("500")
    env.cr.postcommit.clear()  # the process that was to send the alert ends right after its commit
    return wallet


def statement_due(env):
    wallet = called(env)
    wallet.statement_month = date(2020, 1, 1)
    return wallet


def unwatched(env):
    env["call.wallet.watch"].search([]).unlink()
    return empty(env)


def not_compared(env):
    env["call.wallet.meter"].search([]).unlink()
    return empty(env)


def with_card(env):
    wallet = funded(env)
    provider = env["payment.provider"].search([("code", "=", "demo"), ("company_id", "=", env.company.id)], limit=1)
    env["payment.token"].create(
        {
            "provider_id": provider.id,
            "payment_method_id": provider.payment_method_ids[:1].id,
            "payment_details": "4242",
            "partner_id": wallet.partner_id.id,
            "provider_ref": "fake",
            "demo_simulated_state": "done",
        }
    )
    return wallet


def switch_on(wallet, level="20"):
    card = wallet.env["payment.token"].search([("partner_id", "=", wallet.partner_id.id)])
    wallet.set_auto_topup(True, level=level, amount="50", monthly_cap="500", token_id=card.id, accept_mandate=True)


def charged_automatically(env):
    wallet = with_card(env)
    switch_on(wallet)
    return wallet


def below_its_level(env):
    wallet = with_card(env)
    switch_on(wallet, level="120")
    return wallet


def card_ends_soon(env):
    wallet = charged_automatically(env)
    wallet.auto_topup_token_id.call_wallet_expires_on = date.today() + timedelta(days=5)
    return wallet


def stripe_event(env):
    provider = env["payment.provider"].search([("code", "=", "stripe")], limit=1)
    event = {"id": f"evt_{next(_numbers)}", "type": "charge.other", "data": {"object": {"id": "ch_1"}}}
    return env["call.wallet.stripe.event"]._receive(provider, event)


def payout(env, **values):
    """A payout made by hand at Stripe, which cannot be matched by itself."""
    of_company = [("code", "=", "stripe"), ("company_id", "=", env.company.id)]
    provider = env["payment.provider"].search(of_company, limit=1)
    common = {"provider_id": provider.id, "currency_id": env.ref("base.USD").id, "status": "paid"}
    number = next(_numbers)
    # An amount of its own, so that no other payout's line is this one's.
    common |= {"reference": f"po_{number}", "amount": 1000 + number, "arrival_date": date.today()}
    return env["call.wallet.stripe.payout"].create({**common, **values})


def line_of_a_payout(env):
    amount = payout(env).amount
    journal = env["account.journal"].search([("type", "=", "bank"), ("company_id", "=", env.company.id)], limit=1)
    values = {"journal_id": journal.id, "date": date.today(), "payment_ref": "STRIPE", "amount": amount}
    return env["account.bank.statement.line"].create(values)


# === HOW IT IS OPENED === #


def call(account, ref="call", **values):
    return {
        "account": account,
        "call_ref": ref,
        "call_type": "whatsapp",
        "number": NUMBER,
        "started_at": "2026-10-01T10:00:00Z",
        "duration_seconds": 60,
        "status": "completed",
        **values,
    }


def report(wallet):
    return wallet.env["call.usage"].record_calls([call(wallet.account_ref)])


def amend(wallet):
    first = wallet.usage_ids[0]
    return wallet.env["call.usage"].amend_calls(
        [{**call(wallet.account_ref), "call_ref": first.call_ref, "duration_seconds": 601}]
    )


def void(wallet):
    asked = {"account": wallet.account_ref, "call_ref": wallet.usage_ids[0].call_ref, "reason": "A test call"}
    return wallet.env["call.usage"].void_calls([asked])


def authorize(wallet):
    return wallet.authorize_call(wallet.account_ref, "call", "whatsapp", NUMBER, 60)


def let_idle_funds_expire(wallet):
    from odoo.addons.call_wallet.tools.clock import recorded_at, utcnow

    with recorded_at(utcnow() + timedelta(days=360)):
        wallet._cron_breakage()


def transfer_arrived(env):
    """A line of the bank's statement that names a top-up's invoice, and that nobody has reconciled."""
    topup = empty(env).create_topup("30")
    journal = env["account.journal"].search([("type", "=", "bank"), ("company_id", "=", topup.company_id.id)], limit=1)
    return env["account.bank.statement.line"].create(
        {"journal_id": journal.id, "payment_ref": topup.invoice_id.name, "amount": 30, "date": date.today()}
    )


def webhook(env):
    """Nobody answers at the address, and nothing is sent to it before the case ends."""
    env["call.wallet.webhook"].search([]).unlink()
    env["ir.config_parameter"].set_param("call_wallet.webhook_allowed_hosts", "127.0.0.1:9")
    return env["call.wallet.webhook"].create({"name": "Door", "url": "http://127.0.0.1:9/hook"})


def event_due(env):
    made = webhook(env)
    paused(env)
    return made


def given_up(env):
    made = event_due(env)
    env["call.wallet"].list_events()
    deliveries = env["call.wallet.webhook.delivery"].search([("webhook_id", "=", made.id)])
    deliveries.state = "failed"
    return deliveries


def event_of_long_ago(env):
    from odoo.addons.call_wallet.tools.clock import recorded_at, utcnow

    env["call.wallet.webhook"].search([]).unlink()  # what waits is not deleted
    with recorded_at(utcnow() - timedelta(days=100)):
        wallet = paused(env)
    wallet.list_events()
    return wallet


def source(env):
    """An exchange that has sent a call which no line brings to a wallet, and something that is no call."""
    made = env["call.source"].create({"name": f"Door {next(_numbers)}", "kind": "freeswitch"})
    for body, is_call in ((SOURCE_CALL, True), ("{}", False)):
        received = Received("/door", {}, body.encode())
        env["call.source.message"]._receive(made, received)._process()
        assert env["call.source.call"].search_count([("source_id", "=", made.id)]) == 1 or not is_call
    return made


def source_calls(env):
    made = source(env)
    wallet = funded(env)
    made.wallet_id = wallet
    return env["call.source.call"].search([("source_id", "=", made.id)])


def source_messages(env, state="failed"):
    return env["call.source.message"].search([("source_id", "=", source(env).id), ("state", "=", state)])


def waiting_messages(env):
    messages = source_messages(env)
    messages.state = "waiting"
    return messages


def unreadable_messages(env):
    """A message that a person has mended the reading of."""
    messages = source_messages(env, "done")
    messages.state = "failed"
    return messages


def old_messages(env):
    messages = source_messages(env, "done")
    messages.last_at = datetime(2020, 1, 1)
    return messages


def source_file(env):
    made = env["call.source"].create({"name": f"Door {next(_numbers)}", "kind": "freeswitch"})
    made.wallet_id = funded(env)
    content = SOURCE_CALL.encode()
    return env["call.source.file"]._keep(made, "calls.json", content, origin="upload", state="waiting")


def previewed_file(env):
    """A file of calls that a person has chosen and looked at."""
    made = env["call.source"].create({"name": f"Door {next(_numbers)}", "kind": "freeswitch"})
    content = b64encode(SOURCE_CALL.encode())
    wizard = env["call.source.import"].create({"source_id": made.id, "file": content, "filename": "calls.json"})
    wizard.action_preview()
    return wizard


def folder_of_calls(env):
    """A folder with a file of calls in it, which was written a while ago."""
    root = tempfile.mkdtemp()
    env["ir.config_parameter"].set_param("call_wallet.source_folder_root", root)
    name = f"calls{next(_numbers)}"
    path = Path(root, name, "calls.json")
    path.parent.mkdir()
    path.write_text(SOURCE_CALL)
    os.utime(path, (0, 0))
    return env["call.source"].create({"name": name, "kind": "freeswitch", "folder": name, "folder_grows": False})


SOURCE_CALL = json.dumps(
    {
        "variables": {"uuid": "door", "start_epoch": "1793527200", "end_epoch": "1793527200", "billsec": "0"},
        "callflow": [{"caller_profile": {"destination_number": NUMBER}}],
    }
)


# {model and method: (what has to be there, how it is opened)}
DOORS = {
    "call.usage.record_calls": (funded, report),
    "call.usage.amend_calls": (called, amend),
    "call.usage.void_calls": (called, void),
    "call.usage.retry_rejections": (rejected, lambda kept: kept.env["call.usage"].retry_rejections(kept.ids)),
    "call.wallet.authorize_call": (funded, authorize),
    "call.wallet.extend_hold": (held, lambda wallet: wallet.extend_hold(wallet.account_ref, "call", 600)),
    "call.wallet.release_hold": (held, lambda wallet: wallet.release_hold(wallet.account_ref, "call")),
    "call.wallet.list_events": (funded, lambda wallet: wallet.list_events()),
    "call.wallet.webhook.action_rotate_secret": (webhook, lambda webhook: webhook.action_rotate_secret()),
    "call.wallet.webhook.action_send_test": (webhook, lambda webhook: webhook.action_send_test()),
    "call.wallet.webhook.delivery.action_replay": (given_up, lambda deliveries: deliveries.action_replay()),
    "call.wallet.webhook.delivery._cron_send": (
        event_due,
        lambda webhook: webhook.env["call.wallet.webhook.delivery"]._cron_send(),
    ),
    "call.wallet.webhook.delivery._cron_forget": (
        event_of_long_ago,
        lambda wallet: wallet.env["call.wallet.webhook.delivery"]._cron_forget(),
    ),
    "call.source.action_rotate_secret": (source, lambda source: source.action_rotate_secret()),
    "call.source.import_file": (source, lambda source: source.import_file("calls.json", "e30=")),
    "call.source.file.action_cancel": (source_file, lambda file: file.action_cancel()),
    "call.source.file._cron_import": (source_file, lambda file: file._cron_import()),
    "call.source.file._cron_poll": (folder_of_calls, lambda source: source.env["call.source.file"]._cron_poll()),
    "call.source.import.action_import": (previewed_file, lambda wizard: wizard.action_import()),
    "call.source.call.action_retry": (source_calls, lambda calls: calls.action_retry()),
    "call.source.call.action_dismiss": (
        lambda env: env["call.source.call"].search([("source_id", "=", source(env).id)]),
        lambda calls: calls.action_dismiss(),
    ),
    "call.source.call._cron_advance": (source_calls, lambda calls: calls._cron_advance()),
    "call.source.message.action_retry": (unreadable_messages, lambda messages: messages.action_retry()),
    "call.source.message.action_dismiss": (source_messages, lambda messages: messages.action_dismiss()),
    "call.source.message._cron_process": (waiting_messages, lambda messages: messages._cron_process()),
    "call.source.message._cron_forget": (old_messages, lambda messages: messages._cron_forget()),
    "call.wallet._cron_expire_holds": (held_too_long, lambda wallet: wallet._cron_expire_holds()),
    "call.wallet.refund": (funded, lambda wallet: wallet.refund("5", "A dropped call")),
    "call.wallet.request_refund": (funded, lambda wallet: wallet.request_refund("5", "A dropped call")),
    "call.wallet.refund.request.action_approve": (requested, lambda request: request.action_approve()),
    "call.wallet.refund.request.action_refuse": (requested, lambda request: request.action_refuse("No")),
    "call.wallet.refund.request.action_withdraw": (
        requested,
        lambda request: request.with_user(request.requested_by_id).action_withdraw(),
    ),
    "call.wallet.action_pause": (funded, lambda wallet: wallet.action_pause("Unpaid bills")),
    "call.wallet.action_resume": (paused, lambda wallet: wallet.action_resume()),
    "call.wallet.set_recipients": (empty, lambda wallet: wallet.set_recipients(["new@door.example"])),
    "call.wallet.set_notifications": (empty, lambda wallet: wallet.set_notifications(["new@door.example"], "7")),
    "call.wallet.set_low_balance_threshold": (empty, lambda wallet: wallet.set_low_balance_threshold("7")),
    "call.wallet.set_owner_limits": (empty, lambda wallet: wallet.set_owner_limits(day="7")),
    "call.wallet.alert._cron_send": (low, lambda wallet: wallet.env["call.wallet.alert"]._cron_send()),
    "call.wallet._cron_send_statements": (statement_due, lambda wallet: wallet._cron_send_statements()),
    "call.wallet.schedule._cron_check": (
        not_compared,
        lambda wallet: wallet.env["call.wallet.schedule"]._cron_check(),
    ),
    "call.wallet._cron_check_invariants": (not_compared, lambda wallet: wallet._cron_check_invariants()),
    "call.wallet.watch": (unwatched, lambda wallet: wallet.watch()),
    "call.wallet.overview.watch": (unwatched, lambda wallet: wallet.env["call.wallet.overview"].watch()),
    "call.button.watch_calls": (unwatched, lambda wallet: wallet.env["call.button"].watch_calls()),
    "call.wallet.topup.count_settlement": (written_off, lambda topup: topup.count_settlement("Set off")),
    "call.wallet.topup.release_unfunded": (written_off, lambda topup: topup.release_unfunded("Bad debt")),
    "call.wallet.topup.cancel_order": (ordered, lambda topup: topup.cancel_order()),
    "call.wallet.topup.pay_back": (paid, lambda topup: topup.pay_back("60", "Not needed")),
    "call.wallet.topup.apply_outstanding_credit": (overpaid_before, lambda topup: topup.apply_outstanding_credit()),
    "call.wallet.topup._cron_notify": (paid_untold, lambda topup: topup._cron_notify()),
    "call.wallet.topup._cron_sync": (bounced_behind_odoo_s_back, lambda topup: topup._cron_sync()),
    "call.wallet.topup.match_transfers": (
        transfer_arrived,
        lambda line: line.env["call.wallet.topup"].match_transfers(),
    ),
    "call.wallet.topup._cron_match_transfers": (
        transfer_arrived,
        lambda line: line.env["call.wallet.topup"]._cron_match_transfers(),
    ),
    "call.wallet.close": (paid, lambda topup: topup.wallet_id.close("Contract over")),
    "call.wallet._cron_breakage": (funded, let_idle_funds_expire),
    "call.wallet.set_auto_topup": (with_card, switch_on),
    "call.wallet.auto_topup_now": (charged_automatically, lambda wallet: wallet.auto_topup_now()),
    "call.wallet._cron_auto_topup": (below_its_level, lambda wallet: wallet.browse()._cron_auto_topup()),
    "call.wallet._cron_auto_topup_cards": (card_ends_soon, lambda wallet: wallet._cron_auto_topup_cards()),
    "call.usage.rejection.action_retry": (rejected, lambda kept: kept.action_retry()),
    "call.usage.rejection.action_charge_as_own": (conflict, lambda kept: kept.action_charge_as_own()),
    "call.usage.rejection.action_dismiss": (rejected, lambda kept: kept.action_dismiss()),
    "call.usage.rerate.action_preview": (rerate, lambda document: document.action_preview()),
    "call.usage.rerate.action_post": (rerate_compared, lambda document: document.action_post()),
    "call.usage.rerate.action_discard": (rerate_compared, lambda document: document.action_discard()),
    "call.usage.rerate._cron_advance": (rerate_begun, lambda document: document._cron_advance()),
    "call.usage.rerate.line.action_leave_alone": (difference, lambda line: line.action_leave_alone()),
    "call.usage.rerate.line.action_correct": (difference_left_alone, lambda line: line.action_correct()),
    "call.usage.report.job.action_cancel": (report_asked_for, lambda job: job.action_cancel()),
    "call.usage.report.job._cron_make": (report_asked_for, lambda job: job._cron_make()),
    "call.usage.action_mask": (a_call, lambda call: call.action_mask()),
    "call.usage.rejection.action_mask": (rejected, lambda kept: kept.action_mask()),
    "call.wallet.hold.action_mask": (released, lambda hold: hold.action_mask()),
    "call.usage._cron_mask": (kept_too_long, lambda call: call._cron_mask()),
    "call.wallet.post_transactions": (
        used_on_a_day,
        lambda wallet: wallet.post_transactions(day_of(wallet), day_of(wallet), wallet.company_id),
    ),
    "call.wallet.posting.action_continue": (posting, lambda run: run.action_continue()),
    "call.wallet.posting._cron_start": (used_on_a_day, lambda wallet: wallet.env["call.wallet.posting"]._cron_start()),
    "call.wallet.posting._cron_work": (posting, lambda run: run._cron_work()),
    "call.wallet.month.end.post_month_end": (
        overdrawn_in_the_books,
        lambda wallet: wallet.env["call.wallet.month.end"].post_month_end(day_of(wallet), wallet.company_id),
    ),
    "call.wallet.month.end._cron_post": (
        overdrawn_last_month,
        lambda wallet: wallet.env["call.wallet.month.end"]._cron_post(),
    ),
    "call.wallet.post.now.action_post": (post_now, lambda wizard: wizard.action_post()),
    "call.wallet.stripe.payout.action_match": (payout, lambda payout: payout.action_match()),
    "call.wallet.stripe.payout.action_settled_by_hand": (payout, lambda payout: payout.action_settled_by_hand()),
    "account.bank.statement.line.action_call_wallet_settle_payout": (
        line_of_a_payout,
        lambda line: line.action_call_wallet_settle_payout(),
    ),
    "call.wallet.stripe.event._cron_process": (stripe_event, lambda event: event._cron_process()),
}
# More ways through a door, beside the one each door has above.
MORE_WAYS = {
    "call.wallet.topup.pay_back by card": (paid_by_card, lambda topup: topup.pay_back("60", "Not needed")),
    "call.wallet.topup._cron_sync of a left payment": (received_and_left, lambda topup: topup._cron_sync()),
}
# Whoever charges a card wants nothing around it that could be undone: it is refused inside others' work.
ALONE = {"call.wallet.auto_topup_now"}
# Doors that cannot be opened here, and where they are.
ELSEWHERE = {
    "call.wallet.stripe.event._cron_sweep": "tests/test_stripe_sweep.py has the stand-in for Stripe",
    "call.wallet.stripe.event.action_retry": "tests/test_stripe_account.py likewise",
    "call.wallet.auto_topup_mandate": "tests/test_stripe_account.py; it writes only when Stripe names a renewed card",
    "call.wallet.stripe.payout._cron_payouts": "tests/test_stripe_payouts.py, likewise",
}
