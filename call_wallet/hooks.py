from odoo.tools import SQL


def post_init_hook(env):
    """Make the accounts for companies that had their chart before the addon came; tell the demo's story.

    Odoo has loaded the demo's records by now, where it loads demo data at all.
    """
    env["account.chart.template"]._call_wallet_add_accounts(env["res.company"].search([]))
    if env.ref("base.module_call_wallet").demo:
        from .demo.story import load

        load(env)


def uninstall_hook(env):
    """Odoo's hook before it deletes an addon's records; take away what Odoo does not know of.

    The guards of the ledger would refuse the deletion of what they guard. The product that top-ups were invoiced with
    stays, as invoices name it: it is archived.
    """
    env.ref("call_wallet.product_topup").product_tmpl_id.active = False
    env.flush_all()
    for guard in ("call_wallet_transaction_guard", "call_wallet_mandate_guard"):
        env.cr.execute(SQL("DROP FUNCTION IF EXISTS %s() CASCADE", SQL.identifier(guard)))
    env.cr.execute("DROP SEQUENCE IF EXISTS call_rate_plan_deck_version")
    env.cr.execute("DROP TABLE IF EXISTS call_wallet_door_place")
