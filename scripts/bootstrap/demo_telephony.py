"""`make telephony`: real calls on this machine against the demo's wallets, told step by step."""

import contextlib
import itertools
import math
import os
import re
import shutil
import sys
import tempfile
import threading
import time

from . import demo, paths, telephony
from .console import StepError, hold, say, step
from .exchange import Exchange

# Who calls whom, for how many seconds, and what a caller's telephone is told in the end.
CUT = ("LASTCALL", "+442079460000", 40, 200)  # its funds last for fifteen seconds, once
CALLS = [
    ("ACME", "+27711234567", 18, 200),  # long enough to be extended
    ("INITECH", "+14155550100", 12, 403),  # paused: its funds are used up
    ("ACME", "+33242685302", 12, 486),  # engaged
    ("GLOBEX", "+442079460000", 6, 200),
]
LAST_CALL = paths.REPO / "scripts/demo_last_call.py"
PAUSE = 3
# Seconds before the end of what is held: half of the thirty that are held at least.
OPTIONS = {"extend_before": "15"}
# Of the service's log: the reference is always the same beginning.
LINE = re.compile(r"^\S+ \S+ (?:INFO|WARNING|ERROR) (exchange-[\d.]+): (.*)$")
WORDS = {"ringing": "it rings", "refused": "the caller gets SIP {}", "cut": "cut", "hungup": "the caller hangs up"}
REPORTED_WITHIN = 30


def run(setting, _arguments):
    """Place calls until Ctrl-C, or as many as CALLS says; return 0 when all were charged as Asterisk recorded them."""
    port, limit = int(os.environ.get("PORT") or 8069), int(os.environ.get("CALLS") or 0)
    demo.prepare_to_serve(port)
    demo.ensure(setting)
    with step("A wallet whose funds last for fifteen seconds"):
        demo.run_script(setting, LAST_CALL, "demo-last-call")
    programs = telephony.ensure()
    key = (paths.DEMO / "api_key").read_text().strip()
    address = f"http://localhost:{port}"
    folder = tempfile.mkdtemp(prefix="telephony")
    try:
        with (
            hold("telephony-demo"),
            demo.server(setting, port, "odoo-telephony", crons=1),
            Exchange(programs, setting.python, folder, address, key, None, OPTIONS) as exchange,
        ):
            say(
                f"\nAsterisk, two telephones and the wallet are connected.\n"
                f"  watch a wallet live   {address}/odoo/call-wallets   (LASTCALL, then ACME; finance / finance)\n"
                f"  calls in progress     {address}/odoo/call-wallet-holds\n"
                f"  the customer's view   {address}/my/billing          (owner.acme / owner.acme)\n"
                f"  the service's log     {exchange.log}\n"
                f"{'Ctrl-C ends it.' if not limit else ''}\n"
            )
            return _call(exchange, limit, address, key)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _call(exchange, limit, address, key):
    placed, wrong = 0, []
    teller = _Teller(exchange)
    turns = itertools.islice(itertools.chain([CUT], itertools.cycle(CALLS)), limit or None)
    with contextlib.suppress(KeyboardInterrupt), teller:
        for account, number, seconds, status in turns:
            if placed:
                time.sleep(PAUSE)
            placed += 1
            teller.say(f"call {placed}: {account} dials {number}")
            [seen] = exchange.place([(account, number)], seconds=seconds) or [None]
            if not seen or seen.status != status:
                wrong.append(f"call {placed} of {account} ended with SIP {seen and seen.status}, not {status}")
            _await_reported(exchange)
    say("\ncomparing Asterisk's records with the ledger")
    _await_reported(exchange)
    wrong += _differences(exchange, address, key)
    for line in wrong:
        say(f"    {line}")
    say(f"{placed} calls placed; {'each' if not wrong else 'NOT each'} stands in the wallet as Asterisk recorded it")
    return 1 if wrong else 0


def _await_reported(exchange):
    deadline = time.monotonic() + REPORTED_WITHIN
    spool = exchange.folder / "state/spool"
    while exchange.in_progress() or list(spool.glob("*.jsonl")):
        if time.monotonic() > deadline:
            raise StepError("a call was not reported", f"read {exchange.log}")
        time.sleep(0.1)


def _differences(exchange, address, key):
    """Return what the ledger has otherwise than Asterisk's own records."""
    sys.path.insert(0, str(paths.REPO / "clients/python"))
    try:
        from call_wallet_client import Client
    finally:
        sys.path.pop(0)
    found = []
    with Client(address, key) as client:
        for row in exchange.records():
            if not row["dstchannel"] or row["disposition"] != "ANSWERED":
                continue
            seconds = math.ceil(round(float(row["end"]) - float(row["answer"]), 3))
            [call] = client.get_calls(row["account"], [row["uniqueid"]])
            if call.duration_seconds != seconds or not call.total_cost:
                found.append(f"{row['uniqueid']}: {call.state}, {call.duration_seconds} s, Asterisk has {seconds} s")
    return found


class _Teller:
    """Says what the callers' telephones and the service write, as it comes."""

    def __init__(self, exchange):
        self._exchange, self._places, self._over = exchange, {}, threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_error):
        self._over.set()
        self._thread.join()
        self._look()

    def say(self, text):
        say(f"{time.strftime('%H:%M:%S')}  {text}")

    def _work(self):
        while not self._over.wait(0.1):
            self._look()

    def _look(self):
        for path in (self._exchange.log, *sorted(self._exchange.folder.glob("calls*.log"))):
            with open(path) as file:
                file.seek(self._places.get(path, 0))
                text = file.read()
            complete = text[: text.rfind("\n") + 1]
            self._places[path] = self._places.get(path, 0) + len(complete.encode())
            for line in complete.splitlines():
                told = self._of_service(line) if path == self._exchange.log else self._of_caller(line)
                if told:
                    self.say(f"    {told}")

    def _of_service(self, line):
        found = LINE.match(line)
        return f"[{found.group(1)}] {found.group(2)}" if found else None

    def _of_caller(self, line):
        what, _account, _number, status, *_others = line.split()
        return WORDS[what].format(status) if what in WORDS else None
