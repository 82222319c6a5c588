import json
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from odoo import api, fields, models
from odoo.tools import hmac, split_every

from ...const import FINANCE
from ...tools.background import wake
from ...tools.clock import utcnow
from ...tools.door import door, each, worker
from ...tools.fields import Amount, parse_amount
from ...tools.intake import MAX_DURATION
from ...tools.rights import as_superuser, refuse_all_but
from ...tools.sentence import translated
from ...tools.sources import KINDS
from ...tools.sources.event import Unusable
from ...tools.sources.gathering import digits, is_nobody_known, is_same, merge, to_json, to_payload
from ...tools.sql import array
from ...tools.task import in_company_language
from .call_source import LONGEST_CALL
from .call_source_sql import AGAIN, CHARGED_SINCE, KNOWN, LEGS, LINK, LOCK, MAKE, MASK, MASK_MESSAGES, STORE

# How long a call that has ended waits for a leg that it may have dialled, or for the one that dialled it, and for its
# duration.
LEG_WAIT, DURATION_WAIT = timedelta(minutes=2), timedelta(minutes=30)
# What a call that goes on holds beyond what it has lasted, in seconds: about the time between two such messages.
HOLD_AHEAD = 600
CLOCKS_APART = timedelta(minutes=15)
# How often one without a wallet is looked at, beside whenever the source is changed.
UNASSIGNED_WAIT = timedelta(hours=1)
BATCH = 1_000
# What is forgotten of a call once it is in the ledger, where the same is kept, and can be deleted.
NAMING = ("number", "application_ref", "manager")


class Gathered(NamedTuple):
    """A row of the table, as this module works with it. Times are naive UTC."""

    id: int
    ref: str
    state: str
    facts: dict
    parent_ref: str | None
    is_phone: bool
    lines: list
    first_over_at: datetime | None
    due_at: datetime | None
    cost: str | None
    cost_currency: str | None
    # Of the row once it is decided: the account asked, the answer of ``record_calls``.
    problem: str | None = None
    call_ref: str | None = None
    account: str | None = None
    sent: dict | None = None
    # What a source says that has reported it, where that is another call: known while it is worked on, not kept.
    other_facts: dict | None = None


class CallSourceCall(models.Model):
    """What a source has said of one call, or one leg of it, and what became of that. Times are UTC.

    Its facts come in any order; once it has ended and its wallet is known it is reported by ``record_calls``.
    """

    _name = "call.source.call"
    _description = "Call of a Call Source"
    _order = "id desc"
    _rec_name = "ref"
    _log_access = False

    source_id = fields.Many2one("call.source", required=True, readonly=True, ondelete="restrict")
    company_id = fields.Many2one(related="source_id.company_id")
    ref = fields.Char("Call at the Source", required=True, readonly=True, help="The source's own id of the call.")
    parent_ref = fields.Char("Dialled By", readonly=True, help="The call of which this one is a leg.")
    is_phone = fields.Boolean("Telephone", readonly=True, default=True)
    facts = fields.Json(readonly=True, groups="base.group_system")
    lines = fields.Json(readonly=True, groups="base.group_system")
    line = fields.Char(compute="_compute_line", help="By which its wallet is looked for.")
    state = fields.Selection(
        [
            ("open", "In Progress"),
            ("waiting", "Waiting"),
            ("unassigned", "Without Wallet"),
            ("unusable", "Not Usable"),
            ("reported", "Charged"),
            ("rejected", "Rejected"),
            ("ignored", "Not Charged"),
        ],
        required=True,
        readonly=True,
        default="open",
    )
    problem = fields.Char(readonly=True)
    account = fields.Char(readonly=True)
    # An account can be renamed.
    wallet_id = fields.Many2one("call.wallet", readonly=True, ondelete="set null", index="btree_not_null")
    call_ref = fields.Char("Call Reference", readonly=True)
    sent = fields.Json(readonly=True, groups="base.group_system")
    usage_id = fields.Many2one("call.usage", "Call", compute="_compute_usage_id", compute_sudo=True)
    cost = Amount("Provider's Cost", readonly=True, may_be_empty=True, aggregator=None)
    cost_currency = fields.Char("Currency of the Cost", readonly=True)
    dismissed_by_id = fields.Many2one("res.users", readonly=True, index="btree_not_null")
    ended_at = fields.Datetime("Ended", readonly=True)
    first_at = fields.Datetime("First Heard Of", readonly=True, required=True)
    last_at = fields.Datetime("Last Heard Of", readonly=True, required=True)
    first_over_at = fields.Datetime(readonly=True, help="When its end was heard of.")
    due_at = fields.Datetime("Looked At Again", readonly=True)
    reported_at = fields.Datetime("Reported", readonly=True)
    message_ids = fields.Many2many(
        "call.source.message", "call_source_call_message_rel", "call_id", "message_id", "Messages", readonly=True
    )

    _once = models.UniqueIndex("(source_id, ref)", "A call of a source is kept once.")
    _parent = models.Index("(source_id, parent_ref) WHERE parent_ref IS NOT NULL")
    _due = models.Index("(due_at) WHERE due_at IS NOT NULL")
    _state = models.Index("(source_id, state, last_at)")
    _undecided = models.Index("(source_id) WHERE state IN ('unassigned', 'unusable')")
    _usage = models.Index("(account, call_ref)")

    @api.depends("lines")
    def _compute_line(self):
        for call in self:
            call.line = ", ".join(call.sudo().lines or ()) or False

    @api.depends("wallet_id", "call_ref", "state")
    def _compute_usage_id(self):
        usages = self.env["call.usage"].search([("call_ref", "in", self.filtered("call_ref").mapped("call_ref"))])
        found = {(usage.wallet_id, usage.call_ref): usage for usage in usages}
        for call in self:
            call.usage_id = found.get((call.wallet_id, call.call_ref), False)

    # === GATHERING === #
    # The caller has opened a door.

    @api.model
    def _gather(self, source, events, message=None):
        """Take in what a source has said, and report the calls that are complete.

        :param events: ``CallEvent``; several of one call in their order
        :param message: whose content they are, or none
        """
        events = [event for event in events if event]
        if not events:
            return
        rows = self._lock_calls(source, events, message)
        for event in events:
            rows[event.ref] = self._add_event(rows[event.ref], event)
        self._advance(source, list(rows.values()))
        for event in events:
            if event.seconds_so_far and not rows[event.ref].first_over_at:
                self._hold_on(source, rows[event.ref], event.seconds_so_far)

    def _hold_on(self, source, row, seconds):
        """Hold funds for a call that has lasted ``seconds`` and goes on, where it is about to outlast what it holds."""
        [account] = source._find_accounts([(row.facts, row.lines)])
        call_ref = row.facts.get("call_ref") or row.ref
        # Not longer than we have heard of it, whatever the switch has counted.
        heard = utcnow() - self.browse(row.id).first_at + CLOCKS_APART
        seconds = min(seconds, int(heard.total_seconds()))
        of_call = [("wallet_id.account_ref", "=", account), ("call_ref", "=", call_ref), ("state", "=", "held")]
        hold = account and self.env["call.wallet.hold"].search(of_call)
        wanted = min(seconds + HOLD_AHEAD, MAX_DURATION)
        if hold and hold.reserved_seconds < wanted:
            self.env["call.wallet"].extend_hold(account, call_ref, total_seconds=wanted)

    def _lock_calls(self, source, events, message):
        """Return the rows of calls by their source's ids, made where they are new, and locked; parents too."""
        refs = sorted({event.ref for event in events})
        parents = {event.parent_ref for event in events if event.parent_ref}
        self.env.flush_all()
        self.env.cr.execute(MAKE, {"source": source.id, "refs": array(refs), "now": utcnow()})
        if parents and KINDS[source.kind].parent_is_shared:
            self.env.cr.execute(LEGS, {"source": source.id, "parents": array(parents)})
            parents = {leg_ref for leg_ref, *_ in self.env.cr.fetchall()}
        self.env.cr.execute(LOCK, {"source": source.id, "refs": array(sorted(parents.union(refs)))})
        rows = {row[1]: Gathered(*row) for row in self.env.cr.fetchall()}
        if message:
            self.env.cr.execute(LINK, {"message": message.id, "ids": [rows[ref].id for ref in refs]})
        return rows

    def _add_event(self, row, event):
        was_over = row.first_over_at is not None
        row = row._replace(
            parent_ref=row.parent_ref or event.parent_ref,
            is_phone=row.is_phone and event.is_phone,
            lines=row.lines or list(event.lines),
            first_over_at=row.first_over_at or (utcnow() if event.is_over else None),
            cost=row.cost if event.cost is None else event.cost,
            cost_currency=row.cost_currency if event.cost is None else event.cost_currency,
        )
        if row.state != "reported":
            return row._replace(facts=merge(row.facts, was_over, event))
        # What it names is the ledger's by now. Only an end that contradicts what was charged is told again.
        facts = to_json(event.facts)
        if event.is_over and not (is_same(row.sent, facts) and self._is_same_number(row, facts)):
            return row._replace(other_facts={**row.facts, **facts})
        return row

    def _is_same_number(self, row, facts):
        said, known = digits(facts.get("number")), (row.sent or {}).get("number_key")
        return not (said and known) or self._number_key(said) == known

    def _number_key(self, number):
        """Return what stands for a number that is forgotten here: nobody else can make it."""
        return hmac(self.env(su=True), "call_wallet_source_number", digits(number))

    # === DECIDING === #

    def _advance(self, source, rows):
        """Decide what becomes of each call, report those that are complete, and keep all.

        :param rows: ``Gathered``, locked
        """
        families = self._families(source, rows)
        rows = self._give_back(source, self._with_refs_apart(source, rows, families), families)
        lines, expecting = self._lines_of_legs(source, rows, families)
        calls = [(row.facts, lines[row.ref]) for row in rows]
        decided = [
            self._wait_for_leg(row) if row.ref in expecting else self._decide(source, row, account, families[row.ref])
            for row, account in zip(rows, source._find_accounts(calls), strict=True)
        ]
        reported = [row for row, payload in decided if payload]
        results = self._report(source, [payload for _row, payload in decided if payload]) if reported else []
        answers = dict(zip((row.id for row in reported), results, strict=True))
        self._store([self._answered(row, payload, answers.get(row.id)) for row, payload in decided])

    def _decide(self, source, row, account, family):
        """Return a row as it stands now, and the call to report, or None."""
        if row.state == "ignored":
            return row._replace(due_at=None), None
        if row.state == "reported":
            return row._replace(due_at=None), self._contradiction(source, row)
        if not row.first_over_at:
            return row._replace(state="open"), None
        if not row.is_phone or (family.has_children and source.legs == "one"):
            return row._replace(state="ignored", due_at=None), None
        now, env = utcnow(), in_company_language(source).env
        may_have_children = KINDS[source.kind].has_legs and source.legs == "one" and not family.parent
        if may_have_children and now < row.first_over_at + LEG_WAIT:
            return self._wait_for_leg(row)
        try:
            payload = to_payload(row.facts, row.ref, account, KINDS[source.kind].call_type)
        except Unusable as error:
            return row._replace(state="unusable", problem=translated(env, error.sentence), due_at=None), None
        if payload is None and now < row.first_over_at + DURATION_WAIT:
            return row._replace(state="waiting", due_at=row.first_over_at + DURATION_WAIT), None
        if payload is None:
            return row._replace(state="unusable", problem=self._what_is_missing(source, row), due_at=None), None
        if account is None:
            problem = self._no_wallet(source, row)
            return row._replace(state="unassigned", problem=problem, due_at=now + UNASSIGNED_WAIT), None
        if row.state == "rejected" and row.account != account:
            # Else both could be charged, once their causes are mended.
            self.env["call.usage.rejection"]._dismiss_of(row.account, row.call_ref)
        return row._replace(account=account, call_ref=payload["call_ref"]), payload

    def _contradiction(self, source, row):
        """Return what a source says now of a call that it has reported, or None; as another content of that call.

        It is never charged by itself, whatever wallet it names by now: the ledger answers that it is in conflict.
        """
        if not row.other_facts:
            return None
        try:
            payload = to_payload(row.other_facts, row.ref, row.account, KINDS[source.kind].call_type)
        except Unusable:
            return None
        return payload and {**payload, "call_ref": row.call_ref}

    def _no_wallet(self, source, row):
        _ = in_company_language(source).env._
        if row.facts.get("account"):
            return _("account: no wallet of the company has the account reference %s.", row.facts["account"])
        if row.lines:
            return _("Add one of its lines to the source, with its wallet: %s.", ", ".join(row.lines))
        return _("It names no line and no account. Choose the source's wallet for such calls.")

    def _what_is_missing(self, source, row):
        _ = in_company_language(source).env._
        if is_nobody_known(row.facts):
            return _("number: the source has not said who was called, or who has called.")
        return _("duration_seconds: the call was answered, and the source has not said how long it lasted.")

    # === REPORTING === #

    def _report(self, source, payloads):
        """Report calls; return what became of each, in order.

        One that is in the ledger, reported by another way, is not reported again where it is the same but for a second
        and the moment of its start: each source has its own clock, and some cut durations off.
        """
        known = self._load_known(payloads)
        usage = self.env["call.usage"].with_context(lang=in_company_language(source).env.lang)
        new = [payload for payload in payloads if not is_same(known.get(_key(payload)), payload)]
        # As many as one request may have, so that none is too large.
        answers = iter([answer for part in split_every(BATCH, new) for answer in usage.record_calls(list(part))])
        return [
            {"result": "duplicate"} if is_same(known.get(_key(payload)), payload) else next(answers)
            for payload in payloads
        ]

    def _load_known(self, payloads):
        """Return what is in the ledger under these references: {(account, reference): as ``is_same`` compares it}."""
        self.env.flush_all()
        accounts = array(payload["account"] for payload in payloads)
        self.env.cr.execute(KNOWN, {"accounts": accounts, "refs": array(payload["call_ref"] for payload in payloads)})
        names = ("duration_seconds", "status", "number", "started_at")
        return {(account, ref): dict(zip(names, row, strict=True)) for account, ref, *row in self.env.cr.fetchall()}

    def _answered(self, row, payload, result):
        """Return a row with what the ledger has answered."""
        if not payload:
            return row
        if row.state == "reported":
            problem = row.problem if result["result"] == "duplicate" else result["reason"]
            return row._replace(problem=problem)
        if result["result"] in ("charged", "duplicate"):
            sent = {name: payload[name] for name in ("duration_seconds", "status", "started_at")}
            sent["number_key"] = self._number_key(payload.get("number")) if digits(payload.get("number")) else None
            # The ledger keeps them from here on, and forgets them when it is told to.
            facts = {name: value for name, value in row.facts.items() if name not in NAMING}
            return row._replace(state="reported", problem=None, due_at=None, sent=sent, facts=facts)
        # The number stands with the rejected call as well, and is forgotten with it.
        return row._replace(state="rejected", problem=result["reason"], due_at=None)

    def _store(self, rows):
        now = utcnow()
        columns = {
            "id": [row.id for row in rows],
            "state": [row.state for row in rows],
            "facts": [json.dumps(row.facts) for row in rows],
            "parent_ref": [row.parent_ref for row in rows],
            "is_phone": [row.is_phone for row in rows],
            "lines": [json.dumps(row.lines) for row in rows],
            "first_over_at": [row.first_over_at for row in rows],
            "due_at": [row.due_at for row in rows],
            "cost": [row.cost and str(parse_amount(row.cost)) for row in rows],
            "cost_currency": [row.cost_currency for row in rows],
            "problem": [row.problem for row in rows],
            "account": [row.account for row in rows],
            "call_ref": [row.call_ref for row in rows],
            "sent": [row.sent and json.dumps(row.sent) for row in rows],
            "ended_at": [_ended_at(row.facts) for row in rows],
        }
        self.env.cr.execute(STORE, {**{name: list(values) for name, values in columns.items()}, "now": now})
        self.env.invalidate_all(flush=False)

    # === LATER === #

    @api.model
    def _look_again(self, sources):
        """Have calls looked at again that waited for a wallet, now that the sources know more."""
        self.env.flush_all()
        self.env.cr.execute(AGAIN, {"sources": sources.ids, "now": utcnow()})
        if self.env.cr.rowcount:
            self.env.invalidate_all(flush=False)
            wake(self.env, "ir_cron_source_call")

    def action_retry(self):
        """Look at the calls again: find the wallet, report what is complete.

        :raise AccessError: not finance staff
        """
        refuse_all_but(self, FINANCE)
        for ids in split_every(BATCH, self.sorted("id").ids):
            with door(self.env):
                as_superuser(self).browse(ids)._advance_again()
        return True

    def action_dismiss(self):
        """Put calls aside that are not to be charged. One that was charged, or rejected, is decided elsewhere.

        :raise AccessError: not finance staff
        """
        refuse_all_but(self, FINANCE)
        with door(self.env):
            lost = utcnow() - LONGEST_CALL
            # A call that goes on is charged when it ends, whatever anybody has pressed meanwhile.
            waiting = as_superuser(self).filtered(
                lambda call: call.state in ("unassigned", "unusable") or call.state == "open" and call.last_at < lost
            )
            waiting.write({"state": "ignored", "due_at": False, "dismissed_by_id": self.env.uid})
        return True

    @api.model
    def _cron_advance(self):
        """Look at calls again whose time has come, source by source, in batches; and at rejected ones charged since."""
        due = self.search([("due_at", "<=", utcnow())], order="id")
        each(self.env, [due.browse(ids) for ids in split_every(BATCH, due.ids)], self._advance_batch)
        with door(self.env):
            self.env.cr.execute(CHARGED_SINCE)
            self.env.invalidate_all(flush=False)

    @worker
    def _advance_batch(self, calls):
        with door(self.env):
            calls._advance_again()

    def _advance_again(self):
        self.env.flush_all()
        self.env.cr.execute("SELECT source_id, ref FROM call_source_call WHERE id = ANY(%s)", [self.ids])
        refs = {}
        for source_id, ref in self.env.cr.fetchall():
            refs.setdefault(source_id, []).append(ref)
        for source in self.env["call.source"].browse(sorted(refs)):
            self.env.cr.execute(LOCK, {"source": source.id, "refs": array(sorted(refs[source.id]))})
            self._advance(source, [Gathered(*row) for row in self.env.cr.fetchall()])

    # === PRIVACY === #
    # The caller has opened a door.

    @api.model
    def _mask_of_calls(self, usage_ids):
        """Forget what the sources have said of these calls, before the calls themselves forget it."""
        self._mask_where(
            "EXISTS (SELECT FROM call_usage u"
            "         WHERE u.id = ANY(%(calls)s) AND u.wallet_id = c.wallet_id AND u.call_ref = c.call_ref)",
            calls=usage_ids,
        )

    @api.model
    def _mask_of_rejections(self, rejections):
        """Forget what the sources have said of rejected calls that are forgotten."""
        self._mask_where(
            "c.state <> 'reported' AND EXISTS (SELECT FROM call_usage_rejection r"
            " WHERE r.id = ANY(%(rejections)s) AND r.call_ref = c.call_ref"
            "   AND (r.account = c.account OR r.wallet_id = c.wallet_id))",
            rejections=rejections.ids,
        )

    @api.model
    def _mask_old(self, company, before):
        """Forget what a company's sources have said of calls that were never charged, last heard of before a time."""
        self._mask_where(
            "c.state <> 'reported' AND c.last_at < %(before)s AND c.facts ?| %(naming)s"
            " AND c.source_id IN (SELECT id FROM call_source WHERE company_id = %(company)s)",
            company=company.id,
            before=before,
        )
        self.env.cr.execute(MASK_MESSAGES, {"company": company.id, "before": before})

    def _mask_where(self, condition, **values):
        self.env.flush_all()
        self.env.cr.execute(MASK.format(condition=condition), {"naming": list(NAMING), **values})
        self.env.invalidate_all(flush=False)


def _key(payload):
    return payload["account"], payload["call_ref"]


def _ended_at(facts):
    """Return when a call ended, as the database keeps it: naive UTC; None where it is not known."""
    if "ended_at" not in facts:
        return None
    return datetime.fromisoformat(facts["ended_at"]).astimezone(UTC).replace(tzinfo=None, microsecond=0)
