"""Prints the OpenAPI document of the addon's API: `python scripts/openapi.py ODOO_CONFIG`."""

import sys

import odoo
from odoo.modules.module import initialize_sys_path


def main():
    odoo.tools.config.parse_config(["-c", sys.argv[1]])
    initialize_sys_path()
    from odoo.addons.call_wallet.tools.platform_api import openapi_json

    sys.stdout.write(openapi_json())


if __name__ == "__main__":
    main()
