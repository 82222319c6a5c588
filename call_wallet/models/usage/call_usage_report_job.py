import hashlib
import logging
import shutil
from datetime import timedelta
from pathlib import Path

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
# Of these an owner may have so many at once.
OPEN = ("waiting", "running")


class NotWanted(Exception):
    """The report that is being made was cancelled, or something in it was deleted."""


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
        [
            ("waiting", "Waiting"),
            ("running", "Being Made"),
            ("ready", "Ready"),
            ("failed", "Failed"),
            ("cancelled", "Cancelled"),
        ],
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
        # A write: of two requests at once the second one fails, is repeated, and sees the first.
        self.env.cr.execute("UPDATE call_wallet SET write_date = write_date WHERE id = %s", [wallet.id])
        asked = [(name, "=", value) for name, value in values.items()]
        job = self.search([*asked, ("state", "in", OPEN)], limit=1)
        if not job:
            self._check_limits(wallet, user)
            extent = self.env["call.usage.report"]._extent(wallet, date_from, date_to)
            job = self.create({**values, "row_count": extent.count})
            wake(self.env, "ir_cron_usage_report")
        return job

    def _check_limits(self, wallet, user):
        """Raise if an owner has asked for too many reports, whichever wallets they are of. Staff are not limited.

        :raise UserError: says how many are allowed, and what to do
        """
        if user.id == SUPERUSER_ID or user.has_group(ACCOUNT_MANAGER):
            return
        _, company, mine = self.env._, wallet.company_id, [("user_id", "=", user.id)]
        most = company.call_wallet_reports_open_max
        if most and self.search_count([*mine, ("state", "in", OPEN)], limit=most) >= most:
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
        jobs = self.search([("state", "in", OPEN)], order="id")
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
            if self._locked_state() not in OPEN:
                return
            self.write({"state": "running", "rows_done": 0})
        report = self.env["call.usage.report"].with_context(lang=self.user_id.lang)
        asked = self.wallet_id, self.date_from, self.date_to, self.format
        try:
            file = report._make(*asked, progress=self._report_progress, user=self.user_id)
        except NotWanted:
            return
        with file, door(self.env):
            if self._locked_state() == "running":
                self.attachment_id = self._keep(file, report._filename(*asked))
                self.state = "ready"
                self._tell()

    def _is_still_for_who_asked(self):
        wallet = self.wallet_id.with_user(self.user_id)
        try:
            wallet._permitted(ACCOUNT_MANAGER, owner=True)
        except AccessError:
            return False
        return wallet.env.su or self.user_id.active

    def _locked_state(self):
        """Return the state as everybody sees it, None where the job was deleted; whoever changes it waits."""
        self.env.cr.execute("SELECT state FROM call_usage_report_job WHERE id = %s FOR UPDATE", [self.id])
        row = self.env.cr.fetchone()
        return row and row[0]

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
            is_wanted = self._locked_state() == "running"
            if is_wanted:
                self.rows_done = rows
        if not is_wanted:
            # Cancelled; or something in it was deleted, and the next start makes it again.
            raise NotWanted

    def _keep(self, file, name):
        """Return an attachment with the content of an open file.

        Odoo takes an attachment's content as one piece in memory, and the words of a CSV into the database as well.
        So where attachments are files, this one is copied to its place.
        """
        values = {"name": name, "res_model": self._name, "res_id": self.id}
        attachments = self.env["ir.attachment"]
        if attachments._storage() != "file":
            return attachments.create({**values, "raw": file.read()})
        # First the row: while its transaction is open, no file is cleared away.
        attachment = attachments.create(values)
        checksum = hashlib.file_digest(file, "sha1").hexdigest()
        size, place = file.tell(), f"{checksum[:2]}/{checksum}"
        path = Path(attachments._full_path(place))
        attachments._mark_for_gc(place)
        if not path.exists() or path.stat().st_size != size:
            path.parent.mkdir(parents=True, exist_ok=True)
            file.seek(0)
            with path.open("wb") as target:
                shutil.copyfileobj(file, target, 1 << 20)
        attachment.flush_recordset()
        self.env.cr.execute(
            "UPDATE ir_attachment SET store_fname = %s, checksum = %s, file_size = %s WHERE id = %s",
            [place, checksum, size, attachment.id],
        )
        attachment.invalidate_recordset()
        return attachment

    def _tell(self):
        """Send whoever asked a notice with the link."""
        _ = self.with_context(lang=self.user_id.lang).env._
        url = f"{self.get_base_url()}{self._download_path()}"
        link = Markup('<a href="%s">%s</a>') % (url, self.attachment_id.name)
        self.env["mail.thread"].message_notify(
            partner_ids=self.user_id.partner_id.ids,
            subject=_("Usage report of %s is ready", self.wallet_id.partner_id.name),
            body=Markup("<p>%s %s</p>") % (_("It is kept for %s days:", KEPT_DAYS), link),
            model=self.wallet_id._name,
            res_id=self.wallet_id.id,
            email_layout_xmlid="call_wallet.mail_layout",
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

    # === WHAT WHO ASKED CAN DO === #

    def action_cancel(self):
        """Give up reports that wait or are being made; those that are ready stay.

        :raise AccessError: somebody else's, or no longer an owner of the wallet
        """
        self._check_mine()
        with door(self.env):
            self.env.cr.execute(
                """
                UPDATE call_usage_report_job SET state = 'cancelled'
                 WHERE id = ANY(%s) AND state IN ('waiting', 'running')
                """,
                [self.ids],
            )
            self.invalidate_recordset(["state"])
        return True

    def _check_mine(self):
        self.check_access("read")
        self.sudo().wallet_id.with_user(self.env.user)._permitted(ACCOUNT_MANAGER, owner=True)

    def _download_path(self):
        return f"/call_wallet/usage_report/job/{self.id}"

    def action_download(self):
        """Download the report.

        :raise UserError: it is not ready
        :raise AccessError: somebody else's, or no longer an owner of the wallet
        """
        self.ensure_one()
        self._check_mine()
        if self.state != "ready":
            raise UserError(self.env._("The report is not ready yet; a notice with the link will follow."))
        return {"type": "ir.actions.act_url", "url": self._download_path(), "target": "download"}
