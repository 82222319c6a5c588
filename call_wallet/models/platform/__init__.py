"""How the calling platform comes in: its API keys.

Always holds: a key that is revoked or expired, or whose user is archived or no platform any more, opens nothing from
the next request on, in every process. No key is stored or logged, in whatever form, but where Odoo keeps it.
"""

from . import (
    res_users_apikeys,
)
