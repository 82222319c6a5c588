def post_init_hook(env):
    """Make the accounts for companies that had their chart before the addon came."""
    env["account.chart.template"]._call_wallet_add_accounts(env["res.company"].search([]))
