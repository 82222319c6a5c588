"""Documents as PDF: with a letterhead and text that can be searched, whichever wkhtmltopdf the server has.

With patched Qt, Odoo's way gives both, and nothing is done here. Without it, the documents of wallets are printed by
``tools/letterhead``; those of others only where the company says so. If that fails, Odoo prints as it does. No doors.
"""

from . import (
    res_company,
    call_wallet_settings_mixin,
    ir_actions_report,
)
