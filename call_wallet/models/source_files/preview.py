"""What importing a file would do, line by line, without doing it."""

from typing import NamedTuple

from ...tools.fields import ZERO
from ...tools.intake import Refused, explained
from ...tools.sentence import translated
from ...tools.sources import KINDS
from ...tools.sources.event import Unusable
from ...tools.sources.gathering import is_same, to_json, to_payload
from ...tools.sql import array


class Foreseen(NamedTuple):
    """What would become of one line: ``new``, ``known``, ``unassigned``, ``faulty`` or ``skipped``."""

    line: int
    outcome: str
    payload: dict | None = None
    cost: object = ZERO
    currency: str | None = None
    reason: str | None = None


class Preview:
    """Foresees a file's lines, batch by batch.

    :param source: ``call.source``, as superuser and in the reader's language
    :param parents: the calls that have dialled others, by their refs, where only the last leg is charged
    """

    def __init__(self, source, parents=frozenset()):
        self.source, self.env, self.parents = source, source.env, parents
        self.kind, self.seen = KINDS[source.kind], set()

    def foresee(self, batch):
        """Return the ``Foreseen`` of each ``FileLine`` of a batch, in order."""
        self.env.flush_all()
        refs = array(sorted({line.event.ref for line in batch if line.event}))
        self.env.cr.execute(STATES, {"source": self.source.id, "refs": refs})
        states = dict(self.env.cr.fetchall())
        found = [self._first_look(line, states) for line in batch]
        open_ones = [index for index, one in enumerate(found) if one is None]
        calls = [(to_json(batch[index].event.facts), batch[index].event.lines) for index in open_ones]
        payloads = {}
        for index, (facts, _lines), account in zip(open_ones, calls, self.source._find_accounts(calls), strict=True):
            found[index], payloads[index] = self._to_payload(batch[index], facts, account)
        self._price(batch, found, {index: payload for index, payload in payloads.items() if not found[index]})
        return found

    def _first_look(self, line, states):
        if line.problem:
            return Foreseen(line.line, "faulty", reason=translated(self.env, line.problem))
        event = line.event
        if not event or not event.is_phone or event.ref in self.parents:
            return Foreseen(line.line, "skipped")
        if event.ref in self.seen or states.get(event.ref) in ("reported", "ignored"):
            return Foreseen(line.line, "known")
        self.seen.add(event.ref)
        return None

    def _to_payload(self, line, facts, account):
        """Return a ``Foreseen`` where no call can be reported, and else the call."""
        _ = self.env._
        try:
            payload = to_payload(facts, line.event.ref, account, self.kind.call_type)
        except Unusable as error:
            return Foreseen(line.line, "faulty", reason=translated(self.env, error.sentence)), None
        if payload is None:
            return Foreseen(line.line, "faulty", reason=_("duration_seconds is missing.")), None
        if account is None:
            named = facts.get("account") or ", ".join(line.event.lines)
            reason = _("No wallet for: %s", named) if named else _("It names no line and no account.")
            return Foreseen(line.line, "unassigned", payload, reason=reason), payload
        return None, payload

    def _price(self, batch, found, payloads):
        keys = [(payload["account"], payload["call_ref"]) for payload in payloads.values()]
        known = self.env["call.source.call"]._load_known(payloads.values())
        priced = self.env["call.usage"]._price(list(payloads.values()))
        for (index, payload), key, price in zip(payloads.items(), keys, priced, strict=True):
            found[index] = self._foreseen(batch[index], payload, known.get(key), price)

    def _foreseen(self, line, payload, known, price):
        refused = price if isinstance(price, Refused) else price.refused
        note = translated(self.env, line.note) if line.note else None
        if is_same(known, payload):
            return Foreseen(line.line, "known", payload)
        if known:
            reason = self.env._("It was reported before with other content; that charge stands.")
            return Foreseen(line.line, "faulty", payload, reason=reason)
        if refused:
            return Foreseen(line.line, "faulty", payload, reason=explained(refused.parts(), self.env)["reason"])
        return Foreseen(line.line, "new", payload, price.charge.cost, price.rated.currency, note)


STATES = "SELECT ref, state FROM call_source_call WHERE source_id = %(source)s AND ref = ANY(%(refs)s::text[])"
