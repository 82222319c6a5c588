"""What people, platforms and banks do to a wallet, in any order, compared with the model after each step."""

from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from odoo.exceptions import UserError

from .checks import check_books, check_wallets
from .model import Wallet
from .often import often
from .price_model import MICRO, ZERO, Contract, Price, to_unit
from .world import BOOKS, make_wallet, to_rate

ENDS = ("at once", "at once", "at once", "a day later", "released", "lost")
BEGINNINGS = (datetime(2026, 3, 27, 22), datetime(2026, 10, 24, 23, 30), datetime(2026, 12, 31, 22, 50))
ZONES = ("UTC", "America/Los_Angeles", "Asia/Kolkata", "Pacific/Auckland", "Europe/Madrid")
PRICES = (
    Price("live", "1", Decimal("0.9")),
    Price("live", "1415", Decimal("1.25")),
    Price("live", "44", Decimal("0.391"), fee=Decimal("0.1")),
    Price("live", "33", Decimal("0.3"), increment=1),
    Price("live", "49", Decimal("0.6"), increment=6, minimum=30),
    Price("live", "39", Decimal("0.5"), free=60),
    Price("live", "351", Decimal("0.333333"), increment=6, block=20, grace=5),
    Price("live", "81", Decimal("0.000001"), increment=1),
    Price("live", "800", ZERO),
)
NUMBERS = (
    "+14155550100", "+12025550101", "+442079460000", "+33155550100", "+4930123456", "+390612345678",
    "+351211234567", "+81312345678", "+80012345678", "+8613800000000",
)  # fmt: skip
REFS = st.sampled_from(("a", "b", "c"))
NUMBER = st.sampled_from(NUMBERS)
TYPE = st.sampled_from(("live", "live", "whatsapp"))
SECONDS = st.sampled_from((0, 1, 5, 6, 20, 59, 60, 61, 119, 600, 1801, 4000))
EXPECTED = st.sampled_from((None, 30, 61, 600, 3000, 20_000))
STATUS = st.sampled_from(("completed", "completed", "completed", "completed", "busy"))
AGO = st.sampled_from((60, 3_600, 5_000, 90_000, 700_000, 61 * 86_400)).map(lambda s: timedelta(seconds=s))
AMOUNTS = st.sampled_from(("1", "5", "20", "50.5", "100"))
# Most happens to the first wallet: what one step leaves there, a later one meets.
PLACE = st.sampled_from((0, 0, 0, 1))
NTH = st.integers(0, 5)
PREFIX = st.sampled_from(("1", "1415", "44", "39", "351"))
PRICE = st.sampled_from(("0.01", "0.7", "2"))
PART = st.sampled_from(("0.1", "0.5", "1", "1.3"))


def has_calls(machine):
    return any(wallet.calls for wallet in machine.wallets)


def has_holds(machine):
    return any(wallet.holds for wallet in machine.wallets)


class WalletMachine(RuleBasedStateMachine):
    """Two wallets and everything that happens to them. ``arena`` says whose transactions the steps are."""

    arena = None

    def __init__(self):
        super().__init__()
        self.arena.begin()
        self.wallets, self.clock, self.n = [], BEGINNINGS[0], 0

    def teardown(self):
        try:
            self.look_at_everything()
        finally:
            self.arena.end()

    def look_at_everything(self):
        """Compare books, days, calls and reports, which takes longer than to be done after each step."""
        for wallet in self.wallets:
            check_books(self, wallet, is_last=True)

    # === SHORT WAYS === #

    def do(self, work):
        """Carry out ``work`` (a function of an environment) now; return what it returns."""
        return self.arena.request(work, self.clock)

    def attempt(self, work):
        """As ``do``; None where it is refused."""
        try:
            return self.do(work)
        except UserError:
            return None

    def key(self):
        self.n += 1
        return f"key-{self.n}"

    def nth_call(self, place, n):
        """Return the reference of one of a wallet's calls, or None while there is none."""
        refs = list(self.wallets[place].calls)
        return refs[-1 - n % len(refs)] if refs else None

    def money(self, wallet, amount):
        """An amount that can be paid in the wallet's currency: of yen, two hundred times as much."""
        amount = Decimal(amount) * (200 if wallet.unit == 1 else 1)
        return to_unit(amount, wallet.unit, ROUND_DOWN)

    def content(self, ref, call_type, number, ago, seconds, status):
        return {
            "call_ref": ref,
            "call_type": call_type,
            "number": number,
            "started_at": self.clock - ago,
            "duration_seconds": seconds,
            "status": status,
        }

    def sent(self, wallet, content):
        return {**content, "account": wallet.account, "started_at": f"{content['started_at'].isoformat()}Z"}

    # === SET-UP AND TIME === #

    @initialize(
        beginning=st.sampled_from(BEGINNINGS), zones=st.tuples(*[st.sampled_from(ZONES)] * 2),
        books=st.permutations(range(len(BOOKS))), first=AMOUNTS,
    )  # fmt: skip
    def begin(self, beginning, zones, books, first):
        self.clock = beginning
        for place, tz in zip(books, zones, strict=False):
            _company, _currency, unit, whatsapp = book = BOOKS[place]
            wallet = Wallet(Contract([], Decimal(whatsapp)), Decimal(unit))
            wallet.book, wallet.tz, wallet.now = book, tz, beginning
            wallet.company = self.arena.world.companies[book[0]]
            wallet.id, wallet.account = self.do(
                lambda env, book=book, tz=tz: make_wallet(env, self.arena.world, book, tz, PRICES)
            )
            wallet.contract.prices = self.do(lambda env, wallet=wallet: self._with_ids(env, wallet))
            self.wallets.append(wallet)
        self.set_up(0)
        self.fund(first)

    def fund(self, amount):
        """Bring first money to the first wallet."""
        self.refund(0, amount, 1)

    def _with_ids(self, env, wallet):
        rates = env["call.wallet"].browse(wallet.id).rate_plan_id.rate_ids
        ids = {(rate.call_type, rate.prefix): rate.id for rate in rates}
        return [price._replace(id=ids[price.call_type, price.prefix]) for price in PRICES]

    @rule(seconds=st.sampled_from((1, 90, 700, 2_500, 3_600, 40_000, 86_400, 20 * 86_400)))
    def wait(self, seconds):
        self.clock += timedelta(seconds=seconds)
        for wallet in self.wallets:
            wallet.now = self.clock

    @rule(place=PLACE)
    def set_up(self, place):
        wallet = self.wallets[place]
        self.do(lambda env: env["call.wallet"].browse(wallet.id).set_recipients(["a@properties.example"]))
        wallet.is_set_up = True

    @rule(place=st.just(1))
    def take_recipients_away(self, place):
        wallet = self.wallets[place]
        self.do(lambda env: env["call.wallet"].browse(wallet.id).set_recipients([]))
        wallet.is_set_up = False

    @rule(place=PLACE, tz=st.sampled_from(ZONES))
    def move_to_another_zone(self, place, tz):
        wallet = self.wallets[place]

        def work(env):
            env["call.wallet"].browse(wallet.id).tz = tz
            return True

        moved = self.attempt(work)
        assert bool(moved) == (tz == wallet.tz or not wallet.rows), (moved, tz)
        if moved:
            wallet.tz = tz

    @rule(place=PLACE)
    def pause(self, place):
        wallet = self.wallets[place]
        self.do(lambda env: env["call.wallet"].browse(wallet.id).action_pause("Looked into"))
        wallet.is_paused = True

    @rule(place=PLACE)
    def resume(self, place):
        wallet = self.wallets[place]
        self.do(lambda env: env["call.wallet"].browse(wallet.id).action_resume())
        wallet.is_paused = False

    # === HOLDS === #

    @rule(place=PLACE, ref=REFS, call_type=TYPE, number=NUMBER, expected=EXPECTED, repeated=st.booleans())
    def authorize(self, place, ref, call_type, number, expected, repeated):
        wallet = self.wallets[place]
        for _time in range(1 + repeated):
            wanted = wallet.authorize(ref, call_type, number, expected, self.clock)
            answer = self.do(
                lambda env: env["call.wallet"].authorize_call(wallet.account, ref, call_type, number, expected)
            )
            self._compare_hold(wallet, answer, wanted)

    @precondition(has_holds)
    @rule(place=PLACE, ref=REFS, seconds=st.sampled_from((1, 60, 900, 8_000)), is_total=st.booleans())
    def extend(self, place, ref, seconds, is_total):
        wallet = self.wallets[place]
        asked = {"total" if is_total else "seconds": seconds}
        wanted = wallet.extend(ref, self.clock, **asked)
        asked = {"total_seconds" if is_total else "seconds": seconds}
        answer = self.do(lambda env: env["call.wallet"].extend_hold(wallet.account, ref, **asked))
        self._compare_hold(wallet, answer, wanted)

    @precondition(has_holds)
    @rule(place=PLACE, ref=REFS)
    def release(self, place, ref):
        wallet = self.wallets[place]
        wanted = wallet.release(ref, self.clock)
        answer = self.do(lambda env: env["call.wallet"].release_hold(wallet.account, ref))
        self._compare_hold(wallet, answer, wanted)

    @rule()
    def expire_lost_holds(self):
        self.do(lambda env: env["call.wallet"]._cron_expire_holds())
        for wallet in self.wallets:
            wallet.expire(self.clock)

    def _compare_hold(self, wallet, answer, wanted):
        code, seconds = wanted
        told = (answer["code"], answer["max_seconds"] if code in ("ok", "no_funds", "paused") else 0)
        assert told == (code, seconds), (answer, wanted)
        assert answer["allowed"] == (code == "ok")
        if answer["balance"] is not None:
            assert Decimal(answer["balance"]) == wallet.balance, (answer, wallet.balance)
            assert Decimal(answer["available"]) == wallet.available, (answer, wallet.available)

    # === CALLS === #

    @often(
        8,
        place=PLACE, call_type=TYPE, number=NUMBER, expected=EXPECTED,
        more=st.sampled_from((None, None, 60, 900)), end=st.sampled_from(ENDS), seconds=st.one_of(st.none(), SECONDS),
    )  # fmt: skip
    def call(self, place, call_type, number, expected, more, end, seconds):
        """A call from its beginning to its end, under a reference of its own: most of what a wallet sees."""
        ref = self.key()
        self.authorize(place, ref, call_type, number, expected, repeated=False)
        hold = self.wallets[place].holds.get(ref)
        if hold is None:
            return
        if more:
            self.extend(place, ref, more, is_total=False)
        if end == "released":
            self.release(place, ref)
        elif end == "lost":
            self.wait(hold.seconds + 901)
            self.expire_lost_holds()
        else:
            # None: it lasts as long as it may.
            self.record_what_was_authorised(place, ref, seconds, timedelta(seconds=60 if end == "at once" else 90_000))
            self.report_again(place, 0)

    @rule(place=PLACE, prefix=PREFIX, expected=EXPECTED)
    def call_while_a_price_rises(self, place, prefix, expected):
        """Another price will hold once it has rung: the dearer of both is held."""
        self.change_a_price(place, prefix, "3", timedelta(seconds=60), is_ahead=True)
        self.authorize(place, self.key(), "live", f"+{prefix}550100999", expected, repeated=False)

    @rule(place=PLACE, call_type=TYPE, number=NUMBER, expected=EXPECTED)
    def call_while_paused(self, place, call_type, number, expected):
        """However much is there, nothing is held."""
        self.pause(place)
        self.authorize(place, self.key(), call_type, number, expected, repeated=False)
        self.resume(place)

    @rule(place=PLACE, ref=REFS, call_type=TYPE, number=NUMBER, ago=AGO, seconds=SECONDS, status=STATUS,
          times=st.sampled_from((1, 1, 2)))  # fmt: skip
    def record(self, place, ref, call_type, number, ago, seconds, status, times):
        self._report(place, self.content(ref, call_type, number, ago, seconds, status), times)

    @precondition(has_holds)
    @rule(place=PLACE, ref=REFS, seconds=st.one_of(st.none(), SECONDS), ago=AGO)
    def record_what_was_authorised(self, place, ref, seconds, ago):
        hold = self.wallets[place].holds.get(ref)
        if hold:
            seconds = hold.seconds if seconds is None else seconds
            self._report(place, self.content(ref, hold.call_type, hold.number, ago, seconds, "completed"))

    def _report(self, place, content, times=1):
        wallet = self.wallets[place]
        before, kept = wallet.balance, self._within_its_hold(wallet, content)
        sent = [self.sent(wallet, content)] * times
        for result in self.do(lambda env: env["call.usage"].record_calls(sent)):
            wanted = wallet.record(content)
            assert result["result"] == wanted, (result, wanted)
            if wanted in ("charged", "duplicate"):
                call = wallet.calls[content["call_ref"]]
                assert Decimal(result["total_cost"]) == call.first_cost, (result, call.first_cost)
            if wanted == "charged":
                assert Decimal(result["balance_after"]) == wallet.balance
        assert not (kept and before >= 0 > wallet.balance), "a call within its hold took the balance below zero"

    def _within_its_hold(self, wallet, content):
        hold = wallet.holds.get(content["call_ref"])
        if not hold or hold.state != "held" or wallet.available < 0:
            return False
        price = wallet.contract.match(content["call_type"], content["number"], content["started_at"])
        return price is not None and price.cost(content["duration_seconds"]) <= hold.amount

    @precondition(has_calls)
    @rule(place=PLACE, n=NTH)
    def report_again(self, place, n):
        ref = self.nth_call(place, n)
        if ref:
            self._report(place, dict(self.wallets[place].calls[ref].content))

    @precondition(has_calls)
    @rule(place=PLACE, n=NTH, data=st.data())
    def amend(self, place, n, data):
        wallet, ref = self.wallets[place], self.nth_call(place, n)
        call = wallet.calls.get(ref)
        if call is None:
            return
        self.wait(1)  # what is put right in one second is not told apart where no amount changed
        content = {"call_ref": ref, **call.facts}
        for name, values in (("call_type", TYPE), ("number", NUMBER), ("duration_seconds", SECONDS),
                             ("status", STATUS)):  # fmt: skip
            if data.draw(st.booleans(), name):
                content[name] = data.draw(values)
        sent = {**self.sent(wallet, content), "reason": "Put right"}
        self._compare_correction(wallet, content["call_ref"], "amend", sent, wallet.amend(content, self.clock))

    @precondition(has_calls)
    @rule(place=PLACE, n=NTH)
    def void(self, place, n):
        self.wait(1)
        wallet, ref = self.wallets[place], self.nth_call(place, n) or "a"
        sent = {"account": wallet.account, "call_ref": ref, "reason": "Never took place"}
        self._compare_correction(wallet, ref, "void", sent, wallet.void(ref, self.clock))

    def _compare_correction(self, wallet, ref, kind, sent, wanted):
        [result] = self.do(lambda env: getattr(env["call.usage"], f"{kind}_calls")([sent]))
        told = (result["result"], Decimal(result["difference"]) if "difference" in result else None)
        assert told == wanted, (result, wanted)
        if wanted[0] == "corrected":
            call = wallet.calls[ref]
            assert Decimal(result["total_cost"]) == call.cost, (result, call.cost)
            assert Decimal(result["billed_minutes"]) == call.minutes, (result, call.minutes)
            assert Decimal(result["balance_after"]) == wallet.balance or not wanted[1]

    @precondition(has_calls)
    @rule(place=PLACE, n=NTH)
    def delete_a_call(self, place, n):
        wallet, ref = self.wallets[place], self.nth_call(place, n)
        call = wallet.calls.get(ref)
        if call is None or call.is_deleted:
            return

        def work(env):
            env["call.usage"].search([("wallet_id", "=", wallet.id), ("call_ref", "=", ref)]).unlink()

        self.do(work)
        call.is_deleted = True

    # === PRICES === #

    @rule(place=PLACE, prefix=PREFIX, price=PRICE, ago=AGO, is_ahead=st.booleans())
    def change_a_price(self, place, prefix, price, ago, is_ahead):
        """From a moment on, another price holds."""
        wallet = self.wallets[place]
        moment = self.clock + ago if is_ahead else self.clock - ago
        last = max(
            (one for one in wallet.contract.prices if one.prefix == prefix and one.call_type == "live"),
            key=lambda one: one.start,
        )
        if moment <= last.start:
            return
        new = last._replace(price=Decimal(price), start=moment)

        def work(env):
            env["call.rate"].browse(last.id).valid_to = moment
            plan = env["call.wallet"].browse(wallet.id).rate_plan_id
            return env["call.rate"].create({"plan_id": plan.id, **to_rate(new)}).id

        new = new._replace(id=self.do(work))
        wallet.contract.prices.remove(last)
        wallet.contract.prices += [last._replace(end=moment), new]

    @rule(place=PLACE, price=PRICE, n=st.integers(0, 8))
    def mend_a_price(self, place, price, n):
        """A price was wrong all the time."""
        wallet = self.wallets[place]
        old = wallet.contract.prices[n]

        def work(env):
            env["call.rate"].browse(old.id).price_per_minute = Decimal(price)

        self.do(work)
        wallet.contract.prices[n] = old._replace(price=Decimal(price))

    @rule(place=PLACE)
    def rerate(self, place):
        wallet = self.wallets[place]
        self.wait(1)
        first, last = self.clock - timedelta(days=100), self.clock

        def work(env):
            rerate = env["call.usage.rerate"].create(
                {"reason": "Wrong price", "company_id": wallet.company, "wallet_ids": [(6, 0, [wallet.id])],
                 "date_from": first, "date_to": last}
            )  # fmt: skip
            return rerate.id

        rerate_id = self.do(work)
        for step in ("action_preview", "action_post"):
            self.do(lambda env, step=step: getattr(env["call.usage.rerate"].browse(rerate_id), step)())
        assert self.do(lambda env: env["call.usage.rerate"].browse(rerate_id).state) == "posted"
        wallet.rerate(first, last)

    # === REFUNDS === #

    @rule(place=PLACE, amount=st.sampled_from(("0.000001", "0.4", "1", "20")), times=st.sampled_from((1, 2)))
    def refund(self, place, amount, times):
        self._refund(place, Decimal(amount), None, times)

    @often(2, place=PLACE, n=NTH, part=st.sampled_from(("0.4", "1")), more=st.sampled_from(("0", "0", "0.000001", "1")))
    def refund_a_call(self, place, n, part, more):
        """A part of what a call has cost, all of it, or more than that."""
        wallet, ref = self.wallets[place], self.nth_call(place, n)
        call = wallet.calls.get(ref)
        amount = call and to_unit(wallet.refundable(call) * Decimal(part), MICRO, ROUND_DOWN) + Decimal(more)
        if amount and not call.is_deleted:
            self._refund(place, amount, ref, 1)

    def _refund(self, place, amount, ref, times):
        wallet, key = self.wallets[place], self.key()
        call = ref and wallet.calls[ref]

        def work(env):
            usage = ref and env["call.usage"].search([("wallet_id", "=", wallet.id), ("call_ref", "=", ref)]).id
            return env["call.wallet"].browse(wallet.id).refund(amount, "Bad line", usage, request_key=key).id

        given = {self.attempt(work) for _time in range(times)}
        is_allowed = not wallet.is_closed and not (call and amount > wallet.refundable(call))
        assert len(given) == 1 and (given != {None}) == is_allowed, (given, amount)
        if is_allowed:
            wallet.refund(amount, call)

    @rule(place=PLACE, amount=st.sampled_from(("0.25", "3")))
    def ask_for_a_refund(self, place, amount):
        wallet, amount = self.wallets[place], Decimal(amount)

        def work(env):
            asked = env["call.wallet"].browse(wallet.id).with_user(self.arena.world.finance)
            return asked.request_refund(amount, "Goodwill").id

        request = self.attempt(work)
        assert bool(request) == (not wallet.is_closed)
        if request:
            wallet.waiting[request] = amount

    @precondition(lambda self: any(wallet.waiting for wallet in self.wallets))
    @rule(is_approved=st.booleans())
    def decide_on_a_refund(self, is_approved):
        wallet = next(wallet for wallet in self.wallets if wallet.waiting)
        request, amount = wallet.waiting.popitem()

        def work(env):
            asked = env["call.wallet.refund.request"].browse(request).with_user(self.arena.world.manager)
            return asked.action_approve() if is_approved else asked.action_refuse("Not now")

        self.do(work)
        if is_approved:
            wallet.refund(amount)
        assert self.attempt(work) is None, "decided twice"

    # === INVARIANTS === #

    @invariant()
    def wallets_are_as_the_model_says(self):
        check_wallets(self)
