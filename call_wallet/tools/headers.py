"""What the answers to requests say about themselves."""

from odoo.http import request

# Pages, files and answers of the addon: they are about somebody's money and calls.
PRIVATE_PATHS = ("/my/billing", "/call_wallet/", "/json/2/call.")
NO_STORE = "no-store"


def forbid_storing():
    """Have neither browsers nor proxies keep the answer to the current request, if there is one."""
    if request:
        request.future_response.headers.set("Cache-Control", NO_STORE)
