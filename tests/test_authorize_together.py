"""Sixteen clients on one small wallet: calls that end when they were told to never overspend it."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from .real_commits import environment

pytestmark = pytest.mark.real_commits

CLIENTS, CALLS = 16, 6
NUMBER = "+14155550100"


@pytest.fixture
def wallet(private_registry):
    """A wallet of 2.00, which buys 100 minutes of WhatsApp calls at 0.02: fewer than the calls below would last."""
    with environment(private_registry) as env:
        partner = env["res.partner"].create({"name": "Sixteen Clients", "is_company": True})
        wallet = env["call.wallet"].create({"partner_id": partner.id, "account_ref": "SIXTEEN"})
        wallet.set_recipients(["sixteen@customer.example"])
        wallet.refund("2", "Opening credit")
        env.cr.commit()
        return wallet.id


def test_calls_that_end_at_max_seconds_never_overspend_a_wallet(private_registry, wallet):
    def client(number):
        """Make calls one after another: each is extended as often as it comes, and ends at what it was told last."""
        chance = random.Random(number)
        talked = []
        for index in range(CALLS):
            ref = f"client-{number}-{index}"
            with environment(private_registry) as env:
                wallets = env["call.wallet"]
                answer = wallets.authorize_call("SIXTEEN", ref, "whatsapp", NUMBER, expected_seconds=60)
                if not answer["allowed"]:
                    assert answer["code"] == "no_funds"
                    continue
                for total in range(120, 60 * chance.randint(2, 6), 60):
                    longest = answer["max_seconds"]
                    answer = wallets.extend_hold("SIXTEEN", ref, total_seconds=total)
                    assert answer["max_seconds"] >= longest
                talked.append(answer["max_seconds"])
                call = {
                    "account": "SIXTEEN",
                    "call_ref": ref,
                    "call_type": "whatsapp",
                    "number": NUMBER,
                    "started_at": "2026-10-01T10:00:00Z",
                    "duration_seconds": answer["max_seconds"],
                    "status": "completed",
                }
                [result] = env["call.usage"].record_calls([call])
                assert result["result"] == "charged"
        return talked

    with ThreadPoolExecutor(CLIENTS) as pool:
        talked = [seconds for calls in pool.map(client, range(CLIENTS)) for seconds in calls]

    with environment(private_registry) as env:
        rows = env["call.wallet.transaction"].search([("wallet_id", "=", wallet)])
        # Whole minutes at 0.02, from 2.00 down to nothing: all of it was used, and not a minute more.
        assert min(rows.mapped("balance_after")) == 0
        assert sum(talked) == 100 * 60
        assert env["call.wallet"].browse(wallet).held_amount == 0
        assert env["call.wallet"].browse(wallet).check_invariants() == []
