from odoo import models
from odoo.http import request


class IrHttpSource(models.AbstractModel):
    """Has the body of a form ready as it came, where a route asks for it."""

    _inherit = "ir.http"

    @classmethod
    def _pre_dispatch(cls, rule, args):
        """Read the body of a message of a call source before Odoo reads a form out of it, which leaves nothing.

        Signatures are of the body as it came, and as it came it is stored.
        """
        result = super()._pre_dispatch(rule, args)  # sets how long a body may be
        if rule.endpoint.routing.get("call_wallet_raw_body"):
            request.httprequest.get_data()
        return result
