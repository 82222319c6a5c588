"""Renumber the wallets' accounts that earlier versions made in a wrong class of the chart; make those that are new.

It runs at the end, when the charts' modules are loaded. An account keeps its entries when its code changes: they
point to the account, and no entry is posted or changed. What a person renumbered, what is booked to by hand or used by
another company stays as it is, and finance is told.
"""

import logging

from odoo import SUPERUSER_ID, api
from odoo.exceptions import UserError

_logger = logging.getLogger(__name__)

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
    template = env["account.chart.template"].with_company(company)
    account = template.ref(name, raise_if_not_found=False)
    if not account or account != company[name]:
        return
    account = account.with_company(company)
    mapping = template._get_chart_template_mapping(get_all=True).get(company.chart_template, {})
    digits = int(mapping.get("code_digits") or 6)
    if not _is_made_by_us(account.code or "", _first_code(template, company, name, digits)):
        return
    place = template._call_wallet_place(company, name, OURS[name], digits)
    siblings = template._call_wallet_siblings(company, name)[:1]
    if not siblings or _is_at_home(template, company, account, siblings):
        return
    code, tags = place["prefix"], place.get("tag_ids", [])
    reason = _reason_to_leave(env, company, account)
    if not reason:
        try:
            with env.cr.savepoint():
                account.write({"code": code, "tag_ids": tags})
                env.flush_all()
        except UserError as error:
            reason = str(error)
    _tell(env, company, account, code, reason)


def _first_code(template, company, name, digits):
    """Return the code from which version 19.0.2.0.0 looked for a free one."""
    sibling = company.income_account_id
    if name == DEPOSIT:
        sibling = template.ref("deferred_revenue", raise_if_not_found=False)
    code = sibling and sibling.with_company(company).code
    return code or OURS[name].ljust(digits - 1, "0") + "1"


def _is_made_by_us(code, first):
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


def _reason_to_leave(env, company, account):
    """Return why an account is left alone, or None."""
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


def _tell(env, company, account, code, reason):
    """Note on the account what was done with it, or should be done by finance."""
    user = company._call_wallet_finance_user()
    _ = env["res.company"].with_context(lang=user.partner_id._call_wallet_lang()).env._
    if reason:
        text = _(
            "This account's code is in a wrong class of the chart of accounts. It was left as it is: %(reason)s A code "
            "beside the chart's account of this kind would be %(code)s. Change it, or choose another account in the "
            "settings of call wallets.",
            reason=reason,
            code=code,
        )
    else:
        text = _(
            "The code was in a wrong class of the chart of accounts and is %s now. Entries stay with their account.",
            code,
        )
    account.message_post(body=text, partner_ids=user.partner_id.ids if reason else [])
    _logger.info("Call wallet: account %s of company %s: %s", account.id, company.id, text)
