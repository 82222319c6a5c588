"""A stand-in for a calling platform: places calls at the demo's wallets as a real one would, through the public API.

    WALLET_KEY=$(cat build/demo/api_key) PYTHONPATH=clients/python python scripts/demo_calls.py http://localhost:8069

Each call is authorised, extended while it lasts, and recorded at its end, by `clients/python`. Nobody is really called.
It also receives the wallet's webhook (``--receiver``, with WALLET_WEBHOOK_SECRET). `make run` starts it; it ends with
SIGTERM, when calls in progress are hung up and recorded. The accounts of `calls.csv` are left as they are.
"""

import argparse
import contextlib
import http.server
import itertools
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "clients/python"))
from call_wallet_client import CallRefused, CallWalletError, Client, Recorder, verify_webhook

# Account, type, number, campaign, who calls. The first three have wallets in euros and yen; WAYNE is billed in blocks.
CALLERS = [
    ("IBERIA", "live", "+34912345678", "Sanidad – otoño", "lucia@iberia.example"),
    ("SAKURA", "live", "+819012345678", "Nurses Tokyo", "kenji@sakura.example"),
    ("WONKA", "live", "+498912345678", "Oompa", "charlie@wonka.example"),
    ("WAYNE", "live", "+13125550142", "Security – nights", "alfred@wayne.example"),
    ("HOOLI", "live", "+442079460123", "Engineers London", "gavin@hooli.example"),
    ("IBERIA", "whatsapp", "+34622345678", "Sanidad – otoño", "lucia@iberia.example"),
    ("IBERIA", "live", "+34612345678", "Logística Madrid", "diego@iberia.example"),
    ("HOOLI", "live", "+13125550142", "Engineers Chicago", "gavin@hooli.example"),
    ("SAKURA", "live", "+81312345678", "Nurses Tokyo", "kenji@sakura.example"),
    ("WONKA", "whatsapp", "+491712345678", "Oompa", "charlie@wonka.example"),
    # Refused: it has no funds; its contract has no price for London.
    ("DUFF", "live", "+13055550117", "Bar staff", "homer@duff.example"),
    ("SAKURA", "live", "+442079460123", "Nurses London", "kenji@sakura.example"),
]
# Seconds that are held at first: a longer call is extended.
HELD = 30
MOST_AT_ONCE = 6
NOT_ANSWERED = ["no_answer", "busy"]
MOST_BYTES = 1 << 20


class Platform:
    """Places calls one after another, each in a thread of its own, until it is told to stop."""

    def __init__(self, client, recorder, options):
        self._client, self._recorder, self._options = client, recorder, options
        self._random, self._over = random.Random(options.seed), threading.Event()
        self._places = threading.BoundedSemaphore(MOST_AT_ONCE)

    def stop(self, *_signal):
        self._over.set()

    def work(self):
        """Place the calls; return when all have ended."""
        # So that a call has one name for good, whichever run of this program has placed it.
        run, threads = f"live-{int(time.time())}", []
        for number in itertools.islice(itertools.count(), self._options.calls):
            if not self._has_place():
                break
            caller = CALLERS[number % len(CALLERS)]
            # Drawn here, so that a seed draws the same whatever the threads do.
            plan = (
                self._random.uniform(1, self._options.longest),
                self._random.random(),
                self._random.choice(NOT_ANSWERED),
            )
            thread = threading.Thread(target=self._call, args=(f"{run}-{number + 1}", caller, *plan))
            thread.start()
            threads = [*(thread for thread in threads if thread.is_alive()), thread]
            self._over.wait(self._random.uniform(0.5, 1.5) * self._options.pace)
        if self._options.calls == 0:
            self._over.wait()
        for thread in threads:
            thread.join()

    def _has_place(self):
        """Wait until another call may begin; return False when there is to be none."""
        while not self._over.is_set():
            if self._places.acquire(timeout=0.5):
                return True
        return False

    def _call(self, reference, caller, seconds, luck, otherwise):
        account, call_type, number, campaign, manager = caller
        over = threading.Event()
        try:
            with self._client.call(
                account, reference, call_type, number, expected_seconds=HELD, campaign=campaign, manager=manager,
                recorder=self._recorder, on_cut=lambda _call: over.set(),
            ) as call:  # fmt: skip
                self._over.wait(min(4, self._options.longest / 10))
                if luck < self._options.missed:
                    call.end(otherwise)
                    return
                call.start()
                ends_at = time.monotonic() + seconds
                while time.monotonic() < ends_at and not (over.is_set() or self._over.is_set()):
                    over.wait(0.2)
        except CallRefused as refused:
            say(f"{account} {number}: refused, {refused.authorization.message}")
        except (CallWalletError, OSError) as error:
            say(f"{account} {number}: {error}")
        finally:
            self._places.release()


class Receiver(http.server.BaseHTTPRequestHandler):
    """Takes the wallet's messages, once it is certain that the wallet has sent them."""

    secret = None
    timeout = 10

    def do_POST(self):
        status = 204
        try:
            length = min(int(self.headers.get("Content-Length") or 0), MOST_BYTES)
            event = verify_webhook(self.secret, dict(self.headers), self.rfile.read(length))
            say(f"told: {event.type} of {event.account}")
        except (CallWalletError, ValueError) as error:
            status = 400
            say(f"told what is not from the wallet: {error}")
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_arguments):
        """Nothing: ``do_POST`` has said it."""


def say(text):
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


def tell(call, result):
    cost = f", {result.total_cost}" if result.total_cost is not None else ""
    say(f"{call['account']} {call['number']}: {call['status']}, {call['duration_seconds']} s, {result.result}{cost}")


@contextlib.contextmanager
def receiver(port, secret):
    """Listen on this machine alone, where there is a secret to know the messages by."""
    if not (port and secret):
        yield
        return
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), type("Its", (Receiver,), {"secret": secret}))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def read_options(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("url", help="where Odoo is")
    parser.add_argument("--spool", default="build/demo/platform", help="folder of the calls that are not recorded yet")
    parser.add_argument("--receiver", type=int, default=0, help="port for the wallet's webhook; 0: none")
    parser.add_argument("--calls", type=int, default=None, help="how many calls, then it ends; 0: none at all")
    parser.add_argument("--pace", type=float, default=17, help="seconds between calls, on the average")
    parser.add_argument("--longest", type=float, default=150, help="seconds of the longest call")
    parser.add_argument("--missed", type=float, default=0.25, help="share of the calls that nobody answers")
    parser.add_argument("--seed", default=None)
    return parser.parse_args(arguments)


def main():
    options = read_options()
    with (
        receiver(options.receiver, os.environ.get("WALLET_WEBHOOK_SECRET")),
        Client(options.url, os.environ["WALLET_KEY"], os.environ.get("WALLET_DATABASE")) as client,
        Recorder(client, options.spool, on_answer=tell) as recorder,
    ):
        platform = Platform(client, recorder, options)
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, platform.stop)
        platform.work()


if __name__ == "__main__":
    main()
