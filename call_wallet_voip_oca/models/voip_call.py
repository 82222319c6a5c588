from odoo import api, fields, models
from odoo.addons.call_wallet.tools.clock import utcnow
from odoo.addons.call_wallet.tools.door import each
from odoo.exceptions import UserError

MOST_SECONDS = 24 * 3600


class VoipCall(models.Model):
    """Calls of the softphone that the company's wallet pays for: what the server knows of each while it goes on.

    The browser ends its call at the wallet. Where it cannot (it crashed, the machine lost its network or power), the
    call is charged, once its hold has expired, for the seconds that the browser is known to have talked. No call lasts
    for longer than what is held, so the browser's own report, however late, has come by then.
    """

    _inherit = "voip.call"

    # Of the server alone: what is charged depends on them, and everybody may write a call of the softphone.
    call_wallet_ref = fields.Char(
        "Reference at the Wallet", readonly=True, copy=False, index="btree_not_null", groups="base.group_system"
    )
    call_wallet_is_open = fields.Boolean("Not Charged Yet", readonly=True, copy=False, groups="base.group_system")
    call_wallet_seconds = fields.Integer(
        "Seconds Heard", readonly=True, copy=False, groups="base.group_system", aggregator=None
    )

    _call_wallet_open = models.Index("(id) WHERE call_wallet_is_open")

    @api.model
    def create_call(self, values):
        """Take over the reference under which the wallet allowed the call, and the contact who has the number.

        :raise UserError: the wallet holds nothing for such a call of the user's
        """
        values = dict(values)
        call_ref = values.pop("call_wallet_ref", None)
        if not call_ref:
            return super().create_call(values)
        self.env["call.button"]._wallet_of_own_call(call_ref)
        # The number is in E.164 by now; the contact may have it as people write it.
        if not values.get("partner_id"):
            contacts = self.env["res.partner"].search([("phone_sanitized", "=", values.get("phone_number"))], limit=1)
            values["partner_id"] = contacts.id
        result = super().create_call(values)
        self.browse(result["id"]).sudo().write({"call_wallet_ref": call_ref, "call_wallet_is_open": True})
        return result

    @api.model
    def hear_wallet_call(self, call_ref, seconds):
        """Note that a call of the current user goes on.

        :param str call_ref: as ``call.button.start_call`` got it
        :param int seconds: for how long it has been talked
        :return: whether there is such a call and it is not over
        :raise UserError: seconds are no whole number of a day at most
        """
        if type(seconds) is not int or not 0 <= seconds <= MOST_SECONDS:
            raise UserError(self.env._("seconds: send whole seconds, 0 to %s.", MOST_SECONDS))
        calls = self._wallet_calls(call_ref).filtered("call_wallet_is_open")
        calls.call_wallet_seconds = seconds
        return bool(calls)

    @api.model
    def _wallet_calls(self, call_ref):
        """Return the current user's calls of this reference, as superuser; empty where there is none."""
        if not isinstance(call_ref, str):
            return self.sudo().browse()
        return self.sudo().search([("call_wallet_ref", "=", call_ref), ("user_id", "=", self.env.uid)])

    # === LOST CALLS === #

    @api.model
    def _cron_end_lost_calls(self, most=500):
        """End the calls whose browser did not do it before their hold expired, charged by what is known of them.

        :param int most: how many at one start; the others come with the next
        """
        self.env.flush_all()
        self.env.cr.execute(LOST, {"now": utcnow(), "most": most})
        each(self.env, self.browse([row[0] for row in self.env.cr.fetchall()]), self._end_lost_call)

    def _end_lost_call(self, call):
        seconds = call._known_seconds()
        button = self.env["call.button"].with_user(call.user_id)
        button.end_call(call.call_wallet_ref, seconds, "completed" if seconds else "failed")

    def _known_seconds(self):
        """Return how long the call was certainly talked: as last heard, or from its answer to its end."""
        heard = self.call_wallet_seconds
        if not self.start_date:
            return heard
        between = (self.end_date - self.start_date).total_seconds() if self.end_date else 0
        # Answered: a second has begun.
        return max(heard, int(between), 1)


# Open calls that nothing is held for any more.
LOST = """
    SELECT c.id
      FROM voip_call c
     WHERE c.call_wallet_is_open
       AND NOT EXISTS (
           SELECT FROM call_wallet_hold h
            WHERE h.call_ref = 'web-' || c.user_id || '-' || c.call_wallet_ref
              AND h.state = 'held' AND h.expires_at >= %(now)s)
     ORDER BY c.id LIMIT %(most)s
"""
