"""One request's corrections: what was asked for, what holds, and what is entered."""

from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from odoo.tools.translate import LazyTranslate

from ...const import FINANCE
from ...rating import Charge, Rate, charge
from ...rating.money import plain
from ...tools.clock import utcnow
from ...tools.fields import ZERO, parse_amount
from ...tools.intake import Call, Refused, ends_ahead
from ...tools.rated_wallet import RatedWallet
from ...tools.usage_report_file import DELETED
from ..ledger.call_wallet_ledger import Entry
from ..usage.call_usage_record import Priced

_lt = LazyTranslate(__name__)

RATE_FIELDS = (
    "rate_id", "matched_prefix", "rate", "increment_seconds", "minimum_seconds", "first_block_seconds",
    "free_seconds", "grace_seconds", "connection_fee",
)  # fmt: skip
# The note of a call that ends in the future.
AHEAD = "implausible_end"
# The keys of a correction's transactions begin with this.
AMENDS = "amend/"
COPIED = (
    "usage_id", "wallet_id", "sequence", "kind", "fingerprint", "call_type", "direction", "number", "started_at",
    "duration_seconds", "status", "campaign_id", "application_ref", "manager_id", "is_rerated", *RATE_FIELDS,
)  # fmt: skip
# What says which price applies; while none of it changes, a call keeps the price that it was charged at.
PRICING = ("call_type", "direction", "number", "started_at")
FACTS = (*PRICING, "duration_seconds", "status")


class Correction(NamedTuple):
    """One correction as it was asked for; ``call`` is None for a call that is voided.

    ``given`` are the optional fields that were sent; what is left out stays as it was.
    """

    account: str
    call_ref: str
    call: Call | None
    reason: str
    fingerprint: str
    given: frozenset = frozenset()

    def completed(self, found):
        """Return it with the direction of the call as it stands, where none was sent."""
        if self.call is None or "direction" in self.given:
            return self
        return self._replace(call=self.call._replace(direction=found.direction))


class Standing(NamedTuple):
    """What holds of a call: its facts, price and cost after all corrections; amounts are Decimals.

    ``refunded`` is what people gave back by hand; ``transaction`` and ``balance_after`` (text) are those of the last
    correction, else of the charge; None where the last correction changed neither amount nor minutes.
    """

    usage_id: int
    wallet_id: int
    call_ref: str
    sequence: int
    kind: str
    fingerprint: str
    call_type: str
    direction: str
    number: str
    started_at: object
    first_started_at: object
    duration_seconds: int
    status: str
    campaign_id: int
    application_ref: str
    manager_id: int
    rate_id: int
    matched_prefix: str
    rate: Decimal
    increment_seconds: int
    minimum_seconds: int
    first_block_seconds: int
    free_seconds: int
    grace_seconds: int
    connection_fee: Decimal
    is_rerated: bool
    is_masked: bool
    minutes: Decimal
    cost: Decimal
    refunded: Decimal
    transaction: int
    balance_after: str

    def applied_rate(self):
        """Return the ``Rate`` that the call was charged at; the price of a re-rating stands in no row as a whole."""
        return Rate(
            prefix=self.matched_prefix or "",
            price_per_minute=self.rate,
            increment_seconds=self.increment_seconds,
            minimum_seconds=self.minimum_seconds,
            connection_fee=self.connection_fee,
            free_seconds=self.free_seconds,
            rate_id=self.rate_id,
            first_block_seconds=self.first_block_seconds,
            grace_seconds=self.grace_seconds,
        )


class Allowance:
    """What one person of finance may give back by corrections: as much as by refunds, and together with them."""

    def __init__(self, wallets, user):
        self.wallets, self.user = {wallet.id: wallet for wallet in wallets}, user
        self.totals, self.given = {}, {}

    def lock(self):
        """Let the person's other sessions wait; before the wallets' locks, as refunds do."""
        companies = {wallet.company_id for wallet in self.wallets.values()}
        for company in sorted(companies, key=lambda company: company.id):
            self.totals[company] = company.env["call.wallet.refund.day"]._lock_total(self.user, company)

    def refuses(self, wallet_id, amount):
        """Count ``amount``, in the wallet's currency, towards the day; return whether it needs a second person."""
        wallet = self.wallets[wallet_id]
        company, limit = wallet.company_id, wallet._refund_limit()
        given = self.given.get(company, ZERO)
        if (limit and amount > limit) or wallet._is_above_day_limit(self.totals[company] + given, amount):
            return True
        self.given[company] = given + wallet._in_company_currency(amount)
        return False

    def note(self):
        for company, amount in self.given.items():
            company.env["call.wallet.refund.day"]._add(self.user, company, amount)


class Batch:
    """The corrections of one request, one after another: a call may be corrected more than once in it."""

    def __init__(self, usage, kind, wallets, allowance):
        self.usage, self.env = usage, usage.env
        self.kind, self.allowance = kind, allowance
        self.days = {wallet.id: wallet.company_id.call_wallet_correction_days for wallet in wallets}
        self.names = self.standing = None
        self.now = utcnow()
        self.entries = []
        self.rows = []

    def add(self, asked, rated: RatedWallet):
        """Take one correction in; return its outcome: ``Refused``, or what ``_result`` turns into the answer."""
        if isinstance(asked, Refused):
            return asked
        if rated is None:
            return Refused(
                "unknown_account", _lt("account: no wallet has the account reference %s.", asked.account), "account"
            )
        found = self.standing.get((rated.wallet_id, asked.call_ref))
        if found is None:
            return Refused(
                "unknown_call", _lt("call_ref: no call %s was charged; report it.", asked.call_ref), "call_ref"
            )
        refused = self._objection(asked, found)
        if refused:
            return refused
        asked = asked.completed(found)
        if self._holds(asked, found, rated):
            return found, ZERO, rated, None
        charged = self._price(asked.call, found, rated)
        return charged if isinstance(charged, Refused) else self._take(asked, found, charged, rated)

    def is_wanted(self, asked, rated):
        """Tell whether a call may be amended, by what holds now; nothing is locked yet."""
        found = self.standing.get((rated.wallet_id, asked.call_ref))
        if not found or self._objection(asked, found):
            return False
        return not isinstance(self._price(asked.completed(found).call, found, rated), Refused)

    def _objection(self, asked, found):
        """Return why a call may not be corrected any more, as ``Refused``, or None."""
        # Before all else: whether a number is that of a masked call is nobody's to find out.
        if asked.call and found.is_masked:
            return Refused(
                "deleted",
                _lt("call_ref: the number of %s was deleted; it can be voided, or refunded.", asked.call_ref),
                "call_ref",
            )
        is_same = found.fingerprint == asked.fingerprint
        is_late = found.first_started_at < self.now - timedelta(days=self.days[found.wallet_id])
        if is_late and not (is_same or self.allowance or self.env.context.get("call_usage_retry") == FINANCE):
            return Refused(
                "too_late",
                _lt("call_ref: %s is longer ago than calls can be corrected for; finance decides.", asked.call_ref),
                "call_ref",
            )
        return None

    def _holds(self, asked, found, rated):
        """Tell whether what was asked for holds already."""
        call = asked.call
        if call is None:
            return found.kind == "void"
        names = self._names(call, rated)
        if any(getattr(found, field) != value for field, value in (names[name] for name in names.keys() & asked.given)):
            return False
        # Priced anew after a re-rating, whose price stands in no row as a whole; unless it is what was sent last.
        is_last = found.fingerprint == asked.fingerprint
        is_plain = found.kind != "void" and not found.is_rerated
        return is_last or (is_plain and all(getattr(call, name) == getattr(found, name) for name in FACTS))

    def _names(self, call, rated):
        """Return {optional field: (what it is kept as, its value)} of a call."""
        return {
            "campaign": ("campaign_id", self.names.campaigns.get(call.campaign)),
            "application_ref": ("application_ref", call.application_ref),
            "manager": ("manager_id", self.names.manager_of(Priced(call, rated, True))),
        }

    def _price(self, call, found, rated):
        """Return the ``Charge`` of the call as corrected, or the ``Refused`` that says why there is none."""
        if call is None:
            return Charge(0, ZERO, ZERO, found.applied_rate())
        is_same = all(getattr(call, name) == getattr(found, name) for name in PRICING)
        if is_same and not found.is_rerated:
            return charge(found.applied_rate(), call.billable_seconds)
        priced = self.usage._price_one(call, rated, utcnow())
        return priced.charge or priced.refused

    def _take(self, asked, found, charged, rated):
        new = self._corrected(asked, found, charged, rated)
        entries = self._entries(asked, found, new, self._description(found, new, rated))
        difference = -sum((entry.amount for entry in entries), ZERO)
        if difference < 0 and self.allowance and self.allowance.refuses(found.wallet_id, -difference):
            return Refused(
                "above_limit",
                _lt(
                    "call_ref: %s gives back more than one person may, at once or in a day; ask for a refund of the "
                    "call, which a second person approves.",
                    asked.call_ref,
                ),
                "call_ref",
            )
        self.entries += entries
        # Who voids a call whose number was deleted may name it as the reason.
        reason = DELETED if found.is_masked and asked.reason else asked.reason
        self.rows.append((new, found, reason, difference, entries[-1].key if entries else None))
        self.standing[found.wallet_id, found.call_ref] = new._replace(cost=found.cost + difference)
        return self.standing[found.wallet_id, found.call_ref], difference, rated, len(self.rows) - 1

    def _corrected(self, asked, found, charged, rated):
        """Return what holds of the call after this correction."""
        rate, call = charged.rate, asked.call
        # Voiding prices nothing: what a re-rating charged stays unknown until the call is amended again.
        is_rerated = found.is_rerated and call is None
        new = found._replace(
            sequence=found.sequence + 1, kind=self.kind, fingerprint=asked.fingerprint,
            minutes=charged.billed_minutes, cost=charged.cost, is_rerated=is_rerated,
            rate_id=rate.rate_id or None, matched_prefix=rate.prefix, rate=parse_amount(rate.price_per_minute),
            increment_seconds=rate.increment_seconds, minimum_seconds=rate.minimum_seconds,
            first_block_seconds=rate.first_block_seconds, free_seconds=rate.free_seconds,
            grace_seconds=rate.grace_seconds, connection_fee=parse_amount(rate.connection_fee),
        )  # fmt: skip
        if call is None:
            return new
        names = self._names(call, rated)
        return new._replace(
            call_type=call.call_type, direction=call.direction, number=call.number, started_at=call.started_at,
            duration_seconds=call.duration_seconds, status=call.status,
            **dict(names[name] for name in names if name in asked.given),
        )  # fmt: skip

    def _entries(self, asked, found, new, description):
        """Return the ledger's rows for the difference: none where neither amount nor billed minutes change.

        Minutes without an amount, such as those of a free call, have a row of zero: so the ledger, the daily totals and
        the call itself tell the same minutes. A call that turns out to be of another type or campaign is given back and
        charged anew, so that the totals of both are right. Refunds by hand stand: what they gave back is not given back
        again, nor charged again.
        """
        if (found.call_type, found.campaign_id) != (new.call_type, new.campaign_id):
            back, again = min(found.refunded - found.cost, ZERO), max(new.cost - found.refunded, ZERO)
            parts = [("/back", found, back, -found.minutes), ("", new, again, new.minutes)]
        else:
            difference = new.cost - found.cost
            if difference < 0:
                difference = max(difference, min(found.refunded - found.cost, ZERO))
            parts = [("", new, difference, new.minutes - found.minutes)]
        return [
            Entry(
                wallet_id=found.wallet_id,
                date=self.now,
                type="refund" if amount < 0 else "usage",
                amount=-amount or ZERO,
                description=description,
                key=f"{AMENDS}{found.usage_id}/{new.sequence}{suffix}",
                fingerprint=asked.fingerprint,
                is_call=True,
                call_type=facts.call_type,
                rate=facts.rate,
                billed_minutes=minutes,
                usage_id=found.usage_id,
                campaign_id=facts.campaign_id,
            )
            for suffix, facts, amount, minutes in parts
            if amount or minutes
        ]

    def _description(self, found, new, rated):
        """Say in the customer's language what happened to a call, whoever corrects it."""
        _ = self.usage.with_context(lang=rated.lang).env._
        # The row outlives the call, so it names the reference, and not what the platform says of somebody.
        call = f"{self.usage._type_labels(rated.lang)[found.call_type]} {found.call_ref}"
        if self.kind == "void":
            return _("%s voided", call)
        if new.cost == found.cost and new.minutes != found.minutes:
            minutes = {"old": plain(found.minutes), "new": plain(new.minutes)}
            return _("%(call)s corrected, minutes %(old)s, now %(new)s", call=call, **minutes)
        return _("%(call)s corrected, cost %(old)s, now %(new)s", call=call, old=plain(found.cost), new=plain(new.cost))

    # === ENTER === #

    def enter(self, outcomes, locked, uid):
        """Charge the differences, note the corrections, and return the results, in order."""
        entered = self.env["call.wallet.ledger"]._append(self.entries, locked) if self.entries else {}
        transactions = [entered.get((new.wallet_id, key)) for new, _found, _reason, _difference, key in self.rows]
        self._note(transactions, uid)
        self._note_ends()
        self.env["call.wallet.event"]._add(self._events(transactions))
        if self.allowance:
            self.allowance.note()
        balances = {wallet_id: str(parse_amount(funds.balance)) for wallet_id, funds in locked.items()}
        return [self._result(outcome, transactions, balances) for outcome in outcomes]

    def _result(self, outcome, transactions, balances):
        if isinstance(outcome, Refused):
            return {"call_ref": None, "result": "rejected", **outcome.parts()}
        new, difference, rated, row = outcome
        entered = transactions[row] if row is not None else new.transaction and (new.transaction, new.balance_after)
        if row is not None and entered:
            balances[new.wallet_id] = entered[1]
        transaction, balance_after = entered or (None, balances[new.wallet_id])
        is_odd = row is not None and self._ends_ahead(new)
        return {
            "call_ref": None,
            **({"notes": self.usage._note_sentences([AHEAD])} if is_odd else {}),
            "result": "duplicate" if row is None else "corrected",
            "billed_minutes": str(new.minutes),
            "rate": str(new.rate),
            "total_cost": str(new.cost),
            "difference": str(difference),
            "balance_after": balance_after,
            "transaction": transaction,
            "currency": rated.currency,
        }

    def _events(self, transactions):
        """Return what the platform is told of the corrections: of each call its reference, and what it cost."""
        for (new, found, _reason, difference, _key), transaction in zip(self.rows, transactions, strict=True):
            data = {
                "call_ref": new.call_ref, "kind": self.kind, "old_cost": found.cost, "total_cost": new.cost,
                "billed_minutes": new.minutes, "difference": difference,
                "transaction": transaction and transaction[0],
            }  # fmt: skip
            yield found.wallet_id, "call.corrected", data

    def _note(self, transactions, uid):
        values = []
        for (new, found, reason, difference, _key), transaction in zip(self.rows, transactions, strict=True):
            facts = {name: getattr(new, name) for name in COPIED}
            values.append(
                {
                    **facts,
                    "reason": reason,
                    "corrected_at": self.now,
                    "user_id": uid,
                    "billed_minutes": new.minutes,
                    "old_cost": found.cost,
                    "total_cost": new.cost,
                    "difference": difference,
                    "transaction_id": transaction and transaction[0],
                }
            )
        self.env["call.usage.correction"].create(values)

    def _ends_ahead(self, new):
        """Tell whether a call, as corrected, costs something and ends in the future."""
        return new.kind != "void" and new.status == "completed" and ends_ahead(new, self.now)

    def _note_ends(self):
        """Have the note of an end in the future where the last correction of a call says so, and nowhere else."""
        ends = {new.usage_id: self._ends_ahead(new) for new, *_more in self.rows}
        if ends:
            self.env.cr.execute(NOTE_ENDS, [AHEAD, AHEAD, list(ends), list(ends.values()), AHEAD])
            self.env["call.usage"].invalidate_model(["note_codes"], flush=False)


# Calls keep the codes of their notes with commas between them.
NOTE_ENDS = """
    UPDATE call_usage u
       SET note_codes = NULLIF(concat_ws(',', NULLIF(array_to_string(array_remove(noted.codes, %s), ','), ''),
                                         CASE WHEN ends.is_ahead THEN %s END), '')
      FROM unnest(%s::int[], %s::bool[]) AS ends(usage_id, is_ahead)
      JOIN call_usage known ON known.id = ends.usage_id
     CROSS JOIN LATERAL (SELECT string_to_array(COALESCE(known.note_codes, ''), ',') AS codes) noted
     WHERE u.id = ends.usage_id AND ends.is_ahead <> (%s = ANY(noted.codes))
"""
