import logging
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from datetime import timedelta
from typing import NamedTuple
from uuid import uuid4

from odoo import api, fields, models
from odoo.exceptions import UserError

from ...const import FINANCE_MANAGER
from ...tools.background import CRON_SECONDS, wake
from ...tools.clock import utcnow
from ...tools.door import door, each, worker
from ...tools.outbound import Answer, post
from ...tools.rights import as_superuser, refuse_all_but
from ...tools.standard_webhooks import next_attempt, to_body, to_headers
from .call_wallet_event import content

_logger = logging.getLogger(__name__)

TEST = "webhook.test"

# How many receivers are asked side by side; how many events each gets one after another in its turn, for how long.
MOST_RECEIVERS, MOST_MESSAGES, ROUND_SECONDS = 10, 50, 20
# How soon those that wait for nobody get what has happened while others are being asked.
LOOK_AGAIN_SECONDS = 1
# What was taken to be sent and has no result by then, was taken by a process that has ended: it is sent again.
LEASE = timedelta(minutes=5)
# A receiver that cannot be reached is asked for one event a minute, not for all that wait.
UNREACHED = timedelta(minutes=1)
# How often the scheduled action starts by itself.
SWEEP = timedelta(minutes=5)
# No receiver is believed to need longer.
LONGEST_PAUSE = timedelta(hours=12)
ASK_TO_WAIT, GONE = (429, 503), 410
# Published events are kept for this long, and deleted that many at once.
KEPT, CHUNK = timedelta(days=90), 5_000


class Message(NamedTuple):
    """One event to one receiver, as it goes out."""

    delivery_id: int
    webhook_id: int
    url: str
    message_id: str
    body: bytes
    secrets: list


class CallWalletWebhookDelivery(models.Model):
    """One event for one webhook: what became of it. A test has no event. Times are UTC."""

    _name = "call.wallet.webhook.delivery"
    _description = "Call Wallet Webhook Delivery"
    _order = "id desc"
    _rec_name = "message_id"
    _log_access = False

    webhook_id = fields.Many2one("call.wallet.webhook", required=True, readonly=True, ondelete="cascade")
    event_id = fields.Many2one("call.wallet.event", readonly=True, ondelete="cascade", index="btree_not_null")
    message_id = fields.Char("Message ID", required=True, readonly=True, help="The webhook-id of the message.")
    type = fields.Char(required=True, readonly=True)
    number = fields.Integer(readonly=True, aggregator=None, help="The number of the event.")
    state = fields.Selection(
        [("waiting", "Waiting"), ("delivered", "Accepted"), ("failed", "Given up")],
        required=True,
        readonly=True,
        default="waiting",
    )
    attempts = fields.Integer(required=True, readonly=True, default=0, aggregator=None)
    due_since = fields.Datetime(required=True, readonly=True)
    next_attempt_at = fields.Datetime("Next Attempt", readonly=True)
    last_attempt_at = fields.Datetime("Last Attempt", readonly=True)
    status = fields.Integer("HTTP Status", readonly=True, aggregator=None)
    problem = fields.Selection(
        [
            ("address", "The address may not be used"),
            ("timeout", "No answer within 15 seconds"),
            ("tls", "The certificate is not valid"),
            ("connection", "No connection"),
        ],
        readonly=True,
    )
    answer = fields.Char(readonly=True, help="The beginning of what the receiver answered.")
    body = fields.Text("Message", compute="_compute_body")
    wallet_id = fields.Many2one(related="event_id.wallet_id")
    company_id = fields.Many2one(related="webhook_id.company_id")

    _once = models.UniqueIndex("(webhook_id, event_id) WHERE event_id IS NOT NULL", "An event is for a webhook once.")
    _turn = models.Index("(webhook_id, last_attempt_at)")
    _due = models.Index("(webhook_id, next_attempt_at) WHERE state = 'waiting'")

    @api.depends("event_id")
    def _compute_body(self):
        for delivery in self:
            delivery.body = to_body(delivery._content()).decode()

    def _content(self):
        event = self.event_id.sudo()
        if event:
            return content(event.type, event.occurred_at, event.data, event.number)
        return content(TEST, self.due_since, {"account": "TEST"}, None)

    # === SENDING === #

    @api.model
    def _cron_send(self):
        """Publish what happened, and send what is due for a minute; nothing is locked while receivers are asked."""
        ends_at = time.monotonic() + CRON_SECONDS
        self._send_until(ends_at)
        if time.monotonic() > ends_at:
            wake(self.env, "ir_cron_webhook")
            return
        with door(self.env):
            self._wake_for_next()

    @worker
    @api.model
    def _send_until(self, ends_at):
        """Send what is due, and what becomes due meanwhile; end when nothing is, or time is up.

        Each receiver gets its next batch as soon as it has answered its last one, whatever the others do.

        :param float ends_at: by ``time.monotonic``; who is being asked then is waited for
        """
        asked = {}
        with ThreadPoolExecutor(MOST_RECEIVERS) as pool:
            while True:
                if time.monotonic() < ends_at and len(asked) < MOST_RECEIVERS:
                    queues, allowed = self._next_queues(set(asked.values()))
                    asked |= {pool.submit(send_queue, queue, allowed): to for to, queue in queues.items()}
                if not asked:
                    return
                done, _others = wait(asked, LOOK_AGAIN_SECONDS, FIRST_COMPLETED)
                if done:
                    with door(self.env):
                        self._note(pair for queue in done for pair in queue.result())
                asked = {queue: to for queue, to in asked.items() if queue not in done}

    @worker
    def _next_queues(self, busy):
        """Publish what happened; return what is sent next as {webhook id: its messages}, and the hosts allowed.

        :param busy: ids of the webhooks whose receivers are being asked
        """
        queues = {}
        with door(self.env):
            self.env["call.wallet.event"]._publish()
            for message in self._take(busy):
                queues.setdefault(message.webhook_id, []).append(message)
            return queues, self.env["call.wallet.webhook"]._allowed_hosts()

    @api.model
    def _take(self, busy):
        """Take what is due, for this process alone; return the ``Message`` of each, a receiver's in order.

        :param busy: ids of the webhooks whose receivers are being asked, which get nothing now
        """
        now = utcnow()
        receivers = MOST_RECEIVERS - len(busy)
        self.env.cr.execute(
            TAKE,
            {"now": now, "lease": now + LEASE, "busy": list(busy), "receivers": receivers, "messages": MOST_MESSAGES},
        )
        taken = sorted(row[0] for row in self.env.cr.fetchall())
        self.env.invalidate_all(flush=False)
        return [delivery._to_message() for delivery in self.browse(taken)]

    def _to_message(self):
        webhook = self.webhook_id.sudo()
        body = to_body(self._content())
        return Message(self.id, webhook.id, webhook.url, self.message_id, body, webhook._valid_secrets())

    @api.model
    def _note(self, answers):
        """Keep what came of messages.

        :param answers: pairs of a delivery's id and its ``Answer``; None: it was not sent, for another one to the same
            receiver showed that it cannot be reached
        """
        answers = dict(answers)
        # Those that were deleted, or whose webhook was switched off, meanwhile are left as they are.
        waiting = self.browse(sorted(answers)).exists().filtered(lambda delivery: delivery.state == "waiting")
        for webhook, deliveries in waiting.grouped("webhook_id").items():
            sent = deliveries.filtered(lambda delivery: answers[delivery.id])
            is_unreached = any(answers[delivery.id].problem for delivery in sent)
            for delivery in deliveries - sent:
                at = utcnow() + UNREACHED if is_unreached else utcnow()
                delivery.write({"next_attempt_at": at, "attempts": delivery.attempts - 1})
            for delivery in sent:
                delivery._note_answer(answers[delivery.id])
            webhook._note_health([(delivery, answers[delivery.id]) for delivery in sent if delivery.event_id])

    def _note_answer(self, answer):
        values = {"status": answer.status or False, "answer": answer.text or False, "problem": answer.problem or False}
        if answer.is_accepted:
            self.write({**values, "state": "delivered", "next_attempt_at": False})
            return
        asked = min(answer.retry_after or timedelta(), LONGEST_PAUSE) if answer.status in ASK_TO_WAIT else timedelta()
        at = next_attempt(self.attempts, self.due_since, utcnow(), asked)
        if not self.event_id or answer.status == GONE:
            at = None
        self.write({**values, "state": "waiting" if at else "failed", "next_attempt_at": at or False})
        if asked and at:
            self._hold_back(at)

    def _hold_back(self, until):
        """Send this receiver nothing until then: it has asked for that."""
        waiting = [("webhook_id", "=", self.webhook_id.id), ("state", "=", "waiting"), ("next_attempt_at", "<", until)]
        self.search(waiting).write({"next_attempt_at": until})

    def _outcome(self):
        """Return what became of the last attempt, in a sentence."""
        if self.state == "delivered":
            return self.env._("Accepted (%s).", self.status)
        if self.problem:
            problem = dict(self._fields["problem"]._description_selection(self.env))[self.problem]
            return f"{problem}. {self.answer or ''}".strip()
        return self.env._("Not accepted (%(status)s). %(answer)s", status=self.status, answer=self.answer or "").strip()

    def _wake_for_next(self):
        """Have the scheduled action begin with the next attempt, where that is before it would by itself."""
        self.env.cr.execute(
            "SELECT min(d.next_attempt_at) FROM call_wallet_webhook_delivery d"
            " JOIN call_wallet_webhook w ON w.id = d.webhook_id AND w.active WHERE d.state = 'waiting'"
        )
        [(at,)] = self.env.cr.fetchall()
        if at and at < utcnow() + SWEEP:
            self.env.ref("call_wallet.ir_cron_webhook").sudo()._trigger(at=max(at, utcnow()))

    # === WHAT IS TO BE SENT === #

    @api.model
    def _add_published(self, first, last):
        """Add a delivery of each event with a number from ``first`` to ``last`` to each webhook that it is for."""
        self.env.cr.execute(FAN_OUT, [utcnow(), utcnow(), first, last])

    @api.model
    def _add_test(self, webhook, is_taken):
        """Add a test; return its ``Message`` in a list.

        :param is_taken: the caller sends it
        """
        now = utcnow()
        test = self.create(
            {
                "webhook_id": webhook.id,
                "message_id": f"evt_{uuid4().hex}",
                "type": TEST,
                "due_since": now,
                "attempts": int(is_taken),
                "last_attempt_at": now if is_taken else False,
                "next_attempt_at": now + LEASE if is_taken else now,
            }
        )
        if not is_taken:
            wake(self.env, "ir_cron_webhook")
        return [test._to_message()]

    @api.model
    def _give_up_all(self, webhook_ids):
        """Give up what waits for webhooks that are switched off."""
        waiting = [("webhook_id", "in", list(webhook_ids)), ("state", "=", "waiting")]
        self.sudo().search(waiting).write({"state": "failed", "next_attempt_at": False})

    def action_replay(self):
        """Send the events again, with the same ``webhook-id``: a receiver that has one knows it.

        :raise AccessError: not a finance manager
        :raise UserError: a test, or the webhook is switched off
        """
        refuse_all_but(self, FINANCE_MANAGER)
        with door(self.env):
            deliveries = as_superuser(self).filtered(lambda delivery: delivery.state != "waiting")
            if any(not (delivery.event_id and delivery.webhook_id.active) for delivery in deliveries):
                raise UserError(self.env._("Only events of webhooks that are switched on can be replayed."))
            now = utcnow()
            deliveries.write({"state": "waiting", "attempts": 0, "due_since": now, "next_attempt_at": now})
            wake(self.env, "ir_cron_webhook")
        return True

    # === RETENTION === #

    @api.model
    def _cron_forget(self):
        """Delete the events that were published 90 days ago, with what became of them; waiting ones stay."""
        self.env.cr.execute(
            "SELECT count(*) FROM call_wallet_event WHERE occurred_at < %s AND number IS NOT NULL", [utcnow() - KEPT]
        )
        [(count,)] = self.env.cr.fetchall()
        each(self.env, range(0, count, CHUNK), self._forget)

    @worker
    @api.model
    def _forget(self, _first):
        with door(self.env):
            self.env.cr.execute(FORGET, [utcnow() - KEPT, CHUNK])
            self.env.invalidate_all(flush=False)


def send_queue(messages, allowed):
    """Send a receiver's messages one after another; nothing here reads the database.

    One that cannot be reached, or asks to wait, is not asked for the next one.

    :return: list of pairs of a delivery's id and its ``Answer``; None: it was not sent
    """
    ends_at = time.monotonic() + ROUND_SECONDS
    pairs, is_stopped = [], False
    for message in messages:
        is_stopped = is_stopped or time.monotonic() > ends_at
        answer = None if is_stopped else _send(message, allowed)
        pairs.append((message.delivery_id, answer))
        is_stopped = is_stopped or answer.problem or answer.status in (*ASK_TO_WAIT, GONE)
    return pairs


def _send(message, allowed):
    try:
        headers = to_headers(message.message_id, int(time.time()), message.body, message.secrets)
        return post(message.url, message.body, headers, allowed)
    except Exception:  # whatever it is, it must not keep the others waiting
        _logger.exception("Event %s could not be sent.", message.message_id)
        return Answer(problem="connection")


# Of each receiver that is switched on the first ones that are due; whoever is taking others of it is left alone. The
# receiver whose last turn is the longest ago is the next: however much waits for some, all have their turns.
TAKE = """
    UPDATE call_wallet_webhook_delivery d
       SET next_attempt_at = %(lease)s, last_attempt_at = %(now)s, attempts = d.attempts + 1
     WHERE d.id IN (
           SELECT due.id
             FROM (SELECT w.id
                     FROM call_wallet_webhook w
               CROSS JOIN LATERAL (
                          SELECT min(d.next_attempt_at) AS due_at
                            FROM call_wallet_webhook_delivery d
                           WHERE d.webhook_id = w.id AND d.state = 'waiting') oldest
               CROSS JOIN LATERAL (
                          SELECT max(d.last_attempt_at) AS turn_at
                            FROM call_wallet_webhook_delivery d
                           WHERE d.webhook_id = w.id) last
                    WHERE w.active AND w.id <> ALL(%(busy)s) AND oldest.due_at <= %(now)s
                    ORDER BY last.turn_at NULLS FIRST, oldest.due_at, w.id
                    LIMIT %(receivers)s) receiver
            CROSS JOIN LATERAL (
                  SELECT d.id
                    FROM call_wallet_webhook_delivery d
                   WHERE d.webhook_id = receiver.id AND d.state = 'waiting' AND d.next_attempt_at <= %(now)s
                   ORDER BY d.id
                   LIMIT %(messages)s
                     FOR UPDATE SKIP LOCKED) due)
 RETURNING d.id
"""


FAN_OUT = """
    INSERT INTO call_wallet_webhook_delivery
           (webhook_id, event_id, message_id, type, number, state, attempts, due_since, next_attempt_at)
    SELECT w.id, e.id, e.reference, e.type, e.number, 'waiting', 0, %s, %s
      FROM call_wallet_event e
      JOIN call_wallet_webhook w ON w.company_id = e.company_id AND w.active
     WHERE e.number BETWEEN %s AND %s
       AND (NOT EXISTS (SELECT FROM call_wallet_webhook_type_rel r WHERE r.webhook_id = w.id)
            OR EXISTS (SELECT FROM call_wallet_webhook_type_rel r
                         JOIN call_wallet_event_type t ON t.id = r.type_id
                        WHERE r.webhook_id = w.id AND t.code = e.type))
     ORDER BY e.number, w.id
"""


FORGET = """
    DELETE FROM call_wallet_event
     WHERE id IN (SELECT e.id
                    FROM call_wallet_event e
                   WHERE e.occurred_at < %s AND e.number IS NOT NULL
                     AND NOT EXISTS (SELECT FROM call_wallet_webhook_delivery d
                                      WHERE d.event_id = e.id AND d.state = 'waiting')
                   ORDER BY e.id
                   LIMIT %s)
"""
