from odoo import fields, models

from ...tools.fields import Amount


class CallWalletAlert(models.Model):
    """What recipients are told about spending limits: nearly reached, and reached."""

    _inherit = "call.wallet.alert"

    kind = fields.Selection(
        selection_add=[("limit_near", "Spending limit nearly reached"), ("limit_reached", "Spending limit reached")],
        ondelete={"limit_near": "cascade", "limit_reached": "cascade"},
    )
    limit_key = fields.Char(readonly=True, help="What is told once only: the limit, its day or month, and its amount.")
    limit_name = fields.Selection([("day", "A day"), ("month", "A month")], readonly=True)
    limit_amount = Amount("Limit", readonly=True, aggregator=None)
    limit_spent = Amount("Spent", readonly=True, aggregator=None, help="Charged for calls in that day or month.")
    limit_held = Amount("In Progress", readonly=True, aggregator=None, help="Held by calls in progress.")

    _limit_once = models.UniqueIndex("(wallet_id, limit_key) WHERE limit_key IS NOT NULL")

    def _send_limit(self):
        """Tell the recipients, unless the wallet was closed since or there is nobody to tell."""
        wallet = self.wallet_id
        if not wallet.recipient_ids or not wallet.active:
            self.state = "cancelled"
            return
        told = self._told_with_it()
        wallet._mail_recipients("mail_template_limit", res_id=self.id)
        (told + self)._leave_history()
        self._notify_finance()
        self.write({"state": "sent", "sent_at": fields.Datetime.now()})

    def _says_limit(self, other):
        """Tell whether ``other`` needs no mail beside this one: a month's limit stops calls for longer than a day's."""
        is_other_reached = other.kind == "limit_reached"
        if self.limit_name == other.limit_name:
            return not is_other_reached
        return self.limit_name == "month" and (self.kind == "limit_reached" or not is_other_reached)

    def _limit_subject(self):
        _ = self.env._
        limit = self.wallet_id.with_env(self.env)._format_amount(self.limit_amount)
        if self.kind == "limit_reached":
            if self.limit_name == "day":
                return _("Today's spending limit of %s is reached", limit)
            return _("This month's spending limit of %s is reached", limit)
        if self.limit_name == "day":
            return _("Today's spending limit of %s is nearly reached", limit)
        return _("This month's spending limit of %s is nearly reached", limit)
