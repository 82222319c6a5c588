"""Masked rejections are decided, and each who reports the same of an unknown account reads it: the rule says so."""

from odoo import SUPERUSER_ID, api

BEFORE = (
    "['|', ('wallet_id.company_id', 'in', company_ids), '&', ('wallet_id', '=', False), "
    "'|', ('create_uid', '=', False), ('create_uid.company_ids', 'in', company_ids)]"
)
NOW = (
    "['|', ('wallet_id.company_id', 'in', company_ids), '&', ('wallet_id', '=', False), "
    "'|', '|', ('create_uid', '=', False), ('create_uid.company_ids', 'in', company_ids), "
    "('reporter_ids.company_ids', 'in', company_ids)]"
)


def migrate(cr, version):
    """Change the rule where nobody has; called by Odoo once, with the version that was installed."""
    # Masked ones were opened again when they were reported again: nobody can charge or correct anything by them.
    cr.execute("UPDATE call_usage_rejection SET state = 'resolved' WHERE state = 'open' AND masked_at IS NOT NULL")
    env = api.Environment(cr, SUPERUSER_ID, {})
    rule = env.ref("call_wallet.call_usage_rejection_company_rule", raise_if_not_found=False)
    if rule and rule.domain_force == BEFORE:
        rule.domain_force = NOW
