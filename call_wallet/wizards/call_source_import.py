import base64
from itertools import islice

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import split_every

from ..const import FINANCE
from ..models.source_files.preview import Preview
from ..tools.background import wake
from ..tools.door import door
from ..tools.rights import as_superuser, refuse_all_but
from ..tools.sentence import translated
from ..tools.sources import KINDS
from ..tools.sources.event import Unusable
from ..tools.sources.files import READERS, columns

BATCH = 1_000
SAMPLE, PROBLEMS = 20, 30
# Lines that somebody waits for; what comes after them is looked at by the import.
MOST_LINES = 100_000
OUTCOMES = [
    ("new", "New"),
    ("known", "Known Already"),
    ("unassigned", "Without Wallet"),
    ("faulty", "Not Usable"),
    ("skipped", "Left Out"),
]


class CallSourceImport(models.TransientModel):
    """Import a file of call records: see what would be charged, then have it charged in the background."""

    _name = "call.source.import"
    _description = "Import of Call Records"

    source_id = fields.Many2one(
        "call.source", required=True, ondelete="cascade", domain=[("kind", "in", list(READERS))]
    )
    kind = fields.Selection(related="source_id.kind")
    tz = fields.Selection(related="source_id.tz")
    file = fields.Binary(attachment=False, help="CSV or JSON; not XLSX.")
    filename = fields.Char()
    file_id = fields.Many2one("call.source.file", "File as Read", readonly=True, ondelete="set null")
    state = fields.Selection([("choose", "File"), ("previewed", "Preview")], default="choose")
    line_count = fields.Integer("Lines", readonly=True)
    is_partial = fields.Boolean(readonly=True, help="The preview is of the first 100,000 lines.")
    new_count = fields.Integer("New", readonly=True)
    known_count = fields.Integer("Known Already", readonly=True)
    unassigned_count = fields.Integer("Without Wallet", readonly=True)
    faulty_count = fields.Integer("Not Usable", readonly=True)
    skipped_count = fields.Integer("Left Out", readonly=True)
    line_ids = fields.One2many("call.source.import.line", "import_id", "Lines to See", readonly=True)

    def action_preview(self):
        """Read the file and show what importing it would do; nothing is charged.

        :return: the action that shows it in the same window
        :raise UserError: nothing of the file can be read, or it was imported already
        :raise AccessError: not finance staff, or no manager where the columns are not known yet
        """
        self._check_allowed()
        if not self.file:
            raise UserError(self.env._("File: choose a file of call records, CSV or JSON."))
        try:
            content = base64.b64decode(self.file)
        except ValueError:
            raise UserError(self.env._("File: it did not arrive whole; choose it again.")) from None
        try:
            self._suggest_columns(content)
            self._preview(content)
        except Unusable as error:
            raise UserError(translated(self.env, error.sentence)) from None
        return self._reopen()

    def action_import(self):
        """Have the file imported in the background, and show how far it is.

        :raise UserError: not previewed, or not kept any more
        :raise AccessError: not finance staff
        """
        self._check_allowed()
        with door(self.env):
            file = as_superuser(self).file_id
            if not file or file._locked_state() != "draft":
                raise UserError(self.env._("Preview the file first."))
            file.state = "waiting"
            wake(self.env, "ir_cron_source_file")
        return {
            "type": "ir.actions.act_window",
            "res_model": "call.source.file",
            "res_id": file.id,
            "views": [(False, "form")],
        }

    def action_back(self):
        """Return to the choice of the file; the one that was chosen is not kept."""
        self._check_allowed()
        self._drop_file()
        self.state = "choose"
        return self._reopen()

    def _check_allowed(self):
        self.ensure_one()
        refuse_all_but(self, FINANCE)
        self.source_id.check_access("read")
        if not self.source_id.has_files:
            raise UserError(self.env._("%s has no files.", self.source_id.name))

    def _drop_file(self):
        self.line_ids.sudo().unlink()
        file = as_superuser(self).file_id
        if file.state == "draft":
            file._drop_content()
            file.unlink()

    def _suggest_columns(self, content):
        """Where nobody has said which column is which, fill in what their headings say."""
        source = self.source_id
        if source.kind != columns.KIND.name or source.column_ids:
            return
        found = columns.suggest(content, source.sudo()._file_settings())
        if not found:
            raise UserError(self.env._("Say at the call source which column is which."))
        self.env["call.source.column"].create(
            [{"source_id": source.id, "fact": fact, "column": column[:200]} for fact, column in found.items()]
        )

    def _preview(self, content):
        self._drop_file()
        source = as_superuser(self.source_id)
        name = (self.filename or "").replace("\0", "")[:200] or self.env._("a file")
        file = source.env["call.source.file"]._keep(source, name, content, origin="upload", state="draft")
        parents = frozenset()
        if KINDS[source.kind].has_legs and source.legs == "one":
            events = (line.event for line in file._read())
            parents = frozenset(event.parent_ref for event in events if event and event.parent_ref and event.is_phone)
        preview, counts, shown = Preview(source, parents), dict.fromkeys(dict(OUTCOMES), 0), []
        for batch in split_every(BATCH, islice(file._read(), MOST_LINES), list):
            for one in preview.foresee(batch):
                counts[one.outcome] += 1
                is_problem = one.outcome in ("faulty", "unassigned")
                if len(shown) < SAMPLE or (is_problem and len(shown) < SAMPLE + PROBLEMS):
                    shown.append(one)
        seen = sum(counts.values())
        file.line_count = seen if seen < MOST_LINES else max(seen, content.count(b"\n"))
        self.env["call.source.import.line"].sudo().create([self._line(one) for one in shown])
        self.write(
            {
                **{f"{outcome}_count": count for outcome, count in counts.items()},
                "line_count": file.line_count,
                "is_partial": seen == MOST_LINES,
                "file_id": file.id,
                "file": False,  # kept once, with its record
                "state": "previewed",
            }
        )

    def _line(self, one):
        payload = one.payload or {}
        started_at = payload.get("started_at")
        return {
            "import_id": self.id,
            "line": one.line,
            "outcome": one.outcome,
            "call_ref": payload.get("call_ref"),
            "number": payload.get("number"),
            "started_at": started_at and fields.Datetime.to_datetime(started_at[:19].replace("T", " ")),
            "duration_seconds": payload.get("duration_seconds") or 0,
            "status": payload.get("status"),
            "account": payload.get("account"),
            "cost": one.cost,
            "currency": one.currency,
            "reason": one.reason,
        }

    def _reopen(self):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Import Calls"),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
            "context": {"dialog_size": "extra-large"},
        }
