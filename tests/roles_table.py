"""Who may do what: the table that the tests of the roles go through.

A new public method or a new model of the addon fails the tests until it has a row here. Add it where it
belongs by its subject, with the letters of the roles that may.
"""

from base64 import b64encode

# Letter: name, group. Each user has the one group only.
ROLES = {
    "A": ("account manager", "call_wallet.group_account_manager"),
    "F": ("finance user", "call_wallet.group_finance"),
    "M": ("finance manager", "call_wallet.group_finance_manager"),
    "P": ("calling platform", "call_wallet.group_platform"),
    "O": ("owner of the wallet", "base.group_portal"),
    "C": ("colleague of the owner", "base.group_portal"),
    "E": ("employee", "base.group_user"),
    "X": ("public", "base.group_public"),
}
STAFF = "AFM"
FINANCE = "FM"
MANAGER = "M"
PLATFORM = "PFM"
OWNERS = "AFMO"
INTERNAL = "EAFM"
PAYING = "FMO"
EVERYBODY = "AFMPOCEX"
NOBODY = ""

# Model: {role: create, read, write, delete}. Who is not named may nothing. What of it they see is a matter of
# the rules: see ``test_roles_models``.
MODELS = {
    "call.rate": {"A": "r", "F": "crwd", "M": "crwd"},
    "call.rate.import": {"F": "crw", "M": "crw"},
    "call.rate.import.column": {"F": "rw", "M": "rw"},
    "call.rate.import.error": {"F": "r", "M": "r"},
    "call.rate.import.line": {"F": "r", "M": "r"},
    "call.rate.plan": {"A": "r", "F": "crwd", "M": "crwd"},
    "call.source": {"F": "r", "M": "crw"},
    "call.source.call": {"F": "r", "M": "r"},
    "call.source.column": {"F": "r", "M": "crwd"},
    "call.source.file": {"F": "r", "M": "r"},
    "call.source.file.line": {"F": "r", "M": "r"},
    "call.source.import": {"F": "crw", "M": "crw"},
    "call.source.import.line": {"F": "r", "M": "r"},
    "call.source.line": {"F": "crwd", "M": "crwd"},
    "call.source.message": {"F": "r", "M": "r"},
    "call.usage": {"A": "r", "F": "r", "M": "rd", "O": "r", "C": "r"},
    "call.usage.correction": {"A": "r", "F": "r", "M": "r"},
    "call.usage.rejection": {"F": "rw", "M": "rw"},  # writing by its actions only
    "call.usage.report.job": {"A": "r", "F": "r", "M": "r", "O": "r", "C": "r"},  # one's own
    "call.usage.report.wizard": {"A": "crw", "F": "crw", "M": "crw"},
    "call.usage.rerate": {"F": "crwd", "M": "crwd"},
    "call.usage.rerate.line": {"F": "r", "M": "r"},
    "call.usage.rerate.wallet": {"F": "r", "M": "r"},
    "call.wallet": {"A": "rw", "F": "crw", "M": "crw", "O": "r", "C": "r"},
    "call.wallet.alert": {"A": "r", "F": "r", "M": "r"},
    "call.wallet.auto.topup": {"A": "r", "F": "r", "M": "r", "O": "r", "C": "r"},
    "call.wallet.auto.topup.wizard": {"F": "crw", "M": "crw"},
    "call.wallet.balance": {"A": "r", "F": "cr", "M": "cr", "O": "r", "C": "r"},  # created empty, with its wallet
    "call.wallet.close.line": {"M": "crwd"},
    "call.wallet.close.wizard": {"M": "crw"},
    "call.wallet.day": {"A": "r", "F": "r", "M": "r", "O": "r", "C": "r"},
    "call.wallet.event": {"M": "r"},
    "call.wallet.event.type": {"M": "r"},
    "call.wallet.failure": {"F": "r", "M": "r"},
    "call.wallet.hold": {"A": "r", "F": "r", "M": "r"},
    "call.wallet.mandate": {"F": "r", "M": "r"},
    "call.wallet.meter": {"M": "r"},
    "call.wallet.metrics.token": {"M": "crw"},  # and only administrators make a token
    "call.wallet.month.end": {"F": "r", "M": "r"},
    "call.wallet.package": {"A": "r", "F": "crwd", "M": "crwd"},
    "call.wallet.invite": {"F": "crw", "M": "crw"},  # and only who may create contacts invites
    "call.wallet.pause": {"A": "crw", "F": "crw", "M": "crw"},
    "call.wallet.payback.wizard": {"M": "crw"},
    "call.wallet.settlement.wizard": {"M": "crw"},
    "call.wallet.platform.key": {"M": "crw"},  # and only administrators make a key
    "call.wallet.post.now": {"F": "crw", "M": "crw"},
    "call.wallet.posted": {"F": "r", "M": "r"},
    "call.wallet.posted.entry": {"A": "r", "F": "r", "M": "r"},
    "call.wallet.posted.value": {"A": "r", "F": "r", "M": "r"},
    "call.wallet.posting": {"F": "r", "M": "r"},
    "call.wallet.price": {"A": "r", "F": "r", "M": "crw"},
    "call.wallet.recipient": {"A": "crwd", "F": "crwd", "M": "crwd", "O": "r", "C": "r"},
    "call.wallet.refund.day": {"F": "r", "M": "r"},
    "call.wallet.refund.refusal": {"M": "crw"},
    "call.wallet.refund.request": {"F": "r", "M": "r"},
    "call.wallet.refund.wizard": {"F": "crw", "M": "crw"},
    "call.wallet.settings": {"M": "crw"},
    "call.wallet.schedule": {"F": "r", "M": "r"},
    "call.wallet.terms": {"A": "r", "F": "r", "M": "crw"},
    "call.wallet.stripe.customer": {"M": "r"},
    "call.wallet.stripe.entry": {"F": "r", "M": "r"},
    "call.wallet.stripe.event": {"M": "r"},
    "call.wallet.stripe.held": {"F": "r", "M": "r"},
    "call.wallet.stripe.payout": {"F": "r", "M": "r"},
    "call.wallet.stripe.return": {"F": "r", "M": "r"},
    "call.wallet.topup": {"A": "r", "F": "r", "M": "r", "O": "r", "C": "r"},
    "call.wallet.topup.wizard": {"F": "crw", "M": "crw"},
    "call.wallet.transaction": {"A": "r", "F": "r", "M": "r", "O": "r", "C": "r"},
    "call.wallet.watch": {"M": "r"},
    "call.wallet.waiting": {"F": "r", "M": "r"},
    "call.wallet.webhook": {"M": "crwd"},
    "call.wallet.webhook.delivery": {"M": "r"},
}
# Of these everybody who may read sees all: they are not about one customer.
NOT_OF_A_CUSTOMER = {
    "call.rate", "call.rate.plan", "call.wallet.event.type", "call.wallet.package", "call.wallet.terms"
}  # fmt: skip


class Action:
    """One thing a person does: a method of a model, called by name as the API does."""

    def __init__(self, what, roles, call, records=None, complains=False, **arguments):
        """``complains``: what it needs is not there, so that those who may are told what is missing."""
        self.what, self.roles, self.complains = what, roles, complains
        self.model, _dot, self.method = call.rpartition(".")
        self.call, self._records, self._arguments = call, records, arguments

    @property
    def is_on_the_wallet(self):
        return self._records is wallet

    def records(self, case):
        """The records it is called on; None for a method of the model itself."""
        return self._records(case) if self._records else None

    def arguments(self, case):
        return {name: value(case) if callable(value) else value for name, value in self._arguments.items()}


def report_job(case):
    return case.env["call.usage.report.job"].create(
        {"wallet_id": case.wallet.id, "user_id": case.user.id, "format": "csv", "state": "ready"}
    )


def posting(case):
    return case.env["call.wallet.posting"].create({"company_id": case.company.id, "date_to": "2026-10-31"})


def month_end(case):
    return case.env["call.wallet.month.end"].create(
        {"company_id": case.company.id, "currency_id": case.dollar.id, "date": "2026-10-31", "kind": "overdrawn",
         "value": 1}
    )  # fmt: skip


def second_owner(case):
    case.wallet.owner_ids |= case.third
    return case.third.id


def wallet(case):
    return case.wallet


def closed_wallet(case):
    case.wallet.close("Contract over", take_rest=True)
    return case.wallet


def house_call(case):
    """A call in progress of the user that the case looks at, on the company's own wallet."""
    case.house_wallet()
    if case.user.has_group("base.group_user"):
        case.env["call.button"].with_user(case.user).sudo().start_call("my-own-call", "whatsapp", "+14155550100")
    return "my-own-call"


def wizard(model, **values):
    return lambda case: case.env[model].create(
        {"wallet_id": case.wallet.id, **{name: v(case) if callable(v) else v for name, v in values.items()}}
    )


def rate_import(previewed, applied=False):
    def make(case):
        deck = b"prefix,price_per_minute\n7,0.5\n"
        record = case.env["call.rate.import"].create(
            {"plan_id": case.plan.id, "file": b64encode(deck), "filename": "deck.csv"}
        )
        if previewed:
            record.action_preview()
        if applied:
            record.action_apply()
        return record

    return make


def rerate(previewed):
    def make(case):
        record = case.env["call.usage.rerate"].create(
            {"reason": "Typing error", "rate_plan_id": case.plan.id, "date_from": "2026-10-01", "date_to": "2026-10-02"}
        )
        if previewed:
            case.plan.rate_ids.filtered(lambda rate: rate.prefix == "1415").price_per_minute = "0.01"
            record.action_preview()
        return record

    return make


def rerate_lines(case):
    return rerate(True)(case).line_ids


def refund_request(by="admin"):
    def make(case):
        asking = case.user if by == "user" else case.env.ref("base.user_admin")
        return case.wallet.with_user(asking).sudo().request_refund("5", "Bad line").sudo()

    return make


def refusal_dialog(case):
    return case.env["call.wallet.refund.refusal"].create({"request_id": refund_request()(case).id, "reason": "No"})


def rejection(case):
    case._record(case._call(number="+99912345678", call_ref="nowhere"))
    return case.env["call.usage.rejection"].search([("call_ref", "=", "nowhere")])


def conflict(case):
    case._record(case._call(call_ref="twice"), case._call(call_ref="twice", duration_seconds=100))
    return case.env["call.usage.rejection"].search([("call_ref", "=", "twice")])


def waiting(case):
    rejection(case)
    case.env.flush_all()
    return case.env["call.wallet.waiting"].search([("kind", "=", "rejected"), ("wallet_id", "=", case.wallet.id)])


def stripe_event(case):
    provider = case.env.ref("payment.payment_provider_stripe")
    values = {"reference": "evt_roles", "provider_id": provider.id, "type": "account.updated", "object_ref": "acct_1"}
    return case.env["call.wallet.stripe.event"].create(values)


# An address that nobody answers at; no name has to be looked up for it.
HOOK = "https://8.8.8.8:65000/hook"


def webhook(case):
    return case.env["call.wallet.webhook"].create({"name": "Platform", "url": HOOK})


def delivery(case):
    made = webhook(case)
    case.wallet.sudo().action_pause("Fraud check")
    case.env["call.wallet"].list_events()
    found = case.env["call.wallet.webhook.delivery"].search([("webhook_id", "=", made.id)], limit=1)
    found.state = "failed"
    return found


def source(case):
    return case.env["call.source"].create({"name": "Exchange", "kind": "freeswitch"})


def source_file(case):
    made = source(case)
    return case.env["call.source.file"]._keep(made, "calls.json", b"{}", origin="upload", state="waiting")


def source_import(previewed):
    def make(case):
        content = b64encode(b'{"variables": {"uuid": "roles", "start_epoch": "1793527200"}}')
        wizard = case.env["call.source.import"].create(
            {"source_id": source(case).id, "file": content, "filename": "calls.json"}
        )
        if previewed:
            wizard.action_preview()
        return wizard

    return make


def source_call(case):
    """A call of which only the beginning was heard of."""
    case.env.cr.execute(
        """
        INSERT INTO call_source_call (source_id, ref, state, is_phone, facts, lines, first_at, last_at)
        VALUES (%s, 'roles', 'open', TRUE, '{}', '[]', now(), now()) RETURNING id
        """,
        [source(case).id],
    )
    return case.env["call.source.call"].browse(case.env.cr.fetchone()[0])


def source_message(case):
    values = {"source_id": source(case).id, "digest": "roles", "state": "failed", "body": "{}"}
    moment = "2026-11-02 10:00:00"
    return case.env["call.source.message"].create({**values, "first_at": moment, "last_at": moment})


def payout(case):
    values = {"provider_id": case.env.ref("payment.payment_provider_stripe").id, "reference": "po_roles"}
    values |= {"currency_id": case.dollar.id, "amount": 10, "arrival_date": "2026-11-02", "status": "paid"}
    return case.env["call.wallet.stripe.payout"].create(values)


def line_of_a_payout(case):
    """A line of the bank that the payout may be; the movements that it is made up of are not known yet."""
    journal = case.env["account.journal"].search(
        [("type", "=", "bank"), ("company_id", "=", case.env.company.id)], limit=1
    )
    values = {"journal_id": journal.id, "date": "2026-11-02", "payment_ref": "STRIPE", "amount": 10}
    payout(case)
    return case.env["account.bank.statement.line"].create(values)


def a_call(case):
    return [case._call(call_ref="from-the-table", campaign="From the table", manager="Mary Manager")]


CALL = {"call_ref": "c-1", "call_type": "live", "number": "+14155550100"}


def account(case):
    return case.wallet.account_ref


def held(case):
    case.env["call.wallet"].authorize_call(account(case), **CALL)
    return account(case)


def a_hold(case):
    return case.env["call.wallet.hold"].search([("wallet_id.account_ref", "=", held(case))], limit=1)


def vals(**values):
    return lambda case: [{name: v(case) if callable(v) else v for name, v in values.items()}]


ACTIONS = [
    # === SEEING === #
    Action("see a wallet", OWNERS, "call.wallet.read", wallet, fields=["balance", "state", "account_ref"]),
    Action("see its dashboard", OWNERS, "call.wallet.dashboard_data", wallet),
    Action("have its dashboard kept up to date", OWNERS, "call.wallet.watch", wallet),
    Action("see the overview of all wallets", STAFF, "call.wallet.overview.overview"),
    Action("see what work waits", STAFF, "call.wallet.overview.work"),
    Action("see whether the books agree", FINANCE, "call.wallet.overview.books"),
    Action("have the overview kept up to date", STAFF, "call.wallet.overview.watch"),
    Action("see transactions", OWNERS, "call.wallet.transaction.read", lambda c: c.row, fields=["amount"]),
    Action("see calls", OWNERS, "call.usage.read", lambda c: c.usage_record, fields=["number", "total_cost"]),
    Action("see top-ups", OWNERS, "call.wallet.topup.read", lambda c: c.topup, fields=["amount", "state"]),
    Action("see daily totals", OWNERS, "call.wallet.day.read", lambda c: c.day, fields=["amount"]),
    Action("see recipients", OWNERS, "call.wallet.recipient.read", lambda c: c.wallet.recipient_ids, fields=["email"]),
    Action("see prices", STAFF, "call.rate.read", lambda c: c.rate, fields=["price_per_minute"]),
    Action("see contracts", STAFF, "call.rate.plan.read", lambda c: c.plan, fields=["name"]),
    Action("see refund requests", FINANCE, "call.wallet.refund.request.read", refund_request(), fields=["state"]),
    Action("open its transactions", STAFF, "call.wallet.action_open_transactions", wallet),
    Action("open its calls", STAFF, "call.wallet.action_open_usage", wallet),
    Action("open its top-ups", STAFF, "call.wallet.action_open_topups", wallet),
    Action("open its holds", STAFF, "call.wallet.action_open_holds", wallet),
    Action("open its refund requests", FINANCE, "call.wallet.action_open_refund_requests", wallet),
    Action("open a contact's wallet", STAFF, "res.partner.action_open_call_wallets", lambda c: c.partner),
    Action("open an entry's wallet", FINANCE, "account.move.action_open_call_wallets",
           lambda c: c.env["account.move"].create({"move_type": "entry"})),
    Action("open a top-up's invoice", OWNERS, "call.wallet.topup.action_open_invoice", lambda c: c.topup),
    Action("download an invoice", OWNERS, "call.wallet.download_invoice", wallet,
           invoice_id=lambda c: c.topup.invoice_id.id),
    Action("ask for the usage report", STAFF, "call.wallet.action_open_usage_report", wallet),
    Action("download the usage report", STAFF, "call.usage.report.wizard.action_download",
           wizard("call.usage.report.wizard")),
    Action("have a long report made", OWNERS, "call.wallet.request_usage_report", wallet),
    # Whoever may uninstall it sees the question; the ledgers are finance's.
    Action("keep all ledgers before it is uninstalled", MANAGER, "base.module.uninstall.action_call_wallet_export",
           lambda c: c.env["base.module.uninstall"]),
    Action("have it made from the dialog", STAFF, "call.usage.report.wizard.action_prepare",
           wizard("call.usage.report.wizard")),
    Action("download a report that was made", OWNERS, "call.usage.report.job.action_download", report_job),
    Action("give up a report that is being made", OWNERS, "call.usage.report.job.action_cancel", report_job),
    Action("hear which of one's own wallets run low", EVERYBODY, "call.wallet.low_balance_banners"),
    Action("reconcile with the general ledger", STAFF, "call.wallet.reconciliation",
           date="2026-10-31", company=lambda c: c.company.id),
    Action("see the reconciliation", STAFF, "call.wallet.reconciliation_screen"),
    Action("see what belongs to no wallet", STAFF, "call.wallet.reconciliation_unassigned",
           date="2026-10-31", company=lambda c: c.company.id),
    Action("open what belongs to no wallet", STAFF, "call.wallet.open_unassigned",
           date="2026-10-31", company=lambda c: c.company.id, currency=lambda c: c.dollar.id),
    Action("open the rows of a figure", STAFF, "call.wallet.open_reconciled", wallet, figure="used", date="2026-10-31"),
    Action("reconcile another company", NOBODY, "call.wallet.reconciliation",
           date="2026-10-31", company=lambda c: c.foreign.company_id.id),
    Action("post usage to the general ledger", FINANCE, "call.wallet.post_transactions",
           date_from="2026-10-01", date_to="2026-10-31"),
    Action("post another company's usage", NOBODY, "call.wallet.post_transactions",
           date_from="2026-10-01", date_to="2026-10-31", companies=lambda c: c.foreign.company_id.ids),
    Action("make the token of the monitoring system", NOBODY, "call.wallet.metrics.token.action_make_token",
           lambda c: c.env["call.wallet.metrics.token"].create({})),
    Action("switch monitoring off", NOBODY, "call.wallet.metrics.token.action_switch_off",
           lambda c: c.env["call.wallet.metrics.token"].create({})),
    Action("make an API key of the platform", NOBODY, "call.wallet.platform.key.action_make_key",
           lambda c: c.env["call.wallet.platform.key"].create({"user_id": c.users["P"].id})),
    Action("post it from the dialog", FINANCE, "call.wallet.post.now.action_post",
           lambda c: c.env["call.wallet.post.now"].create({"date_to": "2026-10-31"})),
    Action("post a month's end", FINANCE, "call.wallet.month.end.post_month_end", date="2026-10-31"),
    Action("post another company's month end", NOBODY, "call.wallet.month.end.post_month_end",
           date="2026-10-31", companies=lambda c: c.foreign.company_id.ids),
    Action("post last month's end by the button", FINANCE, "call.wallet.month.end.action_post_last_month", month_end),
    Action("see a month end's entries", FINANCE, "call.wallet.month.end.action_view_moves", month_end),
    Action("see a posting's entries", FINANCE, "call.wallet.posting.action_view_moves", posting),
    Action("go on with a posting", FINANCE, "call.wallet.posting.action_continue", posting),
    Action("open a document's top-up", FINANCE, "account.move.action_open_call_wallet_topups",
           lambda c: c.env["account.move"].create({"move_type": "entry"})),
    Action("open a top-up's payments", FINANCE, "call.wallet.topup.action_open_payments", lambda c: c.topup),
    Action("open a top-up's journal items", FINANCE, "call.wallet.topup.action_open_items", lambda c: c.topup),
    Action("see an entry's transactions", FINANCE, "account.move.action_call_wallet_transactions",
           lambda c: c.env["account.move"].create({"move_type": "entry"})),
    Action("open a transaction's entry", OWNERS, "call.wallet.transaction.action_open_move", lambda c: c.row),
    Action("check the ledger", FINANCE, "call.wallet.check_invariants"),
    # === ADDING AND REFUNDING === #
    Action("open Add Balance", FINANCE, "call.wallet.action_add_balance", wallet),
    Action("order a top-up", "FMO", "call.wallet.create_topup", wallet, amount="20"),
    Action("order it in the dialog", FINANCE, "call.wallet.topup.wizard.action_request_invoice",
           wizard("call.wallet.topup.wizard", other_amount=20, accept_terms=True)),
    Action("open Automatic Top-up", FINANCE, "call.wallet.action_open_auto_topup", wallet),
    Action("open its log", STAFF, "call.wallet.action_open_auto_topups", wallet),
    Action("set automatic top-up", PAYING, "call.wallet.set_auto_topup", wallet, complains=True, enabled=True),
    Action("set it in the dialog", FINANCE, "call.wallet.auto.topup.wizard.action_switch_on",
           wizard("call.wallet.auto.topup.wizard"), complains=True),
    Action("read what is agreed to", PAYING, "call.wallet.auto_topup_mandate", wallet, complains=True,
           level="5", amount="20", monthly_cap="100", token_id=0),
    Action("remove a saved card", PAYING, "call.wallet.remove_payment_token", wallet, complains=True, token_id=0),
    Action("switch automatic top-up off", PAYING, "call.wallet.set_auto_topup", wallet, enabled=False),
    Action("switch it off by the button", PAYING, "call.wallet.action_auto_topup_off", wallet),
    Action("ask whether to charge the card", PAYING, "call.wallet.action_ask_auto_topup_now", wallet, complains=True),
    Action("charge the card now", PAYING, "call.wallet.auto_topup_now", wallet, complains=True),
    Action("charge the card by the button", PAYING, "call.wallet.action_auto_topup_now", wallet, complains=True),
    Action("type in automatic top-up", NOBODY, "call.wallet.write", wallet, vals={"auto_topup_state": "on"}),
    Action("open an automatic top-up's invoice", OWNERS, "call.wallet.auto.topup.action_open_invoice",
           lambda c: c.env["call.wallet.auto.topup"].create(
               {"wallet_id": c.wallet.id, "topup_id": c.topup.id, "state": "done"})),
    Action("open Refund", FINANCE, "call.wallet.action_open_refund", wallet),
    Action("refund up to the limit", FINANCE, "call.wallet.refund", wallet, amount="1000", reason="Bad line"),
    Action("refund in the dialog", FINANCE, "call.wallet.refund.wizard.action_refund",
           wizard("call.wallet.refund.wizard", amount=1, reason="Bad line")),
    Action("refund above the limit alone", NOBODY, "call.wallet.refund", wallet, amount="1000.01", reason="Bad line"),
    Action("ask for a refund", FINANCE, "call.wallet.request_refund", wallet, amount="2000", reason="Bad line"),
    Action("approve a refund", MANAGER, "call.wallet.refund.request.action_approve", refund_request()),
    Action("approve one's own request", NOBODY, "call.wallet.refund.request.action_approve", refund_request("user")),
    Action("open Refuse", MANAGER, "call.wallet.refund.request.action_open_refusal", refund_request()),
    Action("refuse a refund", MANAGER, "call.wallet.refund.request.action_refuse", refund_request(), reason="No"),
    Action("refuse it in the dialog", MANAGER, "call.wallet.refund.refusal.action_refuse", refusal_dialog),
    Action("withdraw one's own request", FINANCE, "call.wallet.refund.request.action_withdraw", refund_request("user")),
    Action("withdraw somebody else's", NOBODY, "call.wallet.refund.request.action_withdraw", refund_request()),
    Action("match bank transfers", FINANCE, "call.wallet.topup.match_transfers"),
    Action("match them by the button", FINANCE, "call.wallet.topup.action_match_transfers"),
    Action("send a top-up's invoice", FINANCE, "call.wallet.topup.action_send_invoice", lambda c: c.topup),
    Action("send its payment link", FINANCE, "call.wallet.topup.action_send_payment_link", lambda c: c.topup,
           complains=True),
    Action("use outstanding credit", PAYING, "call.wallet.topup.apply_outstanding_credit", lambda c: c.topup),
    Action("use it by the button", PAYING, "call.wallet.topup.action_apply_outstanding_credit", lambda c: c.topup),
    Action("ask whether to cancel an order", FINANCE, "call.wallet.topup.action_ask_cancel_order", lambda c: c.topup),
    Action("cancel an order", FINANCE, "call.wallet.topup.cancel_order", lambda c: c.topup, complains=True),
    Action("cancel it by the button", FINANCE, "call.wallet.topup.action_cancel_order", lambda c: c.topup,
           complains=True),
    Action("open Settled Without Funds", MANAGER, "call.wallet.topup.action_open_settlement", lambda c: c.topup),
    Action("count a settlement", MANAGER, "call.wallet.topup.count_settlement", lambda c: c.topup, complains=True,
           reason="Set off"),
    Action("release a settlement", MANAGER, "call.wallet.topup.release_unfunded", lambda c: c.topup, complains=True,
           reason="Bad debt"),
    Action("count it in the dialog", MANAGER, "call.wallet.settlement.wizard.action_count",
           lambda c: c.env["call.wallet.settlement.wizard"].create({"topup_id": c.topup.id, "reason": "Set off"}),
           complains=True),
    Action("release it in the dialog", MANAGER, "call.wallet.settlement.wizard.action_release",
           lambda c: c.env["call.wallet.settlement.wizard"].create({"topup_id": c.topup.id, "reason": "Bad debt"}),
           complains=True),
    Action("open Pay Back", MANAGER, "call.wallet.topup.action_open_pay_back", lambda c: c.topup),
    Action("pay a top-up back", MANAGER, "call.wallet.topup.pay_back", lambda c: c.topup, complains=True,
           amount="1000000", reason="No need"),
    Action("pay it back in the dialog", MANAGER, "call.wallet.payback.wizard.action_pay_back",
           lambda c: c.env["call.wallet.payback.wizard"].create(
               {"topup_id": c.topup.id, "amount": 1_000_000, "reason": "No need"}), complains=True),
    # === KEEPING A WALLET === #
    Action("create a wallet", FINANCE, "call.wallet.create",
           vals_list=vals(partner_id=lambda c: c.other.partner_id.create({"name": "New", "is_company": True}).id,
                          account_ref="NEW")),
    Action("change the threshold", STAFF, "call.wallet.write", wallet, vals={"low_balance_threshold": 5}),
    Action("change the contract", FINANCE, "call.wallet.write", wallet, vals={"rate_plan_id": False}),
    Action("change the account", FINANCE, "call.wallet.write", wallet, vals={"account_ref": "OTHER"}),
    Action("archive by hand", NOBODY, "call.wallet.write", wallet, vals={"active": False}),
    Action("choose who owns it", FINANCE, "call.wallet.write", wallet,
           vals=lambda c: {"owner_ids": [[4, c.users["C"].id]]}),
    Action("make somebody an owner", PAYING, "call.wallet.add_owner", wallet, user_id=lambda c: c.users["C"].id),
    Action("take the role away", PAYING, "call.wallet.remove_owner", wallet, user_id=second_owner),
    Action("see billing information", PAYING, "call.wallet.billing_information", wallet),
    Action("change billing information", PAYING, "call.wallet.set_billing_information", wallet,
           values=lambda c: {"name": "Initrode SA", "street": "Rue 1", "city": "Namur", "zip": "5000",
                             "country_id": c.env.ref("base.be").id, "email": "billing@initrode.example"}),
    Action("set the threshold", OWNERS, "call.wallet.set_low_balance_threshold", wallet, amount="5"),
    Action("set recipients and threshold", OWNERS, "call.wallet.set_notifications", wallet,
           emails=["new@initrode.example"], threshold="5"),
    Action("set the limits", FINANCE, "call.wallet.write", wallet, vals={"limit_day": 50, "limit_calls": 5}),
    Action("type in the owner's limits", NOBODY, "call.wallet.write", wallet, vals={"owner_limit_day": 5}),
    Action("set the owner's limits", PAYING, "call.wallet.set_owner_limits", wallet, day="40", calls=4),
    Action("keep recipients", OWNERS, "call.wallet.set_recipients", wallet, emails=["new@initrode.example"]),
    Action("open Invite an Owner", FINANCE, "call.wallet.action_open_invite", wallet),
    Action("invite an owner without Contact Creation", NOBODY, "call.wallet.invite.action_invite",
           lambda c: c.env["call.wallet.invite"].create(
               {"wallet_id": c.wallet.id, "partner_id": c.wallet.partner_id.id})),
    Action("open Pause", STAFF, "call.wallet.action_open_pause", wallet),
    Action("pause", STAFF, "call.wallet.action_pause", wallet, reason="Fraud check"),
    Action("pause in the dialog", STAFF, "call.wallet.pause.action_pause",
           lambda c: c.env["call.wallet.pause"].create({"wallet_ids": c.wallet.ids, "reason": "Fraud check"})),
    Action("resume", STAFF, "call.wallet.action_resume", wallet),
    Action("open Close", MANAGER, "call.wallet.action_open_close", wallet),
    Action("close", MANAGER, "call.wallet.close", wallet, reason="Contract over", take_rest=True),
    Action("close in the dialog", MANAGER, "call.wallet.close.wizard.action_close",
           wizard("call.wallet.close.wizard", reason="Contract over", take_rest=True)),
    Action("see the rejected calls of the wallet", MANAGER, "call.wallet.close.wizard.action_open_rejected",
           wizard("call.wallet.close.wizard", reason="Contract over")),
    Action("reopen", MANAGER, "call.wallet.reopen", closed_wallet),
    Action("change settings", MANAGER, "res.company.write", lambda c: c.company,
           vals={"call_wallet_refund_limit": 5}),
    Action("change other settings of the company", NOBODY, "res.company.write", lambda c: c.company,
           vals={"call_wallet_refund_limit": 5, "name": "Ours now"}),
    Action("open the settings", MANAGER, "call.wallet.settings.action_open"),
    Action("save the settings", MANAGER, "call.wallet.settings.action_save",
           lambda c: c.env["call.wallet.settings"].create({})),
    # === CALLS === #
    Action("ask whether a call may start", PLATFORM, "call.wallet.authorize_call", account=account, **CALL),
    Action("hold longer", PLATFORM, "call.wallet.extend_hold", account=held, call_ref="c-1", seconds=60),
    Action("release a hold", PLATFORM, "call.wallet.release_hold", account=held, call_ref="c-1"),
    Action("ask what a call would cost", PLATFORM, "call.wallet.quote_call", account=account, call_type="live",
           number="+14155550100", seconds=60),
    Action("read wallets", PLATFORM, "call.wallet.get_wallets", accounts=lambda c: [account(c)]),
    Action("read what is held", PLATFORM, "call.wallet.list_holds", account=held),
    Action("read the ledger", PLATFORM, "call.wallet.list_transactions", account=account, limit=5),
    Action("read calls", PLATFORM, "call.usage.get_calls", account=account, call_refs=["first", "never"]),
    Action("read rejected calls", PLATFORM, "call.usage.list_rejections",
           account=lambda c: rejection(c).account, limit=5),
    Action("send rejected calls again", PLATFORM, "call.usage.retry_rejections",
           rejections=lambda c: rejection(c).ids),
    Action("read what the platform is told", PLATFORM, "call.wallet.list_events"),
    Action("report calls", PLATFORM, "call.usage.record_calls", calls=a_call),
    Action("correct calls", PLATFORM, "call.usage.amend_calls", calls=a_call),
    Action("void calls", PLATFORM, "call.usage.void_calls", calls=a_call),
    Action("retry a rejected call", FINANCE, "call.usage.rejection.action_retry", rejection),
    Action("set up Stripe's webhook", NOBODY, "payment.provider.action_call_wallet_webhook",
           lambda c: c.env.ref("payment.payment_provider_stripe")),  # the administrator does
    Action("see a webhook's secret", MANAGER, "call.wallet.webhook.read", webhook, fields=["secret"]),
    Action("type in a webhook's secret", NOBODY, "call.wallet.webhook.write", webhook, vals={"secret": "whsec_mine"}),
    Action("add a webhook", MANAGER, "call.wallet.webhook.create", vals_list=vals(name="Platform", url=HOOK)),
    Action("make a webhook's secret anew", MANAGER, "call.wallet.webhook.action_rotate_secret", webhook),
    Action("send a test event", MANAGER, "call.wallet.webhook.action_send_test", webhook),
    Action("see what was sent", MANAGER, "call.wallet.webhook.action_open_deliveries", webhook),
    Action("send again what was given up", MANAGER, "call.wallet.webhook.action_replay_failed", webhook),
    Action("add a call source", MANAGER, "call.source.create", vals_list=vals(name="Exchange", kind="freeswitch")),
    Action("see a call source's secret", MANAGER, "call.source.read", source, fields=["secret"]),
    Action("choose a call source's address", NOBODY, "call.source.write", source, vals={"token": "mine"}),
    Action("make a call source's secret anew", MANAGER, "call.source.action_rotate_secret", source),
    Action("see a source's calls", FINANCE, "call.source.action_open_calls", source),
    Action("see a source's messages", FINANCE, "call.source.action_open_messages", source),
    Action("see a source's files", FINANCE, "call.source.action_open_files", source),
    Action("import a file of calls by a program", FINANCE, "call.source.import_file", source,
           filename="calls.json", content="e30="),
    Action("begin to import a file of calls", FINANCE, "call.source.action_import_file", source),
    Action("choose a source's folder", NOBODY, "call.source.write", source, vals={"folder": "calls"}),
    Action("give a file of calls up", FINANCE, "call.source.file.action_cancel", source_file),
    Action("see why lines of a file were not used", FINANCE, "call.source.file.action_download_lines", source_file),
    Action("preview an import of calls", FINANCE, "call.source.import.action_preview", source_import(False)),
    Action("import calls", FINANCE, "call.source.import.action_import", source_import(True)),
    Action("choose another file of calls", FINANCE, "call.source.import.action_back", source_import(True)),
    Action("put a source's call aside", FINANCE, "call.source.call.action_dismiss", source_call),
    Action("look at a source's call again", FINANCE, "call.source.call.action_retry", source_call),
    Action("read a source's message again", FINANCE, "call.source.message.action_retry", source_message),
    Action("put a source's message aside", FINANCE, "call.source.message.action_dismiss", source_message),
    Action("send an event again", MANAGER, "call.wallet.webhook.delivery.action_replay", delivery),
    Action("match a payout of Stripe's", MANAGER, "call.wallet.stripe.payout.action_match", payout),
    Action("say that a payout was settled by hand", MANAGER,
           "call.wallet.stripe.payout.action_settled_by_hand", payout),
    Action("say which of the bank's lines a payout is", MANAGER,
           "account.bank.statement.line.action_call_wallet_settle_payout", line_of_a_payout),
    Action("process a message from Stripe again", MANAGER, "call.wallet.stripe.event.action_retry", stripe_event),
    Action(
        "charge a call in conflict as one of its own", FINANCE, "call.usage.rejection.action_charge_as_own", conflict
    ),
    Action("open what waits for finance", FINANCE, "call.wallet.waiting.action_open", waiting),
    Action("dismiss a rejected call", FINANCE, "call.usage.rejection.action_dismiss", rejection),
    Action("delete a call", MANAGER, "call.usage.unlink", lambda c: c.usage_record),
    Action("delete whom a call names", MANAGER, "call.usage.action_mask", lambda c: c.usage_record),
    Action("delete whom a rejected call names", MANAGER, "call.usage.rejection.action_mask", rejection),
    Action("delete whom a hold names", MANAGER, "call.wallet.hold.action_mask", a_hold),
    Action("look whether one's own call may start", INTERNAL, "call.button.check_call", number="+14155550100"),
    Action("look at several numbers at once", INTERNAL, "call.button.check_calls", calls=[["+14155550100", None]]),
    Action("have one's own calls kept up to date", INTERNAL, "call.button.watch_calls"),
    Action("start one's own call", INTERNAL, "call.button.start_call",
           call_ref=lambda c: c.house_wallet() and "new-own-call", call_type="whatsapp", number="+14155550100"),
    Action("extend one's own call", INTERNAL, "call.button.extend_call", call_ref=house_call, total_seconds=60),
    Action("end one's own call", INTERNAL, "call.button.end_call", call_ref=house_call, duration_seconds=5),
    # === PRICES === #
    Action("edit a price", FINANCE, "call.rate.write", lambda c: c.rate, vals={"price_per_minute": 1}),
    Action("add a price", FINANCE, "call.rate.create",
           vals_list=vals(plan_id=lambda c: c.plan.id, prefix="999", price_per_minute=1)),
    Action("preview a rate import", FINANCE, "call.rate.import.action_preview", rate_import(False)),
    Action("carry out a rate import", FINANCE, "call.rate.import.action_apply", rate_import(True)),
    Action("look at the columns of a price list", FINANCE, "call.rate.import.action_continue", rate_import(False)),
    Action("say again what its columns are", FINANCE, "call.rate.import.action_choose_columns", rate_import(True)),
    Action(
        "see what last month would have cost by it", FINANCE, "call.rate.import.action_compare_last_month",
        rate_import(True),
    ),
    Action("download its faulty lines", FINANCE, "call.rate.import.action_download_faulty", rate_import(True)),
    Action("undo a rate import", MANAGER, "call.rate.import.action_undo", rate_import(True, applied=True)),
    Action("choose another file", FINANCE, "call.rate.import.action_back", rate_import(True)),
    Action("see what a rate import changes", FINANCE, "call.rate.import.action_view_changes", rate_import(True)),
    Action("compare for re-rating", FINANCE, "call.usage.rerate.action_preview", rerate(False)),
    Action("post a re-rating", MANAGER, "call.usage.rerate.action_post", rerate(True)),
    Action("discard a re-rating", FINANCE, "call.usage.rerate.action_discard", rerate(True)),
    Action("see a re-rating's lines", FINANCE, "call.usage.rerate.action_view_lines", rerate(True)),
    Action("see a wallet's lines", FINANCE, "call.usage.rerate.wallet.action_view_lines",
           lambda c: rerate(True)(c).scope_ids[:1]),
    Action("leave a call alone", FINANCE, "call.usage.rerate.line.action_leave_alone", rerate_lines),
    Action("correct it after all", FINANCE, "call.usage.rerate.line.action_correct", rerate_lines),
    # === WHAT NOBODY DOES === #
    Action("type in a balance", NOBODY, "call.wallet.write", wallet, vals={"balance": 1000}),
    Action("type in a status", NOBODY, "call.wallet.write", wallet, vals={"state": "active"}),
    Action("write a balance row", NOBODY, "call.wallet.balance.write", lambda c: c.wallet.balance_id,
           vals={"balance": 1000}),
    Action("make up a transaction", NOBODY, "call.wallet.transaction.create",
           vals_list=vals(wallet_id=lambda c: c.wallet.id, amount=5)),
    Action("change a transaction", NOBODY, "call.wallet.transaction.write", lambda c: c.row, vals={"amount": 1000}),
    Action("delete a transaction", NOBODY, "call.wallet.transaction.unlink", lambda c: c.row),
    Action("delete a wallet", NOBODY, "call.wallet.unlink", wallet),
    Action("delete a top-up", NOBODY, "call.wallet.topup.unlink", lambda c: c.topup),
    Action("credit a top-up by hand", NOBODY, "call.wallet.topup.write", lambda c: c.topup,
           vals={"credited_amount": 1000}),
    Action("change a call", NOBODY, "call.usage.write", lambda c: c.usage_record, vals={"total_cost": 0}),
    Action("see a wallet of another company", NOBODY, "call.wallet.read", lambda c: c.foreign, fields=["balance"]),
]  # fmt: skip
