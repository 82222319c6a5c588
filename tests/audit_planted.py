"""What is planted for the auditor: special cases of payments and books, with figures worked out by hand.

Each is a customer of its own in each company, in whole units of a currency, so that the figures are the same
in dollars, euros and yen. Ordered on 1 September, settled on the 10th, decided on the 20th.
"""

from datetime import date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import NamedTuple

from tests.audit_cards import Cards
from tests.audit_site import LAST

ORDERED, SETTLED, DECIDED = (datetime(2026, 9, day, 12) for day in (1, 10, 20))
BEFORE_SETTLED, BEFORE_DECIDED = date(2026, 9, 9), date(2026, 9, 19)
# 1,000 of the foreign currency are ordered in August and 400 of them used in October: what is left of them, and the
# revenue, at August's rate (IFRIC 22), and not at October's. 600 and 400 at 1.10, at 0.80, at 140.
FOREIGN = {"generic_coa": ("660", "440"), "es_pymes": ("480", "320"), "jp": ("84000", "56000")}


class Stand(NamedTuple):
    """How a wallet stands at the end of a day, in its currency; ``value`` and ``revenue`` in the company's."""

    wallet: int
    name: str
    day: date
    closing: str
    awaiting: str = "0"
    unfunded: str = "0"
    ledger: str = "0"  # the general ledger
    unexplained: str = "0"
    value: str = ""
    revenue: str = ""


class Planted:
    """Plants the cases in a company's books; ``stands`` says what must come of them."""

    def __init__(self, site):
        self.site, self.stands, self.wallets = site, [], {}
        for name in CASES:
            getattr(self, f"_{name}")()

    # === THE CASES === #

    def _bank_fee(self):
        """A line of 291 settles three invoices of 100, and 9 of fee are the seller's cost: 100 each."""
        from tests.setups.books import make_account
        from tests.setups.flow import match, receive

        topups = self._order("FEE", 100, 100, 100)
        with self._world(topups, SETTLED) as world:
            fees = world.company._call_wallet_fee_accounts() or make_account(world, "Bank fees", "expense", "629")
            world.company.call_wallet_fee_account_ids = fees[0]
            match(receive(world, "291"), world.topups.invoice_id, account=fees[0], amount="9")
        self._stand("FEE", BEFORE_SETTLED, closing=0, awaiting=300, ledger=300)
        self._stand("FEE", LAST, closing=300, ledger=300)

    def _withheld_tax(self):
        """121 with tax, of which 111 are paid and 10 withheld for the state: 100 net of tax."""
        from tests.setups import books

        with self.site.env(ORDERED) as env:
            world = SimpleNamespace(root=env, env=env, company=env.company)
            books.withheld(world)
            # A tax without an account of its own would stand on the deposits' account.
            taxes = env.ref("call_wallet.product_topup").taxes_id
            parts = taxes.invoice_repartition_line_ids.filtered(lambda part: part.repartition_type == "tax")
            parts.account_id = books.make_account(world, "Tax to pay", "liability_current", "477")
            wallet = self._open(env, "TAX")
            topup = wallet.create_topup(100)
            assert topup.invoice_id.amount_total == 121
            books.no_tax(world)
        with self._world([topup.id], SETTLED) as settled:
            world.root = world.env = settled.env
            world.pay(world, settled.topups)
        self._stand("TAX", BEFORE_SETTLED, closing=0, awaiting=100, ledger=100)
        self._stand("TAX", LAST, closing=100, ledger=100)

    def _written_off(self):
        """Three of 500 are written off as bad debt: one is left so, one released, one counted as received."""
        for name in ("LEFT", "RELEASED", "COUNTED"):
            topups = self._order(name, 500)
            with self._world(topups, SETTLED) as world:
                self._write_off(world, 500)
            with self._world(topups, DECIDED) as world:
                if name == "RELEASED":
                    world.topups.release_unfunded("Insolvent")
                elif name == "COUNTED":
                    world.topups.count_settlement("Set off against their bill")
            self._stand(name, BEFORE_SETTLED, closing=0, awaiting=500, ledger=500)
            self._stand(name, BEFORE_DECIDED, closing=0, unfunded=500, ledger=500)
        self._stand("LEFT", LAST, closing=0, unfunded=500, ledger=500)
        self._stand("RELEASED", LAST, closing=0)
        self._stand("COUNTED", LAST, closing=500, ledger=500)

    def _several(self):
        """One payment of 300 over three top-ups."""
        from tests.setups.flow import register

        topups = self._order("SEVERAL", 50, 100, 150)
        with self._world(topups, SETTLED) as world:
            payment = register(world, world.topups.invoice_id, group_payment=True)
            assert len(payment) == 1
        self._stand("SEVERAL", LAST, closing=300, ledger=300)

    def _note_pays(self):
        """100 are paid and credited; the credit note pays another 100."""
        from tests.setups.flow import register

        topups = self._order("NOTE", 100)
        with self._world(topups, SETTLED) as world:
            register(world, world.topups.invoice_id)
        with self._world(topups, DECIDED) as world:
            day = DECIDED.date()
            note = world.topups.invoice_id._reverse_moves([{"invoice_date": day, "date": day}])
            note.action_post()
            second = world.wallet.create_topup(100).invoice_id
            self._receivable(note | second).reconcile()
        self._stand("NOTE", BEFORE_DECIDED, closing=100, ledger=100)
        self._stand("NOTE", LAST, closing=100, ledger=100)

    def _by_hand(self):
        """An accountant's own entry of 50 on the deposit account: nothing explains it."""
        with self.site.env(SETTLED) as env:
            wallet = self._open(env, "HAND")
            self._enter(
                SimpleNamespace(env=env, company=env.company, partner=wallet.partner_id),
                env.company.call_wallet_deposit_account_id,
                env.company.call_wallet_adjustment_account_id,
                50,
            )
        self._stand("HAND", BEFORE_SETTLED, closing=0)
        self._stand("HAND", LAST, closing=0, ledger=50, unexplained=50)

    def _foreign(self):
        """1,000 of a foreign currency at one rate, of which a call at another rate uses 400: four minutes at 100."""
        from tests.setups.flow import register

        with self.site.env(datetime(2026, 8, 5, 12)) as env:
            currency = env.ref(f"base.{self.site.place.foreign}")
            plan = env["call.rate.plan"].create(
                {"name": "100 a minute", "currency_id": currency.id, "company_id": self.site.company_id}
            )
            env["call.rate"].create({"plan_id": plan.id, "prefix": "1", "price_per_minute": 100})
            wallet = self._open(env, "RATES", plan)
            topup = wallet.create_topup(1000)
            register(SimpleNamespace(env=env), topup.invoice_id)
        with self.site.env(datetime(2026, 10, 6, 12)) as env:
            call = {
                "account": f"PLANTED{self.site.place.code}RATES",
                "call_ref": "rates",
                "call_type": "live",
                "number": "+12125550100",
                "started_at": "2026-10-06T11:00:00Z",
                "duration_seconds": 240,
                "status": "completed",
            }
            [result] = env["call.usage"]._record_calls([call])
            assert result["result"] == "charged", result
        value, revenue = FOREIGN[self.site.chart]
        self._stand("RATES", LAST, closing=600, ledger=600, value=value, revenue=revenue)

    def _card_fees_and_payouts(self):
        """1,500 and 2,000 by card, of which 200 are paid back: the wallets have it whole, whatever Stripe keeps."""
        self.cards = Cards(self.site, self._open)
        self.cards.plant()
        self._stand("CARD", BEFORE_SETTLED, closing=0, awaiting=1500, ledger=1500)
        self._stand("CARD", LAST, closing=1500, ledger=1500)
        self._stand("BACK", BEFORE_DECIDED, closing=2000, ledger=2000)
        self._stand("BACK", LAST, closing=1800, ledger=1800)
        if "SHORT" in self.wallets:
            self._stand("SHORT", LAST, closing=100, ledger=100)

    # === HOW THEY ARE ENTERED === #

    def _open(self, env, name, plan=None):
        plan = plan or env["call.rate.plan"].search(
            [("name", "=", f"{self.site.prefix} {self.site.place.currency}")], limit=1
        )
        wallet = self.site.open_wallet(env, f"PLANTED{self.site.place.code}{name}", plan)
        self.wallets[name] = wallet.id
        return wallet

    def _order(self, name, *amounts):
        with self.site.env(ORDERED) as env:
            wallet = self._open(env, name)
            return [wallet.create_topup(amount).id for amount in amounts]

    def _world(self, topup_ids, moment):
        return _World(self.site, topup_ids, moment)

    def _write_off(self, world, amount):
        bad_debt = world.company.call_wallet_bad_debt_account_id
        receivable = self._receivable(world.topups.invoice_id).account_id
        entry = self._enter(world, receivable, bad_debt, amount)
        self._receivable(entry | world.topups.invoice_id).reconcile()

    def _enter(self, world, credited, debited, amount):
        """Post an accountant's own entry, with the customer on it."""
        from odoo import Command

        journals = world.env["account.journal"].search(
            [("type", "=", "general"), ("company_id", "=", self.site.company_id)]
        )
        journal = journals.filtered(lambda journal: journal.code == "MISC")[:1] or journals[:1]
        common = {"partner_id": world.partner.id, "name": "By hand"}
        lines = [{"account_id": credited.id, "credit": amount}, {"account_id": debited.id, "debit": amount}]
        entry = world.env["account.move"].create(
            {
                "move_type": "entry",
                "date": SETTLED.date(),
                "journal_id": journal.id,
                "line_ids": [Command.create({**common, **line}) for line in lines],
            }
        )
        entry.action_post()
        return entry

    def _receivable(self, moves):
        return moves.line_ids.filtered(
            lambda line: line.account_id.account_type == "asset_receivable" and not line.reconciled
        )

    def _stand(self, name, day, **figures):
        figures = {key: str(value) for key, value in figures.items()}
        self.stands.append(Stand(self.wallets[name], name, day, **figures))


class _World:
    """Some top-ups at a moment, with the names that the set-ups' ways to pay want."""

    def __init__(self, site, topup_ids, moment):
        self.topup_ids, self._context = topup_ids, site.env(moment)

    def __enter__(self):
        self.env = self.root = self._context.__enter__()
        self.company, self.currency = self.env.company, self.env.company.currency_id
        self.topups = self.env["call.wallet.topup"].browse(self.topup_ids)
        self.wallet, self.partner = self.topups.wallet_id, self.topups.wallet_id.partner_id
        return self

    def __exit__(self, *error):
        return self._context.__exit__(*error)


CASES = (
    "bank_fee",
    "withheld_tax",
    "written_off",
    "several",
    "note_pays",
    "by_hand",
    "foreign",
    "card_fees_and_payouts",
)


def problems_of(stand, row, books):
    """Return what is wrong with a planted wallet: by the product's reconciliation, and by the books themselves."""
    return [
        f"planted {stand.name} on {stand.day}: {name} is {found}, should be {should_be}"
        for name, found, should_be in _compared(stand, row, books)
        if found != Decimal(should_be)
    ]


def _compared(stand, row, books):
    names = {
        "closing": stand.closing,
        "awaiting_payment": stand.awaiting,
        "settled_without_funds": stand.unfunded,
        "general_ledger": stand.ledger,
        "unexplained": stand.unexplained,
    }
    for name, should_be in names.items():
        yield name, Decimal(row[name]), should_be
    closing, ledger, value, revenue = books.stand(stand.wallet, stand.day)
    yield "the wallet", closing, stand.closing
    yield "the deposit account", ledger, stand.ledger
    if stand.value:
        yield "the deposit account in the company's currency", value, stand.value
        yield "the revenue", revenue, stand.revenue
