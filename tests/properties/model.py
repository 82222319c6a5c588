"""A wallet as the contract (docs and answers of the API) describes it, kept in plain Python: no addon, no database.

It says of every step what the answer must be and what stands in the ledger afterwards.
"""

from datetime import UTC, timedelta
from decimal import ROUND_DOWN
from zoneinfo import ZoneInfo

from .price_model import ZERO, Price, to_unit

HOLD_SECONDS = 600
GRACE = timedelta(minutes=15)
CORRECTION_WINDOW = timedelta(days=60)
FACTS = ("call_type", "number", "started_at", "duration_seconds", "status")
PRICING = ("call_type", "number", "started_at")


class Row:
    """One row of the ledger: on which day of the wallet it was entered, and on which it belongs in the books."""

    def __init__(self, kind, amount, is_topup, day, booked):
        self.kind, self.amount, self.is_topup, self.day, self.booked = kind, amount, is_topup, day, booked
        self.is_posted = False


class Hold:
    def __init__(self, call_type, number, expected, price, at):
        self.call_type, self.number, self.expected, self.price, self.at = call_type, number, expected, price, at
        self.state, self.seconds, self.amount, self.expires = "held", 0, ZERO, None


class Call:
    """A charged call and how it stands; ``applied`` is the price it was charged at."""

    def __init__(self, content, price):
        self.facts = {name: content[name] for name in FACTS}
        self.first_started_at = content["started_at"]
        self.content = self.last_content = tuple(content.items())
        self.kind, self.applied, self.is_rerated, self.is_deleted = "report", price, False, False
        self.first_cost = self.cost = price.cost(seconds_of(content))
        self.minutes = price.minutes(seconds_of(content))
        self.refunded = ZERO


class Topup:
    """An order: ``payments`` are [amount that settles the invoice, whether it counts], by the payment's id."""

    def __init__(self, amount):
        self.amount, self.noted, self.credited = amount, ZERO, ZERO
        self.payments, self.rejected = {}, set()
        self.is_cancelled, self.is_plain = False, True

    @property
    def is_clean(self):
        """Whether every payment that settles the invoice counts."""
        return all(counts for _amount, counts in self.payments.values())

    @property
    def left(self):
        """What is still ordered: the amount less credit notes."""
        return ZERO if self.is_cancelled else self.amount - self.noted

    @property
    def level(self):
        received = sum((amount for amount, counts in self.payments.values() if counts), ZERO)
        return max(min(received, self.left), ZERO)


class Wallet:
    """One wallet. Its methods take the machine's clock (naive UTC) as ``now`` and return what must be answered."""

    def __init__(self, contract, unit):
        self.contract, self.unit = contract, unit
        self.rows, self.now, self.tz = [], None, "UTC"
        self.holds, self.calls, self.topups = {}, {}, {}
        self.is_set_up = self.is_paused = self.is_closed = False
        self.waiting = {}

    # === FIGURES === #

    @property
    def balance(self):
        return sum((row.amount for row in self.rows), ZERO)

    @property
    def held(self):
        return sum((hold.amount for hold in self.holds.values() if hold.state == "held"), ZERO)

    @property
    def available(self):
        return self.balance - self.held

    @property
    def state(self):
        if not self.is_set_up:
            return "not_set_up"
        return "paused" if self.is_paused or self.balance <= 0 else "active"

    @property
    def ordered(self):
        """What the invoices and credit notes of the top-ups come to, net of tax."""
        return sum((topup.left for topup in self.topups.values()), ZERO)

    def day_of(self, moment):
        """Return the day of the wallet's time zone at a moment, naive UTC."""
        return moment.replace(tzinfo=UTC).astimezone(ZoneInfo(self.tz)).date()

    def enter(self, kind, amount, is_topup=False, earned_at=None):
        """Append a row; a charge is booked on the day of its call, everything else today."""
        day = self.day_of(self.now)
        booked = min(day, self.day_of(earned_at)) if earned_at else day
        self.rows.append(Row(kind, amount, is_topup, day, booked))

    def post(self, last):
        """Put everything up to a day into the books."""
        for row in self.rows:
            row.is_posted = row.is_posted or (not row.is_topup and row.booked <= last)

    # === HOLDS === #

    def expire(self, now):
        """Free what lost calls hold; return whether there was anything."""
        lost = [hold for hold in self.holds.values() if hold.state == "held" and hold.expires < now]
        for hold in lost:
            hold.state = "expired"
        return bool(lost)

    def authorize(self, ref, call_type, number, expected, now):
        """Return the code and the seconds held."""
        if self.is_closed:
            return "closed", 0
        price = self.contract.dearest(call_type, number, now)
        hold = self._own_hold(ref, now)
        if ref in self.calls:
            return "already_settled", 0
        if hold and hold.state == "held":
            is_same = (hold.call_type, hold.number) == (call_type, number)
            # What one of the two does not say is no difference.
            is_same = is_same and not (expected and hold.expected and expected != hold.expected)
            return ("ok", hold.seconds) if is_same else ("conflict", 0)
        if not self.is_set_up:
            return "not_set_up", 0
        if self.is_paused:
            return "paused", 0
        if self.balance <= 0:
            return "no_funds", 0
        if price is None:
            return "destination_not_contracted", 0
        wanted = price.whole_steps(max(expected or HOLD_SECONDS, price.grace + 1))
        return self._reserve(ref, Hold(call_type, number, expected or 0, price.price, now), price, wanted, now)

    def extend(self, ref, now, seconds=None, total=None):
        hold = self._own_hold(ref, now)
        if ref in self.calls:
            return "already_settled", 0
        if not hold or hold.state == "released":
            return "unknown_call", 0
        price = self._price_of(hold)
        wanted = price.whole_steps(total or hold.seconds + seconds)
        if hold.state == "held" and wanted <= hold.seconds:
            return "ok", hold.seconds
        if self.is_paused:
            return "paused", hold.seconds if hold.state == "held" else 0
        return self._reserve(ref, hold, price, wanted, now)

    def release(self, ref, now):
        hold = self._own_hold(ref, now)
        if ref in self.calls:
            return "already_settled", 0
        if not hold:
            return "unknown_call", 0
        if hold.state == "held":
            hold.state = "released"
        return "ok", 0

    def _own_hold(self, ref, now):
        hold = self.holds.get(ref)
        if hold and hold.state == "held" and hold.expires < now:
            self.expire(now)
        return hold

    def _price_of(self, hold):
        return self.contract.dearest(hold.call_type, hold.number, hold.at) or Price("live", "", hold.price)

    def _reserve(self, ref, hold, price, wanted, now):
        is_held = hold.state == "held"
        own, before = (hold.amount, hold.seconds) if is_held else (ZERO, 0)
        longest = price.longest(self.available + own)
        if longest < wanted and self.expire(now):
            longest = price.longest(self.available + own)
        if longest <= max(before, price.grace):
            return "no_funds", before
        hold.seconds = min(wanted, longest)
        hold.state, hold.amount = "held", price.cost(hold.seconds)
        hold.price = price.price
        hold.expires = now + timedelta(seconds=hold.seconds) + GRACE
        self.holds[ref] = hold
        return "ok", hold.seconds

    # === CALLS === #

    def record(self, content):
        """Return ``charged``, ``duplicate``, ``conflict`` or ``rejected``."""
        ref = content["call_ref"]
        call = self.calls.get(ref)
        if call and call.is_deleted:
            # Nobody finds out by trying what was deleted; the ledger knows the type, and when it was charged.
            is_like_it = content["call_type"] == call.first_type and content[
                "started_at"
            ] <= call.charged_at + timedelta(days=1)
            return "duplicate" if is_like_it else "conflict"
        if call:
            return "duplicate" if call.content == tuple(content.items()) else "conflict"
        price = self.contract.match(content["call_type"], content["number"], content["started_at"])
        if price is None:
            return "rejected"
        call = self.calls[ref] = Call(content, price)
        call.first_type, call.charged_at = content["call_type"], self.now
        self.enter("usage", -call.cost, earned_at=content["started_at"])
        hold = self.holds.get(ref)
        if hold and hold.state == "held":
            hold.state = "settled"
        return "charged"

    def amend(self, content, now):
        """Return the result and the difference that is charged (less than zero: given back)."""
        call = self.calls.get(content["call_ref"])
        given = tuple(content.items())
        if call is None or call.is_deleted:
            return "rejected", None
        if call.first_started_at < now - CORRECTION_WINDOW and call.last_content != given:
            return "rejected", None
        is_plain = call.kind != "void" and not call.is_rerated
        if call.last_content == given or (is_plain and all(content[name] == call.facts[name] for name in FACTS)):
            return "duplicate", ZERO
        price = call.applied
        if call.is_rerated or any(content[name] != call.facts[name] for name in PRICING):
            price = self.contract.match(content["call_type"], content["number"], content["started_at"])
        if price is None:
            return "rejected", None
        seconds = seconds_of(content)
        difference = self._correct(call, price.cost(seconds), price.minutes(seconds), content["call_type"])
        call.facts = {name: content[name] for name in FACTS}
        call.kind, call.last_content, call.applied, call.is_rerated = "amend", given, price, False
        return "corrected", difference

    def void(self, ref, now):
        call = self.calls.get(ref)
        if call is None or call.is_deleted:
            return "rejected", None
        if call.kind == "void":
            return "duplicate", ZERO
        if call.first_started_at < now - CORRECTION_WINDOW:
            return "rejected", None
        difference = self._correct(call, ZERO, ZERO, call.facts["call_type"])
        call.kind, call.last_content = "void", "void"
        return "corrected", difference

    def _correct(self, call, cost, minutes, call_type):
        """Enter what a call costs and lasts otherwise; what people refunded by hand stands. Return the difference."""
        if call_type != call.facts["call_type"]:
            back, again = min(call.refunded - call.cost, ZERO), max(cost - call.refunded, ZERO)
            parts = [(back, -call.minutes), (again, minutes)]
        else:
            difference = cost - call.cost
            if difference < 0:
                difference = max(difference, min(call.refunded - call.cost, ZERO))
            parts = [(difference, minutes - call.minutes)]
        for amount, moved in parts:
            if amount or moved:
                self.enter("refund" if amount < 0 else "usage", -amount)
        difference = sum(amount for amount, _moved in parts)
        call.cost, call.minutes = call.cost + difference, minutes
        return difference

    def rerate(self, first, last):
        """Price the calls that began from ``first`` up to, without, ``last`` anew."""
        found = [call for call in self.calls.values() if not call.is_deleted]
        for call in sorted(found, key=lambda call: call.first_started_at):
            if not first <= call.first_started_at < last:
                continue
            seconds = 0 if call.kind == "void" else seconds_of(call.facts)
            price = self.contract.match(call.facts["call_type"], call.facts["number"], call.facts["started_at"])
            if price is None or not (seconds or call.cost):
                continue
            wanted = price.cost(seconds) - call.cost
            if wanted < 0:
                wanted = max(wanted, min(call.refunded - call.cost, ZERO))
            if wanted:
                self.enter("refund" if wanted < 0 else "usage", -wanted)
                call.cost += wanted
                call.minutes, call.is_rerated = price.minutes(seconds), True

    def refundable(self, call):
        return call.cost - call.refunded

    def refund(self, amount, call=None):
        self.enter("refund", amount)
        if call:
            call.refunded += amount

    # === TOP-UPS === #

    def follow(self, topup):
        """Bring the wallet to what was received for a top-up."""
        difference, topup.credited = topup.level - topup.credited, topup.level
        if difference:
            self.enter("balance_added" if difference > 0 else "reversal", difference, is_topup=True)

    def pay_back(self, topup, amount):
        """Credit a part that was received, and with it all that was never paid."""
        topup.noted = topup.amount - (topup.credited - amount)
        self.follow(topup)

    # === THE END === #

    def close(self):
        """Pay back what came from top-ups, the newest first; the rest is kept, or written off."""
        for key in sorted(self.topups, reverse=True):
            topup = self.topups[key]
            amount = to_unit(min(self.balance, topup.credited), self.unit, ROUND_DOWN)
            if amount > 0:
                self.pay_back(topup, amount)
        rest = self.balance
        if rest:
            self.enter("reversal" if rest > 0 else "refund", -rest)
        self.is_closed = True

    @property
    def posted_amount(self):
        """What the posted charges, refunds and reversals of funds come to in the books, as a credit."""
        return to_unit(sum((row.amount for row in self.rows if row.is_posted), ZERO), self.unit)


def seconds_of(content):
    """Return the seconds that are charged: none where the call did not connect."""
    return content["duration_seconds"] if content["status"] == "completed" else 0
