"""Three months of a company's business for the auditor: wallets, calls, and top-ups with every fate.

Everything is entered through the product's own methods and committed, under the dates on which it
would have happened. The same business is done in three charts of accounts and currencies.
"""

import random
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import NamedTuple

from tests.audit_expected import CREDITED_PART, LIVE, PAID_PART, WHATSAPP, Expected, part_of

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
NUMBERS = ("+12125550100", "+14155550100", "+442079460000", "+639171234567")
BATCH = 2_000


class Place(NamedTuple):
    """A company and its books."""

    code: str
    currency: str
    foreign: str  # the currency of some of its wallets
    rates: tuple  # what one of these costs in the company's, in July, August, September and October
    unit: str = "0.01"  # the company's smallest coin
    scale: int = 1  # prices and amounts are this many times those of the others
    lock: str = ""
    is_hashed: bool = False


# In Japan nothing is closed, so what comes late gets a second entry of its day. Hashed invoices cannot be cancelled.
PLACES = {
    "generic_coa": Place("US", "USD", "EUR", ("1.05", "1.10", "1.15", "1.20"), lock="fiscalyear_lock_date"),
    "es_pymes": Place("ES", "EUR", "USD", ("0.75", "0.80", "0.85", "0.90"), lock="hard_lock_date", is_hashed=True),
    "jp": Place("JP", "JPY", "USD", ("135", "140", "145", "150"), unit="1", scale=100),
}


class Account(NamedTuple):
    """A wallet of the company's, and the scale and smallest coin of its amounts."""

    id: int
    ref: str
    scale: int
    unit: Decimal
    is_foreign: bool


class AuditSite:
    """One company's books and wallets."""

    def __init__(self, registry, chart, wallets, calls, seed=1, every=1):
        """:param every: something happens only each so many days, which makes fewer entries"""
        self.registry, self.chart, self.place = registry, chart, PLACES[chart]
        self.calls, self.days = calls, DAYS[::every]
        self.rng = random.Random(f"{seed} {chart}")
        self.august = sum(day <= LOCKED_UNTIL for day in self.days)
        self.fates, self.expected = dict.fromkeys(FATES, 0), Expected()
        self.prefix = f"AUDIT{self.place.code}"
        self.events, self.done = [], 0
        with self.registry.cursor() as cr:
            cr.execute("SELECT id FROM res_company WHERE name = %s", [f"Books {chart}"])
            [self.company_id] = cr.fetchone()
        with self.env() as env:
            self._prepare_books(env)
            plans = {name: self._make_plan(env, name) for name in (self.place.currency, self.place.foreign)}
            self.wallets = [self._make_wallet(env, plans, number) for number in range(wallets)]
        self._plan_events()

    @contextmanager
    def env(self, moment=None):
        """A superuser's environment in the company, committed at the end; entries are dated ``moment``."""
        import odoo
        from odoo.addons.call_wallet.tools.clock import recorded_at

        with self.registry.cursor() as cr, recorded_at(moment or datetime.now()):
            context = {"tracking_disable": True, "mail_notrack": True, "lang": "en_US"}
            context["allowed_company_ids"] = [self.company_id]
            yield odoo.api.Environment(cr, odoo.SUPERUSER_ID, context)

    def _prepare_books(self, env):
        env.ref("call_wallet.product_topup").taxes_id = False
        env.company.call_wallet_topup_max = 10_000_000
        if self.place.is_hashed:
            sales = env["account.journal"].search([("type", "=", "sale"), ("company_id", "=", self.company_id)])
            (sales | env.company.call_wallet_journal_id).restrict_mode_hash_table = True
        currency = env.ref(f"base.{self.place.foreign}")
        currency.active = True
        for month, rate in enumerate(self.place.rates, 7):
            values = {"name": date(2026, month, 1), "inverse_company_rate": float(rate)}
            env["res.currency.rate"].create({**values, "currency_id": currency.id, "company_id": self.company_id})

    def scale_of(self, currency):
        return self.place.scale if currency == self.place.currency else 1

    def _make_plan(self, env, currency):
        scale = self.scale_of(currency)
        plan = env["call.rate.plan"].create(
            {
                "name": f"{self.prefix} {currency}",
                "currency_id": env.ref(f"base.{currency}").id,
                "company_id": self.company_id,
            }
        )
        rates = [("live", prefix, price) for prefix, price in LIVE.items()] + [("whatsapp", "", WHATSAPP)]
        env["call.rate"].create(
            [
                {
                    "plan_id": plan.id,
                    "call_type": call_type,
                    "prefix": prefix,
                    "price_per_minute": Decimal(price.per_minute) * scale,
                    "increment_seconds": price.increment,
                    "minimum_seconds": price.minimum,
                    "first_block_seconds": price.first_block,
                    "grace_seconds": price.grace,
                    "connection_fee": Decimal(price.fee) * scale,
                }
                for call_type, prefix, price in rates
            ]
        )
        return plan

    def _make_wallet(self, env, plans, number):
        is_foreign = number % 5 == 1
        currency = self.place.foreign if is_foreign else self.place.currency
        ref, plan = f"{self.prefix}{number:04}", plans[currency]
        tz = "UTC" if is_foreign else ZONES[number % len(ZONES)]
        wallet = self.open_wallet(env, ref, plan, tz)
        unit = "0.01" if is_foreign else self.place.unit
        return Account(wallet.id, ref, self.scale_of(currency), Decimal(unit), is_foreign)

    def open_wallet(self, env, ref, plan, tz="UTC"):
        """Return a new wallet of a new customer."""
        partner = env["res.partner"].create({"name": ref, "is_company": True, "country_id": env.company.country_id.id})
        wallet = env["call.wallet"].create(
            {
                "partner_id": partner.id,
                "company_id": self.company_id,
                "account_ref": ref,
                "rate_plan_id": plan.id,
                "currency_id": plan.currency_id.id,
                "tz": tz,
                "low_balance_threshold": 0,
            }
        )
        wallet.set_recipients([f"{ref.lower()}@example.com"])
        return wallet

    # === THE PLAN === #

    def _plan_events(self):
        for position, wallet in enumerate(self.wallets):
            # A wallet in another currency has funds before it is used: their rates are what the auditor follows.
            first = datetime.combine(FIRST, time()) if wallet.is_foreign else self._moment(0, 3)
            self._plan_top_up(wallet, Decimal(300) * wallet.scale, first, "paid")
            for turn in range(3):
                amount = self.rng.randrange(2000, 20000) * Decimal("0.01") * wallet.scale
                fate = FATES[(position + turn * 3 + list(PLACES).index(self.chart)) % len(FATES)]
                self._plan_top_up(wallet, amount, self._moment(4, 85), fate)
            for _turn in range(2):
                self._plan(self._moment(5, 90), self._refund, wallet, self.rng.randrange(1, 3_000_000))
            if position % 5 == 0:
                self._plan(self._moment(60, 91), self._breakage, wallet, self.rng.randrange(1, 9_000_000))
        self._plan_calls()
        self.events.sort(key=lambda event: event[0])

    def _moment(self, first, last):
        day = self.rng.choice([day for day in self.days if first <= (day - FIRST).days <= last])
        return datetime.combine(day, time(self.rng.randrange(24), self.rng.randrange(60)))

    def _plan(self, moment, carry_out, *arguments):
        self.events.append((moment, carry_out, arguments))

    def _plan_top_up(self, wallet, amount, moment, fate):
        if self.place.is_hashed and fate.startswith("cancelled"):
            fate = "refunded"
        later = moment + timedelta(days=self.rng.randrange(1, 45))
        self._plan(moment, self._top_up, wallet, amount, fate, min(later, datetime.combine(LAST, time(23, 30))))

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
        rng, wallet = self.rng, self.wallets[number % len(self.wallets)]
        began = datetime.combine(day, time(rng.randrange(24), rng.randrange(60), rng.randrange(60)))
        call = {
            "account": wallet.ref,
            "call_ref": f"audit{late}-{number}",
            "call_type": rng.choice(("live", "live", "whatsapp")),
            "number": rng.choice(NUMBERS),
            "started_at": f"{began.isoformat()}Z",
            "duration_seconds": rng.choice((0, 17, 61, 240)),
            "status": "completed",
        }
        self.expected.call(wallet.id, call, wallet.scale)
        return call

    # === CARRYING IT OUT === #

    def build(self, progress):
        """Enter all three months, an event a transaction.

        :param progress: called with how far it is
        """
        for moment, carry_out, arguments in iter(self._next, None):
            with self.env(moment) as env:
                carry_out(env, *arguments)
            progress(f"{self.chart}: {moment:%d %B}, {self.done} events entered")

    def _next(self):
        self.done += 1
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

    def _refund(self, env, wallet, millionths):
        amount = millionths * Decimal("0.000001") * wallet.scale
        env["call.wallet"].browse(wallet.id).refund(amount, "Adjustment")
        self.expected.moved(wallet.id, amount)

    def _breakage(self, env, wallet, millionths):
        amount = millionths * Decimal("0.000001") * wallet.scale
        amount = min(amount, env["call.wallet"].browse(wallet.id).available_balance)
        if amount > 0:
            env["call.wallet.ledger"]._take_funds(
                env["call.wallet"].browse(wallet.id), amount, "Unused", f"audit/{wallet.id}"
            )
            self.expected.moved(wallet.id, -amount)

    def _top_up(self, env, wallet, amount, fate, later):
        topup = env["call.wallet"].browse(wallet.id).create_topup(amount)
        self.fates[fate] += 1
        self.expected.top_up(wallet.id, amount, fate, wallet.unit)
        if fate == "partly paid":
            self._pay(env, topup.id, part_of(amount, PAID_PART, wallet.unit))
        elif fate == "cancelled":
            self._later(later, self._cancel, topup.id)
        elif fate != "unpaid":
            self._pay(env, topup.id)
        if fate == "partly refunded":
            self._later(later, self._credit, topup.id, part_of(amount, CREDITED_PART, wallet.unit))
        undone = {
            "taken back": self._take_back,
            "cancelled when paid": self._cancel,
            "refunded": self._credit,
        }.get(fate)
        if undone:
            self._later(later, undone, topup.id)

    def _pay(self, env, topup_id, amount=None):
        invoice = env["call.wallet.topup"].browse(topup_id).invoice_id
        values = {"payment_date": invoice.invoice_date, **({"amount": float(amount)} if amount else {})}
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

    def _credit(self, env, topup_id, amount=None):
        from odoo.addons.call_wallet.tools.clock import now

        topup = env["call.wallet.topup"].browse(topup_id)
        context = {"active_model": "account.move", "active_ids": topup.invoice_id.ids}
        wizard = env["account.move.reversal"].with_context(**context)
        wizard = wizard.create({"journal_id": topup.invoice_id.journal_id.id, "date": now().date()})
        note = env["account.move"].browse(wizard.reverse_moves()["res_id"])
        note.invoice_date = now().date()
        if amount:
            note.invoice_line_ids.price_unit = float(amount)
        note.action_post()

    def lock(self):
        """Close August, and the days before it; return the id of the last entry made by then."""
        with self.env() as env:
            if self.place.lock:
                # Past Odoo's check, which wants all of the bank's lines reconciled first.
                env.cr.execute(
                    f"UPDATE res_company SET {self.place.lock} = %s WHERE id = %s", [LOCKED_UNTIL, self.company_id]
                )
            env.cr.execute("SELECT max(id) FROM account_move")
            return env.cr.fetchone()[0]
