import base64
import re
from contextlib import contextmanager
from datetime import timedelta
from zoneinfo import ZoneInfo

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL
from odoo.tools.misc import get_lang

from ..const import CALL_TYPES, DIRECTIONS, FINANCE
from ..tools.fields import notation
from ..tools.rate_deck import UnreadableDeck, read_deck
from ..tools.sentence import translated
from ..tools.sql import array
from .call_rate_import_sql import (
    ADD,
    CLOSE,
    CLOSE_MISSING,
    COMPARE,
    FILE,
    LATER,
    MISSING,
    RENAME,
    REPEATED,
    STAGE,
    WITHDRAW,
)

BATCH = 5_000
MAX_ERRORS = 1_000
SAMPLE = 40
KINDS = [
    ("new", "New"),
    ("changed", "Changed"),
    ("renamed", "Renamed"),
    ("missing", "Missing from the file"),
    ("later", "Starts later"),
]


class CallRateImport(models.TransientModel):
    """Load a price list into a rate plan: see what would change, then apply it.

    The file is read into a table and compared in the database, so a deck of hundreds of
    thousands of prefixes takes seconds and little memory. Nothing changes in the plan
    before Apply; Apply closes the old rates when the new ones begin, and edits no price. An old
    rate that began at the same moment ends there too: it is kept, and never in force.
    New rates have no end.
    Prices are in the plan's currency, 6 places. Times are stored in UTC; a time in the file that
    gives no offset is in the user's time zone, as the times on this form and on a rate's are.
    """

    _name = "call.rate.import"
    _description = "Rate Import"

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
    state = fields.Selection([("choose", "File"), ("previewed", "Preview"), ("applied", "Applied")], default="choose")
    deck_version = fields.Integer()
    line_count = fields.Integer("Lines")
    new_count = fields.Integer("New")
    changed_count = fields.Integer("Changed")
    renamed_count = fields.Integer("Renamed")
    unchanged_count = fields.Integer("Unchanged")
    missing_count = fields.Integer("Missing from the File")
    later_count = fields.Integer("Start Later")
    error_count = fields.Integer("Errors")
    is_backdated = fields.Boolean(compute="_compute_is_backdated")
    error_ids = fields.One2many("call.rate.import.error", "import_id", "Errors by Line")
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

    # === ACTIONS === #

    def action_preview(self):
        """Read the file and compare it with the plan; the plan does not change.

        :return: the action that shows the result in the same window: counts, the errors by
            line with the fix, and the changes
        :raise UserError: not a CSV or XLSX file, or a header that cannot be understood
        :raise AccessError: not finance staff
        """
        self._check_allowed()
        if not self.file:
            raise UserError(self.env._("File: choose a CSV or XLSX file."))
        self._clear()
        self.deck_version = self.plan_id.deck_version
        self._read_file()
        self._compare()
        self.state = "previewed"
        return self._reopen()

    def action_apply(self):
        """Close the rates that change, add the new ones; one step, all or nothing.

        :raise UserError: not previewed, lines with errors, or the plan changed since the preview
        :raise AccessError: not finance staff
        """
        self._check_allowed()
        if self.state != "previewed":
            raise UserError(self.env._("Preview the file first."))
        if self.error_count:
            raise UserError(self.env._("File: mend the lines with errors and preview it again; nothing was changed."))
        self.env.flush_all()
        # Two people at once: the second one waits, and then learns that the plan has changed.
        self.env.cr.execute("SELECT deck_version FROM call_rate_plan WHERE id = %s FOR UPDATE", [self.plan_id.id])
        if self.env.cr.fetchone()[0] != self.deck_version:
            raise UserError(self.env._("The plan's rates changed since the preview; preview the file again."))
        self._apply()
        self.state = "applied"
        return {"type": "ir.actions.act_window_close"}

    def action_back(self):
        """Return to the choice of the file."""
        self._check_allowed()
        self._clear()
        self.state = "choose"
        return self._reopen()

    def action_view_changes(self):
        """Return the action that lists every line that changes something."""
        self._check_allowed()
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("call_wallet.action_call_rate_import_line")
        action["domain"] = [("import_id", "=", self.id)]
        return action

    def _reopen(self):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Import Rates"),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
        }

    def _check_allowed(self):
        self.ensure_one()
        if not (self.env.su or self.env.user.has_group(FINANCE)):
            raise AccessError(self.env._("Only finance staff may import rates."))
        self.plan_id.check_access("write")

    # === READ === #

    def _clear(self):
        self.env.flush_all()
        for table in ("call_rate_import_line", "call_rate_import_error"):
            self.env.cr.execute(SQL("DELETE FROM %s WHERE import_id = %s", SQL.identifier(table), self.id))
        self.env.invalidate_all()

    def _decoded_file(self):
        try:
            return base64.b64decode(self.file)
        except ValueError:
            raise UserError(self.env._("File: it did not arrive whole; choose it again.")) from None

    def _read_file(self):
        """Bring the file's lines into a table of this transaction, a batch at a time; note the errors."""
        self.env.cr.execute("DROP TABLE IF EXISTS call_rate_import_file")
        self.env.cr.execute(FILE)
        rows, errors, error_count = [], [], 0
        try:
            for item in read_deck(self._decoded_file(), ZoneInfo(self.tz), notation(self.env), self._day_first()):
                if item.errors:
                    error_count += len(item.errors)
                    errors += item.errors[: MAX_ERRORS - len(errors)]
                else:
                    rows.append(item.values)
                    if len(rows) == BATCH:
                        self._stage(rows)
                        rows = []
        except UnreadableDeck as unreadable:
            raise UserError(self.env._("File: %s", translated(self.env, unreadable.sentence))) from None
        self._stage(rows)
        self._add_errors(
            (error.line, error.column, error.value, translated(self.env, error.sentence)) for error in errors
        )
        self.error_count = error_count

    def _day_first(self):
        """Return which of day and month comes first in the reader's language: ``"d"`` or ``"m"``."""
        return "d" if re.search("%[dm]", get_lang(self.env).date_format)[0] == "%d" else "m"

    def _stage(self, rows):
        if rows:
            self.env.cr.execute(STAGE, [self.valid_from, *(array(column) for column in zip(*rows, strict=True))])

    def _add_errors(self, errors):
        self.env["call.rate.import.error"].create(
            [
                {"import_id": self.id, "line": line, "column": column, "value": value, "message": message}
                for line, column, value, message in errors
            ]
        )

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
        cr.execute("SELECT count(*) FROM call_rate_import_file")
        [lines] = cr.fetchone()
        counts = {}
        with self._joined_in_bulk():
            for query in (COMPARE, MISSING, LATER):
                cr.execute(query, known)
                counts.update(cr.fetchall())
        cr.execute("DROP TABLE call_rate_import_file")
        self.env.invalidate_all()
        self.write({f"{kind}_count": counts.get(kind, 0) for kind, _label in KINDS})
        self.unchanged_count = lines - self.new_count - self.changed_count - self.renamed_count
        self.line_count = lines
        self.error_count += len(repeated)

    @contextmanager
    def _joined_in_bulk(self):
        """Have the database join whole tables for a while.

        Of a deck that has just been loaded it has no statistics yet; it would take it for
        small and look for each of 100,000 lines among 100,000 rates.
        """
        self.env.cr.execute("SET LOCAL enable_nestloop = off")
        yield
        self.env.cr.execute("SET LOCAL enable_nestloop = on")

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
        cr, known = self.env.cr, self._known()
        closed = 0
        with self._joined_in_bulk():
            for query in (CLOSE, CLOSE_MISSING, WITHDRAW):
                cr.execute(query, known)
                closed += cr.rowcount
            cr.execute(ADD, known)
            cr.execute(RENAME, known)
        self.env.invalidate_all()
        self.plan_id._touch()
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
