"""Makes the bundles of scripts and styles that Odoo makes before its tests of pages; for Odoo's shell.

In a template, so that no clone of it makes them again.
"""


def main(env):
    env["ir.qweb"]._pregenerate_assets_bundles()
    env.cr.commit()


main(env)  # noqa: F821 -- `env` is a name that Odoo's shell gives to the script it runs
