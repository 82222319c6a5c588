from odoo import fields, models

from ...tools.fields import Amount
from ...tools.task import in_company_language


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
        wallet._mail_recipients("mail_template_limit", res_id=self.id)
        lang = in_company_language(wallet).env.lang
        wallet.message_post(body=self.with_context(lang=lang)._limit_subject())
        self._notify_finance()
        self.write({"state": "sent", "sent_at": fields.Datetime.now()})

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
