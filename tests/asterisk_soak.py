"""A thousand real calls of one wallet, fifty at once, until its funds are used up: both sides compared, call by call.

    make soak
    make soak ARGS="--calls 200 --at-once 20"
    make soak ARGS="--kills 10"                  the service and the wallet's server are killed in turn

Makes a database of its own and drops it.
"""

import argparse
import shutil
import statistics
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.asterisk_site import (
    ANSWERS,
    SECOND,
    a_site,
    all_reported,
    an_exchange,
    assert_agree,
    talks,
    usage,
    wallet,
)
from tests.audit import private_registry

ACCOUNT = "SOAK"
# What the service writes; it stays, to be looked at.
FOLDER = Path(__file__).resolve().parents[1] / "build/soak"
# How long callers talk; one kind talks until it is cut.
TALKS = (2.3, 4.3, 6.3, 8.3, 10.3)
# Of what all of them would cost: the last ones are cut or refused.
FUNDED = 0.9


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--at-once", type=int, default=50)
    parser.add_argument("--kills", type=int, default=0)
    options = parser.parse_args(arguments)
    shutil.rmtree(FOLDER, ignore_errors=True)
    with (
        private_registry() as registry,
        a_site(registry) as site,
        an_exchange(site, FOLDER, options={"hold_seconds": "5", "extend_before": "2"}) as line,
    ):
        figures = soak(site, line, options.calls // len(TALKS), options.at_once // len(TALKS), options.kills)
    for name, figure in figures.items():
        sys.stdout.write(f"{name:40}{figure}\n")
    return 0


def soak(site, line, calls_each, at_once_each, kills=0):
    """Place the calls, compare, and return what was measured."""
    funds = SECOND * round(FUNDED * calls_each * sum(seconds + 0.7 for seconds in TALKS))
    site.make_wallets(ACCOUNT, funds=str(funds))
    began = time.monotonic()
    waits = [line.begin([(ACCOUNT, ANSWERS)] * calls_each, seconds, at_once=at_once_each) for seconds in TALKS]
    for turn in range(kills):
        kill(site, line, turn)
    calls = [call for wait in waits for call in wait(3600)]
    lasted = time.monotonic() - began
    all_reported(line)
    reported = time.monotonic() - began - lasted

    assert len(calls) == calls_each * len(TALKS), "a telephone has lost calls"
    # While something is away, calls do not start.
    assert {call.status for call in calls} <= ({200, 403, 500} if kills else {200, 403}), Counter(
        call.status for call in calls
    )
    assert_agree(line, site, ACCOUNT)
    balance, held = wallet(site, ACCOUNT)
    assert balance >= 0 and held == 0, (balance, held)
    charged, said = usage(site, ACCOUNT), talks(line, ACCOUNT)
    longest = max(talk - charged[ref][0] for ref, talk in said.items())
    assert longest <= 1
    rang = sorted(call.rang_after for call in calls if call.rang_after is not None)
    return {
        "calls": len(calls),
        "answered": sum(call.status == 200 for call in calls),
        "cut": sum(call.was_cut for call in calls),
        "refused as something was away": sum(call.status == 500 for call in calls),
        "refused as the funds had ended": sum(call.status == 403 for call in calls),
        "seconds": round(lasted, 1),
        "calls per second": round(len(calls) / lasted, 1),
        "until all were reported, s": round(reported, 1),
        "from dialling to ringing, median, s": round(statistics.median(rang), 3),
        "from dialling to ringing, 99 %, s": round(rang[int(0.99 * len(rang))], 3),
        "longest talk beyond what was charged, s": round(longest, 3),
        "funds, charged, left": f"{funds}, {sum(cost for _, _, cost in charged.values())}, {balance}",
    }


def kill(site, line, turn):
    """Kill the service, or the wallet's server, and start it again after a while."""
    time.sleep(5)
    if turn % 2:
        site.server.kill()
        time.sleep(2)
        site.server.start()
    else:
        line.kill_service()
        time.sleep(2)
        line.start_service()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
