from datetime import timedelta

from odoo import fields, models
from odoo.tools import format_date

from ...const import PLATFORM

# So long before a key ends, the settings say so.
NOTICE = timedelta(days=30)


class ResUsers(models.Model):
    _inherit = "res.users"

    def _call_wallet_platform_warning(self):
        """Return what is wrong with the users who are the calling platform, as text; empty where nothing is.

        Whoever has a key of theirs may do all that the user may: more groups than the platform's are not needed.
        """
        _ = self.env._
        platform = self.env.ref(PLATFORM)
        warnings = []
        for user in self.sudo():
            others = user.group_ids - platform
            if others:
                warnings.append(
                    _(
                        "%(user)s has more rights than the calling platform needs (%(groups)s), and whoever holds its "
                        "API key has them too. Leave it the group %(platform)s alone, or give the platform a user of "
                        "its own.",
                        user=user.name,
                        groups=", ".join(others.mapped("display_name")),
                        platform=platform.display_name,
                    )
                )
            for key in user._call_wallet_keys_that_end():
                day = format_date(self.env, key.expiration_date)
                warnings.append(
                    _("The API key %(name)s of %(user)s ends on %(day)s.", name=key.name, user=user.name, day=day)
                )
        return "\n".join(warnings)

    def _call_wallet_keys_that_end(self):
        """Return a user's API keys that end soon; with a newer one, the old one is meant to."""
        keys = self.env["res.users.apikeys"].sudo().search([("user_id", "=", self.id)], order="create_date, id")
        soon = fields.Datetime.now() + NOTICE
        return keys[-1:].filtered(lambda key: key.expiration_date and key.expiration_date < soon)
