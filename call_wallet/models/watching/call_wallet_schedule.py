from datetime import timedelta

from dateutil.relativedelta import relativedelta
from odoo import api, fields, models

from ...tools.clock import utcnow
from ...tools.door import door, worker
from ...tools.meter import seconds_of_life
from ...tools.sentence import telling
from ...tools.task import give_task, in_language_of

# How late is late: half of the interval, within these.
LEAST_SLACK, MOST_SLACK = timedelta(minutes=15), timedelta(hours=6)
# Where the check itself was not made for so long, the server was away: the others get time to run first.
AWAY = timedelta(minutes=30)
BOOKS_EVERY_SECONDS = 3600


class CallWalletSchedule(models.Model):
    """A scheduled action of the addon, and whether it has succeeded in its time. Times are UTC."""

    _name = "call.wallet.schedule"
    _description = "Call Wallet Scheduled Action"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "id"
    _log_access = False

    cron_id = fields.Many2one("ir.cron", required=True, readonly=True, ondelete="cascade", groups="base.group_system")
    name = fields.Char(compute="_compute_health", compute_sudo=True)
    good_at = fields.Datetime("Last Good Run", compute="_compute_health", compute_sudo=True)
    due_at = fields.Datetime(
        "Due", compute="_compute_health", compute_sudo=True, help="When it is late if it has not succeeded by then."
    )
    health = fields.Selection(
        [("good", "On time"), ("late", "Late"), ("off", "Switched off")],
        compute="_compute_health",
        compute_sudo=True,
    )
    told_at = fields.Datetime(readonly=True, help="When finance got a task about it; empty: it is on time.")

    _one_per_action = models.UniqueIndex("(cron_id)", "A scheduled action is watched once.")

    def _compute_health(self):
        rows, now = {row["id"]: row for row in self._rows()}, utcnow()
        for schedule in self:
            row = rows.get(schedule.cron_id.id)
            schedule.name = schedule.cron_id.name
            schedule.good_at = row and row["good_at"]
            schedule.due_at = row and due_at(row)
            is_late = row and due_at(row) < now
            schedule.health = "late" if is_late else "good" if row and row["active"] else "off"

    @api.model
    def _rows(self):
        """Return a dict a scheduled action: ``name`` (its XML id), and what Odoo knows of it."""
        self.env["ir.cron"].flush_model()
        self.env.cr.execute(ACTIONS)
        return self.env.cr.dictfetchall()

    # === DOORS === #

    @api.model
    def _cron_check(self):
        """Give finance a task about each scheduled action that is late, once; compare the books once an hour."""
        last = self.env.context.get("lastcall")
        if not last or utcnow() - last < AWAY:
            self._check_actions()
        with door(self.env):
            self._note_books()
        self.env["call.wallet.meter"]._flush()

    @api.model
    @worker
    def _check_if_nobody_does(self):
        """Check in the name of the scheduled action where it does not run itself: none of them does then."""
        cron = self.env.ref("call_wallet.ir_cron_watch", raise_if_not_found=False)
        if seconds_of_life() > AWAY.total_seconds() and cron and utcnow() - (cron.lastcall or cron.nextcall) > AWAY:
            self._check_actions()

    @api.model
    @worker
    def _check_actions(self):
        if self.env["ir.config_parameter"].sudo().get_param("database.is_neutralized"):
            return  # nothing runs in a copy, on purpose
        with door(self.env):
            self._add_missing()
            for schedule, row in self._mine_to_check():
                schedule._tell(row) if due_at(row) < utcnow() else schedule._end()

    # === TASKS === #

    @api.model
    def _add_missing(self):
        self.env["ir.cron"].flush_model()
        self.env.cr.execute(ADD_MISSING)

    @api.model
    def _mine_to_check(self):
        """Lock the actions that nobody else is checking at this moment; return pairs of a record and its row."""
        rows = {row["id"]: row for row in self._rows()}
        self.env.cr.execute("SELECT id FROM call_wallet_schedule ORDER BY id FOR UPDATE SKIP LOCKED")
        schedules = self.sudo().browse(schedule_id for (schedule_id,) in self.env.cr.fetchall())
        schedules.invalidate_recordset()
        return [(schedule, rows[schedule.cron_id.id]) for schedule in schedules if schedule.cron_id.id in rows]

    def _tell(self, row):
        """Give somebody in finance a task, once for all of the time that it is late."""
        if self.told_at:
            return
        self.told_at = utcnow()
        company = self.env["call.wallet"].sudo().search([], order="company_id", limit=1).company_id or self.env.company
        user = company._call_wallet_finance_user()
        told = in_language_of(self, user, company)
        _ = telling(told.env)
        if not row["active"]:
            note = _("It is switched off. Have an administrator switch it on: Settings, Technical, Scheduled Actions.")
        elif row["failure_count"]:
            note = _(
                "It has failed %s times. Have an administrator look at the server's log; it is tried again by itself.",
                row["failure_count"],
            )
        else:
            note = _("It has not run. Have an administrator look whether the server runs scheduled actions.")
        give_task(told, user, _("Late: %s", told.cron_id.name), note, company)

    def _end(self):
        if self.told_at:
            self.told_at = False
            self.activity_ids.unlink()

    # === BOOKS === #

    @api.model
    def _note_books(self):
        """Keep for monitoring how many wallets differ from the general ledger: to compare them takes seconds."""
        meters = self.env["call.wallet.meter"]
        checked = meters.search([("name", "=", CHECKED)]).value
        if utcnow().timestamp() - checked < BOOKS_EVERY_SECONDS:
            return
        overview = self.env["call.wallet.overview"]
        for name in ("call_wallet_books_differing_wallets", "call_wallet_books_unfunded_wallets"):
            meters._forget(name)
        for company, last in self.env["call.wallet"]._last_days().items():
            found = overview._reconciliation(company, last)
            labels = {"company": company.id}
            meters._set("call_wallet_books_differing_wallets", found["differing"], **labels)
            meters._set("call_wallet_books_unfunded_wallets", found["unfunded"], **labels)
        meters._set(CHECKED, utcnow().timestamp())


def due_at(row):
    """Return until when a scheduled action is on time, naive UTC."""
    interval = relativedelta(**{row["interval_type"]: row["interval_number"]})
    begin = row["nextcall"]
    length = begin + interval - begin
    slack = min(max(length / 2, LEAST_SLACK), MOST_SLACK)
    if row["active"] and not row["failure_count"]:
        return begin + slack
    return (row["good_at"] or row["first_failure_date"] or begin - interval) + interval + slack


CHECKED = "call_wallet_books_checked_timestamp_seconds"
# The last good run of an action that fails is the last that began before its first failure; Odoo keeps a row of each
# run for a week.
ACTIONS = """
    SELECT c.id, d.name, c.active, c.failure_count, c.first_failure_date, c.nextcall, c.lastcall, c.interval_number,
           c.interval_type,
           CASE WHEN c.failure_count = 0 THEN c.lastcall
                ELSE (SELECT max(p.create_date) FROM ir_cron_progress p
                       WHERE p.cron_id = c.id AND p.create_date < c.first_failure_date) END AS good_at
      FROM ir_cron c
      JOIN ir_model_data d ON d.model = 'ir.cron' AND d.res_id = c.id AND d.module = 'call_wallet'
     ORDER BY d.name
"""
ADD_MISSING = """
    INSERT INTO call_wallet_schedule (cron_id)
    SELECT d.res_id FROM ir_model_data d JOIN ir_cron c ON c.id = d.res_id
     WHERE d.model = 'ir.cron' AND d.module = 'call_wallet'
     ORDER BY d.res_id
        ON CONFLICT DO NOTHING
"""
