"""The auditor's check: generated business, killed postings, and both ledgers compared day by day.

    make audit                                   200 wallets, 100,000 calls
    make audit ARGS="--wallets 50 --calls 9000"

Makes a database of its own and drops it.
"""

import argparse
import os
import subprocess
import sys
import time
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.audit_books import Books
from tests.audit_site import DAYS, FIRST, LAST, LOCKED_UNTIL, POSTED_UNTIL, AuditSite

POSTER = Path(__file__).with_name("audit_poster.py")


class Audit:
    """One audit from beginning to end; ``figures`` says what was done and how long it took."""

    def __init__(self, registry, wallets, calls, kills, seed=1, every=1):
        self.registry, self.kills, self.seed = registry, kills, seed
        self.figures = {}
        self.site = self._timed("entering", lambda: AuditSite(registry, wallets, calls, seed, every))
        self._timed("entering", self.site.build)
        self.figures["killed"] = self._post(POSTED_UNTIL)
        self.last_before = self.site.lock()
        self.site.record_late(max(calls // 100, 31))
        self.figures["killed"] += self._post(LAST + timedelta(days=1))

    def _timed(self, name, step):
        began = time.monotonic()
        result = step()
        self.figures[f"{name}, s"] = round(self.figures.get(f"{name}, s", 0) + time.monotonic() - began, 1)
        return result

    def _post(self, last):
        command = [os.environ["CALL_WALLET_PYTHON"], POSTER, self.registry.db_name, str(last), self.kills, self.seed]
        run = self._timed("posting", lambda: subprocess.run(list(map(str, command)), capture_output=True, text=True))
        if run.returncode:
            raise RuntimeError(run.stderr[-4000:])
        return int(run.stdout.split()[-1])

    def check(self):
        """Return what the auditor and the product's own reconciliation find wrong."""
        with self.registry.cursor() as cr:
            books = Books(cr, LOCKED_UNTIL, self.last_before)
            problems = self._timed("auditing", lambda: books.check(FIRST, LAST))
        self.figures |= {
            "transactions": books.transactions,
            "wallet days": len(books.balances),
            "moved by the lock date": books.moved_by_lock,
            "entries": len({move for used in books.used.values() for _day, move in used}),
            "top-ups": self.site.fates,
        }
        return problems + self._timed("reconciling", lambda: self._reconciliation(books.balances))

    def _reconciliation(self, balances):
        """Compare the product's reconciliation with what the auditor found, day by day."""
        problems = []
        with self.site.env() as env:
            for day in DAYS:
                for row in env["call.wallet"].reconciliation(day, self.site.company_id):
                    ours = (Decimal(row["closing"]), Decimal(row["general_ledger"]))
                    if Decimal(row["unexplained"]) or ours != balances.get((row["wallet"], day), ours):
                        problems.append(f"reconciliation on {day}: {row}")
            return problems + env["call.wallet"].check_invariants()


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, number in (("wallets", 200), ("calls", 100_000), ("kills", 10), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=number)
    options = parser.parse_args(arguments)
    with private_registry() as registry:
        audit = Audit(registry, options.wallets, options.calls, options.kills, options.seed)
        problems = audit.check()
    for name, figure in audit.figures.items():
        sys.stdout.write(f"{name:24}{figure}\n")
    sys.stdout.write("\n".join([f"{'problems':24}{len(problems)}", *problems[:20], ""]))
    return bool(problems)


def private_registry():
    """The registry of a database that is dropped at the end."""
    from contextlib import contextmanager

    @contextmanager
    def opened():
        sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
        import odoo
        from bootstrap.setting import Setting
        from odoo.modules.registry import Registry

        databases, name = Setting().databases, f"cw_audit_{os.getpid()}"
        odoo.tools.config.parse_config(["-c", os.environ["CALL_WALLET_CONFIG"], "-d", name, "--log-level=error"])
        databases.clone(os.environ["CALL_WALLET_TEMPLATE"], name)
        try:
            yield Registry(name)
        finally:
            odoo.sql_db.close_all()
            databases.drop(name)

    return opened()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
