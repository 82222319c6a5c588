from datetime import timedelta
from functools import partial

from odoo import api, fields, models

from ...const import TO_DO
from ...tools.background import after_commit
from ...tools.clock import utcnow
from ...tools.door import door, each, worker
from ...tools.fields import Amount
from ...tools.sentence import telling
from ...tools.task import give_task, in_company_language, in_language_of
from ..ledger.call_wallet_ledger import LEVEL
from ..wallet.call_wallet_balance import EMPTY, LOW

# So often in 24 hours recipients are mailed of one kind of news: owners choose the addresses, and make news by changing
# the threshold or automatic top-up to and fro.
MOST_A_DAY = 6

KINDS = {"low": LOW, "empty": EMPTY}
LIMIT_KINDS = ("limit_near", "limit_reached")

# Those whose mails say what others that wait would say, so that one event is one mail.
SAYS_MORE = {
    "empty": ("low", "auto_failed", "auto_off", "auto_cap"),
    "auto_off": ("low", "auto_failed"),
    "auto_failed": ("low",),
    "auto_cap": ("low",),
    "limit_reached": LIMIT_KINDS,
    "limit_near": ("limit_near",),
}


class CallWalletAlert(models.Model):
    """One crossing of a wallet's balance, or news of its automatic top-up, and the mail about it: the outbox of alerts.

    The ledger adds the row in the transaction of the debit that crossed the line, so a
    crossing is never lost; sending marks it, so it is never told twice. Amounts are in the
    wallet's currency, 6 places; times are UTC.
    """

    _name = "call.wallet.alert"
    _description = "Call Wallet Alert"
    _order = "id desc"
    _rec_name = "kind"

    wallet_id = fields.Many2one("call.wallet", required=True, readonly=True, ondelete="cascade", index=True)
    kind = fields.Selection([("low", "Low balance"), ("empty", "Calls stopped")], required=True, readonly=True)
    state = fields.Selection(
        [("pending", "To send"), ("sent", "Sent"), ("cancelled", "Not needed any more")],
        required=True,
        readonly=True,
        default="pending",
    )
    balance = Amount(readonly=True, aggregator=None, help="The balance right after the crossing.")
    threshold = Amount(readonly=True, aggregator=None)
    sent_at = fields.Datetime(readonly=True)
    currency_id = fields.Many2one(related="wallet_id.currency_id")
    tz = fields.Selection(related="wallet_id.tz")
    partner_id = fields.Many2one(related="wallet_id.partner_id")
    company_id = fields.Many2one(related="wallet_id.company_id")

    _pending = models.Index("(id) WHERE state = 'pending'")

    # === NOTING A CROSSING === #

    @api.model
    def _note_crossings(self, wallet_ids):
        """Put an alert in the outbox for each of these wallets, whose alert level just rose.

        Called by the ledger in the transaction of the debit, with the balances locked. The
        mails go out when that transaction is committed.
        """
        self.env.cr.execute(NOTE, [self.env.uid, self.env.uid, list(wallet_ids)])
        after_commit(self.env, self._name, "_send_pending", wallet_ids)

    @api.model
    def _note_missed_crossings(self):
        """Let the ledger look again at wallets whose alert level does not fit their balance.

        Such as after an import of thresholds by other means than this addon's methods.
        """
        self.env.flush_all()
        self.env.cr.execute(OUT_OF_LINE)
        wallet_ids = [row[0] for row in self.env.cr.fetchall()]
        if wallet_ids:
            self.env["call.wallet.ledger"]._refresh(wallet_ids)

    # === SENDING === #

    @api.model
    def _cron_send(self):
        """Note crossings that were missed, then send what waits."""
        with door(self.env):
            self._note_missed_crossings()
        self._send_pending()

    @worker
    @api.model
    def _send_pending(self, wallet_ids=None):
        """Send the alerts that wait, each in a transaction of its own.

        Safe to run in several processes at once: a waiting alert is taken by one of them,
        and it is marked in the transaction that writes its mail. One that fails is logged
        and left waiting for the next run.

        :param wallet_ids: only those of these wallets; None: all
        """
        domain = [("state", "=", "pending")]
        if wallet_ids is not None:
            domain.append(("wallet_id", "in", list(wallet_ids)))
        each(self.env, self.search(domain, order="id").sorted(lambda alert: alert._says_most_first()), self._send_one)

    @worker
    def _send_one(self, alert):
        with door(self.env):
            if alert._is_waiting() and not alert._waits_for_card():
                alert._send()

    def _is_waiting(self):
        """Lock the alert; return whether it waits still, and no other process is sending it."""
        self.env.flush_all()
        self.env.cr.execute(
            "SELECT FROM call_wallet_alert WHERE id = %s AND state = 'pending' FOR UPDATE SKIP LOCKED", [self.id]
        )
        self.env.invalidate_all()
        return bool(self.env.cr.rowcount)

    def _send(self):
        """Tell the recipients, unless the balance is back, there is nobody to tell, or they were told too often."""
        self.ensure_one()
        if self._is_one_too_many():
            self.state = "cancelled"
            self.env["call.wallet.failure"]._beside("task about many mails", self.wallet_id, self._tell_of_many)
            return
        if self.kind not in KINDS:
            self._send_limit() if self.kind in LIMIT_KINDS else self._send_auto_topup()
            return
        wallet = self.wallet_id
        emails = wallet.recipient_ids.mapped("email")
        # Who closes a wallet tells the customer; a mail to add balance would be the wrong one.
        if wallet.alert_level < KINDS[self.kind] or not emails or not wallet.active:
            self.state = "cancelled"
            return
        told = self._told_with_it()
        # The latest news of the card is the first.
        card_alert = told.filtered(lambda alert: alert.kind not in KINDS and alert._is_still_true())[:1]
        wallet._mail_recipients(f"mail_template_balance_{self.kind}", card_alert=card_alert)
        told._leave_history()
        # The customer comes first: what fails of the rest is noted, and the mail goes out.
        beside = self.env["call.wallet.failure"]._beside
        beside("history of an alert", wallet, partial(self._leave_note, emails))
        if self.kind == "empty":
            beside("task after an alert", wallet, self._schedule_activity)
        beside("notice of an alert", wallet, self._notify_finance)
        self.write({"state": "sent", "sent_at": fields.Datetime.now()})

    def _is_one_too_many(self):
        """Tell whether the recipients were mailed ``MOST_A_DAY`` times in 24 hours about the same.

        That calls have stopped is told each time: it takes money to bring about. Limits have a bound of their own.
        """
        if self.kind == "empty" or self.kind in LIMIT_KINDS:
            return False
        since = utcnow() - timedelta(days=1)
        told = [("wallet_id", "=", self.wallet_id.id), ("kind", "=", self.kind), ("sent_at", ">", since)]
        return self.search_count(told, limit=MOST_A_DAY) >= MOST_A_DAY

    def _tell_of_many(self):
        told = self.wallet_id._for_finance()
        _ = telling(told.env)
        told._tell_finance(
            _("Mails of this wallet were held back"),
            _(
                "Its recipients were mailed %s times in 24 hours about the same, the most there may be. It happens "
                "where the threshold or automatic top-up is changed again and again. Look at the wallet's history and "
                "recipients, and ask the customer.",
                MOST_A_DAY,
            ),
        )

    def _says_most_first(self):
        return -len(SAYS_MORE.get(self.kind, ())), self.limit_name != "month", self.id

    def _told_with_it(self):
        """Take the waiting alerts whose news this one's mail has as well: no mail of their own follows.

        :return: the alerts, which nobody else is sending
        """
        domain = [("wallet_id", "=", self.wallet_id.id), ("state", "=", "pending"), ("id", "!=", self.id)]
        others = self.search([*domain, ("kind", "in", SAYS_MORE.get(self.kind, ()))])
        others = others.filtered(lambda other: self._says(other) and other._is_waiting())
        others.state = "cancelled"
        return others

    def _says(self, other):
        if self.kind in LIMIT_KINDS:
            return self._says_limit(other)
        # Below its cap, automatic top-up goes on.
        return all(alert.percent >= 100 for alert in self + other if alert.kind == "auto_cap")

    # === TELLING OUR OWN PEOPLE === #

    def _leave_history(self):
        """Note in the wallet's history what the recipients were told of its limits and automatic top-up."""
        for alert in self.filtered(lambda alert: alert.kind not in KINDS):
            alert = in_company_language(alert)
            text = alert._limit_subject() if alert.kind in LIMIT_KINDS else alert._auto_topup_subject()
            alert.wallet_id.message_post(body=text)

    def _leave_note(self, emails):
        _ = in_company_language(self.wallet_id).env._
        told = ", ".join(emails)
        if self.kind == "empty":
            body = _("The balance is used up and calls stopped. Mailed: %s", told)
        else:
            body = _("The balance is below the threshold. Mailed: %s", told)
        self.wallet_id.message_post(body=body)

    def _schedule_activity(self):
        wallet = self.wallet_id
        manager = wallet.company_id._call_wallet_responsible(wallet.account_manager_id)
        if not manager or wallet.activity_search([TO_DO], user_id=manager.id):
            return
        _ = telling(in_language_of(self, manager, wallet.company_id).env)
        # Their to-do list tells them; a mail on top would be the second about one crossing.
        give_task(
            wallet,
            manager,
            _("Calls stopped: the balance is used up"),
            _("Ask the customer to add balance."),
            wallet.company_id,
        )

    def _notify_finance(self):
        """Show a notice to finance staff who are at work in the web client."""
        wallet = self.wallet_id
        staff = self.env.ref("call_wallet.group_finance").all_user_ids.filtered(
            lambda user: user.active and wallet.company_id in user.company_ids
        )
        for lang, users in staff.grouped("lang").items():
            title = self.with_context(lang=lang)._notify_title()
            users._bus_send(
                "simple_notification",
                {"type": "warning", "title": title, "message": wallet.display_name},
            )

    def _notify_title(self):
        if self.kind not in KINDS:
            return dict(self._fields["kind"]._description_selection(self.env))[self.kind]
        return self.env._("Calls stopped") if self.kind == "empty" else self.env._("Low balance")


NOTE = """
    INSERT INTO call_wallet_alert
           (wallet_id, kind, state, balance, threshold, create_uid, write_uid, create_date, write_date)
    SELECT b.wallet_id, CASE b.alert_level WHEN 2 THEN 'empty' ELSE 'low' END, 'pending', b.balance,
           w.low_balance_threshold, %s, %s, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
      FROM call_wallet_balance b
      JOIN call_wallet w ON w.id = b.wallet_id
     WHERE b.wallet_id = ANY(%s) AND b.alert_level > 0
     ORDER BY b.wallet_id
"""


OUT_OF_LINE = f"""
    SELECT b.wallet_id
      FROM call_wallet_balance b
      JOIN call_wallet w ON w.id = b.wallet_id
     WHERE b.alert_level IS DISTINCT FROM {LEVEL.format(balance="b.balance")}
"""
