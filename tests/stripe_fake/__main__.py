"""Serve the fake until it is ended: ``python -m tests.stripe_fake --port 8420``."""

import argparse
import contextlib
import signal
import sys
from pathlib import Path

from .server import StripeFake


def main():
    parser = argparse.ArgumentParser(prog="stripe_fake", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--webhook", action="append", default=[], metavar="URL=SECRET[=API_VERSION]")
    parser.add_argument("--state", type=Path, help="a file that keeps customers and cards for the next start")
    options = parser.parse_args()
    fake = StripeFake(port=options.port, state=options.state)
    for webhook in options.webhook:
        fake.add_webhook(*webhook.split("="))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    sys.stdout.write(f"fake Stripe at {fake.url}\n")
    sys.stdout.flush()
    with contextlib.suppress(KeyboardInterrupt):
        fake.serve()


if __name__ == "__main__":
    main()
