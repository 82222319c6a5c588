"""Rejected calls of unknown accounts are read in the companies of whoever reported them; rules are not updated."""

from odoo import SUPERUSER_ID, api

BEFORE = "['|', ('wallet_id', '=', False), ('wallet_id.company_id', 'in', company_ids)]"
NOW = (
    "['|', ('wallet_id.company_id', 'in', company_ids), '&', ('wallet_id', '=', False), "
    "'|', ('create_uid', '=', False), ('create_uid.company_ids', 'in', company_ids)]"
)


def migrate(cr, version):
    """Change the rule where nobody has; called by Odoo once, with the version that was installed."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    rule = env.ref("call_wallet.call_usage_rejection_company_rule", raise_if_not_found=False)
    if rule and rule.domain_force == BEFORE:
        rule.domain_force = NOW
