import logging
from datetime import UTC, timedelta
from hashlib import sha256
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import psycopg2
from odoo import api, fields, models
from odoo.tools.translate import LazyTranslate

from ...const import FINANCE
from ...tools.clock import utcnow
from ...tools.door import door, each, worker
from ...tools.rights import as_superuser, refuse_all_but
from ...tools.sentence import translated
from ...tools.sources import KINDS
from ...tools.sources.event import Received, Unusable, sift
from ...tools.task import in_company_language

_logger = logging.getLogger(__name__)

_lt = LazyTranslate(__name__)

# What reading raises where a message is built in another way than its reader knows.
UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
# After so many failures of ours a message is left to people.
MAX_ATTEMPTS = 10
CHUNK = 5_000


class CallSourceMessage(models.Model):
    """A message of a source, kept as it came before anything is done with it. Times are UTC."""

    _name = "call.source.message"
    _description = "Message of a Call Source"
    _order = "id desc"
    _rec_name = "first_at"
    _log_access = False

    source_id = fields.Many2one("call.source", required=True, readonly=True, ondelete="cascade")
    company_id = fields.Many2one(related="source_id.company_id")
    digest = fields.Char(required=True, readonly=True, groups="base.group_system")
    query = fields.Char(readonly=True, help="The parameters in the address that the sender has called.")
    content_type = fields.Char(readonly=True)
    body = fields.Text(readonly=True, help="As it came. Empty once its call was forgotten.")
    state = fields.Selection(
        [("waiting", "Waiting"), ("done", "Read"), ("failed", "Not Usable"), ("dismissed", "Dismissed")],
        required=True,
        readonly=True,
    )
    problem = fields.Char(readonly=True)
    dismissed_by_id = fields.Many2one("res.users", readonly=True, index="btree_not_null")
    attempts = fields.Integer(readonly=True, required=True, default=0, aggregator=None)
    count = fields.Integer("Times Received", readonly=True, required=True, default=1, aggregator="sum")
    first_at = fields.Datetime("Received", readonly=True, required=True)
    last_at = fields.Datetime("Last Received", readonly=True, required=True)

    _once = models.UniqueIndex("(source_id, digest)", "A message is kept once.")
    _last = models.Index("(source_id, last_at)")
    _due = models.Index("(id) WHERE state = 'waiting'")
    _failed = models.Index("(source_id) WHERE state = 'failed'")

    # === STEPS === #

    @worker
    @api.model
    def _receive(self, source, received):
        """Store a message whose sender was verified, for good; return it where it is to be read.

        :param received: ``Received``; its body is text that the database can keep
        """
        query = urlsplit(received.url).query
        values = {
            "source": source.id,
            "digest": sha256(b"\0".join([query.encode(), received.body])).hexdigest(),
            "query": query,
            "type": received.headers.get("content-type", ""),
            "body": received.body.decode(),
            "now": utcnow(),
        }
        with door(self.env):
            self.env.cr.execute(RECEIVE, values)
            [message_id, state] = self.env.cr.fetchone()
        return self.browse(message_id if state == "waiting" else [])

    @worker
    def _process(self):
        """Read the messages, each apart; one that fails stays, for the scheduled action or for people."""
        for message in self:
            message._process_one()

    @worker
    def _process_one(self):
        try:
            with door(self.env):
                self._read_one()
        except psycopg2.OperationalError:
            raise  # somebody else is at it: the whole request is repeated
        except Exception as error:  # one bad message must not keep the others waiting
            _logger.exception("Message %s of call source %s was not read.", self.id, self.source_id.id)
            with door(self.env):
                self._fail(error)

    def _read_one(self):
        self.env.cr.execute("SELECT state FROM call_source_message WHERE id = %s FOR UPDATE", [self.id])
        if self.env.cr.fetchone() != ("waiting",):
            return  # another process was here
        self.invalidate_recordset()
        headers = {"content-type": self.content_type or ""}
        source = self.source_id.with_company(self.company_id)
        received = Received(
            f"?{self.query or ''}",
            headers,
            (self.body or "").encode(),
            tz=ZoneInfo(source.tz),
            at=self.first_at.replace(tzinfo=UTC),
        )
        try:
            events, problems = sift(KINDS[source.kind].read(received))
        except Unusable as error:
            events, problems = [], [error]
        except UNREADABLE:
            events, problems = [], [Unusable(_lt("The message has not the form that messages of this kind have."))]
        self.env["call.source.call"]._gather(source, events, self)
        # What can be used is, whatever else is in the message.
        problem = translated(in_company_language(source).env, problems[0].sentence) if problems else False
        values = {"state": "failed" if problems else "done", "problem": problem}
        # What is about no call, such as a chat, is nothing to keep.
        is_about_nothing = not events and not problems
        self.write({**values, "body": False, "query": False} if is_about_nothing else values)

    def _fail(self, error):
        attempts = self.attempts + 1
        is_last = attempts >= MAX_ATTEMPTS
        self.write({"attempts": attempts, "problem": str(error)[:500], "state": "failed" if is_last else "waiting"})

    # === DOORS === #

    def action_retry(self):
        """Read the messages again. What was reported already is not charged twice.

        :raise AccessError: not finance staff
        """
        refuse_all_but(self, FINANCE)
        messages = as_superuser(self).filtered("body")
        with door(self.env):
            messages.write({"state": "waiting", "attempts": 0})
        messages._process()
        return True

    def action_dismiss(self):
        """Put messages aside that are of no use; they are deleted with the others of their time.

        :raise AccessError: not finance staff
        """
        refuse_all_but(self, FINANCE)
        with door(self.env):
            failed = as_superuser(self).filtered(lambda message: message.state == "failed")
            failed.write({"state": "dismissed", "dismissed_by_id": self.env.uid})
        return True

    @api.model
    def _cron_process(self):
        """Read what a request has left, each message in transactions of its own."""
        each(self.env, self.search([("state", "=", "waiting")], order="id"), self._process_waiting)

    @worker
    def _process_waiting(self, message):
        message._process_one()

    @api.model
    def _cron_forget(self):
        """Delete messages that were read, or dismissed, and are older than their sources keep them."""
        sources = self.env["call.source"].with_context(active_test=False).search([("keep_days", ">", 0)], order="id")
        each(self.env, sources, self._forget_old)

    @worker
    def _forget_old(self, source):
        before = utcnow() - timedelta(days=source.keep_days)
        while True:
            with door(self.env):
                self.env.cr.execute(FORGET, {"source": source.id, "before": before, "limit": CHUNK})
                count = self.env.cr.rowcount
            if count < CHUNK:
                return


RECEIVE = """
    INSERT INTO call_source_message AS m
           (source_id, digest, query, content_type, body, state, attempts, count, first_at, last_at)
    VALUES (%(source)s, %(digest)s, %(query)s, %(type)s, %(body)s, 'waiting', 0, 1, %(now)s, %(now)s)
    ON CONFLICT (source_id, digest) DO UPDATE SET count = m.count + 1, last_at = EXCLUDED.last_at
 RETURNING id, state
"""

FORGET = """
    DELETE FROM call_source_message
     WHERE id IN (SELECT id FROM call_source_message
                   WHERE source_id = %(source)s AND last_at < %(before)s AND state IN ('done', 'dismissed')
                   LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
"""
