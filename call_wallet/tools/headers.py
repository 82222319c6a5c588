"""What the answers to requests say about themselves."""

from odoo.http import request

# Pages, files and answers of the addon: they are about somebody's money and calls.
PRIVATE_PATHS = ("/my/billing", "/call_wallet/", "/json/2/call.")
# Lists of Odoo's in which an owner sees what top-ups cost, and the cards that pay for them.
PRIVATE_LISTS = ("/my/invoices", "/my/payment_method")
NO_STORE = "no-store"
# About nobody: it describes the API.
API_DESCRIPTION = "/call_wallet/openapi.json"


def is_private(path):
    """Tell whether the answer at a path of the site is about somebody's money or calls."""
    is_about_somebody = path.startswith(PRIVATE_PATHS) or path.partition("/page/")[0] in PRIVATE_LISTS
    return is_about_somebody and path != API_DESCRIPTION


def forbid_storing():
    """Have neither browsers nor proxies keep the answer to the current request, if there is one."""
    if request:
        request.future_response.headers.set("Cache-Control", NO_STORE)
