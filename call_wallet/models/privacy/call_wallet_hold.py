from odoo import api, models
from odoo.exceptions import UserError

from ...const import FINANCE_MANAGER
from ...tools.door import door
from ...tools.rights import as_superuser, refuse_all_but
from ...tools.usage_report_file import DELETED


class CallWalletHoldPrivacy(models.Model):
    """Whom a hold was for is forgotten with the call, or by itself where the call never took place."""

    _inherit = "call.wallet.hold"

    # Those whose call was never charged, to be found by their time: what else there is goes with its call.
    _without_call = models.Index("(wallet_id, authorized_at) WHERE state IN ('released', 'expired')")

    def action_mask(self):
        """Delete the number called, the application and the manager. Amounts and times stay.

        Calls in progress are left alone: what they are charged by is compared with what they were allowed for.

        :raise AccessError: not a finance manager
        """
        refuse_all_but(self, FINANCE_MANAGER)
        with door(self.env):
            as_superuser(self)._mask_where("h.id = ANY(%(ids)s)", ids=self.ids)
        return True

    @api.ondelete(at_uninstall=False)
    def _refuse_live(self):
        if any(hold.state == "held" for hold in self):
            raise UserError(self.env._("A call in progress holds these funds. Wait until it has ended."))

    # === STEPS === #
    # The caller has opened a door.

    @api.model
    def _mask_of_calls(self, usage_ids):
        self._mask_where(
            "EXISTS (SELECT FROM call_usage u"
            "         WHERE u.id = ANY(%(calls)s) AND u.wallet_id = h.wallet_id AND u.call_ref = h.call_ref)",
            calls=usage_ids,
        )

    @api.model
    def _mask_old(self, wallet_id, since, before):
        """Delete what the wallet's holds without a charged call name, of those that began between the two moments."""
        self._mask_where(
            "h.wallet_id = %(wallet)s AND h.state IN ('released', 'expired')"
            # One that was live in the night that looked at its time has ended some days later.
            " AND h.authorized_at >= %(since)s::timestamp - interval '7 days' AND h.authorized_at < %(before)s",
            wallet=wallet_id,
            since=since,
            before=before,
        )

    def _mask_where(self, condition, **values):
        self.env.flush_all()
        self.env.cr.execute(
            f"""
            UPDATE call_wallet_hold h
               SET number = %(deleted)s,
                   manager = CASE WHEN h.manager <> '' THEN %(deleted)s END,
                   application_ref = CASE WHEN h.application_ref <> '' THEN %(deleted)s END
             WHERE {condition} AND h.state <> 'held' AND h.number IS DISTINCT FROM %(deleted)s
            """,
            {"deleted": DELETED, **values},
        )
        self.env.invalidate_all(flush=False)
