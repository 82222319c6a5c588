"""How the tests upgrade a database."""

import os
import subprocess

from ..conftest import REPO


def upgrade(database, name):
    """Run Odoo with `-u call_wallet` on a database; return its exit code and its log (build/logs/<name>.log)."""
    log = REPO / "build/logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [os.environ["CALL_WALLET_PYTHON"], os.environ["CALL_WALLET_ODOO_BIN"]]
    command += ["-c", os.environ["CALL_WALLET_CONFIG"], "-d", database, "-u", "call_wallet"]
    with open(log, "w") as output:
        code = subprocess.call(
            [*command, "--stop-after-init", "--no-http"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    return code, log.read_text(errors="replace")
