"""Runs the service: ``python -m call_wallet_asterisk CONFIGURATION``."""

from __future__ import annotations

import asyncio
import configparser
import logging
import signal
import sys

from .config import read_config
from .service import Service


async def _run(path: str) -> None:
    service = Service(read_config(path))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with service:
        await stop.wait()


def main() -> int:
    """Read the configuration that is named, and work until a signal comes."""
    if len(sys.argv) != 2:
        sys.stderr.write("usage: call-wallet-asterisk CONFIGURATION\n")
        return 2
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        asyncio.run(_run(sys.argv[1]))
    except (OSError, ValueError, RuntimeError, configparser.Error) as error:
        # A setting, a port that is taken, or another service in the same folder: for a person to read.
        sys.stderr.write(f"call-wallet-asterisk: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
