import logging
from datetime import timedelta

from markupsafe import Markup
from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError, UserError

from ...const import ACCOUNT_MANAGER
from ...tools.background import wake
from ...tools.clock import utcnow
from ...tools.door import door, each, worker

_logger = logging.getLogger(__name__)

# A report of more rows is made in the background: a browser would wait for it too long.
LONG_ROWS = 100_000

KEPT_DAYS = 7


class CallUsageReportJob(models.Model):
    """A long usage report that is made in the background, and kept for a week.

    One at a time, by a scheduled action; what a crash interrupted is begun again. Days are those
    of the wallet's time zone.
    """

    _name = "call.usage.report.job"
    _description = "Usage Report in the Background"
    _order = "id desc"

    wallet_id = fields.Many2one("call.wallet", required=True, readonly=True, ondelete="cascade", index=True)
    user_id = fields.Many2one("res.users", "Requested by", required=True, readonly=True, ondelete="cascade", index=True)
    date_from = fields.Date("From", readonly=True)
    date_to = fields.Date("To", readonly=True)
    format = fields.Selection([("xlsx", "Excel (XLSX)"), ("csv", "CSV")], required=True, readonly=True)
    state = fields.Selection(
        [("waiting", "Waiting"), ("running", "Being Made"), ("ready", "Ready"), ("failed", "Failed")],
        required=True,
        readonly=True,
        default="waiting",
    )
    row_count = fields.Integer("Transactions", readonly=True)
    rows_done = fields.Integer("Transactions Done", readonly=True)
    progress = fields.Float(compute="_compute_progress", help="Percent.")
    attachment_id = fields.Many2one("ir.attachment", readonly=True, ondelete="set null")
    error = fields.Char(readonly=True)

    _open = models.Index("(id) WHERE state IN ('waiting', 'running')")

    @api.depends("wallet_id", "date_from", "date_to", "format")
    def _compute_display_name(self):
        for job in self:
            days = job.date_from, job.date_to
            job.display_name = self.env["call.usage.report"]._filename(job.sudo().wallet_id, *days, job.format)

    @api.depends("row_count", "rows_done", "state")
    def _compute_progress(self):
        for job in self:
            done = 100 * job.rows_done / job.row_count if job.row_count else 0
            job.progress = 100 if job.state == "ready" else min(done, 100)

    # === ASKING === #

    def _ask(self, wallet, user, date_from, date_to, format):
        """Return the job that makes this report for ``user``: the one that waits or is being made, or else a new one.

        :param date_from: first day, a ``date`` in the wallet's time zone; None for no limit
        :param date_to: last day, included; likewise
        :raise UserError: see ``call.wallet`` ``request_usage_report``
        """
        values = {
            "wallet_id": wallet.id,
            "user_id": user.id,
            "date_from": date_from or False,
            "date_to": date_to or False,
            "format": format,
        }
        asked = [(name, "=", value) for name, value in values.items()]
        job = self.search([*asked, ("state", "in", ["waiting", "running"])], limit=1)
        if not job:
            self._check_limits(wallet, user)
            extent = self.env["call.usage.report"]._extent(wallet, date_from, date_to)
            job = self.create({**values, "row_count": extent.count})
            wake(self.env, "ir_cron_usage_report")
        return job

    def _check_limits(self, wallet, user):
        """Raise if an owner has asked for too many reports, whichever wallets they are of. Staff are not limited.

        Two requests at once about one wallet take turns.

        :raise UserError: says how many are allowed, and what to do
        """
        if user.id == SUPERUSER_ID or user.has_group(ACCOUNT_MANAGER):
            return
        # A write: of two requests at once the second one fails, is repeated, and sees the first.
        self.env.cr.execute("UPDATE call_wallet SET write_date = write_date WHERE id = %s", [wallet.id])
        _, company, mine = self.env._, wallet.company_id, [("user_id", "=", user.id)]
        most = company.call_wallet_reports_open_max
        if most and self.search_count([*mine, ("state", "in", ["waiting", "running"])], limit=most) >= most:
            raise UserError(_("Reports: %s of yours are being made, the most at once. Wait for a notice first.", most))
        most, since = company.call_wallet_reports_day_max, utcnow() - timedelta(days=1)
        if most and self.search_count([*mine, ("create_date", ">", since)], limit=most) >= most:
            raise UserError(
                _("Reports: you asked for %s in 24 hours, the most there are. Use those, or ask again later.", most)
            )

    # === MAKING === #

    @api.model
    def _cron_make(self):
        """Make the reports that wait, the oldest first."""
        jobs = self.search([("state", "in", ["waiting", "running"])], order="id")
        each(self.env, jobs, lambda job: job._make(), failed=self._not_made)

    @worker
    def _not_made(self, job, error):
        _logger.error("Usage report %s was not made.", job.id, exc_info=error)
        with door(self.env):
            job.write({"state": "failed", "error": str(error)[:500]})
        return True

    @worker
    def _make(self):
        """Make the report; between its steps no snapshot is held, and everybody sees how far it is.

        It is for whoever asked, who may have left, or lost the role, since; then nobody waits for it.
        """
        if not self._is_still_for_who_asked():
            with door(self.env):
                self.unlink()
            return
        with door(self.env):
            self.write({"state": "running", "rows_done": 0})
        report = self.env["call.usage.report"].with_context(lang=self.user_id.lang)
        asked = self.wallet_id, self.date_from, self.date_to, self.format
        with report._make(*asked, progress=self._report_progress, user=self.user_id) as file:
            content = file.read()
        name = report._filename(*asked)
        with door(self.env):
            if not self._is_still_wanted():
                return
            self.attachment_id = self.env["ir.attachment"].create(
                {"name": name, "raw": content, "res_model": self._name, "res_id": self.id}
            )
            self.state = "ready"
            self._tell()

    def _is_still_for_who_asked(self):
        wallet = self.wallet_id.with_user(self.user_id)
        try:
            wallet._permitted(ACCOUNT_MANAGER, owner=True)
        except AccessError:
            return False
        return wallet.env.su or self.user_id.active

    def _is_still_wanted(self):
        """Tell whether nothing in it was deleted while it was made, which the next start makes again; locks it."""
        self.env.cr.execute("SELECT state FROM call_usage_report_job WHERE id = %s FOR UPDATE", [self.id])
        return self.env.cr.fetchone() == ("running",)

    @api.model
    def _make_anew(self, wallets):
        """Make the reports of these wallets again that are ready: something in them has been deleted since."""
        made = self.search([("wallet_id", "in", wallets.ids), ("state", "in", ["ready", "running"])])
        if made:
            made.attachment_id.unlink()
            made.state = "waiting"
            wake(self.env, "ir_cron_usage_report")

    @worker
    def _report_progress(self, rows):
        with door(self.env):
            self.rows_done = rows

    def _tell(self):
        """Send whoever asked a notice with the link."""
        _ = self.with_context(lang=self.user_id.lang).env._
        url = f"{self.get_base_url()}{self._download_path()}"
        link = Markup('<a href="%s">%s</a>') % (url, self.attachment_id.name)
        self.env["mail.thread"].message_notify(
            partner_ids=self.user_id.partner_id.ids,
            subject=_("Your usage report is ready"),
            body=Markup("<p>%s %s</p>") % (_("It is kept for %s days:", KEPT_DAYS), link),
            model=self.wallet_id._name,
            res_id=self.wallet_id.id,
        )

    @api.autovacuum
    def _gc_reports(self):
        old = self.search([("create_date", "<", fields.Datetime.now() - timedelta(days=KEPT_DAYS))], limit=1_000)
        old.attachment_id.unlink()
        old.unlink()
        # With a user who is deleted go their reports, by the database, which knows nothing of files.
        files = self.env["ir.attachment"].search([("res_model", "=", self._name)])
        known = set(self.browse(files.mapped("res_id")).exists().ids)
        files.filtered(lambda file: file.res_id not in known).unlink()

    # === DOWNLOAD === #

    def _download_path(self):
        return f"/call_wallet/usage_report/job/{self.id}"

    def action_download(self):
        """Download the report.

        :raise UserError: it is not ready
        :raise AccessError: somebody else's, or no longer an owner of the wallet
        """
        self.ensure_one()
        self.check_access("read")
        self.sudo().wallet_id.with_user(self.env.user)._permitted(ACCOUNT_MANAGER, owner=True)
        if self.state != "ready":
            raise UserError(self.env._("The report is not ready yet; a notice with the link will follow."))
        return {"type": "ir.actions.act_url", "url": self._download_path(), "target": "download"}
