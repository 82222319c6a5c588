"""Who has asked for a report gets it while they may see the wallet: of employees, too, in its company alone."""

from odoo import SUPERUSER_ID, api

BEFORE = "([('wallet_id.current_owner_ids', 'in', user.id)] if user.share else [])"
AFTER = BEFORE.replace("else [])", "else [('wallet_id.company_id', 'in', company_ids)])")


def migrate(cr, version):
    """Change the access rule, which an upgrade leaves alone; what administrators added to it stays."""
    rule = api.Environment(cr, SUPERUSER_ID, {}).ref("call_wallet.call_usage_report_job_own_rule", False)
    if rule and BEFORE in (rule.domain_force or ""):
        rule.domain_force = rule.domain_force.replace(BEFORE, AFTER)
