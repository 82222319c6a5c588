"""(5) For scale: debits through Odoo's own eWallet (``loyalty``), against ours."""

import statistics
import time

from common import (
    PLATFORM_LOGIN,
    Result,
    environment,
    interleave,
    make_calls,
    median_ratio,
    per_second,
    seeded,
)

TITLE = "Debits"
BATCH = 1000


def run(bench):
    platform = bench.platform
    with environment(platform.database) as theirs, environment(platform.database, PLATFORM_LOGIN) as ours:
        cards = _make_cards(theirs)
        one = _compare(bench, "one at a time, one wallet", bench.rounds(100, 30), 1, [
            _record(ours, platform.accounts[:1], "ewallet-one", 1),
            _debit_card(theirs, cards[:1]),
        ])  # fmt: skip
        bulk = _compare(bench, "1,000 in one transaction, 1,000 wallets", 1, BATCH, [
            _record(ours, platform.accounts, "ewallet-bulk", BATCH),
            _debit_cards(theirs, cards),
        ])  # fmt: skip
        drift = theirs["loyalty.card"].browse(cards.ids[0]).points
    bulk.details["points of the first eWallet card afterwards"] = repr(drift)
    return [one, bulk]


def _compare(bench, title, repeats, size, works):
    def arm(work):
        def measure():
            start = time.perf_counter()
            for _ in range(repeats):
                work()
            return repeats * size / (time.perf_counter() - start)

        return measure

    ours, baseline = interleave(bench.rounds(9, 3), *map(arm, works))
    return Result(
        5, f"{TITLE}, {title} / Odoo's eWallet", per_second(statistics.median(ours)),
        per_second(statistics.median(baseline)), median_ratio(ours, baseline), "", {},
    )  # fmt: skip


def _record(env, accounts, prefix, size):
    rng = seeded(prefix)
    numbers = iter(range(10**9))

    def work():
        calls = make_calls(accounts, size, f"{prefix}-{next(numbers)}", rng)
        [*results] = env["call.usage"].record_calls(calls)
        if {result["result"] for result in results} != {"charged"}:
            raise SystemExit(f"not all were charged: {results[:1]}")

    return work


# === ODOO'S OWN eWALLET === #


def _make_cards(env):
    program = env["loyalty.program"].create({"name": "eWallet", "program_type": "ewallet"})
    cards = (
        env["loyalty.card"]
        .with_context(action_no_send_mail=True, tracking_disable=True)
        .create(
            [
                {"program_id": program.id, "partner_id": partner.id, "points": 1_000_000.0}
                for partner in env["res.partner"].search([("name", "=like", "Customer %")], limit=BATCH)
            ]
        )
    )
    env.cr.commit()
    return cards


def _debit_card(env, cards):
    """One debit as its own wizard does it: history row, points down, commit."""

    def work():
        env.invalidate_all()
        card = env["loyalty.card"].browse(cards.ids[0])
        env["loyalty.card.update.balance"].create(
            {"card_id": card.id, "new_balance": card.points - 0.1, "description": "Call"}
        ).action_update_card_point()
        env.cr.commit()

    return work


def _debit_cards(env, cards):
    """Many at once; there is no method for it, so the two models in bulk, without tracking."""

    def work():
        env.invalidate_all()
        chosen = env["loyalty.card"].with_context(tracking_disable=True).browse(cards.ids)
        env["loyalty.history"].create(
            [{"card_id": card.id, "description": "Call", "used": 0.1, "issued": 0} for card in chosen]
        )
        for card in chosen:
            card.points -= 0.1
        env.cr.commit()

    return work
