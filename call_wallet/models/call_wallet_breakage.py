import logging
from datetime import timedelta

from dateutil.relativedelta import relativedelta
from odoo import api, fields, models
from odoo.tools import format_date

from ..clock import utcnow
from ..door import door, worker

_logger = logging.getLogger(__name__)


class CallWalletBreakage(models.Model):
    """Idle funds: notice first, then they expire as breakage income.

    Off unless the company says after how many months. A call, a top-up (ordered or paid), a refund or a
    reopening starts the time anew; so does anything else that moves the ledger once notice was given.
    Times are UTC, days are those of the wallet's time zone.
    """

    _inherit = "call.wallet"

    funds_expire_on = fields.Date(
        readonly=True, copy=False, help="Notice was given; unless the wallet is used, the balance is taken that day."
    )
    idle_notice_at = fields.Datetime("Told That Funds Expire", readonly=True, copy=False)
    idle_notice_sequence = fields.Integer(
        readonly=True, copy=False, aggregator=None, help="The last transaction when notice was given."
    )

    @api.model
    def _cron_breakage(self):
        """Withdraw notices of wallets in use again, give notice to idle ones, take what has expired; ask
        for closed wallets to be settled that late calls or payments moved.

        Each wallet in a transaction of its own: an interrupted run is continued by the next.
        """
        for query, step in (
            (UNSETTLED, "_ask_to_settle"),
            (USED_AGAIN, "_withdraw_notice"),
            (IDLE, "_give_notice"),
            (EXPIRED, "_take_expired"),
        ):
            for wallet in self._find_idle(query):
                wallet._breakage_step(query, step)

    def _find_idle(self, query):
        self.env.flush_all()
        self.env.cr.execute(query, {"now": utcnow(), "all": not self, "ids": self.ids})
        return self.sudo().browse([row[0] for row in self.env.cr.fetchall()])

    @worker
    def _breakage_step(self, query, step):
        try:
            with door(self.env):
                self.env["call.wallet.ledger"]._lock(self.ids)
                self.env.invalidate_all()
                # Under the lock: it may have been used, or treated by another process, since the list was made.
                if self._find_idle(query):
                    getattr(self, step)()
                    self.env.flush_all()
        except Exception:  # one wallet's trouble must not keep the others waiting
            _logger.exception("Call wallet %s: %s failed; the next run tries again.", self.id, step)

    def _withdraw_notice(self):
        self.write({"funds_expire_on": False, "idle_notice_at": False, "idle_notice_sequence": 0})
        self.message_post(body=self.env._("The balance does not expire: the wallet is in use, or the rule changed."))

    def _give_notice(self):
        """Tell recipients and owners, and set the day. With nobody to tell, the funds stay."""
        emails = self._idle_notice_emails()
        if not emails:
            return
        company = self.company_id
        today = self._today()
        due = self._last_used_on() + relativedelta(months=company.call_wallet_breakage_months)
        self.write(
            {
                "funds_expire_on": max(due, today + timedelta(days=company.call_wallet_breakage_notice_days)),
                "idle_notice_at": utcnow(),
                "idle_notice_sequence": self.last_sequence,
            }
        )
        self.env.flush_all()
        self._mail_recipients("mail_template_funds_expire", emails=emails)
        self.message_post(
            body=self.env._(
                "The wallet is idle; its balance expires on %(day)s. Mailed: %(emails)s",
                day=format_date(self.env, self.funds_expire_on),
                emails=", ".join(emails),
            )
        )

    def _idle_notice_emails(self):
        owners = self.owner_ids.filtered("active").mapped("email_normalized")
        emails = [*self.recipient_ids.mapped("email"), *filter(None, owners)]
        return list(dict.fromkeys(emails)) or list(filter(None, [self.partner_id.email_normalized]))

    def _last_used_on(self):
        self.env.cr.execute(f"SELECT {LAST_USED} FROM call_wallet w WHERE w.id = %s", [self.id])
        return self.env.cr.fetchone()[0]

    def _take_expired(self):
        months = self.company_id.call_wallet_breakage_months
        transaction = self.env["call.wallet.ledger"]._take(
            self,
            self.balance,
            self.with_context(lang=self.partner_id._call_wallet_lang()).env._(
                "Balance expired after %s months without use", months
            ),
            f"breakage/{self.idle_notice_sequence}",
        )
        self.write({"funds_expire_on": False, "idle_notice_at": False, "idle_notice_sequence": 0})
        self.message_post(body=transaction.description)


# A moment (naive UTC) as the day in the wallet's time zone, of `w`.
LOCAL_DAY = "(({moment})::timestamp AT TIME ZONE 'UTC' AT TIME ZONE w.tz)::date"
TODAY = LOCAL_DAY.format(moment="%(now)s")
LAST_ORDER = "SELECT max(t.create_date) FROM call_wallet_topup t WHERE t.wallet_id = w.id"
# The day on which the wallet was last used, of `w`. A day's totals tell without reading the ledger.
LAST_USED = f"""
    GREATEST({LOCAL_DAY.format(moment=f"GREATEST(w.create_date, w.reopened_at, ({LAST_ORDER}))")},
             (SELECT max(d.day) FROM call_wallet_day d WHERE d.wallet_id = w.id AND d.type <> 'reversal'))
"""
FROM_WALLETS = """
    SELECT w.id
      FROM call_wallet w
      JOIN call_wallet_balance b ON b.wallet_id = w.id
      JOIN res_company c ON c.id = w.company_id
     WHERE (%(all)s OR w.id = ANY(%(ids)s))
"""
USED_SINCE_NOTICE = """
    (b.last_sequence <> w.idle_notice_sequence
     OR EXISTS (SELECT FROM call_wallet_topup t WHERE t.wallet_id = w.id AND t.create_date > w.idle_notice_at))
"""
UNSETTLED = f"""
    {FROM_WALLETS} AND NOT w.active AND w.closed_at IS NOT NULL AND b.balance <> 0
       AND NOT EXISTS (SELECT FROM mail_activity a WHERE a.res_model = 'call.wallet' AND a.res_id = w.id AND a.active)
     ORDER BY w.id
"""
USED_AGAIN = f"""
    {FROM_WALLETS} AND w.funds_expire_on IS NOT NULL
       AND (NOT w.active OR c.call_wallet_breakage_months = 0 OR {USED_SINCE_NOTICE})
     ORDER BY w.id
"""
IDLE = f"""
    {FROM_WALLETS} AND w.active AND w.funds_expire_on IS NULL AND c.call_wallet_breakage_months > 0
       AND b.balance > 0 AND b.held_amount = 0
       AND {LAST_USED} <= ({TODAY} + make_interval(days => c.call_wallet_breakage_notice_days)
                                   - make_interval(months => c.call_wallet_breakage_months))::date
     ORDER BY w.id
"""
EXPIRED = f"""
    {FROM_WALLETS} AND w.active AND c.call_wallet_breakage_months > 0
       AND w.funds_expire_on <= {TODAY}
       AND b.balance > 0 AND b.held_amount = 0 AND NOT {USED_SINCE_NOTICE}
     ORDER BY w.id
"""
