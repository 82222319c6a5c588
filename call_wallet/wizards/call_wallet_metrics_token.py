from hashlib import sha256
from secrets import token_urlsafe

from odoo import api, fields, models
from odoo.addons.base.models.res_users import check_identity
from odoo.exceptions import AccessError

from ..models.watching.call_wallet_metrics import DIGEST

# Where the new token is on its way to the dialog that shows it; it is stored nowhere.
NEW = "call_wallet_new_metrics_token"


class CallWalletMetricsToken(models.TransientModel):
    """Let a monitoring system read the figures of this database, or no longer; for administrators."""

    _name = "call.wallet.metrics.token"
    _description = "Token for Monitoring"

    is_on = fields.Boolean(compute="_compute_is_on")
    token = fields.Char(compute="_compute_token", help="Shown once.")

    def _compute_is_on(self):
        self.is_on = self.env["call.wallet.metrics"]._is_on()

    @api.depends_context(NEW)
    def _compute_token(self):
        self.token = self.env.context.get(NEW)

    def action_make_token(self):
        """Make the token and show it, once. The one before opens nothing any more.

        Odoo asks for the administrator's password, unless it was just given.

        :return: the dialog that shows it
        :raise AccessError: not an administrator
        """
        self._check_administrator()
        return self._make_token()

    def action_switch_off(self):
        """Tell nobody the figures any more.

        :raise AccessError: not an administrator
        """
        self._check_administrator()
        self.env["ir.config_parameter"].set_param(DIGEST, False)
        return {"type": "ir.actions.act_window_close"}

    def _check_administrator(self):
        if not self.env.user.has_group("base.group_system"):
            raise AccessError(self.env._("Only administrators decide who may read the figures for monitoring."))

    @check_identity
    def _make_token(self):
        # A random secret of 256 bits needs no slow digest: nobody finds it by trying.
        token = token_urlsafe(32)
        self.env["ir.config_parameter"].set_param(DIGEST, sha256(token.encode()).hexdigest())
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Token for Monitoring"),
            "res_model": self._name,
            "views": [(False, "form")],
            "target": "new",
            "context": {NEW: token},
        }
