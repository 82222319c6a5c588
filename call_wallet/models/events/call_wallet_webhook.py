from datetime import timedelta
from functools import partial

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError

from ...const import FINANCE_MANAGER, TO_DO
from ...tools.clock import utcnow
from ...tools.door import door
from ...tools.outbound import Unreachable, find_target
from ...tools.rights import as_superuser, refuse_all_but
from ...tools.sentence import telling
from ...tools.standard_webhooks import new_secret
from ...tools.task import give_task, in_company_language, in_language_of
from .call_wallet_webhook_delivery import GONE, send_queue

# While both are valid, messages carry the signatures of both.
OLD_SECRET_VALID = timedelta(hours=24)
# Whose receiver has not accepted anything for as long is a task of somebody's, before events are given up.
FAILING_TOO_LONG = timedelta(hours=24)
# For a receiver in the own network: an administrator names it by ``host:port`` in this system parameter.
ALLOWED_HOSTS = "call_wallet.webhook_allowed_hosts"
KEPT = {"secret", "previous_secret", "previous_until", "failing_since", "last_success_at", "problem"}


class CallWalletWebhook(models.Model):
    """An address to which a company's events are sent, after the Standard Webhooks specification."""

    _name = "call.wallet.webhook"
    _description = "Call Wallet Webhook"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "name, id"

    name = fields.Char(required=True, tracking=True, help="Such as the name of the platform that receives the events.")
    active = fields.Boolean(default=True, tracking=True)
    company_id = fields.Many2one(
        "res.company", required=True, ondelete="cascade", default=lambda self: self.env.company, tracking=True
    )
    url = fields.Char(
        "Address", required=True, tracking=True, help="Begins with https:// and does not lead into the own network."
    )
    type_ids = fields.Many2many(
        "call.wallet.event.type",
        "call_wallet_webhook_type_rel",
        "webhook_id",
        "type_id",
        "Events",
        help="Which events are sent; none chosen: all, also those of later versions.",
    )
    secret = fields.Char(
        required=True,
        readonly=True,
        copy=False,
        groups=FINANCE_MANAGER,
        default=lambda self: new_secret(),
        help="By it the receiver checks that a message is ours. Give it to nobody else.",
    )
    previous_secret = fields.Char(readonly=True, copy=False, groups=FINANCE_MANAGER)
    previous_until = fields.Datetime("Old Secret Valid Until", readonly=True, copy=False)
    failing_since = fields.Datetime(readonly=True, copy=False)
    last_success_at = fields.Datetime("Last Accepted", readonly=True, copy=False)
    problem = fields.Char("Last Problem", readonly=True, copy=False)
    health = fields.Selection(
        [("new", "Nothing sent yet"), ("good", "Accepts"), ("failing", "Fails"), ("off", "Switched off")],
        compute="_compute_health",
    )
    waiting_count = fields.Integer("Waiting", compute="_compute_counts")
    failed_count = fields.Integer("Given Up", compute="_compute_counts")

    @api.depends("active", "failing_since", "last_success_at")
    def _compute_health(self):
        for webhook in self:
            sent = "failing" if webhook.failing_since else "good" if webhook.last_success_at else "new"
            webhook.health = sent if webhook.active else "off"

    def _compute_counts(self):
        groups = self.env["call.wallet.webhook.delivery"]._read_group(
            [("webhook_id", "in", self.ids), ("state", "!=", "delivered"), ("event_id", "!=", False)],
            ["webhook_id", "state"],
            ["__count"],
        )
        counts = {(webhook, state): count for webhook, state, count in groups}
        for webhook in self:
            webhook.waiting_count = counts.get((webhook, "waiting"), 0)
            webhook.failed_count = counts.get((webhook, "failed"), 0)

    # === CRUD METHODS === #

    @api.constrains("url")
    def _check_url(self):
        for webhook in self:
            try:
                find_target(webhook.url, self._allowed_hosts())
            except Unreachable as error:
                raise ValidationError(error.explain(self.env)) from None

    @api.model_create_multi
    def create(self, vals_list):
        vals_list = [dict(vals) for vals in vals_list]
        for vals in vals_list:
            self._refuse_kept(vals)
            # Else they would come from the context or from the user's own defaults.
            vals.update({**dict.fromkeys(KEPT, False), "secret": new_secret()})
        # What came before is not sent to it, nor what comes while it is switched off.
        self.env["call.wallet.event"]._publish()
        return super().create(vals_list)

    def write(self, vals):
        """Change a webhook. One that is switched off gives up what waits; it can be replayed later.

        :raise AccessError: for what the webhook keeps by itself, such as its secret
        :raise UserError: another company
        """
        self._refuse_kept(vals)
        self._refuse_other_company(vals)
        if vals.get("active"):
            self.env["call.wallet.event"]._publish()
        result = super().write(vals)
        if "active" in vals and not vals["active"]:
            self.env["call.wallet.webhook.delivery"]._give_up_all(self.ids)
        return result

    def _refuse_kept(self, vals):
        kept = KEPT & vals.keys()
        if kept and not self.env.su:
            raise AccessError(
                self.env._("%s: kept by the webhook itself; it cannot be typed in.", ", ".join(sorted(kept)))
            )

    def _refuse_other_company(self, vals):
        """Refuse another company for a webhook: its receiver, and what was sent to it, are its company's."""
        if "company_id" in vals and any(webhook.company_id.id != vals["company_id"] for webhook in self.sudo()):
            raise UserError(self.env._("A webhook stays with its company. Make another webhook for another company."))

    @api.model
    def _allowed_hosts(self):
        """Return the receivers in the own network that an administrator allows, as ``host:port``."""
        return frozenset((self.env["ir.config_parameter"].sudo().get_param(ALLOWED_HOSTS) or "").split())

    # === ACTION METHODS === #

    def action_rotate_secret(self):
        """Make a new secret. The old one is valid for a day, in which messages carry a signature of each.

        :raise AccessError: not a finance manager
        """
        refuse_all_but(self, FINANCE_MANAGER)
        with door(self.env):
            for webhook in as_superuser(self):
                webhook.write(
                    {
                        "previous_secret": webhook.secret,
                        "previous_until": utcnow() + OLD_SECRET_VALID,
                        "secret": new_secret(),
                    }
                )
                webhook.message_post(body=in_company_language(webhook).env._("New secret."))
        return True

    def action_send_test(self):
        """Send an event of the type ``webhook.test`` now, and show what the receiver answers.

        :raise AccessError: not a finance manager
        :raise UserError: the webhook is switched off
        """
        refuse_all_but(self, FINANCE_MANAGER)
        webhook = as_superuser(self)
        webhook.ensure_one()
        if not webhook.active:
            raise UserError(self.env._("The webhook is switched off."))
        deliveries = webhook.env["call.wallet.webhook.delivery"]
        with door(self.env) as owns:
            messages = deliveries._add_test(webhook, is_taken=owns)
        if not owns:
            return self._notification(self.env._("The test event is sent in a moment; see the deliveries."), "info")
        # Nothing is locked while the receiver is asked.
        [(delivery_id, answer)] = send_queue(messages, webhook._allowed_hosts())
        with door(self.env):
            deliveries._note([(delivery_id, answer)])
        delivery = deliveries.browse(delivery_id)
        outcome = delivery.with_context(lang=self.env.lang)._outcome()
        return self._notification(outcome, "success" if answer.is_accepted else "danger")

    def action_replay_failed(self):
        """Send again what was given up.

        :raise AccessError: not a finance manager
        :raise UserError: the webhook is switched off
        """
        refuse_all_but(self, FINANCE_MANAGER)
        failed = [("webhook_id", "in", self.ids), ("state", "=", "failed"), ("event_id", "!=", False)]
        return self.env["call.wallet.webhook.delivery"].search(failed).action_replay()

    def action_open_deliveries(self):
        """Open what was sent, and what waits.

        :raise AccessError: not a finance manager
        """
        refuse_all_but(self, FINANCE_MANAGER)
        action = self.env["ir.actions.act_window"]._for_xml_id("call_wallet.action_call_wallet_webhook_delivery")
        return {**action, "domain": [("webhook_id", "in", self.ids)], "context": {}}

    def _notification(self, message, kind):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "title": self.name,
                "message": message,
                "type": kind,
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    # === HEALTH === #

    def _note_health(self, sent):
        """Keep whether events are accepted; a finance manager gets a task where that does not pass by itself.

        :param sent: pairs of a delivery and its ``Answer``, which the delivery knows already
        """
        if any(answer.is_accepted for _delivery, answer in sent):
            self.write({"failing_since": False, "problem": False, "last_success_at": utcnow()})
        refused = [delivery for delivery, answer in sent if not answer.is_accepted]
        if not refused:
            return
        since = self.failing_since or utcnow()
        self.write({"failing_since": since, "problem": in_company_language(refused[-1])._outcome()})
        is_given_up = any(delivery.state == "failed" for delivery in refused)
        # The receiver says that it is not there any more, and does not come back.
        is_gone = any(answer.status == GONE for _delivery, answer in sent)
        if is_gone:
            self.write({"active": False})
        if is_given_up or since <= utcnow() - FAILING_TOO_LONG:
            tell = partial(self._tell_finance, is_given_up, is_gone)
            self.env["call.wallet.failure"]._beside("task of a webhook", self, tell)

    def _tell_finance(self, is_given_up, is_gone):
        # Nobody else may open it, or do what the task says.
        user = self.company_id._call_wallet_finance_manager()
        _ = telling(in_language_of(self, user, self.company_id).env)
        if self.activity_search([TO_DO]):
            return
        if is_gone:
            note = _(
                "The receiver is gone (410), so the webhook was switched off. Enter the new address, or delete it."
            )
        elif is_given_up:
            note = _("Events were not accepted for three days and are given up. Mend the receiver, then replay them.")
        else:
            note = _("No event was accepted for a day. See the last answers, and tell whoever runs the receiver.")
        give_task(self, user, _("Webhook %s fails", self.name), note, self.company_id)

    # === SECRETS === #

    def _valid_secrets(self):
        """Return the secrets by which a message is signed now, the newest first."""
        is_old_valid = self.previous_secret and self.previous_until > utcnow()
        return [self.secret, self.previous_secret] if is_old_valid else [self.secret]
