from typing import NamedTuple

from odoo import api, models
from odoo.exceptions import AccessError, UserError
from odoo.tools.translate import LazyTranslate

from ...const import FINANCE, PLATFORM
from ...rating import Charge, charge
from ...tools.clock import utcnow
from ...tools.door import door
from ...tools.fields import is_id, parse_amount
from ...tools.intake import (
    CALL_FIELDS,
    Call,
    Refused,
    check_short,
    check_time,
    echo,
    ends_ahead,
    explained,
    parse_call,
    shown,
    text,
)
from ...tools.rated_wallet import RatedWallet
from ...tools.rights import as_superuser
from ...tools.sql import array
from ..ledger.call_wallet_ledger import Entry
from .conflict import differences, find_same_but_deleted, load_reported
from .rejection_reading import read_open

_lt = LazyTranslate(__name__)

MAX_CALLS = 10_000

# With what was reported, each may be 64 kB.
MOST_REJECTIONS = 1_000


class Priced(NamedTuple):
    """A call and what it costs which wallet; ``charge`` is None where ``refused`` says why it costs nothing known."""

    call: Call
    rated: RatedWallet
    charge: Charge | None
    refused: Refused | None = None


class CallUsageRecord(models.Model):
    """How a reported call becomes money: validate -> price -> lock -> charge."""

    _inherit = "call.usage"

    @api.model
    def record_calls(self, calls):
        """Charge calls that have ended. One bad call never stops the others.

        :param list[dict] calls: up to 10,000, each with ``account``, ``call_ref``,
            ``call_type`` (``live``, ``whatsapp``), ``number`` (E.164; a WhatsApp user id; withheld or left out on
            inbound calls; one of the company's emergency numbers), ``started_at`` (ISO 8601
            with an offset or Z), ``duration_seconds`` (whole seconds), ``status``
            (``completed``, ``no_answer``, ``busy``, ``failed``, ``canceled``) and optionally
            ``campaign``, ``application_ref``, ``manager`` (e-mail or name) and ``direction``
            (``outbound``, ``inbound``)
        :return: one dict a call, in order: ``call_ref``; ``result``: ``charged``, ``duplicate``
            (same reference and content: the first result again), ``conflict`` (same
            reference, other content: nothing changed) or ``rejected`` (kept, can be retried),
            the last two with a ``reason``, its ``code`` and the ``field`` that is wrong (None: the call as a whole);
            ``differs`` where it is a conflict: {field: {``recorded``, ``sent``}}, empty where what was recorded has
            been deleted. A call whose number was deleted is compared without what was deleted, so that nobody finds
            that out: with another number it is a duplicate. Of a wallet that is not of the user's companies a
            conflict says no more than that it is one. ``billed_minutes``, ``rate`` (a minute), ``total_cost`` and
            ``balance_after`` as decimal strings in ``currency``, of the charge that stands; ``transaction`` (id);
            ``notes``, a list of sentences, where there is something to know of a call that was charged: it differs
            from its hold, or was charged without a campaign or manager that could not be created.
            Charges are committed when the answer is given; inside the caller's own
            transaction they are part of it.
        :raise AccessError: neither the calling platform nor finance staff
        :raise UserError: not a list, or more than 10,000 calls; nothing is recorded then
        """
        self._check_platform()
        self._check_batch(calls)
        with door(self.env) as is_committed:
            answers = as_superuser(self)._record_calls(calls)
        self.env["call.wallet.meter"]._note_calls(calls, answers, is_committed)
        return answers

    @api.model
    @api.readonly
    def list_rejections(self, account=None, after=None, limit=1000):
        """Read the reported calls, and the corrections, that were refused and that nobody has decided on yet.

        Begin anew each time: what is charged or dismissed is left out, and what was reported again keeps its number.

        :param str account: as it was reported, whether or not there is such a wallet; None: of any
        :param int after: a ``rejection`` of an answer, to go on after it; None: from the first one
        :param int limit: how many at most, 1 to 1,000
        :return: one dict each, in order: ``rejection`` (id), ``account``, ``call_ref``, ``kind`` (``charge``,
            ``amend``, ``void``), ``code`` and ``field`` as they were answered, ``reason`` likewise, in the company's
            language, ``reported_at`` (the last time; ISO 8601, UTC), ``payload``, what was reported
        :raise UserError: a parameter is malformed; names it
        :raise AccessError: neither the calling platform nor finance staff
        """
        self._check_platform()
        wallets = self.env["call.wallet"]
        if account is not None:
            account = wallets._read(text, account=account)
        limit = wallets._read_page_limit(limit, MOST_REJECTIONS)
        is_first = after is None or (type(after) is int and after == 0)
        if not is_first and not is_id(after):
            raise UserError(self.env._("after: %s; send the rejection that you have read last.", shown(after)))
        self.env.flush_all()
        return read_open(self.env.cr, account, after or 0, limit, wallets._companies_to_read())

    @api.model
    def retry_rejections(self, rejections):
        """Send rejected calls again as they were reported, once their cause is mended. One never stops the others.

        What only finance may decide stays rejected: a correction that comes too late, one that gives back more than
        a person may, or one that a person of finance has asked for. So does a call with a field that there is not;
        report it anew.

        :param list[int] rejections: their numbers, as ``list_rejections`` answers them; up to 10,000
        :return: one dict each, in order: ``rejection``, and what ``record_calls``, ``amend_calls`` or ``void_calls``
            answers; ``rejected`` with the code ``not_open`` where the call was charged, corrected or dismissed
            meanwhile, and with ``unknown_rejection`` where there is none in the user's companies
        :raise UserError: not a list of numbers, or too many
        :raise AccessError: neither the calling platform nor finance staff
        """
        self._check_platform()
        if not isinstance(rejections, (list, tuple)) or len(rejections) > MAX_CALLS:
            raise UserError(self.env._("rejections: send a list of at most %s numbers.", MAX_CALLS))
        for place, one in enumerate(rejections):
            if not is_id(one):
                raise UserError(
                    self.env._(
                        "rejections[%(place)s]: %(value)s; send a number as list_rejections answers it.",
                        place=place,
                        value=shown(one),
                    )
                )
        by = FINANCE if self.env.su or self._person() else PLATFORM
        with door(self.env):
            return self.env["call.usage.rejection"]._retry_asked(rejections, by)

    def _check_platform(self):
        if not (self.env.su or self.env.user.has_group(PLATFORM) or self.env.user.has_group(FINANCE)):
            raise AccessError(self.env._("Only the calling platform and finance staff may do this."))

    def _check_batch(self, calls):
        if not isinstance(calls, list):
            raise UserError(self.env._("calls: send a list of calls."))
        if len(calls) > MAX_CALLS:
            raise UserError(
                self.env._(
                    "calls: %(sent)s in one request, the limit is %(limit)s; send them in several requests. "
                    "None of them was recorded.",
                    sent=len(calls),
                    limit=MAX_CALLS,
                )
            )

    def _record_calls(self, raw_calls, date_of=None):
        """Record without asking who may.

        :param date_of: call -> naive UTC datetime to enter it under, instead of now
        """
        outcomes = self._price(raw_calls)
        priced = [outcome for outcome in outcomes if isinstance(outcome, Priced)]
        answers = iter(self._charge(priced, date_of) if priced else [])
        results = [
            next(answers) if isinstance(outcome, Priced) else self._refusal(raw, outcome)
            for raw, outcome in zip(raw_calls, outcomes, strict=True)
        ]
        self.env["call.usage.rejection"]._keep(raw_calls, results)
        return [explained(result, self.env) for result in results]

    def _refusal(self, raw, refused):
        call_ref = echo(raw.get("call_ref")) if isinstance(raw, dict) else None
        return {"call_ref": call_ref, "result": "rejected", **refused.parts()}

    # === PRICE === #

    def _price(self, raw_calls):
        """Return a ``Priced`` or a ``Refused`` for each call, in order."""
        outcomes, known, is_sent = [], self._known_fields(CALL_FIELDS), self._is_sent_now()
        for place, raw in enumerate(raw_calls):
            try:
                outcomes.append(parse_call(raw, known, place if is_sent else None))
            except Refused as refused:
                outcomes.append(refused)
        accounts = self.env["call.rate.plan"]._load_rated_wallets(
            {call.account for call in outcomes if isinstance(call, Call)}
        )
        now = utcnow()
        for index, call in enumerate(outcomes):
            if isinstance(call, Call):
                try:
                    outcomes[index] = self._price_one(call, accounts.get(call.account), now)
                except Refused as refused:
                    outcomes[index] = refused
        return outcomes

    def _known_fields(self, fields):
        """Return the fields that a call may have; None where an earlier version has kept it with any others."""
        return None if self.env.context.get("call_usage_any_field") else fields

    def _is_sent_now(self):
        """Return whether calls come as somebody has sent them, whose list has places; else they were kept before."""
        return not self.env.context.get("call_usage_retry")

    def _price_one(self, call, rated, now):
        if rated is None:
            raise Refused(
                "unknown_account", _lt("account: no wallet has the account reference %s.", call.account), "account"
            )
        # What is refused here may still be the repeat of a call that was charged when it was not.
        try:
            check_short(call.number, rated.emergency)
            check_time(call.started_at, now, rated.call_days)
            rate = rated.match(call.call_type, call.direction, call.number, call.started_at)
            if not rate:
                raise Refused(
                    "destination_not_contracted",
                    _lt("number: no rate of the contract covers %s on that day.", call.number),
                    "number",
                )
        except Refused as refused:
            return Priced(call, rated, None, refused)
        return Priced(call, rated, charge(rate, call.billable_seconds))

    # === CHARGE === #

    def _charge(self, priced, date_of):
        """Enter the priced calls in their wallets' ledgers; return the answers, in order."""
        ledger = self.env["call.wallet.ledger"]
        names = self._resolve_names([item for item in priced if item.charge])
        # All that can be done before is: calls on the same wallets wait from here on.
        locked = ledger._lock({item.rated.wallet_id for item in priced})
        first = self._load_recorded(priced)
        fresh = {}
        for item in priced:
            key = (item.rated.wallet_id, item.call.call_ref)
            if key not in first and item.charge:
                fresh.setdefault(key, item)
        if fresh:
            first.update(self._insert(fresh, names, locked, date_of))
        answers, told, conflicts = [], set(), []
        for item in priced:
            key = (item.rated.wallet_id, item.call.call_ref)
            if key not in first:
                answers.append(self._refusal({"call_ref": item.call.call_ref}, item.refused))
                continue
            is_first = key in fresh and key not in told
            told.add(key)
            answers.append(self._answer(item, first[key], is_first))
            if answers[-1]["result"] == "conflict":
                conflicts.append((item, first[key]["fingerprint"], answers[-1]))
        if conflicts:
            self._explain_conflicts(conflicts, fresh)
        return answers

    def _answer(self, item, recorded, is_first):
        call_ref = item.call.call_ref
        result = {"call_ref": call_ref, "result": "charged" if is_first else "duplicate", **recorded}
        result["currency"] = item.rated.currency
        if result.pop("fingerprint") != item.call.fingerprint:
            result.pop("notes", None)  # of the call that was charged
            sentence = _lt("call_ref: %s was reported before with other content; that charge stands.", call_ref)
            result |= {"result": "conflict", **Refused("conflict", sentence, "call_ref").parts()}
        return result

    def _explain_conflicts(self, conflicts, fresh):
        """Say what calls in conflict differ in, to whom it may be told.

        :param list conflicts: as ``_tell_differences``
        """
        # One that differs from what was deleted in nothing but that is answered as the same call: the answer must not
        # tell whoever tries numbers which of them it was.
        same = find_same_but_deleted(self.env.cr, [(item.call, item.rated.wallet_id) for item, _, _ in conflicts])
        own = self.env["call.wallet"]._own_among({item.rated.wallet_id for item, _, _ in conflicts})
        told = []
        for place, (item, fingerprint, answer) in enumerate(conflicts, start=1):
            if place in same:
                answer["result"] = "duplicate"
                for name in ("reason", "code", "field"):
                    del answer[name]
            elif item.rated.wallet_id in own:
                told.append((item, fingerprint, answer))
            else:
                for name in STANDS:
                    del answer[name]
        if told:
            self._tell_differences(told, fresh)

    def _tell_differences(self, conflicts, fresh):
        """Say in the answers to calls in conflict what they differ in from those that were charged.

        :param list conflicts: (``Priced``, fingerprint of what was charged, answer)
        :param dict fresh: what this request has charged: {(wallet id, call reference): ``Priced``}
        """
        charged = {key: item.call for key, item in fresh.items()}
        earlier = [
            (item.call, item.rated.wallet_id, fingerprint)
            for item, fingerprint, _answer in conflicts
            if (item.rated.wallet_id, item.call.call_ref) not in charged
        ]
        if earlier:
            charged |= load_reported(self.env.cr, earlier)
        for item, _fingerprint, answer in conflicts:
            recorded = charged.get((item.rated.wallet_id, item.call.call_ref))
            answer["differs"] = differences(item.call, recorded) if recorded else {}

    def _load_recorded(self, priced):
        """Return what is in the ledger already: {(wallet id, call reference): first result}."""
        # One look at the unique index per call. As a plain join, a planner without statistics
        # may read all of a busy wallet's rows instead.
        self.env.cr.execute(
            """
            SELECT t.wallet_id, substr(t.key, 6), t.fingerprint, t.billed_minutes::text, t.rate::text,
                   (-t.amount)::text, t.balance_after::text, t.id
              FROM unnest(%s::int[], %s::text[]) AS asked(wallet_id, key)
             CROSS JOIN LATERAL (
                   SELECT * FROM call_wallet_transaction found
                    WHERE found.wallet_id = asked.wallet_id AND found.key = asked.key
                    LIMIT 1) t
            """,
            [
                array(item.rated.wallet_id for item in priced),
                array("call/" + item.call.call_ref for item in priced),
            ],
        )
        return {
            (wallet_id, call_ref): dict(zip(RECORDED, values, strict=True))
            for wallet_id, call_ref, *values in self.env.cr.fetchall()
        }

    def _type_labels(self, lang):
        """Return {call type: its name} in a customer's language, whoever reports the call."""
        return dict(self._fields["call_type"]._description_selection(self.with_context(lang=lang).env))

    def _insert(self, fresh, names, locked, date_of):
        """Write the calls and append their charges."""
        now = utcnow()
        items = list(fresh.values())
        labels = {lang: self._type_labels(lang) for lang in {item.rated.lang for item in items}}
        terms = Terms(items)
        written = self._insert_usage(items, names, terms, now)
        entries = []
        for (wallet_id, call_ref), (call, rated, charged, _refused) in fresh.items():
            entries.append(
                Entry(
                    wallet_id=wallet_id,
                    date=date_of(call) if date_of else now,
                    type="usage",
                    amount=-charged.cost,
                    # The row outlives the call, so it names the reference and not the number called.
                    description=f"{labels[rated.lang][call.call_type]} {call_ref}",
                    key="call/" + call_ref,
                    fingerprint=call.fingerprint,
                    is_call=True,
                    call_type=call.call_type,
                    rate=terms.price_of(charged.rate),
                    billed_minutes=charged.billed_minutes,
                    usage_id=written[wallet_id, call_ref][0],
                    campaign_id=names.campaigns.get(call.campaign),
                    call_ref=call_ref,
                    earned_at=call.started_at,
                )
            )
        appended = self.env["call.wallet.ledger"]._append(entries, locked)
        results = {}
        for key, item in fresh.items():
            results[key] = self._first_result(item, terms, *appended[key[0], "call/" + key[1]])
            note_codes = written[key][1]
            if note_codes:
                results[key]["notes"] = self._note_sentences(note_codes.split(","))
        return results

    def _first_result(self, item, terms, transaction_id, balance_after):
        charged = item.charge
        return {
            "fingerprint": item.call.fingerprint,
            "billed_minutes": str(charged.billed_minutes),
            "rate": str(terms.price_of(charged.rate)),
            "total_cost": str(charged.cost),
            "balance_after": balance_after,
            "transaction": transaction_id,
        }

    def _insert_usage(self, items, names, terms, now):
        """Write the calls; return {(wallet id, call reference): (id, codes of its notes or None)}."""
        rows = [
            (
                rated.wallet_id, call.call_ref, call.call_type, call.direction, call.number, call.started_at,
                call.duration_seconds, charged.billed_seconds, charged.billed_minutes, call.status, charged.cost,
                terms.place_of(charged.rate), names.campaigns.get(call.campaign), call.application_ref,
            )
            for call, rated, charged, _refused in items
        ]  # fmt: skip
        columns = [array(column) for column in zip(*rows, strict=True)]
        managers = array(map(names.manager_of, items))
        notes = array(",".join(note_codes(item, names, now)) or None for item in items)
        self.env.cr.execute(INSERT_USAGE, [*terms.columns(), now, *columns, managers, notes])
        return {(wallet_id, call_ref): values for wallet_id, call_ref, *values in self.env.cr.fetchall()}


class Terms:
    """The rates of one request's calls, each once: many calls have few rates."""

    def __init__(self, items):
        self._rates = {}
        for item in items:
            self._rates.setdefault(self._key(item.charge.rate), item.charge.rate)
        self._places = {key: place for place, key in enumerate(self._rates, start=1)}
        self._prices = {key: parse_amount(rate.price_per_minute) for key, rate in self._rates.items()}

    def _key(self, rate):
        # A rate of a plan is known by its id, which is read faster than all of it.
        return rate if rate.rate_id is None else rate.rate_id

    def place_of(self, rate):
        """Return which of the rates, counted from 1, it is."""
        return self._places[self._key(rate)]

    def price_of(self, rate):
        """Return the price a minute, 6 places."""
        return self._prices[self._key(rate)]

    def columns(self):
        """Return what calls keep of their rate, as ``INSERT_USAGE`` takes it."""
        rows = [
            (
                price, rate.rate_id or None, rate.prefix, rate.increment_seconds, rate.minimum_seconds,
                rate.first_block_seconds, rate.free_seconds, rate.grace_seconds, rate.connection_fee,
            )
            for price, rate in zip(self._prices.values(), self._rates.values(), strict=True)
        ]  # fmt: skip
        return [array(column) for column in zip(*rows, strict=True)]


def note_codes(item, names, now):
    """Return the codes of ``NOTES`` that a call begins with."""
    codes = names.missing(item)
    # A call that cost nothing by its status may have any duration.
    if item.call.billable_seconds and ends_ahead(item.call, now):
        codes.append("implausible_end")
    return codes


# What is told of the charge that a call is in conflict with.
STANDS = ("billed_minutes", "rate", "total_cost", "balance_after", "transaction", "currency")
RECORDED = ("fingerprint", "billed_minutes", "rate", "total_cost", "balance_after", "transaction")


# A call's hold is looked up by the unique index, one look a call, as in `_load_recorded`.
INSERT_USAGE = """
    WITH term AS (
        SELECT t.*
          FROM unnest(%s::numeric[], %s::int[], %s::text[], %s::int[], %s::int[], %s::int[], %s::int[], %s::int[],
                      %s::numeric[])
               WITH ORDINALITY
               AS t(rate, rate_id, matched_prefix, increment_seconds, minimum_seconds, first_block_seconds,
                    free_seconds, grace_seconds, connection_fee, place)
    )
    INSERT INTO call_usage
           (reported_at, wallet_id, call_ref, call_type, direction, number, started_at, duration_seconds,
            billed_seconds, billed_minutes, status, total_cost, campaign_id, application_ref, manager_id,
            rate, rate_id, matched_prefix, increment_seconds, minimum_seconds, first_block_seconds, free_seconds,
            grace_seconds, connection_fee, note_codes)
    SELECT %s, c.wallet_id, c.call_ref, c.call_type, c.direction, c.number, c.started_at, c.duration_seconds,
           c.billed_seconds, c.billed_minutes, c.status, c.total_cost, c.campaign_id, c.application_ref, c.manager_id,
           t.rate, t.rate_id, t.matched_prefix, t.increment_seconds, t.minimum_seconds, t.first_block_seconds,
           t.free_seconds, t.grace_seconds, t.connection_fee,
           CASE WHEN (h.number, h.call_type, h.direction) <> (c.number, c.call_type, c.direction)
                THEN concat_ws(',', 'differs_from_hold', c.note_codes) ELSE c.note_codes END
      FROM unnest(
           %s::int[], %s::text[], %s::text[], %s::text[], %s::text[], %s::timestamp[], %s::int[], %s::int[],
           %s::numeric[], %s::text[], %s::numeric[], %s::int[], %s::int[], %s::text[], %s::int[], %s::text[])
           WITH ORDINALITY
           AS c(wallet_id, call_ref, call_type, direction, number, started_at, duration_seconds, billed_seconds,
                billed_minutes, status, total_cost, place, campaign_id, application_ref, manager_id, note_codes,
                position)
      JOIN term t ON t.place = c.place
      LEFT JOIN LATERAL (
           SELECT found.number, found.call_type, found.direction FROM call_wallet_hold found
            WHERE found.wallet_id = c.wallet_id AND found.call_ref = c.call_ref
            LIMIT 1) h ON TRUE
     ORDER BY c.position
 RETURNING wallet_id, call_ref, id, note_codes
"""
