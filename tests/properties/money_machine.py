"""The wallet's money from outside: top-ups, what becomes of their payments, credit notes, the books, the end."""

from datetime import timedelta
from decimal import ROUND_DOWN, Decimal

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from .checks import check_books
from .machine import AMOUNTS, NUMBERS, PART, PLACE, WalletMachine
from .model import Topup
from .often import often
from .price_model import ZERO, to_unit

WHICH = st.integers(0, 2)


class MoneyMachine(WalletMachine):
    """All of ``WalletMachine``, with accounting."""

    def fund(self, amount):
        self.top_up(0, amount)
        self.pay(0, 0, "1")

    def nth(self, place, n):
        """Return a wallet, and the id and the model of one of its top-ups, or None twice."""
        wallet = self.wallets[place]
        keys = sorted(wallet.topups)
        key = keys[n % len(keys)] if keys else None
        return wallet, key, wallet.topups.get(key)

    def look_at_everything(self):
        # With the days up to yesterday booked, a charge that is booked on another day than its call's shows.
        for place in range(len(self.wallets)):
            self.post(place, days_ago=1)
        super().look_at_everything()

    # === ORDERS AND PAYMENTS === #

    @rule(place=PLACE, amount=AMOUNTS, times=st.sampled_from((1, 1, 2)))
    def top_up(self, place, amount, times=1):
        wallet = self.wallets[place]
        amount, key = self.money(wallet, amount), self.key()

        def work(env):
            return env["call.wallet"].browse(wallet.id).create_topup(amount, request_key=key).id

        made = {self.attempt(work) for _time in range(times)}
        is_allowed = wallet.is_set_up and not wallet.is_closed
        assert len(made) == 1 and (made != {None}) == is_allowed, made
        if is_allowed:
            wallet.topups[made.pop()] = Topup(amount)

    @often(2, place=PLACE, n=WHICH, part=PART)
    def pay(self, place, n, part):
        wallet, key, topup = self.nth(place, n)
        if topup is None or topup.is_cancelled:
            return
        residual = self.do(lambda env: Decimal(repr(env["call.wallet.topup"].browse(key).invoice_id.amount_residual)))
        amount = to_unit(residual * Decimal(part), wallet.unit, ROUND_DOWN)
        if amount <= 0:
            return

        def work(env):
            invoice = env["call.wallet.topup"].browse(key).invoice_id
            wizard = env["account.payment.register"].with_context(active_model="account.move", active_ids=invoice.ids)
            return wizard.create({"amount": float(amount)})._create_payments().id

        topup.payments[self.do(work)] = [min(amount, residual), True]
        wallet.follow(topup)

    @rule(place=PLACE, n=WHICH, what=st.sampled_from(("draft", "post", "cancel", "reject", "unreconcile")))
    def move_a_payment(self, place, n, what):
        wallet, _key, topup = self.nth(place, n)
        counted = {"post": False}.get(what, True)
        found = [one for one, state in (topup.payments if topup else {}).items() if state_of(topup, one) == counted]
        if not found:
            return
        payment_id = max(found)

        def work(env):
            payment = env["account.payment"].browse(payment_id)
            if what == "unreconcile":
                lines = payment.move_id.line_ids
                lines.filtered(lambda line: line.account_id.account_type == "asset_receivable").remove_move_reconcile()
            elif what == "cancel":
                payment.action_draft()
                payment.action_cancel()
            else:
                getattr(payment, f"action_{what}")()

        self.do(work)
        if what in ("unreconcile", "cancel"):
            del topup.payments[payment_id]
        else:
            topup.payments[payment_id][1] = what == "post"
            topup.rejected |= {payment_id} if what == "reject" else set()
        wallet.follow(topup)

    @rule(place=PLACE, n=WHICH)
    def cancel_an_order(self, place, n):
        wallet, key, topup = self.nth(place, n)
        if topup is None or topup.payments or topup.noted:
            return
        self.do(lambda env: env["call.wallet.topup"].browse(key).cancel_order().ids)
        topup.is_cancelled = True

    @rule(place=PLACE, n=WHICH)
    def cancel_an_invoice(self, place, n):
        """An accountant cancels what may have been paid."""
        wallet, key, topup = self.nth(place, n)
        if topup is None or topup.is_cancelled or topup.noted or not topup.is_clean:
            return

        def work(env):
            invoice = env["call.wallet.topup"].browse(key).invoice_id
            invoice.button_draft()
            invoice.button_cancel()

        self.do(work)
        topup.is_cancelled = True
        topup.payments.clear()
        wallet.follow(topup)

    @often(2, place=PLACE, n=WHICH, part=st.sampled_from(("0.1", "0.5", "1")))
    def credit_a_part(self, place, n, part):
        """An accountant posts a credit note on the invoice."""
        wallet, key, topup = self.nth(place, n)
        amount = topup and to_unit(topup.left * Decimal(part), wallet.unit, ROUND_DOWN)
        if not amount:
            return

        def work(env):
            invoice = env["call.wallet.topup"].browse(key).invoice_id
            note = invoice._reverse_moves([{"invoice_date": invoice.invoice_date}])
            note.invoice_line_ids.price_unit = float(amount)
            note.action_post()

        self.do(work)
        topup.noted += amount
        topup.is_plain = False
        wallet.follow(topup)

    @often(3, place=PLACE, n=WHICH, part=st.sampled_from(("0.1", "0.5", "1", "1", "1.1")),
           times=st.sampled_from((1, 2)))  # fmt: skip
    def pay_back(self, place, n, part, times):
        wallet, key, topup = self.nth(place, n)
        amount = topup and to_unit(topup.credited * Decimal(part), wallet.unit, ROUND_DOWN)
        if not amount or not (topup.is_plain and topup.is_clean):
            return
        request_key = self.key()

        def work(env):
            return env["call.wallet.topup"].browse(key).pay_back(amount, "Fewer calls", request_key=request_key).id

        given = {self.attempt(work) for _time in range(times)}
        is_allowed = amount <= topup.credited and amount <= wallet.available
        assert len(given) == 1 and (given != {None}) == is_allowed, (given, amount, wallet.available)
        if is_allowed:
            wallet.pay_back(topup, amount)

    @often(2, place=PLACE, amount=AMOUNTS, part=st.sampled_from(("0.5", "1")))
    def pay_back_what_is_used(self, place, amount, part):
        """A top-up is paid, nearly all that is there goes into one long call, and it is asked for again."""
        wallet, before = self.wallets[place], set(self.wallets[place].topups)
        self.top_up(place, amount)
        made = set(wallet.topups) - before
        if not made:
            return
        n = sorted(wallet.topups).index(made.pop())
        self.pay(place, n, "1")
        seconds = min(int(wallet.available * 60), 80_000)
        if seconds > 0:
            ago = timedelta(seconds=seconds)
            self._report(place, self.content(self.key(), "live", NUMBERS[0], ago, seconds, "completed"))
        self.pay_back(place, n, part, 1)

    @rule()
    def sweep(self):
        """The scheduled action finds nothing that was missed."""
        self.do(lambda env: env["call.wallet.topup"]._cron_sync())

    # === BOOKS === #

    @often(3, place=PLACE, days_ago=st.sampled_from((0, 0, 1, 1, 30)))
    def post(self, place, days_ago):
        company = self.wallets[place].company
        last = (self.clock - timedelta(days=days_ago)).date()
        self.do(lambda env: env["call.wallet"].post_transactions(None, last, [company]).ids)
        for wallet in self.wallets:
            if wallet.company == company:
                wallet.post(last)

    @rule()
    def look_at_the_books(self):
        for wallet in self.wallets:
            check_books(self, wallet)

    # === THE END === #

    @precondition(lambda self: len(self.wallets[0].rows) > 3)
    @rule(place=PLACE)
    def close(self, place):
        wallet = self.wallets[place]

        def work(env):
            record = env["call.wallet"].with_context(active_test=False).browse(wallet.id)
            return record.close("Contract over", take_rest=True, write_off=True)

        is_closed = self.attempt(work)
        live = [hold for hold in wallet.holds.values() if hold.state == "held" and hold.expires >= self.clock]
        is_over = wallet.is_closed and not wallet.balance
        if live or wallet.waiting or is_over:
            assert not is_closed, "closed although something is going on"
        if not is_closed:
            unpaid = any(topup.credited < topup.left for topup in wallet.topups.values())
            odd = not all(topup.is_plain and topup.is_clean for topup in wallet.topups.values())
            assert live or wallet.waiting or is_over or unpaid or odd, "nothing keeps it from being closed"
            return
        wallet.expire(self.clock)
        wallet.close()
        assert wallet.balance == ZERO

    @rule(place=PLACE)
    def reopen(self, place):
        wallet = self.wallets[place]

        def work(env):
            return env["call.wallet"].with_context(active_test=False).browse(wallet.id).reopen()

        assert bool(self.attempt(work)) == wallet.is_closed
        wallet.is_closed = False


def state_of(topup, payment_id):
    """Return whether a payment counts; None where nothing can be done to it any more."""
    return None if payment_id in topup.rejected else topup.payments[payment_id][1]
