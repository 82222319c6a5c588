"""Three months of business for the auditor: wallets, calls, and top-ups with every fate.

Everything is entered through the product's own methods and committed, under the dates on which it
would have happened.
"""

import random
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal

FIRST, LAST = date(2026, 8, 1), date(2026, 10, 31)
DAYS = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
# What was posted by then stands; what of August comes later falls on the first open day.
POSTED_UNTIL, LOCKED_UNTIL = date(2026, 8, 20), date(2026, 8, 31)
FATES = (
    "paid",
    "unpaid",
    "partly paid",
    "cancelled",
    "cancelled when paid",
    "taken back",
    "refunded",
    "partly refunded",
)
ZONES = ("UTC", "Asia/Singapore", "America/New_York")
PRICES = (("1", "0.0117"), ("1415", "0.012501"), ("44", "0.0391"), ("63", "0.123457"))
NUMBERS = ("+12125550100", "+14155550100", "+442079460000", "+639171234567")
BATCH = 2_000


class AuditSite:
    """The company's books and wallets in a database of their own."""

    def __init__(self, registry, wallets, calls, seed=1, every=1):
        """:param every: something happens only each so many days, which makes fewer entries"""
        self.registry, self.calls, self.days = registry, calls, DAYS[::every]
        self.rng = random.Random(seed)
        self.august = sum(day <= LOCKED_UNTIL for day in self.days)
        self.fates = dict.fromkeys(FATES, 0)
        self.events = []
        with self.env() as env:
            self.company_id = env.ref("base.main_company").id
            plans = {name: self._make_plan(env, name) for name in ("USD", "EUR")}
            self.wallets = [self._make_wallet(env, plans, number) for number in range(wallets)]
        self._plan_events()

    @contextmanager
    def env(self, moment=None):
        """A superuser's environment, committed at the end; entries are dated ``moment``."""
        import odoo
        from odoo.addons.call_wallet.tools.clock import recorded_at

        with self.registry.cursor() as cr, recorded_at(moment or datetime.now()):
            context = {"tracking_disable": True, "mail_notrack": True, "lang": "en_US"}
            yield odoo.api.Environment(cr, odoo.SUPERUSER_ID, context)

    def _make_plan(self, env, currency):
        currency = env.ref(f"base.{currency}")
        currency.active = True
        if currency != env.company.currency_id:
            for month in range(7, 11):
                rate = {"name": date(2026, month, 1), "rate": 0.8 + month / 100}
                env["res.currency.rate"].create({**rate, "currency_id": currency.id, "company_id": env.company.id})
        plan = env["call.rate.plan"].create({"name": f"Audit {currency.name}", "currency_id": currency.id})
        env["call.rate"].create(
            [{"plan_id": plan.id, "prefix": prefix, "price_per_minute": price} for prefix, price in PRICES]
        )
        return plan

    def _make_wallet(self, env, plans, number):
        plan = plans["EUR" if number % 10 == 3 else "USD"]
        account = f"AUDIT{number:04}"
        partner = env["res.partner"].create({"name": account, "is_company": True})
        wallet = env["call.wallet"].create(
            {
                "partner_id": partner.id,
                "account_ref": account,
                "rate_plan_id": plan.id,
                "currency_id": plan.currency_id.id,
                "tz": ZONES[number % len(ZONES)],
                "low_balance_threshold": 0,
            }
        )
        wallet.set_recipients([f"{account.lower()}@example.com"])
        return wallet.id, account

    # === THE PLAN === #

    def _plan_events(self):
        for position, (wallet_id, _account) in enumerate(self.wallets):
            self._plan_top_up(wallet_id, 300, self._moment(0, 3), "paid")
            for turn in range(3):
                fate = FATES[(position + turn * 3) % len(FATES)]
                amount = Decimal(self.rng.randrange(2000, 20000)) / 100
                self._plan_top_up(wallet_id, amount, self._moment(4, 85), fate)
            for _turn in range(2):
                self._plan(self._moment(5, 90), self._refund, wallet_id, self.rng.randrange(1, 3_000_000))
            if position % 5 == 0:
                self._plan(self._moment(60, 91), self._breakage, wallet_id, self.rng.randrange(1, 9_000_000))
        self._plan_calls()
        self.events.sort(key=lambda event: event[0])

    def _moment(self, first, last):
        day = self.rng.choice([day for day in self.days if first <= (day - FIRST).days <= last])
        return datetime.combine(day, time(self.rng.randrange(24), self.rng.randrange(60)))

    def _plan(self, moment, carry_out, *arguments):
        self.events.append((moment, carry_out, arguments))

    def _plan_top_up(self, wallet_id, amount, moment, fate):
        later = moment + timedelta(days=self.rng.randrange(1, 45))
        self._plan(moment, self._top_up, wallet_id, amount, fate, min(later, datetime.combine(LAST, time(23, 30))))

    def _plan_calls(self):
        per_day = self.calls // len(self.days) + 1
        number = 0
        for day in self.days:
            calls = []
            for _turn in range(min(per_day, self.calls - number)):
                calls.append(self._make_call(day, number))
                number += 1
            for start in range(0, len(calls), BATCH):
                self._plan(datetime.combine(day, time(23, 59)), self._record, calls[start : start + BATCH])

    def _make_call(self, day, number, late=""):
        rng = self.rng
        began = datetime.combine(day, time(rng.randrange(24), rng.randrange(60), rng.randrange(60)))
        return {
            "account": self.wallets[number % len(self.wallets)][1],
            "call_ref": f"audit{late}-{number}",
            "call_type": rng.choice(("live", "live", "whatsapp")),
            "number": rng.choice(NUMBERS),
            "started_at": f"{began.isoformat()}Z",
            "duration_seconds": rng.choice((0, 17, 61, 240)),
            "status": "completed",
        }

    # === CARRYING IT OUT === #

    def build(self):
        """Enter all three months, a day's events a transaction each."""
        for moment, carry_out, arguments in iter(self._next, None):
            with self.env(moment) as env:
                carry_out(env, *arguments)

    def _next(self):
        return self.events.pop(0) if self.events else None

    def _later(self, moment, carry_out, *arguments):
        self._plan(moment, carry_out, *arguments)
        self.events.sort(key=lambda event: event[0])

    def _record(self, env, calls):
        from odoo.addons.call_wallet.demo.story import end_of

        results = env["call.usage"]._record_calls(calls, date_of=end_of)
        assert all(result["result"] == "charged" for result in results), results[:3]

    def record_late(self, count):
        """Calls of August that are reported after it was closed."""
        calls = [self._make_call(self.days[number % self.august], number, late="-late") for number in range(count)]
        with self.env() as env:
            self._record(env, calls)

    def _refund(self, env, wallet_id, millionths):
        env["call.wallet"].browse(wallet_id).refund(Decimal(millionths) / 10**6, "Adjustment")

    def _breakage(self, env, wallet_id, millionths):
        wallet = env["call.wallet"].browse(wallet_id)
        amount = min(Decimal(millionths) / 10**6, wallet.available_balance)
        if amount > 0:
            env["call.wallet.ledger"]._take(wallet, amount, "Unused", f"audit/{wallet_id}")

    def _top_up(self, env, wallet_id, amount, fate, later):
        topup = env["call.wallet"].browse(wallet_id).create_topup(amount)
        self.fates[fate] += 1
        if fate == "partly paid":
            self._pay(env, topup.id, round(float(amount) * 0.37, 2))
        elif fate == "cancelled":
            self._later(later, self._cancel, topup.id)
        elif fate != "unpaid":
            self._pay(env, topup.id)
        undone = {
            "taken back": self._take_back,
            "cancelled when paid": self._cancel,
            "refunded": self._credit,
            "partly refunded": self._credit_a_part,
        }.get(fate)
        if undone:
            self._later(later, undone, topup.id)

    def _pay(self, env, topup_id, amount=None):
        invoice = env["call.wallet.topup"].browse(topup_id).invoice_id
        values = {"payment_date": invoice.invoice_date, **({"amount": amount} if amount else {})}
        env["account.payment.register"].with_context(active_model="account.move", active_ids=invoice.ids).create(
            values
        )._create_payments()

    def _take_back(self, env, topup_id):
        invoice = env["call.wallet.topup"].browse(topup_id).invoice_id
        invoice._get_reconciled_payments().action_draft()

    def _cancel(self, env, topup_id):
        invoice = env["call.wallet.topup"].browse(topup_id).invoice_id
        invoice.button_draft()
        invoice.button_cancel()

    def _credit(self, env, topup_id, share=1):
        from odoo.addons.call_wallet.tools.clock import now

        topup = env["call.wallet.topup"].browse(topup_id)
        context = {"active_model": "account.move", "active_ids": topup.invoice_id.ids}
        wizard = env["account.move.reversal"].with_context(**context)
        wizard = wizard.create({"journal_id": topup.invoice_id.journal_id.id, "date": now().date()})
        note = env["account.move"].browse(wizard.reverse_moves()["res_id"])
        note.invoice_date = now().date()
        if share != 1:
            note.invoice_line_ids.price_unit = round(float(topup.amount) * share, 2)
        note.action_post()

    def _credit_a_part(self, env, topup_id):
        self._credit(env, topup_id, 0.41)

    def lock(self):
        """Close August, and the days before it; return the id of the last entry made by then."""
        with self.env() as env:
            # Past Odoo's check, which wants the demo's bank statements reconciled first.
            env.cr.execute(
                "UPDATE res_company SET fiscalyear_lock_date = %s WHERE id = %s", [LOCKED_UNTIL, self.company_id]
            )
            env.cr.execute("SELECT max(id) FROM account_move")
            return env.cr.fetchone()[0]
