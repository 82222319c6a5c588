"""Give companies the account on which overdrawn wallets stand at a month's end.

Nothing is posted: month-end entries begin with the month of the upgrade, which is what the new field says by itself.
"""

from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """Make what is missing; called by Odoo once, with the version that was installed."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    companies = env["res.company"].search([("chart_template", "!=", False), ("parent_id", "=", False)])
    env["account.chart.template"]._call_wallet_add_accounts(companies)
