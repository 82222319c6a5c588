import logging
from time import monotonic

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date, plaintext2html
from psycopg2 import OperationalError

from ...tools.background import CRON_SECONDS, go_on_by_schedule, wake
from ...tools.door import door, each, worker
from ...tools.rights import as_superuser
from ...tools.sentence import telling
from ...tools.task import give_task, in_language_of

_logger = logging.getLogger(__name__)

STATES = [
    ("waiting", "Waiting"),
    ("running", "Posting"),
    ("done", "Posted"),
    ("failed", "Stopped"),
]

# A run that has not moved for so long was left by a process that ended.
LEFT_MINUTES = 10


class CallWalletPosting(models.Model):
    """One run of the posting for one company: which days, how far it is, what it made.

    A run is a record of work, not a list of what to do: what is due is every transaction of
    its days without an entry. So a run can be stopped anywhere and started again, and two
    runs at once post nothing twice. Each entry is a transaction of its own.

    A transaction is of a run's days by its own day or by that of its call. Where the company posts per month, the
    scheduled action leaves a month alone until it is over, except for closed wallets.
    """

    _name = "call.wallet.posting"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _mail_post_access = "read"
    _description = "Call Wallet Posting"
    _order = "id desc"

    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="cascade")
    date_from = fields.Date("From", readonly=True, help="First day, in the wallets' time zones; empty: the beginning.")
    date_to = fields.Date("To", required=True, readonly=True, help="Last day, included.")
    is_scheduled = fields.Boolean("Scheduled", readonly=True, help="Started by the scheduled action, not by a person.")
    state = fields.Selection(STATES, "Status", required=True, readonly=True, default="waiting")
    user_id = fields.Many2one("res.users", "Started by", readonly=True, default=lambda self: self.env.user)
    total_count = fields.Integer("Of", readonly=True, help="Transactions to post.")
    done_count = fields.Integer("Transactions", readonly=True, help="Transactions that have their entry.")
    progress = fields.Float(compute="_compute_progress", help="Percent.")
    move_ids = fields.One2many("account.move", "call_wallet_posting_id", "Journal Entries", readonly=True)
    move_count = fields.Integer("Entries", compute="_compute_move_count")
    error = fields.Text(readonly=True, help="Why it stopped, and what to do about it.")
    moved_at = fields.Datetime("Last Entry", readonly=True)
    ended_at = fields.Datetime("Ended", readonly=True)

    # === COMPUTE METHODS === #

    @api.depends("date_from", "date_to")
    def _compute_display_name(self):
        for posting in self:
            last = format_date(self.env, posting.date_to)
            if posting.date_from:
                first = format_date(self.env, posting.date_from)
                posting.display_name = self.env._("Posting %(first)s to %(last)s", first=first, last=last)
            else:
                posting.display_name = self.env._("Posting up to %s", last)

    @api.depends("done_count", "total_count")
    def _compute_progress(self):
        for posting in self:
            share = posting.done_count / posting.total_count if posting.total_count else 1
            posting.progress = 100 if posting.state == "done" else 100 * share

    def _compute_move_count(self):
        counts = dict(
            self.env["account.move"]._read_group(
                [("call_wallet_posting_id", "in", self.ids)], ["call_wallet_posting_id"], ["__count"]
            )
        )
        for posting in self:
            posting.move_count = counts.get(posting, 0)

    # === ACTIONS === #

    def action_view_moves(self):
        """Return the action that lists the run's journal entries."""
        self.check_access("read")
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("account.action_move_journal_line")
        return {
            **action,
            "domain": [("call_wallet_posting_id", "=", self.id)],
            "context": {"search_default_posted": 0, "create": False},
        }

    def action_continue(self):
        """Go on with a run that stopped, or that was left unfinished.

        :raise AccessError: not finance staff
        """
        self.ensure_one()
        self.env["call.wallet"].browse()._permitted("call_wallet.group_finance")
        self.check_access("read")
        as_superuser(self)._run_for_a_click()
        return True

    # === RUNNING === #

    @api.model
    def _start(self, company, date_from, date_to, is_scheduled=False):
        """Return a run for these days, on record before its first entry."""
        return (
            self.sudo()
            .with_context(tracking_disable=True)
            .create(
                {
                    "company_id": company.id,
                    "date_from": date_from,
                    "date_to": date_to,
                    "is_scheduled": is_scheduled,
                    "user_id": self.env.uid,
                }
            )
        )

    @worker
    def _run_for_a_click(self):
        go_on_by_schedule(self.env, "ir_cron_posting", self._run)

    @worker
    def _run(self, seconds=None):
        """Post what is due, an entry at a time, for so many seconds; return whether it is done.

        What goes wrong is noted on the run; the other days and currencies are posted all the same.
        """
        self.ensure_one()
        deadline = monotonic() + seconds if seconds else None
        errors, left = {}, {}
        with door(self.env):
            periods = self._begin()
        for period in periods:
            period = period._replace(since=left.pop(period.currency_id, period.first))
            try:
                for count in self._post_period(period):
                    if not count:
                        # Too little for an entry: it waits for the next one in this currency.
                        left[period.currency_id] = period.since
                    elif deadline and monotonic() > deadline:
                        with door(self.env):
                            self._set_state("waiting")
                        return False
            except OperationalError:
                raise
            except Exception as error:  # whatever it is, the other days and currencies must not wait for it
                left.pop(period.currency_id, None)
                errors.setdefault(self._reason(error), period.last)
        try:
            self._settle_exchange()
            self._take_rests()
        except UserError as error:
            errors.setdefault(str(error), self.date_to)
        text = "\n".join(f"{format_date(self.env, day)}: {error}" for error, day in errors.items())
        with door(self.env):
            self._set_state("failed" if errors else "done", text or False)
        return True

    def _reason(self, error):
        """Return what is written on the run about an error; one that nobody has foreseen is logged as well."""
        if isinstance(error, UserError):
            return str(error)
        _logger.error("The posting of %s failed.", self.company_id.name, exc_info=error)
        return f"{type(error).__name__}: {error}"

    def _begin(self):
        """Mark the run as under way; return the ``Period``s in which something is due, in order."""
        periods = self._due()
        total = self.done_count + sum(period.count for period in periods)
        self.write({"state": "running", "total_count": total, "error": False, "moved_at": fields.Datetime.now()})
        return periods

    def _set_state(self, state, error=False):
        values = {"state": state, "error": error, "ended_at": state in ("done", "failed") and fields.Datetime.now()}
        if state == "done":
            self._end_help()
            # What was too little for an entry is not posted, and not to be posted now.
            values["total_count"] = self.done_count
        self.write(values)

    @worker
    def _post_period(self, period):
        """Post a period's entries, for so many wallets each; yield how many transactions each took.

        0: what these wallets have is too little for an entry.
        """
        after = 0
        while after is not None:
            # READ COMMITTED, unlike Odoo: runs for one company take turns, and one that has waited goes on instead of
            # failing.
            with door(self.env):
                after, count = self._post_counted(period, after)
            # Cached lines of past entries would add up.
            self.env.invalidate_all()
            if count is not None:
                yield count

    def _post_counted(self, period, after):
        # The savepoint serves whoever posts in a transaction of their own, and goes on after an error.
        with self.env.cr.savepoint():
            after, count = self._post_entry(period, after)
            if count:
                self.write({"done_count": self.done_count + count, "moved_at": fields.Datetime.now()})
                self.env.flush_all()
        return after, count

    # === SCHEDULED ACTIONS === #

    @api.model
    def _cron_start(self):
        """Have every company's finished days posted: those that are over for all its wallets."""
        each(self.env, list(self.env["call.wallet"]._last_days().items()), self._start_if_due)
        wake(self.env, "ir_cron_posting")

    @worker
    def _start_if_due(self, company_and_day):
        company, last = company_and_day
        with door(self.env):
            if self._is_due(company, None, last, is_scheduled=True):
                self._start_scheduled(company, last)

    def _start_scheduled(self, company, last):
        """Start a run, or start the last one again if it did not come to its end."""
        unfinished = self.search(
            [("company_id", "=", company.id), ("is_scheduled", "=", True), ("state", "!=", "done")], limit=1
        )
        if unfinished:
            unfinished.write({"date_to": last, "state": "waiting"})
        else:
            self._start(company, None, last, is_scheduled=True)

    @api.model
    def _cron_work(self):
        """Go on with the runs that wait, and with those that a process left unfinished."""
        left = fields.Datetime.subtract(fields.Datetime.now(), minutes=LEFT_MINUTES)
        postings = self.search(
            ["|", ("state", "=", "waiting"), "&", ("state", "=", "running"), ("moved_at", "<", left)], order="id"
        )
        each(self.env, postings, self._work)

    @worker
    def _work(self, posting):
        if not posting._run(CRON_SECONDS):
            with door(self.env):
                wake(self.env, "ir_cron_posting")
        if posting.state == "failed":
            with door(self.env):
                posting._ask_for_help()

    # === A RUN THAT STOPPED === #
    # A run that stops in the background is somebody's task, until a run gets through.

    def _ask_for_help(self):
        """Give the run to who started it, or to finance staff; once, however often it stops."""
        self.ensure_one()
        user = self.company_id._call_wallet_finance_user(preferred=None if self.is_scheduled else self.user_id)
        if self.activity_ids:
            self.activity_ids.note = plaintext2html(self.error)
            return
        _ = telling(in_language_of(self, user, self.company_id).env)
        give_task(self, user, _("The posting has stopped"), self.error, self.company_id)

    def _end_help(self):
        """Take the task back that ``_ask_for_help`` gave: the run got through."""
        self.activity_ids.unlink()
