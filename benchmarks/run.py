"""The benchmarks: what the wallet does, each as a ratio against a baseline of the same minute.

    make bench                              all of them
    make bench ARGS="--only 1,3 --quick"    some of them, with fewer rounds
    make bench ARGS="--only 6 --ten-million"

Prints a table and writes build/bench.json. The database is made for it and dropped at the end.
"""

import argparse
import json
import os
import platform
import sys
import time

import authorize
import dashboard
import ewallet
import hot_wallet
import partitions
import posting
import prefixes
import settle
import usage_report
from common import BUILD, Databases, make_platform

BENCHMARKS = {
    1: settle,
    2: hot_wallet,
    3: authorize,
    4: prefixes,
    5: ewallet,
    6: dashboard,
    7: posting,
    8: usage_report,
    9: partitions,
}
# Is no comparison with another program, but with a layout that was not chosen.
ONLY_WHEN_ASKED_FOR = {9}


WALLETS = 1_000


class Bench:
    """What a benchmark needs: the options, and databases made when first asked for."""

    def __init__(self, options, databases):
        self.options = options
        self.databases = databases
        self._platform = self._pristine = None
        # Databases of one large wallet, by its number of transactions.
        self.wallets = {}

    @property
    def pristine(self):
        """A database with the addon and nothing in it, to clone from."""
        if not self._pristine:
            self._pristine = self.databases.installed("call_wallet", "loyalty")
        return self._pristine

    @property
    def platform(self):
        """A thousand funded wallets and an API key."""
        if not self._platform:
            self._platform = self.make_platform("calls", WALLETS)
        return self._platform

    def make_platform(self, name, wallets):
        """Make a platform of its own for one benchmark, in a database of this name."""
        return make_platform(self.databases.clone(name, self.pristine), wallets)

    def landed(self):
        """Make a thousand funded wallets with the version before this one; see ``Databases.landed``."""
        return self.databases.landed(WALLETS)

    def rounds(self, full, quick):
        return quick if self.options.quick else full

    def seconds(self, full, quick):
        """Return how long clients ask in one round."""
        return quick if self.options.quick else full


def main():
    options = parse_arguments()
    databases = Databases()
    results = []
    try:
        bench = Bench(options, databases)
        for number in options.only:
            module = BENCHMARKS[number]
            print(f"({number}) {module.TITLE} ...", flush=True)
            start = time.monotonic()
            found = module.run(bench)
            print(f"    {time.monotonic() - start:.0f} s", flush=True)
            results += found
    finally:
        databases.drop_all()
    print_table(results)
    write_json(options, results)
    return 0


def parse_arguments():
    parser = argparse.ArgumentParser(description="Benchmarks of Call Wallet")
    parser.add_argument(
        "--only",
        type=numbers,
        default=[number for number in BENCHMARKS if number not in ONLY_WHEN_ASKED_FOR],
        help="such as 1,3",
    )
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument(
        "--ten-million", action="store_true", help="open the dashboard at 10 million transactions as well"
    )
    return parser.parse_args()


def numbers(text):
    chosen = [int(part) for part in text.split(",")]
    unknown = [number for number in chosen if number not in BENCHMARKS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no benchmark {unknown[0]}; there are 1 to {len(BENCHMARKS)}")
    return chosen


# === OUTPUT === #


def print_table(results):
    rows = [("", "benchmark", "ours", "baseline", "ratio", "aim", "")]
    for result in results:
        verdict = {True: "met", False: "MISSED", None: "for scale"}[result.is_met]
        rows.append(
            (
                f"({result.number})", result.title, result.ours, result.baseline,
                f"{result.ratio:.2f}", result.aim, verdict,
            )
        )  # fmt: skip
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    print()
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print()
    for result in results:
        for name, value in result.details.items():
            print(f"({result.number}) {name}: {value}")


def write_json(options, results):
    BUILD.mkdir(parents=True, exist_ok=True)
    report = {
        "taken_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "quick": options.quick,
        "results": [{**result._asdict(), "ratio": round(result.ratio, 4), "met": result.is_met} for result in results],
    }
    path = BUILD / "bench.json"
    path.write_text(json.dumps(report, indent=2) + "\n")
    print(f"\nwritten: {path}")


if __name__ == "__main__":
    sys.exit(main())
