from datetime import timedelta

from odoo import api, fields, models

from ...tools.background import after_commit
from ...tools.clock import utcnow
from ...tools.fields import Amount

CAP_WARNING = 80  # per cent

# So long a mail about the balance waits for the card, which is charged within a minute. It is sent without it then.
PATIENCE = timedelta(minutes=3)


class CallWalletAlert(models.Model):
    """What recipients are told about automatic top-up: a failed charge, its end, the cap."""

    _inherit = "call.wallet.alert"

    kind = fields.Selection(
        selection_add=[
            ("auto_failed", "Automatic top-up failed"),
            ("auto_off", "Automatic top-up switched off"),
            ("auto_cap", "Monthly cap of automatic top-up"),
            ("auto_card", "Card of automatic top-up expires"),
        ],
        ondelete={"auto_failed": "cascade", "auto_off": "cascade", "auto_cap": "cascade", "auto_card": "cascade"},
    )
    auto_topup_id = fields.Many2one(
        "call.wallet.auto.topup", "Automatic Top-up", readonly=True, ondelete="cascade", index="btree_not_null"
    )
    auto_topup_key = fields.Char(readonly=True, help="What is told once only.")
    percent = fields.Integer(readonly=True, aggregator=None, help="How much of the monthly cap is used.")
    charged = Amount(readonly=True, aggregator=None, help="Charged this month.")
    cap = Amount(readonly=True, aggregator=None)

    _auto_topup_once = models.UniqueIndex("(wallet_id, auto_topup_key) WHERE auto_topup_key IS NOT NULL")

    @api.model
    def _note_auto_topup(self, wallet, kind, attempt=None, **values):
        """Put a notice in the outbox; it is sent when the transaction is committed."""
        self.sudo().create(
            {
                "wallet_id": wallet.id,
                "kind": kind,
                "balance": wallet.balance,
                "threshold": wallet.auto_topup_level,
                "auto_topup_id": attempt.id if attempt else False,
                **values,
            }
        )
        after_commit(self.env, self._name, "_send_pending", wallet.ids)

    @api.model
    def _note_auto_topup_cap(self, wallet, percent=0):
        """Tell once a month that the cap is nearly or wholly used; a new cap is told of anew.

        :param percent: 100 where a charge was refused because of the cap
        """
        cap, charged = wallet._auto_topup_cap(), wallet._auto_topup_charged_this_month()
        percent = percent or (100 if charged >= cap else CAP_WARNING if charged * 100 >= cap * CAP_WARNING else 0)
        month = f"{wallet._today():%Y-%m}/{cap:f}"
        told = self.sudo().search([("wallet_id", "=", wallet.id), ("auto_topup_key", "=like", f"{month}/%")])
        if percent > max(told.mapped("percent"), default=0):
            key = f"{month}/{percent}"
            self._note_auto_topup(wallet, "auto_cap", auto_topup_key=key, percent=percent, charged=charged, cap=cap)

    # === SENDING === #

    def _send_auto_topup(self):
        """Tell the recipients, unless it is over already or there is nobody to tell."""
        wallet = self.wallet_id
        emails = wallet.recipient_ids.mapped("email")
        if not emails or not wallet.active or not self._is_still_true():
            self.state = "cancelled"
            return
        told = self._told_with_it()
        wallet._mail_recipients(f"mail_template_{self.kind.replace('auto_', 'auto_topup_')}", res_id=self.id)
        (told + self)._leave_history()
        self._notify_finance()
        self.write({"state": "sent", "sent_at": fields.Datetime.now()})

    def _waits_for_card(self):
        """Tell whether automatic top-up is about to charge the card, so that one mail can say how that went."""
        wallet = self.wallet_id
        if self.kind not in ("low", "empty") or wallet.auto_topup_state != "on":
            return False
        is_due = wallet.available_balance < wallet.auto_topup_level
        is_put_off = wallet.auto_topup_wait_until and wallet.auto_topup_wait_until > utcnow()
        waits = is_due and not is_put_off and self.create_date > fields.Datetime.now() - PATIENCE
        if waits:
            self.env.ref("call_wallet.ir_cron_alert")._trigger(self.create_date + PATIENCE)
        return waits

    def _is_still_true(self):
        """It may have been switched on again since, or the card been charged at the next attempt."""
        if self.kind == "auto_card":
            return self._is_still_its_card()
        if self.kind == "auto_off":
            return self.wallet_id.auto_topup_state == "suspended"
        if self.kind == "auto_failed":
            return bool(self.wallet_id.auto_topup_declines)
        return True

    def _auto_topup_subject(self):
        _ = self.env._
        wallet = self.wallet_id
        if self.kind == "auto_cap":
            if self.percent < 100:
                return _("Automatic top-up has used %s %% of its monthly cap.", self.percent)
            return _("Automatic top-up has reached its monthly cap.")
        if self.kind == "auto_off":
            return _("Automatic top-up was switched off: %s", wallet.auto_topup_status)
        if self.kind == "auto_card":
            return self._card_subject()
        return _("Automatic top-up failed: %s", self.auto_topup_id.sentence)

    # === WHAT THE MAILS SAY === #

    def _auto_topup_link(self):
        """Return where the mail's button leads: the unpaid invoice if there is one, else the settings."""
        base = self.get_base_url()
        invoice = self._auto_topup_invoice()
        return base + (invoice.get_portal_url() if invoice else f"/my/billing/{self.wallet_id.id}/auto")

    def _auto_topup_invoice(self):
        attempt = self.auto_topup_id
        return attempt.topup_id.invoice_id if attempt.has_open_invoice else self.env["account.move"]

    # === THE CARD'S END === #

    @api.model
    def _note_auto_topup_card(self, wallet):
        """Tell once of each card and date."""
        token = wallet.auto_topup_token_id
        key = f"card/{token.id}/{token.call_wallet_expires_on}"
        if not self.sudo().search_count([("wallet_id", "=", wallet.id), ("auto_topup_key", "=", key)]):
            self._note_auto_topup(wallet, "auto_card", auto_topup_key=key)

    def _is_still_its_card(self):
        token = self.wallet_id.auto_topup_token_id
        is_same = self.auto_topup_key == f"card/{token.id}/{token.call_wallet_expires_on}"
        return is_same and self.wallet_id.auto_topup_state == "on"

    def _card_subject(self):
        token = self.wallet_id.auto_topup_token_id
        return self.env._(
            "The card of automatic top-up, %(card)s, ends soon: %(validity)s",
            card=token.display_name,
            validity=token._call_wallet_validity(self.wallet_id._today()),
        )
