from functools import partial

from odoo import SUPERUSER_ID, api, fields, models

from ...tools import meter
from ...tools.call_log import log_answer, log_results
from ...tools.clock import utcnow
from ...tools.door import door
from ...tools.intake import CALL_TYPES, Refused, choice


class CallWalletMeter(models.Model):
    """A figure for monitoring: what all processes have counted since the installation, or how something stood last."""

    _name = "call.wallet.meter"
    _description = "Call Wallet Meter"
    _log_access = False
    _order = "name, labels"

    name = fields.Char(required=True, readonly=True)
    labels = fields.Char(required=True, readonly=True, help="As the text format of Prometheus has them; none: empty.")
    value = fields.Float(required=True, readonly=True, aggregator=None)

    _once = models.UniqueIndex("(name, labels)", "A figure is kept once.")

    def init(self):
        # A row for each note of a transaction that a door has joined: it is there afterwards if that was committed.
        self.env.cr.execute(
            """
            CREATE TABLE IF NOT EXISTS call_wallet_meter_note
                   (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, made_at timestamp NOT NULL)
            """
        )

    @api.model
    def _note_calls(self, calls, answers, is_committed):
        """Count and log what became of reported calls, once that is committed: by the door, or by its caller."""
        self._note(partial(_count_calls, self.env.cr.dbname, calls, answers), is_committed)

    @api.model
    def _note_answer(self, method, answer, is_committed):
        """Count and log an answer about a hold by its code, such as ``ok`` or ``no_funds``, once that is committed."""
        self._note(partial(_count_answer, self.env.cr.dbname, method, answer), is_committed)

    def _note(self, note, is_committed):
        """Carry out ``note`` if what it tells of is kept: the caller may still undo it, with or without all else."""
        if is_committed:
            note()
            self._flush()
            return
        waiting = self.env.cr.postcommit.data.setdefault("call_wallet_notes", {})
        if not waiting:
            self.env.cr.postcommit.add(partial(self._note_what_was_kept, waiting))
        self.env.cr.execute(NOTE, [utcnow()])
        waiting[self.env.cr.fetchone()[0]] = note

    def _note_what_was_kept(self, waiting):
        """Carry out those notes whose rows were committed: a row is undone with the savepoint it was made in."""
        with self.env.registry.cursor() as cr:
            # Where the server dies now, rows are left over, which are cleared later; nobody need wait for the disk.
            cr.execute("SET LOCAL synchronous_commit = off")
            cr.execute(KEPT, [list(waiting), utcnow()])
            kept = [note_id for [note_id] in cr.fetchall()]
        for note_id in sorted(waiting.keys() & set(kept)):
            waiting[note_id]()
        self._flush()

    @api.model
    def _flush(self, is_due_only=True):
        meter.flush(self.env.registry, _add, is_due_only)

    @api.model
    def _set(self, name, value, **labels):
        """Keep how something stands; what stood there before is gone."""
        self.env.cr.execute(SET, [name, meter.written(labels), float(value)])

    @api.model
    def _forget(self, name):
        """Delete what is kept under a name: what is no more is not told any more."""
        self.env.cr.execute("DELETE FROM call_wallet_meter WHERE name = %s", [name])


def _count_calls(database, calls, answers):
    log_results(answers)
    for call, answer in zip(calls, answers, strict=False):
        meter.count(
            database,
            "call_wallet_calls_total",
            call_type=_kind_of(call),
            result=answer["result"],
            code=answer.get("code") or "",
        )


def _count_answer(database, method, answer):
    log_answer(method, answer)
    meter.count(database, "call_wallet_answers_total", method=method, code=answer["code"])


def _kind_of(call):
    """Return the type of a reported call, as it is counted."""
    try:
        return choice(call, "call_type", CALL_TYPES)
    except (Refused, AttributeError):
        return "other"


def _add(registry, rows):
    with registry.cursor() as cr:
        env = api.Environment(cr, SUPERUSER_ID, {})
        with door(env):
            # In one order, so that two processes wait for each other and none for ever.
            cr.execute(ADD, [list(column) for column in zip(*rows, strict=True)])
        env["call.wallet.schedule"]._check_if_nobody_does()


NOTE = "INSERT INTO call_wallet_meter_note (made_at) VALUES (%s) RETURNING id"
KEPT = """
    DELETE FROM call_wallet_meter_note WHERE id = ANY(%s) OR made_at < %s - interval '1 day' RETURNING id
"""
ADD = """
    INSERT INTO call_wallet_meter AS m (name, labels, value)
    SELECT * FROM unnest(%s::text[], %s::text[], %s::float8[])
        ON CONFLICT (name, labels) DO UPDATE SET value = m.value + EXCLUDED.value
"""
SET = """
    INSERT INTO call_wallet_meter (name, labels, value) VALUES (%s, %s, %s)
        ON CONFLICT (name, labels) DO UPDATE SET value = EXCLUDED.value
"""
