"""One wallet from its first day to its last, each step a request of its own: a fresh cursor, really committed."""

from decimal import Decimal

import pytest

from .doors_table import NUMBER, call, pay
from .real_commits import environment

pytestmark = pytest.mark.real_commits

MINUTE = Decimal("0.02")


class Life:
    """The wallet's requests: each sees only what those before it have committed."""

    def __init__(self, registry):
        self.registry, self.wallet_id = registry, None

    def request(self, work):
        """Carry ``work`` (a function of the wallet) out as one request; return what it returns."""
        from odoo.service.model import retrying

        with environment(self.registry) as env:
            wallet = env["call.wallet"].browse(self.wallet_id)
            return retrying(lambda: work(wallet), env)

    def funds(self):
        """Balance, what is available of it, and what is held."""
        return self.request(lambda wallet: (wallet.balance, wallet.available_balance, wallet.held_amount))

    def verdict(self, ref, seconds):
        return self.request(lambda wallet: wallet.authorize_call(wallet.account_ref, ref, "whatsapp", NUMBER, seconds))


@pytest.fixture
def life(shared_registry):
    life = Life(shared_registry)

    def begin(wallets):
        env = wallets.env
        plan = env["call.rate.plan"].create(
            {
                "name": "One life",
                "currency_id": env.ref("base.USD").id,
                "rate_ids": [(0, 0, {"call_type": "whatsapp", "prefix": "1", "price_per_minute": MINUTE})],
            }
        )
        partner = env["res.partner"].create({"name": "One Life", "is_company": True})
        values = {"partner_id": partner.id, "account_ref": "LIFE", "rate_plan_id": plan.id, "tz": "UTC"}
        return wallets.create({**values, "currency_id": plan.currency_id.id}).id

    life.wallet_id = life.request(begin)
    return life


def money(*amounts):
    return tuple(Decimal(amount) for amount in amounts)


def top_up(life):
    assert life.verdict("early", 60)["code"] == "not_set_up"
    assert life.request(lambda wallet: wallet.set_recipients(["Life@One.example"])) == ["life@one.example"]
    assert life.verdict("early", 60)["code"] == "no_funds"
    total, state = life.request(lambda w: (lambda t: (t.total_amount, t.state))(w.create_topup("100")))
    assert (total, state) == (100, "pending")
    assert life.funds() == money(0, 0, 0)
    life.request(lambda wallet: pay(wallet.topup_ids.invoice_id).ids)
    assert life.request(lambda wallet: (wallet.state, wallet.topup_ids.state)) == ("active", "paid")
    assert life.funds() == money(100, 100, 0)


def make_a_call(life):
    assert life.verdict("one", 600)["code"] == "ok"
    assert life.funds() == money(100, "99.80", "0.20")
    extended = life.request(lambda wallet: wallet.extend_hold(wallet.account_ref, "one", 600))
    assert extended["available"] == "99.600000"
    assert life.funds() == money(100, "99.60", "0.40")
    # 1,441 seconds are 25 minutes, five more than were held.
    reported = call("LIFE", "one", duration_seconds=1441)
    for result in ("charged", "duplicate"):
        [answer] = life.request(lambda wallet: wallet.env["call.usage"].record_calls([reported]))
        assert (answer["result"], answer["total_cost"], answer["billed_minutes"]) == (result, "0.500000", "25.000000")
    assert life.funds() == money("99.50", "99.50", 0)


def refund(life):
    def give(wallet):
        usage = wallet.env["call.usage"].search([("wallet_id", "=", wallet.id)])
        return wallet.refund("0.10", "Bad line", usage=usage.id, request_key="click").id

    assert life.request(give) == life.request(give)
    assert life.funds() == money("99.60", "99.60", 0)


def pause_and_resume(life):
    life.request(lambda wallet: wallet.action_pause("Numbers to be checked"))
    assert life.verdict("two", 60)["code"] == "paused"
    life.request(lambda wallet: wallet.action_resume())
    assert life.verdict("two", 60)["code"] == "ok"
    life.request(lambda wallet: wallet.release_hold(wallet.account_ref, "two"))
    assert life.funds() == money("99.60", "99.60", 0)


def post(life):
    def post_its_days(wallet):
        days = wallet.transaction_ids.mapped("day")
        wallet.post_transactions(min(days), max(days), wallet.company_id)
        # What was used, less what was refunded, which may be in an entry of its own: from the deposits to income.
        items = wallet.env["account.move.line"].search(
            [("call_wallet_id", "=", wallet.id), ("move_id.call_wallet_posting_id", "!=", False)]
        )
        deposit = items.filtered(lambda item: item.account_id == wallet.company_id.call_wallet_deposit_account_id)
        return round(sum(deposit.mapped("balance")), 2), round(sum(items.mapped("balance")), 2)

    assert life.request(post_its_days) == (0.40, 0)


def reconcile(life):
    def figures(wallet):
        last = max(wallet.transaction_ids.mapped("day"))
        [row] = [row for row in wallet.reconciliation(last, wallet.company_id) if row["wallet"] == wallet.id]
        return {name: Decimal(row[name]) for name in ("closing", "general_ledger", "not_posted", "unexplained")}

    return life.request(figures)


def pay_back(life):
    def give_back(wallet):
        note = wallet.topup_ids.pay_back("59.60", "Fewer campaigns", request_key="click")
        return note.id, note.state, note.amount_total

    assert life.request(give_back) == life.request(give_back)
    assert life.request(give_back)[1:] == ("posted", 59.60)
    assert life.funds() == money(40, 40, 0)


def close(life):
    life.request(lambda wallet: wallet.close("Contract over"))
    assert life.funds() == money(0, 0, 0)

    def documents(wallet):
        notes = wallet.topup_ids.invoice_id.reversal_move_ids
        return wallet.active, sorted(notes.mapped("amount_total")), wallet.topup_ids.credited_amount

    # What is left of the 100 is what was used, less what was refunded.
    assert life.request(documents) == (False, [40, 59.60], Decimal("0.40"))
    assert life.verdict("late", 60)["code"] == "closed"


def test_from_the_first_recipient_to_the_last_credit_note(life):
    for step in (top_up, make_a_call, refund, pause_and_resume, post):
        step(life)
    proof = {"closing": Decimal("99.60"), "general_ledger": Decimal("99.60"), "not_posted": 0, "unexplained": 0}
    assert reconcile(life) == proof
    pay_back(life)
    close(life)
    assert reconcile(life) == dict.fromkeys(proof, 0)
    moved = life.request(lambda wallet: [(row.type, row.amount) for row in wallet.transaction_ids.sorted("sequence")])
    assert moved == [
        ("balance_added", Decimal(100)),
        ("usage", Decimal("-0.50")),
        ("refund", Decimal("0.10")),
        ("reversal", Decimal("-59.60")),
        ("reversal", Decimal("-40")),
    ]
    assert life.request(lambda wallet: wallet.check_invariants()) == []
