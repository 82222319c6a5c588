"""An exchange whose calls are charged to the wallets of a site, and the comparison of its records with the ledger."""

import math
import os
import sys
import time
from decimal import Decimal

from .conftest import REPO

sys.path.insert(0, str(REPO / "scripts"))
try:
    from bootstrap import exchange, telephony
finally:
    sys.path.remove(str(REPO / "scripts"))

# A second of a call to +33 costs 0.001.
BY_SECOND = {"prefix": "33", "price_per_minute": "0.06", "increment_seconds": 1}
SECOND = Decimal("0.001")
ANSWERS, BUSY, RINGS = "+33142685301", "+33242685302", "+33342685303"
PATIENCE = 60


def an_exchange(site, folder, **values):
    """Return an exchange for the wallets of a site, with the service's ``options`` and the ``dialplan``'s values."""
    return exchange.Exchange(
        telephony.ensure(), os.environ["CALL_WALLET_PYTHON"], folder,
        **{"url": site.server.url, "key": site.platform_key, "database": site.registry.db_name, **values},
    )  # fmt: skip


def wait_until(is_so, what, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def all_reported(exchanged):
    """Wait until the service has nothing in progress and nothing that waits to be recorded."""
    spool = exchanged.folder / "state/spool"
    wait_until(
        lambda: not exchanged.in_progress() and not list(spool.glob("*.jsonl")),
        "calls are still in progress",
    )


def talks(exchanged, account):
    """Return {call reference: exact seconds of talk} of Asterisk's own records."""
    return {
        row["uniqueid"]: float(row["end"]) - float(row["answer"])
        for row in exchanged.records()
        if row["account"] == account and row["dstchannel"] and float(row["answer"] or 0) > 0
    }


def usage(site, account):
    """Return {call reference: (seconds, status, cost)} of the ledger; each call is there once, and charged once."""
    rows = site.select(
        "SELECT u.call_ref, u.duration_seconds, u.status"
        "  FROM call_usage u JOIN call_wallet w ON w.id = u.wallet_id WHERE w.account_ref = %s",
        account,
    )
    charges = site.charges(account)
    assert len({row[0] for row in rows}) == len(rows)
    assert all(len(entries) == 1 for entries in charges.values())
    return {ref: (seconds, status, Decimal(charges[ref][0][0] if ref in charges else 0)) for ref, seconds, status in rows}


def assert_agree(exchanged, site, account):
    """Asterisk's records and the ledger agree call by call, and each begun second is paid."""
    said = {ref: math.ceil(round(seconds, 3)) for ref, seconds in talks(exchanged, account).items()}
    calls = usage(site, account)
    assert {ref: seconds for ref, (seconds, status, _) in calls.items() if status == "completed"} == said
    assert all(cost == SECOND * seconds for seconds, _, cost in calls.values())
    site.assert_sound()


def wallet(site, account):
    """Return (balance, held) of an account."""
    with site.env() as env:
        found = env["call.wallet"].search([("account_ref", "=", account)])
        return Decimal(str(found.balance)), Decimal(str(found.held_amount))
