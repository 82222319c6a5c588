from datetime import timedelta
from decimal import ROUND_DOWN, Decimal
from functools import partial
from typing import NamedTuple

from dateutil.relativedelta import relativedelta
from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import format_date

from ...const import FINANCE_MANAGER, TO_DO
from ...tools.clock import utcnow
from ...tools.door import door, each, worker
from ...tools.fields import ZERO, parse_reason
from ...tools.money import to_coins, unit_of
from ...tools.sentence import telling
from ...tools.task import give_task, in_company_language, in_language_of


class ClosingPlan(NamedTuple):
    """What closing a wallet will do; amounts are in its currency."""

    balance: Decimal
    paid_back: list  # (top-up, amount net of tax), newest first
    rest: Decimal  # positive: cannot be paid back; negative: what the customer owes
    unit: Decimal  # the currency's smallest coin: less than that is never paid back
    blockers: list  # sentences; empty when the wallet can be closed

    @property
    def takes_rest(self):
        """Whether somebody has to agree that the rest is kept; less than a coin needs no agreement."""
        return self.rest >= self.unit


class CallWalletClose(models.Model):
    """The end of a wallet: what is left is paid back or taken, what is owed written off; and its reopening.

    A closed wallet is archived. No call starts on it (``closed``); a call that took place is
    charged all the same, which may leave it below zero: closing again settles that.
    """

    _inherit = "call.wallet"

    closed_at = fields.Datetime(readonly=True, copy=False, tracking=True)
    closed_by_id = fields.Many2one("res.users", readonly=True, copy=False, ondelete="restrict")
    close_reason = fields.Char(readonly=True, copy=False)
    reopened_at = fields.Datetime(readonly=True, copy=False)
    funds_expire_on = fields.Date(
        readonly=True, copy=False, help="Notice was given; unless the wallet is used, the balance is taken that day."
    )
    idle_notice_at = fields.Datetime("Told That Funds Expire", readonly=True, copy=False)
    idle_notice_sequence = fields.Integer(
        readonly=True, copy=False, aggregator=None, help="The last transaction when notice was given."
    )

    def _refuse_archiving(self, vals):
        # Not even as superuser, as Odoo's privacy look-up would: a closed wallet has been settled, and says when.
        is_ours = self.env.su and "closed_at" in vals
        if "active" in vals and not is_ours and any(bool(vals["active"]) != wallet.active for wallet in self):
            raise UserError(self.env._("Wallets are not archived by hand: use Close and Reopen on the wallet."))

    def close(self, reason, take_rest=False, write_off=False):
        """Close the wallet: pay the balance back and archive it.

        The balance is paid back by credit notes on the wallet's top-ups, the newest first. What did not come
        from top-ups (refunds and adjustments) cannot be paid back: it is kept as breakage income, if the
        caller says so. A balance below zero is written off, if the caller says so. Closing a closed
        wallet settles what late calls or payments left on it.

        :param str reason: kept with the wallet
        :param bool take_rest: keep what cannot be paid back
        :param bool write_off: write a balance below zero off
        :return: True; nothing has changed when an error is raised
        :raise UserError: no reason; calls in progress, unpaid top-ups, top-ups settled without funds, an open dispute
            or waiting refund requests; a rest or a balance below zero nobody agreed to; closed already, and
            nothing left
        :raise AccessError: not a finance manager
        """
        wallet = self._permitted(FINANCE_MANAGER)
        wallet.ensure_one()
        reason = parse_reason(reason)
        if not reason:
            raise UserError(self.env._("Reason: say why the wallet is closed."))
        with door(self.env):
            wallet._lock_for_closing()
            plan = wallet._closing_plan()
            wallet._check_closing(plan, take_rest is True, write_off is True)
            notes = wallet._settle_balance(plan, reason)
            wallet._archive_closed(plan, reason)
        # A provider sends money only for what is committed.
        for topup, note in notes:
            topup._send_back(note)
        return True

    def reopen(self):
        """Open a closed wallet again; its balance and status are what they are.

        :raise UserError: the wallet is not closed, or the customer has another one in this currency
        :raise AccessError: not a finance manager
        """
        wallet = self._permitted(FINANCE_MANAGER)
        wallet.ensure_one()
        if wallet.active:
            raise UserError(self.env._("Wallet %s is not closed.", wallet.account_ref))
        others = wallet.search(
            [
                ("partner_id", "=", wallet.partner_id.id),
                ("company_id", "=", wallet.company_id.id),
                ("currency_id", "=", wallet.currency_id.id),
            ]
        )
        if others:
            raise UserError(
                self.env._("The customer has another wallet in this currency: %s. Close it first.", others.account_ref)
            )
        wallet.write(
            {"active": True, "closed_at": False, "closed_by_id": False, "close_reason": False, "reopened_at": utcnow()}
        )
        wallet.env["call.wallet.ledger"]._refresh(wallet.ids)
        wallet.env["call.wallet.event"]._add([(wallet.id, "wallet.resumed", {"cause": "reopened"})])
        wallet.message_post(body=in_company_language(wallet).env._("Wallet reopened."))
        return True

    # === WHAT CLOSING WILL DO === #

    def _lock_for_closing(self):
        """Keep calls, payments and other people off the wallet's money until the transaction ends."""
        self.env["call.wallet.ledger"]._lock(self.ids)
        self.topup_ids._lock_documents()
        self.env["call.wallet.hold"]._expire(self.ids)
        self.env.invalidate_all()

    def _closing_plan(self):
        self.ensure_one()
        left, paid_back = self.balance, []
        for topup in self.topup_ids.sorted("id", reverse=True):
            amount = to_coins(min(left, self._pay_back_room(topup)), self.currency_id, ROUND_DOWN)
            if amount > 0:
                paid_back.append((topup, amount))
                left -= amount
        return ClosingPlan(self.balance, paid_back, left, unit_of(self.currency_id), self._closing_blockers())

    def _pay_back_room(self, topup):
        """Return how much of a top-up can be paid back: what was credited; nothing where part of it was written off."""
        if topup.invoice_id.state != "posted":
            return ZERO
        ordered = min(topup.amount, topup.invoice_id._call_wallet_net()) - topup._credit_notes()
        ordered -= topup._released()
        is_written_off = ordered > topup.credited_amount and topup._written_off(ordered - topup.credited_amount)
        return ZERO if is_written_off else topup.credited_amount

    def _closing_blockers(self):
        _ = self.env._
        blockers = []
        if not self.active and not self.balance:
            blockers.append(_("The wallet is closed and its balance is zero."))
        if self.disputed_amount:
            blockers.append(_("A payment is disputed. Wait until the dispute is decided."))
        if self.held_amount > self.disputed_amount or self.live_hold_count:
            blockers.append(_("Calls are in progress. Pause the wallet and wait until they have ended."))
        unpaid = self.topup_ids.filtered(lambda topup: topup.state in ("pending", "partial") and topup.missing_amount)
        if unpaid:
            blockers.append(
                _(
                    "Top-ups are not paid: %s. Cancel the orders first, or pay back what was received.",
                    ", ".join(unpaid.mapped("display_name")),
                )
            )
        unfunded = self.topup_ids.filtered("unfunded_amount")
        if unfunded:
            blockers.append(
                _(
                    "Invoices of top-ups were settled without funds: %s. Count that as received on the top-up, or "
                    "release it.",
                    ", ".join(unfunded.mapped("display_name")),
                )
            )
        if self.refund_request_ids.filtered(lambda request: request.state == "waiting"):
            blockers.append(_("Refund requests wait for a decision. Approve or refuse them first."))
        return blockers

    def _check_closing(self, plan, take_rest, write_off):
        _ = self.env._
        if plan.blockers:
            raise UserError("\n".join(plan.blockers))
        rest = self._format_exactly(abs(plan.rest))
        if plan.takes_rest and not take_rest:
            raise UserError(
                _(
                    "%(rest)s cannot be paid back by credit note: it did not come from top-ups, or part of their "
                    "invoices was written off. Choose to keep it as breakage income (take_rest), then close.",
                    rest=rest,
                )
            )
        if plan.rest < 0 and not write_off:
            raise UserError(
                _(
                    "The balance is %(rest)s below zero. Collect it, or choose to write it off (write_off).",
                    rest=rest,
                )
            )

    # === DOING IT === #

    def _settle_balance(self, plan, reason):
        """Bring the balance to zero; return the credit notes: (top-up, ``account.move``)."""
        ledger = self.env["call.wallet.ledger"]
        _ = self.with_context(lang=self.partner_id._call_wallet_lang()).env._
        key = f"close/{self.last_sequence}"
        notes = [
            (topup, topup._create_credit_note(amount, _("Wallet closed: %s", reason), key))
            for topup, amount in plan.paid_back
        ]
        self.env.invalidate_all()
        if self.balance != plan.rest:
            # Such as a top-up whose credit follows after the commit, because it is being worked on.
            raise UserError(
                _("The wallet changed while it was being closed. Nothing was done; look at it and close it again.")
            )
        if plan.rest > 0:
            ledger._take_funds(self, plan.rest, _("Wallet closed: %s", reason), f"{key}/rest")
        elif plan.rest < 0:
            ledger._write_off(self, _("Written off, wallet closed: %s", reason), f"{key}/write-off")
        return notes

    def _archive_closed(self, plan, reason):
        is_closing = self.active
        self.write(
            {
                "active": False,
                "closed_at": utcnow(),
                "closed_by_id": self.env.uid,
                "close_reason": reason,
                "funds_expire_on": False,
                "idle_notice_at": False,
            }
        )
        self.activity_unlink([TO_DO])
        rejected = self.env["call.usage.rejection"]._open_of(self)
        # What follows in this request, such as a new wallet for the customer, finds this one closed.
        self.flush_recordset()
        if is_closing:
            self.env["call.wallet.event"]._add([(self.id, "wallet.closed", {"reason": reason})])
        paid_back = sum((amount for _topup, amount in plan.paid_back), ZERO)
        self.message_post(
            body=in_company_language(self).env._(
                "Wallet closed: %(reason)s. Paid back by credit note: %(paid_back)s; kept: %(kept)s; "
                "written off: %(written_off)s.",
                reason=reason,
                paid_back=self._format_exactly(paid_back),
                kept=self._format_exactly(max(plan.rest, ZERO)),
                written_off=self._format_exactly(max(-plan.rest, ZERO)),
            )
        )
        if rejected:
            self.message_post(
                body=in_company_language(self).env._("Rejected calls that were still open: %s", len(rejected))
            )

    def _ask_to_settle(self):
        """Give a task to who closed the wallet, or may do so now: a late call or payment has moved its balance."""
        manager = self.company_id._call_wallet_finance_manager(self.closed_by_id)
        _ = telling(in_language_of(self, manager, self.company_id).env)
        give_task(
            self,
            manager,
            _("Closed wallet %s has a balance again", self.account_ref),
            _("A call or a payment came after it was closed. Settle or reopen the wallet."),
            self.company_id,
        )

    # === ACTIONS === #

    def action_open_close(self):
        """Show what closing will do, then close.

        :raise AccessError: not a finance manager
        """
        if not (self.env.su or self.env.user.has_group(FINANCE_MANAGER)):
            raise AccessError(self.env._("Only a finance manager closes a wallet."))
        return self._open("action_call_wallet_close_wizard")

    # === BREAKAGE === #
    # Idle funds: notice first, then they expire as breakage income.
    #
    # Off unless the company says after how many months. A call, a top-up (ordered or paid), a refund or a
    # reopening starts the time anew; so does anything else that moves the ledger once notice was given.
    # Times are UTC, days are those of the wallet's time zone.

    @api.model
    def _cron_breakage(self):
        """Withdraw the notices of wallets in use again, give notice to idle ones, and take what has expired.

        Where a late call or payment has moved a closed wallet's balance, somebody is asked to settle it.
        Each wallet in a transaction of its own: an interrupted run is continued by the next.
        """
        for query, step in (
            (UNSETTLED, "_ask_to_settle"),
            (USED_AGAIN, "_withdraw_notice"),
            (IDLE, "_give_notice"),
            (EXPIRED, "_take_expired"),
        ):
            carry_out = partial(self._breakage_step, query, step)
            if not each(self.env, self._find_idle(query), carry_out):
                return

    def _find_idle(self, query):
        self.env.flush_all()
        self.env.cr.execute(query, {"now": utcnow(), "all": not self, "ids": self.ids})
        return self.sudo().browse([row[0] for row in self.env.cr.fetchall()])

    @worker
    def _breakage_step(self, query, step, wallet):
        with door(self.env):
            self.env["call.wallet.ledger"]._lock(wallet.ids)
            self.env.invalidate_all()
            # Under the lock: it may have been used, or treated by another process, since the list was made.
            if wallet._find_idle(query):
                getattr(wallet, step)()
                self.env.flush_all()

    def _withdraw_notice(self):
        self.write({"funds_expire_on": False, "idle_notice_at": False, "idle_notice_sequence": 0})
        self.message_post(
            body=in_company_language(self).env._(
                "The balance does not expire: the wallet is in use, or the rule changed."
            )
        )

    def _give_notice(self):
        """Tell recipients and owners, else the customer, and set the day. With no address at all, the funds stay."""
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
            body=in_company_language(self).env._(
                "The wallet is idle; its balance expires on %(day)s. Mailed: %(emails)s",
                day=format_date(self.env, self.funds_expire_on),
                emails=", ".join(emails),
            )
        )

    def _idle_notice_emails(self):
        owners = self.current_owner_ids.filtered("active").mapped("email_normalized")
        emails = [*self.recipient_ids.mapped("email"), *filter(None, owners)]
        return list(dict.fromkeys(emails)) or list(filter(None, [self.partner_id.email_normalized]))

    def _last_used_on(self):
        self.env.cr.execute(f"SELECT {LAST_USED} FROM call_wallet w WHERE w.id = %s", [self.id])
        return self.env.cr.fetchone()[0]

    def _take_expired(self):
        months = self.company_id.call_wallet_breakage_months
        transaction = self.env["call.wallet.ledger"]._take_funds(
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
       AND ({LAST_USED} + make_interval(months => c.call_wallet_breakage_months))::date
           <= {TODAY} + c.call_wallet_breakage_notice_days
     ORDER BY w.id
"""


EXPIRED = f"""
    {FROM_WALLETS} AND w.active AND c.call_wallet_breakage_months > 0
       AND w.funds_expire_on <= {TODAY}
       AND b.balance > 0 AND b.held_amount = 0 AND NOT {USED_SINCE_NOTICE}
     ORDER BY w.id
"""
