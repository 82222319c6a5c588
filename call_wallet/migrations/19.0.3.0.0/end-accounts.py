"""Renumber the wallets' accounts that earlier versions made in a wrong class of the chart; make those that are new.

It runs at the end, when the charts' modules are loaded. An account keeps its entries when its code changes: they
point to the account, and no entry is posted or changed. What a person renumbered, what is booked to by hand or used by
another company stays as it is, and finance is told.
"""

import logging

from odoo import SUPERUSER_ID, api
from odoo.exceptions import UserError
from odoo.tools import plaintext2html

_logger = logging.getLogger(__name__)

TO_DO = "mail.mail_activity_data_todo"
DEPOSIT = "call_wallet_deposit_account_id"
OURS = {
    DEPOSIT: "21",
    "call_wallet_live_account_id": "40",
    "call_wallet_whatsapp_account_id": "40",
    "call_wallet_adjustment_account_id": "40",
    "call_wallet_breakage_account_id": "40",
}
# Earlier versions counted up from where they began to the first free code: hardly further than this.
REACH = 20


def migrate(cr, version):
    """Renumber and complete; called by Odoo once, with the version that was installed."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    companies = env["res.company"].search([("chart_template", "!=", False), ("parent_id", "=", False)])
    for company in companies:
        for name in OURS:
            _renumber(env, company, name)
    env["account.chart.template"]._call_wallet_add_accounts(companies)


def _renumber(env, company, name):
    """Give one of a company's accounts its code, unless there is a reason to leave it; tell finance."""
    template = env["account.chart.template"].with_company(company)
    account = template.ref(name, raise_if_not_found=False)
    if not account or account != company[name]:
        return
    account = account.with_company(company)
    place = template._call_wallet_place(company, name, OURS[name], 6)
    siblings = template._call_wallet_siblings(company, name)[:1]
    # Without tags it is no place beside an account of the chart: then there is none better than where it is.
    if "tag_ids" not in place or not siblings or _is_at_home(template, company, account, siblings):
        return
    user = company._call_wallet_finance_user()
    account = account.with_context(lang=user.partner_id._call_wallet_lang() or "en_US")
    reason = _reason_to_leave(account, company, _first_code(template, company, name))
    if not reason:
        reason = _write_code(account, place)
    _tell(account, company, user, place["prefix"], reason)


def _write_code(account, place):
    """Change the code; return why Odoo refuses it, as that of Germany does for accounts with entries, or None."""
    try:
        with account.env.cr.savepoint():
            account.write({"code": place["prefix"], "tag_ids": place.get("tag_ids", [])})
            account.env.flush_all()
    except UserError as error:
        account.env.invalidate_all()
        return str(error)
    return None


def _first_code(template, company, name):
    """Return the code of the chart from which version 19.0.2.0.0 looked for a free one, or else the digits before."""
    sibling = company.income_account_id
    if name == DEPOSIT:
        sibling = template.ref("deferred_revenue", raise_if_not_found=False)
    return (sibling and sibling.with_company(company).code) or OURS[name]


def _is_made_by_us(code, first):
    if len(first) == 2:  # the length of the code was the chart's, or six digits where the chart was there before
        return code.startswith(first) and code.isdigit() and 0 < int(code[2:] or 0) <= REACH
    if len(code) != len(first):
        return False
    if code.isdigit() and first.isdigit():
        return int(first) <= int(code) <= int(first) + REACH
    return code.rpartition(".")[0] == first.rpartition(".")[0]


def _is_at_home(template, company, account, sibling):
    """Tell whether the account stands behind its sibling already, with none but ours in between."""
    first = sibling.with_company(company).code
    ours = company._call_wallet_accounts().with_company(company).mapped("code")
    between = [code for code, _type in template._call_wallet_codes(company) if first < code < account.code]
    return first < account.code and set(between) <= set(ours)


def _reason_to_leave(account, company, first):
    """Return why an account is left alone, or None.

    :param first: the code from which the earlier version counted up
    """
    env = account.env
    if not _is_made_by_us(account.code or "", first):
        return env._("Somebody changed the code.")
    if account.company_ids != company:
        return env._("Other companies use the account too.")
    by_hand = [
        ("account_id", "=", account.id),
        ("call_wallet_id", "=", False),
        ("move_id.call_wallet_posting_id", "=", False),
    ]
    if env["account.move.line"].search_count(by_hand, limit=1):
        return env._("The account has entries that are not of call wallets.")
    return None


def _tell(account, company, user, code, reason):
    """Note on the account what was done with it; what finance should do is somebody's activity there."""
    _ = account.env._
    if not reason:
        text = _(
            "The code was in a wrong class of the chart of accounts and is %s now. Entries stay with their account.",
            code,
        )
        account.message_post(body=text)
        return
    text = _(
        "This account's code is not in its class of the chart of accounts. It was left as it is: %(reason)s A code "
        "beside the chart's account of this kind would be %(code)s. Change it; or, where that is not possible, make "
        "an account with that code and choose it in the settings of call wallets: what is booked on this one "
        "still counts.",
        reason=reason,
        code=code,
    )
    account.with_context(mail_activity_quick_update=True).activity_schedule(
        TO_DO,
        summary=_("Call wallets: the account's code should be %s", code),
        note=plaintext2html(text),
        user_id=user.id or account.env.uid,
        date_deadline=company._call_wallet_today(),
    )
    _logger.info("Account %s of company %s was left as it is: %s", account.id, company.id, reason)
