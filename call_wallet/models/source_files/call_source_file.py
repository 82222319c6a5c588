import logging
import re
import time
import zlib
from datetime import timedelta
from hashlib import sha256
from itertools import islice
from time import monotonic

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import split_every
from odoo.tools.translate import LazyTranslate

from ...const import FINANCE
from ...tools.background import CRON_SECONDS, wake
from ...tools.clock import utcnow
from ...tools.door import door, each, worker
from ...tools.rights import as_superuser, refuse_all_but
from ...tools.sentence import translated
from ...tools.sources import KINDS
from ...tools.sources.event import Unusable
from ...tools.sources.files.lines import MAX_BYTES
from ...tools.sources.folder import FolderProblem, first_line, mark_of, open_folder, read_part
from ...tools.sql import array
from ...tools.task import in_company_language

_lt = LazyTranslate(__name__)
_logger = logging.getLogger(__name__)

BATCH = 1_000
OPEN = ("waiting", "running")
KINDS_OF_LINES = [("fault", "Not Usable"), ("unassigned", "Without Wallet"), ("note", "To Know")]
# Counted beyond, and not kept.
MOST_LINES = 20_000
# Of a growing file at once.
PART = 16_000_000
# Seconds: a file that is written as a whole is complete; a last line without its end is the last one.
STABLE, ABANDONED = 60, 600
# Of a file that was chosen and not imported.
DRAFT_KEPT = timedelta(days=1)


class CallSourceFile(models.Model):
    """A file of call records, or what was added to one, and how far it was read. Times are UTC."""

    _name = "call.source.file"
    _description = "File of Call Records"
    _order = "id desc"

    source_id = fields.Many2one("call.source", required=True, readonly=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="source_id.company_id")
    name = fields.Char(required=True, readonly=True)
    origin = fields.Selection([("upload", "Chosen"), ("folder", "Folder")], required=True, readonly=True)
    state = fields.Selection(
        [
            ("draft", "Preview"),
            ("waiting", "Waiting"),
            ("running", "Being Read"),
            ("done", "Imported"),
            ("failed", "Failed"),
            ("cancelled", "Cancelled"),
        ],
        required=True,
        readonly=True,
        default="draft",
    )
    problem = fields.Char(readonly=True)
    digest = fields.Char(required=True, readonly=True, groups="base.group_system")
    attachment_id = fields.Many2one("ir.attachment", readonly=True, ondelete="set null", groups="base.group_system")
    size = fields.Integer("Size (bytes)", readonly=True, aggregator=None)
    position = fields.Integer("Lines Read", readonly=True, help="Up to which it was imported.", aggregator=None)
    line_count = fields.Integer("Lines", readonly=True, aggregator=None)
    progress = fields.Float(compute="_compute_progress", help="Percent.")
    new_count = fields.Integer("New", readonly=True)
    known_count = fields.Integer("Known Already", readonly=True)
    waiting_count = fields.Integer("Looked At Later", readonly=True)
    unassigned_count = fields.Integer("Without Wallet", readonly=True)
    faulty_count = fields.Integer("Not Usable", readonly=True)
    skipped_count = fields.Integer("Left Out", readonly=True, help="Calls between extensions, and further tries.")
    note_count = fields.Integer("To Know", readonly=True)
    offset_end = fields.Integer(readonly=True, groups="base.group_system", aggregator=None)
    line_end = fields.Integer(readonly=True, groups="base.group_system", aggregator=None)
    mark = fields.Char(readonly=True, groups="base.group_system")
    head = fields.Char(readonly=True, groups="base.group_system")
    first_line = fields.Integer(readonly=True, default=1, groups="base.group_system", aggregator=None)
    done_at = fields.Datetime("Imported", readonly=True)
    line_ids = fields.One2many("call.source.file.line", "file_id", "Lines to Look At", readonly=True)

    _once = models.UniqueIndex("(source_id, digest)", "A file of a source is kept once.")
    _open = models.Index("(id) WHERE state IN ('waiting', 'running')")
    _name_of = models.Index("(source_id, name, id)")

    @api.depends("position", "line_count", "state")
    def _compute_progress(self):
        for file in self:
            done = 100 * file.position / file.line_count if file.line_count else 0
            file.progress = 100 if file.state == "done" else min(done, 100)

    # === KEEPING === #
    # The caller has opened a door.

    @api.model
    def _keep(self, source, name, content, **values):
        """Keep a file until it was imported; return its record. One that came before is read anew.

        :param bytes content: of the whole file, or of what was added to it
        :raise UserError: it was imported, and there was nothing wrong with it; or it is being imported
        """
        place = f"{name}\0{values.get('offset_end', '')}\0" if values.get("origin") == "folder" else ""
        digest = sha256(place.encode() + content).hexdigest()
        file = self.search([("source_id", "=", source.id), ("digest", "=", digest)])
        if not place:
            file._refuse_again()
        anew = dict.fromkeys(COUNTS, 0) | {"position": 0, "line_count": 0, "problem": False, "done_at": False}
        values = {**anew, "name": name[:200], "size": len(content), **values}
        if file:
            file.line_ids.unlink()
            file.write(values)
        else:
            file = self.create({**values, "source_id": source.id, "digest": digest})
        attachment = {
            "name": f"{file.id}.z",
            "res_model": self._name,
            "res_id": file.id,
            # Odoo keeps the words of a text once more, for its search.
            "mimetype": "application/zlib",
            "raw": zlib.compress(content, 6),
        }
        file._drop_content()
        file.attachment_id = self.env["ir.attachment"].create(attachment)
        return file

    def _refuse_again(self):
        if self.state in OPEN:
            raise UserError(self.env._("%s is being imported.", self.name))
        if self.state == "done" and not (self.faulty_count or self.unassigned_count):
            raise UserError(
                self.env._("%(name)s was imported on %(day)s already; there is nothing new in it.",
                           name=self.name, day=fields.Date.to_string(self.done_at))
            )  # fmt: skip

    def _content(self):
        """Return the file; empty where the server has lost it, as in a database that was restored without its files."""
        raw = self.attachment_id.raw
        return zlib.decompress(raw) if raw else b""

    def _drop_content(self):
        self.attachment_id.unlink()

    def _read(self):
        """Yield the ``FileLine`` of each record.

        :raise Unusable: nothing of the file can be read
        """
        source = self.source_id
        settings = source._file_settings(self.head or None, self.first_line or 1)
        return KINDS[source.kind].read_file(self._content(), settings)

    # === IMPORTING === #

    @api.model
    def _cron_import(self):
        """Import the files that wait, the oldest first; what a crash has interrupted goes on where it was."""
        files = self.search([("state", "in", OPEN)], order="id")
        each(self.env, files, self._import_file, failed=self._not_imported)

    @worker
    def _not_imported(self, file, error):
        _logger.error("File %s of call source %s was not imported.", file.id, file.source_id.id, exc_info=error)
        with door(self.env):
            file._end("failed", str(error)[:500])
        return True

    @worker
    def _import_file(self, file):
        """Import a file in batches, each in a transaction of its own; what a minute does not suffice for goes on."""
        deadline = monotonic() + CRON_SECONDS
        try:
            position = file.position
            for batch in split_every(BATCH, islice(file._read(), position, None), list):
                with door(self.env):
                    # Somebody may have started the scheduled action by hand, too: one of them goes on.
                    is_wanted = file._locked_state() in OPEN and file.position == position
                    if is_wanted:
                        file._take(batch)
                if not is_wanted:
                    return
                position += len(batch)
                if monotonic() > deadline:
                    with door(self.env):
                        wake(self.env, "ir_cron_source_file")
                    return
        except Unusable as error:
            with door(self.env):
                file._end("failed", translated(in_company_language(file.source_id).env, error.sentence))
            return
        with door(self.env):
            if file._locked_state() in OPEN and file.position == position:
                file._end("done")

    def _locked_state(self):
        """Return the state as everybody sees it; whoever changes it waits."""
        self.env.cr.execute("SELECT state FROM call_source_file WHERE id = %s FOR UPDATE", [self.id])
        row = self.env.cr.fetchone()
        self.invalidate_recordset()
        return row and row[0]

    def _end(self, state, problem=False):
        self._drop_content()
        values = {"state": state, "problem": problem, "done_at": utcnow()}
        if state == "done":
            values["line_count"] = self.position
        self.write(values)

    def _take(self, batch):
        """Take in what a batch of lines says, count it, and note what is to be looked at."""
        source = self.source_id.with_company(self.company_id)
        events = [line.event for line in batch if line.event]
        self.env.cr.execute("SELECT COALESCE(max(id), 0) FROM call_usage")
        [last_usage] = self.env.cr.fetchone()
        self.env["call.source.call"]._gather(source, events)
        self.env.cr.execute(AFTER, {"source": source.id, "refs": array(sorted({event.ref for event in events}))})
        calls = {row[0]: row[1:] for row in self.env.cr.fetchall()}
        counts, rows, told = dict.fromkeys(COUNTS, 0), [], set()
        env = in_company_language(source).env
        for line in batch:
            call = calls.get(line.event.ref) if line.event else None
            outcome = _outcome(line, call, last_usage, told)
            counts[f"{outcome}_count"] += 1
            if outcome in ("faulty", "unassigned"):
                problem = translated(env, line.problem) if line.problem else None
                kind = "fault" if outcome == "faulty" else outcome
                rows.append((line.line, kind, problem and problem[:500], call and call[0]))
            if line.note:
                counts["note_count"] += 1
                rows.append((line.line, "note", translated(env, line.note), None))
        self._note(rows)
        self.write({name: self[name] + count for name, count in counts.items()})
        self.write({"position": self.position + len(batch), "state": "running"})

    def _note(self, rows):
        left = MOST_LINES - (self.faulty_count + self.unassigned_count + self.note_count)
        if rows and left > 0:
            line, kind, problem, call = (list(column) for column in zip(*rows[:left], strict=True))
            values = {"file": self.id, "line": line, "kind": kind, "problem": problem, "call": call}
            self.env.flush_all()
            self.env.cr.execute(NOTE, values)

    # === FOLDERS === #

    @api.model
    def _cron_poll(self):
        """Look for new files, and new lines, in the folders of the call sources."""
        sources = self.env["call.source"].search([("folder", "!=", False)], order="id")
        each(self.env, sources, self._poll)

    @worker
    def _poll(self, source):
        problem = False
        try:
            with open_folder(source._folder_root(), source.folder) as folder:
                for found in folder.files():
                    problem = self._poll_one(source, folder, found) or problem
        except FolderProblem as error:
            problem = translated(in_company_language(source).env, error.sentence)
        if problem != source.folder_problem:
            with door(self.env):
                source.folder_problem = problem

    @worker
    def _poll_one(self, source, folder, found):
        """Keep what is new in a file, to be imported; return what is wrong with it, or None."""
        of_name = [("source_id", "=", source.id), ("name", "=", found.name)]
        last = self.search(of_name, order="write_date desc, id desc", limit=1)
        if last.state in OPEN or (not source.folder_grows and time.time() - found.modified_at < STABLE):
            return None
        try:
            with folder.open(found.name) as file:
                values = self._new_part(source, file, found, last)
        except OSError as error:
            return f"{found.name}: {error.strerror}"
        except FolderProblem as error:
            return translated(in_company_language(source).env, error.sentence)
        if values is None:
            return None
        content = values.pop("content")
        with door(self.env):
            if content:
                self._keep(source, found.name, content, **values, state="waiting")
                wake(self.env, "ir_cron_source_file")
            elif values["offset_end"] != last.offset_end:
                # Another name of what was read already.
                self._keep(source, found.name, b"", **values)._end("done")
        return None

    def _new_part(self, source, file, found, last):
        """Return what is new in an open file of the folder, as values of a record with its content; None: nothing."""
        before = self._before(source, file, found, last)
        offset, line = before.offset_end, before.line_end
        if offset == found.size and before == last:
            return None
        is_whole = not source.folder_grows or time.time() - found.modified_at > ABANDONED
        content = read_part(file, offset, PART if source.folder_grows else MAX_BYTES, is_whole)
        if not content and found.size - offset >= PART:
            raise FolderProblem(_lt("%s: a line in it is longer than any of a call; look at the file.", found.name))
        if not content and before == last:
            return None
        end = offset + len(content)
        return {
            "content": content,
            "origin": "folder",
            "offset_end": end,
            "line_end": line + content.count(b"\n"),
            "mark": mark_of(file, end),
            "head": first_line(file) if offset else False,
            "first_line": line + 1,
        }

    def _before(self, source, file, found, last):
        """Return the record of what was read of a file before: under its name, or its name before it was rotated."""
        of_source = [("source_id", "=", source.id), ("origin", "=", "folder"), ("mark", "!=", False)]
        others = [] if last.mark else self.search([*of_source, ("offset_end", "<=", found.size)], limit=50)
        fitting = [
            one
            for one in (last, *others)
            if one.mark and one.offset_end <= found.size and one.mark == mark_of(file, one.offset_end)
        ]
        return max(fitting, key=lambda one: one.offset_end, default=self.browse())

    # === FORGETTING === #

    @api.model
    def _forget_of_calls(self, usages):
        """Delete the files that wait and name one of these calls, or its number; the caller has opened a door.

        What was imported is not kept in any case.
        """
        kept = self.search([("attachment_id", "!=", False), ("company_id", "in", usages.wallet_id.company_id.ids)])
        if not kept:
            return
        texts = {re.sub(r"\W", "", usage.call_ref or "") for usage in usages}
        texts |= {re.sub(r"\W", "", usage.number or "")[-8:] for usage in usages}
        texts = [text.encode() for text in texts if len(text) > 5]
        for file in kept:
            content = re.sub(rb"[^0-9A-Za-z_]", b"", file._content())
            if any(text in content for text in texts):
                sentence = in_company_language(file.source_id).env._("A call in it was deleted meanwhile.")
                file._end("cancelled", sentence)

    @api.autovacuum
    def _gc_files(self):
        now = fields.Datetime.now()
        drafts = self.search([("state", "=", "draft"), ("write_date", "<", now - DRAFT_KEPT)], limit=1_000)
        drafts._drop_content()
        drafts.unlink()
        for source in self.search([("done_at", "!=", False)]).source_id:
            before = now - timedelta(days=source.keep_days)
            self.env.cr.execute(FORGET_LINES, {"source": source.id, "before": before})
        # With a source go its files, by the database, which knows nothing of attachments.
        attachments = self.env["ir.attachment"].search([("res_model", "=", self._name)])
        known = set(self.browse(attachments.mapped("res_id")).exists().ids)
        attachments.filtered(lambda one: one.res_id not in known).unlink()

    # === ACTION METHODS === #

    def action_cancel(self):
        """Give up files that wait or are being read. What was charged stays, and the file is not kept.

        :raise AccessError: not finance staff
        """
        refuse_all_but(self, FINANCE)
        with door(self.env):
            for file in as_superuser(self):
                if file._locked_state() in ("draft", *OPEN):
                    file._end("cancelled")
        return True

    def action_download_lines(self):
        """Download the lines that could not be used, with their numbers and reasons.

        :raise AccessError: not finance staff
        """
        self.ensure_one()
        self.check_access("read")
        return {"type": "ir.actions.act_url", "url": f"/call_wallet/source_file/{self.id}", "target": "download"}


COUNTS = tuple(
    f"{name}_count" for name in ("new", "known", "waiting", "unassigned", "faulty", "skipped", "note")
)  # fmt: skip


def _outcome(line, call, last_usage, told):
    """Return what became of a line: ``new``, ``known``, ``waiting``, ``unassigned``, ``faulty`` or ``skipped``."""
    if line.problem:
        return "faulty"
    if not line.event:
        return "skipped"
    _id, state, problem, usage_id = call
    if state == "reported":
        if problem:
            return "faulty"
        is_first = line.event.ref not in told
        told.add(line.event.ref)
        return "new" if usage_id and usage_id > last_usage and is_first else "known"
    outcomes = {"unassigned": "unassigned", "ignored": "skipped", "open": "waiting", "waiting": "waiting"}
    return outcomes.get(state, "faulty")


AFTER = """
    SELECT c.ref, c.id, c.state, c.problem, u.id
      FROM call_source_call c
      LEFT JOIN call_wallet w ON w.account_ref = c.account
      LEFT JOIN call_usage u ON u.wallet_id = w.id AND u.call_ref = c.call_ref
     WHERE c.source_id = %(source)s AND c.ref = ANY(%(refs)s::text[])
"""

NOTE = """
    INSERT INTO call_source_file_line (file_id, line, kind, problem, call_id)
    SELECT %(file)s, n.line, n.kind, n.problem, n.call
      FROM unnest(%(line)s::int[], %(kind)s::text[], %(problem)s::text[], %(call)s::int[])
           AS n(line, kind, problem, call)
"""

FORGET_LINES = """
    DELETE FROM call_source_file_line l USING call_source_file f
     WHERE f.id = l.file_id AND f.source_id = %(source)s AND f.done_at < %(before)s
"""
