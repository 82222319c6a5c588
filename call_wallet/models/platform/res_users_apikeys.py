from hmac import compare_digest

from odoo import models
from odoo.addons.base.models.res_users import INDEX_SIZE, KEY_CRYPT_CONTEXT

from ...const import PLATFORM
from ...tools.known_keys import KnownKeys

_known = KnownKeys()


class ResUsersApikeys(models.Model):
    """The platform's key is compared once a process, and looked up with each request.

    Odoo hashes a key 6,000 times to compare it, which takes longer than to authorise a call. So a process remembers
    which row of the table a key has matched (``KnownKeys``). Whether that very row still stands and is valid, the
    database is asked each time.
    """

    _inherit = "res.users.apikeys"

    def _check_credentials(self, *, scope, key):
        # Other tables of keys, such as the trusted devices, have this class, too.
        if self._name != "res.users.apikeys" or not isinstance(key, str) or not (scope and key):
            return super()._check_credentials(scope=scope, key=key)
        user_id = self._call_wallet_known_user(scope, key)
        if not user_id:
            user_id = super()._check_credentials(scope=scope, key=key)
            # Keys of others are left to Odoo.
            if user_id and self.with_user(user_id).env.user.has_group(PLATFORM):
                self._call_wallet_remember(user_id, scope, key)
        return user_id

    def _call_wallet_known_user(self, scope, key):
        """Return the id of the user of a key that this process has verified before, if it is still valid; or None."""
        known = _known.find(self.env.cr.dbname, key)
        if not known:
            return None
        row_id, verified = known
        for _row_id, user_id, stored in self._call_wallet_keys("k.id = %s", row_id, scope):
            if compare_digest(stored, verified):
                return user_id
        _known.forget(self.env.cr.dbname, key)
        return None

    def _call_wallet_remember(self, user_id, scope, key):
        """Remember the row of a key that Odoo has found valid."""
        for row_id, owner_id, stored in self._call_wallet_keys("k.index = %s", key[:INDEX_SIZE], scope):
            if owner_id == user_id and KEY_CRYPT_CONTEXT.verify(key, stored):
                _known.remember(self.env.cr.dbname, key, (row_id, stored))
                return

    def _call_wallet_keys(self, condition, value, scope):
        """Return the valid keys of active users of the calling platform: (id, user id, stored hash)."""
        group_id = self.env["ir.model.data"]._xmlid_to_res_id(PLATFORM, raise_if_not_found=False)
        self.env.cr.execute(PLATFORM_KEYS.format(condition=condition), [value, scope, group_id])
        return self.env.cr.fetchall()


# Valid is what Odoo's own query takes for valid.
PLATFORM_KEYS = """
    SELECT k.id, k.user_id, k.key
      FROM res_users_apikeys k
      JOIN res_users u ON u.id = k.user_id
     WHERE u.active AND {condition}
       AND (k.scope IS NULL OR k.scope = %s)
       AND (k.expiration_date IS NULL OR k.expiration_date >= now() AT TIME ZONE 'utc')
       AND EXISTS (SELECT FROM res_groups_users_rel g WHERE g.uid = k.user_id AND g.gid = %s)
"""
