"""Sixteen clients on one small wallet over HTTP: who ends each call at what it was told never overspends it."""

import random
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from .client_package import Client, EndedCall
from .load_site import SEED, Site, no_retries, say
from .test_client import started_at

pytestmark = pytest.mark.real_commits

CLIENTS, CALLS = 16, 6
# A minute of a WhatsApp call costs 0.02 and of a live one to +1 415 0.0125.
PRICES = {"whatsapp": Decimal("0.02"), "live": Decimal("0.0125")}


def test_calls_that_end_when_they_were_told_never_overspend_a_wallet(private_registry, start_odoo):
    site = Site(private_registry)
    # Fifty minutes at 0.02, or eighty at 0.0125: fewer than the calls below would last.
    [wallet_id] = site.make_wallets("SMALL", funds="1.00")
    server = start_odoo(workers=3)
    say(f"seed {SEED}")

    def play(number):
        """Make calls one after another; return [(call type, seconds, result)] and the lowest balance that was seen."""
        chance, talked, seen = random.Random(f"{SEED} {number}"), [], []
        with Client(server.url, site.platform_key, site.registry.db_name) as client:
            for index in range(CALLS):
                call_type = chance.choice(sorted(PRICES))
                ref = f"told-{number}-{index}"
                told = client.authorize_call("SMALL", ref, call_type, "+14155550100", expected_seconds=60)
                seen.append(told.available)
                if not told.allowed:
                    assert told.code == "no_funds"
                    continue
                for total in range(120, 60 * chance.randint(2, 6), 60):
                    longest = told.max_seconds
                    told = client.extend_hold("SMALL", ref, total)
                    assert told.max_seconds >= longest
                    seen.append(told.available)
                ended = EndedCall(
                    account="SMALL", call_ref=ref, call_type=call_type, number="+14155550100",
                    started_at=started_at(), duration_seconds=told.max_seconds, status="completed",
                )  # fmt: skip
                [result] = client.record_calls([ended])
                assert result.result == "charged"
                talked.append((call_type, told.max_seconds, result))
                seen.append(result.balance_after)
        return talked, min(seen)

    with no_retries(server), ThreadPoolExecutor(CLIENTS) as pool:
        played = list(pool.map(play, range(CLIENTS)))

    talked = [call for calls, _lowest in played for call in calls]
    assert len({result.transaction for _type, _seconds, result in talked}) == len(talked) > CLIENTS
    for call_type, seconds, result in talked:
        assert result.total_cost == PRICES[call_type] * seconds / 60
    # Never below zero: not in an answer, and not in any row of the ledger.
    assert min(lowest for _calls, lowest in played) >= 0
    rows = site.select("SELECT balance_after::text FROM call_wallet_transaction WHERE wallet_id = %s", wallet_id)
    assert min(Decimal(balance) for [balance] in rows) >= 0
    cost = sum(PRICES[call_type] * seconds / 60 for call_type, seconds, _result in talked)
    [[balance, held]] = site.select(
        "SELECT balance::text, held_amount::text FROM call_wallet_balance WHERE wallet_id = %s", wallet_id
    )
    assert (Decimal(balance), Decimal(held)) == (Decimal("1.00") - cost, 0)
    # It was put to the test: less is left than a minute costs.
    assert Decimal(balance) < PRICES["whatsapp"]
    site.assert_sound()
