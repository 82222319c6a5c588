def post_init_hook(env):
    """Make the accounts for companies that had their chart before the addon came; tell the demo's story.

    Odoo has loaded the demo's records by now, where it loads demo data at all.
    """
    env["account.chart.template"]._call_wallet_add_accounts(env["res.company"].search([]))
    if env.ref("base.module_call_wallet").demo:
        from .demo.story import load

        load(env)
