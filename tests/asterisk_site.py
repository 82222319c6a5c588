"""An exchange whose calls are charged to the wallets of a site, and the comparison of its records with the ledger."""

import math
import os
import sys
import time
from contextlib import contextmanager
from decimal import Decimal

import pytest

from .conftest import REPO, OdooServer
from .load_site import Site, say

sys.path.insert(0, str(REPO / "scripts"))
try:
    from bootstrap import exchange, telephony
    from bootstrap.console import StepError
finally:
    sys.path.remove(str(REPO / "scripts"))

# A second of a call to +33 costs 0.001.
BY_SECOND = {"prefix": "33", "price_per_minute": "0.06", "increment_seconds": 1}
SECOND = Decimal("0.001")
ANSWERS, BUSY, RINGS, SLOW = "+33142685301", "+33242685302", "+33342685303", "+33442685304"
PATIENCE = 60


# Dialplans that others were billed wrongly with: a menu that answers, a Local channel, several telephones, a transfer.
MORE = """
exten => _+335.,1,Answer()
 same => n,Wait(2)
 same => n,Goto(+331${EXTEN:4},1)
exten => _+336.,1,Set(WALLET_ACCOUNT=${CALLERID(num)})
 same => n,Set(WALLET_NUMBER=${EXTEN})
 same => n,Gosub(call-wallet,ask,1)
 same => n,Dial(Local/${EXTEN}@carriers,20,U(call-wallet-answered^${WALLET_SECONDS}))
 same => n,Hangup()
exten => _+337.,1,Set(WALLET_ACCOUNT=${CALLERID(num)})
 same => n,Set(WALLET_NUMBER=${EXTEN})
 same => n,Gosub(call-wallet,ask,1)
 same => n,Set(BOTH=PJSIP/local/sip:${EXTEN}@127.0.0.1:${ANSWERS}&PJSIP/local/sip:${EXTEN}@127.0.0.1:${SLOW})
 same => n,Dial(${BOTH},20,gU(call-wallet-answered^${WALLET_SECONDS}))
 same => n,Wait(3)
 same => n,Hangup()

[carriers]
exten => _[+0-9].,1,Dial(PJSIP/local/sip:${EXTEN}@127.0.0.1:${ANSWERS},20)
"""


@contextmanager
def a_site(registry, crons=0):
    """Yield a served site whose contract has a price by the second."""
    site = Site(registry)
    with site.env() as env:
        env["call.rate"].create({"plan_id": site.plan_id, **BY_SECOND})
    site.server = OdooServer(registry.db_name, workers=3, crons=crons)
    try:
        site.server.start()
        yield site
    finally:
        site.server.kill()


def an_exchange(site, folder, **values):
    """Return an exchange for the wallets of a site, with the service's ``options`` and the ``dialplan``'s values."""
    try:
        programs = telephony.ensure()
    except StepError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no Asterisk here: {error}")
    return exchange.Exchange(
        programs, os.environ["CALL_WALLET_PYTHON"], folder,
        **{"url": site.server.url, "key": site.platform_key, "database": site.registry.db_name, **values},
    )  # fmt: skip


def wait_until(is_so, what, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def all_reported(exchanged):
    """Wait until the service has nothing in progress and nothing that waits to be recorded."""
    say(exchanged.log.read_text())
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
    return {
        ref: (seconds, status, Decimal(charges[ref][0][0] if ref in charges else 0)) for ref, seconds, status in rows
    }


def charged_seconds(site, account):
    return sorted(seconds for seconds, status, _cost in usage(site, account).values() if status == "completed")


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
