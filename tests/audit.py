"""The auditor's check: generated business in three companies, killed postings, both ledgers compared day by day.

    make audit                                   200 wallets, 100,000 calls
    make audit ARGS="--wallets 50 --calls 9000"

The same business in three charts of accounts and currencies, with special cases planted in each (see
``audit_planted.py``). Makes a database of its own and drops it.
"""

import argparse
import os
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.audit_books import Books
from tests.audit_planted import Planted, problems_of
from tests.audit_site import FIRST, LAST, LOCKED_UNTIL, PLACES, POSTED_UNTIL, AuditSite

POSTER = Path(__file__).with_name("audit_poster.py")
HEARTBEAT = 5  # seconds between two lines that say how far it is
# In each company one wallet is planted that differs, and one that is settled without funds.
DIFFERING, UNFUNDED = 1, 1


class Audit:
    """One audit from beginning to end; ``figures`` says what was done and how long it took."""

    def __init__(self, registry, wallets, calls, kills, seed=1, every=1, progress=None):
        """:param wallets: of all companies together, as are ``calls``"""
        self.registry, self.kills, self.seed = registry, kills, seed
        self.figures, self.progress = {}, progress or (lambda text: None)
        count = len(PLACES)
        self.sites = [
            AuditSite(registry, chart, -(-wallets // count), -(-calls // count), seed, every) for chart in PLACES
        ]
        for site in self.sites:
            self._timed("entering", lambda site=site: site.build(self.progress))
        self.planted = self._timed("planting", lambda: [self._plant(site) for site in self.sites])
        self.figures["killed"] = self._post(POSTED_UNTIL)
        self.last_before = {site.chart: site.lock() for site in self.sites}
        for site in self.sites:
            site.record_late(max(calls // count // 100, 31))
        self.figures["killed"] += self._post(LAST + timedelta(days=1))

    def _timed(self, name, step):
        began = time.monotonic()
        result = step()
        self.figures[f"{name}, s"] = round(self.figures.get(f"{name}, s", 0) + time.monotonic() - began, 1)
        return result

    def _plant(self, site):
        self.progress(f"{site.chart}: planting")
        return Planted(site)

    def _post(self, last):
        arguments = [self.registry.db_name, last, self.kills, self.seed, *(site.company_id for site in self.sites)]
        command = [os.environ["CALL_WALLET_PYTHON"], POSTER, *arguments]
        return self._timed("posting", lambda: self._run(list(map(str, command)), last))

    def _run(self, command, last):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while True:
            try:
                output, errors = process.communicate(timeout=HEARTBEAT)
                break
            except subprocess.TimeoutExpired:
                with self.registry.cursor() as cr:
                    cr.execute("SELECT count(*) FROM account_move WHERE call_wallet_day IS NOT NULL")
                    self.progress(f"posting until {last}: {cr.fetchone()[0]} entries")
        if process.returncode:
            raise RuntimeError(errors[-4000:])
        return int(output.split()[-1])

    # === THE CHECK === #

    def check(self):
        """Return what the auditor and the product's own reconciliation find wrong."""
        problems, total = [], Counter()
        for site, planted in zip(self.sites, self.planted, strict=True):
            problems += [f"{site.chart}: {problem}" for problem in self._check_site(site, planted, total)]
        self.figures |= total
        return problems + self._check_invariants()

    def _check_invariants(self):
        """The product's own check finds the entries that were planted, and nothing else."""
        with self.sites[0].env() as env:
            found = env["call.wallet"].check_invariants()
        planted = [line for line in found if line.startswith("accounting: PLANTED") and "HAND: unexplained 50" in line]
        if len(planted) != len(self.sites):
            found.append(f"of {len(self.sites)} entries by hand the nightly check shows {len(planted)}")
        return [line for line in found if line not in planted]

    def _check_site(self, site, planted, total):
        with self.registry.cursor() as cr:
            locked = LOCKED_UNTIL if site.place.lock else None
            books = Books(cr, site, locked, self.last_before[site.chart])
            self.progress(f"{site.chart}: auditing")
            problems = self._timed("auditing", lambda: list(books.check(FIRST, LAST)))
            total.update(
                {
                    "transactions": books.transactions,
                    "wallet days": len(books.balances),
                    "entries": len({move for used in books.used.values() for _day, move in used}),
                    "planted figures": len(planted.stands),
                    **{f"top-ups {fate}": count for fate, count in site.fates.items()},
                }
            )
            self.figures[f"booked on a later day, {site.chart}"] = books.moved_by_lock
            problems += self._timed("reconciling", lambda: self._reconciliation(site, books.balances))
            return problems + self._timed("reconciling", lambda: self._check_planted(site, planted, books))

    def _reconciliation(self, site, balances):
        """Compare the product's reconciliation with what the auditor found, day by day."""
        problems = []
        with site.env() as env:
            for day in sorted({*site.days, LAST}):
                self.progress(f"{site.chart}: reconciling {day}")
                for row in env["call.wallet"].reconciliation(day, site.company_id):
                    if (row["wallet"], day) not in balances:
                        continue  # planted, with figures of its own
                    names = ("closing", "general_ledger", "awaiting_payment")
                    figures = tuple(Decimal(row[name]) for name in names)
                    zero = [name for name in row if name.startswith(("unexplained", "settled_without_funds"))]
                    if figures != balances[row["wallet"], day] or any(Decimal(row[name]) for name in zero):
                        problems.append(f"reconciliation on {day}: {row}, should be {balances[row['wallet'], day]}")
            problems += self._check_hashes(env) if site.place.is_hashed else []
        return problems

    def _check_planted(self, site, planted, books):
        """What is planted is shown, to the cent and on the day; the verdict counts it, and nothing else."""
        problems = []
        with site.env() as env:
            rows = {
                (row["wallet"], day): row
                for day in {stand.day for stand in planted.stands}
                for row in env["call.wallet"].reconciliation(day, site.company_id)
            }
            for stand in planted.stands:
                problems += problems_of(stand, rows[stand.wallet, stand.day], books)
            problems += planted.cards.problems(env, books)
            screen = env["call.wallet"].reconciliation_screen(LAST, site.company_id)
            if (screen["differing"], screen["unfunded"]) != (DIFFERING, UNFUNDED):
                problems.append(f"the verdict counts {screen['differing']} and {screen['unfunded']}")
        return problems

    def _check_hashes(self, env):
        """Odoo's own check of the hashes, which is for accountants."""
        env.user.group_ids |= env.ref("account.group_account_user")
        results = env.company._check_hash_integrity()["results"]
        secured = {result["journal_name"].split(" (")[0] for result in results if result["status"] == "verified"}
        problems = [f"hashes: {result}" for result in results if result["status"] == "corrupted"]
        if env.company.call_wallet_journal_id.name not in secured:
            problems.append(f"hashes: no entry of the wallets is secured: {results}")
        return problems


class Progress:
    """Says now and then how far it is, on the error output."""

    def __init__(self):
        self.began = self.last = time.monotonic()

    def __call__(self, text):
        now = time.monotonic()
        if now - self.last >= HEARTBEAT:
            self.last = now
            sys.stderr.write(f"    {now - self.began:4.0f} s  {text}\n")
            sys.stderr.flush()


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, number in (("wallets", 200), ("calls", 100_000), ("kills", 10), ("seed", 1), ("every", 1)):
        parser.add_argument(f"--{name}", type=int, default=number)
    options = parser.parse_args(arguments)
    with private_registry() as registry:
        audit = Audit(registry, **vars(options), progress=Progress())
        problems = audit.check()
    for name, figure in audit.figures.items():
        sys.stdout.write(f"{name:40}{figure}\n")
    sys.stdout.write("\n".join([f"{'problems':40}{len(problems)}", *problems[:20], ""]))
    return bool(problems)


@contextmanager
def private_registry():
    """The registry of a database with a company in each chart of accounts, which is dropped at the end."""
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
