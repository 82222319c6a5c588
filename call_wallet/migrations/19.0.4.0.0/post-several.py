"""Carry one credit note of a refund over to the several it may have; let rights follow people who leave."""

import re

from odoo import SUPERUSER_ID, api

OWN_REPORTS = "[('user_id', '=', user.id)]"


def migrate(cr, version):
    """Called by Odoo once, with the version that was installed."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    _carry_credit_notes_over(cr)
    _compare_owners_at_every_use(env)
    # Whoever left before now is noticed now.
    env["call.wallet"].with_context(active_test=False).search([]).with_context(active_test=True)._end_lost_owners()


def _carry_credit_notes_over(cr):
    """Fill the table; the column goes when Odoo ends the upgrade. What was entered before is not divided again."""
    cr.execute("""
        INSERT INTO call_wallet_refund_note_rel (transaction_id, note_id)
        SELECT id, call_wallet_credit_note_id FROM payment_transaction WHERE call_wallet_credit_note_id IS NOT NULL
            ON CONFLICT DO NOTHING
    """)
    cr.execute("""
        UPDATE payment_transaction
           SET call_wallet_is_divided = TRUE
         WHERE operation = 'refund' AND state = 'done' AND is_post_processed
    """)


def _compare_owners_at_every_use(env):
    """Change the access rules, which an upgrade leaves alone; what administrators added to them stays."""
    names = env["ir.model.data"].search([("module", "=", "call_wallet"), ("model", "=", "ir.rule")])
    for rule in env["ir.rule"].with_context(active_test=False).browse(names.mapped("res_id")).exists():
        domain = re.sub(r"(?<=['.])owner_ids'", "current_owner_ids'", rule.domain_force or "")
        if rule == env.ref("call_wallet.call_usage_report_job_own_rule", False) and domain == OWN_REPORTS:
            domain += " + ([('wallet_id.current_owner_ids', 'in', user.id)] if user.share else [])"
        if domain != (rule.domain_force or ""):
            rule.domain_force = domain
