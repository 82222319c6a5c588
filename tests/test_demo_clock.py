"""The demo, told at other moments: the same calls, totals and cases, with dates of that day."""

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from .test_demo import cost_of, read

pytestmark = [pytest.mark.real_commits, pytest.mark.long]

SCRIPT = Path(__file__).with_name("demo_told.py")
# Years ahead, with how many days ago the last call was: the first hour of a Saturday, a month and a year; a Friday
# after the change of clocks in Europe and before that in New York; the evening of 29 February. Each is an installation
# of its own, of some minutes.
MOMENTS = {"2033-01-01T00:40:00": 1, "2031-10-31T12:00:00": 7, "2032-02-29T22:00:00": 2}


def tell_at(databases, moment):
    """Install the addon with its demo at ``moment``, and tell the rest; return what the script prints of it."""
    from bootstrap import clocks

    setting, moment = databases.setting, datetime.fromisoformat(moment).replace(tzinfo=UTC)
    prefix = os.environ.get("CALL_WALLET_TEST_DATABASE", f"cw_private_{os.getpid()}")
    name = f"{prefix}_told_{moment:%Y}"
    databases.clone(databases.base_template(), name, clocks.shift(moment))
    environment = {**setting.environment, **clocks.environment(moment)}
    environment["PYTHONPATH"] = os.pathsep.join([str(clocks.FOLDER), setting.environment["PYTHONPATH"]])
    install = ["-i", "call_wallet", "--with-demo", "--stop-after-init"]
    try:
        for arguments in (install, ["shell"]):
            command = setting.odoo_command(*arguments, "-d", name, "--no-http", "--log-level=error")
            with open(SCRIPT) as script:
                run = subprocess.run(
                    command, env=environment, stdin=script, capture_output=True, text=True, timeout=900
                )
            assert run.returncode == 0, run.stderr[-5000:]
        return json.loads(run.stdout.splitlines()[-1])
    finally:
        databases.drop(name)


def test_the_demo_is_the_same_whenever_it_is_made(databases):
    with ThreadPoolExecutor(2) as pool:
        told = dict(zip(MOMENTS, pool.map(lambda moment: tell_at(databases, moment), MOMENTS), strict=True))

    prices = {row["prefix"]: row for row in read("rates.csv")}
    costs = {(call["account"], call["call_ref"]): cost_of(call, prices) for call in read("calls.csv")}
    written = {
        account: {ref: str(cost) for (name, ref), cost in costs.items() if name == account}
        for account in ("ACME", "GLOBEX", "INITECH")
    }
    for moment, days in MOMENTS.items():
        found = told[moment]
        assert found["charged"] == written, moment
        last = date.fromisoformat(found["last_call"][:10])
        assert (date.fromisoformat(moment[:10]) - last).days == days, moment
        assert last - date.fromisoformat(found["first_call"][:10]) == timedelta(days=29), moment
        assert found["future"] == [] and found["unexplained"] == [] and found["invariants"] == [], moment
        assert found["empty_menus"] == [], moment
        assert found["states"] == {"ACME": "active", "GLOBEX": "active", "INITECH": "paused", "UMBRELLA": "not_set_up"}
        assert found["balances"] == {
            "WONKA": "546.16", "OSCORP": "150", "PIEDPIPER": "80", "DUFF": "-0.2", "IBERIA": "488.26",
            "SAKURA": "78390", "STARK": "65", "HOOLI": "250", "WAYNE": "300", "CYBERDYNE": "100",
        }, moment  # fmt: skip
