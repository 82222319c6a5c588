from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ...const import FINANCE, FINANCE_MANAGER, TO_DO
from ...tools.clock import utcnow
from ...tools.door import door
from ...tools.fields import Amount, check_request_key, parse_reason
from ...tools.rights import as_superuser
from ...tools.sentence import telling
from ...tools.task import give_task, in_company_language, in_language_of

STATES = [
    ("waiting", "Waiting"),
    ("approved", "Approved"),
    ("refused", "Refused"),
    ("withdrawn", "Withdrawn"),
]


class CallWalletRefundRequest(models.Model):
    """A refund to a wallet that waits for a second person: waiting -> approved, refused or withdrawn.

    Nobody edits or deletes one: who asked, who decided, when and why stays on record. Amounts are in
    the wallet's currency, 6 places; times are UTC.
    """

    _name = "call.wallet.refund.request"
    _description = "Call Wallet Refund Request"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "id desc"
    _mail_post_access = "read"

    wallet_id = fields.Many2one("call.wallet", required=True, readonly=True, ondelete="cascade", index=True)
    amount = Amount(required=True, readonly=True)
    reason = fields.Char(required=True, readonly=True, help="Shown in the ledger and the usage report.")
    usage_id = fields.Many2one("call.usage", "Call", readonly=True, ondelete="set null", index="btree_not_null")
    is_call = fields.Boolean(readonly=True, help="About a call, even when the call itself was deleted since.")
    state = fields.Selection(STATES, "Status", required=True, readonly=True, default="waiting", tracking=True)
    requested_by_id = fields.Many2one("res.users", required=True, readonly=True, ondelete="restrict")
    decided_by_id = fields.Many2one("res.users", readonly=True, ondelete="restrict")
    decided_at = fields.Datetime(readonly=True)
    refusal_reason = fields.Char(readonly=True)
    transaction_id = fields.Many2one("call.wallet.transaction", readonly=True, ondelete="restrict")
    request_key = fields.Char(readonly=True, help="The same key asks once.")
    may_decide = fields.Boolean(compute="_compute_may_decide")
    partner_id = fields.Many2one(related="wallet_id.partner_id")
    company_id = fields.Many2one(related="wallet_id.company_id", store=True)
    currency_id = fields.Many2one(related="wallet_id.currency_id")
    tz = fields.Selection(related="wallet_id.tz")

    _key_unique = models.UniqueIndex("(wallet_id, request_key)", "This refund was asked for already.")
    _amount_positive = models.Constraint("CHECK(amount > 0)", "Amount: use more than zero.")

    @api.depends("wallet_id", "amount")
    def _compute_display_name(self):
        for request in self:
            request.display_name = self.env._(
                "Refund of %(amount)s %(currency)s to %(account)s",
                amount=f"{request.amount.normalize():f}",
                currency=request.currency_id.name,
                account=request.wallet_id.account_ref,
            )

    @api.depends("state", "requested_by_id")
    @api.depends_context("uid")
    def _compute_may_decide(self):
        is_manager = self.env.user.has_group(FINANCE_MANAGER)
        for request in self:
            request.may_decide = is_manager and request.state == "waiting" and request.requested_by_id != self.env.user

    # === ASKING === #

    @api.model
    def _ask(self, wallet, amount, reason, usage, request_key):
        """Make the request, once a key, and tell those who may decide."""
        check_request_key(request_key, self.env)
        if request_key:
            earlier = self.search([("wallet_id", "=", wallet.id), ("request_key", "=", request_key)], limit=1)
            asked = (amount, usage or self.usage_id, reason)
            if earlier and (earlier.amount, earlier.usage_id, earlier.reason) != asked:
                raise UserError(self.env._("request_key: it asked for another refund before. Ask anew for this one."))
            if earlier:
                return earlier
        request = self.create(
            {
                "wallet_id": wallet.id,
                "amount": amount,
                "reason": reason,
                "usage_id": usage.id if usage else False,
                "is_call": bool(usage),
                "requested_by_id": self.env.uid,
                "request_key": request_key,
            }
        )
        request._schedule_activities()
        return request

    def _schedule_activities(self):
        managers = self.env.ref(FINANCE_MANAGER).all_user_ids.filtered(
            lambda user: user.active and self.company_id in user.company_ids and user != self.requested_by_id
        )
        for manager in managers:
            request = in_language_of(self, manager, self.company_id)
            _ = telling(request.env)
            summary = _("Approve or refuse: %s", request.display_name)
            give_task(self, manager, summary, self.reason, self.company_id, is_mailed=True)

    # === DECIDING === #

    def action_approve(self):
        """Refund what was asked for. The money moves once, whoever presses and how often.

        :raise UserError: decided already, asked for by the same person, the call was deleted or has been
            refunded since, or the wallet is closed
        :raise AccessError: not a finance manager
        """
        request = self._permitted(FINANCE_MANAGER)
        ledger = request.env["call.wallet.ledger"]
        with door(self.env):
            request._lock_request()
            request._refuse_own_request()
            ledger._lock(request.wallet_id.ids)
            request.wallet_id._refuse_closed()
            if request.is_call and not request.usage_id:
                raise UserError(self.env._("The call was deleted since; refuse the request and refund without a call."))
            transaction = ledger._refund(
                request.wallet_id, request.amount, request.reason, request.usage_id, f"request/{request.id}"
            )
            request._decide("approved", transaction_id=transaction.id)
        return True

    def action_refuse(self, reason):
        """Refuse the refund; nothing moves.

        :param str reason: kept with the request, for the person who asked
        :raise UserError: no reason, decided already, or asked for by the same person
        :raise AccessError: not a finance manager
        """
        request = self._permitted(FINANCE_MANAGER)
        reason = parse_reason(reason)
        if not reason:
            raise UserError(self.env._("Reason: say why the refund is refused."))
        with door(self.env):
            request._lock_request()
            request._refuse_own_request()
            request._decide("refused", refusal_reason=reason)
        return True

    def action_withdraw(self):
        """Take one's own request back.

        :raise UserError: decided already
        :raise AccessError: somebody else's request
        """
        request = self._permitted(FINANCE)
        if request.requested_by_id != self.env.user:
            raise AccessError(self.env._("Only the person who asked for a refund withdraws the request."))
        with door(self.env):
            request._lock_request()
            request._decide("withdrawn")
        return True

    def action_open_refusal(self):
        """Ask for the reason, then refuse.

        :raise AccessError: not a finance manager
        """
        self._permitted(FINANCE_MANAGER)
        action = self.env["ir.actions.act_window"]._for_xml_id("call_wallet.action_call_wallet_refund_refusal")
        return {**action, "context": {"default_request_id": self.id}}

    def _lock_request(self):
        """Hold the request until the transaction ends; of two who decide, the second sees the first."""
        self.env.flush_all()
        self.env.cr.execute("SELECT FROM call_wallet_refund_request WHERE id = %s FOR UPDATE", [self.id])
        self.env.invalidate_all()
        if self.state == "waiting":
            return
        labels = dict(self._fields["state"]._description_selection(self.env))
        raise UserError(
            self.env._(
                "This request is decided: %(state)s, %(person)s.",
                state=labels[self.state],
                person=self.decided_by_id.name,
            )
        )

    def _refuse_own_request(self):
        if self.requested_by_id == self.env.user:
            raise UserError(
                self.env._("You asked for this refund yourself; another finance manager approves or refuses it.")
            )

    def _decide(self, state, **values):
        self.write({"state": state, "decided_by_id": self.env.uid, "decided_at": utcnow(), **values})
        self.activity_unlink([TO_DO])
        if self.refusal_reason:
            self.message_post(body=in_company_language(self).env._("Refused: %s", self.refusal_reason))

    # === PERMISSIONS === #

    def _permitted(self, group):
        """Return the request as superuser, for a user of ``group`` who may read it."""
        self.ensure_one()
        if self.env.su:
            return self
        if not self.env.user.has_group(group):
            raise AccessError(self.env._("You may not do this with a refund request."))
        self.check_access("read")
        return as_superuser(self)
