from contextlib import contextmanager
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ...const import CALL_TYPES, DIRECTIONS, FINANCE, FINANCE_MANAGER
from ...tools.fields import Amount
from ...tools.rights import refuse_move_to_others
from .call_rate_import_sql import (
    ADD,
    CLOSE,
    CLOSE_MISSING,
    COMPARE,
    LATER,
    MISSING,
    OTHER_SUMS,
    REMOVE_UNUSED,
    RENAME,
    RENAME_BACK,
    REOPEN,
    REPEATED,
    SUMS,
    TOUCHED,
    WITHDRAW,
    WITHDRAW_USED,
)

MAX_ERRORS = 1_000
SAMPLE = 40
NAMED = 5
# A file that nobody imported is forgotten after a day. What an import changed line by line is kept for as long as a
# mistake in prices may take to be found; its counts stay for good.
DRAFT_KEPT = timedelta(days=1)
UNDO_KEPT = timedelta(days=90)
# What people say of a file; everything else the methods find out.
SAID = {
    "plan_id",
    "file",
    "filename",
    "call_type",
    "direction",
    "valid_from",
    "close_missing",
    "replace_later",
    "column_ids",
}
STATES = [
    ("choose", "File"),
    ("columns", "Columns"),
    ("previewed", "Preview"),
    ("applied", "Imported"),
    ("undone", "Undone"),
]
KINDS = [
    ("new", "New"),
    ("changed", "Changed"),
    ("renamed", "Renamed"),
    ("missing", "Missing from the file"),
    ("later", "Starts later"),
]


class CallRateImport(models.Model):
    """A price list that is loaded into a rate plan: see what would change, apply it, and undo it.

    The file is read into a table and compared in the database, so a deck of hundreds of
    thousands of prefixes takes seconds and little memory. Nothing changes in the plan
    before Apply; Apply closes the old rates when the new ones begin, and edits no price. An old
    rate that began at the same moment ends there too: it is kept, and never in force.
    New rates have no end. What it did is kept for 90 days, so that it can be undone as a whole while every rate is as
    it left it. Calls keep the price at which they were charged, whatever is applied or undone.
    Prices are in the plan's currency, 6 places. Times are stored in UTC; a time in the file that
    gives no offset is in the user's time zone, as the times on this form and on a rate's are.
    """

    _name = "call.rate.import"
    _description = "Rate Import"
    _order = "id desc"
    _rec_name = "filename"

    plan_id = fields.Many2one(
        "call.rate.plan",
        "Rate Plan",
        required=True,
        ondelete="cascade",
        default=lambda self: self._default_plan(),
    )
    file = fields.Binary(attachment=False, help="CSV or XLSX with a header line.")
    filename = fields.Char()
    call_type = fields.Selection(CALL_TYPES, required=True, default="live")
    direction = fields.Selection(DIRECTIONS, required=True, default="outbound")
    valid_from = fields.Datetime(
        required=True, default=fields.Datetime.now, help="For the lines that say nothing else in their valid_from."
    )
    close_missing = fields.Boolean(
        "Close Missing Rates", help="Rates of the plan that are not in the file end when the new ones begin."
    )
    replace_later = fields.Boolean(
        "Replace Later Rates",
        help="Rates of the same prefixes that begin after the new ones would take over from them; withdraw these.",
    )
    tz = fields.Char("Time Zone", compute="_compute_tz", help="Of the times on this form and in the file.")
    state = fields.Selection(STATES, default="choose", readonly=True, copy=False)
    deck_version = fields.Integer(readonly=True, copy=False)
    applied_at = fields.Datetime("Imported On", readonly=True, copy=False)
    applied_by_id = fields.Many2one("res.users", "Imported By", readonly=True, copy=False)
    undone_at = fields.Datetime("Undone On", readonly=True, copy=False)
    undone_by_id = fields.Many2one("res.users", readonly=True, copy=False)
    trace = fields.Json(readonly=True, copy=False, prefetch=False, help="What Undo has to know of each rate.")
    can_undo = fields.Boolean(compute="_compute_can_undo")
    company_id = fields.Many2one(related="plan_id.company_id")
    closed_count = fields.Integer("Ended", readonly=True, copy=False)
    line_count = fields.Integer("Lines", readonly=True, copy=False, help="Of the file, each with one prefix or more.")
    prefix_count = fields.Integer("Prefixes", readonly=True, copy=False)
    new_count = fields.Integer("New", readonly=True, copy=False)
    changed_count = fields.Integer("Changed", readonly=True, copy=False)
    renamed_count = fields.Integer("Renamed", readonly=True, copy=False)
    unchanged_count = fields.Integer("Unchanged", readonly=True, copy=False)
    missing_count = fields.Integer("Missing from the File", readonly=True, copy=False)
    later_count = fields.Integer("Start Later", readonly=True, copy=False)
    error_count = fields.Integer("Errors", readonly=True, copy=False)
    is_backdated = fields.Boolean(compute="_compute_is_backdated")
    up_count = fields.Integer("Dearer", readonly=True, copy=False)
    down_count = fields.Integer("Cheaper", readonly=True, copy=False)
    up_percent = Amount("Dearer by %", readonly=True, copy=False, aggregator=None, help="On average.")
    down_percent = Amount("Cheaper by %", readonly=True, copy=False, aggregator=None, help="On average.")
    up_most = fields.Json("Dearest", readonly=True, copy=False)
    down_most = fields.Json("Cheapest", readonly=True, copy=False)
    fee_up_count = fields.Integer("Higher Connection Fee", readonly=True, copy=False)
    fee_down_count = fields.Integer("Lower Connection Fee", readonly=True, copy=False)
    terms_count = fields.Integer("Other Terms", readonly=True, copy=False)
    sums = fields.Text(compute="_compute_sums", help="What changes, in sums.")
    warnings = fields.Text(compute="_compute_warnings", help="What may be a mistake in the file.")
    last_month = fields.Json(
        readonly=True,
        copy=False,
        prefetch=False,
        groups="base.group_system",
        help="What its calls would have cost, and the companies whose calls these were.",
    )
    last_month_told = fields.Text("Last Month by These Prices", compute="_compute_last_month_told")
    header_line = fields.Integer(readonly=True, copy=False)
    column_ids = fields.One2many("call.rate.import.column", "import_id", "Columns")
    error_ids = fields.One2many("call.rate.import.error", "import_id", "Errors by Line", readonly=True)
    sample_ids = fields.Many2many("call.rate.import.line", string="Changes", compute="_compute_sample_ids")

    def _default_plan(self):
        context = self.env.context
        return context.get("active_id") if context.get("active_model") == "call.rate.plan" else False

    @api.depends_context("tz", "uid")
    def _compute_tz(self):
        self.tz = str(self.env.tz)

    @api.depends("valid_from")
    def _compute_is_backdated(self):
        an_hour_ago = fields.Datetime.now() - timedelta(hours=1)
        for wizard in self:
            wizard.is_backdated = bool(wizard.valid_from and wizard.valid_from < an_hour_ago)

    @api.depends("state", "new_count", "changed_count", "missing_count", "error_count")
    def _compute_sample_ids(self):
        for wizard in self:
            wizard.sample_ids = wizard._changes(limit=SAMPLE)

    def _changes(self, limit=None):
        domain = [("import_id", "in", self.ids)]
        return self.env["call.rate.import.line"].search(domain, order="kind, id", limit=limit)

    @api.depends("state", "applied_at")
    def _compute_can_undo(self):
        since = fields.Datetime.now() - UNDO_KEPT
        for one in self:
            one.can_undo = one.state == "applied" and bool(one.applied_at) and one.applied_at > since

    @api.model_create_multi
    def create(self, vals_list):
        """Begin imports.

        :raise AccessError: with something that is found out, such as who imported it
        """
        for vals in vals_list:
            self._check_said(vals)
        return super().create(vals_list)

    def write(self, vals):
        """Say something else of a file that is not imported yet; it is to be previewed again.

        :raise AccessError: something that is found out, such as who imported it
        :raise UserError: it is imported
        """
        self._check_said(vals)
        if not self.env.su and any(one.state not in ("choose", "columns") for one in self):
            raise UserError(self.env._("Choose the file again to change what is imported."))
        result = super().write(vals)
        if "plan_id" in vals:
            refuse_move_to_others(self, self.sudo().plan_id.company_id)
        return result

    def _check_said(self, vals):
        if not self.env.su and vals.keys() - SAID:
            self._refuse_to_write()
        if not isinstance(vals.get("file") or "", (str, bytes)):
            raise UserError(self.env._("File: send its content as base64 text."))

    def _refuse_to_write(self):
        raise AccessError(self.env._("What an import found and did is not written by people."))

    def _note(self, vals):
        # As superuser: these fields are not written by people.
        self.sudo().write(vals)

    @api.autovacuum
    def _gc_imports(self):
        """Forget files that nobody imported, and the lines of those imported long ago."""
        now = fields.Datetime.now()
        self.search(
            [("state", "not in", ("applied", "undone")), ("write_date", "<", now - DRAFT_KEPT)], limit=1_000
        ).unlink()
        for old in self.search([("trace", "!=", False), ("applied_at", "<", now - UNDO_KEPT)], limit=100):
            old._clear()
            old.trace = False

    # === ACTIONS === #

    def action_continue(self):
        """Look at the headings: preview the file where they say for sure what they are, else show what is guessed.

        They are sure as well where they were said for the plan's last file.

        :raise UserError: not a CSV or XLSX file
        :raise AccessError: not finance staff
        """
        self._check_allowed()
        self._check_open()
        is_sure = self._guess_columns()
        if is_sure:
            return self.action_preview()
        self._note({"state": "columns"})
        return True

    def action_choose_columns(self):
        """Return from the preview to what the columns are."""
        self._check_allowed()
        self._check_open()
        self._clear()
        if not self.column_ids:
            self._guess_columns()
        self._note({"state": "columns"})
        return True

    def action_preview(self):
        """Read the file and compare it with the plan; the plan does not change.

        What it finds stands in the record: counts, the errors by line with the fix, and the changes.

        :raise UserError: not a CSV or XLSX file, or a header that cannot be understood
        :raise AccessError: not finance staff
        """
        self._check_allowed()
        self._check_open()
        if not self.file:
            raise UserError(self.env._("File: choose a CSV or XLSX file."))
        columns = self._chosen_columns()
        self._clear()
        self._note({"deck_version": self.plan_id.deck_version})
        self._read_file(columns)
        self._compare()
        self._note({"state": "previewed", "last_month": False, **self._find_sums()})
        return True

    def action_apply(self):
        """Close the rates that change, add the new ones; one step, all or nothing.

        :raise UserError: not previewed, lines with errors, or the plan changed since the preview
        :raise AccessError: not finance staff
        """
        self._check_allowed()
        self._lock()
        if self.state == "applied":
            return True  # a second click, or a colleague's
        self._check_previewed()
        self._apply()
        return True

    def _check_previewed(self):
        if self.state != "previewed":
            raise UserError(self.env._("Preview the file first."))
        if self.error_count:
            raise UserError(self.env._("File: mend the lines with errors and preview it again; nothing was changed."))
        if self.plan_id.deck_version != self.deck_version:
            raise UserError(self.env._("The plan's rates changed since the preview; preview the file again."))

    def action_undo(self):
        """Put the plan back as it was before this import; one step, all or nothing.

        Rates that it ended go on, those that it added go; one by which a call was charged is kept, and never in
        force. No charge changes.

        :raise UserError: not imported, too long ago, or a rate is not as the import left it; the prefixes are named
        :raise AccessError: not a finance manager
        """
        self._check_allowed(FINANCE_MANAGER)
        self._lock()
        if self.state == "undone":
            return True
        if not self.can_undo:
            raise UserError(self.env._("Only an import of the last %s days can be undone.", UNDO_KEPT.days))
        self._check_untouched()
        self._undo()
        return True

    def _lock(self):
        """Wait for whoever imports into the same plan, or undoes, at this moment."""
        self.env.flush_all()
        self.env.cr.execute("SELECT FROM call_rate_plan WHERE id = %s FOR UPDATE", [self.plan_id.id])
        self.env.invalidate_all()

    def action_back(self):
        """Return to the choice of the file."""
        self._check_allowed()
        self._check_open()
        self._clear()
        self._note({"state": "choose"})
        return True

    def action_download_faulty(self):
        """Return the action that downloads the faulty lines, to be corrected."""
        self._check_allowed()
        return {"type": "ir.actions.act_url", "url": f"/call_wallet/rate_import/{self.id}/faulty", "target": "download"}

    def action_view_changes(self):
        """Return the action that lists every line that changes something."""
        self._check_allowed()
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("call_wallet.action_call_rate_import_line")
        action["domain"] = [("import_id", "=", self.id)]
        return action

    def _check_allowed(self, group=FINANCE):
        self.ensure_one()
        if not (self.env.su or self.env.user.has_group(group)):
            raise AccessError(
                self.env._("Only finance staff may import rates.")
                if group == FINANCE
                else self.env._("Only finance managers may undo an import of rates.")
            )
        self.check_access("write")
        self.plan_id.check_access("write")

    def _check_open(self):
        if self.state in ("applied", "undone"):
            raise UserError(self.env._("The file is imported; begin another import."))

    # === COMPARE === #

    def _compare(self):
        """Find out what each line does to the plan, and keep those that change something."""
        cr, known = self.env.cr, self._known()
        cr.execute("ANALYZE call_rate_import_file")
        cr.execute(REPEATED)
        repeated = cr.fetchall()
        self._add_errors(
            (line, "prefix", prefix, self.env._("The same prefix is on line %s; keep one of them.", first))
            for line, prefix, first in repeated[: max(MAX_ERRORS - self.error_count, 0)]
        )
        self.env.flush_all()
        cr.execute("SELECT count(DISTINCT line), count(*) FROM call_rate_import_file")
        lines, prefixes = cr.fetchone()
        counts = {}
        with self._joined_in_bulk():
            for query in (COMPARE, MISSING, LATER):
                cr.execute(query, known)
                counts.update(cr.fetchall())
        cr.execute("DROP TABLE call_rate_import_file")
        self.env.invalidate_all()
        found = {f"{kind}_count": counts.get(kind, 0) for kind, _label in KINDS}
        unchanged = prefixes - sum(found[f"{kind}_count"] for kind in ("new", "changed", "renamed"))
        counts = {"line_count": lines, "prefix_count": prefixes, "error_count": self.error_count + len(repeated)}
        self._note({**found, **counts, "unchanged_count": unchanged})

    def _find_sums(self):
        self.env.cr.execute(SUMS, [self.id])
        found = {way: {"count": 0, "percent": 0, "most": False} for way in ("up", "down")}
        for is_up, count, percent, [most] in self.env.cr.fetchall():
            found["up" if is_up else "down"] = {"count": count, "percent": percent or 0, "most": most}
        self.env.cr.execute(OTHER_SUMS, [self.id])
        [others] = self.env.cr.dictfetchall()
        return {f"{way}_{name}": value for way, sums in found.items() for name, value in sums.items()} | others

    @contextmanager
    def _joined_in_bulk(self):
        """Have the database join whole tables for a while.

        Of a deck that has just been loaded it has no statistics yet; it would take it for
        small and look for each of 100,000 lines among 100,000 rates.
        """
        # Where two tables cannot be joined otherwise, the cost looks enormous, and compiling takes seconds.
        self.env.cr.execute("SET LOCAL enable_nestloop = off; SET LOCAL jit = off")
        yield
        self.env.cr.execute("SET LOCAL enable_nestloop = on; SET LOCAL jit TO DEFAULT")

    def _known(self):
        return {
            "import": self.id,
            "plan": self.plan_id.id,
            "call_type": self.call_type,
            "direction": self.direction,
            "valid_from": self.valid_from,
            "uid": self.env.uid,
            "close_missing": self.close_missing,
            "replace_later": self.replace_later,
        }

    # === APPLY === #

    def _apply(self):
        closed = self._change_rates()
        self.plan_id._touch()
        now = fields.Datetime.now()
        done = {"state": "applied", "applied_at": now, "applied_by_id": self.env.uid, "closed_count": closed}
        self._note({**done, "file": False})
        self.plan_id.message_post(
            body=self.env._(
                "Rates imported from %(file)s, valid from %(valid_from)s UTC: %(new)s new, %(changed)s changed, "
                "%(unchanged)s unchanged; %(closed)s old rates closed.",
                file=self.filename or self.env._("a file"),
                valid_from=self.valid_from,
                new=self.new_count,
                changed=self.changed_count,
                unchanged=self.unchanged_count + self.renamed_count,
                closed=closed,
            )
        )

    def _change_rates(self):
        """End and add rates as previewed; return how many ended. Nobody is told that the plan has changed."""
        cr, known, closed = self.env.cr, self._known(), 0
        with self._joined_in_bulk():
            for query in (CLOSE, CLOSE_MISSING, WITHDRAW):
                cr.execute(query, known)
                closed += cr.fetchone()[0]
            cr.execute(ADD, known)
            cr.execute(RENAME, known)
        self.env.invalidate_all()
        return closed

    # === UNDO === #

    def _check_untouched(self):
        with self._joined_in_bulk():
            self.env.cr.execute(TOUCHED, self._known())
            found = self.env.cr.fetchall()
        prefixes = [prefix or self.env._("any number") for (prefix,) in found]
        if prefixes:
            raise UserError(
                self.env._(
                    "%(count)s rates were edited, deleted or imported anew since: %(prefixes)s. Undo the later import "
                    "first, or correct these rates by hand.",
                    count=len(prefixes),
                    prefixes=", ".join(prefixes[:NAMED]) + (", ..." if len(prefixes) > NAMED else ""),
                )
            )

    def _undo(self):
        with self._joined_in_bulk():
            for query in (WITHDRAW_USED, REMOVE_UNUSED, REOPEN, RENAME_BACK):
                self.env.cr.execute(query, self._known())
        self.env.invalidate_all()
        self.plan_id._touch()
        self._note({"state": "undone", "undone_at": fields.Datetime.now(), "undone_by_id": self.env.uid})
        self.plan_id.message_post(
            body=self.env._(
                "The import of rates from %s was undone: the plan is as it was before. Charges stay.",
                self.filename or self.env._("a file"),
            )
        )
