"""Providers send in any order, again, and to servers that die: each call is charged once, and nothing is lost."""

import base64
import json
import random
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from .load_site import SEED, Site, no_retries, say
from .test_sources import START

pytestmark = pytest.mark.real_commits

SENDERS, CALLS, KILLED_CALLS = 8, 30, 80
PRICE = Decimal("0.0125")  # a minute to +1 415


@pytest.fixture
def site(private_registry):
    site = Site(private_registry)
    ids = site.make_wallets("ALPHA", "BETA")
    with site.env() as env:
        lines = [(0, 0, {"key": f"trunk-{n}", "wallet_id": wallet_id}) for n, wallet_id in enumerate(ids)]
        source = env["call.source"].create({"name": "Exchange", "kind": "freeswitch", "line_ids": lines})
        site.path, site.secret, site.source_id = f"/call_wallet/source/{source.token}", source.secret, source.id
    return site


def record_of(number):
    """A record as FreeSWITCH posts it; the call lasted a second longer than the number says."""
    seconds = number + 1
    variables = {
        "uuid": f"once-{number}", "accountcode": f"trunk-{number % 2}", "direction": "outbound",
        "start_epoch": str(START), "answer_epoch": str(START + 9), "end_epoch": str(START + 9 + seconds),
        "billsec": str(seconds), "hangup_cause": "NORMAL_CLEARING",
    }  # fmt: skip
    return {"variables": variables, "callflow": [{"caller_profile": {"destination_number": "+14155550100"}}]}


def send(site, record):
    """Post a record; return the status, or None where the server has died over it."""
    credentials = base64.b64encode(f"wallet:{site.secret}".encode()).decode()
    request = urllib.request.Request(
        f"{site.server.url}{site.path}",
        json.dumps(record).encode(),
        {
            "Authorization": f"Basic {credentials}",
            "Content-Type": "application/json",
            "X-Odoo-Database": site.registry.db_name,
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def assert_charged_once(site, numbers):
    for wallet, account in enumerate(("ALPHA", "BETA")):
        charges = site.charges(account)
        assert charges.keys() == {f"once-{number}" for number in numbers if number % 2 == wallet}
        for ref, charge in charges.items():
            seconds = int(ref.partition("-")[2]) + 1
            assert [Decimal(cost) for cost, _id, _after in charge] == [PRICE * -(-seconds // 60)]
    site.assert_sound()


def test_the_same_calls_from_many_senders_at_once(site, start_odoo):
    site.server = start_odoo(workers=3)
    say(f"seed {SEED}")

    def play(number):
        numbers = list(range(CALLS))
        random.Random(f"{SEED} {number}").shuffle(numbers)
        return [send(site, record_of(number)) for number in numbers]

    with no_retries(site.server), ThreadPoolExecutor(SENDERS) as pool:
        statuses = [status for answers in pool.map(play, range(SENDERS)) for status in answers]
    assert set(statuses) == {200}
    assert_charged_once(site, range(CALLS))
    # Each body once, counted as often as it came.
    [[messages, times]] = site.select(
        "SELECT count(*), sum(count)::int FROM call_source_message WHERE source_id = %s", site.source_id
    )
    assert (messages, times) == (CALLS, CALLS * SENDERS)


def test_what_was_taken_is_charged_although_servers_are_killed(site, start_odoo):
    site.server = start_odoo(workers=2)
    taken = set()

    def play(number):
        for index in range(number, KILLED_CALLS, SENDERS):
            record, deadline = record_of(index), time.monotonic() + 60
            # Providers send again until they are answered.
            while send(site, record) != 200 and time.monotonic() < deadline:
                time.sleep(0.05)
            taken.add(index)

    def kill():
        for target in (KILLED_CALLS // 5, KILLED_CALLS // 2):
            deadline = time.monotonic() + 60
            while len(taken) < target and time.monotonic() < deadline:
                time.sleep(0.02)
            site.server.kill()
            site.server = start_odoo(workers=2)

    with ThreadPoolExecutor(SENDERS + 1) as pool:
        for future in [pool.submit(kill), *(pool.submit(play, number) for number in range(SENDERS))]:
            future.result()
    with site.env() as env:
        env["call.source.message"]._cron_process()
    assert taken == set(range(KILLED_CALLS))
    assert_charged_once(site, taken)
