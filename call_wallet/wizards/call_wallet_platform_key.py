from datetime import timedelta

from odoo import api, fields, models
from odoo.addons.base.models.res_users import check_identity
from odoo.exceptions import AccessError, UserError

from ..const import PLATFORM


class CallWalletPlatformKey(models.TransientModel):
    """Make an API key of the calling platform, for administrators.

    The platform's user is no employee and cannot sign in to make one itself, as Odoo's employees do. The key is of
    Odoo's own kind, shown once by Odoo's own dialog, and listed and deleted among Odoo's keys.
    """

    _name = "call.wallet.platform.key"
    _description = "API Key of the Calling Platform"

    user_id = fields.Many2one(
        "res.users",
        required=True,
        domain=lambda self: [("all_group_ids", "in", self.env.ref(PLATFORM).ids)],
        default=lambda self: self._only_user(),
        help="A user with the group Calling platform (API only), and no other.",
    )
    name = fields.Char("Description", required=True, default=lambda self: self.env._("Calling platform"))
    days = fields.Integer("Valid for (days)", required=True, default=365)
    warning = fields.Text(compute="_compute_warning")

    def _only_user(self):
        users = self.env["res.users"].search([("all_group_ids", "in", self.env.ref(PLATFORM).ids)])
        return users if len(users) == 1 else users.browse()

    @api.depends("user_id")
    def _compute_warning(self):
        for wizard in self:
            wizard.warning = wizard.user_id._call_wallet_platform_warning()

    def action_make_key(self):
        """Make the key and show it, once. Keys that the user has already go on working.

        Odoo asks for the administrator's password, unless it was just given.

        :return: the dialog that shows it
        :raise AccessError: not an administrator
        :raise UserError: not a user of the platform, or not 1 to 3660 days
        """
        self.ensure_one()
        if not self.env.user.has_group("base.group_system"):
            raise AccessError(self.env._("Only administrators make API keys for the calling platform."))
        if not self.user_id.has_group(PLATFORM):
            raise UserError(self.env._("User: choose one with the group Calling platform (API only)."))
        if not 1 <= self.days <= 3660:
            raise UserError(self.env._("Valid for: use 1 to 3660 days."))
        return self._make_key()

    @check_identity
    def _make_key(self):
        expires = fields.Datetime.now() + timedelta(days=self.days)
        # As superuser: the user itself has no right to a key of that long a life.
        keys = self.env["res.users.apikeys"].with_user(self.user_id).sudo()
        return {
            "type": "ir.actions.act_window",
            "res_model": "res.users.apikeys.show",
            "name": self.env._("API Key Ready"),
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_key": keys._generate("rpc", self.name, expires)},
        }
