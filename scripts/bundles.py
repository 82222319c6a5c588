"""Makes the bundles of scripts and styles that a page of the web client with a softphone loads; for Odoo's shell.

In a template, so that no clone of it makes them again.
"""


def main(env):
    for name in ("web.assets_web", "web.assets_backend_lazy", "voip_oca.agent_assets"):
        bundle = env["ir.qweb"]._get_asset_bundle(name)
        bundle.js()
        bundle.css()
    env.cr.commit()


main(env)  # noqa: F821 -- `env` is a name that Odoo's shell gives to the script it runs
