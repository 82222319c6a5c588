"""What waits about an unknown account is shown to the companies whose platforms have reported it: the rule says so."""

from odoo import SUPERUSER_ID, api

BEFORE = "[('company_id', 'in', company_ids + [False])]"
NOW = (
    "['|', ('company_id', 'in', company_ids), '&', ('company_id', '=', False)] + ['|'] * len(company_ids)"
    " + [('readers', '=', False)] + [('readers', 'like', ',%d,' % company) for company in company_ids]"
)


def migrate(cr, version):
    """Change the rule where nobody has; called by Odoo once, with the version that was installed."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    rule = env.ref("call_wallet.call_wallet_waiting_company_rule", raise_if_not_found=False)
    if rule and rule.domain_force == BEFORE:
        rule.domain_force = NOW
